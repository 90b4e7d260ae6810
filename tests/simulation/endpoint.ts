/**
 * The host's part around an engine of the simulation: a clock that may jump, an address, and what
 * TransferEndpoint does with packets, without its promises. Packets that arrive at one moment are
 * taken together; whatever may have given the engine something to do is followed by pump().
 */

import { PacketVerdict, PathField } from '../../host-common/src/engine/generated/transfer.ts';
import type { Datagram } from '../../host-common/src/transfer/datagram-transport.ts';
import type {
  EngineTransfer,
  PacketOut,
  TransferEventOf,
} from '../../host-common/src/transfer/engine-transfer.ts';
import type { VirtualClock } from './clock.ts';
import type { Network } from './network.ts';
import { WakeWatch } from './wake-watch.ts';

/** Who is asked about datagrams that may be no packet of a session (handshakes.ts). */
export interface Listener {
  receiveBefore(datagram: Datagram): boolean;
  receiveAfter(datagram: Datagram): void;
  /** What it has to send. */
  nextDatagram(): Datagram | undefined;
  readonly wakeUs: number;
  wake(): void;
}

export interface EndpointParts {
  /** Whose clock is nowUs() of this endpoint. */
  transfer: (clock: () => number) => EngineTransfer;
  clock: VirtualClock;
  network: Network;
  /** Its number in the network. */
  host: number;
  address: Uint8Array<ArrayBuffer>;
}

/** Batches that one pump sends at the most: more would be a loop without time passing. */
const BATCHES_MAX = 1000;
/** Datagrams that a host keeps for a process that sleeps. */
const BACKLOG_MAX = 256;

export class Endpoint {
  readonly transfer: EngineTransfer;
  readonly host: number;
  address: Uint8Array<ArrayBuffer>;
  listener: Listener | undefined;
  onEvent: ((event: TransferEventOf) => void) | undefined;
  /** Called with each packet of a session before it goes. */
  onPacket: ((packet: PacketOut) => void) | undefined;
  /** Called after events, before packets are asked for: whoever has data writes it. */
  onTurn: (() => void) | undefined;
  /** Its other addresses; whoever calls the first of them calls number 1, and so on. */
  private readonly others: Uint8Array[] = [];
  private readonly clock: VirtualClock;
  private readonly network: Network;
  private readonly arrivals: Datagram[] = [];
  private readonly wakes = new WakeWatch();
  /** What this host's clock is ahead of the true time by. */
  private aheadUs = 0;
  private sleepsUntilUs = 0;
  private armedUs = Number.POSITIVE_INFINITY;
  private pumping = false;
  private sent = 0;
  private told = 0;

  constructor({ transfer, clock, network, host, address }: EndpointParts) {
    this.clock = clock;
    this.network = network;
    this.host = host;
    this.address = address;
    this.transfer = transfer(() => this.nowUs);
    this.attach(address, 0);
  }

  /** The time that this host has. */
  get nowUs(): number {
    return this.clock.nowUs + this.aheadUs;
  }

  /** Its clock jumps, ahead or back; the true time goes on as it was. */
  jump(us: number): void {
    this.aheadUs += us;
    this.armedUs = Number.POSITIVE_INFINITY;
  }

  get isAsleep(): boolean {
    return this.clock.nowUs < this.sleepsUntilUs;
  }

  /** Does nothing for so long, as a process that was stopped or a laptop that was shut. */
  sleep(us: number): void {
    this.sleepsUntilUs = this.clock.nowUs + us;
    this.clock.at(this.sleepsUntilUs, () => this.pump());
  }

  private attach(address: Uint8Array, local: number): void {
    this.network.attach(address, this.host, ({ bytes, from }) => {
      if (this.arrivals.length >= BACKLOG_MAX) return;
      const farEnd = from.slice();
      farEnd[PathField.LOCAL] = local;
      this.arrivals.push({ bytes, farEnd });
      if (this.arrivals.length === 1) this.clock.at(this.clock.nowUs, () => this.pump());
    });
  }

  /** From now on this endpoint has another address, as behind a NAT that forgot it. */
  rebind(address: Uint8Array<ArrayBuffer>): void {
    this.network.detach(this.address);
    this.address = address;
    this.attach(address, 0);
  }

  /** Packets come to this address too, and are answered from there. */
  alsoAt(address: Uint8Array): void {
    this.others.push(address);
    this.attach(address, this.others.length);
  }

  /** Where a packet on this path leaves from. */
  sourceOf(path: Uint8Array): Uint8Array {
    return this.others[(path[PathField.LOCAL] ?? 0) - 1] ?? this.address;
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
    if (this.isAsleep) return;
    this.pumping = true;
    this.takeArrivals();
    this.transfer.step();
    this.turn();
    for (let batches = 0; this.sendBatch(); batches++) {
      if (batches === BATCHES_MAX) throw new Error('the engine sends without end');
      this.turn();
    }
    this.turn();
    this.sendListener();
    this.pumping = false;
    this.arm();
  }

  private takeArrivals(): void {
    let laid: Datagram[] = [];
    const flush = () => {
      const count = this.transfer.receive();
      for (let i = 0; i < count; i++) {
        const datagram = laid[i];
        if (!datagram || this.transfer.verdict(i) !== PacketVerdict.UNCLAIMED) continue;
        this.listener?.receiveAfter(datagram);
      }
      laid = [];
      this.turn();
    };
    for (const datagram of this.arrivals.splice(0)) {
      if (this.listener?.receiveBefore(datagram)) continue;
      if (!this.transfer.putReceived(datagram.bytes, datagram.farEnd)) {
        flush();
        if (!this.transfer.putReceived(datagram.bytes, datagram.farEnd)) continue;
      }
      laid.push(datagram);
    }
    if (laid.length) flush();
  }

  private turn(): void {
    this.transfer.drain((event) => {
      this.told++;
      this.onEvent?.(event);
    });
    this.onTurn?.();
  }

  private sendBatch(): boolean {
    this.sendListener();
    const count = this.transfer.send();
    for (let i = 0; i < count; i++) {
      const packet = this.transfer.sent(i);
      this.onPacket?.(packet);
      this.network.send(packet.bytes, this.sourceOf(packet.path), packet.path);
    }
    this.sent += count;
    return count > 0;
  }

  private sendListener(): void {
    for (;;) {
      const datagram = this.listener?.nextDatagram();
      if (!datagram) return;
      this.network.send(datagram.bytes, this.address, datagram.farEnd);
      this.sent++;
    }
  }

  /** One alarm, for the earliest wake-up; one that was set for another time is cancelled. */
  private arm(): void {
    const wakeUs = Math.min(
      this.transfer.wakeUs(),
      this.listener?.wakeUs ?? Number.POSITIVE_INFINITY,
    );
    this.wakes.look(this.nowUs, wakeUs, this.sent + this.told);
    const trueUs = Math.max(wakeUs - this.aheadUs, this.clock.nowUs + 1);
    if (trueUs === this.armedUs) return;
    this.armedUs = trueUs;
    if (trueUs === Number.POSITIVE_INFINITY) return;
    this.clock.at(trueUs, () => {
      if (this.armedUs !== trueUs) return;
      this.armedUs = Number.POSITIVE_INFINITY;
      if (this.isAsleep) return;
      this.wakes.woken();
      if (this.listener && this.listener.wakeUs <= this.nowUs) this.listener.wake();
      this.pump();
    });
  }
}
