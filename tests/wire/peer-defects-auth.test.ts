/**
 * The public server's defects that show on the wire (reference: RAIDA section 11), each by its
 * number, and that we do not have it: sizes, encryption, tickets, healing, money that appears.
 */
import { Flag, Folder } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';
import { describe, expect, it } from 'vitest';
import { anOf, coin, joined, newAn, RAIDA_ID } from '../engine/rig.ts';
import { ctr } from '../twin/twin-wire.ts';
import { ADMIN_KEY, ascii, DefectServer, lockerKey, summed, u32 } from './defect-server.ts';

const KEY = { type: 1, denomination: 0, serialNumber: 100, key: anOf(0, 100) } as const;
const empty = new Uint8Array(0);
const list = (count: number, an?: Uint8Array) =>
  joined(...Array.from({ length: count }, (_, i) => coin(1, i, an ?? anOf(1, i))));

describe('memory', () => {
  it('1: encrypted bodies of every size are answered, none spills', async () => {
    const server = await DefectServer.start();
    for (let count = 1; count <= 40; count++) {
      expect(server.status('detect', list(count), { encryption: KEY })).toBe(Status.ALL_PASS);
      const mixed = joined(list(count), coin(1, 5, newAn(9)));
      expect(server.ask('detect', mixed, { encryption: KEY }).payload).toHaveLength(
        Math.ceil((count + 1) / 8),
      );
    }
  });

  it('2: audit has 75 bytes, as often as it is asked', async () => {
    const server = await DefectServer.start();
    for (let i = 0; i < 20; i++) {
      const { status, payload } = server.ask('audit', empty, { noBody: true });
      expect([status, payload.length]).toEqual([Status.SUCCESS, 75]);
      expect([...payload.slice(70)]).toEqual([6, 0, 0, 0x10, 0]);
    }
  });

  it('8: a serial number of more than 16 bits of page is not cut', async () => {
    const server = await DefectServer.start();
    const far = 67108864 + 5;
    expect(server.status('detect', coin(1, 5, anOf(1, 5)))).toBe(Status.ALL_PASS);
    expect(server.status('detect', coin(1, far, anOf(1, 5)))).toBe(Status.ALL_FAIL);
    expect(server.status('detectSum', joined(coin(1, far), anOf(1, 5)))).toBe(
      Status.INVALID_SN_OR_DENOMINATION,
    );
    expect(server.status('pown', coin(1, far, anOf(1, 5), newAn(1)))).toBe(Status.ALL_FAIL);
    expect(server.status('detect', coin(1, 5, anOf(1, 5)))).toBe(Status.ALL_PASS);
  });

  it.each([
    ['showStats', 16],
    ['peekTrade', 16],
    ['tradeRemove', 16],
    ['tradeBuy', 78],
    ['getObject', 17],
    ['removeObject', 17],
    ['lockerPeek', 16],
  ] as const)('18, 19: %s wants its %i bytes', async (command, least) => {
    const server = await DefectServer.start();
    for (const bytes of [0, 1, least - 1]) {
      const how = bytes ? {} : { noBody: true };
      const wanted = bytes ? Status.INVALID_PACKET_LENGTH : Status.EMPTY_REQUEST;
      expect(server.status(command, new Uint8Array(bytes), how)).toBe(wanted);
    }
    expect(server.status(command, new Uint8Array(least))).not.toBe(Status.INVALID_PACKET_LENGTH);
  });
});

describe('keys of other servers (4/44, 4/45)', () => {
  const FILE_KEY = (raidaId: number) => new Uint8Array(16).fill(0x30 + raidaId);
  const COIN = coin(1, 77);

  async function withFile() {
    const server = await DefectServer.start();
    const file = new Uint8Array(440);
    file[3] = 6;
    for (let i = 0; i < 25; i++) file.set(FILE_KEY(i), 40 + 16 * i);
    server.world.put(Folder.COINS, '01.77.bin', file);
    return server;
  }

  /** A record of 4/45: the half of an AN, sealed by a server for a coin. */
  function sealed(raidaId: number, serial: number, half: Uint8Array, split = 0): Uint8Array {
    const name = coin(2, serial);
    const plain = joined(half, name, Uint8Array.of(0, 0, 0xff));
    const bytes = ctr(FILE_KEY(raidaId), new Uint8Array(16), plain);
    return joined(Uint8Array.of(0, 6, split, raidaId, 0), name, new Uint8Array(bytes));
  }
  const half = new Uint8Array(8).fill(0x5a);

  it('4: the key of a server lies at 16 times its number', async () => {
    const server = await withFile();
    const records = [0, 1, 3, 24].map((raidaId, i) => sealed(raidaId, 5 + i, half, i & 1));
    const { status, payload } = server.ask('decryptKey', joined(COIN, ...records));
    expect([status, ...payload]).toEqual([Status.SUCCESS, 1, 1, 1, 1]);
    const changed = joined(half, anOf(2, 5).slice(8));
    expect(server.status('detect', coin(2, 5, changed))).toBe(Status.ALL_PASS);
    const other = joined(anOf(2, 6).slice(0, 8), half);
    expect(server.status('detect', coin(2, 6, other))).toBe(Status.ALL_PASS);
  });

  it('3: records that fail let their page go, and the next request is served', async () => {
    const server = await withFile();
    const wrong = sealed(3, 5, half);
    wrong[25] = (wrong[25] ?? 0) ^ 1;
    const strange = [sealed(3, 5, half), sealed(3, 5, half), sealed(3, 9000, half)];
    strange[0]?.set([25], 3); // no such server
    strange[1]?.set([2], 2); // no such half
    const records = [wrong, ...strange, wrong, wrong];
    for (let i = 0; i < 3; i++) {
      const { status, payload } = server.ask('decryptKey', joined(COIN, ...records));
      expect([status, ...payload]).toEqual([Status.SUCCESS, 0, 0, 0, 0, 0, 0]);
    }
    const torn = joined(COIN, sealed(3, 5, half)).slice(0, -1);
    expect(server.status('decryptKey', torn)).toBe(Status.INVALID_PACKET_LENGTH);
    expect(server.status('detect', coin(2, 5, anOf(2, 5)))).toBe(Status.ALL_PASS);
    server.check();
  });

  it('15: two keys for the same coin differ', async () => {
    const server = await DefectServer.start();
    const keys = Array.from({ length: 8 }, () => server.ask('encryptKey', COIN).payload);
    expect(new Set(keys.map(String)).size).toBe(8);
    for (const key of keys) expect(key).not.toEqual(anOf(1, 77));
  });
});

describe('encryption', () => {
  it('14: no two replies, and no reply and its request, share a nonce (spec)', async () => {
    const server = await DefectServer.start({ wire: 'spec' });
    const nonces = new Set<string>();
    const plain = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { sealed, bytes } = server.exchange('version', newAn(1), { encryption: KEY });
      nonces.add(String(bytes.slice(16, 28)));
      nonces.add(String(sealed.bytes.slice(20, 32)));
      plain.add(String(sealed.open(bytes).payload));
    }
    expect(plain.size).toBe(1);
    expect(nonces.size).toBe(40);
  });

  it('27: types 4 and 5 leave the HMAC out of the sizes, and their replies open', async () => {
    const server = await DefectServer.start();
    const one = { denomination: 0, serialNumber: 100, key: anOf(0, 100) };
    const two = { denomination2: 0, serialNumber2: 101, key2: anOf(0, 101) };
    for (const encryption of [
      { type: 4, ...one },
      { type: 5, ...one, ...two },
    ] as const) {
      expect(server.status('detect', list(1), { encryption })).toBe(Status.ALL_PASS);
      const mixed = joined(list(1), coin(1, 7, newAn(3)));
      expect(server.ask('detect', mixed, { encryption })).toMatchObject({
        ...{ status: Status.MIXED, payload: Uint8Array.of(1) },
      });
      expect(server.status('lockerPeek', lockerKey(1), { encryption })).toBe(Status.ALL_FAIL);
      const name = coin(1, 77);
      expect(server.ask('encryptKey', name, { encryption }).payload).toHaveLength(16);
      expect(server.status('detect', list(1).slice(1), { encryption })).toBe(
        Status.INVALID_PACKET_LENGTH,
      );
    }
  });

  it('28: an unknown type is answered 27 with 48 bytes: no more can be known', async () => {
    const { harness } = await DefectServer.start();
    const request = new Uint8Array(48);
    request.set([1, 0, RAIDA_ID, 0, 0, 0, 0, 6]);
    for (const type of [3, 6, 255]) {
      request[16] = type;
      const reply = harness.ask(request, Flag.LOCAL);
      expect([reply?.length, reply?.[2]]).toEqual([48, Status.INVALID_ENCRYPTION_CODE]);
    }
  });

  it('29: an admin key in clear is taken from this machine alone', async () => {
    const server = await DefectServer.start();
    const open = await DefectServer.start({ adminClear: true });
    const asked = joined(ADMIN_KEY, Uint8Array.of(0));
    const remote = { remote: true };
    expect(server.status('allSerials', asked)).toBe(Status.SUCCESS);
    expect(server.status('allSerials', asked, remote)).toBe(Status.ADMIN_AUTH);
    expect(server.status('allSerials', asked, { ...remote, encryption: KEY })).toBe(Status.SUCCESS);
    expect(open.status('allSerials', asked, remote)).toBe(Status.SUCCESS);
    const wrong = asked.slice();
    wrong[15] = (wrong[15] ?? 0) ^ 1;
    expect(server.status('allSerials', wrong)).toBe(Status.ADMIN_AUTH);
  });
});

describe('tickets and healing', () => {
  it('5: fix counts the votes of the others', async () => {
    const server = await DefectServer.start();
    const coins = new Uint8Array(coin(1, 700));
    const fix = (voters: number) => {
      server.world.servers = () => ({ status: Status.SUCCESS, coins });
      const tickets = Array.from({ length: 25 }, (_, i) => u32(i < voters ? 9 : 0));
      return server.status('fix', joined(coins, newAn(voters), ...tickets));
    };
    expect(fix(12)).toBe(Status.ALL_FAIL);
    expect(server.store.record(1, 700)?.[16]).toBe(0);
    expect(fix(13)).toBe(Status.ALL_PASS);
    expect(server.store.record(1, 700)?.[16]).not.toBe(0);
    // Its own ticket is no vote of another.
    expect(fix(0)).toBe(Status.ALL_FAIL);
  });

  it('24: tickets that are 300 s old make room for new ones', async () => {
    const server = await DefectServer.start({ sizes: { tickets: 512 } });
    const give = () => server.status('getTicket', list(1));
    for (let i = 0; i < 512; i++) expect(give()).toBe(Status.ALL_PASS);
    expect(give()).toBe(Status.NO_TICKET_SLOT);
    server.harness.nowUs += 301_000_000;
    for (let i = 0; i < 512; i++) expect(give()).toBe(Status.ALL_PASS);
  });
});

describe('months', () => {
  const MONTH_US = 31 * 86400 * 1_000_000;
  it.each([
    ['January 2023', Date.UTC(2023, 0, 15), 1],
    ['February 2023', Date.UTC(2023, 1, 15), 1],
    ['March 2023', Date.UTC(2023, 2, 15), 1],
    ['November 2026', Date.UTC(2026, 10, 21), 45],
    ['May 2044', Date.UTC(2044, 4, 15), 255],
    ['2050', Date.UTC(2050, 0, 15), 255],
  ])('38: a coin of %s is in use', async (_, day, mfs) => {
    const server = await DefectServer.start();
    server.harness.nowUs = day * 1000;
    expect(server.status('pown', coin(1, 5, anOf(1, 5), newAn(1)))).toBe(Status.ALL_PASS);
    expect(server.store.record(1, 5)?.[16]).toBe(mfs);
    server.harness.nowUs += MONTH_US;
    expect(server.status('detect', coin(1, 5, newAn(1)))).toBe(Status.ALL_PASS);
  });
});

describe('statistics and names', () => {
  it('34: counters are little-endian u64 on every host', async () => {
    const server = await DefectServer.start();
    for (let i = 0; i < 3; i++) server.ask('echo', newAn(0));
    server.ask('pown', coin(1, 5, anOf(1, 5), newAn(1)));
    const { payload } = server.ask('showStats', ADMIN_KEY);
    const view = new DataView(payload.buffer, payload.byteOffset);
    const told = [0, 8, 16, 24].map((at) => view.getBigUint64(at, true));
    expect(told).toEqual([3n, 1n, 1_000_000_000n, 0n]);
  });

  it('36: an A record has the port 0, no bytes of elsewhere', async () => {
    const server = await DefectServer.start();
    server.world.put(Folder.ZONES, 'a.test.zone', ascii('A 10.1.2.3 xx\nSRV 10.9.8.7:50001\n'));
    const look = (type: number) =>
      server.ask('lookUp', joined(Uint8Array.of(type), ascii('a.test'))).payload;
    expect([...look(1)]).toEqual([10, 1, 2, 3, 0, 0]);
    expect([...look(2)]).toEqual([10, 9, 8, 7, 0xc3, 0x51]);
  });

  it('13: there is no command that shows a page of ANs', async () => {
    const { harness } = await DefectServer.start();
    const request = new Uint8Array(32);
    request.set([1, 0, RAIDA_ID, 0, 14, 4, 0, 6]);
    expect(harness.ask(request, Flag.LOCAL)?.[2]).toBe(Status.INVALID_COMMAND);
  });

  it('40: a pown to an AN ending ffffffff is a locker that everybody sees', async () => {
    const server = await DefectServer.start();
    const key = lockerKey(0x33);
    expect(server.status('lockerPeek', key)).toBe(Status.ALL_FAIL);
    server.ask('pown', coin(1, 5, anOf(1, 5), key));
    expect(server.ask('lockerPeek', key).payload).toEqual(coin(1, 5));
    server.ask('lockerPut', joined(summed(1, 6), key));
    expect(server.ask('lockerPeek', key).payload).toEqual(joined(coin(1, 5), coin(1, 6)));
    server.ask('pown', coin(1, 5, key, newAn(2)));
    expect(server.ask('lockerPeek', key).payload).toEqual(coin(1, 6));
    server.check();
  });
});
