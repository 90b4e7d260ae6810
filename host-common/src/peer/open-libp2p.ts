/**
 * js-libp2p for PeerNode, but for its transports, which are the host's: Noise and yamux, identify,
 * ping and gossipsub. Reference: peer sections 2, 7 and 8.
 */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p';
import type {
  Libp2pConnection,
  Libp2pGossip,
  Libp2pRegistrar,
  Libp2pStreamHandler,
  PeerIdentification,
  PeerNetwork,
  PeerNetworkSetup,
} from './libp2p.ts';
import { mergeOnce, silentLogger } from './quiet-libp2p.ts';

export interface Libp2pOfHost {
  privateKey: PrivateKey;
  /** Multiaddrs; none: it dials alone. */
  listen: readonly string[];
  transports: NonNullable<Libp2pOptions['transports']>;
  /** Between two pings of a connection [30 s]. */
  pingMs?: number | undefined;
  /** A service that looks for peers; none: nobody is looked for, nor told of us. */
  discovery?: ((components: DiscoveryComponents) => unknown) | undefined;
}

type DiscoveryComponents = Parameters<NonNullable<Libp2pOptions['peerDiscovery']>[number]>[0];

export type PrivateKey = NonNullable<Libp2pOptions['privateKey']>;
export type OpenedLibp2p = Awaited<ReturnType<typeof openLibp2p>>;
type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0];

/** Peers that have gone are forgotten together. */
const FORGET_MS = 1000;
const PING_MS = 30_000;

/** What libp2p proves, and its peer id. Rejects with an Error of libp2p for a seed that is none. */
export async function libp2pKey(
  seed: Uint8Array,
): Promise<{ privateKey: PrivateKey; peerId: Uint8Array }> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  return { privateKey, peerId: Uint8Array.from(privateKey.publicKey.toMultihash().bytes) };
}

/** Not yet started. */
export async function openLibp2p(
  { privateKey, listen, transports, pingMs = PING_MS, discovery }: Libp2pOfHost,
  setup: PeerNetworkSetup,
) {
  const gossipFactory = gossipsub(setup.gossipOptions);
  const libp2p = await createLibp2p({
    start: false,
    logger: silentLogger,
    privateKey,
    addresses: { listen: [...listen] },
    nodeInfo: { userAgent: setup.agentVersion },
    transports,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // In a browser libp2p would refuse addresses of this machine and ws: by itself.
    connectionGater: { denyDialMultiaddr: () => false, ...(setup.gater as object) },
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
      ...(discovery && { discovery }),
    },
  });
  mergeOnce(libp2p.peerStore, libp2p.peerId);
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

export class Libp2pNetwork implements PeerNetwork {
  readonly gossip: Libp2pGossip;
  private readonly libp2p: OpenedLibp2p;
  private forgetting: ReturnType<typeof setTimeout> | undefined;
  private isStopped = false;

  constructor(libp2p: OpenedLibp2p) {
    this.libp2p = libp2p;
    this.gossip = libp2p.services.gossip as unknown as Libp2pGossip;
    // libp2p's peer store forgets nobody by itself, and nobody here asks it.
    for (const event of ['peer:disconnect', 'peer:identify'] as const) {
      libp2p.addEventListener(event, () => this.forgetSoon());
    }
  }

  /** How many others libp2p remembers, and how many streams of gossipsub. */
  async rememberedPeers(): Promise<number> {
    const { gossip } = this.libp2p.services;
    const { streamsOutbound } = gossip as unknown as { streamsOutbound: Map<string, unknown> };
    return (await this.libp2p.peerStore.all()).length + streamsOutbound.size;
  }

  onConnection(listener: (connection: Libp2pConnection) => void): void {
    this.libp2p.addEventListener('connection:open', ({ detail }) => {
      listener(detail as unknown as Libp2pConnection);
    });
  }

  onIdentified(listener: (identification: PeerIdentification) => void): void {
    this.libp2p.addEventListener('peer:identify', ({ detail }) => {
      const { protocolVersion, protocols } = detail;
      const connection = detail.connection as unknown as Libp2pConnection;
      listener({ connection, protocolVersion, protocols });
    });
  }

  async handle(protocol: string, handler: Libp2pStreamHandler, options: object): Promise<void> {
    const own = handler as unknown as Parameters<Libp2p['handle']>[1];
    await this.libp2p.handle(protocol, own, options);
  }

  async start(): Promise<void> {
    await this.libp2p.start();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.forgetting);
    await this.libp2p.stop();
  }

  addresses(): string[] {
    return this.libp2p.getMultiaddrs().map(String);
  }

  async dial(address: string, signal: AbortSignal): Promise<Libp2pConnection> {
    const connection = await this.libp2p.dial(multiaddr(address), { signal });
    return connection as unknown as Libp2pConnection;
  }

  private forgetSoon(): void {
    if (this.isStopped) return;
    this.forgetting ??= setTimeout(() => {
      this.forgetting = undefined;
      this.forget().catch(() => {});
    }, FORGET_MS);
  }

  /** What is under way may write again for a peer that has gone: until nothing is found. */
  private async forget(): Promise<void> {
    const { peerStore } = this.libp2p;
    const known = await peerStore.all();
    const gone = known.filter(({ id }) => this.libp2p.getConnections(id).length === 0);
    for (const { id } of gone) await peerStore.delete(id);
    if (gone.length > 0) this.forgetSoon();
  }
}
