/** 25 real nodes and the wallet page, as `andvari network up` starts them, with nodes to stop. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { RaidaClient } from '../../host-common/src/raida/client.ts';
import { EngineCodec } from '../../host-common/src/raida/codec.ts';
import type { CoinKeys } from '../../host-common/src/raida/coin.ts';
import { newNumbers, systemRandom } from '../../host-common/src/raida/new-numbers.ts';
import { WebSocketTransport } from '../../host-common/src/raida/websocket-transport.ts';
import type { RatatoskrAddress } from '../../host-common/src/ratatoskr/address.ts';
import { createLogger } from '../../host-node/src/log/logger.ts';
import { LocalNetwork } from '../../host-node/src/network/local-network.ts';
import { networkFiles } from '../../host-node/src/network/network-state.ts';
import { stockedFolder } from '../../host-node/src/network/testing/stocked-folder.ts';
import { AndvariNode } from '../../host-node/src/node.ts';
import type { RatatoskrOptions } from '../../host-node/src/ratatoskr/endpoint.ts';
import type { Service } from '../../host-node/src/ratatoskr/service-bus.ts';
import { openDemoServices } from '../../host-node/src/ratatoskr/services/demo-services.ts';
import { StoreClient } from '../../host-node/src/store/store-client.ts';
import { keptPorts, onceFree } from '../../host-node/src/testing/ports.ts';
import { SelfMadeCertificates } from '../../host-node/src/webtransport/certificates.ts';

/** How the endpoint comes back. */
export interface OtherEndpoint {
  webTransport?: boolean;
  /** In Heidrun's place, and there is nobody else. */
  pay?: Service['handle'];
}

export class TestNetwork {
  readonly local: LocalNetwork;
  readonly #dataDir: string;
  readonly #logger = createLogger({ level: 'silent' });
  readonly #stores: StoreClient[] = [];
  readonly #nodes: Map<number, AndvariNode>;
  readonly #stopped = new Set<number>();
  /** Ends of listeners that take the place of stopped nodes. */
  readonly #mutes: (() => Promise<void>)[] = [];

  private constructor(local: LocalNetwork, dataDir: string) {
    this.local = local;
    this.#dataDir = dataDir;
    this.#nodes = new Map(local.nodes.map((node) => [node.raidaId, node]));
  }

  static async start(): Promise<TestNetwork> {
    const dataDir = mkdtempSync(join(tmpdir(), 'andvari-wallet-'));
    stockedFolder(dataDir);
    // TCP and UDP of one number, which the policy of the page knows.
    const ratatoskrPort = await keptPorts();
    const local = await LocalNetwork.start({
      dataDir,
      basePort: await keptPorts(25),
      httpBasePort: await keptPorts(25),
      pagePort: 0,
      ratatoskrPort,
      // Its endpoint by another name, which is another address for a policy.
      connect: [`ws://localhost:${ratatoskrPort}/`],
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

  /** Stop a node and listen in its place, so that what is asked of it waits until it times out. */
  async mute(raidaId: number): Promise<void> {
    const http = this.#nodes.get(raidaId)?.addresses.http;
    if (http === undefined) throw new Error(`no RAIDA ${raidaId}`);
    await this.stop(raidaId);
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(http.port, http.host, resolve));
    this.#mutes.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  /** Start every stopped node again: same addresses, same store. */
  async restartAll(other: OtherEndpoint = {}): Promise<void> {
    await Promise.all(this.#mutes.splice(0).map((end) => end()));
    if (this.#stopped.size === 0) return;
    const storeThread = new StoreClient();
    this.#stores.push(storeThread);
    for (const raidaId of this.#stopped) {
      const node = this.#nodes.get(raidaId);
      const http = node?.addresses.http;
      if (node === undefined || http === undefined) throw new Error(`no RAIDA ${raidaId}`);
      const start = () =>
        AndvariNode.start(
          {
            listen: node.addresses.raida,
            raidaId,
            coinId: 6,
            wire: 'spec',
            modern: true,
            pagesPerDenomination: 64,
            storeUrl: `sqlite:${networkFiles(this.#dataDir).store(raidaId)}`,
            dataDir: networkFiles(this.#dataDir).folder(raidaId),
            servers: this.local.nodes.map(({ addresses }) => addresses.raida),
            http: { listen: http, origins: [this.url, 'none'] },
            ...(raidaId === 0 ? { ratatoskr: this.#ratatoskr(node, other) } : {}),
          },
          { storeThread, logger: this.#logger },
        );
      this.#nodes.set(raidaId, await onceFree(start));
      this.#stopped.delete(raidaId);
    }
  }

  /** The endpoint as it is now; the page's server still tells of the first one. */
  get ratatoskr(): RatatoskrAddress | undefined {
    return this.#nodes.get(0)?.ratatoskr?.describe();
  }

  /** Its WebSocket alone: a page that has found WebTransport before falls back. */
  #ratatoskr(
    { addresses }: AndvariNode,
    { webTransport = false, pay }: OtherEndpoint,
  ): RatatoskrOptions {
    const files = networkFiles(this.#dataDir);
    const servers = this.local.nodes.map((node) => node.addresses.raida);
    const directory = files.ratatoskrFolder;
    return {
      listen: addresses.ratatoskr ?? { host: '127.0.0.1', port: 0 },
      origins: [this.url, 'none'],
      ...(webTransport && {
        webTransport: new SelfMadeCertificates(['127.0.0.1'], Date.now()),
      }),
      files: files.ratatoskr,
      services: () =>
        pay === undefined
          ? openDemoServices({ directory, network: { servers, wire: 'spec', coinId: 6 } })
          : { routes: new Map([['PAYMENT_REQUEST', { name: 'payments', handle: pay }]]) },
    };
  }

  /** The network's client, until `work` is done. */
  async withClient<Result>(work: (client: RaidaClient) => Promise<Result>): Promise<Result> {
    const { network } = this.local;
    const transport = new WebSocketTransport(network.servers);
    try {
      const codec = new EngineCodec(await plainEngine(), network);
      return await work(new RaidaClient({ codec, transport }));
    } finally {
      await transport.close();
    }
  }

  /** Gives coins new ANs on these servers, known to nobody: there they are counterfeit now. */
  async frack(coins: readonly CoinKeys[], ...raidaIds: number[]): Promise<void> {
    const { network } = this.local;
    const transport = new WebSocketTransport(network.servers);
    const codec = new EngineCodec(await plainEngine(), network);
    const client = new RaidaClient({ codec, transport, raidaIds });
    const lost = coins.map((coin) => ({ ...coin, proposedNumbers: newNumbers(systemRandom) }));
    const answers = await client.pown(lost);
    await transport.close();
    const statuses = answers.flatMap((row) => raidaIds.map((id) => row[id]?.status));
    if (statuses.some((status) => status !== 'pass')) throw new Error(`frack: ${statuses}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    await this.local.close();
    for (const store of this.#stores) await store.close();
    rmSync(this.#dataDir, { recursive: true });
  }
}
