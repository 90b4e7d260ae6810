/**
 * Requests and replies of every group against tests/vectors/raida.json: what the client writes is
 * what was recorded, and what was recorded is read as the reference has it.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FakeCodec } from '../../../../tests/client/fake-server.ts';
import { vectorKeys } from '../../../../tests/twin/vector-state.ts';
import { Status } from '../../engine/generated/status.ts';
import { RaidaClient } from '../client.ts';
import { ReplyError } from '../codec.ts';
import type { CoinKeys } from '../coin.ts';
import { RefusedError, resultOf, type ServerOutcome } from '../outcome.ts';

const RAIDA = 14;
const ADMIN_KEY = hex('6de9439834c9147569741d3c9c9fc010');
const SESSION = 0x01020304;
const admin = { adminKey: ADMIN_KEY, session: SESSION };

interface Case {
  name: string;
  request_hex: string;
  response_hex: string;
  status: number;
}
const file = new URL('../../../../tests/vectors/raida.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };

function hex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function caseOf(name: string) {
  const found = cases.find((one) => one.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  const request = hex(found.request_hex);
  const response = hex(found.response_hex);
  return {
    group: request[4],
    command: request[5],
    payload: request.length > 32 ? request.slice(48, -2) : new Uint8Array(0),
    status: found.status,
    reply: response.length > 32 ? response.slice(32, -2) : new Uint8Array(0),
  };
}

/** A client of one server that answers the same to everything. */
function clientOf(status: number, reply: Uint8Array) {
  const codec = new FakeCodec();
  const transport = {
    exchange: () => Promise.resolve(new Uint8Array([status, ...reply])),
    close: () => Promise.resolve(),
  };
  return { codec, client: new RaidaClient({ codec, transport, raidaIds: [RAIDA] }) };
}

/** 400 bytes with these 16 for server 14. */
function numbers(text: string): Uint8Array {
  const keys = new Uint8Array(400);
  keys.set(hex(text), RAIDA * 16);
  return keys;
}

function coin(serialNumber: number, an?: string, denomination = 0): CoinKeys {
  const name = { denomination, serialNumber };
  return { ...name, authenticationNumbers: an ? numbers(an) : vectorKeys(name) };
}

/** The 16 bytes at an offset of a payload, as hex. */
function at(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.subarray(offset, offset + 16)).toString('hex');
}

type Ask = (client: RaidaClient, payload: Uint8Array) => Promise<ServerOutcome<unknown>[]>;

const elevenOf = (payload: Uint8Array) =>
  Array.from({ length: 11 }, (_, index) => {
    const view = new DataView(payload.buffer, payload.byteOffset + 4 + index * 21);
    return coin(view.getUint32(1), at(payload, 4 + index * 21 + 5), view.getInt8(0));
  });

const order = (payload: Uint8Array) => {
  const [large, ...small] = elevenOf(payload);
  return { session: new DataView(payload.buffer).getUint32(0), large: large as CoinKeys, small };
};

const trade = '2c130bd9676976e33e0000138801eeee';
const key = '22057d156f7c79dc96b90bceffffffff';
const address = 'bc1qexamplexamplexamplexample';

const rows: [string, Ask, unknown][] = [
  [
    'show_stats_ok',
    (client) => client.status.statistics(ADMIN_KEY),
    { echoes: 2n, powns: 0n, pownedUnits: 0n, datagrams: 2n },
  ],
  ['detect_sum_pass', (client, p) => client.sums.detect(sumCoins(p, 16)), true],
  [
    'pown_sum_pass',
    (client, p) => client.sums.pown(sumCoins(p, 32), numbers(at(p, p.length - 16))),
    true,
  ],
  [
    'exec_available_ok',
    (client) => client.executive.freeSerials(admin, [0]),
    [
      {
        denomination: 0,
        ranges: [
          { first: 0x200, last: 0x3ff },
          { first: 0x600, last: 0x7ff },
          { first: 0xa00, last: 0xa04 },
        ],
      },
    ],
  ],
  [
    'exec_create_reserved',
    (client) => client.executive.create(admin, [coin(600), coin(601)]),
    [hex('07a059b2b24f8ae93b32dffaae4d8780'), hex('7dc2834b31a0b97210a26dffe182b2bc')],
  ],
  ['exec_free', (client) => client.executive.free(admin, [coin(100)]), true],
  [
    'exec_delete_mixed',
    (client, p) => client.executive.delete(ADMIN_KEY, [coin(100, at(p, 21)), coin(101, at(p, 42))]),
    [
      { status: 'pass', wireStatus: 243 },
      { status: 'fail', wireStatus: 243 },
    ],
  ],
  ['key_alert', (client) => client.keyExchange.alert(hex('616e797468696e67')), true],
  [
    'encrypt_key_31',
    (client) => client.keyExchange.encryptKey(coin(77), { keyPart: hex('c0c1c2c3c4c5c6c7') }),
    hex('a75d5f489e420f4555186773701efdb2'),
  ],
  [
    'locker_peek_ok',
    (client) => client.lockers.peek(numbers(key)),
    [
      { denomination: 0, serialNumber: 30 },
      { denomination: 0, serialNumber: 31 },
    ],
  ],
  [
    'sale_list',
    (client) => client.trades.offers({ type: 1, count: 5 }),
    [{ type: 1, units: 0x4190ab00n, price: 0x1388 }],
  ],
  [
    'sale_peek',
    (client) => client.trades.peek(numbers(trade)),
    [
      { denomination: 0, serialNumber: 60 },
      { denomination: 1, serialNumber: 61 },
    ],
  ],
  ['sale_remove', (client) => client.trades.remove(numbers(trade)), true],
  ['break_session0', (client, p) => client.change.break(order(p)), true],
  ['join_session0', (client, p) => client.change.join(order(p)), true],
  [
    'shard_get_sns',
    (client) => client.shards.freeSerials({ session: SESSION, operation: 3, denominations: [0] }),
    [
      {
        denomination: 0,
        ranges: [
          { first: 0x200, last: 0x3ff },
          { first: 0x600, last: 0x7ff },
        ],
      },
    ],
  ],
  [
    'rpc_srv',
    (client) => client.names.lookup({ name: 'a.test', type: 'SRV' }),
    { address: '10.9.8.7', port: 50001 },
  ],
  [
    'fs_get',
    (client) => client.files.get({ adminKey: ADMIN_KEY, path: 'hello.txt' }),
    new Uint8Array(Buffer.from('hello raida')),
  ],
];

/** Coins whose ANs add up to the sum at `tail` bytes from the end: the first one carries it all. */
function sumCoins(payload: Uint8Array, tail: number): CoinKeys[] {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const count = (payload.length - tail) / 5;
  return Array.from({ length: count }, (_, index) => {
    const sum = index === 0 ? at(payload, payload.length - tail) : '00'.repeat(16);
    return coin(view.getUint32(index * 5 + 1), sum, view.getInt8(index * 5));
  });
}

describe('recorded requests and replies', () => {
  test.each(rows)('%s', async (name, ask, value) => {
    const { group, command, payload, status, reply } = caseOf(name);
    const { client, codec } = clientOf(status, reply);
    const [outcome] = await ask(client, payload);
    expect(codec.last).toMatchObject({ raidaId: RAIDA, group, command });
    expect(Buffer.from(codec.last?.payload ?? []).toString('hex')).toBe(
      Buffer.from(payload).toString('hex'),
    );
    expect(outcome).toMatchObject({ raidaId: RAIDA, status: 'pass', wireStatus: status });
    expect(resultOf(outcome as ServerOutcome<unknown>)).toEqual(value);
  });

  /** The reject twin: what is longer than recorded is no answer. */
  test.each(rows.filter(([name]) => name !== 'fs_get'))('%s and one byte more', async (...row) => {
    const [name, ask] = row;
    const { payload, status, reply } = caseOf(name);
    const { client } = clientOf(status, new Uint8Array([...reply, 0]));
    const [outcome] = await ask(client, payload);
    expect(outcome).toMatchObject({ status: 'error', wireStatus: status });
    expect(() => resultOf(outcome as ServerOutcome<unknown>)).toThrow(ReplyError);
  });

  test('locker_put_ok and locker_remove_ok, coin by coin', async () => {
    const put = caseOf('locker_put_ok');
    const first = clientOf(put.status, put.reply);
    const keys = numbers(key);
    const [answers] = await first.client.lockers.put(sumCoins(put.payload, 32), keys);
    expect(Buffer.from(first.codec.last?.payload ?? [])).toEqual(Buffer.from(put.payload));
    expect(answers?.[RAIDA]).toEqual({ status: 'pass', wireStatus: 241 });

    const remove = caseOf('locker_remove_ok');
    const second = clientOf(remove.status, remove.reply);
    const coins = [coin(30), coin(31)].map((one, index) => ({
      ...one,
      proposedNumbers: numbers(at(remove.payload, 16 + index * 21 + 5)),
    }));
    const taken = await second.client.lockers.remove(coins, keys);
    expect(Buffer.from(second.codec.last?.payload ?? [])).toEqual(Buffer.from(remove.payload));
    expect(taken.map((row) => row[RAIDA]?.status)).toEqual(['pass', 'pass']);
  });

  test.each([
    ['241 and a bitmap that says otherwise', Status.ALL_PASS, '01', ['error', 'error']],
    ['241 without a bitmap', Status.ALL_PASS, '', ['error', 'error']],
    ['243 and one coin', Status.MIXED, '02', ['fail', 'pass']],
    ['243 and two bytes', Status.MIXED, '0200', ['error', 'error']],
    ['242: no such locker', Status.ALL_FAIL, '', ['fail', 'fail']],
    ['242 with a bitmap', Status.ALL_FAIL, '00', ['fail', 'fail']],
  ] as const)('remove: %s', async (_, status, body, wanted) => {
    const { client } = clientOf(status, hex(body));
    const coins = [1, 2].map((n) => ({ ...coin(n), proposedNumbers: new Uint8Array(400) }));
    const answers = await client.lockers.remove(coins, numbers(key));
    expect(answers.map((row) => row[RAIDA]?.status)).toEqual(wanted);
  });

  test.each([
    ['locker_peek_missing', (c: RaidaClient) => c.lockers.peek(numbers(key)), 'fail'],
    ['exec_available_bad_key', (c: RaidaClient) => c.executive.freeSerials(admin, [0]), 'error'],
    ['exec_create_not_reserved', (c: RaidaClient) => c.executive.create(admin, [coin(6)]), 'error'],
    ['get_key_missing', (c: RaidaClient) => c.keyExchange.getKey(ADMIN_KEY), 'error'],
    ['xover_rate_proxy_down', (c: RaidaClient) => c.crossover.rate('BTC'), 'error'],
    ['rpc_nxdomain', (c: RaidaClient) => c.names.lookup({ name: 'nope.test', type: 'A' }), 'error'],
  ] as const)('%s is told with its status', async (name, ask, status) => {
    const { status: wireStatus, reply } = caseOf(name);
    const [outcome] = await ask(clientOf(wireStatus, reply).client);
    expect(outcome).toMatchObject({ status, wireStatus });
    expect(() => resultOf(outcome as ServerOutcome<unknown>)).toThrow(RefusedError);
  });

  test('fix_votes_25: tickets in order, zero for the server itself', async () => {
    const { payload, status, reply } = caseOf('fix_votes_25');
    const { client, codec } = clientOf(status, reply);
    const view = new DataView(payload.buffer, payload.byteOffset);
    const tickets = Array.from({ length: 25 }, (_, id) => view.getUint32(26 + id * 4));
    const coins = [coin(0x12c), coin(0x12d, undefined, -2)];
    const generator = payload.slice(10, 26);
    const [outcome] = await client.fixing.fix([RAIDA], () => ({ coins, generator, tickets }));
    expect(Buffer.from(codec.last?.payload ?? [])).toEqual(Buffer.from(payload));
    expect(outcome).toMatchObject({ value: [{ status: 'pass' }, { status: 'pass' }] });
  });

  test('the 74 bytes of the peer are no audit', async () => {
    const { status, reply } = caseOf('audit_udp');
    const [cut] = await clientOf(status, reply).client.status.audit();
    expect(cut).toMatchObject({ status: 'error' });
    const [whole] = await clientOf(status, new Uint8Array([...reply, 0])).client.status.audit();
    expect(whole).toMatchObject({ status: 'pass' });
  });

  test('a sale, a purchase and a reservation have the recorded form', async () => {
    const sale = caseOf('sale_put_ok');
    const { client, codec } = clientOf(sale.status, sale.reply);
    const coins = sumCoins(sale.payload.slice(0, 26), 16);
    await client.trades.sell({
      coins,
      tradeNumbers: numbers(trade),
      address: textOf(sale.payload),
    });
    expect(Buffer.from(codec.last?.payload ?? [])).toEqual(Buffer.from(sale.payload));
    await client.crossover.reserve({
      lockerKeys: numbers('aa255b39f2de5a1307b69df1ffffffff'),
      ticker: 'BTC',
      amount: 1000n,
      address,
      receipt: new Uint8Array(16),
      memo: 'hello',
    });
    const sent = codec.last?.payload ?? new Uint8Array(0);
    expect(sent).toHaveLength(16 + 3 + 8 + 1 + address.length + 16 + 5);
    expect(Buffer.from(sent.subarray(16, 19)).toString()).toBe('BTC');
    const short = { coins, tradeNumbers: numbers(trade), address: 'short' };
    await expect(client.trades.sell(short)).rejects.toMatchObject({ code: 'ANDVARI_BAD_REQUEST' });
  });

  test('change offers: another denomination, or a number twice, is no offer', async () => {
    const { payload, status, reply } = caseOf('change_available_break');
    const { client, codec } = clientOf(status, reply);
    const question = { session: SESSION, kind: 'break' as const, denomination: 1 };
    const [offer] = await client.change.offer(question);
    expect(Buffer.from(codec.last?.payload ?? [])).toEqual(Buffer.from(payload));
    expect(offer).toMatchObject({ status: 'pass', value: { denomination: 0 } });
    const wrong = reply.slice();
    wrong[0] = 2;
    const twice = reply.slice();
    twice.set(reply.subarray(1, 5), 5);
    for (const bad of [wrong, twice]) {
      const [outcome] = await clientOf(status, bad).client.change.offer(question);
      expect(outcome).toMatchObject({ status: 'error' });
    }
  });
});

/** The address of a sale, behind its length. */
function textOf(payload: Uint8Array): string {
  const length = payload[42] ?? 0;
  return Buffer.from(payload.subarray(43, 43 + length)).toString();
}
