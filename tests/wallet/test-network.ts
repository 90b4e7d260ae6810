/** 25 real nodes and the wallet page, as `andvari network up` starts them, with nodes to stop. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../host-node/src/log/logger.ts';
import { LocalNetwork } from '../../host-node/src/network/local-network.ts';
import { networkFiles } from '../../host-node/src/network/network-state.ts';
import { AndvariNode } from '../../host-node/src/node.ts';
import { StoreClient } from '../../host-node/src/store/store-client.ts';

export class TestNetwork {
  readonly local: LocalNetwork;
  readonly #dataDir: string;
  readonly #logger = createLogger({ level: 'silent' });
  readonly #stores: StoreClient[] = [];
  readonly #nodes: Map<number, AndvariNode>;
  readonly #stopped = new Set<number>();

  private constructor(local: LocalNetwork, dataDir: string) {
    this.local = local;
    this.#dataDir = dataDir;
    this.#nodes = new Map(local.nodes.map((node) => [node.raidaId, node]));
  }

  static async start(): Promise<TestNetwork> {
    const dataDir = mkdtempSync(join(tmpdir(), 'andvari-wallet-'));
    const local = await LocalNetwork.start({
      dataDir,
      basePort: 0,
      httpBasePort: 0,
      pagePort: 0,
      wire: 'spec',
      logger: createLogger({ level: 'silent' }),
    });
    return new TestNetwork(local, dataDir);
  }

  get url(): string {
    return this.local.wallet;
  }

  async stop(...raidaIds: number[]): Promise<void> {
    for (const raidaId of raidaIds) this.#stopped.add(raidaId);
    await Promise.all(raidaIds.map((raidaId) => this.#nodes.get(raidaId)?.close()));
  }

  /** Start every stopped node again: same addresses, same store. */
  async restartAll(): Promise<void> {
    const storeThread = new StoreClient();
    this.#stores.push(storeThread);
    for (const raidaId of this.#stopped) {
      const node = this.#nodes.get(raidaId);
      const http = node?.addresses.http;
      if (node === undefined || http === undefined) throw new Error(`no RAIDA ${raidaId}`);
      const again = await AndvariNode.start(
        {
          listen: node.addresses.raida,
          raidaId,
          coinId: 6,
          wire: 'spec',
          modern: true,
          pagesPerDenomination: 64,
          storeUrl: `sqlite:${networkFiles(this.#dataDir).store(raidaId)}`,
          http: { listen: http, origins: [this.url, 'none'] },
        },
        { storeThread, logger: this.#logger },
      );
      this.#nodes.set(raidaId, again);
      this.#stopped.delete(raidaId);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    await this.local.close();
    for (const store of this.#stores) await store.close();
    rmSync(this.#dataDir, { recursive: true });
  }
}
