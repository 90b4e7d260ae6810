/** Frames that are never cut in two: the longest of each kind arrives, one byte more is told. */
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EndpointWorld, next, pattern, pause } from './endpoint-world.ts';

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

/** What the peer is told of frames of the application, perhaps twice, and of GOAWAY. */
function told(session: TransferSession): (Uint8Array | string)[] {
  const frames: (Uint8Array | string)[] = [];
  session.events = {
    control: (_type, data) => void frames.push(data),
    extension: (_type, data) => void frames.push(data),
    goAway: (_error, reason) => void frames.push(reason),
  };
  return frames;
}

async function arrived(frames: readonly unknown[]): Promise<void> {
  while (frames.length === 0) await pause(2);
}

/** The largest datagram, and what CONTROL, extension, metadata and reasons of GOAWAY hold. */
const ways = [
  { bytes: 8972, control: 1110, extension: 1112, metadata: 1000, reason: 256 },
  { bytes: 1472, control: 1110, extension: 1112, metadata: 1000, reason: 256 },
  { bytes: 1164, control: 1110, extension: 1112, metadata: 1000, reason: 256 },
  { bytes: 1163, control: 1109, extension: 1111, metadata: 1000, reason: 256 },
  { bytes: 1024, control: 970, extension: 972, metadata: 964, reason: 256 },
  { bytes: 256, control: 202, extension: 204, metadata: 196, reason: 194 },
];

describe.each(ways)('over datagrams of $bytes bytes', (way) => {
  const { bytes, control, extension, metadata, reason } = way;
  const closeReason = Math.min(1024, bytes - 58);
  let ours: TransferSession;
  let theirs: TransferSession;
  beforeEach(async () => {
    world.network.datagramBytes = bytes;
    [ours, theirs] = await world.pair();
  });

  it(`CONTROL holds ${control} bytes`, async () => {
    const frames = told(theirs);
    for (const length of [control + 1, 1152, 1153, 70_000]) {
      expect(() => ours.control(0x100, pattern(length))).toThrow(RangeError);
    }
    expect(() => ours.control(0x100, pattern(control + 1))).toThrow(`${control} bytes`);
    expect(ours.control(0x100, pattern(control))).toBe(true);
    await arrived(frames);
    expect(frames[0]).toEqual(pattern(control));
  });

  it(`an extension holds ${extension} bytes`, async () => {
    const frames = told(theirs);
    for (const length of [extension + 1, 1152, 1153]) {
      expect(() => ours.extension(0x20, pattern(length))).toThrow(RangeError);
    }
    expect(() => ours.extension(0x20, pattern(extension + 1))).toThrow(`${extension} bytes`);
    expect(ours.extension(0x20, pattern(extension))).toBe(true);
    await arrived(frames);
    expect(frames[0]).toEqual(pattern(extension));
  });

  it(`metadata have ${metadata} bytes`, async () => {
    const opening = ours.openStream({ metadata: pattern(metadata + 1) });
    await expect(opening).rejects.toThrow(`${metadata} bytes`);
    await ours.openStream({ metadata: pattern(metadata) });
    expect((await next(theirs.incoming)).metadata).toEqual(pattern(metadata));
  });

  it(`a reason of GOAWAY is cut to ${reason} bytes`, async () => {
    const frames = told(theirs);
    ours.goAway(1, 'x'.repeat(1000));
    await arrived(frames);
    expect(frames).toEqual(['x'.repeat(reason)]);
  });

  it(`a reason of CLOSE is cut to ${closeReason} bytes`, async () => {
    await ours.close(0, 'x'.repeat(2000));
    expect((await theirs.closed).reason).toBe('x'.repeat(closeReason));
  });
});
