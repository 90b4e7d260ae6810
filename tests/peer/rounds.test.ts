/** Protocols in rounds: what comes is each party's, once, and no more than is read. */

import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import {
  PeerRounds,
  type RoundBody,
  RoundDeliveryError,
  type RoundMessage,
} from '@andvari/host-common/peer/peer-rounds';
import { describe, expect, it } from 'vitest';
import { addressOf, startNode, startPlain } from './nodes.ts';
import { innerMessage } from './plain-peer.ts';

const protocol = '/testnet/inst-1';
const bytes = (text: string) => new TextEncoder().encode(text);

async function startParties(count: number): Promise<PeerNode[]> {
  const nodes = await Promise.all(Array.from({ length: count }, (_, n) => startNode(n)));
  for (const [a, node] of nodes.entries()) {
    for (const other of nodes.slice(a + 1)) await node.connect(addressOf(other, 'tcp'));
  }
  for (const node of nodes) {
    const reached = async () => (await node.broadcast('warm', bytes('1'))).peers;
    await expect.poll(reached).toBe(count - 1);
  }
  return nodes;
}

/** Two rounds: each tells all its number, then each other party the sum and whom it is for. */
async function sums(rounds: PeerRounds, own: number, others: number[]): Promise<RoundBody[]> {
  await rounds.sendToAll(1, { value: own });
  const values = [own];
  const told: RoundBody[] = [];
  for await (const { roundId, body, sender, isBroadcast } of rounds) {
    expect(isBroadcast).toBe(roundId === 1);
    if (roundId === 2) told.push({ sender, body });
    else if (values.push((body as { value: number }).value) > others.length) {
      const sum = values.reduce((a, b) => a + b);
      for (const party of others) await rounds.send(party, 2, { sum, to: party });
    }
    if (told.length === others.length) break;
  }
  return told.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

describe('rounds', () => {
  it('bring each party what the others say, and nobody else', async () => {
    const nodes = await startParties(4);
    const stranger = nodes[3] as PeerNode;
    const parties = nodes.slice(0, 3).map(({ peerId }) => peerId);
    const rounds = nodes.slice(0, 3).map((node) => new PeerRounds({ node, parties, protocol }));
    expect(rounds.map(({ party }) => party)).toEqual([0, 1, 2]);
    await stranger.broadcast(protocol, bytes('{"value":1000}'), { roundId: 1 });
    const answer = await stranger.send(parties[0] ?? '', protocol, bytes('{}'));
    expect(answer).toMatchObject({ kind: 'error', code: 403 });
    const found = await Promise.all(
      rounds.map((one, n) =>
        sums(
          one,
          10 ** n,
          [0, 1, 2].filter((other) => other !== n),
        ),
      ),
    );
    for (const [n, told] of found.entries()) {
      const others = [0, 1, 2].filter((other) => other !== n);
      expect(told).toEqual(others.map((sender) => ({ sender, body: { sum: 111, to: n } })));
    }
    const [first] = rounds as [PeerRounds];
    await expect(first.send(0, 1, null)).rejects.toBeInstanceOf(RangeError);
    await expect(first.send(3, 1, null)).rejects.toBeInstanceOf(RangeError);
    await expect(first.send(1, 1, undefined as never)).rejects.toBeInstanceOf(TypeError);
    await expect(first.sendToAll(1, 'x'.repeat(65_536))).rejects.toBeInstanceOf(RangeError);
    rounds[1]?.close();
    await expect(first.send(1, 3, null)).rejects.toMatchObject({ errorCode: 400, party: 1 });
    expect(await rounds[1]?.next()).toBeUndefined();
    const [node] = nodes as [PeerNode];
    const none = () => new PeerRounds({ node, parties: parties.slice(1), protocol: 'other' });
    expect(none).toThrow(RangeError);
    expect(() => new PeerRounds({ node, parties, protocol })).toThrow(RangeError);
  });

  it('drop what comes again or is no JSON, and let nobody fill the queue', async () => {
    const limits = { broadcasts: 1000 };
    const [node, plain] = await Promise.all([startNode(0, { limits }), startPlain(1)]);
    const nodeId = peerIdBytes(node.peerId);
    const rounds = new PeerRounds({ node, parties: [plain.peerId, node.peerId], protocol });
    const connection = await plain.verifiedTo(addressOf(node, 'tcp'), nodeId);
    const inner = (messageId: number, payload: string, recipient?: Uint8Array) =>
      innerMessage({
        ...{ protocol, messageId, roundId: 4, sender: plain.id, payload: bytes(payload) },
        ...(recipient && { recipient }),
      });
    const ask = (messageId: number, payload: string) => {
      const message = [...inner(messageId, payload, nodeId)];
      return plain.ask(connection, { Protocol: { protocol, payload: message, metadata: null } });
    };
    const taken = { Success: { protocol, data: null } };
    expect(await ask(0, '[1]')).toEqual(taken);
    expect(await ask(0, '[1]')).toEqual(taken);
    expect(await ask(1, '{')).toEqual({ Error: { code: 400, message: 'no JSON' } });
    expect(await ask(1, '"two"')).toEqual(taken);
    await expect.poll(() => plain.subscribers()).toBe(1);
    await plain.publish(inner(1, '"two"'));
    await plain.publish(inner(2, 'no'));
    await plain.publish(inner(3, 'true'));
    const read: (RoundMessage | undefined)[] = [];
    while (read.length < 3) read.push(await rounds.next());
    const common = { sender: 0, roundId: 4 };
    expect(read).toEqual([
      { ...common, messageId: 0n, isBroadcast: false, body: [1] },
      { ...common, messageId: 1n, isBroadcast: false, body: 'two' },
      { ...common, messageId: 3n, isBroadcast: true, body: true },
    ]);
    expect(rounds.dropped).toBe(1);
    for (let i = 0; i < 257; i++) await plain.publish(inner(100 + i, '0'));
    await expect.poll(() => rounds.dropped).toBe(2);
    const full = { Error: { code: 429, message: 'too many messages wait' } };
    expect(await ask(5, '0')).toEqual(full);
    await rounds.next();
    expect(await ask(5, '0')).toEqual(taken);
    await expect(rounds.send(0, 1, null)).rejects.toBeInstanceOf(RoundDeliveryError);
    rounds.close();
    const left: bigint[] = [];
    for await (const { messageId } of rounds) left.push(messageId);
    expect(new Set(left).size).toBe(256);
  });
});
