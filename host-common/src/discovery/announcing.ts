/** One thing that is announced, again and again, at the nodes that are closest to its key then. */

import { sha256 } from '@noble/hashes/sha2.js';
import type { PeerClock } from '../peer/peer-clock.ts';
import { compareBytes } from '../transfer/byte-strings.ts';
import { ANNOUNCEMENT_TTL_MS } from './announcement.ts';
import type { DhtNetwork, DhtPeer } from './dht-network.ts';
import { questionBytes, readAnswer } from './store-messages.ts';
import { closestFirst, distance } from './walked-peers.ts';

/** Nodes that are to keep it: as many as Kademlia has in a bucket. */
const COPIES = 20;
/** It is there still if two in a row fail. */
const AGAIN_MS = ANNOUNCEMENT_TTL_MS / 3;
/** When no node has taken it. */
const RETRY_MS = 60_000;
/** For the way to the nodes. */
const WALK_MS = 15_000;
/** To take it back, before whoever ends does not wait any more. */
const WITHDRAW_MS = 2000;
/** Of those who have answered on the way. */
const WALKED_MAX = 256;

interface AnnouncingOptions {
  network: DhtNetwork;
  clock: PeerClock;
  dhtKey: Uint8Array;
  /** The announcement, as of now. */
  make(): Promise<Uint8Array>;
  whenClosed(): void;
}

export class Announcing {
  readonly #options: AnnouncingOptions;
  readonly #closing = new AbortController();
  #keepers: DhtPeer[] = [];
  #isKept = false;
  #running: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => {};
  #closed: Promise<void> | undefined;

  constructor(options: AnnouncingOptions) {
    this.#options = options;
  }

  /** Nodes that keep it now, this one among them. */
  get copies(): number {
    return this.#keepers.length + (this.#isKept ? 1 : 0);
  }

  /** @throws what makes no announcement; the reason of the signal */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#once(AbortSignal.any([signal, this.#closing.signal]));
    signal.throwIfAborted();
    this.#again();
  }

  /** It is not announced any more, and taken back from those that answer soon. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  #again(): void {
    if (this.#closing.signal.aborted) return;
    // Not all that was announced together comes together again.
    const usualMs = AGAIN_MS * (0.9 + 0.1 * Math.random());
    this.#cancelTimer = this.#options.clock.after(this.copies > 0 ? usualMs : RETRY_MS, () => {
      this.#running = this.#once(this.#closing.signal)
        .catch(() => {})
        .then(() => this.#again());
    });
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { network, dhtKey, make } = this.#options;
    const question = questionBytes({ key: dhtKey, value: await make() });
    const goal = sha256(dhtKey);
    const closest = closestFirst(await this.#walked(signal), goal);
    this.#keepers = await this.#offer(closest, question);
    const last = this.#keepers[COPIES - 1];
    const { own } = network;
    const isFar =
      own && last && compareBytes(distance(own.kadId, goal), distance(last.kadId, goal));
    this.#isKept = own !== undefined && (isFar ?? -1) < 0 && isDone(own.answer(question));
  }

  /** The closest that take it; whoever does not gives way to the next. */
  async #offer(closest: readonly DhtPeer[], question: Uint8Array): Promise<DhtPeer[]> {
    const keepers: DhtPeer[] = [];
    for (let at = 0; at < closest.length && keepers.length < COPIES; ) {
      const next = closest.slice(at, at + COPIES - keepers.length);
      at += next.length;
      keepers.push(...(await this.#askAll(next, question)));
    }
    return keepers;
  }

  async #walked(signal: AbortSignal): Promise<Iterable<DhtPeer>> {
    const { network, clock, dhtKey } = this.#options;
    const ending = new AbortController();
    const cancel = clock.after(WALK_MS, () => ending.abort());
    const walked = new Map<string, DhtPeer>();
    try {
      const either = AbortSignal.any([signal, ending.signal]);
      for await (const peer of network.walk(dhtKey, either)) {
        walked.set(peer.name, peer);
        if (walked.size >= WALKED_MAX) break;
      }
      return walked.values();
    } finally {
      cancel();
    }
  }

  /** Those that did it. */
  async #askAll(peers: readonly DhtPeer[], question: Uint8Array): Promise<DhtPeer[]> {
    const { network } = this.#options;
    const done = await Promise.all(
      peers.map((peer) => network.ask(peer, question).then(isDone, () => false)),
    );
    return peers.filter((_, i) => done[i]);
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    this.#cancelTimer();
    await this.#running;
    const { network, clock, dhtKey, whenClosed } = this.#options;
    const question = questionBytes({ key: dhtKey, value: new Uint8Array(0) });
    network.own?.answer(question);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(WITHDRAW_MS, resolve);
    await Promise.race([this.#askAll(this.#keepers, question), late]);
    cancel();
    this.#keepers = [];
    this.#isKept = false;
    whenClosed();
  }
}

function isDone(answer: Uint8Array): boolean {
  return readAnswer(answer) !== undefined;
}
