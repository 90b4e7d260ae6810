// A reader that brings its own memory gets the same bytes, however little room it has.
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { EndpointWorld, next, pattern, writeAll } from './endpoint-world.ts';

const SENT = pattern(100_000);
let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** A stream of the peer's that has all of SENT, or no end. */
async function incoming({ ends }: { ends: boolean }): Promise<ReadableStream<Uint8Array>> {
  const [caller, called] = await world.pair();
  const stream = await caller.openStream();
  const coming = next(called.incoming);
  if (ends) void writeAll(stream, SENT);
  else await stream.writable?.getWriter().write(SENT.subarray(0, 10));
  const { readable } = await coming;
  if (!readable) throw new Error('nothing to read');
  return readable;
}

describe('a reader with memory of its own', () => {
  it('gets all, in order, to the end', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const readable = await incoming({ ends: true });
    const got: number[] = [];
    const reader = readable.getReader({ mode: 'byob' });
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(1 + random(3_000)));
      if (done) break;
      got.push(...value);
    }
    expect(Buffer.from(got).equals(SENT), `ANDVARI_SEED=${seed}`).toBe(true);
  });

  it('leaves to the next reader, of whatever kind, what it had no room for', async () => {
    const readable = await incoming({ ends: true });
    const first = readable.getReader({ mode: 'byob' });
    const { value } = await first.read(new Uint8Array(3));
    expect(value).toEqual(SENT.slice(0, 3));
    first.releaseLock();
    const rest: Uint8Array[] = [];
    for await (const piece of readable) rest.push(piece);
    expect(Buffer.concat(rest).equals(SENT.subarray(3))).toBe(true);
  });

  it('that gives up while it waits is no harm', async () => {
    const readable = await incoming({ ends: false });
    const reader = readable.getReader({ mode: 'byob' });
    expect((await reader.read(new Uint8Array(100))).value).toHaveLength(10);
    const waiting = reader.read(new Uint8Array(100));
    await reader.cancel();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });
});
