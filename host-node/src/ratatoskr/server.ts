/**
 * The Ratatoskr server: connections from any transport in, answers out. Sockets and services are
 * given to it (websocket-listener.ts, in-process-bus.ts); endpoint.ts puts it all together.
 */
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import type { FirstConnection } from './answers/connection-records.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { type Authenticator, anyDevice } from './authenticator.ts';
import type { AcceptChannel } from './channel.ts';
import { RatatoskrConnection } from './connection.ts';
import {
  type Clock,
  type ConnectionRate,
  ConnectionServices,
  type CountedResult,
  systemClock,
  wallSOf,
} from './connection-services.ts';
import { DeviceConnections } from './device-connections.ts';
import {
  CONNECTIONS_DEFAULT,
  DEVICES_MAX,
  RATE_PER_HOUR,
  RATE_PER_MINUTE,
  REPLAY_ENTRIES,
  SWEEP_MS,
} from './limits.ts';
import { NodeEd25519Signer, NodeEd25519Verifier } from './node-ed25519.ts';
import { DeviceRateLimit } from './rate-limit.ts';
import type { DeviceRegistry } from './registry.ts';
import { RequestPipeline } from './request-pipeline.ts';
import type { ServiceBus } from './service-bus.ts';
import { ClockWatch, StartLine } from './set-clocks.ts';
import { StrangerLimit } from './stranger-limit.ts';

export interface RatatoskrServerOptions {
  /** The compiled engine, plain build. */
  module: WebAssembly.Module;
  registry: DeviceRegistry;
  bus: ServiceBus;
  audit: AuditLog;
  /** 32 bytes; without it answers are not signed. */
  serverSeed?: Uint8Array;
  /** [everybody who has signed] */
  authenticator?: Authenticator;
  /** Messages of one device [60 a minute, 1000 an hour]. */
  rates?: { perMinute?: number; perHour?: number };
  /** Of all processes [the replay cache knows those of this one]. */
  firstConnection?: FirstConnection;
  connectionRate?: ConnectionRate;
  connectionsMax?: number;
  /** Seconds of the future that are accepted [0]. */
  skewS?: number;
  /** Messages dated before it are stale, by the clock as it is now [this second]. */
  refuseBeforeS?: number;
  strictShape?: boolean;
  requireV2?: boolean;
  /** Messages that the replay cache remembers [1,000,000]; 112 bytes each when they are used. */
  replayEntries?: number;
  clock?: Clock;
  /** The wall clock was set by so many seconds: told within some of them. */
  clockSet?: (byS: number) => void;
  /** A defect of ours, or of a service bus: the request is answered SERVICE_ERROR. */
  failed: (error: unknown) => void;
}

export class RatatoskrServer {
  /** 32 bytes; undefined: answers are not signed. */
  readonly publicKey: Uint8Array | undefined;
  /** For the listeners. */
  readonly accept: AcceptChannel;
  /** Told of each business request that was answered: so long after it came. */
  onRouted: ((ms: number) => void) | undefined;
  readonly #services: ConnectionServices;
  readonly #connections = new Set<RatatoskrConnection>();
  readonly #counts = new Map<CountedResult, number>();
  readonly #rates: DeviceRateLimit;
  readonly #clock: Clock;
  readonly #clockWatch: ClockWatch;
  readonly #clockSet: ((byS: number) => void) | undefined;
  readonly #bus: ServiceBus;
  readonly #sweep: NodeJS.Timeout;
  #opened = 0;
  #closing = false;

  /** Throws RangeError for numbers beyond their bounds. */
  constructor(options: RatatoskrServerOptions) {
    const { connectionsMax = CONNECTIONS_DEFAULT, clock = systemClock, bus, audit } = options;
    const { perMinute = RATE_PER_MINUTE, perHour = RATE_PER_HOUR } = options.rates ?? {};
    checkNumbers({ connectionsMax, 'rates.perMinute': perMinute, 'rates.perHour': perHour });
    const signer = options.serverSeed && new NodeEd25519Signer(options.serverSeed);
    const codec = RatatoskrCodec.create({
      module: options.module,
      replayEntries: options.replayEntries ?? REPLAY_ENTRIES,
    });
    this.publicKey = signer?.publicKey;
    const started = { wallMs: clock.wallMs(), steadyMs: clock.steadyMs() };
    this.#clock = clock;
    this.#clockWatch = new ClockWatch(started);
    this.#clockSet = options.clockSet;
    this.#bus = bus;
    this.#rates = new DeviceRateLimit({ perMinute, perHour }, DEVICES_MAX);
    const strangers = new StrangerLimit<RatatoskrConnection>(connectionsMax);
    const ofDevices = new DeviceConnections<RatatoskrConnection>();
    this.#services = new ConnectionServices({
      ...{ codec, bus, audit, clock, signer },
      pipeline: new RequestPipeline({
        ...{ codec, registry: options.registry, rates: this.#rates },
        verifier: new NodeEd25519Verifier(),
        skewS: options.skewS ?? 0,
        startLine: new StartLine(options.refuseBeforeS ?? wallSOf(clock), started),
        strictShape: options.strictShape ?? false,
        requireV2: options.requireV2 ?? false,
      }),
      authenticator: options.authenticator ?? anyDevice,
      firstConnection: options.firstConnection ?? (() => Promise.resolve(true)),
      connectionRate: options.connectionRate ?? {},
      failed: options.failed,
      routed: (ms) => this.onRouted?.(ms),
      count: (result) => void this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1),
      left: (connection) => {
        this.#connections.delete(connection as RatatoskrConnection);
        strangers.delete(connection as RatatoskrConnection);
        ofDevices.delete(connection as RatatoskrConnection);
      },
      known: (connection, deviceId) => {
        strangers.delete(connection as RatatoskrConnection);
        ofDevices.add(connection as RatatoskrConnection, deviceId)?.giveWayToOwn();
      },
    });
    this.accept = (channel) => {
      if (this.#closing || this.#connections.size >= connectionsMax) {
        const { remoteAddress: address, transport } = channel;
        const refused = {
          event: 'connection_refused',
          success: false,
          address,
          transport,
        } as const;
        audit.record(refused, 'stranger');
        return undefined;
      }
      const connection = new RatatoskrConnection(channel, this.#opened++, this.#services);
      this.#connections.add(connection);
      strangers.add(connection, channel.remoteAddress)?.giveWay();
      return connection;
    };
    this.#sweep = setInterval(() => this.sweep(), SWEEP_MS);
    this.#sweep.unref();
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Connections with a session that holds. */
  get sessions(): number {
    let count = 0;
    for (const { session } of this.#connections) if (session) count++;
    return count;
  }

  /** Messages by verdict, and delivered requests by outcome, since the start. */
  get counts(): ReadonlyMap<CountedResult, number> {
    return this.#counts;
  }

  /** Ends connections that have been silent for too long; runs by itself every few seconds. */
  sweep(): void {
    const steadyMs = this.#clock.steadyMs();
    const setByS = this.#clockWatch.look({ wallMs: this.#clock.wallMs(), steadyMs });
    if (setByS !== 0) this.#clockSet?.(setByS);
    for (const connection of this.#connections) connection.sweep(steadyMs);
    this.#rates.sweep(steadyMs);
  }

  /** Accept nobody more, end what is open, wait for the services a second at the most. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    await this.#bus.close();
    for (const connection of this.#connections) connection.close();
  }
}

/** With another number a limit would hold nobody, or everybody. */
function checkNumbers(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isFinite(value) || value < 1) {
      throw new RangeError(`${name}: wanted a number from 1, got ${value}`);
    }
  }
}
