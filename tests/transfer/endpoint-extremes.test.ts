/** The ends of the ranges of options are no words: sessions carry bytes both ways with them. */
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, pause, writeAll } from './endpoint-world.ts';

const U32_MAX = 0xffffffff;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** A question of so many bytes, and its answer of a half. */
async function carry(ours: TransferSession, theirs: TransferSession, bytes: number) {
  const stream = await ours.openStream();
  const sent = pattern(bytes);
  const writing = writeAll(stream, sent);
  const other = await next(theirs.incoming);
  expect(await bytesOf(other)).toEqual(sent);
  await writing;
  await writeAll(other, sent.subarray(0, bytes / 2));
  expect(await bytesOf(stream)).toEqual(sent.subarray(0, bytes / 2));
}

/** Options, the bytes of a question, and the epochs that must have gone by at the least. */
const all: [Partial<EndpointOptions>, number, number][] = [
  [{ maxStreams: 1 }, 100_000, 0],
  [{ maxStreams: 16_384, windowKiB: 16_384 }, 100_000, 0],
  [{ windowKiB: 1 }, 100_000, 0],
  [{ idleMs: 1 }, 100_000, 0],
  [{ idleMs: U32_MAX, rekeySeconds: U32_MAX, rekeyPackets: U32_MAX }, 100_000, 0],
  // Of an epoch the first packet is often a PING, and the next comes 78 ms later at the soonest.
  [{ rekeyPackets: 2 }, 2000, 6],
  [{ rekeyPackets: 100 }, 100_000, 2],
];

describe('bytes go both ways', () => {
  it.each(all)('%j', async (options, bytes, epochs) => {
    const [ours, theirs] = await world.pair(options, options);
    for (let i = 0; i < 3; i++) await carry(ours, theirs, bytes);
    expect([ours.isOpen, theirs.isOpen]).toEqual([true, true]);
    expect(ours.statistics()?.EPOCH).toBeGreaterThanOrEqual(epochs);
  });
});

describe('an epoch that is over before there is something to send', () => {
  it('gives way to the next, on either side', async () => {
    const [ours, theirs] = await world.pair({ rekeySeconds: 1 }, { rekeySeconds: 1 });
    await carry(ours, theirs, 1000);
    await pause(1300);
    await carry(ours, theirs, 1000);
    await pause(1300);
    await carry(theirs, ours, 1000);
    expect(ours.statistics()?.EPOCH).toBeGreaterThanOrEqual(2);
  });
});
