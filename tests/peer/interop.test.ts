/** Nodes of ours and a plain libp2p node, by the bytes of wire 2, both ways. */

import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { addressOf, instanceSigner, startNode, startPlain } from './nodes.ts';
import { innerDecode } from './oracle.ts';
import { innerMessage, isSigned, type PlainPeer, type PlainResponse } from './plain-peer.ts';

const payload = Uint8Array.of(0, 23, 24, 255);
async function pair(): Promise<[PeerNode, PlainPeer, Uint8Array]> {
  const [node, plain] = await Promise.all([startNode(0), startPlain(1)]);
  return [node, plain, peerIdBytes(node.peerId)];
}

describe('a plain libp2p node', () => {
  it('that calls is verified by its request, asks, and is answered', async () => {
    const [node, plain, nodeId] = await pair();
    const seen: unknown[] = [];
    node.on('message', (message) => seen.push(message));
    node.handle('echo', ({ payload }) => payload);
    node.handle('none', () => {});
    node.handle('throws', () => {
      throw new Error('a secret');
    });
    const connection = await plain.dial(addressOf(node, 'tcp'));
    const { Handshake } = await plain.ask(connection, await plain.handshake(nodeId));
    expect(Uint8Array.from(Handshake?.msg.sender ?? [])).toEqual(nodeId);
    expect(Handshake?.verification_id_key).toEqual({
      InstancePublicKey: [...instanceSigner(0).publicKey],
    });
    expect(Handshake && (await isSigned(Handshake, plain.id))).toBe(true);
    expect(node.peers()).toMatchObject([{ peerId: plain.peerId, isVerified: true, wire: 2 }]);
    // Ours came too, at once, and got no answer.
    await expect.poll(() => plain.asked.length).toBe(1);
    const [{ Handshake: own } = {}] = plain.asked;
    expect(own && (await isSigned(own, plain.id))).toBe(true);
    const ask = (protocol: string) => {
      const inner = { protocol, messageId: 300, roundId: 70, sender: plain.id, recipient: nodeId };
      const message = [...innerMessage({ ...inner, payload })];
      return plain.ask(connection, {
        Protocol: { protocol, payload: message, metadata: [1, 200] },
      });
    };
    const data = [...payload];
    expect(await ask('echo')).toEqual({ Success: { protocol: 'echo', data } });
    expect(await ask('none')).toEqual({ Success: { protocol: 'none', data: null } });
    expect(await ask('throws')).toEqual({ Error: { code: 500, message: 'internal error' } });
    expect(await ask('nobody')).toEqual({ Error: { code: 400, message: 'no such protocol' } });
    expect(await plain.ask(connection, Uint8Array.of(0xff))).toMatchObject({
      Error: { code: 400 },
    });
    const metadata = Uint8Array.of(1, 200);
    const message = { peerId: plain.peerId, messageId: 300n, roundId: 70, payload, metadata };
    expect(seen[0]).toEqual({ ...message, kind: 'direct', protocol: 'echo' });
  });

  it('that is called is verified by its response, and what it answers is given', async () => {
    const [node, plain, nodeId] = await pair();
    const handshake = await plain.handshake(nodeId);
    plain.answer = () => handshake;
    expect(await node.connect(addressOf(plain, 'tcp'))).toBe(plain.peerId);
    const answers: [PlainResponse, unknown][] = [
      [
        { Success: { protocol: 'other', data: [1, 255] } },
        { kind: 'success', protocol: 'other', data: Uint8Array.of(1, 255) },
      ],
      // As the document has it.
      [{ Success: { data: null } }, { kind: 'success', data: null }],
      [{ Protocol: { data: [7] } }, { kind: 'protocol', data: Uint8Array.of(7) }],
      [
        { Error: { code: 418, message: 'no' } },
        { kind: 'error', code: 418, message: 'no', isLocal: false },
      ],
      [
        handshake,
        { kind: 'error', code: 400, message: 'the answer is a handshake', isLocal: true },
      ],
    ];
    for (const [answer, wanted] of answers) {
      plain.answer = () => answer;
      const metadata = Uint8Array.of(9);
      expect(await node.send(plain.peerId, 'p', payload, { metadata, roundId: 3 })).toEqual(wanted);
      const { Protocol } = plain.asked.at(-1) ?? {};
      expect(Protocol).toMatchObject({ protocol: 'p', metadata: [9] });
      const inner = innerDecode(Uint8Array.from(Protocol?.payload ?? []));
      const [sender, recipient] = [nodeId, plain.id];
      expect(inner).toMatchObject({ protocol: 'p', roundId: 3, sender, recipient, payload });
    }
    plain.answer = () => undefined;
    expect(await node.send(plain.peerId, 'p', payload)).toMatchObject({ code: 500, isLocal: true });
  });

  it('and one of ours hear the broadcasts of each other', async () => {
    const [node, plain, nodeId] = await pair();
    const seen: unknown[] = [];
    node.on('message', (message) => seen.push(message));
    await plain.verifiedTo(addressOf(node, 'tcp'), nodeId);
    const inner = { protocol: 'p', messageId: 5, roundId: 2, sender: plain.id, payload };
    await expect.poll(() => plain.subscribers()).toBe(1);
    expect(await plain.publish(innerMessage(inner))).toBe(1);
    const told = { peerId: plain.peerId, kind: 'broadcast', protocol: 'p', messageId: 5n };
    await expect.poll(() => seen).toEqual([{ ...told, roundId: 2, payload, metadata: null }]);
    await expect.poll(async () => (await node.broadcast('q', payload)).peers).toBe(1);
    await expect.poll(() => plain.heard.length).toBeGreaterThan(0);
    expect(plain.heard[0]?.from).toBe(node.peerId);
    const heard = innerDecode(plain.heard[0]?.data ?? new Uint8Array(0));
    expect(heard).toMatchObject({ protocol: 'q', roundId: 0, sender: nodeId, payload });
    expect(heard.recipient).toBeUndefined();
  });

  it.each([
    ['without our protocol', { protocol: '/testnet/inst-2' }],
    ['of another version', { protocolVersion: 'gadget/1.0.0' }],
  ])('%s is disconnected, and not banned', async (_, options) => {
    const [node, plain] = [await startNode(0), await startPlain(1, options)];
    const failed: unknown[] = [];
    node.on('failed', (event) => failed.push(event));
    await plain.dial(addressOf(node, 'tcp'));
    await expect.poll(() => failed).toEqual([{ peerId: plain.peerId, reason: 'VERSION' }]);
    await expect.poll(() => plain.connections()).toEqual([]);
    expect([node.peers(), node.bannedPeers()]).toEqual([[], []]);
  });
});
