/**
 * A node that sends and receives files (seed 002 section 9): its identity, one UDP port, a relay if
 * it has one, its sessions and transfers. What the commands of transfer stand on.
 */
import { TRANSFER_CHUNKS_MAX } from '@andvari/host-common/engine/generated/limits';
import { plainEngine } from '@andvari/host-common/engine/module';
import {
  checkBytes,
  checkFlag,
  checkKnown,
  checkWhole,
} from '@andvari/host-common/transfer/argument-checks';
import { SOURCES_MAX } from '@andvari/host-common/transfer/files/download-sources';
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import { FileHash, HASH_BYTES } from '@andvari/host-common/transfer/files/file-hash';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { PeerAddressError, peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { relayAddressText } from '@andvari/host-common/transfer/relay/relay-address';
import { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { loadNative } from '@andvari/native-io';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { calledAt, callPeer, resolvePlace } from './call-peer.ts';
import { type CalledPeer, calledPeer } from './called-peer.ts';
import { CalledSources, type PeerCaller, type SourceCall } from './called-sources.ts';
import { makeDataFolder } from './data-folder.ts';
import { type FetchPlace, fetchFrom } from './fetch-file.ts';
import type { Keeping } from './files/begin-download.ts';
import { FileReceiver } from './files/file-receiver.ts';
import { OutgoingFile } from './files/outgoing-file.ts';
import { partSecret } from './files/part-secret.ts';
import { nativeTransferOf } from './native-transfer.ts';
import { type TransferNodeConfig, type WholeConfig, wholeConfig } from './node-config.ts';
import { NodeWork } from './node-work.ts';
import { countsOf, type NodeCounts, type NodeEndpoint, openNodeEndpoint } from './open-endpoint.ts';
import { type OpenFile, type OpenOffer, openFrom } from './open-file.ts';
import { ownAddresses } from './own-addresses.ts';
import { TransferNodeError } from './transfer-node-error.ts';
import { type ReceiverOptions, TransferReceiver } from './transfer-receiver.ts';

export { FileTransfer as Transfer } from '@andvari/host-common/transfer/files/file-transfer';
export { TransferNodeError } from './transfer-node-error.ts';

/** What may be on its way to a reader: 80 ms of a gigabit. */
const WINDOW_KIB = 8192;
/** Blocks of 16 KiB: a window of 8 MiB has room in those of one session. */
const BLOCKS = { ofOne: 1024, ofSeveral: 2048, each: 64 };
/**
 * Records of packets that are on their way, 64 each: as many as the window holds packets of
 * Ethernet. What has no record does not go: with the engine's own 32 a session no more than 3 MB.
 */
const SENT_CHUNKS = { least: 128, each: 32 };
const OPEN_OPTIONS = ['accept', 'hash', 'signal', 'timeoutMs'];
const FETCH_OPTIONS = [...OPEN_OPTIONS, 'into', 'onEntry'];
const TIMEOUT_MS = 10_000;
const TIMEOUT_MS_MAX = 86_400_000;

export interface CallOptions {
  /** Gives it up: the call is rejected with its reason, a transfer is cancelled. */
  signal?: AbortSignal | undefined;
  /** For the session, from 1 on [10000]. */
  timeoutMs?: number | undefined;
}

export interface SendOptions extends CallOptions {
  /**
   * It goes compressed where that gains 5 % or more, which texts do and archives and pictures do
   * not [false].
   */
  compress?: boolean | undefined;
}

export interface ReceiveOptions extends ReceiverOptions {
  /** Take what the peer of this session offers, and no calls; its end is the end of the offers. */
  from?: TransferSession | undefined;
}

interface WantedFile {
  /**
   * BLAKE3 of the file, 32 bytes. With it those that offer another one are left aside; without it
   * all have to offer the same.
   */
  hash?: Uint8Array | undefined;
}

export interface FetchOptions extends CallOptions, FetchPlace, WantedFile {}

/** `signal` closes the file, also when it has been opened. */
export interface OpenOptions extends CallOptions, WantedFile {
  /** Asked once; without it, it is opened. */
  accept?: ((offer: OpenOffer) => boolean | Promise<boolean>) | undefined;
}

/** Of whom a file can be fetched: as connect() takes it, or a session, which stays open. */
export type Source = string | CalledPeer | TransferSession | PeerCaller;

export class TransferNode implements AsyncDisposable {
  readonly #config: WholeConfig;
  readonly #opened: NodeEndpoint;
  readonly #module: WebAssembly.Module;
  readonly #work: NodeWork;
  #receiver: FileReceiver | undefined;
  #keeping: Keeping | undefined;
  #hash: FileHash | undefined;
  #shutdown: Promise<void> | undefined;

  private constructor(config: WholeConfig, opened: NodeEndpoint, module: WebAssembly.Module) {
    this.#config = config;
    this.#opened = opened;
    this.#module = module;
    this.#work = new NodeWork(config.maxTransfers);
  }

  /**
   * Listens from then on; whoever has it shuts it down.
   * @throws NodeConfigError; what openIdentity() does; PortInUseError, AddressError,
   * BackendError; RelayError
   */
  static async create(config: TransferNodeConfig = {}): Promise<TransferNode> {
    const whole = wholeConfig(config);
    const { who, host, port, trust, relay, relayAs, udp, upgrade, maxTransfers: sessions } = whole;
    const several = Math.max(BLOCKS.ofSeveral, BLOCKS.each * sessions);
    const blocks = sessions === 1 ? BLOCKS.ofOne : several;
    const records = Math.max(SENT_CHUNKS.least, SENT_CHUNKS.each * sessions);
    const sentChunks = Math.min(records, TRANSFER_CHUNKS_MAX);
    const sizes = { sessions, blocks, sentChunks };
    const module = await plainEngine();
    const more = { listen: { host, port }, trust, sizes, windowKiB: WINDOW_KIB };
    const at = { relay, relayAs, upgrade, ...udp };
    return new TransferNode(whole, await openNodeEndpoint({ ...who, ...more, ...at }), module);
  }

  /** Its peer ID, 32 bytes, a copy; peerIdText() writes it. */
  get publicKey(): Uint8Array {
    return Uint8Array.from(this.#opened.peerId);
  }

  /** Where it listens. */
  get bound(): SocketAddress {
    return this.#opened.bound;
  }

  /** Of its searches for direct ways. */
  get counts(): NodeCounts {
    return countsOf(this.#opened);
  }

  /** Those that have not ended, in the order in which they began. */
  get transfers(): FileTransfer[] {
    return this.#work.transfers;
  }

  /** Sessions that peers begin, for those who do not receive() files. */
  get incoming(): ReadableStream<TransferSession> {
    return this.#opened.endpoint.incoming;
  }

  /**
   * How others call it, the likeliest first: PEER@RELAY (relay-address.ts) if it has one, and
   * PEER@HOST:PORT. @param host instead of our own
   */
  codes(host?: string): [string, ...string[]] {
    const places = host ? [{ host, port: this.bound.port }] : ownAddresses(this.bound);
    const peer = peerIdText(this.#opened.peerId);
    const codes = places.map((place) => `${peer}@${formatAddress(place)}`);
    const { relay } = this.#config;
    if (relay) codes.unshift(`${peer}@${relayAddressText(relay)}`);
    return codes as [string, ...string[]];
  }

  /**
   * A session with a peer: PEER@HOST:PORT, where PEER may be a name of the trusted peers; or at
   * the relay of this node, PEER alone or as codes() says it.
   * @throws PeerAddressError, PeerIdError, KnownPeersError, PeerNameUnknownError;
   * PeerUnreachableError; TransferError ANDVARI_TRANSFER_FULL; TransferNodeError; the reason of the
   * signal
   */
  async connect(
    peer: string | CalledPeer,
    { signal, timeoutMs = TIMEOUT_MS }: CallOptions = {},
  ): Promise<TransferSession> {
    this.#work.checkOpen();
    checkWhole('timeoutMs', timeoutMs, 1, TIMEOUT_MS_MAX);
    const { endpoint, relay } = this.#opened;
    const called = this.#called(peer);
    const either = this.#work.either(signal);
    const { peerId, address } = called;
    this.#checkRelay(called);
    const place = address && (await resolvePlace(address, either));
    const at = calledAt({ peerId, place, relay });
    return await callPeer(endpoint, { peerId, at, timeoutMs, signal: either });
  }

  /**
   * Offers a file or a folder, and sends what the peer does not have yet. Resolves when it is
   * offered. A session that was given stays open, a file that was given too; a path is opened, and
   * read whole first.
   * @throws as connect() and OutgoingFile.open() do; TypeError: `compress` is no boolean
   */
  sendFile(
    file: string | OutgoingFile,
    peer: string | CalledPeer | TransferSession,
    options: SendOptions = {},
  ): Promise<FileTransfer> {
    return this.#work.counted(() => this.#send(file, peer, options));
  }

  /**
   * What peers offer; once.
   * @throws TransferNodeError; TypeError: an option that there is not; what the data folder's
   * `parts.key` ends with
   */
  receive({ from, ...options }: ReceiveOptions = {}): TransferReceiver {
    this.#work.checkOpen();
    checkKnown('options', options, ['into', 'accept']);
    if (this.#receiver || this.incoming.locked) {
      throw new TransferNodeError('ANDVARI_NODE_RECEIVES', 'somebody takes what comes already');
    }
    this.#receiver = new FileReceiver({ endpoint: this.#opened.endpoint, ...this.#keepsWith() });
    if (from) this.#receiver.takeFrom(from);
    return new TransferReceiver(this.#receiver, (begin) => this.#work.counted(begin), options);
  }

  /**
   * One file or folder from all of these peers at once, each of which offers it to whoever calls
   * (as `andvari send PATH` does). Resolves when it has begun: some seconds after the first has
   * offered it at the latest; those that offer it later join. Of `timeoutMs` each has its own.
   * @throws TypeError, RangeError: not 1 to 8 peers; SourcesDifferError; of a single peer what
   * connect() does, of several FileTransferError ANDVARI_TRANSFER_CUT if nobody is there;
   * ANDVARI_TRANSFER_REFUSED; what PartFile.open() does
   */
  fetch(sources: readonly Source[], options: FetchOptions): Promise<FileTransfer> {
    return this.#work.counted(() => this.#fetch(sources, options));
  }

  async #fetch(peers: readonly Source[], options: FetchOptions): Promise<FileTransfer> {
    checkKnown('options', options, FETCH_OPTIONS);
    if (typeof options.into !== 'string') throw new TypeError('into: wanted a folder');
    const signal = this.#work.either(options.signal);
    const keeping = this.#keepsWith();
    const sources = await this.#gather(peers, options);
    try {
      const { transfer, over } = await fetchFrom(sources, options, keeping);
      const close = async () => {
        await over();
        await sources.close();
      };
      this.#work.putAway(transfer, [{ close }], signal);
      return transfer;
    } catch (error) {
      await sources.close();
      throw error;
    }
  }

  /**
   * A file that these peers offer, as fetch() has them, to be read here and there: only what is
   * read travels. It is one of the node's transfers until it is closed.
   * @throws as fetch() does, but for the place; FolderOfferedError
   */
  async open(sources: readonly Source[], options: OpenOptions = {}): Promise<OpenFile> {
    const { file } = await this.#work.counted(async () => {
      const file = await this.#open(sources, options);
      return { file, completion: file.completion, cancel: () => file.close() };
    });
    return file;
  }

  async #open(peers: readonly Source[], options: OpenOptions): Promise<OpenFile> {
    checkKnown('options', options, OPEN_OPTIONS);
    const { accept, signal } = options;
    const sources = await this.#gather(peers, options);
    try {
      const file = await openFrom(sources, accept, this.#fileHash());
      const work = { completion: file.completion, cancel: () => file.close() };
      this.#work.putAway(work, [file], this.#work.either(signal));
      return file;
    } catch (error) {
      await sources.close();
      throw error;
    }
  }

  async #gather(
    peers: readonly Source[],
    options: CallOptions & WantedFile,
  ): Promise<CalledSources> {
    const { timeoutMs = TIMEOUT_MS, hash } = options;
    checkWhole('timeoutMs', timeoutMs, 1, TIMEOUT_MS_MAX);
    if (hash !== undefined) checkBytes('hash', hash, HASH_BYTES);
    const calls = new Map<string, SourceCall>();
    for (const peer of peers) {
      const call = this.#sourceCall(peer, timeoutMs);
      if (!calls.has(call.name)) calls.set(call.name, call);
    }
    checkWhole('the number of peers', calls.size, 1, SOURCES_MAX);
    const signal = this.#work.either(options.signal);
    return await CalledSources.gather([...calls.values()], { timeoutMs, signal, hash });
  }

  #sourceCall(peer: Source, timeoutMs: number): SourceCall {
    if (peer instanceof TransferSession) {
      return { name: peerIdText(peer.peerId), open: async () => peer, isGiven: true };
    }
    if (typeof peer !== 'string' && 'call' in peer) {
      const open = (signal: AbortSignal) => peer.call(signal);
      return { name: peerIdText(peer.peerId), open, isGiven: false };
    }
    const called = this.#called(peer);
    const open = (signal: AbortSignal) => this.connect(called, { signal, timeoutMs });
    return { name: peerIdText(called.peerId), open, isGiven: false };
  }

  /** What parts of files are kept with; made when it is needed first. */
  #keepsWith(): Keeping {
    if (!this.#keeping) {
      const { dataFolder } = this.#config;
      makeDataFolder(dataFolder);
      this.#keeping = { secret: partSecret(dataFolder), hash: this.#fileHash() };
    }
    return this.#keeping;
  }

  /** One for all: it is used within single turns. */
  #fileHash(): FileHash {
    this.#hash ??= FileHash.create(this.#module, nativeTransferOf(loadNative()));
    return this.#hash;
  }

  /**
   * Cancels all that goes and comes (what came in part is kept), says goodbye to all peers, and
   * closes what is open. Resolves when that is done, for whoever calls it again too.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#end();
    return this.#shutdown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #end(): Promise<void> {
    await this.#work.stop();
    await (this.#receiver ?? this.#opened.endpoint).close();
    await this.#work.ended();
  }

  #called(peer: string | CalledPeer): CalledPeer {
    if (typeof peer !== 'string') return peer;
    return calledPeer(peer, this.#config.trustedPeersFile, this.#opened.relay !== undefined);
  }

  #checkRelay({ relay }: CalledPeer): void {
    if (!relay || relay.url === this.#config.relay?.url) return;
    throw new PeerAddressError(`this node is not at the relay ${relay.url}, where the peer is`);
  }

  async #send(
    file: string | OutgoingFile,
    peer: string | CalledPeer | TransferSession,
    { compress = false, ...options }: SendOptions,
  ): Promise<FileTransfer> {
    checkFlag('compress', compress);
    const signal = this.#work.either(options.signal);
    const opened = typeof file === 'string' ? await OutgoingFile.open(file, signal) : undefined;
    const outgoing = opened ?? (file as OutgoingFile);
    let called: TransferSession | undefined;
    try {
      // Nobody waits in a session while we read.
      await outgoing.hashed(signal);
      if (!(peer instanceof TransferSession)) called = await this.connect(peer, options);
      const session = called ?? (peer as TransferSession);
      const transfer = await offeredOn(session, { file: outgoing, compress }, signal);
      this.#work.putAway(transfer, [called, opened], signal);
      return transfer;
    } catch (error) {
      await Promise.allSettled([called?.close(), opened?.close()]);
      throw error;
    }
  }
}

async function offeredOn(
  session: TransferSession,
  { file, compress }: { file: OutgoingFile; compress: boolean },
  signal: AbortSignal,
): Promise<FileTransfer> {
  const { peerId, authenticationString } = session;
  const sent = await file.offeredTo(peerId, signal);
  const offer = { ...sent.offer, compressed: compress && session.compresses };
  const facts = { offer, path: file.path, peerId, authenticationString, route: session };
  return new FileTransfer(await offerFile(session, { ...sent, offer }), {
    ...facts,
    direction: 'send',
  });
}
