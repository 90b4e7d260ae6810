/** A Ratatoskr server on loopback and peers that say exactly what a test wants them to. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { createLogger } from '../../log/logger.ts';
import { MemoryAnswerStore } from '../answers/answer-store.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { type Clock, wallSOf } from '../connection-services.ts';
import { InProcessBus, type InProcessBusOptions } from '../in-process-bus.ts';
import { DeviceRegistry } from '../registry.ts';
import { RatatoskrServer, type RatatoskrServerOptions } from '../server.ts';
import type { Service } from '../service-bus.ts';
import { WebSocketListener } from '../websocket-listener.ts';
import { certificates, TurnedCertificate } from './certificates.ts';
import { signerOf, TestPeer } from './test-peer.ts';

export const USER = 'user-1';
export const serverSeed = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

/** A clock that a test sets. */
export class TestClock implements Clock {
  wall = 1_800_000_000;
  steady = 1_000_000;

  wallS(): number {
    return wallSOf(this);
  }

  wallMs(): number {
    return this.wall * 1000;
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

/** Answers with what it got. */
export const echo: Service = { name: 'echo', handle: ({ payload }) => payload };

export interface PlaceOptions extends Partial<Omit<RatatoskrServerOptions, 'bus'>> {
  bus?: Partial<InProcessBusOptions>;
  devices?: readonly string[];
  tls?: boolean;
  /** That it listens on [any]. */
  port?: number;
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
    const { bus, devices = ['device-1', 'device-2'], tls = false, port = 0, ...more } = options;
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
      failed: (error) => {
        throw error;
      },
      ...more,
    });
    this.codec = RatatoskrCodec.create({ module });
    const certificate = tls ? new TurnedCertificate() : undefined;
    this.#ca = certificate && certificates[0].cert;
    this.#listener = new WebSocketListener({
      listen: { host: '127.0.0.1', port },
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

  get url(): string {
    return this.#url;
  }

  /** A connection of a device that has not said anything yet. */
  async peer(deviceId = 'device-1', userId = USER): Promise<TestPeer> {
    const { codec, clock } = this;
    const peer = new TestPeer(this.#url, {
      ...{ deviceId, userId, codec, nowS: () => clock.wallS() },
      ...(this.#ca ? { ca: this.#ca } : {}),
    });
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
