/**
 * Files and peers of a group, found without a server: announced in a DHT under keys that its
 * members alone can tell, sealed for them. Reference: transfer section 8.
 */
import { hostPeerClock, type PeerClock } from '../peer/peer-clock.ts';
import type { Ed25519Verifier } from '../ratatoskr/signing.ts';
import { checkWhole } from '../transfer/argument-checks.ts';
import { hostRandom, nameOf, type RandomBytes } from '../transfer/byte-strings.ts';
import type { PurposeSigner } from '../transfer/identity.ts';
import {
  type Announcement,
  type AnnouncementRefusal,
  openAnnouncement,
  sealAnnouncement,
} from './announcement.ts';
import { Announcing } from './announcing.ts';
import type { DhtNetwork } from './dht-network.ts';
import type { GroupKeys } from './group-keys.ts';
import type { Places } from './places.ts';
import { search } from './search.ts';

/** Things that one node announces at once; each is announced anew three times an hour. */
const ANNOUNCED_MAX = 256;
/** Searches that run at once. */
const SEARCHES_MAX = 16;
const TIMEOUT_MS = 15_000;
/** Those who have a file that a search looks for. */
const HOLDERS = 8;

export interface DiscoveryOptions {
  network: DhtNetwork;
  group: GroupKeys;
  verifier: Ed25519Verifier;
  /** [crypto.getRandomValues] */
  random?: RandomBytes | undefined;
  clock?: PeerClock | undefined;
}

/** Who announces. */
export interface AnnouncingPeer {
  /** 32 bytes. */
  peerId: Uint8Array;
  signer: PurposeSigner;
  /** Where it is reached; asked anew each time. */
  places(): Places;
}

export interface FindOptions {
  signal?: AbortSignal | undefined;
  /** For all of it, 1 to 600000 [15000]. */
  timeoutMs?: number | undefined;
}

export interface SearchOptions extends FindOptions {
  /** With so many it is enough, 1 to 32 [8]. */
  enough?: number | undefined;
}

/** More at once than may be. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  readonly code: 'ANDVARI_DISCOVERY_FULL' | 'ANDVARI_DISCOVERY_CLOSED';

  constructor(code: DiscoveryError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export class Discovery {
  /** What came and was no announcement of the group that holds, by the reason. */
  readonly refused: Record<AnnouncementRefusal, number> = {
    ...{ size: 0, seal: 0, layout: 0, time: 0, signature: 0 },
  };
  readonly #options: DiscoveryOptions & { random: RandomBytes; clock: PeerClock };
  readonly #announced = new Set<Announcing>();
  readonly #closing = new AbortController();
  #searches = 0;

  /** The network is started and stopped by whoever has it. */
  constructor(options: DiscoveryOptions) {
    const { random = hostRandom, clock = hostPeerClock } = options;
    this.#options = { ...options, random, clock };
  }

  /**
   * Tells the group that a peer has a file, now and from then on until it is closed. Resolves when
   * it was told for the first time.
   * @param hash BLAKE3 of the file, 32 bytes
   * @throws DiscoveryError; TypeError, RangeError; the reason of the signal
   */
  announceFile(hash: Uint8Array, peer: AnnouncingPeer, signal?: AbortSignal): Promise<Announcing> {
    return this.#announce(this.#options.group.fileKey(hash), peer, signal);
  }

  /** Tells the group where a peer is reached, in the same way. */
  announcePeer(peer: AnnouncingPeer, signal?: AbortSignal): Promise<Announcing> {
    return this.#announce(this.#options.group.peerKey(peer.peerId), peer, signal);
  }

  /**
   * Those of the group who have a file, the newest announcement of each.
   * @throws DiscoveryError; TypeError, RangeError; the reason of the signal
   */
  searchFile(hash: Uint8Array, options: SearchOptions = {}): Promise<Announcement[]> {
    const { enough = HOLDERS, ...rest } = options;
    checkWhole('enough', enough, 1, 32);
    return this.#search(this.#options.group.fileKey(hash), rest, { enough, wanted: () => true });
  }

  /** Where a peer of the group says that it is reached; undefined: it has not said so. */
  async findPeer(peerId: Uint8Array, options: FindOptions = {}): Promise<Announcement | undefined> {
    const name = nameOf(peerId);
    const wanted = (found: Announcement) => nameOf(found.peerId) === name;
    const key = this.#options.group.peerKey(peerId);
    return (await this.#search(key, options, { enough: 1, wanted }))[0];
  }

  /** Takes back what it has announced, and ends searches. */
  async close(): Promise<void> {
    this.#closing.abort(closed());
    await Promise.all([...this.#announced].map((announcing) => announcing.close()));
  }

  async #announce(
    dhtKey: Uint8Array,
    { peerId, signer, places }: AnnouncingPeer,
    signal: AbortSignal = this.#closing.signal,
  ): Promise<Announcing> {
    this.#closing.signal.throwIfAborted();
    if (this.#announced.size >= ANNOUNCED_MAX) {
      throw new DiscoveryError('ANDVARI_DISCOVERY_FULL', `${ANNOUNCED_MAX} are announced already`);
    }
    const { network, clock, group: keys, random } = this.#options;
    const make = () => {
      const announcement = { ...places(), peerId, atMs: clock.nowMs(), capabilities: 0 };
      return sealAnnouncement(announcement, { keys, dhtKey, signer, random });
    };
    const whenClosed = () => this.#announced.delete(announcing);
    const announcing = new Announcing({ network, clock, dhtKey, make, whenClosed });
    this.#announced.add(announcing);
    try {
      await announcing.begin(AbortSignal.any([signal, this.#closing.signal]));
      return announcing;
    } catch (error) {
      await announcing.close();
      throw error;
    }
  }

  async #search(
    dhtKey: Uint8Array,
    { signal, timeoutMs = TIMEOUT_MS }: FindOptions,
    { enough, wanted }: { enough: number; wanted(found: Announcement): boolean },
  ): Promise<Announcement[]> {
    checkWhole('timeoutMs', timeoutMs, 1, 600_000);
    this.#closing.signal.throwIfAborted();
    signal?.throwIfAborted();
    if (this.#searches >= SEARCHES_MAX) {
      throw new DiscoveryError('ANDVARI_DISCOVERY_FULL', `${SEARCHES_MAX} searches run already`);
    }
    const given = signal ? [signal, this.#closing.signal] : [this.#closing.signal];
    const stopped = AbortSignal.any(given);
    this.#searches++;
    try {
      const open = (value: Uint8Array) => this.#open(value, dhtKey, wanted);
      const { network, clock } = this.#options;
      return await search({ network, clock, dhtKey, open, enough, timeoutMs, signal: stopped });
    } finally {
      this.#searches--;
    }
  }

  async #open(
    value: Uint8Array,
    dhtKey: Uint8Array,
    wanted: (found: Announcement) => boolean,
  ): Promise<Announcement | undefined> {
    const { group: keys, verifier, clock } = this.#options;
    const opened = await openAnnouncement(value, { keys, dhtKey, verifier, nowMs: clock.nowMs() });
    if (typeof opened !== 'string') return wanted(opened) ? opened : undefined;
    this.refused[opened]++;
    return undefined;
  }
}

function closed(): DiscoveryError {
  return new DiscoveryError('ANDVARI_DISCOVERY_CLOSED', 'nothing is looked for any more');
}
