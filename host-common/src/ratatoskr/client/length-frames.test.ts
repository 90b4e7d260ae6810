import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { FrameLengthError, FrameReader, framed } from './length-frames.ts';

const join = (parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

describe('messages on a stream', () => {
  it('have their length before them, big-endian', () => {
    expect(framed(Uint8Array.of(7, 8))).toEqual(Uint8Array.of(0, 0, 0, 2, 7, 8));
    expect(framed(new Uint8Array(0x0102)).subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 1, 2));
    expect(new FrameReader(10).feed(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9))).toEqual([
      new Uint8Array(0),
      Uint8Array.of(9),
    ]);
  });

  it('are the same however the stream is cut', () => {
    const seed = seedOfRun();
    console.log(`length-frames: ANDVARI_SEED=${seed}`);
    const random = randomFrom(seed);
    for (let round = 0; round < 200; round++) {
      const messages = Array.from({ length: random(8) }, () =>
        Uint8Array.from({ length: random(40) }, () => random(256)),
      );
      const stream = join(messages.map(framed));
      const reader = new FrameReader(40);
      const read: Uint8Array[] = [];
      for (let offset = 0; offset < stream.length; ) {
        const count = 1 + random(20);
        read.push(...reader.feed(stream.subarray(offset, offset + count)));
        offset += count;
      }
      expect(read).toEqual(messages);
    }
  });

  it('of the longest length are taken, of one byte more not', () => {
    const longest = new FrameReader(1000).feed(framed(new Uint8Array(1000)));
    expect(longest[0]).toHaveLength(1000);
    const reader = new FrameReader(1000);
    expect(() => reader.feed(framed(new Uint8Array(1001)))).toThrow(FrameLengthError);
    expect(() => new FrameReader(1000).feed(Uint8Array.of(255, 255, 255, 255))).toThrow(
      FrameLengthError,
    );
    expect(new FrameReader(1000).feed(framed(new Uint8Array(1000)).subarray(0, 1003))).toEqual([]);
  });
});
