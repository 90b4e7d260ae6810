/** Calls without a connection, and across its end; through RatatoskrClient. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Arrived,
  bytes,
  ScriptedPlace,
  text,
} from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';
import type { RatatoskrClientOptions } from './client-options.ts';
import { CALLS_MAX } from './limits.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const place = (options: Partial<RatatoskrClientOptions> = {}) => new ScriptedPlace(module, options);

describe('the queue', () => {
  it('keeps calls until there is a session; each leaves with a fresh stamp and nonce', async () => {
    const { client, server, clock } = place();
    const long = { timeoutMs: 3_600_000 };
    const calls = ['a', 'b', 'c'].map((word) => client.call(bytes(word), long));
    await clock.pass(1000);
    const late = client.call(bytes('d'), long);
    await clock.pass(600_000);
    expect(client.status().queue).toEqual({
      waiting: 4,
      underWay: 0,
      bytes: 4,
      oldestMs: 601_000,
      dropped: 0,
    });
    await client.connect();
    const answers = await Promise.all([...calls, late]);
    expect(answers.map(({ payload }) => text(payload))).toEqual(['a', 'b', 'c', 'd']);
    const requests = server.business.map(({ request }) => request);
    expect(requests.map(({ payload }) => text(payload))).toEqual(['a', 'b', 'c', 'd']);
    expect(requests.map(({ timestamp }) => Number(timestamp) - clock.unixS())).toEqual([
      ...[0, 0, 0, 0],
    ]);
    expect(client.status().queue).toMatchObject({ waiting: 0, bytes: 0, oldestMs: undefined });
  });

  it('is bounded by calls: one more is refused, counted, and not kept', async () => {
    const { client, server, clock } = place({ limits: { callsMax: 3 } });
    const calls = [1, 2, 3].map((n) => client.call(Uint8Array.of(n)));
    await expect(client.call(Uint8Array.of(4))).rejects.toMatchObject({
      code: 'ANDVARI_QUEUE_FULL',
      outcome: 'not-executed',
    });
    expect(client.status().queue).toMatchObject({ waiting: 3, bytes: 3, dropped: 1 });
    await Promise.all([client.connect(), clock.settle()]);
    await Promise.all(calls);
    expect((await client.call(Uint8Array.of(5))).payload).toEqual(Uint8Array.of(5));
    expect(server.business.map(({ request }) => request.payload[0])).toEqual([1, 2, 3, 5]);
  });

  it('is bounded by bytes, calls on the way included', async () => {
    const { client, server, clock } = place({ limits: { bytesMax: 100 } });
    server.onBusiness = () => undefined;
    await Promise.all([client.connect(), clock.settle()]);
    const first = client.call(new Uint8Array(60)).catch((error) => error);
    await clock.settle();
    const second = client.call(new Uint8Array(40)).catch((error) => error);
    await expect(client.call(new Uint8Array(1))).rejects.toMatchObject({
      code: 'ANDVARI_QUEUE_FULL',
    });
    await client.close();
    expect((await first).outcome).toBe('unknown');
    expect((await second).code).toBe('ANDVARI_CLOSED');
  });

  it('lets 15 calls, or 2 MiB, on the way at once; one larger goes alone', async () => {
    const { client, server, clock } = place();
    const held: Arrived[] = [];
    server.onBusiness = (arrived) => held.push(arrived);
    await Promise.all([client.connect(), clock.settle()]);
    const calls = Array.from({ length: 40 }, () => client.call(bytes('x')));
    await clock.settle();
    expect(client.status().queue).toMatchObject({ waiting: 25, underWay: 15 });
    expect(held).toHaveLength(15);
    await held[7]?.peer.answer(held[7]);
    await clock.settle();
    expect(held).toHaveLength(16);
    server.onBusiness = (arrived) => arrived.peer.answer(arrived);
    for (const arrived of held) if (arrived !== held[7]) await arrived.peer.answer(arrived);
    await Promise.all(calls);
    held.length = 0;
    server.onBusiness = (arrived) => held.push(arrived);
    const large = Array.from({ length: 3 }, () => client.call(new Uint8Array(1_000_000)));
    await clock.settle();
    expect(held).toHaveLength(2);
    server.onBusiness = (arrived) => arrived.peer.answer(arrived);
    for (const arrived of held) await arrived.peer.answer(arrived);
    await Promise.all(large);
  });
});

describe('a cut in the middle', () => {
  it('sends what has no answer again, under the same request_id and freshly signed', async () => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    server.onBusiness = () => undefined;
    const call = client.call(bytes('pay'));
    await clock.settle();
    server.peer.cut();
    await clock.settle();
    expect(client.status()).toMatchObject({ state: 'waiting', queue: { waiting: 1 } });
    server.onBusiness = (arrived) => arrived.peer.answer(arrived, { payload: bytes('paid') });
    await clock.pass(1000);
    expect(text((await call).payload)).toBe('paid');
    const [first, second] = server.business as [Arrived, Arrived];
    expect(second.request.requestId).toBe(first.request.requestId);
    expect(second.request.payload).toEqual(first.request.payload);
    expect(second.request.nonce).not.toEqual(first.request.nonce);
    expect(second.digest).not.toEqual(first.digest);
  });

  it('an answer to the sending before the cut is none: it could be an old refusal', async () => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    let old = new Uint8Array(0);
    server.onBusiness = async ({ request, digest }) => {
      old = new Uint8Array(await server.sealed({ requestId: request.requestId }, digest));
    };
    const end = client.call(bytes('pay')).catch((error) => error);
    await clock.settle();
    server.peer.cut();
    server.onBusiness = ({ peer }) => peer.deliver(old);
    await clock.pass(1000);
    expect(await end).toMatchObject({ code: 'ANDVARI_UNTRUSTED', outcome: 'unknown' });
  });

  it('calls keep their order, and those from before come before later ones', async () => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    server.onBusiness = () => undefined;
    const calls = [];
    for (const word of ['a', 'b']) {
      calls.push(client.call(bytes(word)));
      await clock.pass(1);
    }
    server.peer.cut();
    await clock.pass(1);
    calls.push(client.call(bytes('c')));
    server.onBusiness = (arrived) => arrived.peer.answer(arrived);
    await clock.pass(1000);
    await Promise.all(calls);
    const words = server.business.map(({ request }) => text(request.payload));
    expect(words).toEqual(['a', 'b', 'a', 'b', 'c']);
  });

  it('a refusal after an unknown sending leaves the outcome unknown', async () => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    server.onBusiness = () => undefined;
    const end = client.call(bytes('pay')).catch((error) => error);
    await clock.settle();
    server.peer.cut();
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'INVALID_REQUEST');
    await clock.pass(1000);
    expect(await end).toMatchObject({ serverCode: 'INVALID_REQUEST', outcome: 'unknown' });
  });
});

describe('a server that wants less', () => {
  it.each(['RATE_LIMITED', 'NONCE_CACHE_FULL'])('is given time after %s', async (code) => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    let refusals = 2;
    server.onBusiness = (arrived) =>
      refusals-- > 0 ? arrived.peer.refuse(arrived, code) : arrived.peer.answer(arrived);
    const call = client.call(bytes('x'));
    await clock.settle();
    const other = client.call(bytes('y'));
    await clock.settle();
    // Nothing else goes meanwhile.
    expect(server.business).toHaveLength(1);
    await clock.pass(3000);
    await Promise.all([call, other]);
    expect(new Set(server.business.map(({ request }) => request.requestId)).size).toBe(2);
  });

  it('has all calls of a full queue by and by, in their order', async () => {
    const { client, server, clock } = place();
    // As a device's bucket: some at once, then one a second.
    let [tokens, refused] = [20, 0];
    server.onBusiness = (arrived) => {
      if (tokens-- > 0) return arrived.peer.answer(arrived);
      tokens = 0;
      refused++;
      return arrived.peer.refuse(arrived, 'RATE_LIMITED');
    };
    const words = Array.from({ length: CALLS_MAX }, (_, i) => `${i}`);
    const calls = words.map((word) => client.call(bytes(word), { timeoutMs: 600_000 }));
    await Promise.all([client.connect(), clock.settle()]);
    for (let s = 0; s < 500; s++) {
      await clock.pass(1000);
      tokens = Math.min(20, tokens + 1);
    }
    expect((await Promise.allSettled(calls)).every(({ status }) => status === 'fulfilled')).toBe(
      true,
    );
    expect(refused).toBeGreaterThan(8);
    // One that is refused is not told so a dozen times for each second that it waits.
    expect(refused).toBeLessThan(2 * CALLS_MAX);
  });

  it('and the call ends when its time is over', async () => {
    const { client, server, clock } = place();
    await Promise.all([client.connect(), clock.settle()]);
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'RATE_LIMITED');
    const end = client.call(bytes('x'), { timeoutMs: 5000 }).catch((error) => error);
    await clock.pass(5000);
    expect(await end).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'not-executed' });
  });
});
