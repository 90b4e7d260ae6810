/**
 * A Ratatoskr server in memory that does what a test says: every message passes the real codec, the
 * real signatures and a virtual clock, and no socket.
 */
import { createHash } from 'node:crypto';
import type {
  ChannelEvents,
  ClientChannel,
  ClientTransport,
  TransportName,
} from '../../host-common/src/ratatoskr/client/client-channel.ts';
import type { ClientEvent } from '../../host-common/src/ratatoskr/client/client-status.ts';
import {
  RatatoskrClient,
  type RatatoskrClientOptions,
} from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import { RatatoskrCodec } from '../../host-common/src/ratatoskr/codec.ts';
import {
  MessageType,
  type RatatoskrRequest,
  type RatatoskrResponse,
} from '../../host-common/src/ratatoskr/messages.ts';
import { NO_REQUEST_DIGEST, signResponse } from '../../host-common/src/ratatoskr/signing.ts';
import {
  NodeEd25519Signer,
  NodeEd25519Verifier,
} from '../../host-node/src/ratatoskr/node-ed25519.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export const SESSION_S = 86_400;

export const signerNamed = (name: string): NodeEd25519Signer =>
  new NodeEd25519Signer(createHash('sha256').update(name).digest());

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

/** A request_id, the same one for the same number. */
export const idOf = (number: number): string =>
  `4f0f3a52-7c55-4f0e-9c2e-${number.toString(16).padStart(12, '0')}`;

/** A request that has reached the server. */
export interface Arrived {
  request: RatatoskrRequest;
  digest: Uint8Array;
  peer: ServerPeer;
}

/** The server's end of a connection. */
export class ServerPeer {
  readonly transport: TransportName;
  readonly server: ScriptedServer;
  /** Set when the client or the server has ended it. */
  isOver = false;
  closeCode: number | undefined;
  readonly #events: ChannelEvents;

  constructor(server: ScriptedServer, transport: TransportName, events: ChannelEvents) {
    this.server = server;
    this.transport = transport;
    this.#events = events;
  }

  /** Bytes to the client. */
  deliver(message: Uint8Array): void {
    if (!this.isOver) this.#events.message(message);
  }

  ping(): void {
    this.#events.alive?.();
  }

  cut(code = 1006, reason = ''): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#events.closed(code, reason);
  }

  /** Answers with success, unless `change` says otherwise; signed for `digest`. */
  async answer(
    { request, digest }: Pick<Arrived, 'request' | 'digest'>,
    change: Partial<RatatoskrResponse> = {},
  ): Promise<Uint8Array> {
    const message = await this.server.sealed({ requestId: request.requestId, ...change }, digest);
    this.deliver(message);
    return message;
  }

  refuse(arrived: Pick<Arrived, 'request' | 'digest'>, errorCode: string): Promise<Uint8Array> {
    const messageType = MessageType.ERROR;
    return this.answer(arrived, { messageType, success: false, errorCode, errorMessage: 'no' });
  }
}

export class ScriptedServer {
  readonly codec: RatatoskrCodec;
  readonly clock: VirtualClock;
  readonly signer = signerNamed('server');
  readonly peers: ServerPeer[] = [];
  /** Everything that has arrived, in order. */
  readonly arrived: Arrived[] = [];
  /** Transports that answer. */
  reachable: readonly TransportName[] = ['websocket', 'webtransport'];
  /** A dead server takes messages and does nothing. */
  dead = false;
  sessionS = SESSION_S;
  /** What its clock is ahead of the client's. */
  aheadS = 0;
  onConnect: (arrived: Arrived) => unknown = (arrived) => this.accept(arrived);
  onBusiness: (arrived: Arrived) => unknown = (arrived) =>
    arrived.peer.answer(arrived, { payload: arrived.request.payload });
  onOther: (arrived: Arrived) => unknown = () => undefined;

  constructor(module: WebAssembly.Module, clock: VirtualClock) {
    this.codec = RatatoskrCodec.create({ module });
    this.clock = clock;
  }

  unixS(): number {
    return this.clock.unixS() + this.aheadS;
  }

  get business(): Arrived[] {
    return this.arrived.filter(({ request }) => request.messageType === 3);
  }

  /** The last connection. */
  get peer(): ServerPeer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('nobody has connected');
    return peer;
  }

  accept(arrived: Arrived, change: Partial<RatatoskrResponse> = {}): Promise<Uint8Array> {
    const payload = this.codec.encodeConnectionResponse({
      accepted: true,
      sessionId: `session-${this.arrived.length}`,
      expiresAt: BigInt(this.unixS() + this.sessionS),
      serverVersion: '1.0',
    });
    const messageType = MessageType.CONNECTION_RESPONSE;
    return arrived.peer.answer(arrived, { messageType, payload, ...change });
  }

  async sealed(
    change: Partial<RatatoskrResponse>,
    digest: Uint8Array = NO_REQUEST_DIGEST,
    signer = this.signer,
  ): Promise<Uint8Array> {
    const response = {
      messageType: MessageType.BUSINESS_REQUEST as number,
      requestId: '-',
      timestamp: BigInt(this.unixS()),
      success: true,
      errorCode: '',
      errorMessage: '',
      payload: new Uint8Array(0),
      metadata: new Map<string, string>(),
      ...change,
    };
    return this.codec.encodeResponse(await signResponse(this.codec, signer, response, digest));
  }

  transport(name: TransportName): ClientTransport {
    return {
      name,
      connect: async (events, signal) => {
        signal.throwIfAborted();
        if (!this.reachable.includes(name)) throw new Error('nobody there');
        const peer = new ServerPeer(this, name, events);
        this.peers.push(peer);
        return this.#channel(peer);
      },
    };
  }

  #channel(peer: ServerPeer): ClientChannel {
    return {
      send: (message) => {
        if (!peer.isOver && !this.dead) this.#receive(peer, message);
      },
      close: (code) => {
        peer.isOver = true;
        peer.closeCode = code;
      },
    };
  }

  #receive(peer: ServerPeer, message: Uint8Array): void {
    // The age of a message is the business of the tests that are about it.
    const nowS = this.clock.unixS();
    const moments = [nowS, nowS + this.aheadS, nowS - this.aheadS];
    const opened = moments
      .map((s) => this.codec.openRequest(message, s, 1))
      .reduce((best, next) => (best.ok ? best : next));
    if (!opened.ok) throw new Error(`the client sent what does not open: ${opened.reason}`);
    const { request, digest } = opened;
    const arrived = { request, digest, peer };
    this.arrived.push(arrived);
    if (request.messageType === MessageType.CONNECTION_REQUEST) void this.onConnect(arrived);
    else if (request.messageType === MessageType.BUSINESS_REQUEST) void this.onBusiness(arrived);
    else void this.onOther(arrived);
  }
}

/** A server, a clock and a client of them. */
export class ScriptedPlace {
  readonly clock = new VirtualClock();
  readonly server: ScriptedServer;
  readonly client: RatatoskrClient;
  readonly events: ClientEvent[] = [];
  readonly #module: WebAssembly.Module;

  constructor(module: WebAssembly.Module, options: Partial<RatatoskrClientOptions> = {}, seed = 1) {
    this.#module = module;
    this.server = new ScriptedServer(module, this.clock);
    this.client = this.anotherClient(options, seed);
    this.client.subscribe((event) => this.events.push(event));
  }

  anotherClient(options: Partial<RatatoskrClientOptions> = {}, seed = 2): RatatoskrClient {
    const random = randomFrom(seed);
    const hex = (count: number) =>
      Array.from({ length: count }, () => random(16).toString(16)).join('');
    return new RatatoskrClient(
      {
        transports: [this.server.transport('webtransport'), this.server.transport('websocket')],
        signer: signerNamed('device'),
        deviceId: 'device-1',
        userId: 'user-1',
        serverKey: this.server.signer.publicKey,
        ...options,
      },
      {
        codec: RatatoskrCodec.create({ module: this.#module }),
        verifier: new NodeEd25519Verifier(),
        clock: this.clock,
        random: () => random(1_000_000) / 1_000_000,
        randomBytes: (count) => Uint8Array.from({ length: count }, () => random(256)),
        newId: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
      },
    );
  }

  async connected(): Promise<this> {
    const connecting = this.client.connect();
    await this.clock.settle();
    await connecting;
    return this;
  }

  states(): string[] {
    return this.events.flatMap((event) => (event.kind === 'state' ? [event.state] : []));
  }

  problems(): string[] {
    return this.events.flatMap((event) => (event.kind === 'problem' ? [event.error.message] : []));
  }
}
