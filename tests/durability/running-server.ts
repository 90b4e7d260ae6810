/** A server in this process, on real sockets, with a client and its ledger. */
import { join } from 'node:path';
import { PortableIo } from '../../host-node/src/io/portable.ts';
import { RaidaServer } from '../../host-node/src/raida/server.ts';
import type { StoreClient } from '../../host-node/src/store/store-client.ts';
import { Ledger } from './ledger.ts';
import { PownClient } from './pown-client.ts';
import {
  coinsOf,
  createCoins,
  differingCoins,
  KEY_COIN,
  type ServerSetup,
  setupOf,
  startOptions,
} from './server-setup.ts';

const COINS = 600;
const WAIT_MS = 60_000;

export interface RunningOptions {
  /** Where the store's files are. */
  folder: string;
  storeClient: StoreClient;
  random: (below: number) => number;
}

export class RunningServer {
  readonly server: RaidaServer;
  readonly client: PownClient;
  readonly ledger: Ledger;
  /** What the server has told of its store, and each change of `ready`, in order. */
  readonly told: string[];
  /** The database. */
  readonly path: string;
  readonly #setup: ServerSetup;
  readonly #io: PortableIo;
  readonly #storeClient: StoreClient;

  private constructor(parts: Parts) {
    this.server = parts.server;
    this.client = parts.client;
    this.ledger = parts.ledger;
    this.told = parts.told;
    this.path = parts.path;
    this.#setup = parts.setup;
    this.#io = parts.io;
    this.#storeClient = parts.storeClient;
  }

  static async start({ folder, storeClient, random }: RunningOptions): Promise<RunningServer> {
    const path = join(folder, 'coins.db');
    const setup = setupOf(folder);
    const coins = coinsOf(COINS);
    const [key = new Uint8Array(16), ...ans] = createCoins(setup, [KEY_COIN, ...coins]);
    const told: string[] = [];
    const server = await RaidaServer.start({
      ...{ ...(await startOptions(setup)), storeClient },
      watcher: {
        storeTrouble: (kind) => told.push(kind),
        readyChanged: (ready) => told.push(ready ? 'ready' : 'not ready'),
      },
    });
    const io = new PortableIo();
    const { port } = await io.open({ host: '127.0.0.1', port: 0 }, server);
    const ledger = new Ledger(coins, ans, random);
    const client = await PownClient.open(port, { ledger, random, key });
    return new RunningServer({ server, client, ledger, told, path, setup, io, storeClient });
  }

  /** Waits for something that must come by itself. */
  async until(what: string, done: () => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!done()) {
      if (performance.now() > deadline) {
        throw new Error(
          `not within ${WAIT_MS} ms: ${what}; told: ${this.told.slice(-8).join(', ')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.server.close();
    await this.#io.close();
    await this.#storeClient.close();
  }

  /** After close(): coins whose record in the store is not what the ledger says. */
  differing(): number {
    return differingCoins(this.#setup, this.ledger);
  }
}

interface Parts extends Pick<RunningServer, 'server' | 'client' | 'ledger' | 'told' | 'path'> {
  setup: ServerSetup;
  io: PortableIo;
  storeClient: StoreClient;
}
