/** One RAIDA node: store, engine, UDP and TCP on one port, HTTP. */
import type { EngineSizes } from '@andvari/host-common/engine/configuration';
import { Counter, Gauge, Registry } from 'prom-client';
import { HttpServer, type Readiness } from './http/http-server.ts';
import { formatAddress } from './http/socket-address.ts';
import {
  type Backend,
  type BackendChoice,
  BackendError,
  chooseBackends,
  framesFor,
  type IoOptions,
} from './io/choose-backend.ts';
import type { SocketAddress } from './io/packet-io.ts';
import { registerPacketMetrics } from './io/packet-metrics.ts';
import { PortableIo } from './io/portable.ts';
import { ServerPackets } from './io/server-packets.ts';
import type { Logger } from './log/logger.ts';
import { type OutsideOptions, openOutsideWorld } from './raida/outside-world.ts';
import { RaidaServer, type RaidaServerOptions } from './raida/server.ts';
import { RaidaStatistics } from './raida/statistics.ts';
import { workerCount } from './raida/worker-pool.ts';
import { RatatoskrEndpoint, type RatatoskrOptions } from './ratatoskr/endpoint.ts';
import type { StoreClient } from './store/store-client.ts';
import { StoreTrouble } from './store-trouble.ts';

/** Version that 0/1 answers: the day of this protocol implementation, yyyymmdd. */
export const RAIDA_VERSION = '20261121';

const PORTABLE: IoOptions = { backend: 'portable' };
/** Frames of TCP and WebSocket where a native socket has frames of its own. */
const HOST_FRAMES = 256;

/** What a node needs to know. host-node/src/config makes it from a configuration file. */
export interface NodeOptions extends OutsideOptions {
  /** UDP and TCP. Port 0: any port that is free for both. */
  listen: SocketAddress;
  /** Encryption types 4 and 5 as well. */
  modern: boolean;
  pagesPerDenomination: number;
  /** 16 bytes. */
  adminKey?: Uint8Array;
  adminClear?: boolean;
  /** `memory:`, or `sqlite:` and an absolute path. */
  storeUrl: string;
  btcConfirmations?: number;
  openKeyRecords?: boolean;
  /** Seconds between two looks at the Merkle trees (wire legacy). */
  integritySeconds?: number;
  /** Without it the node has no HTTP listener. */
  http?: {
    listen: SocketAddress;
    /** Host values besides the listening address (AllowList). */
    hosts?: readonly string[];
    /** Pages that may use the WebSocket; `none`: programs without an Origin (AllowList). */
    origins: readonly string[];
  };
  /** How datagrams come and go, and on how many threads [portable, on this one]. */
  io?: IoOptions;
  /** Without it the node has no Ratatoskr endpoint. Closed with the node, services and all. */
  ratatoskr?: RatatoskrOptions;
  /** Sizes of the engine's regions other than their defaults. */
  sizes?: Partial<EngineSizes>;
  /** The workers' entry, for tests that want faults. */
  workerEntry?: URL;
}

export interface NodeSurroundings {
  /** The store thread of this process; its owner closes it after its nodes. */
  storeThread: StoreClient;
  logger: Logger;
  /** Called when `ready` may have changed. */
  readyChanged?: (readiness: Readiness) => void;
  /** The node cannot go on and has to be closed: a thread of it has died. */
  failed?: (error: Error) => void;
}

export interface NodeAddresses {
  raida: SocketAddress;
  http?: SocketAddress;
  ratatoskr?: SocketAddress;
}

export class AndvariNode {
  readonly raidaId: number;
  readonly statistics: RaidaStatistics;
  readonly #server: RaidaServer;
  readonly #trouble: StoreTrouble;
  readonly #packets: ServerPackets;
  /** Why better backends were not taken. */
  readonly #better: readonly string[];
  readonly #io: PortableIo;
  readonly #http: HttpServer | undefined;
  readonly #logger: Logger;
  readonly #registry: Registry;
  #ratatoskr: RatatoskrEndpoint | undefined;
  #addresses: NodeAddresses = { raida: { host: '', port: 0 } };
  #closing: Promise<void> | undefined;

  private constructor(options: NodeOptions, parts: NodeParts) {
    const { server, statistics, trouble, registry, logger, choice } = parts;
    this.raidaId = options.raidaId;
    this.statistics = statistics;
    this.#server = server;
    this.#trouble = trouble;
    this.#logger = logger;
    this.#registry = registry;
    const io = options.io ?? PORTABLE;
    const { loop, pool } = server;
    this.#better = choice.better;
    this.#packets = new ServerPackets({ io, backend: choice.backend, loop, pool });
    this.#io = new PortableIo({}, () => this.#packets);
    this.#register(registry);
    if (options.http) {
      this.#http = new HttpServer({
        ...options.http,
        raida: server,
        readiness: () => this.readiness,
        registry,
        logger,
        ...(options.ratatoskr && {
          ratatoskr: {
            origins: options.ratatoskr.origins ?? [],
            describe: (host) => this.#ratatoskr?.describe(host),
          },
        }),
      });
    }
  }

  /**
   * Open the store, then the sockets; a node that cannot have all of them has none. When the kernel
   * refuses the best way in, the next one is tried, with threads and frames of its own.
   * @throws PortInUseError, AddressError (host-node/src/io/packet-io.ts), BackendError
   *     (host-node/src/io/choose-backend.ts) and the store's errors
   */
  static async start(options: NodeOptions, surroundings: NodeSurroundings): Promise<AndvariNode> {
    const refused: string[] = [];
    const choices = chooseBackends(options.io ?? PORTABLE);
    for (const { backend, better } of choices) {
      const choice = { backend, better: [...better, ...refused] };
      try {
        return await AndvariNode.#startBy(choice, options, surroundings);
      } catch (error) {
        const isLast = backend === choices.at(-1)?.backend;
        if (isLast || !(error instanceof BackendError)) throw error;
        refused.push(`${backend}: ${error.why}`);
      }
    }
    throw new RangeError('no backend to choose from');
  }

  static async #startBy(
    choice: BackendChoice,
    options: NodeOptions,
    surroundings: NodeSurroundings,
  ): Promise<AndvariNode> {
    const logger = surroundings.logger.child({ raida: options.raidaId });
    const registry = new Registry();
    let node: AndvariNode | undefined;
    const trouble = new StoreTrouble(logger, () => {
      if (node) surroundings.readyChanged?.(node.readiness);
    });
    const server = await RaidaServer.start({
      ...threadsOf(options, choice.backend),
      identity: {
        raidaId: options.raidaId,
        coinId: options.coinId,
        wire: options.wire,
        modern: options.modern,
        version: RAIDA_VERSION,
        ...(options.adminKey ? { adminKey: options.adminKey } : {}),
        adminClear: options.adminClear ?? false,
        openKeyRecords: options.openKeyRecords ?? false,
        ...(options.btcConfirmations ? { btcConfirmations: options.btcConfirmations } : {}),
      },
      storeClient: surroundings.storeThread,
      storeUrl: options.storeUrl,
      outside: await openOutsideWorld(options),
      ...(options.integritySeconds ? { integritySeconds: options.integritySeconds } : {}),
      watcher: {
        ran: () => node?.statistics.logNew(),
        storeTrouble: (kind, error) => trouble.happened(kind, error),
        readyChanged: (ready) => trouble.readyChanged(ready),
        failed: (error) => {
          logger.fatal({ err: error }, 'the node stops');
          surroundings.failed?.(error);
        },
        effectTrouble: (problem) => logger.warn({ problem }, 'a request met trouble outside'),
      },
    });
    const statistics = new RaidaStatistics({
      ...{ logger, registry, instances: server.requestNumbers },
      networkOf: (number) => server.loop.addresses.networkOf(number),
    });
    const parts = { server, statistics, trouble, registry, logger, choice };
    node = new AndvariNode(options, parts);
    try {
      await node.#open(options);
    } catch (error) {
      await node.close();
      throw error;
    }
    return node;
  }

  /** Where the node listens, with the ports that it was given. */
  get addresses(): NodeAddresses {
    return this.#addresses;
  }

  get ready(): boolean {
    return this.#closing === undefined && this.#server.ready;
  }

  get readiness(): Readiness {
    if (this.#closing !== undefined) return { ready: false, reason: 'the node stops' };
    if (!this.#server.ready) return { ready: false, reason: this.#trouble.reason };
    const trouble = this.#ratatoskr?.trouble;
    return trouble === undefined ? { ready: true } : { ready: false, reason: trouble };
  }

  /** Its Ratatoskr endpoint, if it has one. */
  get ratatoskr(): RatatoskrEndpoint | undefined {
    return this.#ratatoskr;
  }

  /** Coins in use, all denominations. */
  get coins(): number {
    return this.#server.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Coins in use by denomination, -8 first. */
  get coinCounts(): readonly number[] {
    return [...this.#server.counts];
  }

  /**
   * Take no more requests, answer those that are taken when the store has committed (at most 5 s),
   * close the store and the sockets.
   */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #open({ listen, ratatoskr: ratatoskrOptions }: NodeOptions): Promise<void> {
    const http = await this.#http?.open();
    const raida = await this.#io.open(listen, this.#server);
    if (ratatoskrOptions) {
      const around = { logger: this.#logger, registry: this.#registry };
      this.#ratatoskr = await RatatoskrEndpoint.start(ratatoskrOptions, around);
    }
    const ratatoskr = this.#ratatoskr?.address;
    this.#addresses = { raida, ...(http ? { http } : {}), ...(ratatoskr ? { ratatoskr } : {}) };
    const listening = Object.entries(this.#addresses).map(([name, at]) => [
      name,
      formatAddress(at),
    ]);
    this.#logger.info(Object.fromEntries(listening), 'listening');
    const { backend } = this.#packets;
    const workers = this.#server.pool?.counts.length ?? 0;
    const passedOver = this.#better.length > 0 ? { passedOver: this.#better.join('; ') } : {};
    this.#logger.info({ backend, workers, ...passedOver }, 'packets');
  }

  async #stop(): Promise<void> {
    this.#http?.stop();
    // First: its services may ask this very server.
    await this.#ratatoskr?.close();
    this.#io.stop();
    // The sockets stay open for the replies that are still held.
    await this.#server.close();
    this.statistics.close();
    await Promise.all([this.#io.close(), this.#http?.close()]);
    await this.#server.closeWorkers();
  }

  /** What runs beside it has a place in its /metrics too. */
  addMetrics(register: (registry: Registry) => void): void {
    register(this.#registry);
  }

  #register(registry: Registry): void {
    const counts = () => this.#server.counts;
    const io = this.#io;
    const registers = [registry];
    new Counter({
      name: 'andvari_udp_dropped_total',
      help: 'Datagrams that found no room, in or out, or were malformed.',
      registers,
      collect() {
        this.reset();
        this.inc(io.dropped);
      },
    });
    registerPacketMetrics(registry, this.#packets);
    const admin = () => this.#server.adminCommands;
    new Counter({
      name: 'andvari_raida_admin_commands_total',
      help: 'Commands with an admin key, by whether it was right and shown as it may be.',
      labelNames: ['result'],
      registers,
      collect() {
        const { accepted, refused } = admin();
        this.reset();
        this.inc({ result: 'accepted' }, accepted);
        this.inc({ result: 'refused' }, refused);
      },
    });
    new Gauge({
      name: 'andvari_tcp_connections',
      help: 'TCP connections open now.',
      registers,
      collect() {
        this.set(io.connections);
      },
    });
    new Gauge({
      name: 'andvari_raida_coins',
      help: 'Coins in use by denomination (-8 to 6).',
      labelNames: ['denomination'],
      registers,
      collect() {
        counts().forEach((count, index) => {
          this.set({ denomination: index - 8 }, count);
        });
      },
    });
  }
}

interface NodeParts {
  choice: BackendChoice;
  server: RaidaServer;
  statistics: RaidaStatistics;
  trouble: StoreTrouble;
  registry: Registry;
  logger: Logger;
}

/** Threads and frames of the server: a native socket has its own frames beside the host's. */
function threadsOf(
  { io = PORTABLE, sizes, pagesPerDenomination, workerEntry }: NodeOptions,
  backend: Backend,
): Pick<RaidaServerOptions, 'sizes' | 'hostFrames' | 'workers' | 'workerEntry'> {
  const count = workerCount(io, backend);
  const hostFrames = backend === 'portable' ? undefined : (sizes?.frames ?? HOST_FRAMES);
  return {
    sizes: {
      ...{ ...sizes, pagesPerDenomination },
      ...(hostFrames ? { frames: hostFrames + framesFor(backend) } : {}),
    },
    hostFrames,
    workers: count > 1 ? count : 0,
    ...(workerEntry ? { workerEntry } : {}),
  };
}
