/** Broadcasts among three nodes, and bans and the list while they run. */
import { topicOf } from '@andvari/host-common/peer/peer-gossip';
import { PeerNodeError } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { addressOf, instanceKeys, startNode } from './nodes.ts';

const payload = Uint8Array.of(1, 2, 3);

describe('broadcasts and bans', () => {
  it('hash the topic as the networks do', () => {
    expect(topicOf('/testnet/inst-1')).toBe('QKDm/WLMgvbAoxXeHsjyyhT+WGVkv+f4i/h9wSdw0Js=');
  });

  it('reach a verified peer once, a banned or removed one not at all', async () => {
    const [ann, bea] = [await startNode(0), await startNode(1)];
    const got: bigint[] = [];
    bea.on('message', ({ kind, messageId }) => kind === 'broadcast' && got.push(messageId));
    await ann.connect(addressOf(bea, 'tcp'));
    await expect.poll(async () => (await ann.broadcast('p', payload)).peers).toBe(1);
    await expect.poll(() => got.length).toBeGreaterThan(0);
    expect(new Set(got).size).toBe(got.length);
    await expect(ann.broadcast('p', new Uint8Array(65_536))).rejects.toBeInstanceOf(RangeError);
    ann.ban(bea.peerId);
    expect(ann.bannedPeers()).toMatchObject([{ peerId: bea.peerId }]);
    await expect.poll(() => bea.peers()).toEqual([]);
    await expect(ann.connect(addressOf(bea, 'tcp'))).rejects.toBeInstanceOf(PeerNodeError);
    ann.unban(bea.peerId);
    expect(await ann.connect(addressOf(bea, 'tcp'))).toBe(bea.peerId);
    ann.replaceWhitelist(instanceKeys(1));
    expect(ann.peers()).toEqual([]);
  });

  it('are heard as often as the limit says; three times as many are a ban', async () => {
    const [ann, bea] = [await startNode(0), await startNode(1, { limits: { broadcasts: 5 } })];
    const got: bigint[] = [];
    bea.on('message', ({ messageId }) => got.push(messageId));
    const told: string[] = [];
    bea.on('banned', ({ peerId }) => told.push(peerId));
    await ann.connect(addressOf(bea, 'tcp'));
    await expect.poll(async () => (await ann.broadcast('p', payload)).peers).toBe(1);
    for (let i = 1; i < 15; i++) await ann.broadcast('p', payload);
    await expect.poll(() => bea.droppedBroadcasts).toBe(10);
    expect([got.length, told]).toEqual([5, []]);
    await ann.broadcast('p', payload);
    await expect.poll(() => told).toEqual([ann.peerId]);
    expect([got.length, bea.peers()]).toEqual([5, []]);
  });

  it('and requests, as the limit of the host says', async () => {
    const limits = { requests: 10 };
    const [ann, bea] = [await startNode(0), await startNode(1, { limits })];
    bea.handle('echo', ({ payload }) => payload);
    await ann.connect(addressOf(bea, 'tcp'));
    const ask = () => ann.send(bea.peerId, 'echo', payload);
    expect(await ask()).toMatchObject({ kind: 'success' });
    // A handshake that crossed counts too.
    for (let i = 1; i < 10; i++) await ask();
    expect(await ask()).toMatchObject({ kind: 'error', code: 429, isLocal: false });
    await expect(startNode(2, { limits: { requests: 0 } })).rejects.toBeInstanceOf(RangeError);
  });
});
