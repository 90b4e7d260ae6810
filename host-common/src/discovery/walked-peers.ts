/**
 * Whom a walk of Kademlia was told of. js-libp2p's walk goes on with those alone that are closer to
 * the key than whoever told of them, so that of a small or young network it meets a few; the others
 * are given afterwards. Liars may tell of anybody: each who tells has the same share.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { Libp2p } from 'libp2p';
import { compareBytes } from '../transfer/byte-strings.ts';
import type { DhtPeer } from './dht-network.ts';

export type PeerId = Libp2p['peerId'];

export interface FoundPeer extends DhtPeer {
  id: PeerId;
}

/** Of one answer that are looked at: an honest one has 20. */
const OF_ONE_MAX = 20;
/** That are given afterwards. */
const LEFT_MAX = 64;
/** Of all answers that are remembered. */
const TOLD_MAX = 1024;

export function foundPeer(id: PeerId): FoundPeer {
  return { id, name: id.toString(), kadId: kadIdOf(id) };
}

export function kadIdOf(peer: PeerId): Uint8Array {
  return sha256(peer.toMultihash().bytes);
}

/** As Kademlia has it: the bits that are not the same. */
export function distance(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, i) => byte ^ (other[i] ?? 0));
}

/** Those that are closest to a goal first. */
export function closestFirst<Peer extends DhtPeer>(
  peers: Iterable<Peer>,
  goal: Uint8Array,
): Peer[] {
  return [...peers].sort((one, other) =>
    compareBytes(distance(one.kadId, goal), distance(other.kadId, goal)),
  );
}

export class WalkedPeers {
  readonly #goal: Uint8Array;
  readonly #done = new Set<string>();
  /** How many whoever told of a peer has told of that are closer; the least of all. */
  readonly #rankOf = new Map<string, { peer: FoundPeer; rank: number }>();

  constructor(own: PeerId, goal: Uint8Array) {
    this.#goal = goal;
    this.#done.add(own.toString());
  }

  /** It has answered, or does not answer. */
  done(peer: PeerId): void {
    this.#done.add(peer.toString());
  }

  told(peers: readonly PeerId[]): void {
    const some = closestFirst(peers.slice(0, OF_ONE_MAX).map(foundPeer), this.#goal);
    for (const [rank, peer] of some.entries()) {
      const known = this.#rankOf.get(peer.name);
      if (known) known.rank = Math.min(known.rank, rank);
      else if (this.#rankOf.size < TOLD_MAX) this.#rankOf.set(peer.name, { peer, rank });
    }
  }

  /** Those that nobody has asked yet. */
  left(): FoundPeer[] {
    const all = [...this.#rankOf.values()].filter(({ peer }) => !this.#done.has(peer.name));
    all.sort((one, other) => one.rank - other.rank);
    return all.slice(0, LEFT_MAX).map(({ peer }) => peer);
  }
}
