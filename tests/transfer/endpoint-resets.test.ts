/** What a node answers that does not know a packet's session: as little as may be. */
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EndpointWorld, pause } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

let world: EndpointWorld;
let answers: Uint8Array[];

/** A node that gives resets, with a session, which is what makes it know its key. */
beforeEach(async () => {
  world = new EndpointWorld(nodeX25519);
  const [ours] = await world.pair({}, { resets: true });
  await ours.ping();
  await pause(100);
  answers = [];
});
afterEach(() => world.close());

/**
 * Sends a datagram to the node, and gives what it says to where it came from: `wanted` answers, and
 * what else comes in 40 ms.
 */
async function say(bytes: Uint8Array, wanted = 0): Promise<Uint8Array[]> {
  const from = world.network.at(hostAt(9));
  await from.open((datagrams) => {
    for (const datagram of datagrams) answers.push(Uint8Array.from(datagram.bytes));
  });
  from.send([{ bytes, farEnd: hostAt(2) }]);
  do await pause(40);
  while (answers.length < wanted);
  return answers.splice(0);
}

function packet(length: number, ...head: number[]): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  bytes.set(head);
  return bytes;
}

it('answers a packet of a session that it lost, with less than came', async () => {
  for (const length of [43, 52, 300, 1472]) {
    const [reset] = await say(packet(length, 1, 2, 3, 4), 1);
    expect(reset?.length, `${length}`).toBe(42);
  }
});

it.each([
  ['of 42 bytes', packet(42, 1, 2, 3, 4)],
  ['with the marker of a reset', packet(100, 255, 255, 255, 255, 255, 255, 255, 0xfd)],
  ['with the marker of a retry', packet(100, 255, 255, 255, 255, 255, 255, 255, 0xfc)],
  ['with the marker of a version reply', packet(100, 255, 255, 255, 255, 255, 255, 255, 0xfe)],
  ['with a message 1 that is not genuine', packet(96, ...Array(8).fill(255))],
  ['whose CID begins with zeros', packet(100, 0, 0, 0, 0, 5, 6, 7, 8)],
  ['whose CID is zero', packet(100, ...Array(8).fill(0))],
])('says nothing to a packet %s', async (_, bytes) => {
  expect(await say(bytes)).toEqual([]);
});

it('says nothing to a reset, and two that lost each other are quiet', async () => {
  const [reset] = await say(packet(200, 1, 2, 3, 4), 1);
  if (!reset) throw new Error('no reset');
  expect(await say(reset)).toEqual([]);
});

it('answers no more than one in 10 ms', async () => {
  const from = world.network.at(hostAt(9));
  await from.open((datagrams) => {
    for (const datagram of datagrams) answers.push(Uint8Array.from(datagram.bytes));
  });
  const flood = Array.from({ length: 500 }, () => packet(100, 1, 2, 3, 4));
  const startMs = performance.now();
  from.send(flood.map((bytes) => ({ bytes, farEnd: hostAt(2) })));
  while (answers.length === 0) await pause(5);
  await pause(50);
  expect(answers.length).toBeLessThanOrEqual(1 + (performance.now() - startMs) / 10);
});

it('a node without resets says nothing at all', async () => {
  const from = world.network.at(hostAt(9));
  await from.open((datagrams) => void answers.push(...datagrams.map(({ bytes }) => bytes)));
  from.send([{ bytes: packet(100, 1, 2, 3, 4), farEnd: hostAt(1) }]);
  await pause(50);
  expect(answers).toEqual([]);
});
