/** A node that is to stay connected dials again whoever it has lost. */
import { pauseMs } from '@andvari/host-common/peer/peer-dialler';
import { describe, expect, it } from 'vitest';
import { CutWire } from './cut-wire.ts';
import { addressOf, startNode } from './nodes.ts';

const verified = (node: { peers(): { peerId: string; isVerified: boolean }[] }) =>
  node.peers().flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));
const patient = { timeout: 20_000 };

describe('a node that is to stay connected', () => {
  it('waits longer after each dial in vain, a minute at most, and never as long as others', () => {
    const least = Array.from({ length: 8 }, (_, failures) => pauseMs(failures, 0));
    expect(least).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect([pauseMs(0, 0.5), pauseMs(5, 0.5), pauseMs(1e9, 1)]).toEqual([1500, 45_000, 60_000]);
  });

  it('dials again whoever it has lost, and whoever was not there', async () => {
    const bea = await startNode(1);
    const wire = await CutWire.to(Number(/tcp\/(\d+)/.exec(addressOf(bea, 'tcp'))?.[1]));
    wire.cut();
    const address = `/ip4/127.0.0.1/tcp/${wire.port}/p2p/${bea.peerId}`;
    const ann = await startNode(0, { keepConnected: [address] });
    const told: string[] = [];
    ann.on('unreachable', ({ address }) => told.push(address));
    await expect.poll(() => told[0], patient).toBe(address);
    wire.mend();
    await expect.poll(() => verified(ann), patient).toEqual([bea.peerId]);
    wire.cut();
    await expect.poll(() => ann.peers(), patient).toEqual([]);
    wire.mend();
    await expect.poll(() => verified(ann), patient).toEqual([bea.peerId]);
  }, 60_000);

  it('leaves others alone, and all after its end', async () => {
    const [ann, bea] = [await startNode(0), await startNode(1)];
    await ann.connect(addressOf(bea, 'tcp'));
    bea.ban(ann.peerId);
    await expect.poll(() => ann.peers()).toEqual([]);
    bea.unban(ann.peerId);
    const cat = await startNode(2, { keepConnected: [addressOf(bea, 'tcp')] });
    await expect.poll(() => verified(bea), patient).toEqual([cat.peerId]);
    await cat.stop();
    await expect.poll(() => bea.peers()).toEqual([]);
    // Longer than the first pause.
    await new Promise((resolve) => setTimeout(resolve, 2100));
    expect([bea.peers(), ann.peers()]).toEqual([[], []]);
  }, 60_000);

  it('wants addresses with a peer', async () => {
    const keepConnected = ['/ip4/127.0.0.1/tcp/1'];
    await expect(startNode(0, { keepConnected })).rejects.toBeInstanceOf(RangeError);
  });
});
