/**
 * 25 real nodes on loopback in a folder of their own, wallets and clients of them, and servers that
 * are down, or that somebody else runs in the place of a node.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { type CoinKeys, coinValueUnits, KEYS_BYTES } from '@andvari/host-common/raida/coin';
import { CLOUD_COIN_ID, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { resultOf } from '@andvari/host-common/raida/outcome';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import type { SocketAddress } from '@andvari/host-node/io/packet-io';
import { createLogger } from '@andvari/host-node/log/logger';
import { LocalNetwork } from '@andvari/host-node/network/local-network';
import { networkFiles } from '@andvari/host-node/network/network-state';
import { stockedFolder } from '@andvari/host-node/network/testing/stocked-folder';
import { AndvariNode } from '@andvari/host-node/node';
import { SocketTransport } from '@andvari/host-node/raida/socket-transport';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { keptPorts, onceFree } from '@andvari/host-node/testing/ports';
import { type Interposed, PAGES_PER_DENOMINATION, PlacedServer } from './placed-server.ts';

/** Ids from `first` on, around the ring of 25. */
export const ring = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => (first + i) % 25);
export const ALL = ring(0, 25);

/** A client that waits shortly: whoever answers at all on loopback does so in milliseconds. */
const TIMEOUT_MS = 1000;

export interface ClientChoice {
  raidaIds?: readonly number[];
  timeoutMs?: number;
}

export class NetworkPlace {
  readonly network: LocalNetwork;
  readonly #dataDir: string;
  readonly #module: WebAssembly.Module;
  readonly #transport: SocketTransport;
  readonly #wire: 'spec' | 'legacy';
  readonly #storeClient = new StoreClient();
  /** Servers in the place of nodes; undefined: down. */
  readonly #placed = new Map<number, { close(): Promise<void> } | undefined>();

  private constructor(parts: {
    network: LocalNetwork;
    dataDir: string;
    module: WebAssembly.Module;
    wire: 'spec' | 'legacy';
  }) {
    this.network = parts.network;
    this.#dataDir = parts.dataDir;
    this.#module = parts.module;
    this.#wire = parts.wire;
    this.#transport = new SocketTransport(parts.network.socketNetwork.servers);
  }

  static async make(wire: 'spec' | 'legacy' = 'spec'): Promise<NetworkPlace> {
    const dataDir = mkdtempSync(join(tmpdir(), 'andvari-real-network-'));
    stockedFolder(dataDir);
    const network = await LocalNetwork.start({
      // A server that is down keeps its own.
      basePort: await keptPorts(25),
      ...{ dataDir, httpBasePort: 0, pagePort: 0, ratatoskrPort: 0, wire },
      logger: createLogger({ level: 'silent' }),
    });
    return new NetworkPlace({ network, dataDir, module: await plainEngine(), wire });
  }

  client({ raidaIds = ALL, timeoutMs = TIMEOUT_MS }: ClientChoice = {}): RaidaClient {
    const codec = new EngineCodec(this.#module, this.network.network);
    return new RaidaClient({ codec, transport: this.#transport, raidaIds, timeoutMs });
  }

  /** An empty wallet. */
  wallet(choice: ClientChoice = {}): Promise<Wallet> {
    return Wallet.open({ store: new MemoryWalletStore(), client: this.client(choice) });
  }

  /** The next visitor's coins: one each of denominations -2 to 3. */
  demoCoins(visitors = 1): CoinKeys[] {
    return Array.from({ length: visitors }, () => {
      const { bytes, name } = this.network.demoCoins.take();
      return parseCoinFile(bytes, name).coins;
    }).flat();
  }

  /** A wallet with demo coins, as they came. */
  async visitor(choice: ClientChoice = {}) {
    const wallet = await this.wallet(choice);
    const { added: ids } = await wallet.importCoins({ coins: this.demoCoins() });
    return { wallet, ids };
  }

  /** A wallet that alone owns demo coins on all servers. */
  async owner(visitors = 1) {
    const wallet = await this.wallet();
    const { added: ids } = await wallet.importCoins({ coins: this.demoCoins(visitors) });
    await wallet.takeOwnership(ids);
    return { wallet, ids };
  }

  /** These servers come to hold an AN that no wallet knows. Gives what they hold: 400 bytes. */
  async frack(coin: CoinKeys, raidaIds: readonly number[]): Promise<Uint8Array> {
    const proposedNumbers = crypto.getRandomValues(new Uint8Array(KEYS_BYTES));
    const [answers = []] = await this.client({ raidaIds }).pown([{ ...coin, proposedNumbers }]);
    const failed = raidaIds.filter((id) => answers[id]?.status !== 'pass');
    if (failed.length > 0) throw new Error(`not fracked on ${failed.join(', ')}`);
    return proposedNumbers;
  }

  /** How many servers find each of the wallet's coins authentic, asked by a stranger. */
  async passes(wallet: Wallet, ids: readonly number[]): Promise<number[]> {
    const coins = ids.map((id) => wallet.keys(id));
    const rows = await this.client().detect(coins);
    return rows.map((row) => row.filter(({ status }) => status === 'pass').length);
  }

  /** Value in circulation on each server that answers, in units (0/3). */
  async values(): Promise<(bigint | undefined)[]> {
    const outcomes = await this.client().status.audit();
    return outcomes.map((outcome) => {
      if (outcome.status !== 'pass') return undefined;
      return resultOf(outcome).reduce(
        (sum, { denomination, count }) => sum + coinValueUnits(denomination) * BigInt(count),
        0n,
      );
    });
  }

  /** These servers are gone, and nobody listens on their ports. */
  async down(...raidaIds: number[]): Promise<void> {
    await Promise.all(
      raidaIds.map(async (raidaId) => {
        await (this.#placed.has(raidaId)
          ? this.#placed.get(raidaId)?.close()
          : this.network.nodes[raidaId]?.close());
        this.#placed.set(raidaId, undefined);
      }),
    );
  }

  /** A server runs there again, with what it had stored. */
  async up(raidaIds: readonly number[], how: Interposed = {}): Promise<void> {
    const running = raidaIds.filter((id) => !this.#placed.has(id) || this.#placed.get(id));
    await this.down(...running);
    for (const raidaId of raidaIds) {
      const { nodes } = this.network;
      const start = () =>
        PlacedServer.start({
          ...{ raidaId, dataDir: this.#dataDir, wire: this.#wire, how },
          storeClient: this.#storeClient,
          servers: nodes.map(({ addresses }) => addresses.raida),
        });
      const server = await onceFree(start);
      this.#placed.set(raidaId, server);
    }
  }

  /** A node runs there again, with workers. */
  async upWithWorkers(raidaId: number, workers: number): Promise<void> {
    await this.down(raidaId);
    const files = networkFiles(this.#dataDir);
    const servers = this.network.nodes.map(({ addresses }) => addresses.raida);
    const listen = servers[raidaId] as SocketAddress;
    const { store, folder } = { store: files.store(raidaId), folder: files.folder(raidaId) };
    const start = () =>
      AndvariNode.start(
        {
          ...{ listen, raidaId, coinId: CLOUD_COIN_ID, wire: this.#wire, modern: true, servers },
          ...{ storeUrl: `sqlite:${store}`, dataDir: folder, io: { backend: 'auto', workers } },
          pagesPerDenomination: PAGES_PER_DENOMINATION,
        },
        { storeThread: this.#storeClient, logger: createLogger({ level: 'silent' }) },
      );
    this.#placed.set(raidaId, await onceFree(start));
  }

  async close(): Promise<void> {
    await this.#transport.close();
    for (const server of this.#placed.values()) await server?.close();
    await this.#storeClient.close();
    await this.network.close();
    rmSync(this.#dataDir, { recursive: true });
  }
}
