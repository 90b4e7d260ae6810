/**
 * How much of the thread WebTransport connections may take for what is below messages: packets,
 * streams, requests, datagrams. Messages have StrangerTime and their own pace.
 */

import { TokenBucket } from '@andvari/host-common/token-bucket';
import type { ThreadShare, ThreadShares } from '../webtransport/thread-shares.ts';
import {
  QUIC_KNOWN_BURST_MS,
  QUIC_KNOWN_MS_PER_SECOND,
  QUIC_STRANGER_BURST_MS,
  QUIC_STRANGER_MS_PER_SECOND,
  QUIC_STRANGERS_BURST_MS,
  QUIC_STRANGERS_MS_PER_SECOND,
  QUIC_STRANGERS_NETWORKS_MAX,
} from './limits.ts';
import { networkOf } from './stranger-limit.ts';

export class QuicShares implements ThreadShares {
  readonly #nowMs: () => number;
  readonly #all: TokenBucket;
  /** By network, the one that came last at the end. */
  readonly #networks = new Map<string, TokenBucket>();

  /** @param nowMs milliseconds of a clock that never goes back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#all = new TokenBucket(QUIC_STRANGERS_BURST_MS, QUIC_STRANGERS_MS_PER_SECOND, nowMs());
  }

  /** How many are remembered. */
  get networks(): number {
    return this.#networks.size;
  }

  /** All connections of an address, or of an IPv6 /64, have one share, however often they come. */
  stranger(address: string): ThreadShare {
    const network = networkOf(address);
    const own =
      this.#networks.get(network) ??
      new TokenBucket(QUIC_STRANGER_BURST_MS, QUIC_STRANGER_MS_PER_SECOND, this.#nowMs());
    this.#networks.delete(network);
    this.#makeRoom();
    this.#networks.set(network, own);
    const all = this.#all;
    return {
      has: (nowMs) => own.has(nowMs) && all.has(nowMs),
      charge: (ms) => {
        own.charge(ms);
        all.charge(ms);
      },
    };
  }

  known(): ThreadShare {
    return new TokenBucket(QUIC_KNOWN_BURST_MS, QUIC_KNOWN_MS_PER_SECOND, this.#nowMs());
  }

  #makeRoom(): void {
    if (this.#networks.size < QUIC_STRANGERS_NETWORKS_MAX) return;
    const nowMs = this.#nowMs();
    for (const [network, bucket] of this.#networks) {
      if (bucket.isFull(nowMs)) this.#networks.delete(network);
    }
    const [oldest] = this.#networks.keys();
    const isFull = this.#networks.size >= QUIC_STRANGERS_NETWORKS_MAX;
    if (isFull && oldest !== undefined) this.#networks.delete(oldest);
  }
}
