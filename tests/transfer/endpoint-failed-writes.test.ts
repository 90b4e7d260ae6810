/** Writes that fail, and ends that cross: the peer hears of them, and nothing is left waiting. */
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, writeAll } from './endpoint-world.ts';

const RESET = { code: 'ANDVARI_STREAM_RESET' };

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

function writerOf(stream: TransferStream): WritableStreamDefaultWriter<unknown> {
  const writer = stream.writable?.getWriter();
  if (!writer) throw new Error('nothing to write');
  writer.closed.catch(() => {});
  return writer;
}

describe('a chunk that is no Uint8Array', () => {
  it.each(['text', null, new ArrayBuffer(3), [1, 2]])(
    'resets its stream, and its place is free: %j',
    async (chunk) => {
      const [ours, theirs] = await world.pair({}, { maxStreams: 1 });
      const stream = await ours.openStream({ bidi: false });
      const writer = writerOf(stream);
      await writer.write(pattern(10));
      const reading = bytesOf(await next(theirs.incoming));
      const reset = expect(reading).rejects.toMatchObject(RESET);
      const cause = await writer.write(chunk).catch((error: unknown) => error);
      expect(cause).toBeInstanceOf(TypeError);
      await expect(stream.done).rejects.toBe(cause);
      await reset;
      // The peer lets one be open at a time.
      const second = await ours.openStream({ bidi: false });
      await writeAll(second, pattern(20));
      expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(20));
      await second.done;
    },
  );

  it('in a pipe too; what the peer sends can still be read', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream();
    const text = new Blob(['hello']).stream().pipeThrough(new TextDecoderStream());
    const piping = text.pipeTo(stream.writable as unknown as WritableStream<string>);
    await expect(piping).rejects.toThrow(TypeError);
    await expect(stream.done).rejects.toThrow(TypeError);
    const other = await next(theirs.incoming);
    await expect(bytesOf(other)).rejects.toMatchObject(RESET);
    await writeAll(other, pattern(3000));
    expect(await bytesOf(stream)).toEqual(pattern(3000));
  });

  it('that is transferred while it waits for room was not written', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    const chunk = pattern(10_000_000);
    const writing = writerOf(stream).write(chunk);
    const reading = bytesOf(await next(theirs.incoming));
    structuredClone(chunk, { transfer: [chunk.buffer] });
    await expect(writing).rejects.toThrow(TypeError);
    await expect(reading).rejects.toMatchObject(RESET);
  });

  it('twin: the same bytes as a Uint8Array end nothing', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    await new Blob(['hello']).stream().pipeTo(stream.writable as WritableStream<Uint8Array>);
    expect(await bytesOf(await next(theirs.incoming))).toEqual(new TextEncoder().encode('hello'));
    await stream.done;
  });
});

describe('an expedited stream', () => {
  const MOST = 65_536;
  const FULL = { name: 'TransferError', code: 'ANDVARI_STREAM_FULL' };

  it.each([[[MOST]], [[1, MOST - 1]], [[MOST, 0]]])('holds 65,536 bytes: %j', async (parts) => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false, expedited: true });
    expect(stream.expedited).toBe(true);
    const writer = writerOf(stream);
    for (const length of parts) await writer.write(new Uint8Array(length).fill(7));
    await writer.close();
    const other = await next(theirs.incoming);
    expect(other.expedited).toBe(true);
    expect(await bytesOf(other)).toEqual(new Uint8Array(MOST).fill(7));
    await stream.done;
  });

  it.each([[[MOST + 1]], [[MOST, 1]], [[10, MOST - 9]]])(
    'holds no byte more, and is reset: %j',
    async ([...parts]) => {
      const [ours, theirs] = await world.pair();
      const stream = await ours.openStream({ bidi: false, expedited: true });
      const reading = next(theirs.incoming).then(bytesOf);
      const reset = expect(reading).rejects.toMatchObject(RESET);
      const writer = writerOf(stream);
      const last = parts.pop() ?? 0;
      for (const length of parts) await writer.write(pattern(length));
      await expect(writer.write(pattern(last))).rejects.toMatchObject(FULL);
      await expect(writer.write(pattern(1))).rejects.toMatchObject(FULL);
      await expect(stream.done).rejects.toMatchObject(FULL);
      await reset;
    },
  );

  it('of the peer takes no longer answer, and says so', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ expedited: true });
    await writeAll(stream, pattern(10));
    const other = await next(theirs.incoming);
    expect(other.expedited).toBe(true);
    const answer = new Blob([new Uint8Array(MOST + 1)]).stream();
    const piping = answer.pipeTo(other.writable as WritableStream<Uint8Array>);
    await expect(piping).rejects.toMatchObject(FULL);
    await expect(other.done).rejects.toMatchObject(FULL);
    await expect(bytesOf(stream)).rejects.toMatchObject(RESET);
    expect(await bytesOf(other)).toEqual(pattern(10));
  });

  it('twin: a plain one takes more, and is none', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    const writing = writeAll(stream, pattern(MOST + 1));
    const other = await next(theirs.incoming);
    expect([stream.expedited, other.expedited]).toEqual([false, false]);
    expect(await bytesOf(other)).toEqual(pattern(MOST + 1));
    await writing;
    await stream.done;
  });
});

describe('close() and abort() in one turn', () => {
  it('done resolves, as all that was written arrives', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    const writer = writerOf(stream);
    await writer.write(pattern(1000));
    await Promise.all([writer.close(), writer.abort(new Error('too late'))]);
    expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(1000));
    await stream.done;
  });

  it('twin: with a write before them that waits, the stream is given up', async () => {
    const [ours, theirs] = await world.pair({}, { windowKiB: 64 });
    const stream = await ours.openStream({ bidi: false });
    const writer = writerOf(stream);
    const tasks = [writer.write(pattern(12_000_000)), writer.close(), writer.abort('enough')];
    const [written, closed, aborted] = await Promise.allSettled(tasks);
    expect([written?.status, closed?.status]).toEqual(['rejected', 'rejected']);
    expect(aborted?.status).toBe('fulfilled');
    await expect(stream.done).rejects.toMatchObject({ code: 'ANDVARI_STREAM_STATE' });
    await expect(bytesOf(await next(theirs.incoming))).rejects.toMatchObject(RESET);
  });
});
