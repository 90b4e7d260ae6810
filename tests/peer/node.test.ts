/** Two peer nodes over real transports. */
import { PeerNodeError } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { addressOf, instanceKeys, startNode, type Transport } from './nodes.ts';

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
});
