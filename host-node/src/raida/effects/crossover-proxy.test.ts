import { EffectStatus } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../config/secret.ts';
import { CrossoverProxy } from './crossover-proxy.ts';
import { FakeServer, type Heard } from './testing/fake-server.ts';

const key = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i);
const never = new AbortController().signal;
const RATE = 115;
const amount = Buffer.from('00000000000186a0', 'hex');
const fakes: FakeServer[] = [];
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close();
});

type Wire = 'spec' | 'legacy';
type Answering = (fake: FakeServer, heard: Heard) => Uint8Array | undefined;
const good: Answering = (fake, heard) =>
  fake.reply(heard, { status: 250, payload: amount, number: 25 });

async function place(answering: Answering, { wire = 'spec' as Wire, timeoutMs = 2000 } = {}) {
  const options = { legacy: wire === 'legacy', key };
  const fake: FakeServer = await FakeServer.listen((heard) => answering(fake, heard), options);
  fakes.push(fake);
  const codec = new EngineCodec(await plainEngine(), { wire, coinId: 0x0102 });
  const secret = new Secret(key);
  const proxy = new CrossoverProxy({ ...fake.address, key: secret, raidaId: 19, codec, timeoutMs });
  return { fake, proxy };
}

describe.each(['spec', 'legacy'] as const)('wire %s', (wire) => {
  test('the packet is that of a RAIDA of number 25, and its reply comes decrypted', async () => {
    const { fake, proxy } = await place(good, { wire });
    const body = Buffer.from('BTC');
    const result = await proxy.ask(RATE, body, never);
    expect(result).toMatchObject({ status: EffectStatus.OK });
    expect(Buffer.from(result.bytes ?? [])).toEqual(
      Buffer.concat([Buffer.from('fa000000', 'hex'), amount]),
    );
    const { header, payload, bytes } = fake.heard[0] as Heard;
    expect([...header.subarray(0, 8)]).toEqual([1, 0, 25, 0, 11, RATE, 1, 2]);
    expect([...header.subarray(16, 22)]).toEqual([1, 19, 0, 0, 0, 0]);
    expect(header.readUInt16BE(22)).toBe(16 + 3 + 2);
    expect(payload).toEqual(body);
    expect([...bytes.subarray(-2)]).toEqual([0x3e, 0x3e]);
  });

  test('no two requests have the same nonce', async () => {
    const { fake, proxy } = await place(good, { wire });
    for (let i = 0; i < 3; i++) await proxy.ask(RATE, Buffer.from('BTC'), never);
    const nonces = fake.heard.map(({ header }) => header.subarray(24, 32).toString('hex'));
    expect(new Set(nonces).size).toBe(3);
    expect(nonces).not.toContain('0'.repeat(16));
  });

  test.each([250, 150, 183, 187, 0])(
    'status %d is an answer, with or without a body',
    async (status) => {
      let payload = amount;
      const answer: Answering = (fake, heard) => fake.reply(heard, { status, payload, number: 25 });
      const { proxy } = await place(answer, { wire });
      const full = await proxy.ask(113, Buffer.alloc(76), never);
      payload = Buffer.alloc(0);
      const empty = await proxy.ask(113, Buffer.alloc(76), never);
      expect([full.status, empty.status]).toEqual([EffectStatus.OK, EffectStatus.OK]);
      expect([...(full.bytes ?? [])]).toEqual([status, 0, 0, 0, ...amount]);
      expect([...(empty.bytes ?? [])]).toEqual([status, 0, 0, 0]);
    },
  );
});

describe('what is no reply', () => {
  const changed =
    (at: number): Answering =>
    (fake, heard) => {
      const reply = Buffer.from(good(fake, heard) as Uint8Array);
      reply[at] = (reply[at] ?? 0) ^ 1;
      return reply;
    };
  test.each<[string, Answering]>([
    ['of another number', changed(0)],
    ['to another group', changed(3)],
    ['to another request', changed(7)],
    ['with a size beside the truth', changed(11)],
    ['with a changed trailer', changed(32 + 8)],
    ['cut short', (fake, heard) => good(fake, heard)?.subarray(0, 38)],
    ['less than a header', () => Buffer.alloc(31)],
    ['noise', () => Buffer.alloc(64, 0xa5)],
    ['megabytes', () => Buffer.alloc(1 << 20, 0xff)],
  ])('%s: FAILED', async (_, bad) => {
    const { proxy } = await place(bad);
    const result = await proxy.ask(RATE, Buffer.from('BTC'), never);
    expect(result).toMatchObject({ status: EffectStatus.FAILED, problem: /^proxy: / });
    expect(result.bytes).toBeUndefined();
  });

  test('legacy: without the proof that it has the key', async () => {
    const { proxy } = await place(changed(20), { wire: 'legacy' });
    const result = await proxy.ask(RATE, Buffer.from('BTC'), never);
    expect(result.status).toBe(EffectStatus.FAILED);
  });

  test('a request that is too long is not sent', async () => {
    const { fake, proxy } = await place(good);
    const longest = await proxy.ask(114, new Uint8Array(65_535 - 18), never);
    expect(longest.status).toBe(EffectStatus.OK);
    const result = await proxy.ask(114, new Uint8Array(65_536 - 18), never);
    expect(result.status).toBe(EffectStatus.FAILED);
    expect(fake.heard).toHaveLength(1);
  });
});

describe('nobody', () => {
  test('listens', async () => {
    const { proxy } = await place(good);
    await fakes.pop()?.close();
    const result = await proxy.ask(RATE, Buffer.from('BTC'), never);
    expect(result.status).toBe(EffectStatus.UNREACHABLE);
  });

  test('answers in time: the connection is cut', async () => {
    const { fake, proxy } = await place(() => undefined, { timeoutMs: 200 });
    const result = await proxy.ask(RATE, Buffer.from('BTC'), never);
    expect(result.status).toBe(EffectStatus.UNREACHABLE);
    expect(fake.heard).toHaveLength(1);
    while (fake.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('waits any more', async () => {
    const { fake, proxy } = await place(() => undefined);
    const abort = new AbortController();
    const asks = Array.from({ length: 6 }, () => proxy.ask(RATE, Buffer.from('BTC'), abort.signal));
    const ended = Promise.allSettled(asks);
    while (fake.heard.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    expect((await ended).map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
    expect(fake.most).toBe(4);
  });
});

test('no message and no packet has the key', async () => {
  const { fake, proxy } = await place(() => Buffer.alloc(64, 0xa5));
  const result = await proxy.ask(RATE, Buffer.alloc(40), never);
  const hex = Buffer.from(key).toString('hex');
  expect(fake.heard[0]?.bytes.toString('hex')).not.toContain(hex);
  expect(JSON.stringify([result, proxy])).not.toContain(hex);
});
