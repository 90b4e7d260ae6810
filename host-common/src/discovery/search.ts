/** One search in the DHT: whoever answers on the way to a key is asked for what it has there. */
import type { PeerClock } from '../peer/peer-clock.ts';
import { nameOf } from '../transfer/byte-strings.ts';
import type { Announcement } from './announcement.ts';
import type { DhtNetwork, DhtPeer } from './dht-network.ts';
import { questionBytes, readAnswer } from './store-messages.ts';

/** When something was found, so long others may still bring more. */
const SETTLE_MS = 500;
/** Nodes that one search asks. */
const ASKED_MAX = 128;
/** Values that one search opens, of all nodes: honest ones have 32 at most, the same. */
const OPENED_MAX = 512;

export interface Search {
  network: DhtNetwork;
  clock: PeerClock;
  dhtKey: Uint8Array;
  /** Undefined: it is none that is looked for. */
  open(value: Uint8Array): Promise<Announcement | undefined>;
  /** With so many it ends at once. */
  enough: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/** The newest of each peer. Rejects with the reason of the signal. */
export async function search(options: Search): Promise<Announcement[]> {
  const { network, clock, dhtKey, enough, timeoutMs, signal } = options;
  const found = new Map<string, Announcement>();
  const seen = new Set<string>();
  const ending = new AbortController();
  const end = () => ending.abort();
  const timers = [clock.after(timeoutMs, end)];
  signal.addEventListener('abort', end, { once: true });
  const question = questionBytes({ key: dhtKey, value: undefined });

  const take = async (answer: Uint8Array) => {
    for (const value of readAnswer(answer) ?? []) {
      const name = nameOf(value);
      if (seen.has(name) || seen.size >= OPENED_MAX || ending.signal.aborted) continue;
      seen.add(name);
      const opened = await options.open(value);
      if (!opened) continue;
      const peer = nameOf(opened.peerId);
      if (opened.atMs <= (found.get(peer)?.atMs ?? -1)) continue;
      if (found.size === 0) timers.push(clock.after(SETTLE_MS, end));
      found.set(peer, opened);
      if (found.size >= enough) end();
    }
  };
  const ask = (peer: DhtPeer) =>
    network
      .ask(peer, question)
      .then(take)
      // Whoever does not answer has nothing; others are asked too.
      .catch(() => {});

  const whole = async () => {
    const asked = new Map<string, Promise<void>>();
    if (network.own) await take(network.own.answer(question));
    for await (const peer of network.walk(dhtKey, ending.signal)) {
      if (asked.has(peer.name)) continue;
      asked.set(peer.name, ask(peer));
      if (asked.size >= ASKED_MAX) break;
    }
    await Promise.all(asked.values());
  };
  const ended = new Promise<void>((resolve) => {
    ending.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([whole(), ended]);
    signal.throwIfAborted();
    return [...found.values()];
  } finally {
    // A walk that still runs ends too.
    end();
    signal.removeEventListener('abort', end);
    for (const cancel of timers) cancel();
  }
}
