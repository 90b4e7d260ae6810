/**
 * Dials peers that the host's discovery has found, until there are as many as the target: few at a
 * time, and none again soon, since anybody on a network can announce any address.
 */
import type { PeerClock } from './peer-clock.ts';
import { DialLimit } from './peer-dialler.ts';

const DIALS_MAX = 4;
/** Before a peer is dialled anew that could not be reached, or was not verified. */
const AGAIN_MS = 60_000;
/** That are remembered for that; the oldest are forgotten. */
const TRIED_MAX = 256;
/** Dials that run or wait; what is found beyond will be found again. */
const WAITING_MAX = 16;

export interface PeerFinderOptions {
  node: {
    connect(address: string): Promise<string>;
    peers(): readonly { peerId: string }[];
  };
  clock: PeerClock;
  targetPeers: number;
}

export class PeerFinder {
  private readonly options: PeerFinderOptions;
  private readonly limit = new DialLimit(DIALS_MAX);
  /** When each was dialled last. */
  private readonly tried = new Map<string, number>();
  private waiting = 0;

  constructor(options: PeerFinderOptions) {
    this.options = options;
  }

  /** `address`: a multiaddr that ends with /p2p/PEER. */
  found(address: string): void {
    const { node, clock, targetPeers } = this.options;
    const peerId = address.split('/').at(-1) ?? '';
    const peers = node.peers();
    if (peers.length >= targetPeers || peers.some((peer) => peer.peerId === peerId)) return;
    if (this.waiting >= WAITING_MAX) return;
    const now = clock.nowMs();
    const triedMs = this.tried.get(peerId);
    if (triedMs !== undefined && now >= triedMs && now - triedMs < AGAIN_MS) return;
    this.tried.delete(peerId);
    this.tried.set(peerId, now);
    const [oldest] = this.tried.keys();
    if (this.tried.size > TRIED_MAX && oldest !== undefined) this.tried.delete(oldest);
    void this.dial(address);
  }

  private async dial(address: string): Promise<void> {
    this.waiting++;
    try {
      await this.limit.run(async () => void (await this.options.node.connect(address)));
    } catch {
      // Whoever cannot be reached is no trouble of ours.
    } finally {
      this.waiting--;
    }
  }
}
