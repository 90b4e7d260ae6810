/**
 * An endpoint of the simulation: an engine, an address, and the host's part around it. Packets that
 * arrive at one moment are taken together; whatever may have given the engine something to do is
 * followed by pump().
 */

import {
  PacketVerdict,
  TransferEventKind,
} from '../../host-common/src/engine/generated/transfer.ts';
import type {
  EngineTransfer,
  TransferEventOf,
} from '../../host-common/src/transfer/engine-transfer.ts';
import type { VirtualClock } from './clock.ts';
import type { Arrival, Link, Network } from './network.ts';

export interface EndpointParts {
  transfer: EngineTransfer;
  clock: VirtualClock;
  network: Network;
  random: (below: number) => number;
}

/** Batches that one pump sends at the most: more would be a loop without time passing. */
const BATCHES_MAX = 1000;

export class Endpoint {
  readonly transfer: EngineTransfer;
  address: Uint8Array<ArrayBuffer>;
  /** Packets that no session took. */
  unclaimed = 0;
  readonly verdicts = new Map<number, number>();
  onEvent: ((event: TransferEventOf) => void) | undefined;
  /** Called after events, before packets are asked for: whoever has data writes it. */
  onTurn: (() => void) | undefined;
  private readonly clock: VirtualClock;
  private readonly network: Network;
  private readonly random: (below: number) => number;
  private readonly arrivals: Arrival[] = [];
  private readonly keys = new Map<number, Uint8Array>();
  private wakeUs = Number.POSITIVE_INFINITY;
  private pumping = false;

  constructor(parts: EndpointParts, address: Uint8Array<ArrayBuffer>, link: Link) {
    this.transfer = parts.transfer;
    this.clock = parts.clock;
    this.network = parts.network;
    this.random = parts.random;
    this.address = address;
    this.attach(link);
  }

  private attach(link: Link): void {
    this.network.attach(this.address, link, (arrival) => {
      this.arrivals.push(arrival);
      if (this.arrivals.length === 1) this.clock.at(this.clock.nowUs, () => this.pump());
    });
  }

  /** From now on this endpoint has another address, as behind a NAT that forgot it. */
  rebind(address: Uint8Array<ArrayBuffer>, link: Link): void {
    this.network.detach(this.address);
    this.address = address;
    this.attach(link);
  }

  /** Does something later, and what follows from it. */
  later(us: number, action: () => void): void {
    this.clock.at(this.clock.nowUs + us, () => {
      action();
      this.pump();
    });
  }

  /** Takes what arrived, does what is due, tells, and sends until nothing more goes. */
  pump(): void {
    if (this.pumping) throw new Error('pump() from within pump()');
    this.pumping = true;
    this.takeArrivals();
    this.transfer.step();
    this.turn();
    for (let batches = 0; this.sendBatch(); batches++) {
      if (batches === BATCHES_MAX) throw new Error('the engine sends without end');
      this.turn();
    }
    this.turn();
    this.pumping = false;
    this.arm();
  }

  private takeArrivals(): void {
    while (this.arrivals.length > 0) {
      let arrival = this.arrivals[0];
      while (arrival && this.transfer.putReceived(arrival.bytes, arrival.from)) {
        this.arrivals.shift();
        arrival = this.arrivals[0];
      }
      const count = this.transfer.receive();
      for (let i = 0; i < count; i++) {
        const verdict = this.transfer.verdict(i);
        this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + 1);
        if (verdict === PacketVerdict.UNCLAIMED) this.unclaimed++;
      }
      this.turn();
    }
  }

  private turn(): void {
    this.transfer.drain((event) => this.take(event));
    this.onTurn?.();
  }

  private sendBatch(): boolean {
    const count = this.transfer.send();
    for (let i = 0; i < count; i++) {
      const { bytes, path } = this.transfer.sent(i);
      this.network.send(bytes, this.address, path);
    }
    return count > 0;
  }

  /** The engine's wake-up, unless one is set that is as early. */
  private arm(): void {
    const wakeUs = this.transfer.wakeUs();
    if (wakeUs >= this.wakeUs && this.wakeUs > this.clock.nowUs) return;
    if (wakeUs === Number.POSITIVE_INFINITY) return;
    this.wakeUs = Math.max(wakeUs, this.clock.nowUs + 1);
    const armed = this.wakeUs;
    this.clock.at(armed, () => {
      if (this.wakeUs === armed) this.wakeUs = Number.POSITIVE_INFINITY;
      this.pump();
    });
  }

  private take(event: TransferEventOf): void {
    if (event.kind === TransferEventKind.REKEY_KEY) {
      const key = Uint8Array.from({ length: 32 }, () => this.random(256));
      this.keys.set(event.session, key);
      this.transfer.rekeyKey(event.session, key);
    } else if (event.kind === TransferEventKind.REKEY_SECRET) {
      const own = this.keys.get(event.session) ?? new Uint8Array(32);
      const peer = event.bytes ?? new Uint8Array(32);
      // No Diffie-Hellman, but both come to the same, as the engine may expect.
      this.transfer.rekeySecret(
        event.session,
        own.map((byte, i) => byte ^ (peer[i] ?? 0)),
      );
    }
    this.onEvent?.(event);
  }
}
