/** What an application may give: the ends of each range are taken, what lies beyond is told. */
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { FAR_END_BYTES, writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { farEndOf, socketAddressOf } from '@andvari/host-node/transfer/socket-address';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EndpointWorld } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const NO_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, 1.5];
const U32_MAX = 0xffffffff;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

describe('options of an endpoint', () => {
  const ranges: [keyof EndpointOptions, number, number][] = [
    ['maxStreams', 0, 16_384],
    ['windowKiB', 1, 16_384],
    ['idleMs', 1, U32_MAX],
    ['rekeySeconds', 1, U32_MAX],
    ['rekeyPackets', 2, U32_MAX],
  ];

  it.each(ranges)('%s is %i to %i', async (name, least, most) => {
    for (const value of [least, most]) await world.endpoint(1, { [name]: value });
    for (const value of [least - 1, most + 1, ...NO_NUMBERS]) {
      await expect(world.endpoint(2, { [name]: value })).rejects.toThrow(RangeError);
    }
  });
});

describe('arguments of a session', () => {
  it('a priority is 0 to 255', async () => {
    const [ours] = await world.pair();
    for (const priority of [0, 255]) {
      expect((await ours.openStream({ priority })).priority).toBe(priority);
    }
    for (const priority of [-1, 256, 300, ...NO_NUMBERS]) {
      await expect(ours.openStream({ priority })).rejects.toThrow(RangeError);
    }
  });

  it('bytes are a Uint8Array', async () => {
    const [ours] = await world.pair();
    const wrong: unknown[] = [new ArrayBuffer(5), new Uint16Array(2), 'abc', [1, 2], null];
    for (const metadata of wrong) {
      if (metadata === null) continue;
      const options = { metadata: metadata as Uint8Array };
      await expect(ours.openStream(options)).rejects.toThrow(TypeError);
    }
    for (const chunk of wrong) {
      const writer = (await ours.openStream({ bidi: false })).writable?.getWriter();
      writer?.closed.catch(() => {});
      await expect(writer?.write(chunk as Uint8Array)).rejects.toThrow(TypeError);
    }
    const stream = await ours.openStream({ metadata: new Uint8Array(3) });
    await stream.writable?.getWriter().write(new Uint8Array(5));
  });

  it('CONTROL is of type 0x100 to 0xffff, an extension of 0x20 to 0x3f but 0x2f', async () => {
    const [ours] = await world.pair();
    const data = new Uint8Array(3);
    for (const type of [0x100, 0xffff]) expect(ours.control(type, data)).toBe(true);
    for (const type of [-1, 0, 0xff, 0x10000, ...NO_NUMBERS]) {
      expect(() => ours.control(type, data)).toThrow(RangeError);
    }
    for (const type of [0x20, 0x2e, 0x30, 0x3f]) expect(ours.extension(type, data)).toBe(true);
    for (const type of [-1, 0x1f, 0x2f, 0x40, ...NO_NUMBERS]) {
      expect(() => ours.extension(type, data)).toThrow(RangeError);
    }
  });
});

describe('a far end', () => {
  it.each([0, 3, FAR_END_BYTES - 1, FAR_END_BYTES + 1])('is not of %i bytes', async (length) => {
    const [ours] = await world.pair();
    const [one] = world.opened;
    const { peerId } = world.identity(2);
    await expect(one?.connect(peerId, new Uint8Array(length))).rejects.toThrow(RangeError);
    expect(() => ours.migrate(new Uint8Array(length))).toThrow(RangeError);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    expect(ours.migrate(hostAt(2))).toBe(true);
  });

  it('has a port of 0 to 65535', () => {
    for (const port of [0, 65_535]) {
      const far = farEndOf({ host: '192.0.2.1', port });
      expect(socketAddressOf(far, false)).toEqual({ host: '192.0.2.1', port });
    }
    for (const port of [-1, 65_536, 70_000, ...NO_NUMBERS]) {
      expect(() => farEndOf({ host: '192.0.2.1', port })).toThrow(RangeError);
    }
  });

  it('has a handle of 32 bits', () => {
    const address = new Uint8Array(16);
    for (const handle of [0, U32_MAX]) writeFarEnd({ address, port: 1, handle });
    for (const handle of [-1, U32_MAX + 1, ...NO_NUMBERS]) {
      expect(() => writeFarEnd({ address, port: 1, handle })).toThrow(RangeError);
    }
  });
});
