/**
 * Blocks of LZ4: the engine's beside another implementation's in both directions, and its verdict
 * on blocks that are none beside a model's. Web-standard only.
 */
import lz4 from 'lz4js';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../seeded-random.ts';
import { UNPACKED_MAX, unpackByModel } from './lz4-model.ts';
import type { Primitives } from './primitives.ts';

type Random = (below: number) => number;

const WORDS = 'the packet that carries a frame of the stream is sent again when it was lost'.split(
  ' ',
);

function random(below: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => below(256));
}

function text(below: Random, length: number): Uint8Array {
  let made = '';
  while (made.length < length) made += `${WORDS[below(WORDS.length)]}${below(9) ? ' ' : '.\n'}`;
  return new TextEncoder().encode(made).subarray(0, length);
}

/** Runs of one byte, repeats of what came before, and bytes that are neither. */
function mixed(below: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const piece = Math.min(length - at, 1 + below(below(4) ? 40 : 3000));
    const kind = below(3);
    const back = 1 + below(at || 1);
    for (const end = at + piece; at < end; at++) {
      if (kind === 0) bytes[at] = piece & 255;
      else bytes[at] = kind === 1 && at >= back ? (bytes[at - back] ?? 0) : below(256);
    }
  }
  return bytes;
}

const KINDS = { random, text, mixed };

/** What the other implementation makes of bytes, whether it gains or not. */
function packByOther(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(lz4.compressBound(bytes.length));
  const length = lz4.compressBlock(bytes, out, 0, bytes.length, new Uint32Array(65536));
  return out.subarray(0, length);
}

function unpackByOther(block: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length + 64);
  return out.subarray(0, lz4.decompressBlock(block, out, 0, block.length, 0));
}

/** Whether two are alike; expect() of many long arrays would take most of the time. */
function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function lengthOf(below: Random): number {
  return below([13, 64, 300, 3000, 16385][below(5)] ?? 1);
}

/** @param later of the host @param seed of this run, which is printed */
export function runLz4Cases(later: Promise<Primitives>, seed: number): void {
  describe(`blocks of LZ4 (seed ${seed})`, () => {
    for (const [kind, make] of Object.entries(KINDS)) {
      it(`of ${kind} bytes: the other implementation reads ours`, async () => {
        const p = await later;
        const below = randomFrom(seed);
        let gains = 0;
        for (let n = 0; n < 400; n++) {
          const bytes = make(below, lengthOf(below));
          const room = 64 + below(below(2) ? 1400 : 9000);
          const packed = p.lz4Pack(bytes, room);
          if (!packed) continue;
          gains++;
          const { block, held } = packed;
          expect(block.length).toBeLessThanOrEqual(Math.min(room, held * 0.95));
          expect(held).toBeLessThanOrEqual(bytes.length);
          const wanted = bytes.subarray(0, held);
          expect(isSame(unpackByOther(block, held), wanted), `${n}: theirs`).toBe(true);
          expect(isSame(p.lz4Unpack(block), wanted), `${n}: ours`).toBe(true);
          expect(endsAsWanted(block), `${n}: its end`).toBe(true);
          expect(isSame(p.lz4Pack(bytes, room)?.block, block), `${n}: again`).toBe(true);
          // Where bytes are left, it is because the room is full, but for a byte of a length.
          if (held < bytes.length) expect(block.length).toBeGreaterThanOrEqual(room - 1);
        }
        if (kind === 'random') expect(gains).toBe(0);
        else expect(gains).toBeGreaterThan(100);
      });

      it(`of ${kind} bytes: the engine reads the other implementation's`, async () => {
        const p = await later;
        const below = randomFrom(seed + 1);
        for (let n = 0; n < 200; n++) {
          const bytes = make(below, n ? lengthOf(below) : UNPACKED_MAX);
          const block = packByOther(bytes);
          // It says 0 where it found nothing to gain.
          if (block.length === 0) continue;
          expect(isSame(p.lz4Unpack(block), bytes), `${n}`).toBe(true);
        }
      });
    }

    it('what is short or gains less than 5 % is not packed', async () => {
      const p = await later;
      const zeros = new Uint8Array(UNPACKED_MAX);
      expect(p.lz4Pack(zeros.subarray(0, 64), 100)).toBeDefined();
      expect(p.lz4Pack(zeros.subarray(0, 63), 100)).toBeUndefined();
      expect(p.lz4Pack(zeros.subarray(0, 64), 63)).toBeUndefined();
      expect(p.lz4Pack(zeros.subarray(1), 1420)?.held).toBe(UNPACKED_MAX - 1);
      expect(p.lz4Pack(zeros, 1420)).toBeUndefined();
      // 1000 bytes that nothing is like, and so many zeros behind them.
      const bytes = new Uint8Array(1200);
      bytes.set(random(randomFrom(1), 1000));
      const worth = (length: number) => p.lz4Pack(bytes.subarray(0, length), 1420) !== undefined;
      expect([1000, 1020, 1055, 1080, 1200].map(worth)).toEqual([false, false, false, true, true]);
    });

    it('a block that is none gets the verdict of the model, whatever was done to it', async () => {
      const p = await later;
      const below = randomFrom(seed + 2);
      const verdicts = { good: 0, bad: 0 };
      for (let n = 0; n < 4000; n++) {
        const block = mutated(below, someBlock(below));
        const ours = p.lz4Unpack(block);
        expect(isSame(ours, unpackByModel(block)), `${n}: ${block}`).toBe(true);
        verdicts[ours ? 'good' : 'bad']++;
      }
      expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(200);
    });

    it('64 KiB are taken and one byte more is not', async () => {
      const p = await later;
      // One literal, a match of 15 + 4 and what follows, no literals.
      const zeros = (length: number) => {
        const rest = length - 20;
        const more = new Uint8Array(Math.floor(rest / 255)).fill(255);
        return Uint8Array.of(0x1f, 0, 1, 0, ...more, rest % 255, 0);
      };
      expect(p.lz4Unpack(zeros(UNPACKED_MAX))?.length).toBe(UNPACKED_MAX);
      expect(p.lz4Unpack(zeros(UNPACKED_MAX + 1))).toBeUndefined();
      expect(p.lz4Unpack(zeros(2 ** 24))).toBeUndefined();
      const wide = new Uint8Array(60_000).fill(255);
      for (const first of [0x00, 0x0f, 0xf0, 0xff]) {
        wide[0] = first;
        expect(isSame(p.lz4Unpack(wide), unpackByModel(wide))).toBe(true);
      }
    });
  });
}

/** As the format has it: 5 literals behind the last match, which begins 12 bytes before the end. */
function endsAsWanted(block: Uint8Array): boolean {
  let at = 0;
  const length = (bits: number) => {
    let sum = bits;
    if (bits === 15) {
      for (let more = 255; more === 255; ) {
        more = block[at++] ?? 0;
        sum += more;
      }
    }
    return sum;
  };
  for (let match = 0; ; ) {
    const token = block[at++] ?? 0;
    const literals = length(token >> 4);
    at += literals;
    if (at >= block.length) return match === 0 || (literals >= 5 && literals + match >= 12);
    at += 2;
    match = length(token & 15) + 4;
  }
}

function someBlock(below: Random): Uint8Array {
  const bytes = [random, text, mixed][below(3)]?.(below, lengthOf(below)) ?? new Uint8Array(0);
  const block = below(8) ? packByOther(bytes) : bytes;
  return Uint8Array.from(block);
}

/** A byte changed, taken out, doubled; the end cut off, or something behind it. */
function mutated(below: Random, block: Uint8Array): Uint8Array {
  const bytes = [...block];
  for (let times = below(4); times > 0; times--) {
    const at = below(below(2) ? 8 : bytes.length + 1);
    const byte = [0, 255, 0x0f, 0xf0, below(256)][below(5)] ?? 0;
    const kind = below(5);
    if (kind === 0) bytes.length = Math.min(bytes.length, at);
    else if (kind === 1) bytes.push(byte);
    else bytes.splice(at, kind === 2 ? 1 : 0, ...(kind === 2 ? [] : [byte]));
  }
  return Uint8Array.from(bytes);
}
