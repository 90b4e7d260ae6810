/** The way to the servers: the network's description, the engine that speaks its wire, sockets. */

import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import { WebSocketTransport } from '@andvari/host-common/raida/websocket-transport';
import { PacedTransport } from './paced-transport.ts';
import { fetchNetwork, type PageNetwork, PageServerError } from './page-server.ts';
import type { NetworkView } from './views.ts';

/**
 * Bytes of one request: 779 coins to detect, 441 to pown. No datagram limits a WebSocket; the
 * largest request (64 KiB) would let the lights of 3,000 coins stand still at a time.
 */
const REQUEST_BYTES = 16 * 1024;
const OFFLINE: RaidaNetwork = { wire: 'spec', coinId: 6, servers: [] };

export interface Connection {
  readonly view: NetworkView;
  readonly client: RaidaClient;
  /** The view, with how the servers see each other now. Never rejects. */
  look(): Promise<NetworkView>;
  close(): Promise<void>;
}

/** Never throws: without a description the connection has no servers and says why. */
export async function connect(): Promise<Connection> {
  try {
    const network = await fetchNetwork();
    refuseOpenRoad(network);
    return await connectionTo(network, network);
  } catch (error) {
    const coded = error instanceof Error && 'code' in error;
    const fault = coded ? error.message : 'The engine did not start in this browser.';
    return connectionTo(OFFLINE, { demo: false, fault });
  }
}

async function connectionTo(
  network: RaidaNetwork,
  more: Pick<
    PageNetwork,
    'demo' | 'ratatoskr' | 'relay' | 'reachable' | 'peers' | 'peerNetwork'
  > & {
    fault?: string;
  },
): Promise<Connection> {
  const transport = new PacedTransport(new WebSocketTransport(network.servers));
  const raidaIds = network.servers.map((server) => server.raidaId).sort((a, b) => a - b);
  const codec = new EngineCodec(await plainEngine(), network);
  const client = new RaidaClient({ codec, transport, raidaIds, requestBytesMax: REQUEST_BYTES });
  const { demo, fault, ratatoskr, relay, reachable, peers, peerNetwork } = more;
  const view = {
    ...{ serverIds: raidaIds, demo },
    ...(fault === undefined ? {} : { fault }),
    ...(ratatoskr === undefined ? {} : { ratatoskr }),
    ...(relay === undefined ? {} : { relay }),
    ...(reachable === undefined ? {} : { reachable }),
    ...(peers === undefined ? {} : { peers }),
    ...(peerNetwork === undefined ? {} : { peerNetwork }),
  };
  const look = () => (fault === undefined ? withPeers(view) : Promise.resolve(view));
  return { view, client, look, close: () => transport.close() };
}

async function withPeers({ peers: _, ...view }: NetworkView): Promise<NetworkView> {
  try {
    const { peers } = await fetchNetwork();
    return peers === undefined ? view : { ...view, peers };
  } catch {
    // The servers may answer without the page's own.
    return view;
  }
}

/** Requests are in clear inside the WebSocket, so ws: may not leave this machine. */
function refuseOpenRoad({ servers }: RaidaNetwork): void {
  const open = servers.find(({ url }) => {
    const { protocol, hostname } = new URL(url);
    const local = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
    return protocol !== 'wss:' && !(protocol === 'ws:' && local);
  });
  if (open === undefined) return;
  throw new PageServerError(
    `Server ${open.raidaId} has no encrypted address (${open.url}): coins are not sent there.`,
  );
}
