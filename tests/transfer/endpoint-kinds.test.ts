/**
 * What an application gives that makes no sense: a TypeError for another kind, a RangeError beyond
 * the bounds, where it is given, and nothing has happened by then.
 */
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { TransferError } from '@andvari/host-common/transfer/transfer-error';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import {
  WebSocketDatagrams,
  WebTransportDatagrams,
} from '@andvari/host-common/transfer/web-transports';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EndpointWorld, next, pattern, pause } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

/** Numbers that are in no range of whole ones. */
const NO_WHOLE = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 63, 1e300];
/** Beside those that have 32 bits. */
const NO_U32 = [...NO_WHOLE, 2 ** 32, 2 ** 32 + 3, 1e12];
const NO_NUMBER: unknown[] = ['1', 1n, null, true, {}, [1], () => 1];
const NO_TEXT: unknown[] = [1, null, true, {}, ['a'], new Uint8Array(1)];
const NO_FLAG: unknown[] = [0, 1, 'true', 'false', null, {}];
const NO_FUNCTION: unknown[] = [1, 'f', null, true, {}];
const NO_OBJECT: unknown[] = [1, 'f', null, true];
const NO_BYTES: unknown[] = [new ArrayBuffer(24), new Uint16Array(24), 'abc', [1, 2], null, 24];

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

describe('an option of another kind is a TypeError, and opens nothing', () => {
  const identity = () => world.identity(1);
  const wrong: Record<string, () => unknown[]> = {
    engine: () => [...NO_OBJECT, {}, { region: 5 }],
    transport: () => [...NO_OBJECT, {}, { open() {}, send() {} }, { send() {}, close() {} }],
    identity: () => [
      ...NO_OBJECT,
      {},
      { ...identity(), peerId: 'x' },
      { ...identity(), noise: null },
      { ...identity(), noise: { ...identity().noise, publicKey: [1] } },
      { ...identity(), noise: { ...identity().noise, secret: new Uint8Array(32) } },
    ],
    maxStreams: () => NO_NUMBER,
    windowKiB: () => NO_NUMBER,
    idleMs: () => NO_NUMBER,
    rekeySeconds: () => NO_NUMBER,
    rekeyPackets: () => NO_NUMBER,
    headerProtection: () => NO_FLAG,
    stealth: () => NO_FLAG,
    resets: () => NO_FLAG,
    trust: () => NO_FUNCTION,
    threw: () => NO_FUNCTION,
    random: () => [...NO_FUNCTION, () => 'bytes'],
    x25519: () => [...NO_OBJECT, {}, { secret: 1 }],
    clock: () => [...NO_OBJECT, {}, { now() {} }, { alarm() {} }],
  };

  it.each(Object.keys(wrong))('%s', async (name) => {
    for (const value of wrong[name]?.() ?? []) {
      const more = { [name]: value } as Partial<EndpointOptions>;
      await expect(world.endpoint(1, more), `${String(value)}`).rejects.toThrow(TypeError);
    }
    expect(world.opened).toEqual([]);
    expect((await world.endpoint(1)).incoming.locked).toBe(false);
  });

  it('all of them', async () => {
    for (const options of [...NO_OBJECT, undefined]) {
      await expect(TransferEndpoint.open(options as EndpointOptions)).rejects.toThrow(TypeError);
    }
  });

  it('keys and random bytes of another length are a RangeError', async () => {
    const { peerId, noise } = identity();
    for (const options of [
      { identity: { peerId: peerId.subarray(1), noise } },
      { identity: { peerId, noise: { ...noise, publicKey: new Uint8Array(33) } } },
      { random: (count: number) => new Uint8Array(count - 1) },
    ]) {
      await expect(world.endpoint(1, options)).rejects.toThrow(RangeError);
    }
  });

  it('a transport whose datagrams hold no frame is closed again', async () => {
    let closed = 0;
    const open = (maxDatagramBytes: unknown) => {
      const transport = { open() {}, send() {}, close: () => void closed++, maxDatagramBytes };
      return world.endpoint(1, { transport } as Partial<EndpointOptions>);
    };
    for (const bytes of [0, 255, 65_536, ...NO_WHOLE]) {
      await expect(open(bytes), `${bytes}`).rejects.toThrow(RangeError);
    }
    await expect(open(undefined)).rejects.toThrow(TypeError);
    expect(closed).toBe(4 + NO_WHOLE.length);
    for (const bytes of [256, 65_535]) await open(bytes);
  });
});

describe('connect()', () => {
  it('sends nothing for what is no peer, no far end, no options', async () => {
    const one = await world.endpoint(1);
    const { peerId } = world.identity(2);
    const call = (...given: unknown[]) =>
      one.connect(...(given as Parameters<TransferEndpoint['connect']>));
    for (const value of [...NO_BYTES, undefined]) {
      await expect(call(value, hostAt(2))).rejects.toThrow(TypeError);
      await expect(call(peerId, value)).rejects.toThrow(TypeError);
    }
    for (const options of [...NO_OBJECT, { signal: 1 }, { signal: null }, { signal: {} }]) {
      await expect(call(peerId, hostAt(2), options)).rejects.toThrow(TypeError);
    }
    await pause(20);
    expect(world.network.sent).toBe(0);
    await world.endpoint(2);
    const { signal } = new AbortController();
    expect((await call(peerId, hostAt(2), { signal })).isOpen).toBe(true);
  });
});

type Given = (session: TransferSession, value: unknown) => unknown;
const numbers: Record<string, [Given, number, number]> = {
  'error of goAway()': [(one, n) => one.goAway(n as number), 0, 2 ** 32 - 1],
  'error of close()': [(one, n) => one.close(n as number), 0, 2 ** 32 - 1],
  'time of ping()': [(one, n) => one.ping({ timeoutMs: n as number }), 1, 2 ** 32 - 1],
  'offset of control()': [
    (one, n) => one.control(0x100, pattern(1), n as number),
    0,
    Number.MAX_SAFE_INTEGER,
  ],
  'type of control()': [(one, n) => one.control(n as number, pattern(1)), 0x100, 0xffff],
  'type of extension()': [(one, n) => one.extension(n as number, pattern(1)), 0x20, 0x3f],
  'priority of openStream()': [(one, n) => one.openStream({ priority: n as number }), 0, 255],
};

const others: Record<string, [Given, unknown[]]> = {
  'reason of goAway()': [(one, value) => one.goAway(0, value as string), NO_TEXT],
  'reason of close()': [(one, value) => one.close(0, value as string), NO_TEXT],
  'data of control()': [(one, value) => one.control(0x100, value as Uint8Array), NO_BYTES],
  'data of extension()': [(one, value) => one.extension(0x20, value as Uint8Array), NO_BYTES],
  'keepalive()': [(one, value) => one.keepalive(value as boolean), [...NO_FLAG, undefined]],
  'migrate()': [(one, value) => one.migrate(value as Uint8Array), NO_BYTES],
  'options of ping()': [(one, value) => one.ping(value as object), [null]],
  'options of openStream()': [(one, value) => one.openStream(value as object), NO_OBJECT],
  'metadata of openStream()': [
    (one, value) => one.openStream({ metadata: value as Uint8Array }),
    NO_BYTES,
  ],
  'bidi of openStream()': [(one, value) => one.openStream({ bidi: value as boolean }), NO_FLAG],
  'expedited of openStream()': [
    (one, value) => one.openStream({ expedited: value as boolean }),
    NO_FLAG,
  ],
  events: [
    (one, value) => Object.assign(one, { events: value }),
    [...NO_OBJECT, { control: 1 }, { goAway: null }, { rekeyed: 'f' }],
  ],
};

describe('a session takes nothing of', () => {
  /** Whether it is thrown or comes as a rejection. */
  async function give(given: Given, session: TransferSession, value: unknown): Promise<void> {
    await given(session, value);
  }

  /** As before: nothing was sent, and what is asked for works. */
  async function expectUntouched(ours: TransferSession, theirs: TransferSession) {
    const told: unknown[] = [];
    theirs.events = { control: (...what) => void told.push(what), goAway: () => told.push('away') };
    ours.control(0x100, pattern(2), 7);
    const opening = ours.openStream({ bidi: false, metadata: pattern(3) });
    expect((await next(theirs.incoming)).metadata).toEqual(pattern(3));
    await opening;
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    while (told.length === 0) await pause(2);
    for (const what of told) expect(what).toEqual([0x100, pattern(2), 7]);
    expect([ours.isOpen, theirs.isOpen]).toEqual([true, true]);
  }

  it.each(Object.entries(numbers))('wrong numbers: %s', async (_, [given, least, most]) => {
    const [ours, theirs] = await world.pair();
    for (const value of [least - 1, most + 1, ...NO_U32]) {
      if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
      await expect(give(given, ours, value), `${value}`).rejects.toThrow(RangeError);
    }
    for (const value of NO_NUMBER) {
      await expect(give(given, ours, value), `${value}`).rejects.toThrow(TypeError);
    }
    await expectUntouched(ours, theirs);
    for (const value of [most, least]) {
      // A millisecond may be too short for an answer.
      const late = (error: unknown) => expect(error).toBeInstanceOf(TransferError);
      await give(given, ours, value).catch(late);
    }
  });

  it.each(Object.entries(others))('wrong kinds: %s', async (_, [given, wrong]) => {
    const [ours, theirs] = await world.pair();
    for (const value of wrong) {
      await expect(give(given, ours, value), `${String(value)}`).rejects.toThrow(TypeError);
    }
    await expectUntouched(ours, theirs);
  });

  it('wrong priorities of a stream that is open', async () => {
    const [ours] = await world.pair();
    const stream = await ours.openStream({ priority: 9 });
    for (const value of [-1, 256, ...NO_WHOLE]) {
      expect(() => stream.setPriority(value)).toThrow(RangeError);
    }
    for (const value of NO_NUMBER) {
      expect(() => stream.setPriority(value as number)).toThrow(TypeError);
    }
    expect(stream.priority).toBe(9);
    for (const value of [0, 255]) stream.setPriority(value);
    expect(stream.priority).toBe(255);
  });
});

describe('transports and far ends', () => {
  it('UdpTransport is made for an address, a port, a backend that there may be', () => {
    const make = (address: unknown, options?: unknown) =>
      new UdpTransport(address as never, options as never);
    const host = '127.0.0.1';
    for (const port of [-1, 65_536, ...NO_WHOLE]) {
      expect(() => make({ host, port })).toThrow(RangeError);
    }
    for (const address of [...NO_OBJECT, undefined, { host }, { port: 1 }, { host, port: '1' }]) {
      expect(() => make(address)).toThrow(TypeError);
    }
    expect(() => make({ host, port: 0 }, { backend: 'fastest' })).toThrow(RangeError);
    for (const backend of [1, null, {}]) {
      expect(() => make({ host, port: 0 }, { backend })).toThrow(TypeError);
    }
    for (const port of [0, 65_535]) expect(make({ host, port }).backend).toBe('');
  });

  it('those of a browser want something to carry, and a far end', () => {
    const socket = { send() {}, close() {}, addEventListener() {} } as unknown as WebSocket;
    const writable = new WritableStream<Uint8Array>();
    const session = { datagrams: { writable, maxDatagramSize: 1200 } } as unknown as WebTransport;
    for (const value of [...NO_OBJECT, {}]) {
      expect(() => new WebSocketDatagrams(value as WebSocket, hostAt(1))).toThrow(TypeError);
      expect(() => new WebTransportDatagrams(value as WebTransport, hostAt(1))).toThrow(TypeError);
    }
    for (const value of NO_BYTES) {
      const farEnd = value as Uint8Array;
      expect(() => new WebSocketDatagrams(socket, farEnd)).toThrow(TypeError);
      expect(() => new WebTransportDatagrams(session, farEnd)).toThrow(TypeError);
    }
    expect(() => new WebSocketDatagrams(socket, new Uint8Array(23))).toThrow(RangeError);
    expect(() => new WebTransportDatagrams(session, new Uint8Array(25))).toThrow(RangeError);
    expect(new WebSocketDatagrams(socket, hostAt(1)).maxDatagramBytes).toBe(1232);
    expect(new WebTransportDatagrams(session, hostAt(1)).maxDatagramBytes).toBe(1200);
  });

  it('a far end is of an address, a port and a handle', () => {
    const address = new Uint8Array(16);
    for (const wrong of NO_BYTES) {
      const farEnd = { address: wrong as Uint8Array, port: 1, handle: 0 };
      expect(() => writeFarEnd(farEnd)).toThrow(TypeError);
    }
    for (const wrong of NO_NUMBER) {
      const number = wrong as number;
      expect(() => writeFarEnd({ address, port: number, handle: 0 })).toThrow(TypeError);
      expect(() => writeFarEnd({ address, port: 1, handle: number })).toThrow(TypeError);
    }
    for (const host of NO_TEXT) {
      expect(() => farEndOf({ host: host as string, port: 1 })).toThrow(TypeError);
    }
    expect(() => farEndOf({ host: 'example.org', port: 1 })).toThrow(RangeError);
    expect(() => writeFarEnd({ address: new Uint8Array(4), port: 1, handle: 0 })).toThrow(
      RangeError,
    );
    expect(farEndOf({ host: '10.0.0.2', port: 8420 })).toEqual(hostAt(2));
  });
});
