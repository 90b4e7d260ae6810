/** What a plain libp2p node must not get from one of ours. Reference: peer section 5. */
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import type { PeerNode, PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { addressOf, startNode, startPlain } from './nodes.ts';
import { innerMessage, type PlainPeer } from './plain-peer.ts';
import { SkippingClock } from './skipping-clock.ts';

const payload = Uint8Array.of(1, 2, 3);
const REFUSED = { Error: { code: 400, message: 'handshake refused' } };

async function pair(
  options: Partial<PeerNodeOptions> = {},
): Promise<{ node: PeerNode; nodeId: Uint8Array; plain: PlainPeer; address: string }> {
  const [node, plain] = await Promise.all([startNode(0, options), startPlain(1)]);
  const address = addressOf(node, 'tcp');
  return { node, nodeId: peerIdBytes(node.peerId), plain, address };
}

const verified = (node: PeerNode) =>
  node.peers().flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));
const request = (inner: Parameters<typeof innerMessage>[0]) => {
  const { protocol } = inner;
  return { Protocol: { protocol, payload: [...innerMessage(inner)], metadata: null } };
};

describe('a node of ours', () => {
  it('answers 403 to whoever is not verified, whatever he sends', async () => {
    const { node, nodeId, plain, address } = await pair();
    let asked = 0;
    node.handle('p', () => void asked++);
    const connection = await plain.dial(address);
    const inner = { protocol: 'p', sender: plain.id, recipient: nodeId, payload };
    const refused = { Error: { code: 403, message: 'not verified' } };
    expect(await plain.ask(connection, request(inner))).toEqual(refused);
    expect(await plain.ask(connection, Uint8Array.of(0xff))).toEqual(refused);
    expect(await plain.ask(connection, new Uint8Array(5000))).toEqual(refused);
    expect(asked).toBe(0);
    await plain.ask(connection, await plain.handshake(nodeId));
    expect(await plain.ask(connection, request(inner))).toMatchObject({ Success: { data: null } });
  });

  it('takes a handshake of its signer alone, once', async () => {
    const { node, nodeId, plain, address } = await pair();
    const mallory = await startPlain(2);
    const shown = await plain.handshake(nodeId);
    const third = await mallory.dial(address);
    expect(await mallory.ask(third, shown)).toEqual(REFUSED);
    // With her own id inside, the signature is not his.
    const changed = structuredClone(shown);
    changed.Handshake.msg.sender = mallory.id;
    expect(await mallory.ask(third, changed)).toEqual(REFUSED);
    expect(verified(node)).toEqual([]);
    const connection = await plain.dial(address);
    expect(await plain.ask(connection, shown)).toHaveProperty('Handshake');
    expect(verified(node)).toEqual([plain.peerId]);
    await connection.close();
    await expect.poll(() => verified(node)).toEqual([]);
    const again = await plain.dial(address);
    expect(await plain.ask(again, shown)).toEqual(REFUSED);
    expect(await plain.ask(again, await plain.handshake(nodeId))).toHaveProperty('Handshake');
  });

  it('takes no handshake that is too old, too new, or for somebody else', async () => {
    const { node, nodeId, plain, address } = await pair();
    const connection = await plain.dial(address);
    const show = async (aheadMs: number, recipient = nodeId) => {
      const timestamp = Date.now() + aheadMs;
      return plain.ask(connection, await plain.handshake(recipient, { timestamp }));
    };
    expect(await show(6000)).toEqual(REFUSED);
    expect(await show(-31_000)).toEqual(REFUSED);
    expect(verified(node)).toEqual([]);
    expect(await show(4000)).toHaveProperty('Handshake');
    const other = await startPlain(2);
    const second = await other.dial(address);
    expect(await other.ask(second, await other.handshake(plain.id))).toEqual(REFUSED);
    expect(verified(node)).toEqual([plain.peerId]);
  });

  it('bans whoever comes three times with a false signature', async () => {
    const { node, nodeId, plain, address } = await pair();
    for (let i = 0; i < 3; i++) {
      expect(node.bannedPeers()).toEqual([]);
      const connection = await plain.dial(address);
      expect(await plain.ask(connection, await plain.handshake(plain.id))).toEqual(REFUSED);
      await connection.close();
      await expect.poll(() => node.peers()).toEqual([]);
    }
    await expect.poll(() => node.bannedPeers()).toMatchObject([{ peerId: plain.peerId }]);
    await plain.dial(address).catch(() => {});
    await expect.poll(() => plain.connections()).toEqual([]);
    expect(node.peers()).toEqual([]);
    node.unban(plain.peerId);
    await plain.verifiedTo(address, nodeId);
    expect(verified(node)).toEqual([plain.peerId]);
  });

  it('takes a message of its connection alone, for itself', async () => {
    const { node, nodeId, plain, address } = await pair();
    let asked = 0;
    node.handle('p', () => void asked++);
    const connection = await plain.verifiedTo(address, nodeId);
    const other = await startPlain(2);
    const ask = (sender: Uint8Array, recipient?: Uint8Array) =>
      plain.ask(
        connection,
        request({ protocol: 'p', sender, payload, ...(recipient && { recipient }) }),
      );
    expect(await ask(other.id, nodeId)).toMatchObject({ Error: { code: 403 } });
    expect(await ask(plain.id, other.id)).toMatchObject({ Error: { code: 400 } });
    expect(asked).toBe(0);
    expect(await ask(plain.id, nodeId)).toHaveProperty('Success');
    expect(asked).toBe(1);
  });

  it('answers 413 to a request that is too long, and 408 when its handler does not', async () => {
    const clock = new SkippingClock();
    const { node, nodeId, plain, address } = await pair({ clock });
    const { promise: isAborted, resolve } = Promise.withResolvers<void>();
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
    node.handle('endless', (_, signal) => {
      signal.addEventListener('abort', () => resolve());
      asked();
      return new Promise(() => {});
    });
    const connection = await plain.verifiedTo(address, nodeId);
    const long = await plain.ask(connection, new Uint8Array(2 ** 20 + 1));
    expect(long).toEqual({ Error: { code: 413, message: 'the request is too long' } });
    const inner = { protocol: 'endless', sender: plain.id, recipient: nodeId, payload };
    const answered = plain.ask(connection, request(inner));
    await isAsked;
    clock.skip(28_000);
    expect(await answered).toEqual({ Error: { code: 408, message: 'no answer in time' } });
    await isAborted;
    expect(verified(node)).toEqual([plain.peerId]);
  });

  it('answers 429 beyond 50 requests at once, and is free again after them', async () => {
    const clock = new SkippingClock();
    const { node, nodeId, plain, address } = await pair({ clock });
    const waiting = new Set<() => void>();
    node.handle('slow', () => new Promise<void>((resolve) => void waiting.add(resolve)));
    const connection = await plain.verifiedTo(address, nodeId);
    const inner = { protocol: 'slow', sender: plain.id, recipient: nodeId, payload };
    for (let round = 0; round < 4; round++) {
      const answers = Array.from({ length: 90 }, () => plain.ask(connection, request(inner)));
      await expect.poll(() => waiting.size).toBe(50);
      let refusals = 0;
      const codes = answers.map(async (answer) => (await answer).Error?.code ?? 0);
      for (const code of codes) void code.then((one) => (refusals += one === 429 ? 1 : 0));
      const refused = answers.length - 50;
      await expect.poll(() => refusals).toBe(refused);
      for (const resolve of waiting) resolve();
      waiting.clear();
      expect((await Promise.all(codes)).filter((code) => code === 429)).toHaveLength(refused);
      clock.skip(10_000);
    }
    expect(verified(node)).toEqual([plain.peerId]);
  });

  it('hears no broadcast that is forged, or of whom it has not verified', async () => {
    const { node, nodeId, plain, address } = await pair();
    const other = await startPlain(2);
    const heard: string[] = [];
    node.on('message', ({ protocol, peerId }) => heard.push(`${protocol} ${peerId}`));
    const connection = await plain.verifiedTo(address, nodeId);
    const from = (sender: Uint8Array, protocol: string) =>
      innerMessage({ protocol, sender, payload });
    await plain.publishRaw(connection, from(other.id, 'inner'));
    await plain.publishRaw(connection, from(plain.id, 'signature'), ({ signature }) => {
      signature[0] = (signature[0] ?? 0) ^ 1;
    });
    await plain.publishRaw(connection, from(other.id, 'author'), (message) => {
      message.from = other.id;
    });
    await plain.publishRaw(connection, Uint8Array.of(255));
    const stranger = await other.dial(address);
    await other.publishRaw(stranger, from(other.id, 'early'));
    await plain.publishRaw(connection, from(plain.id, 'honest'));
    await expect.poll(() => heard).toEqual([`honest ${plain.peerId}`]);
    // What it said before comes through once it is verified, and is not lost.
    await other.ask(stranger, await other.handshake(nodeId));
    await expect.poll(() => heard.at(-1)).toBe(`early ${other.peerId}`);
    expect(heard).toHaveLength(2);
  });
});
