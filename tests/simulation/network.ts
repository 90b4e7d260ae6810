/**
 * A network between endpoints that have addresses: each direction of each pair is a link with a
 * delay, a rate and a queue, and with faults that a seed decides. Nothing is kept of a packet but
 * its bytes and where it goes.
 */
import { readFarEnd, writeFarEnd } from '../../host-common/src/transfer/far-end.ts';
import type { VirtualClock } from './clock.ts';

/** What a link does; chances are of 10,000 packets. */
export interface Link {
  delayUs: number;
  /** Added to the delay, evenly from 0; more than the gap between packets reorders them. */
  jitterUs: number;
  /** Bytes a second; 0: without limit. */
  rate: number;
  /** Bytes that wait for the link at once, at the most. */
  queueBytes: number;
  loss: number;
  /** Chance that a run of losses begins, and how long it lasts. */
  burst: number;
  burstUs: number;
  duplicate: number;
  corrupt: number;
  /** A packet that is held back by ten delays. */
  straggle: number;
  /** A larger UDP payload is dropped without a word. */
  mtu: number;
}

export const PERFECT: Link = {
  delayUs: 20000,
  jitterUs: 0,
  rate: 0,
  queueBytes: 1 << 30,
  loss: 0,
  burst: 0,
  burstUs: 0,
  duplicate: 0,
  corrupt: 0,
  straggle: 0,
  mtu: 1472,
};

export interface Arrival {
  bytes: Uint8Array;
  /** Where it came from, as the receiver sees it. */
  from: Uint8Array;
}

interface Port {
  deliver: (arrival: Arrival) => void;
  link: Link;
  /** When what is queued has left, and when a run of losses ends. */
  freeUs: number;
  burstEndUs: number;
  cut: boolean;
}

export interface NetworkCounts {
  sent: number;
  delivered: number;
  lost: number;
  bytes: number;
}

/** A far end with a number in place of an address: what the simulation calls its endpoints. */
export function simulatedAddress(host: number, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address.set([0xff, 0xff, 10, 0, host >> 8, host & 0xff], 10);
  return writeFarEnd({ address, port, handle: 0 });
}

function keyOf(farEnd: Uint8Array): string {
  const { address, port } = readFarEnd(farEnd);
  return `${address.subarray(12).join('.')}:${port}`;
}

export class Network {
  readonly counts: NetworkCounts = { sent: 0, delivered: 0, lost: 0, bytes: 0 };
  private readonly ports = new Map<string, Port>();
  private readonly clock: VirtualClock;
  private readonly random: (below: number) => number;
  /** Called with each packet and what becomes of it. */
  watch: ((fate: string, bytes: Uint8Array, from: Uint8Array, to: Uint8Array) => void) | undefined;

  constructor(clock: VirtualClock, random: (below: number) => number) {
    this.clock = clock;
    this.random = random;
  }

  /** Packets to `farEnd` are delivered from now on, over a link of this kind. */
  attach(farEnd: Uint8Array, link: Link, deliver: (arrival: Arrival) => void): void {
    const port = { deliver, link, freeUs: 0, burstEndUs: 0, cut: false };
    this.ports.set(keyOf(farEnd), port);
  }

  detach(farEnd: Uint8Array): void {
    this.ports.delete(keyOf(farEnd));
  }

  /** Cuts the link to a far end, or mends it. */
  cut(farEnd: Uint8Array, cut: boolean): void {
    const port = this.ports.get(keyOf(farEnd));
    if (port) port.cut = cut;
  }

  setLink(farEnd: Uint8Array, link: Link): void {
    const port = this.ports.get(keyOf(farEnd));
    if (port) port.link = link;
  }

  send(packet: Uint8Array, from: Uint8Array, to: Uint8Array): void {
    this.counts.sent++;
    this.counts.bytes += packet.length;
    const port = this.ports.get(keyOf(to));
    const fate = port ? this.fate(port, packet.length) : 'unreachable';
    this.watch?.(fate, packet, from, to);
    if (!port || (fate !== 'sent' && fate !== 'straggling')) {
      this.counts.lost++;
      return;
    }
    const { link } = port;
    const { nowUs } = this.clock;
    const held = link.rate ? Math.ceil((packet.length * 1e6) / link.rate) : 0;
    port.freeUs = Math.max(port.freeUs, nowUs) + held;
    const slow = fate === 'straggling' ? 10 * link.delayUs : 0;
    const arrivalUs = port.freeUs + link.delayUs + this.below(link.jitterUs + 1) + slow;
    const bytes = packet.slice();
    if (this.happens(link.corrupt)) this.damage(bytes);
    const source = from.slice();
    this.clock.at(arrivalUs, () => this.deliver(port, { bytes, from: source }));
    if (!this.happens(link.duplicate)) return;
    const twin = bytes.slice();
    const laterUs = arrivalUs + this.below(2 * link.delayUs + 1);
    this.clock.at(laterUs, () => this.deliver(port, { bytes: twin, from: source }));
  }

  private deliver(port: Port, arrival: Arrival): void {
    this.counts.delivered++;
    port.deliver(arrival);
  }

  private fate(port: Port, length: number): string {
    const { link } = port;
    const queued = link.rate ? ((port.freeUs - this.clock.nowUs) * link.rate) / 1e6 : 0;
    if (port.cut) return 'cut';
    if (length > link.mtu) return 'too large';
    if (queued + length > link.queueBytes) return 'queue full';
    if (this.happens(link.burst)) port.burstEndUs = this.clock.nowUs + link.burstUs;
    if (this.clock.nowUs < port.burstEndUs) return 'burst';
    if (this.happens(link.loss)) return 'lost';
    return this.happens(link.straggle) ? 'straggling' : 'sent';
  }

  private below(bound: number): number {
    return bound > 1 ? this.random(bound) : 0;
  }

  private happens(chance: number): boolean {
    return chance > 0 && this.random(10000) < chance;
  }

  /** A bit turned, the end cut off, or bytes added. */
  private damage(bytes: Uint8Array): void {
    const at = this.random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.random(8));
  }
}
