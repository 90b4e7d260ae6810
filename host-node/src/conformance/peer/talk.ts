/** A case's conversation with a peer: libp2p identities of its own, documents out, answers in. */
import { randomBytes } from 'node:crypto';
import type { Libp2pConnection, Libp2pStream } from '@andvari/host-common/peer/libp2p';
import { Deadline, DeadlineError, hostPeerClock } from '@andvari/host-common/peer/peer-clock';
import {
  exchange,
  readDocument,
  StreamBrokenError,
  writeDocument,
} from '@andvari/host-common/peer/peer-streams';
import { type NodeNetwork, nodeNetwork } from '../../peer/libp2p-network.ts';
import type { NodeEd25519Signer } from '../../ratatoskr/node-ed25519.ts';
import { ConformanceFailure, Inapplicable } from '../finding.ts';
import type { Talk } from '../protocol-suite.ts';
import {
  type Answer,
  type Challenges,
  decodeMessage,
  encodeInner,
  encodeProtocol,
  encodeShake,
  type Inner,
  isSigned,
  type Shake,
  signedBytes,
} from './message.ts';
import type { Pace } from './pace.ts';

export interface PeerSubject {
  /** A multiaddr with /p2p/PEER. */
  address: string;
  /** 38 bytes: the peer id in it. */
  peerId: Buffer;
  /** `/{network}/{instance}` */
  protocolId: string;
  /** Signs with an instance key that is on the peer's list. */
  signer?: NodeEd25519Signer;
  /** Requests that it answers in 10 s. */
  rate: number;
  replyMs: number;
  silenceMs: number;
}

/** The limit that peers have if nobody says otherwise. */
export const RATE = 100;
export const CHALLENGED = '/hs3';
export const PROTOCOL_VERSION = 'blueprint/1.0.0';
/** The id of a key that nobody has. */
export const OTHER_PEER: Buffer = Buffer.from([0, 36, 8, 1, 18, 32, ...Buffer.alloc(32, 0x42)]);
/** As long as an answer may be. */
const ANSWER_BYTES_MAX = 10 * 2 ** 20;
const STREAMS_MAX = 128;
const ASKED_MAX = 64;
const POLL_MS = 5;
/** A protocol that no peer has. */
const UNKNOWN_PROTOCOL = 'andvari-conformance';

export interface IdentityOptions {
  /** What it says of itself. */
  protocolVersion?: string;
  /** Ids that it serves [the peer's]. */
  protocols?: readonly string[];
  /** What the peer's own requests are answered with; undefined: the stream is reset. */
  answer?: (request: Buffer) => Buffer | undefined;
}

export interface ShakeParts {
  sender?: Uint8Array;
  recipient?: Uint8Array;
  aheadMs?: number;
  /** Whose instance key [the listed one]. */
  signer?: NodeEd25519Signer;
  challenges?: Challenges;
}

export class PeerTalk implements Talk {
  readonly subject: PeerSubject;
  readonly signal: AbortSignal;
  readonly pace: Pace;
  readonly #identities: PeerIdentity[] = [];

  /** `pace`: of all that talk to the peer. */
  constructor(subject: PeerSubject, signal: AbortSignal, pace: Pace) {
    this.subject = subject;
    this.signal = signal;
    this.pace = pace;
  }

  async close(): Promise<void> {
    for (const identity of this.#identities) await identity.stop();
  }

  /** The key that the peer has on its list; without one the case is not tried. */
  get signer(): NodeEd25519Signer {
    const { signer } = this.subject;
    if (!signer) throw new Inapplicable("it wants an instance key on the peer's list (--key)");
    return signer;
  }

  /** A libp2p node with a key that nobody has seen: what one case is banned for is its own. */
  async identity(options: IdentityOptions = {}): Promise<PeerIdentity> {
    this.signal.throwIfAborted();
    const identity = await PeerIdentity.start(this, options);
    this.#identities.push(identity);
    return identity;
  }

  async open(options: IdentityOptions = {}): Promise<PeerConnection> {
    return await (await this.identity(options)).dial();
  }

  /** A connection that the peer has verified by its request. */
  async verified(): Promise<PeerConnection> {
    await this.pace.turn(this.signal);
    return this.verifiedNow();
  }

  /** The same, whatever was sent before. */
  async verifiedNow(): Promise<PeerConnection> {
    const { signer } = this;
    const link = await this.open();
    link.handshake(await link.askNow(encodeShake(link.shake({ signer }))));
    return link;
  }
}

export class PeerIdentity {
  readonly talk: PeerTalk;
  /** 38 bytes. */
  readonly id: Buffer;
  /** What the peer has asked by itself. */
  readonly asked: Buffer[] = [];
  /** What identify has told of the peer. */
  told: { protocolVersion?: string | undefined; protocols: readonly string[] } | undefined;
  readonly #network: NodeNetwork;

  private constructor(talk: PeerTalk, id: Uint8Array, network: NodeNetwork) {
    this.talk = talk;
    this.id = Buffer.from(id);
    this.#network = network;
  }

  static async start(talk: PeerTalk, options: IdentityOptions): Promise<PeerIdentity> {
    const { protocolId } = talk.subject;
    const { protocolVersion = PROTOCOL_VERSION, protocols = [protocolId], answer } = options;
    const modules = await nodeNetwork({ seed: randomBytes(32), listen: [] });
    const no = () => false;
    const network = await modules.open({
      gater: {
        denyDialPeer: no,
        denyInboundConnection: no,
        denyOutboundConnection: no,
        denyInboundEncryptedConnection: no,
        denyOutboundEncryptedConnection: no,
      },
      connectionsMax: 16,
      gossipOptions: { allowPublishToZeroTopicPeers: true },
      gossipRegistrar: (registrar) => registrar,
      protocolVersion,
      agentVersion: 'andvari-conformance',
    });
    const identity = new PeerIdentity(talk, modules.peerId, network);
    network.onIdentified((told) => {
      identity.told = told;
    });
    const serve = (stream: Libp2pStream) => identity.#serve(stream, answer);
    const streams = { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX };
    for (const protocol of protocols) await network.handle(protocol, serve, streams);
    await network.start();
    return identity;
  }

  /** A connection of Noise, so it is the peer of that id. */
  async dial(): Promise<PeerConnection> {
    const { address, replyMs } = this.talk.subject;
    try {
      const connection = await this.#network.dial(address, AbortSignal.timeout(replyMs));
      return new PeerConnection(this, connection);
    } catch (error) {
      throw new ConformanceFailure(`no connection: ${(error as Error).message}`);
    }
  }

  /** The peer lets it in no more: there is no connection, or none on which anything is answered. */
  async barred(): Promise<void> {
    const link = await this.dial().catch(() => undefined);
    const answer = await link?.ask(link.request()).catch(() => undefined);
    if (answer) link?.fail('it is let in again', answer.bytes);
  }

  async stop(): Promise<void> {
    await this.#network.stop();
  }

  async #serve(
    stream: Libp2pStream,
    answer: (request: Buffer) => Buffer | undefined = () => undefined,
  ): Promise<void> {
    const deadline = new Deadline(hostPeerClock, Date.now() + this.talk.subject.replyMs);
    try {
      const request = Buffer.from(await readDocument(stream, () => 2 ** 20, deadline));
      if (this.asked.length < ASKED_MAX) this.asked.push(request);
      const document = answer(request);
      if (document) await writeDocument(stream, document, deadline);
      else stream.abort(new Error('there is no answer'));
    } catch (error) {
      stream.abort(error as Error);
    } finally {
      deadline.end();
    }
  }
}

/** An answer, and its bytes. */
export type Answered = Answer & { bytes: Buffer };

export class PeerConnection {
  readonly identity: PeerIdentity;
  readonly #subject: PeerSubject;
  readonly #connection: Libp2pConnection;
  #step = 0;
  #sent: Buffer = Buffer.alloc(0);

  constructor(identity: PeerIdentity, connection: Libp2pConnection) {
    this.identity = identity;
    this.#subject = identity.talk.subject;
    this.#connection = connection;
  }

  /** Of this identity for the peer, signed now. */
  shake(parts: ShakeParts = {}): Shake {
    const { sender = this.identity.id, recipient = this.#subject.peerId } = parts;
    const { signer = this.identity.talk.signer, aheadMs = 0, challenges } = parts;
    const timestampMs = Date.now() + aheadMs;
    const signed = signedBytes({ sender, recipient, timestampMs }, challenges);
    return {
      key: Buffer.from(signer.publicKey),
      signature: Buffer.from(signer.signNow(signed)),
      sender: Buffer.from(sender),
      timestampMs,
    };
  }

  /** A direct message of a protocol that no peer has. */
  request(change: Partial<Inner> = {}, metadata: Uint8Array | null = null): Buffer {
    const inner = this.inner(change);
    return encodeProtocol(inner.protocol, encodeInner(inner), metadata);
  }

  inner(change: Partial<Inner> = {}): Inner {
    return {
      ...{ protocol: UNKNOWN_PROTOCOL, messageId: 300, roundId: 70, payload: Buffer.of(0, 255) },
      ...{ sender: this.identity.id, recipient: this.#subject.peerId },
      ...change,
    };
  }

  /**
   * What a document draws on a stream of its own, when it may be sent; undefined: the stream ends
   * without it.
   */
  async ask(document: Buffer, protocol?: string): Promise<Answered | undefined> {
    const { pace, signal } = this.identity.talk;
    await pace.turn(signal);
    return this.askNow(document, protocol);
  }

  /** The same, whatever was sent before. */
  async askNow(
    document: Buffer,
    protocol: string = this.#subject.protocolId,
  ): Promise<Answered | undefined> {
    this.identity.talk.pace.note();
    this.#step++;
    this.#sent = document;
    const { replyMs } = this.#subject;
    const deadline = new Deadline(hostPeerClock, Date.now() + replyMs);
    let bytes: Buffer;
    try {
      const asked = { protocols: [protocol], document, bytesMax: ANSWER_BYTES_MAX, deadline };
      bytes = Buffer.from((await exchange(this.#connection, asked)).answer);
    } catch (error) {
      if (error instanceof StreamBrokenError) return undefined;
      if (error instanceof DeadlineError) this.fail(`no answer in ${replyMs} ms`);
      throw error;
    } finally {
      deadline.end();
    }
    if (bytes.length === 0) return undefined;
    try {
      return { ...decodeMessage(bytes), bytes };
    } catch (error) {
      this.fail(`the answer is no response: ${(error as Error).message}`, bytes);
    }
  }

  /** It is a handshake of the peer for this identity, signed now. */
  handshake(answer: Answered | undefined, challenges?: Challenges): Shake {
    if (answer?.kind !== 'handshake') this.fail(`wanted a handshake, got ${said(answer)}`, answer);
    this.checkShake(answer.shake, answer.bytes, challenges);
    return answer.shake;
  }

  checkShake(shake: Shake, bytes: Buffer, challenges?: Challenges): void {
    const { sender, timestampMs } = shake;
    const wrong = (problem: string) => this.fail(problem, bytes);
    if (!sender.equals(this.#subject.peerId)) wrong('its sender is not the peer');
    const apartMs = timestampMs - Date.now();
    if (apartMs > 5000 || apartMs < -30_000) wrong(`its time is ${apartMs} ms from ours`);
    const signed = signedBytes({ sender, recipient: this.identity.id, timestampMs }, challenges);
    if (!isSigned(shake, signed)) wrong('it is not signed for us by its key');
  }

  /** It is an Error of this code. */
  error(answer: Answered | undefined, code: number): void {
    if (answer?.kind === 'error' && answer.code === code) return;
    this.fail(`wanted Error ${code}, got ${said(answer)}`, answer);
  }

  /** Nothing of it was taken: an Error, or no answer. */
  untaken(answer: Answered | undefined): void {
    if (answer === undefined || answer.kind === 'error') return;
    this.fail(`wanted Error or no answer, got ${said(answer)}`, answer);
  }

  /** The peer answers a direct message, with whatever a protocol that it does not have is worth. */
  async answersDirect(document: Buffer = this.request()): Promise<void> {
    const answer = await this.ask(document);
    const isRefused = answer?.kind === 'error' && [403, 408, 429].includes(answer.code);
    if (answer && !isRefused && answer.kind !== 'handshake' && answer.kind !== 'hello') return;
    this.fail(`wanted Success, Protocol or Error 400, got ${said(answer)}`, answer);
  }

  /** A direct message draws 403: the peer has verified nobody. */
  async isUnverified(): Promise<void> {
    this.error(await this.ask(this.request()), 403);
  }

  get isOpen(): boolean {
    return this.#connection.status === 'open';
  }

  /** The peer closes it. */
  async closed(): Promise<void> {
    if (!(await this.until(() => !this.isOpen))) this.fail('wanted the connection closed');
  }

  /** Ends it on this side, and waits as long as the peer may need to see that. */
  async end(): Promise<void> {
    this.#connection.abort(new Error('the case ends it'));
    await new Promise((resolve) => setTimeout(resolve, this.#subject.silenceMs));
  }

  /** Whether it happens within the time of a reply. */
  async until(happened: () => boolean): Promise<boolean> {
    const endMs = performance.now() + this.#subject.replyMs;
    while (!happened() && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return happened();
  }

  fail(problem: string, received?: Buffer | Answered): never {
    const bytes = received instanceof Uint8Array ? received : received?.bytes;
    const evidence = { step: this.#step, request: this.#sent, received: bytes ?? Buffer.alloc(0) };
    throw new ConformanceFailure(problem, evidence);
  }
}

function said(answer: Answered | undefined): string {
  if (!answer) return 'no answer';
  return answer.kind === 'error' ? `Error ${answer.code}` : answer.kind;
}
