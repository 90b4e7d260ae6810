/**
 * Who is no node of a run, and sends all the same: somebody who has seen packets and forges or
 * repeats them, callers of another version, and a peer that speaks only other versions.
 */
import {
  emitFirst,
  emitVersions,
  FIRST_BYTES,
  HandshakeKeys,
  MAC_BYTES,
  Marker,
  markerCid,
  parseVersions,
  VERSION,
} from '../../host-common/src/transfer/handshake-messages.ts';
import { type Network, nameOfAddress, type Passage, simulatedAddress } from './network.ts';
import type { Calling, SimulatedNode } from './node.ts';

/** Packets that have been seen and are remembered. */
const SEEN_MAX = 64;
const FORGER = 99;
const STRANGER = 100;
const FOREIGNER = 101;
const OTHER_VERSIONS = [2, 7];

interface Seen {
  bytes: Uint8Array;
  from: Uint8Array;
  to: Uint8Array;
}

/** A caller of another version: how often what it sent arrives, and how often it was answered. */
interface Stranger {
  asked: number;
  answers: number;
}

export class Outsiders {
  private readonly network: Network;
  private readonly random: (below: number) => number;
  private readonly seen: Seen[] = [];
  private readonly strangers = new Map<string, Stranger>();
  private newest = 0;
  private port = 0;
  /** What is being sent is a forgery or a repetition: no node has said it. */
  private isForged = false;

  constructor(network: Network, random: (below: number) => number) {
    this.network = network;
    this.random = random;
  }

  private bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random(256));
  }

  /** A packet passes; whoever repeats it later needs its own `bytes`. */
  see({ bytes, from, to, arrivalsUs }: Passage): void {
    this.judge(from, to, arrivalsUs.length);
    this.seen[this.newest++ % SEEN_MAX] = {
      bytes: bytes.slice(),
      from: from.slice(),
      to: to.slice(),
    };
  }

  /**
   * A node keeps nothing of a stranger, so it may answer each copy that arrives, repeated ones too,
   * and each once. Counted is what nodes send: copies that the network or a forger makes of an
   * answer are none of theirs.
   */
  private judge(from: Uint8Array, to: Uint8Array, arrivals: number): void {
    if (this.strangers.size === 0) return;
    const asking = this.strangers.get(nameOfAddress(from));
    if (asking) asking.asked += arrivals;
    const answered = this.strangers.get(nameOfAddress(to));
    if (!answered || this.isForged) return;
    if (++answered.answers > answered.asked)
      throw new Error('a stranger is answered again and again');
  }

  private sendForged(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): void {
    this.isForged = true;
    this.network.send(bytes, from, to);
    this.isForged = false;
  }

  /** Garbage, and nearly what has been seen, with a prefix that is right and any number. */
  forge(to: Uint8Array): void {
    for (let i = 0; i < 20; i++) {
      const seen = this.seen[this.random(Math.max(1, this.seen.length))];
      let bytes = this.bytes(this.random(52 + 200));
      if (seen && this.random(4))
        bytes.set(seen.bytes.subarray(0, Math.min(4 + this.random(4), bytes.length)));
      if (seen && this.random(4) === 0) {
        bytes = seen.bytes.slice();
        const at = this.random(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      }
      this.sendForged(bytes, simulatedAddress(FORGER, i), to);
    }
  }

  /** What has been seen once more, from where it came or from elsewhere. */
  replay(): void {
    for (let i = 0; i < 10 && this.seen.length; i++) {
      const { bytes, from, to } = this.seen[this.random(this.seen.length)] as Seen;
      this.sendForged(bytes, this.random(2) ? from : simulatedAddress(FORGER, i), to);
    }
  }

  /** A call in another version; the answer must say which there are, and no more than it cost. */
  stranger(node: SimulatedNode): void {
    const address = simulatedAddress(STRANGER, ++this.port);
    const keys = new HandshakeKeys(node.identity.noise.publicKey);
    const first = foreignFirst(keys, node, (length) => this.bytes(length));
    const mac = first.subarray(FIRST_BYTES - MAC_BYTES);
    this.network.setLink(STRANGER, { ...this.network.linkOf(node.endpoint.host) });
    this.strangers.set(nameOfAddress(address), { asked: 0, answers: 0 });
    this.network.attach(address, STRANGER, ({ bytes }) => {
      if (bytes.length > FIRST_BYTES + 100)
        throw new Error('a stranger was sent more than it cost');
      const versions = parseVersions(keys, bytes, mac);
      if (versions && !versions.includes(VERSION)) throw new Error('a version was left out');
    });
    this.network.send(first, address, node.endpoint.address);
  }

  /** A call to somebody who answers in other versions: it must fail for that, and at once. */
  foreigner(node: SimulatedNode, pretends: SimulatedNode): Calling {
    const address = simulatedAddress(FOREIGNER, ++this.port);
    const keys = new HandshakeKeys(pretends.identity.noise.publicKey);
    this.network.setLink(FOREIGNER, { ...this.network.linkOf(node.endpoint.host) });
    this.network.attach(address, FOREIGNER, ({ bytes, from }) => {
      if (!keys.isGenuine('1', bytes, FIRST_BYTES)) return;
      const mac = bytes.subarray(FIRST_BYTES - MAC_BYTES, FIRST_BYTES);
      this.network.send(emitVersions(keys, mac, OTHER_VERSIONS), address, from);
    });
    return node.call(pretends, address);
  }
}

/** A good message 1, but for its version. */
function foreignFirst(
  keys: HandshakeKeys,
  node: SimulatedNode,
  random: (length: number) => Uint8Array,
): Uint8Array {
  const first = emitFirst(keys, {
    cid: markerCid(Marker.FIRST),
    timestamp: Math.floor(node.now.wallUs),
    representative: random(32),
    random: random(28),
  });
  first[11] = OTHER_VERSIONS[0] ?? 0;
  const message = first.subarray(0, FIRST_BYTES - MAC_BYTES);
  first.set(keys.mac('1', message), FIRST_BYTES - MAC_BYTES);
  return first;
}
