// A process that adds peers to a file of known peers: file, number of the first, how many.
import { identityOf } from '@andvari/host-common/transfer/identity';
import { KnownPeers } from '../../transfer/known-peers.ts';

const [file, first, count] = process.argv.slice(2) as [string, string, string];
const peers = KnownPeers.load(file);
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  peers.add(identityOf(new Uint8Array(32).fill(i)).peerId, `peer ${i}`);
}
