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

  it('twin: the same bytes as a Uint8Array end nothing', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ bidi: false });
    await new Blob(['hello']).stream().pipeTo(stream.writable as WritableStream<Uint8Array>);
    expect(await bytesOf(await next(theirs.incoming))).toEqual(new TextEncoder().encode('hello'));
    await stream.done;
  });
});
