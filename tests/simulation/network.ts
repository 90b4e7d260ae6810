/**
 * A network between hosts that have addresses: the way to each host has a delay, a rate and a
 * queue, and faults that a seed decides. Nothing is kept of a packet but its bytes and where it
 * goes.
 */
import { readFarEnd, writeFarEnd } from '../../host-common/src/transfer/far-end.ts';
import type { VirtualClock } from './clock.ts';

/** What a way does; chances are of 10,000 packets. */
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

/** A link without its faults: what it costs in time is as it was. */
export function healthy(link: Link): Link {
  const { delayUs, rate, queueBytes, mtu } = link;
  return { ...PERFECT, delayUs, rate, queueBytes, mtu };
}

export interface Arrival {
  bytes: Uint8Array;
  /** Where it came from, as the receiver sees it. */
  from: Uint8Array;
}

/** What became of a packet. */
export type Fate =
  | 'sent'
  /** Sent, and held back. */
  | 'straggling'
  | 'lost'
  | 'burst'
  | 'queue full'
  | 'too large'
  | 'cut'
  /** Nobody is at the address. */
  | 'unreachable';

export interface Passage {
  fate: Fate;
  bytes: Uint8Array;
  from: Uint8Array;
  to: Uint8Array;
  /** When it and its copies arrive. */
  arrivalsUs: number[];
  /** Some of its bytes are others, are missing or have been added. */
  damaged: boolean;
}

/** The way to a host. */
interface Way {
  link: Link;
  /** When what is queued has left, and when a run of losses ends. */
  freeUs: number;
  burstEndUs: number;
}

interface Port {
  host: number;
  deliver: (arrival: Arrival) => void;
}

/** What a packet goes by, and the number of its sender. */
interface Route {
  way: Way;
  port: Port;
  source: number;
}

export interface NetworkCounts {
  sent: number;
  delivered: number;
  lost: number;
  bytes: number;
}

/** A far end with a number in place of an address: what the simulation calls its hosts. */
export function simulatedAddress(host: number, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(16);
  address.set([0xff, 0xff, 10, 0, host >> 8, host & 0xff], 10);
  return writeFarEnd({ address, port, handle: 0 });
}

/** An address as people write it. */
export function nameOfAddress(farEnd: Uint8Array): string {
  const { address, port } = readFarEnd(farEnd);
  return `${address.subarray(12).join('.')}:${port}`;
}

/** Whoever is no host of the network, as a forger. */
const NOBODY = -1;

export class Network {
  readonly counts: NetworkCounts = { sent: 0, delivered: 0, lost: 0, bytes: 0 };
  private readonly ports = new Map<string, Port>();
  private readonly ways = new Map<number, Way>();
  private readonly cuts = new Set<string>();
  private readonly parted = new Set<string>();
  private readonly clock: VirtualClock;
  private readonly random: (below: number) => number;
  /** Packets of each host that did not arrive as they were. */
  readonly lostFrom = new Map<number, number>();
  /** Called with each packet and what becomes of it. */
  watch: ((passage: Passage) => void) | undefined;

  constructor(clock: VirtualClock, random: (below: number) => number) {
    this.clock = clock;
    this.random = random;
  }

  /** Packets to `farEnd` are delivered to this host from now on. */
  attach(farEnd: Uint8Array, host: number, deliver: (arrival: Arrival) => void): void {
    this.ports.set(nameOfAddress(farEnd), { host, deliver });
  }

  /** Nobody is at this address any more; what is under way to it still arrives. */
  detach(farEnd: Uint8Array): void {
    this.ports.delete(nameOfAddress(farEnd));
  }

  /** The way to a host is of this kind from now on. */
  setLink(host: number, link: Link): void {
    const way = this.ways.get(host);
    if (way) way.link = link;
    else this.ways.set(host, { link, freeUs: 0, burstEndUs: 0 });
  }

  linkOf(host: number): Link {
    return this.ways.get(host)?.link ?? PERFECT;
  }

  /** Cuts the way from a host to another, or from all to it, or mends it. */
  cut(from: number | 'all', to: number, cut: boolean): void {
    if (cut) this.cuts.add(`${from}>${to}`);
    else this.cuts.delete(`${from}>${to}`);
  }

  /** Cuts all ways between two hosts, for good. */
  part(one: number, other: number): void {
    this.parted.add(`${one}>${other}`).add(`${other}>${one}`);
  }

  /** Mends all cuts that are not for good, and takes the faults from all links. */
  heal(): void {
    this.cuts.clear();
    for (const way of this.ways.values()) way.link = healthy(way.link);
  }

  send(packet: Uint8Array, from: Uint8Array, to: Uint8Array): void {
    this.counts.sent++;
    this.counts.bytes += packet.length;
    const port = this.ports.get(nameOfAddress(to));
    const way = port && this.ways.get(port.host);
    const source = this.ports.get(nameOfAddress(from))?.host ?? NOBODY;
    const fate = way ? this.fate(way, port, source, packet.length) : 'unreachable';
    const passage: Passage = { fate, bytes: packet, from, to, arrivalsUs: [], damaged: false };
    if (port && way && (fate === 'sent' || fate === 'straggling'))
      this.carry({ way, port, source }, passage);
    else this.lost(source);
    this.watch?.(passage);
  }

  private lost(source: number): void {
    this.counts.lost++;
    this.lostFrom.set(source, (this.lostFrom.get(source) ?? 0) + 1);
  }

  private carry({ way, port, source }: Route, passage: Passage): void {
    const { link } = way;
    const { nowUs } = this.clock;
    const { fate, from } = passage;
    const held = link.rate ? Math.ceil((passage.bytes.length * 1e6) / link.rate) : 0;
    way.freeUs = Math.max(way.freeUs, nowUs) + held;
    const slow = fate === 'straggling' ? 10 * link.delayUs : 0;
    const arrivalUs = way.freeUs + link.delayUs + this.below(link.jitterUs + 1) + slow;
    passage.damaged = this.happens(link.corrupt);
    if (passage.damaged) this.lost(source);
    const bytes = passage.damaged ? this.damage(passage.bytes) : passage.bytes.slice();
    this.deliverAt(arrivalUs, port, { bytes, from: from.slice() });
    passage.arrivalsUs.push(arrivalUs);
    if (!this.happens(link.duplicate)) return;
    const laterUs = arrivalUs + this.below(2 * link.delayUs + 1);
    this.deliverAt(laterUs, port, { bytes: bytes.slice(), from: from.slice() });
    passage.arrivalsUs.push(laterUs);
  }

  private deliverAt(timeUs: number, port: Port, arrival: Arrival): void {
    this.clock.at(timeUs, () => {
      this.counts.delivered++;
      port.deliver(arrival);
    });
  }

  private fate(way: Way, { host }: Port, source: number, length: number): Fate {
    const { link } = way;
    const queued = link.rate ? ((way.freeUs - this.clock.nowUs) * link.rate) / 1e6 : 0;
    const name = `${source}>${host}`;
    if (this.cuts.has(`all>${host}`) || this.cuts.has(name) || this.parted.has(name)) return 'cut';
    if (length > link.mtu) return 'too large';
    if (queued + length > link.queueBytes) return 'queue full';
    if (this.happens(link.burst)) way.burstEndUs = this.clock.nowUs + link.burstUs;
    if (this.clock.nowUs < way.burstEndUs) return 'burst';
    if (this.happens(link.loss)) return 'lost';
    return this.happens(link.straggle) ? 'straggling' : 'sent';
  }

  private below(bound: number): number {
    return bound > 1 ? this.random(bound) : 0;
  }

  private happens(chance: number): boolean {
    return chance > 0 && this.random(10000) < chance;
  }

  /** A bit turned, the end cut off, bytes added, or a stretch of zeros. */
  private damage(packet: Uint8Array): Uint8Array {
    const at = this.random(Math.max(1, packet.length));
    switch (this.random(5)) {
      case 0:
        return packet.slice(0, at);
      case 1: {
        const longer = new Uint8Array(packet.length + 1 + this.random(100));
        longer.set(packet);
        return longer.map((byte, i) => (i < packet.length ? byte : this.random(256)));
      }
      case 2:
        return packet.slice().fill(0, at, at + 1 + this.random(32));
      default: {
        const bytes = packet.slice();
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.random(8));
        return bytes;
      }
    }
  }
}
