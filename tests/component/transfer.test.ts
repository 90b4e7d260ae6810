// The interface transfer of the component beside the raw engine: packets of profile R1, frames,
// blocks of LZ4.
import { transfer } from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import { Primitives } from '../engine/primitives.ts';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import profile from '../vectors/transfer_profile_r1.json' with { type: 'json' };
import { faultOf } from './faults.ts';

const raw = plainEngine().then((module) => new Primitives(module));
const { Packets } = transfer;
const keysOf = ({ k1, k2, h }: { k1: string; k2: string; h: string }) => fromHex(k1 + k2 + h);

/** A frame with a payload and no padding. */
function frameOf(payload: Uint8Array): Uint8Array {
  const head = { salt: 0, counter: 0, kind: 1, flags: 0, stream: 4, sequence: 0, offset: 9n };
  return transfer.encodeFrame({ ...head, payload }, 28 + payload.length);
}

describe('packets', () => {
  it('of the vectors are opened and sealed as by the raw engine', async () => {
    const p = await raw;
    for (const item of profile.cases) {
      for (const isProtected of [false, true]) {
        const keys = keysOf(item.noise);
        const [one, other] = [true, false].map((side) => Packets.start(keys, side, isProtected));
        const theirs = p.packets(keys.slice(), true, isProtected);
        for (let n = 0; n < 40; n++) {
          if (n === 20) {
            const secret = new Uint8Array(32).fill(n);
            one?.rekey(secret, 1);
            other?.rekey(secret, 1);
            expect(theirs.rekey(secret, 1)).toBe(true);
          }
          if (n === 30) {
            one?.moveTo(1);
            expect(theirs.move(1)).toBe(true);
          }
          const frame = frameOf(new Uint8Array(n * 7).fill(n));
          const packet = one?.seal(frame, frame.length + 24 + n) ?? frame;
          expect(toHex(packet)).toBe(toHex(theirs.seal(frame, frame.length + 24 + n)));
          const damaged = packet.slice();
          damaged[9] = (damaged[9] ?? 0) ^ 1;
          expect(faultOf(() => other?.open(damaged))).toBe('unclaimed');
          expect(other?.open(packet).length).toBe(frame.length + n);
          expect(faultOf(() => other?.open(packet))).toMatch(/stale|unclaimed/);
        }
        theirs.end();
        for (const end of [one, other]) end?.[Symbol.dispose]();
      }
    }
  });

  it('that were recorded are opened to their frames', () => {
    for (const { noise, packets } of profile.cases) {
      const ends = [true, false].map((side) => Packets.start(keysOf(noise), side, false));
      for (const { direction, frame, packet } of packets) {
        const end = ends[direction === 'i2r' ? 1 : 0];
        expect(toHex(end?.open(fromHex(packet)) ?? new Uint8Array(0))).toBe(frame);
      }
      for (const end of ends) end[Symbol.dispose]();
    }
  });

  it('name what an argument is not, and end', () => {
    expect(faultOf(() => Packets.start(new Uint8Array(95), true, false))).toBe('key-length');
    const all = Array.from({ length: 16 }, () => Packets.start(new Uint8Array(96), true, false));
    expect(faultOf(() => Packets.start(new Uint8Array(96), true, false))).toBe('no-room');
    const [packets] = all;
    if (!packets) throw new Error('no packets');
    expect(faultOf(() => packets.seal(new Uint8Array(27), 60))).toBe('length');
    expect(faultOf(() => packets.seal(new Uint8Array(28), 51))).toBe('length');
    expect(faultOf(() => packets.seal(new Uint8Array(28), 65536))).toBe('length');
    expect(faultOf(() => packets.seal(new Uint8Array(28).fill(255), 52))).toBe('length');
    expect(faultOf(() => packets.seal(new Uint8Array(28), 52))).toBeUndefined();
    expect(faultOf(() => packets.open(new Uint8Array(0)))).toBe('unclaimed');
    expect(faultOf(() => packets.rekey(new Uint8Array(31), 1))).toBe('key-length');
    expect(faultOf(() => packets.rekey(new Uint8Array(32), 2))).toBe('epoch');
    expect(faultOf(() => packets.rekey(new Uint8Array(32), 1))).toBeUndefined();
    expect(faultOf(() => packets.moveTo(254))).toBe('path');
    for (const one of all) one[Symbol.dispose]();
    Packets.start(new Uint8Array(96), true, false)[Symbol.dispose]();
  });
});

describe('frames', () => {
  it('are what they were, whatever their fields', () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let n = 0; n < 200; n++) {
      const payload = Uint8Array.from({ length: random(300) }, () => random(256));
      const frame = {
        salt: random(2 ** 32),
        counter: random(2 ** 32),
        kind: 1 + random(15),
        flags: random(32),
        stream: random(65536),
        sequence: random(2 ** 32),
        offset: BigInt(random(2 ** 32)) << BigInt(random(32)),
        payload,
      };
      const bytes = transfer.encodeFrame(frame, 28 + payload.length + random(50));
      expect(transfer.decodeFrame(bytes), `seed ${seed}`).toEqual(frame);
    }
    const [vector] = profile.cases[0]?.packets ?? [];
    const bytes = fromHex(vector?.frame ?? '');
    expect(toHex(transfer.encodeFrame(transfer.decodeFrame(bytes), bytes.length))).toBe(
      vector?.frame
        .slice(0, 2 * (28 + transfer.decodeFrame(bytes).payload.length))
        .padEnd(2 * bytes.length, '0'),
    );
  });

  it('that are none say why', () => {
    const bytes = frameOf(new Uint8Array(2));
    const changed = (at: number, value: number) => {
      const copy = bytes.slice();
      copy[at] = value;
      return faultOf(() => transfer.decodeFrame(copy));
    };
    expect(faultOf(() => transfer.decodeFrame(bytes.subarray(0, 27)))).toBe('too-short');
    expect(changed(8, 0)).toBe('reserved-type');
    expect(changed(8, 0x40)).toBe('invalid-type');
    expect(changed(9, 0x20)).toBe('invalid-flags');
    expect(changed(25, 3)).toBe('payload-overflow');
    expect(changed(25, 2)).toBeUndefined();
    const frame = transfer.decodeFrame(bytes);
    expect(faultOf(() => transfer.encodeFrame(frame, 29))).toBe('payload-overflow');
    expect(faultOf(() => transfer.encodeFrame(frame, 131073))).toBe('payload-overflow');
    expect(faultOf(() => transfer.encodeFrame(frame, 0))).toBe('too-short');
    expect(faultOf(() => transfer.encodeFrame({ ...frame, kind: 16 }, 30))).toBe('reserved-type');
  });
});

it('blocks of LZ4 are those of the raw engine, in both directions', async () => {
  const p = await raw;
  const seed = seedOfRun();
  const random = randomFrom(seed);
  for (let n = 0; n < 60; n++) {
    const words = Array.from({ length: random(500) }, () =>
      'the packet that carries'.slice(random(9)),
    );
    const bytes = new TextEncoder().encode(words.join(''));
    const room = random(1500);
    const packed = transfer.lz4Pack(bytes, room);
    expect(packed, `seed ${seed}`).toEqual(p.lz4Pack(bytes, room));
    const block = packed?.block ?? bytes;
    if (n % 3 === 0 && block.length) block[random(block.length)] = random(256);
    expect(transfer.lz4Unpack(block), `seed ${seed}`).toEqual(p.lz4Unpack(block));
  }
  expect(transfer.lz4Pack(new Uint8Array(100), 70000)).toBeUndefined();
  expect(transfer.lz4Unpack(new Uint8Array(0))).toBeUndefined();
});
