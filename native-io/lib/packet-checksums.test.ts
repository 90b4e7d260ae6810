// Checksums of what comes by AF_XDP: nobody has looked at them before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offloaded, patched, resummed, udpFrame } from './testing/packet-shapes.ts';
import { loadTestModule, whyNoTestModule } from './testing/test-module.ts';

const whyNot = whyNoTestModule();
const module = whyNot ? undefined : loadTestModule();
if (whyNot) console.warn(`checksum tests are skipped: ${whyNot}`);
const RUNS = process.env['ANDVARI_LONG'] === '1' ? 50_000 : 1000;

const families = [
  { name: 'IPv4', fromIp: '10.77.0.2', toIp: '10.77.0.1', start: 34 },
  { name: 'IPv6', fromIp: 'fd77::2', toIp: 'fd77::1', start: 54 },
] as const;

describe.skipIf(whyNot).each(families)('the checksums of $name', ({ start, ...ends }) => {
  const lengthOf = (frame: Uint8Array) => module!.parsePacket(frame)?.length;
  const frameOf = (payload: Uint8Array) => udpFrame({ ...ends, payload });
  const flipped = (frame: Uint8Array, bit: number) =>
    patched(frame, bit >> 3, frame[bit >> 3]! ^ (1 << (bit & 7)));
  const payloads = fc.uint8Array({ maxLength: 1472 });
  const short = frameOf(Uint8Array.of(1, 2, 3, 4, 5));

  it('are right at every length, done by the sender or left to its device', () => {
    for (let length = 0; length < 300; length++) {
      const frame = frameOf(Uint8Array.from({ length }, (_, i) => 255 - (i % 7)));
      expect([lengthOf(frame), lengthOf(offloaded(frame))]).toEqual([length, length]);
    }
    fc.assert(
      fc.property(payloads, (payload) => {
        expect(lengthOf(frameOf(payload))).toBe(payload.length);
        expect(lengthOf(offloaded(frameOf(payload)))).toBe(payload.length);
      }),
      { numRuns: RUNS },
    );
  });

  it('refuse every packet with one wrong bit', () => {
    // From the sender's address on; a wrong MAC is for nobody to see.
    for (let bit = 8 * (start === 34 ? 26 : 22); bit < 8 * short.length; bit++) {
      expect(lengthOf(flipped(short, bit)), `bit ${bit}`).toBeUndefined();
    }
    const cases = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 1472 }), fc.nat());
    fc.assert(
      fc.property(cases, ([payload, where]) => {
        const bit = 8 * start + (where % (8 * (8 + payload.length)));
        const frame = flipped(frameOf(payload), bit);
        // The sum that is left to a device may be one bit away by chance.
        fc.pre(Buffer.compare(frame, offloaded(frameOf(payload))) !== 0);
        expect(lengthOf(frame)).toBeUndefined();
      }),
      { numRuns: RUNS },
    );
  });

  it('refuse a sum of the pseudo header that is another one', () => {
    const left = offloaded(short);
    expect(lengthOf(left)).toBe(5);
    // Length and sum; it says nothing of ports and payload.
    for (let bit = 8 * (start + 4); bit < 8 * (start + 8); bit++) {
      expect(lengthOf(flipped(left, bit)), `bit ${bit}`).toBeUndefined();
    }
    // Complemented, as a whole checksum is.
    const inverted = [left[start + 6]! ^ 0xff, left[start + 7]! ^ 0xff];
    expect(lengthOf(patched(left, start + 6, ...inverted))).toBeUndefined();
  });

  it('may be 0, "none", in IPv4 alone', () => {
    const without = patched(short, start + 6, 0, 0);
    expect(lengthOf(without)).toBe(start === 34 ? 5 : undefined);
    expect(lengthOf(resummed(without))).toBe(5);
  });

  it('may be 0xffff, which stands for 0', () => {
    // Two bytes that bring the sum to 0.
    const empty = frameOf(Uint8Array.of(0, 0));
    const frame = patched(empty, start + 8, empty[start + 6]!, empty[start + 7]!);
    expect([...resummed(frame).slice(start + 6, start + 8)]).toEqual([255, 255]);
    expect(lengthOf(resummed(frame))).toBe(2);
  });
});
