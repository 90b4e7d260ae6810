/** Two peer nodes over real transports. */
import { PeerNodeError } from '@andvari/host-common/peer/peer-node';
import { nodeNetwork } from '@andvari/host-node/peer/libp2p-network';
import { describe, expect, it } from 'vitest';
import { addressOf, instanceKeys, LISTEN, seedOf, startNode, type Transport } from './nodes.ts';

const verifiedPeers = (node: { peers(): { peerId: string; isVerified: boolean }[] }) =>
  node.peers().flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));

describe('two peer nodes', () => {
  it.each<Transport>(['tcp', 'quic', 'ws'])('verify each other over %s', async (transport) => {
    const [ann, bea] = await Promise.all([
      startNode(0, { listen: [transport] }),
      startNode(1, { listen: [transport] }),
    ]);
    expect(await ann.connect(addressOf(bea, transport))).toBe(bea.peerId);
    await expect.poll(() => verifiedPeers(bea)).toEqual([ann.peerId]);
    expect(verifiedPeers(ann)).toEqual([bea.peerId]);
  });

  it.each<Transport>(['tcp', 'quic', 'ws'])(
    'of one whom the other has closed none is left, over %s',
    async (transport) => {
      // No ping: nothing but the end of the connection itself tells it.
      const listen = [LISTEN[transport]];
      const start = async (n: number) => {
        const network = await nodeNetwork({ seed: seedOf(`libp2p ${n}`), listen, pingMs: 600_000 });
        return startNode(n, { network });
      };
      const [ann, bea] = [await start(0), await start(1)];
      for (const [dialler, listener] of [
        [ann, bea],
        [bea, ann],
      ] as const) {
        await dialler.connect(addressOf(listener, transport));
        await expect.poll(() => verifiedPeers(listener)).toEqual([dialler.peerId]);
        bea.ban(ann.peerId);
        await expect.poll(() => [ann.peers(), bea.peers()]).toEqual([[], []]);
        bea.unban(ann.peerId);
      }
    },
  );

  it('nobody is verified who is not on the list', async () => {
    const whitelist = instanceKeys(1);
    const [ann, eve] = await Promise.all([startNode(0, { whitelist }), startNode(1)]);
    const banned = new Promise<string>((resolve) => {
      ann.on('banned', ({ peerId }) => resolve(peerId));
    });
    // Eve may have verified Ann before Ann refuses.
    await eve.connect(addressOf(ann, 'tcp')).catch(() => {});
    expect(await banned).toBe(eve.peerId);
    await expect.poll(() => [ann.peers(), eve.peers()]).toEqual([[], []]);
    await expect(eve.connect(addressOf(ann, 'tcp'))).rejects.toBeInstanceOf(PeerNodeError);
  });

  it('is started once, and stays stopped', async () => {
    const node = await startNode(0);
    const once = { code: 'ANDVARI_PEER_STOPPED' };
    await expect(node.start()).rejects.toMatchObject(once);
    expect(node.addresses()).not.toEqual([]);
    await node.stop();
    await expect(node.start()).rejects.toMatchObject(once);
  });
});
