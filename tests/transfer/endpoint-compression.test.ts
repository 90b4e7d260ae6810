/** Streams that go compressed: fewer bytes on the wire, the same bytes in the end; not in Full. */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { PERFECT } from '../simulation/network.ts';
import { bytesOf, EndpointWorld, next, writeAll } from './endpoint-world.ts';
import { VirtualWorld } from './virtual-world.ts';

const BYTES = 1_000_000;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

function text(length: number): Uint8Array {
  const line = (n: number) => `${n} ${Math.imul(n, 2654435761) >>> 20} the packet was sent again\n`;
  let made = '';
  for (let n = 0; made.length < length; n++) made += line(n);
  return new TextEncoder().encode(made).subarray(0, length);
}

function random(seed: number, length: number): Uint8Array {
  const below = randomFrom(seed);
  return Uint8Array.from({ length }, () => below(256));
}

/** Bytes on the wire while a stream carries these. */
async function wireOf(
  [ours, theirs]: readonly [TransferSession, TransferSession],
  bytes: Uint8Array,
  compress: boolean,
): Promise<number> {
  const datagrams = await world.capture(async () => {
    const stream = await ours.openStream({ bidi: false, compress });
    const taken = next(theirs.incoming);
    const writing = writeAll(stream, bytes);
    expect(Buffer.compare(await bytesOf(await taken), bytes), 'the same bytes').toBe(0);
    await writing;
    await stream.done;
  });
  return datagrams.reduce((sum, { length }) => sum + length, 0);
}

describe('a stream that compresses', () => {
  it('carries a text with less than half of the bytes, which a plain one does not', async () => {
    const pair = await world.pair();
    const plain = await wireOf(pair, text(BYTES), false);
    const packed = await wireOf(pair, text(BYTES), true);
    expect(plain).toBeGreaterThan(BYTES);
    expect(packed).toBeLessThan(plain / 2);
    // What gains nothing costs no more than it did; acks differ a little from run to run.
    const noise = random(1, BYTES);
    const [asItIs, tried] = [await wireOf(pair, noise, false), await wireOf(pair, noise, true)];
    expect(tried).toBeLessThan(asItIs * 1.02);
  });

  it.each([0, 1, 63, 64, 16_384, 16_385, 65_537])('carries %s bytes', async (length) => {
    const pair = await world.pair();
    await wireOf(pair, text(length), true);
    await wireOf(pair, new Uint8Array(length), true);
  });

  it('carries an expedited one, and both ways of one', async () => {
    const [ours, theirs] = await world.pair();
    const stream = await ours.openStream({ expedited: true, compress: true });
    const back = await next(theirs.incoming);
    await Promise.all([writeAll(stream, text(65_536)), writeAll(back, text(60_000))]);
    expect(await bytesOf(back)).toEqual(text(65_536));
    expect(await bytesOf(stream)).toEqual(text(60_000));
  });

  it('takes true or false for it', async () => {
    const [ours] = await world.pair();
    const odd = { compress: 'yes' as unknown as boolean };
    await expect(ours.openStream(odd)).rejects.toThrow(TypeError);
  });
});

describe('obfuscation Full', () => {
  it.each([
    ['of both', { stealth: true }, { stealth: true }, [false, false]],
    ['of the caller', { stealth: true }, {}, [false, false]],
    ['of the called one, whom only he knows of', {}, { stealth: true }, [true, false]],
  ] as const)('%s sends nothing compressed, asked or not', async (_, one, two, compresses) => {
    const [ours, theirs] = await world.pair(one, two);
    expect([ours.compresses, theirs.compresses]).toEqual(compresses);
    const there = await wireOf([ours, theirs], text(200_000), true);
    if (compresses[0]) expect(there).toBeLessThan(100_000);
    else expect(there).toBeGreaterThan(200_000);
    expect(await wireOf([theirs, ours], text(200_000), true)).toBeGreaterThan(200_000);
  });
});

describe('a way that loses, reorders and repeats', () => {
  it.each([0, 1, 2, 3, 4, 5])('brings the same bytes (%s)', async (n) => {
    const seed = seedOfRun() + n;
    console.log(`compressed streams over a bad way: ANDVARI_SEED=${seed - n}, ${n}`);
    const below = randomFrom(seed);
    const there = new VirtualWorld(seed);
    const bad = { loss: 100 + below(1500), jitterUs: below(40_000), duplicate: below(1000) };
    for (const host of [1, 2]) there.network.setLink(host, { ...PERFECT, ...bad });
    const [one, two] = [await there.endpoint(1), await there.endpoint(2)];
    const peer = there.identity(2).peerId;
    const opening = Promise.all([one.connect(peer, there.address(2)), next(two.incoming)]);
    expect(await there.run(30e6, opening)).toBe(true);
    const [ours, theirs] = await opening;
    const bytes = pieces(below, 150_000);
    const work = (async () => {
      const stream = await ours.openStream({ bidi: false, compress: true });
      const reading = next(theirs.incoming).then(bytesOf);
      await writeAll(stream, bytes);
      return reading;
    })();
    expect(await there.run(600e6, work), 'it ends').toBe(true);
    expect(Buffer.compare(await work, bytes), 'the same bytes').toBe(0);
    const closing = Promise.all([one.close(), two.close()]);
    await there.run(10e6, closing);
  });
});

/** Text, noise and zeros in turn. */
function pieces(below: (bound: number) => number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const [words, noise] = [text(40_000), random(below(1000), 40_000)];
  for (let at = 0; at < length; ) {
    const size = Math.min(length - at, 1 + below(40_000));
    const kind = [words, noise, undefined][below(3)];
    if (kind) bytes.set(kind.subarray(0, size), at);
    at += size;
  }
  return bytes;
}
