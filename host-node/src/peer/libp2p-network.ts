/**
 * js-libp2p as Node has it: TCP with Noise and yamux, QUIC, WebSocket; identify and ping. No mDNS,
 * no DHT, no relay. Reference: peer sections 2, 7 and 8.
 */

import type {
  Libp2pConnection,
  Libp2pGossip,
  Libp2pRegistrar,
  Libp2pStreamHandler,
  PeerIdentification,
  PeerNetwork,
  PeerNetworkModules,
  PeerNetworkSetup,
} from '@andvari/host-common/peer/libp2p';
import { quic } from '@chainsafe/libp2p-quic';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { PortInUseError } from '../io/packet-io.ts';

export interface NodeNetworkOptions {
  /** 32 bytes: the Ed25519 key that libp2p proves. It is not kept. */
  seed: Uint8Array;
  /** Multiaddrs: /ip4/0.0.0.0/tcp/4001, /ip4/0.0.0.0/udp/4001/quic-v1, /ip4/0.0.0.0/tcp/4002/ws. */
  listen: readonly string[];
  /** Between two pings of a connection [30 s]. */
  pingMs?: number;
}

/** Peers that have gone are forgotten together. */
const FORGET_MS = 1000;
const PING_MS = 30_000;

type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0];
type PrivateKey = NonNullable<NonNullable<Parameters<typeof createLibp2p>[0]>['privateKey']>;

export interface NodeNetworkModules extends PeerNetworkModules {
  open(setup: PeerNetworkSetup): Promise<NodeNetwork>;
}

/** For PeerNode. Rejects with an Error of libp2p for a seed that is none. */
export async function nodeNetwork({
  seed,
  listen,
  pingMs = PING_MS,
}: NodeNetworkOptions): Promise<NodeNetworkModules> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  const peerId = privateKey.publicKey.toMultihash().bytes;
  return {
    peerId: Uint8Array.from(peerId),
    open: async (setup) => new NodeNetwork(await open({ privateKey, listen, pingMs }, setup)),
  };
}

interface OwnOptions {
  privateKey: PrivateKey;
  listen: readonly string[];
  pingMs: number;
}

async function open({ privateKey, listen, pingMs }: OwnOptions, setup: PeerNetworkSetup) {
  const gossipFactory = gossipsub(setup.gossipOptions);
  const libp2p = await createLibp2p({
    start: false,
    privateKey,
    addresses: { listen: [...listen] },
    nodeInfo: { userAgent: setup.agentVersion },
    transports: [
      tcp({ outboundSocketInactivityTimeout: 0, inboundSocketInactivityTimeout: 0 }),
      quic(),
      webSockets(),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: setup.gater as object,
    // The gate limits; what libp2p would prune or refuse by itself is out of its reach.
    connectionManager: {
      maxConnections: setup.connectionsMax,
      maxIncomingPendingConnections: setup.connectionsMax,
      inboundConnectionThreshold: 1_000_000,
      reconnectRetries: 0,
    },
    connectionMonitor: { pingInterval: pingMs },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: (components: GossipComponents) => gossipFactory(gated(components, setup)),
    },
  });
  const { identify: service } = libp2p.services;
  // js-libp2p's version of it is fixed, and its prefix is also that of the protocol id.
  (service as unknown as { host: { protocolVersion: string } }).host.protocolVersion =
    setup.protocolVersion;
  return libp2p;
}

function gated(components: GossipComponents, setup: PeerNetworkSetup): GossipComponents {
  const { privateKey, peerId, peerStore, registrar, connectionManager, logger } = components;
  const own = setup.gossipRegistrar(registrar as unknown as Libp2pRegistrar);
  return {
    privateKey,
    peerId,
    peerStore,
    connectionManager,
    logger,
    registrar: own as unknown as GossipComponents['registrar'],
  };
}

export class NodeNetwork implements PeerNetwork {
  readonly gossip: Libp2pGossip;
  readonly #libp2p: Awaited<ReturnType<typeof open>>;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(libp2p: Awaited<ReturnType<typeof open>>) {
    this.#libp2p = libp2p;
    this.gossip = libp2p.services.gossip as unknown as Libp2pGossip;
    // libp2p's peer store forgets nobody by itself, and nobody here asks it.
    for (const event of ['peer:disconnect', 'peer:identify'] as const) {
      libp2p.addEventListener(event, () => this.#forgetSoon());
    }
  }

  /** How many others libp2p remembers, and how many streams of gossipsub. */
  async rememberedPeers(): Promise<number> {
    const { gossip } = this.#libp2p.services;
    const { streamsOutbound } = gossip as unknown as { streamsOutbound: Map<string, unknown> };
    return (await this.#libp2p.peerStore.all()).length + streamsOutbound.size;
  }

  onConnection(listener: (connection: Libp2pConnection) => void): void {
    this.#libp2p.addEventListener('connection:open', ({ detail }) => {
      listener(detail as unknown as Libp2pConnection);
    });
  }

  onIdentified(listener: (identification: PeerIdentification) => void): void {
    this.#libp2p.addEventListener('peer:identify', ({ detail }) => {
      const { protocolVersion, protocols } = detail;
      const connection = detail.connection as unknown as Libp2pConnection;
      listener({ connection, protocolVersion, protocols });
    });
  }

  async handle(protocol: string, handler: Libp2pStreamHandler, options: object): Promise<void> {
    const own = handler as unknown as Parameters<Libp2p['handle']>[1];
    await this.#libp2p.handle(protocol, own, options);
  }

  async start(): Promise<void> {
    try {
      await this.#libp2p.start();
    } catch (error) {
      throw listenError(error);
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#forgetting);
    await this.#libp2p.stop();
  }

  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map(String);
  }

  async dial(address: string, signal: AbortSignal): Promise<Libp2pConnection> {
    const connection = await this.#libp2p.dial(multiaddr(address), { signal });
    return connection as unknown as Libp2pConnection;
  }

  #forgetSoon(): void {
    this.#forgetting ??= setTimeout(() => {
      this.#forgetting = undefined;
      this.#forget().catch(() => {});
    }, FORGET_MS).unref();
  }

  /** What is under way may write again for a peer that has gone: until nothing is found. */
  async #forget(): Promise<void> {
    const { peerStore } = this.#libp2p;
    const known = await peerStore.all();
    const gone = known.filter(({ id }) => this.#libp2p.getConnections(id).length === 0);
    for (const { id } of gone) await peerStore.delete(id);
    if (gone.length > 0) this.#forgetSoon();
  }
}

const TAKEN = /^\s*\/ip[46]\/([^/]+)\/(tcp|udp)\/(\d+)[^\n]*EADDRINUSE/m;

/** libp2p lists what is wrong with each address, stacks and all. */
function listenError(error: unknown): unknown {
  const [, host = '', transport = '', port] = TAKEN.exec((error as Error).message) ?? [];
  if (port === undefined) return error;
  return new PortInUseError(transport.toUpperCase(), { host, port: Number(port) }, error);
}
