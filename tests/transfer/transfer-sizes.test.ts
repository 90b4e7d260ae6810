/** Engines that cannot transfer: told where their sizes are given, not by the first caller. */
import {
  CLIENT_IDENTITY,
  CLIENT_SIZES,
  type EngineSizes,
  type TransferSizes,
} from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineTransfer, transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EndpointWorld, next } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

const NO_SIZES = [-1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 2 ** 32 + 1];
const NO_NUMBERS: unknown[] = ['8', 8n, null, true, [8], {}];

async function engineOf(sizes: EngineSizes): Promise<Engine> {
  return Engine.create({ module: await plainEngine(), sizes, identity: CLIENT_IDENTITY });
}

describe('sizes of transfer', () => {
  const most: [keyof TransferSizes, number, number][] = [
    ['sessions', 1, 65_535],
    ['streams', 1, 65_535],
    ['sentChunks', 1, 65_535],
    ['keyChunks', 1, 65_535],
    ['blocks', 1, 131_072],
    ['ranges', 1, 4_194_304],
    ['messages', 1, 65_535],
    ['events', 64, 65_536],
  ];

  it.each(most)('%s are %i to %i', (name, least, greatest) => {
    for (const value of [least, greatest]) transferSizes({ sessions: 2, [name]: value });
    for (const value of [least - 1, greatest + 1, ...NO_SIZES]) {
      const message = `${name}: wanted a whole number from ${least} to ${greatest}, got ${value}`;
      const refused = () => transferSizes({ sessions: 2, [name]: value });
      expect(refused).toThrow(new RangeError(message));
    }
    for (const value of NO_NUMBERS) {
      expect(() => transferSizes({ sessions: 2, [name]: value })).toThrow(TypeError);
    }
  });

  it('sessions are said, and nothing that there is not', () => {
    for (const wrong of [{}, { sessions: undefined }, { sessions: 2, stream: 9 }, 8, null]) {
      expect(() => transferSizes(wrong as unknown as TransferSizes)).toThrow(TypeError);
    }
  });

  it('events are a power of two', () => {
    for (const events of [64, 128, 65_536]) transferSizes({ sessions: 1, events });
    for (const events of [65, 96, 65_535]) {
      expect(() => transferSizes({ sessions: 1, events })).toThrow(RangeError);
    }
  });
});

describe('an endpoint', () => {
  let world: EndpointWorld;
  beforeEach(() => {
    world = new EndpointWorld(nodeX25519);
  });
  afterEach(() => world.close());

  it.each([
    ['no room for transfer', CLIENT_SIZES],
    ['no frames for its packets', { ...CLIENT_SIZES, transfer: { sessions: 8 } }],
  ])('is not made over an engine that has %s', async (_, sizes) => {
    const engine = await engineOf(sizes);
    await expect(world.endpoint(1, { engine })).rejects.toThrow(RangeError);
    expect(() => new EngineTransfer(engine, () => 0)).toThrow(RangeError);
  });

  it('has its engine for itself, if it could be opened', async () => {
    const sizes = transferSizes({ sessions: 2 });
    const engine = await engineOf(sizes);
    const open = () => Promise.reject(new Error('no network'));
    const transport = { open, send() {}, close() {}, maxDatagramBytes: 1472 };
    await expect(world.endpoint(1, { engine, transport })).rejects.toThrow('no network');
    const one = await world.endpoint(1, { engine });
    await expect(world.endpoint(2, { engine })).rejects.toThrow(RangeError);
    const two = await world.endpoint(2, { engine: await engineOf(sizes) });
    const calling = one.connect(world.identity(2).peerId, hostAt(2));
    const [ours] = await Promise.all([calling, next(two.incoming)]);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    await one.close();
    await expect(world.endpoint(1, { engine })).rejects.toThrow(RangeError);
  });

  it('over the least that there is has one session, and refuses the next', async () => {
    const least = { streams: 1, sentChunks: 1, keyChunks: 1, blocks: 1, ranges: 1, messages: 1 };
    const sizes = transferSizes({ sessions: 1, ...least, events: 64 });
    await world.endpoint(2, { engine: await engineOf(sizes) });
    const [, two] = [await world.endpoint(1), world.opened[0]];
    const calling = world.opened[1]?.connect(world.identity(2).peerId, hostAt(2));
    const [ours] = await Promise.all([calling, two && next(two.incoming)]);
    expect(await ours?.ping()).toBeGreaterThanOrEqual(0);
    const three = await world.endpoint(3);
    const signal = AbortSignal.timeout(300);
    const second = three.connect(world.identity(2).peerId, hostAt(2), { signal });
    await expect(second).rejects.toThrow();
    expect(await ours?.ping()).toBeGreaterThanOrEqual(0);
  });
});
