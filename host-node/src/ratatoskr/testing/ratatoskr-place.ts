/** A Ratatoskr server on loopback and peers that say exactly what a test wants them to. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import {
  MessageType,
  type RatatoskrRequest,
  type RatatoskrResponse,
} from '@andvari/host-common/ratatoskr/messages';
import { WebSocket } from 'ws';
import { createLogger } from '../../log/logger.ts';
import { MemoryAnswerStore } from '../answer-store.ts';
import { AuditLog } from '../audit-log.ts';
import type { Clock } from '../connection-services.ts';
import { InProcessBus, type InProcessBusOptions } from '../in-process-bus.ts';
import { NodeEd25519Signer } from '../node-ed25519.ts';
import { DeviceRegistry } from '../registry.ts';
import { RatatoskrServer, type RatatoskrServerOptions } from '../server.ts';
import type { Service } from '../service-bus.ts';
import { WebSocketListener } from '../websocket-listener.ts';
import { certificates, TurnedCertificate } from './certificates.ts';

export const USER = 'user-1';
export const serverSeed = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

/** A clock that a test sets. */
export class TestClock implements Clock {
  wall = 1_800_000_000;
  steady = 1_000_000;

  wallS(): number {
    return Math.floor(this.wall);
  }

  steadyMs(): number {
    return this.steady;
  }

  /** Both, as time passes. */
  pass(seconds: number): void {
    this.wall += seconds;
    this.steady += seconds * 1000;
  }
}

/** The signer of a device, from its name. */
export function signerOf(deviceId: string): NodeEd25519Signer {
  return new NodeEd25519Signer(createHash('sha256').update(`device ${deviceId}`).digest());
}

/** Answers with what it got. */
export const echo: Service = { name: 'echo', handle: ({ payload }) => payload };

export interface PlaceOptions extends Partial<Omit<RatatoskrServerOptions, 'bus'>> {
  bus?: Partial<InProcessBusOptions>;
  devices?: readonly string[];
  tls?: boolean;
}

export class RatatoskrPlace {
  readonly clock: TestClock;
  readonly registry: DeviceRegistry;
  readonly audit: AuditLog;
  readonly server: RatatoskrServer;
  readonly codec: RatatoskrCodec;
  readonly #listener: WebSocketListener;
  readonly #peers: TestPeer[] = [];
  #url = '';
  #ca: string | undefined;

  private constructor(module: WebAssembly.Module, options: PlaceOptions) {
    const { bus, devices = ['device-1', 'device-2'], tls = false, ...more } = options;
    const logger = createLogger({ level: 'silent' });
    this.clock = (options.clock as TestClock | undefined) ?? new TestClock();
    this.registry = new DeviceRegistry();
    for (const deviceId of devices) {
      const { publicKey } = signerOf(deviceId);
      this.registry.register({ deviceId, publicKey, userIds: [USER, 'user-2'] });
    }
    this.audit = new AuditLog({ logger, nowMs: () => this.clock.wall * 1000 });
    this.server = new RatatoskrServer({
      module,
      registry: this.registry,
      audit: this.audit,
      bus: new InProcessBus({
        ...{ routes: new Map(), fallback: echo, answers: new MemoryAnswerStore(), logger },
        ...bus,
      }),
      serverSeed,
      clock: this.clock,
      replayEntries: 16_384,
      ...more,
    });
    this.codec = RatatoskrCodec.create({ module });
    const certificate = tls ? new TurnedCertificate() : undefined;
    this.#ca = certificate && certificates[0].cert;
    this.#listener = new WebSocketListener({
      listen: { host: '127.0.0.1', port: 0 },
      accept: this.server.accept,
      ...(certificate ? { certificate } : {}),
      ...(options.connectionsMax ? { connectionsMax: options.connectionsMax } : {}),
      failed: (error) => {
        throw error;
      },
    });
  }

  static async start(options: PlaceOptions = {}): Promise<RatatoskrPlace> {
    const place = new RatatoskrPlace(await plainEngine(), options);
    const { port } = await place.#listener.open();
    place.#url = `${place.#ca ? 'wss' : 'ws'}://127.0.0.1:${port}/ratatoskr`;
    return place;
  }

  /** A connection of a device that has not said anything yet. */
  async peer(deviceId = 'device-1', userId = USER): Promise<TestPeer> {
    const socket = new WebSocket(this.#url, 'ratatoskr.v1', this.#ca ? { ca: this.#ca } : {});
    const peer = new TestPeer(this, socket, { deviceId, userId });
    this.#peers.push(peer);
    await peer.opened;
    return peer;
  }

  /** With a session. */
  async connected(deviceId = 'device-1', userId = USER): Promise<TestPeer> {
    const peer = await this.peer(deviceId, userId);
    const answer = await peer.ask(peer.connectionRequest());
    if (!answer.success) throw new Error(`no session: ${answer.errorCode}`);
    return peer;
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.socket.terminate();
    await this.server.close();
    await this.#listener.close();
    this.audit.close();
  }
}

export interface Closed {
  code: number;
  reason: string;
}

/** One socket, and a device's key. */
export class TestPeer {
  readonly socket: WebSocket;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<Closed>;
  /** Answers in the order in which they came. */
  readonly answers: RatatoskrResponse[] = [];
  readonly #place: RatatoskrPlace;
  readonly #owner: { deviceId: string; userId: string };
  #came: () => void = () => {};

  constructor(
    place: RatatoskrPlace,
    socket: WebSocket,
    owner: { deviceId: string; userId: string },
  ) {
    this.#place = place;
    this.#owner = owner;
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('message', (data) => {
      const opened = place.codec.openResponse(new Uint8Array(data as Buffer));
      if (!opened.ok) throw new Error(`the server sent what does not open: ${opened.reason}`);
      this.answers.push(opened.response);
      this.#came();
    });
  }

  /** A signed request; `change` replaces fields before the signature is made. */
  request(change: Partial<RatatoskrRequest> = {}): RatatoskrRequest {
    const request = {
      messageType: MessageType.BUSINESS_REQUEST as number,
      requestId: randomUUID() as string,
      ...this.#owner,
      timestamp: BigInt(this.#place.clock.wallS()),
      nonce: new Uint8Array(randomBytes(16)),
      payload: new Uint8Array(),
      metadata: new Map<string, string>(),
      ...change,
    };
    const digest = this.#place.codec.requestDigest(request);
    const signature = signerOf(this.#owner.deviceId).signNow(digest);
    return { ...request, signature: change.signature ?? signature };
  }

  connectionRequest(
    version = '1.0',
    change: Partial<RatatoskrRequest> = {},
    token = 'token',
  ): RatatoskrRequest {
    const payload = this.#place.codec.encodeConnectionRequest({
      deviceIdentity: 'identity',
      authenticationToken: token,
      version,
    });
    return this.request({ messageType: MessageType.CONNECTION_REQUEST, payload, ...change });
  }

  send(request: RatatoskrRequest | Uint8Array): void {
    const bytes =
      request instanceof Uint8Array ? request : this.#place.codec.encodeRequest(request);
    this.socket.send(bytes);
  }

  /** Sends and takes the next answer, whatever it answers. */
  async ask(request: RatatoskrRequest | Uint8Array): Promise<RatatoskrResponse> {
    const count = this.answers.length;
    this.send(request);
    return this.answer(count);
  }

  /** The answer of this number, from 0, once it is here. */
  async answer(index: number): Promise<RatatoskrResponse> {
    while (this.answers.length <= index) {
      await new Promise<void>((resolve) => {
        this.#came = resolve;
      });
    }
    return this.answers[index] as RatatoskrResponse;
  }
}
