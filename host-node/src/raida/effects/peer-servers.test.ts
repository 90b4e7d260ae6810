import type { WireName } from '@andvari/host-common/engine/configuration';
import { EffectStatus } from '@andvari/host-common/engine/generated/layout';
import { RAIDA_COUNT, VOTE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PeerServers, type PeerServersOptions } from './peer-servers.ts';
import { type Answer, FakeServer, type Heard } from './testing/fake-server.ts';

const OWN = 4;
const NO_ANSWER = 0xffffffff;
const COINS = Buffer.from('0000000064ff00000065', 'hex');
const never = new AbortController().signal;
const fakes: FakeServer[] = [];
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close();
});

type Answering = (fake: FakeServer, heard: Heard) => Uint8Array | undefined;
const good: Answering = (fake, heard) => fake.reply(heard, answerOf(heard));
const answerOf = (heard: Heard): Answer => ({
  ...{ status: 250, payload: COINS },
  number: heard.header[2] ?? 0,
});

async function listen(answering: Answering, legacy = false): Promise<FakeServer> {
  const fake: FakeServer = await FakeServer.listen((heard) => answering(fake, heard), { legacy });
  fakes.push(fake);
  return fake;
}

/** All 25 addresses lead to the fake; it tells them apart by the number in the header. */
async function peersOf(
  fake: FakeServer,
  wire: WireName = 'spec',
  timeoutMs = 2000,
  enough: Pick<PeerServersOptions, 'restMs' | 'votesLeast'> = { votesLeast: 1 },
) {
  const codec = new EngineCodec(await plainEngine(), { wire, coinId: 6 });
  const servers = Array.from({ length: RAIDA_COUNT }, () => fake.address);
  return new PeerServers({ servers, raidaId: OWN, codec, timeoutMs, ...enough });
}

/** Ticket numbers by RAIDA number. */
function tickets(numbers: Record<number, number>): Uint8Array {
  const bytes = Buffer.alloc(4 * RAIDA_COUNT);
  for (const [raidaId, ticket] of Object.entries(numbers)) {
    bytes.writeUInt32BE(ticket, 4 * Number(raidaId));
  }
  return bytes;
}

function votes({ bytes }: { bytes?: Uint8Array }) {
  const view = new DataView((bytes as Uint8Array<ArrayBuffer>).buffer);
  expect(view.byteLength).toBe(RAIDA_COUNT * VOTE_BYTES);
  return Array.from({ length: RAIDA_COUNT }, (_, raidaId) => {
    const at = raidaId * VOTE_BYTES;
    const count = view.getUint32(at + 4, true);
    const coins = Buffer.from(view.buffer, at + 8, 5 * count).toString('hex');
    return { status: view.getUint32(at, true), coins };
  });
}

const none = { status: NO_ANSWER, coins: '' };

describe.each(['spec', 'legacy'] as const)('wire %s', (wire) => {
  test('asks each with a ticket for its coins, itself and those of ticket 0 never', async () => {
    const fake = await listen(good, wire === 'legacy');
    const all = Array.from({ length: RAIDA_COUNT }, (_, id) => [
      id,
      id === 7 ? 0 : 0x01020300 + id,
    ]);
    const peers = await peersOf(fake, wire);
    const result = await peers.ask(tickets(Object.fromEntries(all)), never);
    expect(result.status).toBe(EffectStatus.OK);
    const vote = { status: 250, coins: COINS.toString('hex') };
    expect(votes(result)).toEqual(all.map(([id]) => (id === 7 || id === OWN ? none : vote)));
    const asked = fake.heard.map(({ header, payload, bytes }) => {
      expect([...header.subarray(4, 8), header[16]]).toEqual([2, 50, 0, 6, 0]);
      expect(bytes.length).toBe(32 + 16 + 5 + 2);
      expect(payload[0]).toBe(OWN);
      return [header[2], payload.readUInt32BE(1)];
    });
    const wanted = all.filter(([id]) => id !== 7 && id !== OWN);
    expect(asked.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0))).toEqual(wanted);
  });

  test('a refusal is an answer without coins', async () => {
    const refuse: Answering = (fake, heard) =>
      fake.reply(heard, { ...answerOf(heard), status: 44, payload: new Uint8Array(0) });
    const peers = await peersOf(await listen(refuse, wire === 'legacy'), wire);
    const result = await peers.ask(tickets({ 9: 5 }), never);
    expect(votes(result)[9]).toEqual({ status: 44, coins: '' });
  });
});

describe('no answer', () => {
  const withPayload =
    (bytes: number): Answering =>
    (fake, heard) =>
      fake.reply(heard, { ...answerOf(heard), payload: new Uint8Array(bytes) });
  const changed =
    (at: number): Answering =>
    (fake, heard) => {
      const reply = fake.reply(heard, answerOf(heard));
      reply[at] = (reply[at] ?? 0) ^ 1;
      return reply;
    };
  test.each<[string, Answering]>([
    ['a list of half a coin', withPayload(7)],
    ['one coin too many', withPayload(5 * 4097)],
    ['megabytes', (_, heard) => Buffer.concat([heard.header, Buffer.alloc(1 << 20, 0xff)])],
    ['noise', () => Buffer.alloc(100, 0xa5)],
    ['less than a header', () => Buffer.alloc(20)],
    ['another server', changed(0)],
    ['another group', changed(3)],
    ['another echo', changed(6)],
    ['a cut reply', (fake, heard) => fake.reply(heard, answerOf(heard)).subarray(0, -1)],
    ['a changed trailer', changed(32 + COINS.length)],
  ])('%s', async (_, bad) => {
    const fake = await listen((one, heard) => (heard.header[2] === 3 ? bad : good)(one, heard));
    const result = await (await peersOf(fake)).ask(tickets({ 2: 1, 3: 1 }), never);
    expect(votes(result).map(({ status }) => status)).toEqual(
      Array.from({ length: RAIDA_COUNT }, (_, id) => (id === 2 ? 250 : NO_ANSWER)),
    );
  });

  test('the longest list there may be is one', async () => {
    const peers = await peersOf(await listen(withPayload(5 * 4096)));
    const result = await peers.ask(tickets({ 24: 1 }), never);
    expect(votes(result)[24]).toEqual({ status: 250, coins: '00'.repeat(5 * 4096) });
  });

  test('a silent server, and one that closes, cost the others nothing', async () => {
    const fake: FakeServer = await FakeServer.listen((heard, socket) => {
      if (heard.header[2] === 0) return undefined;
      if (heard.header[2] === 1) socket.destroy();
      return fake.reply(heard, answerOf(heard));
    });
    fakes.push(fake);
    const result = await (await peersOf(fake, 'spec', 300)).ask(
      tickets({ 0: 1, 1: 1, 2: 1 }),
      never,
    );
    expect(
      votes(result)
        .slice(0, 3)
        .map(({ status }) => status),
    ).toEqual([NO_ANSWER, NO_ANSWER, 250]);
    while (fake.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('nobody listens', async () => {
    const fake = await listen(good);
    const peers = await peersOf(fake);
    await fakes.pop()?.close();
    expect(votes(await peers.ask(tickets({ 0: 1 }), never))[0]).toEqual(none);
  });
});

describe('an ask of all 24', () => {
  const all = tickets(Object.fromEntries(Array.from({ length: RAIDA_COUNT }, (_, id) => [id, 1])));
  const LONG_MS = 60_000;

  /** That many answer 250, that many refuse with 43, the others when `late` is called. */
  async function answering(good: number, bad: number, restMs: number) {
    const held: (() => void)[] = [];
    let answered = 0;
    const fake: FakeServer = await FakeServer.listen((heard, socket) => {
      const refusal = { ...answerOf(heard), status: 43, payload: new Uint8Array(0) };
      const turn = answered++;
      if (turn < good) return fake.reply(heard, answerOf(heard));
      if (turn < good + bad) return fake.reply(heard, refusal);
      held.push(() => socket.end(fake.reply(heard, answerOf(heard))));
      return undefined;
    });
    fakes.push(fake);
    const peers = await peersOf(fake, 'spec', LONG_MS, { restMs });
    let isOver = false;
    const over = peers.ask(all, never).finally(() => {
      isOver = true;
    });
    while (fake.heard.length < 24 && !isOver)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const late = (count: number) => {
      for (const answer of held.splice(0, count)) answer();
    };
    const isWaiting = async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return !isOver;
    };
    return { fake, over, late, isWaiting };
  }
  const counted = (result: { bytes?: Uint8Array }) =>
    [250, 43, NO_ANSWER].map((one) => votes(result).filter(({ status }) => status === one).length);

  test('ends when 13 cannot come any more, and cuts its connections', async () => {
    const { fake, over } = await answering(6, 12, LONG_MS);
    // Of 24, 12 are left that could say 250, though 6 of them say nothing.
    expect(counted(await over)[1]).toBe(12);
    while (fake.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('goes on while 13 can', async () => {
    const { over, late, isWaiting } = await answering(2, 11, 0);
    expect(await isWaiting()).toBe(true);
    late(11);
    expect(counted(await over)).toEqual([13, 11, 1]);
  });

  test('waits for the rest only a little when it has 13', async () => {
    const { fake, over } = await answering(13, 0, 50);
    expect(counted(await over)).toEqual([13, 0, 12]);
    while (fake.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('and takes those that come meanwhile', async () => {
    const { over, late, isWaiting } = await answering(13, 0, LONG_MS);
    expect(await isWaiting()).toBe(true);
    late(11);
    expect(counted(await over)).toEqual([24, 0, 1]);
  });

  test('has no little while before it has 13', async () => {
    const { over, late, isWaiting } = await answering(12, 0, 50);
    expect(await isWaiting()).toBe(true);
    late(1);
    expect(counted(await over)).toEqual([13, 0, 12]);
  });

  test('asks nobody with fewer than 13 tickets', async () => {
    const fake = await listen(good);
    const peers = await peersOf(fake, 'spec', LONG_MS, {});
    const few = tickets(Object.fromEntries(Array.from({ length: 13 }, (_, id) => [id, 1])));
    expect(counted(await peers.ask(few, never))).toEqual([0, 0, RAIDA_COUNT]);
    expect(fake.heard).toEqual([]);
  });
});

test('four asks at once, the fifth waits; given up, all connections are cut', async () => {
  const fake = await listen(() => undefined);
  const peers = await peersOf(fake, 'spec', 20_000);
  const abort = new AbortController();
  const asks = Array.from({ length: 5 }, () =>
    peers.ask(tickets({ 0: 1, 1: 1, 2: 1 }), abort.signal),
  );
  const ended = Promise.allSettled(asks);
  while (fake.heard.length < 12) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  expect((await ended).map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  expect(fake.most).toBe(12);
  while (fake.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('an ask that waits too long for its turn asks nobody', async () => {
  const fake = await listen(() => undefined);
  const peers = await peersOf(fake, 'spec', 200);
  // All at one time, however busy the machine: that of the fifth is over with the others'.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  const asks = Array.from({ length: 5 }, () => peers.ask(tickets({ 0: 1 }), never));
  clock.mockRestore();
  for (const result of await Promise.all(asks)) expect(votes(result)[0]).toEqual(none);
  expect(fake.heard.length).toBeLessThanOrEqual(4);
});

test('the servers are 25', async () => {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const servers = Array.from({ length: 24 }, () => ({ host: '127.0.0.1', port: 1 }));
  expect(() => new PeerServers({ servers, raidaId: 0, codec })).toThrow('wanted 25, got 24');
});
