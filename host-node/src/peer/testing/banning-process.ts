/** A process for tests that kill it: a peer node in the folder of its argument bans a peer. */
import { openPeerNode } from '../open-peer-node.ts';

const [folder = '', banned = ''] = process.argv.slice(2);
const node = await openPeerNode({
  folder,
  listen: [],
  networkName: 'testnet',
  instanceId: 'inst-1',
  whitelist: [],
});
await node.start();
node.ban(banned);
// The file is written from the turn after it on.
setTimeout(() => process.send?.(node.bannedPeers()), 500);
