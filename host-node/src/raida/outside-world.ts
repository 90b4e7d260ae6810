/** What a node's requests may reach outside: its folders, the other servers, the proxy. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { FileDesk } from '../files/file-desk.ts';
import type { NodeOptions } from '../node.ts';
import { CrossoverProxy } from './effects/crossover-proxy.ts';
import { PeerServers } from './effects/peer-servers.ts';
import type { OutsideWorld } from './server.ts';

type Options = Pick<NodeOptions, 'coinId' | 'dataDir' | 'proxy' | 'raidaId' | 'servers' | 'wire'>;

/** Opens the folders; connections are made when a request needs them. */
export async function openOutsideWorld(options: Options): Promise<OutsideWorld> {
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
