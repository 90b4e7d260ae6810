/**
 * A node of the DHT over libp2p: Kademlia (bounded-kad.ts) leads to the nodes that are closest to a
 * key, a protocol of our own stores values there. It is a libp2p of its own with a key of its own:
 * nothing ties it to the peer ID that sends files, nor to that of the peer protocol.
 */
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { sha256 } from '@noble/hashes/sha2.js';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import type { Libp2pConnection, Libp2pStreamHandler } from '../peer/libp2p.ts';
import type { PrivateKey } from '../peer/open-libp2p.ts';
import { addressWord } from '../peer/peer-address.ts';
import { Deadline, hostPeerClock } from '../peer/peer-clock.ts';
import { exchange, readDocument, writeDocument } from '../peer/peer-streams.ts';
import { mergeOnce, silentLogger } from '../peer/quiet-libp2p.ts';
import { BoundedKad } from './bounded-kad.ts';
import { isPrivateAddress } from './dht-address.ts';
import type { DhtNetwork, DhtOwn } from './dht-network.ts';
import {
  ANSWER_BYTES_MAX,
  answerBytes,
  QUESTION_BYTES_MAX,
  readQuestion,
  StoreStatus,
} from './store-messages.ts';
import { type ValueSource, ValueStore } from './value-store.ts';
import { type FoundPeer, foundPeer, kadIdOf, type PeerId, WalkedPeers } from './walked-peers.ts';

const STORE_PROTOCOL = '/andvari/dht-store/1';
const CONNECTIONS_MAX = 256;
/** From one address in a second, before libp2p refuses more. */
const ARRIVALS_MAX = 5;
const STREAMS_MAX = 32;
const DIALS_AT_ONCE = 16;
const DIALS_WAITING = 128;
const DIAL_MS = 3000;
const ANSWER_MS = 3000;
/** For all nodes that are met first. */
const MEET_MS = 10_000;
/** Peers that are remembered; who is not connected is forgotten, the oldest first. */
const PEERS_MAX = 1024;

export interface KadNodeOptions {
  privateKey: PrivateKey;
  transports: NonNullable<Libp2pOptions['transports']>;
  /** Multiaddrs; with them it keeps values of others, without it only asks. */
  listen: readonly string[];
  /** Multiaddrs of nodes to begin with. */
  bootstrap: readonly string[];
  /** Addresses of private networks are dialled and passed on. */
  isPrivate: boolean;
  /** Connections from one address in a second [5]. */
  arrivalsMax?: number | undefined;
}

/** The DHT cannot be used. */
export class DhtError extends Error {
  override readonly name = 'DhtError';
  readonly code = 'ANDVARI_DHT_UNREACHABLE';
}

type OwnLibp2p = Awaited<ReturnType<typeof openKad>>;

async function openKad(
  { privateKey, transports, listen, isPrivate, bootstrap, arrivalsMax }: KadNodeOptions,
  onPeer: (peer: PeerId) => void,
) {
  const mayDial = (address: string) =>
    bootstrap.some((own) => own.startsWith(address) || address.startsWith(own)) ||
    (/^\/ip[46]\/[^/]+\/tcp\/\d+/.test(address) && (isPrivate || !isPrivateAddress(address)));
  const kad = { isServer: listen.length > 0, mayDial, onPeer };
  return createLibp2p({
    start: false,
    logger: silentLogger,
    privateKey,
    addresses: { listen: [...listen] },
    nodeInfo: { userAgent: 'andvari' },
    transports,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: (address) => !mayDial(address.toString()) },
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: arrivalsMax ?? ARRIVALS_MAX,
      maxParallelDials: DIALS_AT_ONCE,
      maxDialQueueLength: DIALS_WAITING,
      dialTimeout: DIAL_MS,
      reconnectRetries: 0,
    },
    services: {
      identify: identify(),
      ping: ping(),
      kad: (components: ConstructorParameters<typeof BoundedKad>[0]) =>
        new BoundedKad(components, kad),
    },
  });
}

export class KadNode implements DhtNetwork {
  readonly #options: KadNodeOptions;
  readonly #libp2p: OwnLibp2p;
  readonly #store: ValueStore | undefined;
  readonly #addressKey = crypto.getRandomValues(new Uint32Array(1))[0] as number;
  readonly own: DhtOwn | undefined;

  private constructor(options: KadNodeOptions, libp2p: OwnLibp2p) {
    this.#options = options;
    this.#libp2p = libp2p;
    if (options.listen.length === 0) return;
    const store = new ValueStore({ nowMs: () => hostPeerClock.nowMs() });
    this.#store = store;
    const source = { owner: '', from: this.#addressKey };
    this.own = {
      kadId: kadIdOf(libp2p.peerId),
      answer: (question) => answerTo(question, store, source),
    };
  }

  /** Not started. Rejects with an Error of libp2p. */
  static async open(options: KadNodeOptions): Promise<KadNode> {
    const known = new Map<string, PeerId>();
    const told = { onPeer: (_: PeerId) => {} };
    const libp2p = await openKad(options, (peer) => told.onPeer(peer));
    mergeOnce(libp2p.peerStore, libp2p.peerId);
    told.onPeer = (peer) => {
      const name = peer.toString();
      known.delete(name);
      known.set(name, peer);
      if (known.size > PEERS_MAX) forgetOldest(libp2p, known);
    };
    libp2p.addEventListener('peer:identify', ({ detail }) => told.onPeer(detail.peerId));
    return new KadNode(options, libp2p);
  }

  /** Values that it keeps. */
  get valueCount(): number {
    return this.#store?.size ?? 0;
  }

  async start(signal?: AbortSignal): Promise<void> {
    const { bootstrap } = this.#options;
    if (this.#store) {
      const handler = ((stream, connection) =>
        this.#answer(stream, connection)) as Libp2pStreamHandler;
      await this.#libp2p.handle(STORE_PROTOCOL, handler as never, {
        maxInboundStreams: STREAMS_MAX,
        maxOutboundStreams: STREAMS_MAX,
      });
    }
    await this.#libp2p.start();
    if (bootstrap.length === 0) return;
    try {
      await this.#meet(bootstrap, signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop();
  }

  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map(String);
  }

  async *walk(key: Uint8Array, signal: AbortSignal): AsyncGenerator<FoundPeer> {
    const { dht } = this.#libp2p.services.kad;
    const walked = new WalkedPeers(this.#libp2p.peerId, sha256(key));
    try {
      for await (const event of dht.getClosestPeers(key, { signal })) {
        if (event.name === 'QUERY_ERROR') walked.done(event.from);
        if (event.name !== 'PEER_RESPONSE') continue;
        walked.done(event.from);
        walked.told(event.closer.map(({ id }) => id));
        yield foundPeer(event.from);
      }
      if (!signal.aborted) yield* walked.left();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async ask({ id }: FoundPeer, document: Uint8Array): Promise<Uint8Array> {
    const deadline = new Deadline(hostPeerClock, hostPeerClock.nowMs() + ANSWER_MS);
    try {
      const connection = await this.#libp2p.dial(id, { signal: deadline.signal });
      const { answer } = await exchange(connection as unknown as Libp2pConnection, {
        protocols: [STORE_PROTOCOL],
        ...{ document, bytesMax: ANSWER_BYTES_MAX, deadline },
      });
      return answer;
    } finally {
      deadline.end();
    }
  }

  /** One of them is enough. */
  async #meet(bootstrap: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const late = AbortSignal.timeout(MEET_MS);
    const either = signal ? AbortSignal.any([signal, late]) : late;
    try {
      await Promise.any(bootstrap.map((address) => this.#meetOne(address, either)));
    } catch (error) {
      signal?.throwIfAborted();
      const [first] = (error as AggregateError).errors as Error[];
      const why = first?.message.split('\n')[0];
      const message = `none of ${bootstrap.length} nodes of the DHT could be met: ${why}`;
      throw new DhtError(message, { cause: error });
    }
  }

  /** Until Kademlia has it in its table. */
  async #meetOne(address: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = () => reject(new Error(`${address} is no node of this DHT`));
    signal.addEventListener('abort', stop, { once: true });
    const { dht } = this.#libp2p.services.kad;
    const { routingTable } = dht as unknown as { routingTable: EventTarget & { size: number } };
    const added = () => resolve();
    routingTable.addEventListener('peer:add', added);
    try {
      await this.#libp2p.dial(multiaddr(address), { signal });
      if (routingTable.size === 0) await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      routingTable.removeEventListener('peer:add', added);
    }
  }

  async #answer(
    stream: Parameters<Libp2pStreamHandler>[0],
    connection: Libp2pConnection,
  ): Promise<void> {
    const deadline = new Deadline(hostPeerClock, hostPeerClock.nowMs() + ANSWER_MS);
    try {
      const question = await readDocument(stream, () => QUESTION_BYTES_MAX, deadline);
      const from = addressWord(connection.remoteAddr.toString(), this.#addressKey);
      const source = { owner: connection.remotePeer.toString(), from };
      const answer = answerTo(question, this.#store as ValueStore, source);
      await writeDocument(stream, answer, deadline);
    } catch (error) {
      stream.abort(error as Error);
    } finally {
      deadline.end();
    }
  }
}

function answerTo(bytes: Uint8Array, store: ValueStore, source: ValueSource): Uint8Array {
  const question = readQuestion(bytes);
  if (!question) return answerBytes(StoreStatus.NOT_UNDERSTOOD);
  const { key, value } = question;
  if (!value) return answerBytes(StoreStatus.DONE, store.get(key));
  if (value.length === 0) store.remove(key, source.owner);
  else if (!store.put(key, value, source)) return answerBytes(StoreStatus.NO_ROOM);
  return answerBytes(StoreStatus.DONE);
}

function forgetOldest(libp2p: OwnLibp2p, known: Map<string, PeerId>): void {
  for (const [name, peer] of known) {
    if (libp2p.getConnections(peer).length > 0) continue;
    known.delete(name);
    libp2p.peerStore.delete(peer).catch(() => {});
    return;
  }
}
