/**
 * A node whose datagrams are answered by workers, with coins in its store, and clients that each
 * have a socket of their own: the kernel deals senders out to workers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readiness } from '../../host-node/src/http/http-server.ts';
import type { Backend } from '../../host-node/src/io/choose-backend.ts';
import type { SocketAddress } from '../../host-node/src/io/packet-io.ts';
import { createLogger } from '../../host-node/src/log/logger.ts';
import { AndvariNode, type NodeOptions } from '../../host-node/src/node.ts';
import { StoreClient } from '../../host-node/src/store/store-client.ts';
import type { Fault } from '../../host-node/src/store/testing/fault-store.ts';
import { Ledger } from '../durability/ledger.ts';
import { PownClient } from '../durability/pown-client.ts';
import {
  ADMIN_KEY,
  COIN_ID,
  coinsOf,
  createCoins,
  differingCoins,
  KEY_COIN,
  RAIDA_ID,
  type ServerSetup,
  setupOf,
} from '../durability/server-setup.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };
const COINS = 600;
const FAULTS = new URL('../../host-node/src/store/testing/fault-store.ts', import.meta.url);

export interface WorkerNodeOptions {
  workers: number;
  random: (below: number) => number;
  /** [portable] */
  backend?: Backend;
  /** [a free port of loopback] */
  listen?: SocketAddress;
  /** For af_xdp. */
  interface?: string;
  workerEntry?: URL;
}

export class WorkerNode {
  readonly node: AndvariNode;
  readonly clients: PownClient[];
  readonly ledger: Ledger;
  /** Why the node said that it cannot go on. */
  readonly failures: Error[] = [];
  readonly readiness: Readiness[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'andvari-workers-'));
  readonly #setup: ServerSetup = setupOf(this.folder);
  readonly #storeThread = new StoreClient({ factory: FAULTS });

  private constructor() {
    this.node = undefined as unknown as AndvariNode;
    this.clients = [];
    this.ledger = undefined as unknown as Ledger;
  }

  static async start(options: WorkerNodeOptions): Promise<WorkerNode> {
    const { backend = 'portable', listen = LOCAL, random, workers, workerEntry } = options;
    const nic = options.interface ? { interface: options.interface } : {};
    const place = new WorkerNode();
    const coins = coinsOf(COINS);
    const [key = new Uint8Array(16), ...ans] = createCoins(place.#setup, [KEY_COIN, ...coins]);
    const ledger = new Ledger(coins, ans, random);
    const { sizes, storeUrl } = place.#setup;
    const nodeOptions: NodeOptions = {
      ...{ listen, raidaId: RAIDA_ID, coinId: COIN_ID, wire: 'spec', modern: false },
      ...{ pagesPerDenomination: sizes.pagesPerDenomination, sizes, storeUrl },
      ...{ dataDir: place.folder, adminKey: ADMIN_KEY, io: { backend, workers, ...nic } },
      http: { listen: LOCAL, origins: ['none'] },
      ...(workerEntry ? { workerEntry } : {}),
    };
    const node = await AndvariNode.start(nodeOptions, {
      storeThread: place.#storeThread,
      logger: createLogger({ level: 'silent' }),
      readyChanged: (readiness) => place.readiness.push(readiness),
      failed: (error) => place.failures.push(error),
    });
    const { port } = node.addresses.raida;
    // Twelve senders: that all of them meet one worker of three happens once in 177,147 times.
    const clients = await Promise.all(
      Array.from({ length: 12 }, () => PownClient.open(port, { ledger, random, key })),
    );
    return Object.assign(place, { node, clients, ledger });
  }

  get port(): number {
    return this.node.addresses.raida.port;
  }

  fault(fault: Fault): void {
    writeFileSync(join(this.folder, 'coins.db.fault'), fault);
  }

  /** Replies with that status, to all clients. */
  count(status: number | 'none'): number {
    return this.clients.reduce((sum, client) => sum + client.count(status), 0);
  }

  /** The metrics as a scrape gives them. */
  async metrics(): Promise<string> {
    const port = this.node.addresses.http?.port;
    return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  }

  /** Traffic of all clients while `meanwhile` happens, then silence. */
  async under(meanwhile: () => Promise<void>): Promise<void> {
    const traffic = this.clients.map((client) => client.run(2));
    try {
      await meanwhile();
    } finally {
      for (const client of this.clients) client.stop();
      await Promise.all(traffic);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.node.close();
    await this.#storeThread.close();
  }

  /** After close(): coins whose record in the store is not what the ledger says. */
  differing(): number {
    return differingCoins(this.#setup, this.ledger);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
