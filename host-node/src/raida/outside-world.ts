/** What a node's requests may reach outside: its folders, the other servers, the proxy. */
import type { WireName } from '@andvari/host-common/engine/configuration';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { Secret } from '../config/secret.ts';
import { FileDesk } from '../files/file-desk.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { CrossoverProxy } from './effects/crossover-proxy.ts';
import { PeerServers } from './effects/peer-servers.ts';
import type { OutsideWorld } from './server.ts';

export interface OutsideOptions {
  raidaId: number;
  coinId: number;
  wire: WireName;
  /** Absolute; holds coins/, Keys/, Trades/, Zones/ and Folders/ (FileDesk). */
  dataDir: string;
  /** All 25 of the network by RAIDA number, looked at when fix asks them (PeerServers). */
  servers?: readonly SocketAddress[];
  /** Without it the crossover commands answer 180. */
  proxy?: { host: string; port: number; key: Secret };
}

/** Opens the folders; connections are made when a request needs them. */
export async function openOutsideWorld(options: OutsideOptions): Promise<OutsideWorld> {
  const { coinId, dataDir, proxy, raidaId, servers, wire } = options;
  const folders = await FileDesk.open(dataDir);
  if (!servers && !proxy) return { folders, servers: undefined, proxy: undefined };
  const codec = new EngineCodec(await plainEngine(), { wire, coinId });
  return {
    folders,
    servers: servers && new PeerServers({ servers, raidaId, codec }),
    proxy: proxy && new CrossoverProxy({ ...proxy, raidaId, codec }),
  };
}
