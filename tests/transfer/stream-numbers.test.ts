/** More streams than a side has numbers for: they come again after rekeys that nobody asks for. */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, writeAll } from './endpoint-world.ts';

/** Numbers of a side, of one kind. */
const NUMBERS = 16384;
const AT_ONCE = 64;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** Opens so many streams, each with its own index, as few at once as find room. */
async function send(session: TransferSession, count: number): Promise<void> {
  let index = 0;
  const sender = async () => {
    while (index < count) {
      const bytes = new Uint8Array(new Uint32Array([index++]).buffer);
      const stream = await session.openStream({ bidi: false });
      await writeAll(stream, bytes);
      await stream.done;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
}

/** How often each index came. */
async function receive(session: TransferSession, count: number): Promise<Uint8Array> {
  const times = new Uint8Array(count);
  const streams = session.incoming.getReader();
  for (let taken = 0; taken < count; taken++) {
    const { value } = await streams.read();
    if (!value) throw new Error(`the session ended after ${taken} streams`);
    const [index = 0] = new Uint32Array((await bytesOf(value)).slice().buffer);
    times[index] = (times[index] ?? 0) + 1;
  }
  return times;
}

it('are used again, and each stream comes once', { timeout: 240_000 }, async () => {
  const count = NUMBERS + 200;
  const [ours, theirs] = await world.pair();
  const [times] = await Promise.all([receive(theirs, count), send(ours, count)]);
  expect(times.every((one) => one === 1)).toBe(true);
});
