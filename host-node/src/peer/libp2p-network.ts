/**
 * js-libp2p as Node has it: TCP, QUIC and WebSocket. mDNS for who asks for it; no DHT, no relay.
 * Reference: peer section 2.
 */
import type { PeerNetworkModules, PeerNetworkSetup } from '@andvari/host-common/peer/libp2p';
import {
  Libp2pNetwork,
  type OpenedLibp2p,
  openLibp2p,
} from '@andvari/host-common/peer/open-libp2p';
import { withReset } from '@andvari/host-common/peer/websocket-reset';
import { quic } from '@chainsafe/libp2p-quic';
import { tcp } from '@libp2p/tcp';
import { webSockets } from '@libp2p/websockets';
import { PortInUseError } from '../io/packet-io.ts';
import { nodeLibp2pKey } from './libp2p-key.ts';
import { type MdnsOptions, mdnsService } from './mdns.ts';
import { withGuard } from './websocket-guard.ts';

export interface NodeNetworkOptions {
  /** 32 bytes: the Ed25519 key that libp2p proves. Node's crypto keeps it. */
  seed: Uint8Array;
  /** Multiaddrs: /ip4/0.0.0.0/tcp/4001, /ip4/0.0.0.0/udp/4001/quic-v1, /ip4/0.0.0.0/tcp/4002/ws. */
  listen: readonly string[];
  /** Between two pings of a connection [30 s]. */
  pingMs?: number;
  /** Peers of the same network are looked for, and told of this one [false]. */
  mdns?: boolean | MdnsOptions;
}

export interface NodeNetworkModules extends PeerNetworkModules {
  open(setup: PeerNetworkSetup): Promise<NodeNetwork>;
}

/** For PeerNode. Rejects with an Error of libp2p for a seed that is none. */
export async function nodeNetwork({
  seed,
  listen,
  pingMs,
  mdns = false,
}: NodeNetworkOptions): Promise<NodeNetworkModules> {
  const { privateKey, peerId } = await nodeLibp2pKey(seed);
  const listeners = new Set<(address: string) => void>();
  const found = (address: string) => {
    for (const listener of listeners) listener(address);
  };
  const discovery = mdns ? mdnsService(mdns === true ? {} : mdns, found) : undefined;
  const open = async (setup: PeerNetworkSetup) => {
    const own = { privateKey, listen, transports: transportsFor(setup), pingMs, discovery };
    return new NodeNetwork(await openLibp2p(own, setup), listeners);
  };
  return { peerId, open };
}

function transportsFor({ connectionsMax }: PeerNetworkSetup) {
  return [
    tcp({ outboundSocketInactivityTimeout: 0, inboundSocketInactivityTimeout: 0 }),
    quic(),
    withGuard(withReset(webSockets()), { socketsMax: connectionsMax }),
  ];
}

export class NodeNetwork extends Libp2pNetwork {
  readonly #discovered: Set<(address: string) => void>;

  constructor(libp2p: OpenedLibp2p, discovered: Set<(address: string) => void>) {
    super(libp2p);
    this.#discovered = discovered;
  }

  onDiscovered(listener: (address: string) => void): void {
    this.#discovered.add(listener);
  }

  override async start(): Promise<void> {
    try {
      await super.start();
    } catch (error) {
      throw listenError(error);
    }
  }
}

const TAKEN = /^\s*\/ip[46]\/([^/]+)\/(tcp|udp)\/(\d+)[^\n]*EADDRINUSE/m;

/** libp2p lists what is wrong with each address, stacks and all. */
function listenError(error: unknown): unknown {
  const [, host = '', transport = '', port] = TAKEN.exec((error as Error).message) ?? [];
  if (port === undefined) return error;
  return new PortInUseError(transport.toUpperCase(), { host, port: Number(port) }, error);
}
