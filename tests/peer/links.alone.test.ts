/** Connections that cross, end under a peer's hands, and come and go. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { CutWire } from './cut-wire.ts';
import { addressOf, seedOf, startNode, startWatchedNode, type Transport } from './nodes.ts';
import { PlainPeer } from './plain-peer.ts';

const ROUNDS = process.env.ANDVARI_LONG ? 10_000 : 40;
const RETURNS = process.env.ANDVARI_LONG ? 300 : 12;
/** Of what has nothing to do with it; libp2p's own timers hold more for some seconds. */
const GROWTH_BYTES_MAX = 4 * 2 ** 20;
const payload = Uint8Array.of(1);

const connections = (node: PeerNode) =>
  node.peers().map(({ isVerified, connections }) => [isVerified, connections]);

describe('two nodes', () => {
  it.each<Transport>(['tcp', 'quic', 'ws'])(
    'that dial each other at once over %s are one pair',
    async (transport) => {
      const listen = [transport];
      const [ann, bea] = await Promise.all([startNode(0, { listen }), startNode(1, { listen })]);
      const verified: string[] = [];
      for (const node of [ann, bea]) node.on('verified', ({ peerId }) => verified.push(peerId));
      const [a, b] = await Promise.all([
        ann.connect(addressOf(bea, transport)),
        bea.connect(addressOf(ann, transport)),
      ]);
      expect([a, b]).toEqual([bea.peerId, ann.peerId]);
      expect(verified.sort()).toEqual([a, b].sort());
      bea.handle('p', () => payload);
      const answer = await ann.send(bea.peerId, 'p', payload);
      expect(answer).toMatchObject({ kind: 'success', data: payload });
    },
  );

  it.each([0, 1])('go on over the connection that is left, broadcasts too: %i', async (first) => {
    const [ann, bea] = await Promise.all([startNode(0), startNode(1)]);
    const wires = await Promise.all(
      [ann, bea].map((node) => {
        const port = /\/tcp\/(\d+)\//.exec(addressOf(node, 'tcp'))?.[1];
        return CutWire.to(Number(port));
      }),
    );
    const through = (wire: CutWire | undefined, node: PeerNode) =>
      `/ip4/127.0.0.1/tcp/${wire?.port}/p2p/${node.peerId}`;
    await Promise.all([bea.connect(through(wires[0], ann)), ann.connect(through(wires[1], bea))]);
    expect([connections(ann), connections(bea)]).toEqual([[[true, 2]], [[true, 2]]]);
    const heard: string[] = [];
    const closed: unknown[] = [];
    for (const node of [ann, bea]) {
      node.on('message', ({ peerId, messageId }) => heard.push(`${peerId} ${messageId}`));
      node.on('closed', (event) => closed.push(event));
    }
    const areHeard = async () => {
      const [one, other] = [await ann.broadcast('p', payload), await bea.broadcast('p', payload)];
      const told = [`${ann.peerId} ${one.messageId}`, `${bea.peerId} ${other.messageId}`];
      await new Promise((resolve) => setTimeout(resolve, 50));
      return told.every((name) => heard.includes(name));
    };
    await expect.poll(areHeard).toBe(true);
    // One second after its start gossipsub looks after its streams by itself, then in 300 s.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    wires[first]?.cut();
    await expect.poll(() => connections(ann)).toEqual([[true, 1]]);
    await expect.poll(() => connections(bea)).toEqual([[true, 1]]);
    await expect.poll(areHeard).toBe(true);
    expect(closed).toEqual([]);
    wires[1 - first]?.cut();
    await expect
      .poll(() => closed)
      .toEqual(expect.arrayContaining([{ peerId: ann.peerId }, { peerId: bea.peerId }]));
    expect(new Set(heard).size).toBe(heard.length);
  });
});

describe('a peer', () => {
  it('that goes at once and comes again hears broadcasts', async () => {
    const [ann, bea] = await Promise.all([startNode(0), startNode(1)]);
    const wire = await CutWire.to(Number(/\/tcp\/(\d+)\//.exec(addressOf(ann, 'tcp'))?.[1]));
    const address = `/ip4/127.0.0.1/tcp/${wire.port}/p2p/${ann.peerId}`;
    for (let i = 0; i < RETURNS; i++) {
      await bea.connect(address);
      wire.cut();
      await expect.poll(() => [ann.peers(), bea.peers()]).toEqual([[], []]);
      wire.mend();
    }
    await bea.connect(address);
    for (const [node, other] of [
      [ann, bea],
      [bea, ann],
    ] as const) {
      const heard: bigint[] = [];
      other.on('message', ({ messageId }) => heard.push(messageId));
      await expect
        .poll(async () => {
          const { messageId } = await node.broadcast('p', payload);
          await new Promise((resolve) => setTimeout(resolve, 50));
          return heard.includes(messageId);
        })
        .toBe(true);
    }
  });
});

describe('a node', () => {
  it('keeps nothing of those who come and go', { timeout: 7_200_000 }, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heapBytes = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const { node, rememberedPeers } = await startWatchedNode(0);
    const [address, nodeId] = [addressOf(node, 'tcp'), peerIdBytes(node.peerId)];
    let before = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const seeds = { seed: seedOf(`passing ${i}`), instanceSeed: seedOf('instance 1') };
      const passing = await PlainPeer.start({ ...seeds, listen: [] });
      // Some are verified, some say nothing.
      if (i % 4) await passing.verifiedTo(address, nodeId);
      else await passing.dial(address);
      await passing.stop();
      await expect.poll(() => node.peers()).toEqual([]);
      if (i === ROUNDS / 4) before = heapBytes();
    }
    await expect.poll(rememberedPeers).toBe(0);
    const growth = () => heapBytes() - before;
    await expect.poll(growth, { interval: 1000 }).toBeLessThan(GROWTH_BYTES_MAX);
  });
});
