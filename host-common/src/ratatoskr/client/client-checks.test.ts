/** What a client does not take, wherever it comes in. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytes, idOf, ScriptedPlace } from '../../../../tests/ratatoskr/scripted-server.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** As a program in JavaScript would give them. */
const place = (options: object = {}) =>
  new ScriptedPlace(module, options as Partial<RatatoskrClientOptions>);

const KEY = 32;

describe('options', () => {
  it.each<[string, unknown, typeof TypeError | typeof RangeError]>([
    ['transports', undefined, TypeError],
    ['transports', [{}], TypeError],
    ['signer', undefined, TypeError],
    ['signer', { publicKey: new Uint8Array(KEY) }, TypeError],
    ['signer', { publicKey: new Uint8Array(31), sign: () => undefined }, RangeError],
    ['deviceId', undefined, TypeError],
    ['deviceId', '', RangeError],
    ['deviceId', 'x'.repeat(257), RangeError],
    ['deviceId', 'ä'.repeat(129), RangeError],
    ['deviceId', 'a\nb', RangeError],
    ['deviceId', 'a\ud800', RangeError],
    ['userId', 5, TypeError],
    ['userId', '', RangeError],
    ['serverKey', '00'.repeat(KEY), TypeError],
    ['serverKey', new Uint8Array(31), RangeError],
    // The neutral element: everybody can sign for it.
    ['serverKey', new Uint8Array(KEY).with(0, 1), RangeError],
    ['requireSignedResponses', 'yes', TypeError],
    ['signV2', 1, TypeError],
    ['reconnect', null, TypeError],
    ['deviceIdentity', 'x'.repeat(257), RangeError],
    ['deviceIdentity', 7, TypeError],
    ['authenticationToken', 'token', TypeError],
    ['fallbackAfterMs', '3', TypeError],
    ['fallbackAfterMs', 0, RangeError],
    ['fallbackAfterMs', Number.NaN, RangeError],
    ['fallbackAfterMs', 10_001, RangeError],
    ['limits', null, TypeError],
    ['limits', { callsMax: '3' }, TypeError],
    ['limits', { callsMax: Number.NaN }, RangeError],
    ['limits', { callsMax: Number.POSITIVE_INFINITY }, RangeError],
    ['limits', { bytesMax: -1 }, RangeError],
    ['limits', { bytesMax: 1.5 }, RangeError],
  ])('are refused: %s %j', (name, value, kind) => {
    let thrown: unknown;
    try {
      place({ [name]: value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(new RegExp(`^${name}`));
  });

  it('are refused when signatures are wanted of nobody', () => {
    const options = { requireSignedResponses: true, serverKey: undefined };
    expect(() => place(options)).toThrow('wanted a serverKey');
  });

  it('are taken at their bounds', async () => {
    const placed = place({
      ...{ deviceId: 'ä'.repeat(128), userId: 'x'.repeat(256), deviceIdentity: 'x'.repeat(256) },
      authenticationToken: async () => 'x'.repeat(4096),
    });
    await placed.connected();
    expect(placed.client.status().state).toBe('online');
  });

  it.each([
    ['of 4097 bytes', 'ä'.repeat(2048).concat('x')],
    ['undefined', undefined],
    ['with half a character', '\udc00'],
  ])('a token %s ends the tries', async (_, token) => {
    const { client, server, clock } = place({ authenticationToken: async () => token });
    await expect(client.connect()).rejects.toMatchObject({
      code: 'ANDVARI_BAD_REQUEST',
      message: expect.stringMatching(/^authenticationToken: /),
    });
    expect(client.status().state).toBe('failed');
    await clock.pass(60_000);
    expect([server.peers.length, server.arrived.length]).toEqual([1, 0]);
  });

  it('a token that cannot be had now is asked for again', async () => {
    let asked = 0;
    const authenticationToken = async () => {
      if (++asked < 3) throw new Error('nobody there');
      return 'token';
    };
    const { client, clock } = place({ authenticationToken });
    const connecting = client.connect();
    await clock.pass(10_000);
    await connecting;
  });
});

describe('a call', () => {
  const tooMany = new Map(Array.from({ length: 33 }, (_, i) => [`key ${i}`, 'v']));

  it.each<[string, unknown, unknown?]>([
    ['text', 'hello'],
    ['digits', '12345'],
    ['numbers', [1, 2, 3]],
    ['a buffer', new ArrayBuffer(5)],
    ['other numbers', new Uint16Array([1000, 2000])],
    ['nothing', undefined],
    ['too much', new Uint8Array(1_048_577)],
    ['options null', bytes('x'), null],
    ['timeoutMs 0', bytes('x'), { timeoutMs: 0 }],
    ['timeoutMs NaN', bytes('x'), { timeoutMs: Number.NaN }],
    ['timeoutMs as text', bytes('x'), { timeoutMs: '100' }],
    ['timeoutMs beyond a timer', bytes('x'), { timeoutMs: 2 ** 31 }],
    ['requestId empty', bytes('x'), { requestId: '' }],
    ['requestId long', bytes('x'), { requestId: 'x'.repeat(300) }],
    ['requestId no UUID', bytes('x'), { requestId: 'abc' }],
    ['requestId a number', bytes('x'), { requestId: 5 }],
    ['requestId and a line', bytes('x'), { requestId: `${idOf(1)}\n` }],
    ['signal', bytes('x'), { signal: {} }],
    ['metadata an object', bytes('x'), { metadata: { a: 'b' } }],
    ['metadata many', bytes('x'), { metadata: tooMany }],
    ['metadata long key', bytes('x'), { metadata: new Map([['k'.repeat(65), 'v']]) }],
    ['metadata long value', bytes('x'), { metadata: new Map([['k', 'v'.repeat(1025)]]) }],
    ['metadata a number', bytes('x'), { metadata: new Map([['k', 1]]) }],
  ])('is refused at once, offline: %s', async (_, payload, options?: unknown) => {
    const { client, clock } = place();
    const call = client.call as (payload: unknown, options?: unknown) => Promise<unknown>;
    await expect(call.call(client, payload, options)).rejects.toMatchObject({
      code: 'ANDVARI_BAD_REQUEST',
      outcome: 'not-executed',
    });
    expect(client.status().queue).toMatchObject({ waiting: 0, bytes: 0, dropped: 0 });
    expect(clock.pending).toBe(0);
  });

  it.each([
    [true, 31],
    [false, 32],
  ])('has room for the second signature: signV2 %s, %i entries', async (signV2, count) => {
    const { client, server } = await place({ signV2 }).connected();
    const metadata = new Map(Array.from({ length: count }, (_, i) => [`key ${i}`, `value ${i}`]));
    const answer = client.call(bytes('x'), { metadata });
    metadata.clear();
    await answer;
    expect(server.business[0]?.request.metadata.size).toBe(32);
    for (let i = 0; i <= count; i++) metadata.set(`key ${i}`, '');
    await expect(client.call(bytes('x'), { metadata })).rejects.toMatchObject({
      code: 'ANDVARI_BAD_REQUEST',
    });
  });

  it('may be a Buffer, or bytes of shared memory', async () => {
    const { client, server } = await place().connected();
    const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7);
    await client.call(Buffer.from('abc'));
    await client.call(shared);
    const payloads = server.business.map(({ request }) => [...request.payload]);
    expect(payloads).toEqual([
      [97, 98, 99],
      [7, 7, 7],
    ]);
  });

  it('meets the bound of the queue whatever came before, and a limit left undefined', async () => {
    const { client } = place({ limits: { callsMax: undefined, bytesMax: undefined } });
    const call = client.call.bind(client) as (payload: unknown) => Promise<unknown>;
    const ends = [call(new ArrayBuffer(5)), call('hello')];
    for (let i = 0; i < 20; i++) ends.push(client.call(new Uint8Array(1_048_576)));
    for (const end of ends) end.catch(() => undefined);
    await Promise.allSettled(ends.slice(0, 2));
    expect(client.status().queue).toMatchObject({ waiting: 16, bytes: 16_777_216, dropped: 4 });
    await client.close();
    const small = place({ limits: { callsMax: undefined } }).client;
    for (let i = 0; i < 300; i++) small.call(bytes('x')).catch(() => undefined);
    expect(small.status().queue).toMatchObject({ waiting: 256, dropped: 44 });
    await small.close();
  });
});
