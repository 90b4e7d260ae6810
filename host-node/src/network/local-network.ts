/** 25 nodes and the wallet page in one process, on loopback: `andvari network up`. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { CLOUD_COIN_ID } from '@andvari/host-common/raida/coin-file';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { RELAY_PATH } from '@andvari/host-common/transfer/relay/relay-channel';
import { NO_ORIGIN } from '../http/allow-list.ts';
import type { Readiness } from '../http/http-server.ts';
import { DemoDeviceError, PageServer } from '../http/page-server.ts';
import { formatAddress } from '../http/socket-address.ts';
import { RAIDA_PATH } from '../http/websocket-endpoint.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import type { Logger } from '../log/logger.ts';
import { AndvariNode } from '../node.ts';
import type { RatatoskrEndpoint, RatatoskrOptions } from '../ratatoskr/endpoint.ts';
import { openDemoServices } from '../ratatoskr/services/demo-services.ts';
import { StoreClient } from '../store/store-client.ts';
import { RelayServer } from '../transfer/relay/relay-server.ts';
import { SelfMadeCertificates } from '../webtransport/certificates.ts';
import { DemoCoins } from './demo-coins.ts';
import { DemoDevices } from './demo-devices.ts';
import { LocalPeers } from './local-peers.ts';
import { networkFiles, openAdminKey, openNetworkState } from './network-state.ts';
import { PAGES_PER_DENOMINATION, stockNetwork } from './stock.ts';

/** It serves whoever sits at this machine and nobody else. */
const HOST = '127.0.0.1';
/** Messages of the Ratatoskr endpoint that are remembered: 200 devices at their full rate. */
const REPLAY_ENTRIES = 65_536;
/** Coins in lockers of each server. */
const LOCKER_COINS = 16384;
/** Bytes a second of each who sends files through the relay: nothing of it leaves this machine. */
const RELAY_BYTES_PER_SECOND = 100_000_000;

export interface LocalNetworkOptions {
  dataDir: string;
  /** RAIDA id + this; 0: any free ports. */
  basePort: number;
  httpBasePort: number;
  pagePort: number;
  /** Of the Ratatoskr endpoint; 0: any free port. */
  ratatoskrPort: number;
  /** Of the relay for files, 0: any free port [there is no relay]. */
  relayPort?: number;
  /**
   * RAIDA id + this, TCP, of its peer node, and 25 more for WebSockets; 0: any free ports [the
   * servers are no peers].
   */
  peerPort?: number;
  wire: 'spec' | 'legacy';
  logger: Logger;
  /** Other Ratatoskr endpoints and relays that the wallet page may connect to. */
  connect?: readonly string[];
  /** The built wallet page, if it is not where the build puts it. */
  pageDirectory?: string;
  /** A server's readiness has changed. */
  readinessChanged?: (raidaId: number, readiness: Readiness) => void;
}

export class LocalNetwork {
  /** In order of RAIDA id. */
  readonly nodes: readonly AndvariNode[];
  readonly network: RaidaNetwork;
  readonly demoCoins: DemoCoins;
  readonly #page: PageServer;
  readonly #pageAddress: SocketAddress;
  readonly #storeThread: StoreClient;
  readonly #relay: OpenRelay | undefined;
  readonly #peers: LocalPeers | undefined;

  private constructor(parts: NetworkParts) {
    this.nodes = parts.nodes;
    this.network = parts.network;
    this.demoCoins = parts.demoCoins;
    this.#page = parts.page;
    this.#pageAddress = parts.pageAddress;
    this.#storeThread = parts.storeThread;
    this.#relay = parts.relay;
    this.#peers = parts.peers;
  }

  /**
   * Start everything, or nothing. The first start makes the demo coins.
   * @throws PortInUseError, AddressError, NetworkStateError, DemoCursorError, the store's errors
   */
  static async start(options: LocalNetworkOptions): Promise<LocalNetwork> {
    const { dataDir, logger } = options;
    const files = networkFiles(dataDir);
    const state = openNetworkState(dataDir);
    const demoCoins = new DemoCoins(state.demoSeed, {
      cursorPath: files.demoCursor,
      coinId: CLOUD_COIN_ID,
    });
    let demoDevices: DemoDevices | undefined;
    const page = new PageServer({
      listen: { host: HOST, port: options.pagePort },
      logger,
      takeDemoCoins: () => demoCoins.take(),
      registerDemoDevice: (device) => {
        if (!demoDevices) throw new DemoDeviceError('the endpoint is not open yet');
        demoDevices.register(device);
      },
      registerDemoPeer: async ({ peerId, key }) => {
        if (!peers) throw new DemoDeviceError('the servers are no peers');
        await peers.admit(peerId, key);
      },
      ...(options.connect ? { connect: options.connect } : {}),
      ...(options.pageDirectory ? { directory: options.pageDirectory } : {}),
    });
    const pageAddress = await page.open();
    const storeThread = new StoreClient();
    let relay: OpenRelay | undefined;
    let peers: LocalPeers | undefined;
    try {
      stockNetwork(dataDir, { state, demoCoins });
      relay = await openRelay(options, page.origins);
      const started: AndvariNode[] = [];
      const [peersEnd, nodesEnd] = await Promise.allSettled([
        startPeers(options, () => started),
        startNodes(options, page.origins, storeThread),
      ]);
      if (peersEnd.status === 'fulfilled') peers = peersEnd.value;
      if (nodesEnd.status === 'rejected') throw nodesEnd.reason;
      const nodes = nodesEnd.value;
      if (peersEnd.status === 'rejected') {
        await Promise.all(nodes.map((node) => node.close()));
        throw peersEnd.reason;
      }
      started.push(...nodes);
      const network = describeNetwork(options.wire, nodes);
      const [first] = nodes;
      if (first?.ratatoskr) demoDevices = new DemoDevices(first.ratatoskr, files.ratatoskr.devices);
      const ratatoskr = () => describeRatatoskr(first as AndvariNode);
      const rowsOf = peers && (() => peers?.rows ?? []);
      const peerNetwork = peers?.description;
      page.publish(network, { ratatoskr, relay: relay?.url, peers: rowsOf, peerNetwork });
      const parts = { nodes, network, demoCoins, page, pageAddress, storeThread, relay, peers };
      return new LocalNetwork(parts);
    } catch (error) {
      await page.close();
      await relay?.server.close();
      await peers?.close();
      await storeThread.close();
      throw error;
    }
  }

  /** The wallet page's address, as a browser takes it. */
  get wallet(): string {
    return `http://${formatAddress(this.#pageAddress)}`;
  }

  get walletBuilt(): boolean {
    return this.#page.built;
  }

  /** Where its Ratatoskr endpoint is. */
  get ratatoskr(): RatatoskrAddress {
    return describeRatatoskr(this.nodes[0] as AndvariNode);
  }

  /** Where pages and programs meet that send each other files; undefined: there is no relay. */
  get relay(): string | undefined {
    return this.#relay?.url;
  }

  /** Its servers as peers of each other; undefined: they are none. */
  get peers(): LocalPeers | undefined {
    return this.#peers;
  }

  /** The same network over UDP and TCP, for programs. */
  get socketNetwork(): RaidaNetwork {
    const servers = this.nodes.map(({ raidaId, addresses }) => ({
      raidaId,
      url: `udp://${formatAddress(addresses.raida)}`,
    }));
    return { ...this.network, servers };
  }

  /** Stop the page, then all nodes at once, each in the order of AndvariNode.close(). */
  async close(): Promise<void> {
    await this.#page.close();
    await this.#relay?.server.close();
    await this.#peers?.close();
    await Promise.all(this.nodes.map((node) => node.close()));
    await this.#storeThread.close();
  }
}

interface NetworkParts {
  nodes: readonly AndvariNode[];
  network: RaidaNetwork;
  demoCoins: DemoCoins;
  page: PageServer;
  pageAddress: SocketAddress;
  storeThread: StoreClient;
  relay: OpenRelay | undefined;
  peers: LocalPeers | undefined;
}

interface OpenRelay {
  server: RelayServer;
  url: string;
}

async function startPeers(
  { dataDir, peerPort, logger }: LocalNetworkOptions,
  nodes: () => readonly AndvariNode[],
): Promise<LocalPeers | undefined> {
  if (peerPort === undefined) return undefined;
  return LocalPeers.start({ dataDir, peerPort, logger, nodes });
}

async function openRelay(
  { relayPort, logger }: LocalNetworkOptions,
  pageOrigins: readonly string[],
): Promise<OpenRelay | undefined> {
  if (relayPort === undefined) return undefined;
  const server = new RelayServer({
    listen: { host: HOST, port: relayPort },
    origins: [...pageOrigins, NO_ORIGIN],
    bytesPerSecond: RELAY_BYTES_PER_SECOND,
    failed: (error) => logger.error({ err: error }, 'the relay failed'),
  });
  return { server, url: `ws://${formatAddress(await server.open())}${RELAY_PATH}` };
}

async function startNodes(
  options: LocalNetworkOptions,
  pageOrigins: readonly string[],
  storeThread: StoreClient,
): Promise<AndvariNode[]> {
  const files = networkFiles(options.dataDir);
  const { basePort, httpBasePort, logger, wire, readinessChanged } = options;
  const port = (base: number, raidaId: number) => (base === 0 ? 0 : base + raidaId);
  // Each knows all; ports that the system chooses are filled in when they are known.
  const servers = Array.from({ length: RAIDA_COUNT }, (_, raidaId) => ({
    host: HOST,
    port: port(basePort, raidaId),
  }));
  // Programs on this machine as well as the wallet page, and no other page.
  const origins = [...pageOrigins, NO_ORIGIN];
  const adminKey = openAdminKey(options.dataDir);
  const start = (raidaId: number) =>
    AndvariNode.start(
      {
        listen: { host: HOST, port: port(basePort, raidaId) },
        raidaId,
        coinId: CLOUD_COIN_ID,
        wire,
        modern: true,
        pagesPerDenomination: PAGES_PER_DENOMINATION,
        storeUrl: `sqlite:${files.store(raidaId)}`,
        dataDir: files.folder(raidaId),
        servers,
        adminKey,
        sizes: { lockerCoins: LOCKER_COINS },
        ...(raidaId === 0 ? { ratatoskr: demoRatatoskr(options, servers, origins) } : {}),
        http: {
          listen: { host: HOST, port: port(httpBasePort, raidaId) },
          origins,
        },
      },
      {
        storeThread,
        logger,
        readyChanged: (readiness) => readinessChanged?.(raidaId, readiness),
      },
    );
  const [, ...others] = servers.keys();
  const ended = await Promise.allSettled(others.map(start));
  // Its Ratatoskr endpoint is open when the page can tell of it: nobody comes with an old hash.
  ended.unshift(...(await Promise.allSettled([start(0)])));
  const nodes = ended.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const failed = ended.find((end) => end.status === 'rejected');
  if (!failed) {
    for (const { raidaId, addresses } of nodes) servers[raidaId] = addresses.raida;
    return nodes;
  }
  await Promise.all(nodes.map((node) => node.close()));
  throw failed.reason;
}

/** The network's one endpoint, with both demo services, beside the first server. */
function demoRatatoskr(
  { dataDir, ratatoskrPort, wire }: LocalNetworkOptions,
  servers: readonly SocketAddress[],
  origins: readonly string[],
): RatatoskrOptions {
  const files = networkFiles(dataDir);
  return {
    listen: { host: HOST, port: ratatoskrPort },
    origins,
    webTransport: new SelfMadeCertificates([HOST], Date.now()),
    files: files.ratatoskr,
    services: () =>
      openDemoServices({
        directory: files.ratatoskrFolder,
        network: { servers, wire, coinId: CLOUD_COIN_ID },
      }),
    replayEntries: REPLAY_ENTRIES,
  };
}

function describeRatatoskr({ ratatoskr }: AndvariNode): RatatoskrAddress {
  return (ratatoskr as RatatoskrEndpoint).describe();
}

function describeNetwork(wire: 'spec' | 'legacy', nodes: readonly AndvariNode[]): RaidaNetwork {
  const servers = nodes.map(({ raidaId, addresses }) => ({
    raidaId,
    url: `ws://${formatAddress(addresses.http as SocketAddress)}${RAIDA_PATH}`,
  }));
  return { wire, coinId: CLOUD_COIN_ID, servers };
}
