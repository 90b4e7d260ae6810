/** What the reference says of groups 0-2 and the recorded cases do not show. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Status } from '../../host-common/src/engine/generated/status.ts';
import { TwinServer, type TwinServerOptions } from './raida-twin.ts';
import { monthsFromStart, type TwinCoin } from './twin-coins.ts';
import { parseReply, TwinReplyError } from './twin-reply.ts';
import {
  buildRequest,
  crc32,
  type TwinEncryption,
  type TwinRequest,
  type TwinWire,
  xor,
} from './twin-wire.ts';
import { VECTOR_ADMIN_KEY, vectorAn, vectorRecord } from './vector-state.ts';

const RAIDA = 14;
const used = (serialNumber: number, denomination = 0): TwinCoin => ({ denomination, serialNumber });
const an = (coin: TwinCoin) => vectorAn(RAIDA, coin);

function server(options: Partial<TwinServerOptions> = {}): TwinServer {
  return new TwinServer({
    raidaId: RAIDA,
    wire: 'spec',
    modern: true,
    adminKey: VECTOR_ADMIN_KEY,
    blank: (coin) => vectorRecord(RAIDA, coin),
    ...options,
  });
}

function bytes(...parts: (TwinCoin | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (part instanceof Uint8Array) return part;
      const coin = Buffer.alloc(5);
      coin.writeInt8(part.denomination);
      coin.writeUInt32BE(part.serialNumber, 1);
      return coin;
    }),
  );
}

type Call = Partial<TwinRequest> & { local?: boolean };

/** Sends a request in the spec wire and opens the reply. */
function ask(twin: TwinServer, name: string, payload: Uint8Array, more: Call = {}) {
  const [group = 0, command = 0] = name.split('/').map(Number);
  const { local = true, ...fields } = more;
  const sent = buildRequest('spec', { raidaId: RAIDA, group, command, payload, ...fields });
  const reply = twin.answer(sent.bytes, { local });
  return parseReply('spec', RAIDA, sent, reply as Buffer);
}

const status = (...parameters: Parameters<typeof ask>) => ask(...parameters).status;
const free = used(600);
const beyond = used(8 * 1024);
const wrong = Buffer.alloc(16, 1);

describe('free records are authentic to no command', () => {
  test.each([
    ['1/10', bytes(free, an(free)), Status.ALL_FAIL],
    ['1/20', bytes(free, an(free), wrong), Status.ALL_FAIL],
    ['1/11', bytes(free, an(free)), Status.ALL_FAIL],
    ['1/21', bytes(free, an(free), wrong), Status.ALL_FAIL],
    ['2/40', bytes(free, an(free)), Status.ALL_FAIL],
    ['2/60', bytes(free, an(free), wrong), Status.FIND_NEITHER],
    ['2/60', bytes(free, wrong, an(free)), Status.FIND_NEITHER],
  ])('%s', (name, payload, wanted) => {
    const twin = server();
    expect(status(twin, name, payload)).toBe(wanted);
    expect(twin.coins.read(free)).toEqual(vectorRecord(RAIDA, free));
  });

  test('but may be the key of a request', () => {
    const encryption: TwinEncryption = { type: 1, ...free, key: an(free) };
    const one = used(1);
    expect(status(server(), '1/10', bytes(one, an(one)), { encryption })).toBe(Status.ALL_PASS);
  });
});

describe('coins on pages that do not exist', () => {
  test.each([
    ['1/10', bytes(beyond, wrong), Status.ALL_FAIL],
    ['1/20', bytes(beyond, wrong, wrong), Status.ALL_FAIL],
    ['1/11', bytes(beyond, wrong), Status.INVALID_SN_OR_DENOMINATION],
    ['1/21', bytes(beyond, wrong, wrong), Status.INVALID_SN_OR_DENOMINATION],
    ['2/40', bytes(used(1), an(used(1)), beyond, wrong), Status.INVALID_SN_OR_DENOMINATION],
    ['2/60', bytes(used(1, 7), wrong, wrong), Status.INVALID_SN_OR_DENOMINATION],
  ])('%s', (name, payload, wanted) => expect(status(server(), name, payload)).toBe(wanted));
});

describe('sizes', () => {
  test.each([
    ['1/10', 21, 21],
    ['1/11', 21, 5],
    ['1/20', 37, 37],
    ['1/21', 37, 5],
    ['2/40', 21, 21],
    ['2/60', 37, 37],
  ])('%s takes %i bytes and then steps of %i', (name, first, step) => {
    const twin = server();
    const empty = Buffer.alloc(0);
    expect(status(twin, name, empty, { noBody: true })).toBe(Status.EMPTY_REQUEST);
    for (let size = 0; size < first; size++) {
      expect(status(twin, name, Buffer.alloc(size))).toBe(Status.INVALID_PACKET_LENGTH);
    }
    for (let size = first; size < first + 3 * step; size++) {
      const refused = status(twin, name, Buffer.alloc(size)) === Status.COINS_NOT_DIVISIBLE;
      expect(refused).toBe((size - first) % step !== 0);
    }
  });

  test('sums name at most 4096 coins, each once', () => {
    const list = Array.from({ length: 4097 }, (_, serialNumber) => used(serialNumber));
    const sum = (coins: TwinCoin[]) => coins.map(an).reduce((all, one) => xor(all, one));
    const all = server({ blank: (coin) => ({ an: an(coin), mfs: 1 }) });
    const most = list.slice(0, 4096);
    expect(status(all, '1/11', bytes(...most, sum(most)))).toBe(Status.ALL_PASS);
    expect(status(all, '1/11', bytes(...list, sum(list)))).toBe(Status.TOO_MANY_COINS);
    expect(status(all, '1/21', bytes(...list, sum(list), wrong))).toBe(Status.TOO_MANY_COINS);
    const zero = Buffer.alloc(16);
    expect(status(all, '1/11', bytes(used(1), used(1), zero))).toBe(Status.ALL_FAIL);
    const thrice = bytes(used(1), used(1), used(1), an(used(1)), wrong);
    expect(status(all, '1/21', thrice)).toBe(Status.ALL_FAIL);
    expect(all.coins.read(used(1))?.an).toEqual(an(used(1)));
  });
});

describe('changes', () => {
  test('pown in order: a coin named twice sees its new AN', () => {
    const twin = server({ nowMs: () => Date.UTC(2025, 7, 1) });
    const [one, pan] = [used(1), Buffer.alloc(16, 9)];
    const payload = bytes(one, an(one), pan, one, pan, wrong, one, pan, an(one));
    expect(ask(twin, '1/20', payload)).toMatchObject({ status: Status.MIXED });
    expect(twin.coins.read(one)).toEqual({ an: wrong, mfs: 30 });
    const counted = ask(twin, '0/2', VECTOR_ADMIN_KEY).payload;
    expect(counted.readBigUInt64LE(8)).toBe(2n);
    expect(counted.readBigUInt64LE(16)).toBe(200_000_000n);
  });

  test('months since February 2023, never 0 and never above 255', () => {
    expect(monthsFromStart(Date.UTC(2023, 1, 1))).toBe(1);
    expect(monthsFromStart(Date.UTC(2023, 3, 30))).toBe(2);
    expect(monthsFromStart(Date.UTC(2022, 1, 1))).toBe(1);
    expect(monthsFromStart(Date.UTC(2060, 1, 1))).toBe(255);
  });
});

describe('tickets', () => {
  test('name the coins that still have the AN that was shown, in use', () => {
    const twin = server();
    const shown = bytes(used(1), an(used(1)), used(2), an(used(2)));
    const { payload: number } = ask(twin, '2/40', shown);
    const claim = (claimer: number) => {
      const { status: told, payload } = ask(twin, '2/50', bytes(Buffer.of(claimer), number));
      return [told, payload.toString('hex')];
    };
    const named = (...coins: TwinCoin[]) => [Status.SUCCESS, bytes(...coins).toString('hex')];
    expect(claim(0)).toEqual(named(used(1), used(2)));
    ask(twin, '1/20', bytes(used(1), an(used(1)), wrong));
    expect(claim(1)).toEqual(named(used(2)));
    twin.coins.write(used(2), { an: an(used(2)), mfs: 0 });
    expect(claim(2)).toEqual(named());
    expect(claim(2)).toEqual([Status.TICKET_CLAIMED_ALREADY, '']);
    ask(twin, '1/20', bytes(used(1), wrong, an(used(1))));
    expect(claim(3)).toEqual(named(used(1)));
  });

  test('live 300 seconds, are claimed once by each server, and there are 512', () => {
    let nowMs = 1_000_000;
    const twin = server({ nowMs: () => nowMs });
    const payload = bytes(used(1), an(used(1)));
    const first = ask(twin, '2/40', payload).payload;
    const claim = (claimer: number) => status(twin, '2/50', bytes(Buffer.from([claimer]), first));
    expect([claim(0), claim(24), claim(0), claim(25)]).toEqual([
      Status.SUCCESS,
      Status.SUCCESS,
      Status.TICKET_CLAIMED_ALREADY,
      Status.WRONG_RAIDA,
    ]);
    for (let made = 1; made < 512; made++) ask(twin, '2/40', payload);
    expect(status(twin, '2/40', payload)).toBe(Status.NO_TICKET_SLOT);
    expect(status(twin, '2/40', bytes(used(1), wrong))).toBe(Status.ALL_FAIL);
    nowMs += 300_000;
    expect(claim(1)).toBe(Status.SUCCESS);
    nowMs += 1;
    expect(claim(2)).toBe(Status.NO_TICKET_FOUND);
    expect(status(twin, '2/40', payload)).toBe(Status.ALL_PASS);
    expect(status(twin, '2/50', bytes(Buffer.from([1]), first, wrong))).toBe(
      Status.INVALID_PACKET_LENGTH,
    );
  });
});

describe('show stats', () => {
  const encryption: TwinEncryption = { type: 1, ...used(100), key: an(used(100)) };

  test('the admin key in clear is taken from this machine alone', () => {
    const twin = server();
    const call = (more: Call) => status(twin, '0/2', VECTOR_ADMIN_KEY, more);
    expect(call({ local: false })).toBe(Status.ADMIN_AUTH);
    expect(call({ local: false, encryption })).toBe(Status.SUCCESS);
    expect(call({ local: true })).toBe(Status.SUCCESS);
    expect(status(twin, '0/2', wrong)).toBe(Status.ADMIN_AUTH);
    expect(status(twin, '0/2', wrong.subarray(1))).toBe(Status.INVALID_PACKET_LENGTH);
    const clear = server({ adminClear: true });
    expect(status(clear, '0/2', VECTOR_ADMIN_KEY, { local: false })).toBe(Status.SUCCESS);
  });
});

describe('headers and bodies', () => {
  const request = (): TwinRequest => ({
    raidaId: RAIDA,
    group: 0,
    command: 0,
    payload: Buffer.alloc(4),
  });

  /** The status byte of the reply to a damaged request. */
  function answer(twin: TwinServer, wire: TwinWire, damage: (message: Buffer) => Buffer) {
    const { bytes: message } = buildRequest(wire, request());
    return twin.answer(damage(message))?.[2];
  }

  test.each(['spec', 'legacy'] as const)('the order of checks, %s', (wire) => {
    const twin = server({ wire, modern: false });
    const top = wire === 'spec' ? 14 : 16;
    const damages: [number, (message: Buffer) => void][] = [
      [Status.INVALID_ROUTING, (m) => m.writeUInt8(0, 0)],
      [Status.INVALID_SPLIT_ID, (m) => m.writeUInt8(1, 1)],
      [Status.INVALID_RAIDA_ID, (m) => m.writeUInt8(3, 2)],
      [Status.INVALID_COMMAND_GROUP, (m) => m.writeUInt8(top, 4)],
      [Status.INVALID_SHARD_ID, (m) => m.writeUInt8(4, 3)],
      [Status.INVALID_COMMAND, (m) => m.writeUInt8(99, 5)],
      [Status.INVALID_COIN_ID, (m) => m.writeUInt16BE(5, 6)],
    ];
    for (let first = 0; first < damages.length; first++) {
      const got = answer(twin, wire, (message) => {
        for (const [, damage] of damages.slice(first)) damage(message);
        return message;
      });
      expect(got).toBe(damages[first]?.[0]);
    }
  });

  test('short bodies with a bad trailer: 16 in both wires', () => {
    for (const wire of ['spec', 'legacy'] as const) {
      for (let size = 1; size < 18; size++) {
        const got = answer(server({ wire }), wire, (message) => {
          message.writeUInt16BE(size, 22);
          return Buffer.concat([message.subarray(0, 32), Buffer.alloc(size)]);
        });
        expect(got).toBe(Status.INVALID_PACKET_LENGTH);
      }
    }
  });

  test('types 4 and 5 without `modern`, and other types, answer 27 with 48 bytes', () => {
    const twin = server({ modern: false });
    for (const type of [3, 4, 5, 6, 255]) {
      const wide = Buffer.alloc(48);
      Buffer.from('01000e0000000006', 'hex').copy(wide);
      wide[16] = type;
      const reply = twin.answer(wide);
      expect(reply?.length).toBe(48);
      expect(reply?.[2]).toBe(Status.INVALID_ENCRYPTION_CODE);
      expect(twin.answer(wide.subarray(0, 47))).toBeNull();
    }
  });

  test('a message that is cut: silence or 16, and bytes behind it do not matter', () => {
    const twin = server();
    const { bytes: message } = buildRequest('spec', request());
    for (let length = 0; length < message.length; length++) {
      const cut = message.subarray(0, length);
      expect(twin.answer(cut, { transport: 'tcp' })).toBeNull();
      const got = twin.answer(cut)?.[2];
      expect(got).toBe(length < 32 ? undefined : Status.INVALID_PACKET_LENGTH);
    }
    expect(twin.answer(Buffer.concat([message, message]))?.[2]).toBe(Status.SUCCESS);
  });

  test('random and damaged packets get a reply or silence', () => {
    const twin = server();
    const { bytes: good } = buildRequest('spec', request());
    const damaged = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 5 })
      .map((changes) => {
        const copy = Buffer.from(good);
        for (const [offset, value] of changes) copy[offset] = value;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (message) => {
        const reply = twin.answer(message);
        const headerBytes = (message[16] ?? 0) > 2 ? 48 : 32;
        if (reply) expect(reply.readUIntBE(9, 3)).toBe(reply.length - headerBytes);
      }),
    );
  });
});

describe('both halves of the wire', () => {
  const locker = Buffer.from('000102030405060708090a0bffffffff', 'hex');
  const first = used(100);
  const second = used(77, 1);
  const encryptions: TwinEncryption[] = [
    { type: 0 },
    { type: 1, ...first, key: an(first) },
    { type: 2, key: locker },
    { type: 4, ...first, key: an(first) },
    {
      type: 5,
      ...first,
      key: an(first),
      denomination2: second.denomination,
      serialNumber2: second.serialNumber,
      key2: an(second),
    },
  ];

  test.each(['spec', 'legacy'] as const)('understand each other, %s', (wire) => {
    const twin = server({ wire, lockers: [locker] });
    const held = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...encryptions), held, (encryption, pattern) => {
        const parts = pattern.flatMap((good, index) => {
          const coin = used(index, (index % 15) - 8);
          return [coin, good ? an(coin) : wrong];
        });
        const call = { raidaId: RAIDA, group: 1, command: 10, payload: bytes(...parts) };
        const sent = buildRequest(wire, { ...call, encryption });
        const reply = twin.answer(sent.bytes, { executionUs: 1234 }) as Buffer;
        const opened = parseReply(wire, RAIDA, sent, reply);
        expect(opened.executionUs).toBe(1234);
        const all = pattern.every((good) => good) ? Status.ALL_PASS : Status.MIXED;
        expect(opened.status).toBe(pattern.some((good) => good) ? all : Status.ALL_FAIL);
        if (opened.status === Status.MIXED) {
          const bits = pattern.map((_, i) => ((opened.payload[i >> 3] ?? 0) >> (i % 8)) & 1);
          expect(bits.map((bit) => bit === 1)).toEqual(pattern);
        }
      }),
    );
  });

  test.each(['spec', 'legacy'] as const)(
    'a damaged reply is refused or says the same, %s',
    (wire) => {
      const twin = server({ wire, lockers: [locker] });
      const anyEncryption = fc.constantFrom(...encryptions);
      fc.assert(
        fc.property(anyEncryption, fc.nat(60), fc.integer({ min: 1, max: 255 }), (e, at, flip) => {
          const call = { raidaId: RAIDA, group: 0, command: 1, payload: Buffer.alloc(0) };
          const sent = buildRequest(wire, { ...call, encryption: e });
          const reply = Buffer.from(twin.answer(sent.bytes) as Buffer);
          if (at >= reply.length) return;
          reply[at] = (reply[at] ?? 0) ^ flip;
          try {
            parseReply(wire, RAIDA, sent, reply);
          } catch (error) {
            expect(error).toBeInstanceOf(TwinReplyError);
          }
          const cut = reply.subarray(0, reply.length - 1);
          expect(() => parseReply(wire, RAIDA, sent, cut)).toThrow(TwinReplyError);
        }),
      );
    },
  );

  test('in spec every reply has a fresh nonce and a trailer, in clear too', () => {
    const twin = server();
    const { bytes: message } = buildRequest('spec', {
      raidaId: RAIDA,
      group: 0,
      command: 0,
      payload: Buffer.alloc(0),
      noBody: true,
    });
    const replies = [1, 2].map(() => twin.answer(message) as Buffer);
    for (const reply of replies) {
      expect(reply.length).toBe(34);
      expect(reply.subarray(9, 12).toString('hex')).toBe('000002');
      expect(reply.subarray(28).toString('hex')).toBe('000000003e3e');
    }
    expect(replies[0]?.subarray(16, 28).equals(replies[1]?.subarray(16, 28) as Buffer)).toBe(false);
  });

  test('CRC-32', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(crc32(Buffer.from('a0a1a2a3a4a5a6a7a8a9aaab', 'hex'))).toBe(0x3e18aef6);
  });
});
