/** Streams whose bytes are written and read where they belong, in any order. */
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern } from './endpoint-world.ts';

const LENGTH = 300_000;
const state = expect.objectContaining({ code: 'ANDVARI_STREAM_STATE' });

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** A stream one way, as both sides have it. */
async function streams(bidi = false) {
  const [ours, theirs] = await world.pair();
  const stream = await ours.openStream({ bidi });
  return { ours, theirs, stream, other: await next(theirs.incoming) };
}

/** All ranges of a stream, put together. */
async function collected(other: Awaited<ReturnType<typeof streams>>['other'], length: number) {
  const bytes = new Uint8Array(length);
  let sum = 0;
  const take = (part: Uint8Array, offset: number) => {
    bytes.set(part, offset);
    sum += part.length;
  };
  while (await other.readRanges(take));
  expect(await other.readRanges(take)).toBe(false);
  return { bytes, sum };
}

describe('ranges of a stream', () => {
  it('arrive where they belong, in whatever order they were written', async () => {
    const sent = pattern(LENGTH);
    const { stream, other } = await streams();
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 20 });
    const [chosen = []] = fc.sample(cuts, { numRuns: 1, seed: 5 });
    const bounds = [0, ...chosen.sort((a, b) => a - b), LENGTH];
    const parts = bounds.slice(1).map((end, i) => [bounds[i] ?? 0, end] as const);
    parts.reverse();
    const writing = Promise.all(
      parts.map(([from, to]) => stream.writeRange(from, sent.subarray(from, to))),
    ).then(() => stream.writable?.close());
    const { bytes, sum } = await collected(other, LENGTH);
    await writing;
    expect(sum).toBe(LENGTH);
    expect(Buffer.compare(bytes, sent)).toBe(0);
    await Promise.all([stream.done, other.done]);
  });

  it('may leave gaps for good, far apart', async () => {
    const { stream, other } = await streams();
    const far = 5_000_000_000;
    await stream.writeRange(far, pattern(1000));
    await stream.writeRange(100, pattern(10));
    void stream.writable?.close();
    const offsets: number[] = [];
    while (await other.readRanges((bytes, offset) => offsets.push(offset, bytes.length)));
    expect(offsets.sort((a, b) => a - b)).toEqual([10, 100, 1000, far]);
  });

  it('wait for their reader, and are in order for one that reads in order', async () => {
    const { stream, other } = await streams();
    const sent = pattern(3_000_000);
    let taken = false;
    const writing = stream.writeRange(0, sent).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(taken).toBe(false);
    const reading = bytesOf(other);
    await writing;
    await stream.writable?.close();
    expect(Buffer.compare(await reading, sent)).toBe(0);
  });

  it('end with the stream: by its sender, its reader, its session', async () => {
    const { ours, theirs, stream, other } = await streams();
    await stream.writeRange(0, pattern(10));
    await stream.writable?.abort();
    const reading = async () => {
      while (await other.readRanges(() => {}));
    };
    await expect(reading()).rejects.toMatchObject({ code: 'ANDVARI_STREAM_RESET' });
    await expect(stream.writeRange(10, pattern(10))).rejects.toEqual(state);

    const second = await ours.openStream({ bidi: false });
    const taker = await next(theirs.incoming);
    await second.writeRange(0, pattern(10));
    await taker.readRanges(() => {});
    await taker.readable?.cancel();
    const writing = second.writeRange(10, pattern(5_000_000));
    await expect(writing).rejects.toMatchObject({ code: 'ANDVARI_STREAM_STOPPED' });

    const third = await ours.openStream({ bidi: false });
    const last = await next(theirs.incoming);
    const waiting = last.readRanges(() => {});
    await theirs.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' });
    await ours.closed;
    const late = third.writeRange(0, pattern(10));
    await expect(late).rejects.toMatchObject({ code: 'ANDVARI_SESSION_CLOSED' });
  });

  it('are none of a stream that is written or read in order, or goes the other way', async () => {
    const { stream, other } = await streams();
    await expect(stream.readRanges(() => {})).rejects.toEqual(state);
    await expect(other.writeRange(0, pattern(1))).rejects.toEqual(state);
    const writer = stream.writable?.getWriter();
    await expect(stream.writeRange(0, pattern(1))).rejects.toEqual(state);
    void writer?.write(pattern(10));
    const reader = other.readable?.getReader();
    await expect(other.readRanges(() => {})).rejects.toEqual(state);
    await reader?.read();
    reader?.releaseLock();
    writer?.releaseLock();
    await expect(other.readRanges(() => {})).rejects.toEqual(state);
    await expect(stream.writeRange(10, pattern(1))).rejects.toEqual(state);
  });

  it('are checked: offsets are whole numbers, bytes are bytes', async () => {
    const { stream } = await streams();
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
      await expect(stream.writeRange(offset, pattern(1))).rejects.toThrow(RangeError);
    }
    await expect(stream.writeRange(0, [1] as never)).rejects.toThrow(TypeError);
    await expect(stream.writeRange('0' as never, pattern(1))).rejects.toThrow(TypeError);
    await stream.writeRange(0, pattern(1));
  });
});
