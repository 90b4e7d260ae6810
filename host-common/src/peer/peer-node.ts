/**
 * A node of the signed peer protocol: it lets peers prove who they are before anything else, asks
 * them and answers them, and broadcasts. libp2p comes from the host, all decisions are the gate's.
 * Reference: peer.
 *
 * Peer ids are texts (12D3KooW...), instance keys 32 bytes, times milliseconds since the epoch.
 */
import type { Ed25519Signer, Ed25519Verifier } from '../ratatoskr/signing.ts';
import { hostRandom, type RandomBytes } from '../transfer/byte-strings.ts';
import { PeerCodec } from './codec.ts';
import { PeerGate } from './gate.ts';
import type { GateLimits } from './gate-limits.ts';
import type { PeerIdentification, PeerNetwork, PeerNetworkModules } from './libp2p.ts';
import type { WireVersion } from './messages.ts';
import { PeerAnswers, type PeerHandler } from './peer-answers.ts';
import { type PeerBanStore, PeerBans } from './peer-bans.ts';
import { Deadline, hostPeerClock, type PeerClock } from './peer-clock.ts';
import { PeerDialler } from './peer-dialler.ts';
import { PeerEvents, type PeerNodeEvents } from './peer-events.ts';
import { PeerFinder } from './peer-finder.ts';
import { PeerGossip } from './peer-gossip.ts';
import { PeerHandshakes } from './peer-handshakes.ts';
import { peerIdBytes, peerIdText } from './peer-id.ts';
import { type LinkedPeer, PeerLinks } from './peer-links.ts';
import { type PeerAnswer, PeerRequests, type SendOptions } from './peer-requests.ts';
import { STREAMS_MAX } from './peer-streams.ts';
import { PeerWires } from './peer-wires.ts';

export interface PeerNodeOptions {
  /** The compiled engine, plain build. */
  module: WebAssembly.Module;
  network: PeerNetworkModules;
  /** The protocol id and the topic are `/{networkName}/{instanceId}`. */
  networkName: string;
  instanceId: string;
  /** Of the instance key, which handshakes are signed with. */
  signer: Ed25519Signer;
  verifier: Ed25519Verifier;
  /** Instance keys that may take part, at most 4096. */
  whitelist: readonly Uint8Array[];
  /** 1 to 256 [25]. */
  targetPeers?: number;
  /** Multiaddrs with /p2p/PEER: dialled from the start on, and again when they are lost. */
  keepConnected?: readonly string[];
  /** What of a peer is answered and heard in 10 s [100 requests, 100 broadcasts]. */
  limits?: GateLimits;
  /** [3, 2]; 1 instead of 2 wants an instance key that is the libp2p key too. */
  wires?: readonly WireVersion[];
  /** [60 min]: a ban of ban() that says nothing else. */
  banMs?: number;
  banStore?: PeerBanStore;
  /** What identify says and wants of others [blueprint/1.0.0]; others are disconnected. */
  protocolVersion?: string;
  agentVersion?: string;
  /**
   * Broadcasts of others are passed on [true]. Where all are connected to all, nobody needs that:
   * each would get each of them from everybody.
   */
  forwardsBroadcasts?: boolean;
  codec?: PeerCodec;
  clock?: PeerClock;
  random?: RandomBytes;
}

export type PeerNodeErrorCode =
  /** The gate gives no leave to dial, or ended the connection; the text says why. */
  'ANDVARI_PEER_REFUSED' | 'ANDVARI_PEER_UNREACHABLE' | 'ANDVARI_PEER_STOPPED';

export class PeerNodeError extends Error {
  override readonly name = 'PeerNodeError';
  readonly code: PeerNodeErrorCode;

  constructor(code: PeerNodeErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A peer that has a connection. */
export interface PeerStatus {
  peerId: string;
  isVerified: boolean;
  /** Of verified ones: its instance key, its place in the list, and what it speaks. */
  key?: Uint8Array;
  participant?: number;
  wire?: WireVersion;
  connections: number;
}

const CONNECT_MS = 30_000;
const BAN_MS = 3_600_000;
const ID_PART = /\/p2p\/([1-9A-HJ-NP-Za-km-z]+)$/;
/** Messages are numbered from the time on, so that numbers grow over a restart too. */
const NUMBERS_EACH_MS = 2n ** 20n;

export class PeerNode {
  readonly peerId: string;
  private readonly options: PeerNodeOptions;
  private readonly clock: PeerClock;
  private readonly wires: PeerWires;
  private readonly gate: PeerGate;
  private readonly events = new PeerEvents();
  private readonly links: PeerLinks;
  private readonly handshakes: PeerHandshakes;
  private readonly answers: PeerAnswers;
  private readonly requests: PeerRequests;
  private readonly gossip: PeerGossip;
  private readonly bans: PeerBans;
  private network: PeerNetwork | undefined;
  private dialler: PeerDialler | undefined;
  private isStarted = false;
  private isStopped = false;

  /** Throws RangeError for options out of bounds. */
  constructor(options: PeerNodeOptions) {
    const { module, signer, verifier, banStore: store, targetPeers = 25 } = options;
    const { clock = hostPeerClock, random = hostRandom, wires = [3, 2] } = options;
    const ownId = options.network.peerId;
    for (const address of options.keepConnected ?? []) idIn(address);
    this.options = options;
    this.clock = clock;
    this.peerId = peerIdText(ownId);
    this.wires = new PeerWires(options.networkName, options.instanceId, wires);
    this.gate = PeerGate.create({ module, peerId: ownId, targetPeers, limits: options.limits });
    this.gate.replaceWhitelist(options.whitelist, clock.nowMs());
    const { gate, events } = this;
    const codec = options.codec ?? PeerCodec.create({ module });
    const common = { gate, codec, clock, events, wires: this.wires, ownId };
    let messageId = BigInt(clock.nowMs()) * NUMBERS_EACH_MS;
    const nextMessageId = () => messageId++;
    this.bans = new PeerBans({ gate, clock, events, store });
    this.handshakes = new PeerHandshakes({ ...common, signer, verifier, random }, () => this.links);
    const duties = {
      sendHandshake: this.handshakes.send.bind(this.handshakes),
      onVerified: (peer: LinkedPeer) => this.gossip.admit(peer),
      onFewer: (peer: LinkedPeer) => this.gossip.resume(peer),
      onGone: (peer: LinkedPeer) => this.gossip.release(peer),
      onBans: () => this.bans.mayHaveChanged(),
    };
    const addressKey = new DataView(random(4).buffer).getUint32(0);
    this.links = new PeerLinks({ gate, clock, events, duties, addressKey });
    this.answers = new PeerAnswers(common, this.links, this.handshakes);
    this.requests = new PeerRequests({ ...common, nextMessageId }, this.links);
    const topic = { name: this.wires.basicId, forwards: options.forwardsBroadcasts ?? true };
    this.gossip = new PeerGossip({ ...common, nextMessageId }, this.links, topic);
  }

  /** The public half of its instance key, 32 bytes: what others have on their lists. */
  get key(): Uint8Array {
    return this.options.signer.publicKey;
  }

  /** Listens, once. Rejects like the host's libp2p and the store of bans. */
  async start(): Promise<void> {
    if (this.isStarted || this.isStopped) {
      throw new PeerNodeError('ANDVARI_PEER_STOPPED', 'a node starts once');
    }
    this.isStarted = true;
    const { targetPeers = 25, protocolVersion = 'blueprint/1.0.0' } = this.options;
    await this.bans.load();
    const network = await this.options.network.open({
      gater: this.links.gater(),
      connectionsMax: 4 * targetPeers,
      gossipOptions: this.gossip.options(),
      gossipRegistrar: (registrar) => this.gossip.registrar(registrar),
      protocolVersion,
      agentVersion: this.options.agentVersion ?? 'andvari/0.1.0',
    });
    this.network = network;
    network.onConnection((connection) => this.links.attach(connection));
    const finder = new PeerFinder({ node: this, clock: this.clock, targetPeers });
    network.onDiscovered?.((address) => finder.found(address));
    network.onIdentified((identification) => this.checkVersion(identification, protocolVersion));
    for (const protocol of this.wires.protocols) {
      await network.handle(
        protocol,
        (stream, connection) => {
          void this.answers.accept(stream, connection);
        },
        { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX },
      );
    }
    await network.start();
    this.gossip.start(network.gossip);
    this.keepConnected();
  }

  /** Multiaddrs at which it listens. */
  addresses(): string[] {
    return this.network?.addresses() ?? [];
  }

  /**
   * Dials a multiaddr that ends with /p2p/PEER; resolves with the peer id when it is verified.
   * Rejects with RangeError, or with PeerNodeError when there is no leave, no connection or no
   * valid handshake within 30 s.
   */
  async connect(address: string): Promise<string> {
    const { peerId, id } = idIn(address);
    const { network } = this;
    if (!network || this.isStopped) {
      throw new PeerNodeError('ANDVARI_PEER_STOPPED', 'the node does not run');
    }
    if (this.links.peer(peerId)?.proved) return peerId;
    const deadline = new Deadline(this.clock, this.clock.nowMs() + CONNECT_MS);
    try {
      const dialled = await this.links.dial(id, peerId, () =>
        network.dial(address, deadline.signal),
      );
      // Refused: it may have connected to us meanwhile.
      const isRefused = 'refused' in dialled && !this.links.peer(peerId);
      if (isRefused) throw refusal(peerId, dialled.refused);
    } catch (error) {
      if (error instanceof PeerNodeError) throw error;
      throw new PeerNodeError('ANDVARI_PEER_UNREACHABLE', `${peerId} cannot be reached`, error);
    } finally {
      deadline.end();
    }
    return this.whenVerified(peerId);
  }

  /**
   * Asks a peer, which is connected, and gives its answer; of a peer that is not verified yet the
   * request waits. Rejects with RangeError or TypeError for what is no message.
   */
  send(
    peerId: string,
    protocol: string,
    payload: Uint8Array,
    options?: SendOptions,
  ): Promise<PeerAnswer> {
    return this.requests.send(peerId, protocol, payload, options);
  }

  /**
   * Tells all peers, as best it can: `peers` were sent it at once. Rejects with RangeError for a
   * message that has, all included, more than 64 KiB.
   */
  broadcast(
    protocol: string,
    payload: Uint8Array,
    { roundId = 0 }: { roundId?: number } = {},
  ): Promise<{ messageId: bigint; peers: number }> {
    return this.gossip.broadcast(protocol, payload, roundId);
  }

  /** Who answers requests of a protocol; gives what ends it. Throws RangeError for a second one. */
  handle(protocol: string, handler: PeerHandler): () => void {
    return this.answers.handle(protocol, handler);
  }

  /** Gives what ends it. */
  on<Name extends keyof PeerNodeEvents>(
    name: Name,
    listener: (event: PeerNodeEvents[Name]) => void,
  ): () => void {
    return this.events.on(name, listener);
  }

  /** Broadcasts that were not heard, because their sender had sent too many. */
  get droppedBroadcasts(): number {
    return this.gossip.dropped;
  }

  peers(): PeerStatus[] {
    return this.links.peers().map(({ text, proved, links }) => ({
      peerId: text,
      isVerified: proved !== undefined,
      ...(proved && { ...proved, participant: this.gate.participant(proved.key) }),
      connections: links.size,
    }));
  }

  /** Bans a peer and closes what it has. `untilMs`: Infinity for until unban() [in an hour]. */
  ban(peerId: string, untilMs?: number): void {
    const now = this.clock.nowMs();
    const until = untilMs ?? now + (this.options.banMs ?? BAN_MS);
    const answer = this.gate.ban(peerIdBytes(peerId), until, now);
    this.links.settle();
    this.bans.look();
    if (answer !== 'OK') throw new RangeError(`peer node: no ban of ${peerId}: ${answer}`);
  }

  /** Ends a ban and forgets the peer's failures. */
  unban(peerId: string): void {
    this.gate.unban(peerIdBytes(peerId));
    this.bans.look();
  }

  /** Resolves when the bans of now are kept over a restart; rejects like the store. */
  bansKept(): Promise<void> {
    return this.bans.keep();
  }

  bannedPeers(): { peerId: string; untilMs: number }[] {
    return this.bans.list();
  }

  /** Who may take part, all at once: others lose what they have. RangeError: the old list stays. */
  replaceWhitelist(keys: readonly Uint8Array[]): void {
    this.gate.replaceWhitelist(keys, this.clock.nowMs());
    this.links.settle();
  }

  /** Closes everything; what waits is answered with an Error. */
  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    this.dialler?.stop();
    this.links.stop();
    await this.network?.stop();
    await this.bans.stop();
  }

  private keepConnected(): void {
    const { keepConnected: addresses = [], random = hostRandom } = this.options;
    if (addresses.length === 0 || this.isStopped) return;
    const failed = (address: string, error: Error) =>
      this.events.emit('unreachable', { address, error });
    this.dialler = new PeerDialler({ node: this, addresses, clock: this.clock, random, failed });
  }

  private checkVersion(
    { connection, protocolVersion, protocols }: PeerIdentification,
    wanted: string,
  ): void {
    const peer = this.links.linkOf(connection)?.peer;
    const isSpoken = this.wires.protocols.some((protocol) => protocols.includes(protocol));
    if (peer && !(isSpoken && protocolVersion === wanted)) this.links.refuse(peer, 'VERSION');
  }

  /** The gate ends it within 30 s either way. */
  private async whenVerified(peerId: string): Promise<string> {
    const peer = this.links.peer(peerId);
    if (peer && !peer.proved) {
      await new Promise<void>((resolve) => {
        peer.waiting.add(resolve);
      });
    }
    if (peer?.proved && peer.links.size > 0) return peerId;
    throw refusal(peerId, 'it was not verified');
  }
}

/** Throws RangeError for a multiaddr without the id of a peer. */
function idIn(address: string): { peerId: string; id: Uint8Array } {
  const peerId = ID_PART.exec(address)?.[1] ?? '';
  return { peerId, id: peerIdBytes(peerId) };
}

function refusal(peerId: string, why: string): PeerNodeError {
  return new PeerNodeError('ANDVARI_PEER_REFUSED', `no connection to ${peerId}: ${why}`);
}
