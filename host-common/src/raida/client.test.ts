/** The client over 25 twins of a server (tests/twin), in both wires. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { TwinCodec } from '../../../tests/twin/twin-codec.ts';
import { type TwinFault, TwinNetwork } from '../../../tests/twin/twin-network.ts';
import { vectorKeys } from '../../../tests/twin/vector-state.ts';
import { Status } from '../engine/generated/status.ts';
import { type CoinAnswer, readFound, readTicket, readVerdicts } from './answers.ts';
import {
  type CoinProposal,
  encryptWith,
  RaidaClient,
  type RaidaClientOptions,
  type ServerAnswer,
} from './client.ts';
import type { Coin, CoinKeys } from './coin.ts';
import { TransportError } from './transport.ts';

type Wire = 'spec' | 'legacy';

function keys(coin: Coin): CoinKeys {
  return { ...coin, authenticationNumbers: vectorKeys(coin) };
}

/** Serial numbers of coins in use. */
function coins(count: number, first = 0): CoinKeys[] {
  return Array.from({ length: count }, (_, index) =>
    keys({ denomination: (index % 15) - 8, serialNumber: first + Math.floor(index / 15) }),
  );
}

function proposal(coin: CoinKeys, seed = 1): CoinProposal {
  const proposedNumbers = coin.authenticationNumbers.map((byte, index) => byte ^ (index + seed));
  return { ...coin, proposedNumbers };
}

function setUp(wire: Wire = 'spec', options: Partial<RaidaClientOptions> = {}) {
  const network = new TwinNetwork({ wire, modern: true });
  const client = new RaidaClient({ codec: new TwinCodec(wire), transport: network, ...options });
  return { network, client };
}

function column(answers: CoinAnswer[][], raidaId: number): string[] {
  return answers.map((row) => row[raidaId]?.status ?? 'missing');
}

function only(id: number, fault: TwinFault) {
  return (raidaId: number): TwinFault | undefined => (raidaId === id ? fault : undefined);
}

const codecs = new TwinCodec('spec');
const encryptionCoin = keys({ denomination: 0, serialNumber: 100 });
const second = keys({ denomination: 1, serialNumber: 77 });
const encryptions: [string, RaidaClientOptions['encryption']][] = [
  ['in clear', undefined],
  ['type 1', encryptWith(encryptionCoin)],
  [
    'type 4',
    (id) => {
      const key = encryptionCoin.authenticationNumbers.slice(id * 16, id * 16 + 16);
      return { type: 4, denomination: 0, serialNumber: 100, key };
    },
  ],
  [
    'type 5',
    (id) => {
      const key = encryptionCoin.authenticationNumbers.slice(id * 16, id * 16 + 16);
      const key2 = second.authenticationNumbers.slice(id * 16, id * 16 + 16);
      const coins = { denomination: 0, serialNumber: 100, denomination2: 1, serialNumber2: 77 };
      return { type: 5, ...coins, key, key2 };
    },
  ],
];

describe.each(['spec', 'legacy'] as const)('%s wire', (wire) => {
  test.each(encryptions)('detect, pown and find, %s', async (_, encryption) => {
    const { client } = setUp(wire, encryption ? { encryption } : {});
    const fake = { ...keys({ denomination: 2, serialNumber: 3 }) };
    fake.authenticationNumbers = new Uint8Array(400).fill(9);
    const list = [...coins(9, 200), fake];
    const found = await client.detect(list);
    for (let id = 0; id < 25; id++) {
      expect(column(found, id)).toEqual([...new Array(9).fill('pass'), 'fail']);
    }
    const proposals = list.map((coin) => proposal(coin));
    expect(column(await client.pown(proposals), 7)).toEqual([...new Array(9).fill('pass'), 'fail']);
    const held = await client.find(proposals);
    expect(held.map((row) => row[24]?.status)).toEqual([...new Array(9).fill('pan'), 'neither']);
    expect(column(await client.detect(list), 3)).toEqual(new Array(10).fill('fail'));
  });

  test('echo and version', async () => {
    const { client, network } = setUp(wire);
    network.fault = (id) => ({ 1: 'down', 2: 'lost' })[id] as TwinFault | undefined;
    const seen: number[] = [];
    const echoes = await client.echo({ onAnswers: ({ raidaId }) => seen.push(raidaId) });
    expect(echoes.map(({ status }) => status).slice(0, 4)).toEqual([
      'pass',
      'unreachable',
      'timeout',
      'pass',
    ]);
    expect(seen.sort((a, b) => a - b)).toEqual(echoes.map(({ raidaId }) => raidaId));
    const versions: ServerAnswer[] = await client.version();
    expect(versions[24]).toMatchObject({ status: 'pass', version: '20250323', wireStatus: 250 });
    expect(versions[1]).not.toHaveProperty('version');
  });

  test('tickets, for the coins that pass', async () => {
    const { client, network } = setUp(wire);
    const list = coins(3, 50);
    network.server(4).coins.write(list[1] as Coin, { an: Buffer.alloc(16, 1), mfs: 30 });
    const { answers, tickets } = await client.getTickets(list);
    expect(column(answers, 4)).toEqual(['pass', 'fail', 'pass']);
    expect(tickets).toHaveLength(25);
    const four = tickets.find(({ raidaId }) => raidaId === 4);
    expect(four?.indices).toEqual([0, 2]);
    const claim = { claimerId: 9, ticket: four?.ticket ?? 0 };
    const valid = await client.validateTicket(4, claim);
    const wanted = [list[0], list[2]].map((c) => ({
      denomination: c?.denomination,
      serialNumber: c?.serialNumber,
    }));
    expect(valid).toEqual({ status: 'pass', wireStatus: 250, coins: wanted });
    const again = await client.validateTicket(4, claim);
    expect(again).toEqual({
      status: 'error',
      wireStatus: Status.TICKET_CLAIMED_ALREADY,
      coins: [],
    });
    network.fault = only(4, 'lost');
    expect(await client.validateTicket(4, claim)).toEqual({ status: 'timeout', coins: [] });
  });
});

describe('one server that fails or lies changes its own light only', () => {
  const wideBitmap = Buffer.from('0000f30100010000000000040000000000000000', 'hex');
  const flip =
    (offset: number) =>
    (reply: Buffer): Uint8Array => {
      const copy = Buffer.from(reply);
      copy[offset] = (copy[offset] ?? 0) ^ 0xff;
      return copy;
    };
  const rewrite =
    (status: number, body: string) =>
    (reply: Buffer): Uint8Array => {
      const header = Buffer.from(reply.subarray(0, 32));
      const payload = Buffer.from(`${body}3e3e`, 'hex');
      header[2] = status;
      header.writeUIntBE(payload.length, 9, 3);
      return Buffer.concat([header, payload]);
    };

  test.each<[string, TwinFault, string]>([
    ['down', 'down', 'unreachable'],
    ['silent', 'lost', 'timeout'],
    ['executes but does not answer', 'unanswered', 'timeout'],
    ['of another RAIDA', flip(0), 'error'],
    ['of another group', flip(3), 'error'],
    ['with another echo', flip(6), 'error'],
    ['with another size', flip(11), 'error'],
    ['without trailer', (reply) => flip(reply.length - 1)(reply), 'error'],
    ['cut', (reply) => reply.subarray(0, reply.length - 1), 'error'],
    ['empty', () => new Uint8Array(0), 'error'],
    ['of 20 bytes', () => wideBitmap, 'error'],
    ['all fail', rewrite(Status.ALL_FAIL, ''), 'fail'],
    ['all pass with a body', rewrite(Status.ALL_PASS, '07'), 'error'],
    ['a bitmap of 9 coins', rewrite(Status.MIXED, '0700'), 'error'],
    ['no bitmap', rewrite(Status.MIXED, ''), 'error'],
    ['a bitmap with surplus bits', rewrite(Status.MIXED, '0f'), 'error'],
    ['find in the place of detect', rewrite(Status.FIND_ALL_AN, ''), 'error'],
    ['an internal error', rewrite(Status.INTERNAL, ''), 'error'],
    ['an encryption error in clear', rewrite(Status.INVALID_CRC, ''), 'error'],
  ])('%s', async (_, fault, status) => {
    const { client, network } = setUp();
    network.fault = only(11, fault);
    const answers = await client.detect(coins(3));
    for (let id = 0; id < 25; id++) {
      expect(column(answers, id)).toEqual(new Array(3).fill(id === 11 ? status : 'pass'));
    }
  });

  test('a server that does not take the encryption is a light of its own', async () => {
    const wrong = keys({ denomination: 0, serialNumber: 100 });
    wrong.authenticationNumbers.fill(0, 16 * 5, 16 * 6);
    const unknown = encryptWith(keys({ denomination: 0, serialNumber: 8192 }));
    const { client } = setUp('spec', { encryption: encryptWith(wrong) });
    const answers = await client.detect(coins(2));
    expect(column(answers, 5)).toEqual(['refused', 'refused']);
    expect(column(answers, 6)).toEqual(['pass', 'pass']);
    const none = await setUp('spec', { encryption: unknown }).client.detect(coins(1));
    expect(none[0]?.[0]).toEqual({ status: 'refused', wireStatus: Status.INVALID_ENCRYPTION });
  });

  test('random changes of a reply never look like a pass of a fake', async () => {
    const fake = { ...keys({ denomination: 0, serialNumber: 1 }) };
    fake.authenticationNumbers = new Uint8Array(400);
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.nat(255), fc.nat(40), async (at, value, length) => {
        const { client, network } = setUp('spec', { raidaIds: [0, 1] });
        network.fault = only(0, (reply) => {
          const copy = Buffer.from(reply).subarray(0, Math.max(length, reply.length - length));
          // The status byte itself is the server's word, which no client can check.
          if (at !== 2 && at < copy.length) copy[at] = value;
          return copy;
        });
        const [row] = await client.detect([fake]);
        expect(['fail', 'error']).toContain(row?.[0]?.status);
        expect(row?.[1]?.status).toBe('fail');
        expect(row?.[2]?.status).toBe('none');
      }),
    );
  });
});

describe('answers', () => {
  const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

  test('bitmaps of every size, and one bit too many', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (bits) => {
        const payload = new Uint8Array(Math.ceil(bits.length / 8));
        for (const [index, bit] of bits.entries()) {
          if (bit) payload[index >> 3] = (payload[index >> 3] ?? 0) | (1 << (index % 8));
        }
        const reply = { status: Status.MIXED, payload };
        const got = readVerdicts(reply, bits.length, false).map(({ status }) => status === 'pass');
        expect(got).toEqual(bits);
        if (bits.length % 8 === 0) return;
        const last = payload.length - 1;
        payload[last] = (payload[last] ?? 0) | (1 << (bits.length % 8));
        expect(readVerdicts(reply, bits.length, false)[0]?.status).toBe('error');
      }),
    );
  });

  test('find: a byte for each coin, 0, 1 or 2', () => {
    const found = (payload: string) =>
      readFound({ status: Status.FIND_MIXED, payload: bytes(payload) }, 3, false).map(
        ({ status }) => status,
      );
    expect(found('020001')).toEqual(['pan', 'neither', 'an']);
    for (const wrong of ['020003', '0200', '02000100']) {
      expect(found(wrong)).toEqual(['error', 'error', 'error']);
    }
    const all = { status: Status.FIND_ALL_PAN, payload: bytes('02') };
    expect(readFound(all, 1, false)[0]?.status).toBe('error');
  });

  test('a ticket without its four bytes is an error', () => {
    const ticket = (payload: string, status: number = Status.ALL_PASS) =>
      readTicket({ status, payload: bytes(payload) }, 2, false);
    expect(ticket('00000007')).toMatchObject({ ticket: 7, answers: [{ status: 'pass' }, {}] });
    expect(ticket('0100000007', Status.MIXED)).toMatchObject({ ticket: 7 });
    for (const wrong of ['', '000007', '0100000007']) {
      expect(ticket(wrong).answers[0]?.status).toBe('error');
      expect(ticket(wrong)).not.toHaveProperty('ticket');
    }
    expect(ticket('00000000', Status.ALL_FAIL).answers[0]?.status).toBe('error');
  });
});

describe('many coins', () => {
  test('are sent in requests that fit a datagram, and in large ones where allowed', async () => {
    const { client, network } = setUp('spec', { raidaIds: [0] });
    const sizes: number[] = [];
    network.fault = (_, request) => {
      sizes.push(request.length);
      return undefined;
    };
    const list = coins(200);
    await client.detect(list);
    expect(sizes).toEqual([1394, 1394, 1394, 50 + 8 * 21]);
    sizes.length = 0;
    const large = { codec: codecs, transport: network, raidaIds: [0] };
    await new RaidaClient({ ...large, requestBytesMax: 1_000_000 }).detect(coins(3200));
    expect(sizes).toEqual([50 + 3119 * 21, 50 + 81 * 21]);
  });

  test('every answer is told once, as it comes', async () => {
    const { client } = setUp();
    const told = new Map<string, string>();
    const list = coins(100);
    const answers = await client.detect(list, {
      onAnswers: ({ raidaId, indices, answers: some }) => {
        expect(some).toHaveLength(indices.length);
        for (const [place, index] of indices.entries()) {
          expect(told.has(`${index}:${raidaId}`)).toBe(false);
          told.set(`${index}:${raidaId}`, some[place]?.status ?? '');
        }
      },
    });
    expect(told.size).toBe(2500);
    expect(answers[99]?.[24]?.status).toBe(told.get('99:24'));
  });

  test('a server that stays silent is not asked for ever', async () => {
    const { client, network } = setUp();
    network.fault = only(3, 'lost');
    const answers = await client.detect(coins(64 * 6));
    expect(new Set(column(answers, 3))).toEqual(new Set(['timeout']));
    expect(network.exchanges).toBe(24 * 6 + 2);
  });

  test('one coin that a server cannot have does not hide the others', async () => {
    const { client, network } = setUp('spec', { raidaIds: [0] });
    const list = coins(36).map((coin) => proposal(coin));
    list[17] = proposal(keys({ denomination: 0, serialNumber: 4_000_000_000 }));
    const found = await client.find(list);
    expect(found.map((row) => row[0]?.status)).toEqual(
      list.map((_, index) => (index === 17 ? 'neither' : 'an')),
    );
    expect(found[17]?.[0]?.wireStatus).toBe(Status.INVALID_SN_OR_DENOMINATION);
    expect(network.exchanges).toBeLessThan(15);
    const { answers } = await client.getTickets(list);
    expect(answers.map((row) => row[0]?.status)).toEqual(
      list.map((_, index) => (index === 17 ? 'fail' : 'pass')),
    );
  });

  test('a choice of coins for each server', async () => {
    const { client } = setUp('spec', { raidaIds: [0, 1, 2] });
    const select = (raidaId: number) => [[], [1], [0, 2]][raidaId] ?? [];
    const answers = await client.detect(coins(3), { select });
    expect([0, 1, 2].map((id) => column(answers, id).join())).toEqual([
      'none,none,none',
      'none,pass,none',
      'pass,none,pass',
    ]);
    await expect(client.detect(coins(3), { select: () => [3] })).rejects.toThrow(RangeError);
  });
});

describe('cancelling', () => {
  test('before the start nothing is sent', async () => {
    const { client, network } = setUp();
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(client.detect(coins(1), { signal })).rejects.toBe(reason);
    await expect(client.echo({ signal })).rejects.toBe(reason);
    expect(network.exchanges).toBe(0);
  });

  test('in the middle, once all lanes have ended', async () => {
    const { client, network } = setUp();
    const stop = new AbortController();
    let answers = 0;
    const onAnswers = () => {
      if (++answers === 30) stop.abort();
    };
    const running = client.detect(coins(64 * 4), { signal: stop.signal, onAnswers });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    const sent = network.exchanges;
    expect(sent).toBeLessThan(100);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(network.exchanges).toBe(sent);
  });

  test('a fault of the listener does not stop the operation', async () => {
    const { client } = setUp('spec', { raidaIds: [0] });
    const thrown = vi.fn();
    vi.stubGlobal('queueMicrotask', (task: () => void) => {
      expect(task).toThrow('mine');
      thrown();
    });
    const onAnswers = () => {
      throw new Error('mine');
    };
    const answers = await client.detect(coins(1), { onAnswers });
    vi.unstubAllGlobals();
    expect(answers[0]?.[0]?.status).toBe('pass');
    expect(thrown).toHaveBeenCalledOnce();
  });
});

test('a request that cannot be sealed is the caller’s error, and no light', async () => {
  const codec = {
    seal: () => {
      throw new TypeError('key: wanted 16 bytes');
    },
  };
  const client = new RaidaClient({ codec, transport: setUp().network });
  await expect(client.detect(coins(1))).rejects.toThrow(TypeError);
});

test('transport errors name the server', () => {
  const error = new TransportError('ANDVARI_TIMEOUT', 7, 'no reply within 5 ms');
  expect(error.message).toBe('RAIDA 7: no reply within 5 ms');
});
