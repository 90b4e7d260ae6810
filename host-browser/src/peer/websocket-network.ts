/**
 * js-libp2p as a browser has it: it dials WebSocket addresses, and nobody can dial it. It has no
 * TCP, no QUIC and no mDNS; WebTransport would want a listener that libp2p for Node has not.
 * Reference: peer section 2.
 */
import type {
  Libp2pConnection,
  PeerNetworkModules,
  PeerNetworkSetup,
} from '@andvari/host-common/peer/libp2p';
import { Libp2pNetwork, libp2pKey, openLibp2p } from '@andvari/host-common/peer/open-libp2p';
import { withReset } from '@andvari/host-common/peer/websocket-reset';
import { webSockets } from '@libp2p/websockets';

export interface BrowserNetworkOptions {
  /** 32 bytes: the Ed25519 key that libp2p proves. It is not kept. */
  seed: Uint8Array;
  /** Between two pings of a connection [30 s]. */
  pingMs?: number | undefined;
}

/** Asked for what a browser cannot do; the message says what. */
export class BrowserPeerError extends Error {
  override readonly name = 'BrowserPeerError';
  readonly code = 'ANDVARI_PEER_BROWSER';
}

const WEB_SOCKET = /\/(?:ws|wss)(?:\/|$)/;

/** For PeerNode. Rejects with an Error of libp2p for a seed that is none. */
export async function browserNetwork({
  seed,
  pingMs,
}: BrowserNetworkOptions): Promise<PeerNetworkModules> {
  const { privateKey, peerId } = await libp2pKey(seed);
  const own = { privateKey, listen: [], transports: [withReset(webSockets())], pingMs };
  return {
    peerId,
    open: async (setup: PeerNetworkSetup) => new BrowserNetwork(await openLibp2p(own, setup)),
  };
}

class BrowserNetwork extends Libp2pNetwork {
  override async dial(address: string, signal: AbortSignal): Promise<Libp2pConnection> {
    if (WEB_SOCKET.test(address)) return super.dial(address, signal);
    throw new BrowserPeerError('a browser reaches WebSocket addresses alone (/ws or /wss)');
  }
}
