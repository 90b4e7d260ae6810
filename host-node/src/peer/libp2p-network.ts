/**
 * js-libp2p as Node has it: TCP, QUIC and WebSocket. No mDNS, no DHT, no relay.
 * Reference: peer section 2.
 */
import type { PeerNetworkModules, PeerNetworkSetup } from '@andvari/host-common/peer/libp2p';
import { Libp2pNetwork, libp2pKey, openLibp2p } from '@andvari/host-common/peer/open-libp2p';
import { withReset } from '@andvari/host-common/peer/websocket-reset';
import { quic } from '@chainsafe/libp2p-quic';
import { tcp } from '@libp2p/tcp';
import { webSockets } from '@libp2p/websockets';
import { PortInUseError } from '../io/packet-io.ts';
import { withGuard } from './websocket-guard.ts';

export interface NodeNetworkOptions {
  /** 32 bytes: the Ed25519 key that libp2p proves. It is not kept. */
  seed: Uint8Array;
  /** Multiaddrs: /ip4/0.0.0.0/tcp/4001, /ip4/0.0.0.0/udp/4001/quic-v1, /ip4/0.0.0.0/tcp/4002/ws. */
  listen: readonly string[];
  /** Between two pings of a connection [30 s]. */
  pingMs?: number;
}

export interface NodeNetworkModules extends PeerNetworkModules {
  open(setup: PeerNetworkSetup): Promise<NodeNetwork>;
}

/** For PeerNode. Rejects with an Error of libp2p for a seed that is none. */
export async function nodeNetwork({
  seed,
  listen,
  pingMs,
}: NodeNetworkOptions): Promise<NodeNetworkModules> {
  const { privateKey, peerId } = await libp2pKey(seed);
  const open = async (setup: PeerNetworkSetup) => {
    const transports = transportsFor(setup);
    return new NodeNetwork(await openLibp2p({ privateKey, listen, transports, pingMs }, setup));
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
