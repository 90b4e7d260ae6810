/**
 * The public server's defects that show on the wire (reference: RAIDA section 11), each by its
 * number, and that we do not have it: reservations, break and join, lockers, offers, files.
 */
import { createHash } from 'node:crypto';
import { Folder } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';
import { describe, expect, it } from 'vitest';
import { anOf, coin, joined, MFS, newAn, pageOf, RAIDA_ID } from '../engine/rig.ts';
import {
  ADMIN_KEY,
  ascii,
  DefectServer,
  lockerKey,
  offerOf,
  summed,
  tradeAn,
  u32,
} from './defect-server.ts';

const SESSION = 0x01020304;
const flagsFor = (denomination: number) => {
  const flags = new Uint8Array(16);
  flags[denomination + 8] = 1;
  return flags;
};
/** (1, serial) into ten free coins of denomination 0 from 600 on. */
const breakOf = (session: number, serial: number, change: (i: number) => number = (i) => 600 + i) =>
  joined(
    ...[u32(session), coin(1, serial, anOf(1, serial))],
    ...Array.from({ length: 10 }, (_, i) => coin(0, change(i), newAn(i + 1))),
  );
/** Ten coins of denomination 0 from `first` on into (1, 600). */
const joinOf = (session: number, first: number) =>
  joined(
    ...[u32(session), coin(1, 600, newAn(7))],
    ...Array.from({ length: 10 }, (_, i) => coin(0, first + i, anOf(0, first + i))),
  );
const offered = (
  server: DefectServer,
  operation: number,
  denomination: number,
  session = SESSION,
) => {
  const what = Uint8Array.of(operation, denomination & 0xff);
  const { status, payload } = server.ask('changeAvailable', joined(u32(session), what));
  expect(status).toBe(Status.SUCCESS);
  const view = new DataView(payload.buffer, payload.byteOffset);
  return Array.from({ length: (payload.length - 1) / 4 }, (_, i) => view.getUint32(1 + 4 * i));
};
const reserve = (server: DefectServer, denomination: number) =>
  server.ask('available', joined(u32(SESSION), ADMIN_KEY, flagsFor(denomination)));

describe('reservations', () => {
  it('7: a coin that was powned is not offered, one that left circulation is', async () => {
    const server = await DefectServer.start();
    server.ask('pown', coin(0, 10, anOf(0, 10), newAn(1)));
    expect(offered(server, 1, 1)).not.toContain(10);
    server.ask('delete', joined(ADMIN_KEY, coin(0, 10, newAn(1))));
    expect(offered(server, 1, 1)[0]).toBe(10);
    server.check();
  });

  it('11: session 0 reserves nothing', async () => {
    const server = await DefectServer.start();
    expect(offered(server, 1, 1, 0)).toHaveLength(64);
    offered(server, 2, 0, 0);
    const not = Status.PAGE_NOT_RESERVED;
    expect(server.status('break', breakOf(0, 5))).toBe(not);
    expect(server.status('join', joinOf(0, 5))).toBe(not);
    expect(server.status('create', joined(u32(0), ADMIN_KEY, coin(1, 600)))).toBe(not);
    expect(server.status('shardPickup', joined(u32(0), newAn(1), coin(1, 600)))).toBe(not);
    offered(server, 1, 1);
    expect(server.status('break', breakOf(SESSION, 5))).toBe(Status.SUCCESS);
  });

  it('12: nobody picks coins up with a reservation made for something else', async () => {
    const server = await DefectServer.start();
    const pickup = () => server.status('shardPickup', joined(u32(SESSION), newAn(1), coin(1, 600)));
    offered(server, 2, 0);
    expect(pickup()).toBe(Status.PAGE_NOT_RESERVED);
    const other = await DefectServer.start();
    reserve(other, 1);
    const payload = joined(u32(SESSION), newAn(1), coin(1, 600));
    expect(other.status('shardPickup', payload)).toBe(Status.PAGE_NOT_RESERVED);
    expect(server.store.record(1, 600)?.[16]).toBe(0);
  });

  it('16: a created coin has the AN of the admin key; no session passes everywhere', async () => {
    const server = await DefectServer.start();
    const create = (session: number) =>
      server.ask('create', joined(u32(session), ADMIN_KEY, coin(1, 600)));
    expect(create(0xeeeeeeee).status).toBe(Status.PAGE_NOT_RESERVED);
    reserve(server, 1);
    expect(create(0xeeeeeeee).status).toBe(Status.PAGE_NOT_RESERVED);
    expect(create(SESSION)).toMatchObject({ status: Status.SUCCESS, payload: anOf(1, 600) });
    const text = `${RAIDA_ID}600${Buffer.from(ADMIN_KEY).toString('hex')}`;
    const an = new Uint8Array(createHash('md5').update(text).digest());
    expect(server.status('detect', coin(1, 600, an))).toBe(Status.ALL_PASS);
    expect(create(SESSION).status).toBe(Status.INVALID_SN_OR_DENOMINATION);
  });

  it('31: counts of runs do not wrap', async () => {
    // Every second coin of the first 2048 is in use: 1024 free ones, none beside another.
    const pages = (denomination: number, page: number) => {
      const bytes = pageOf(denomination, page);
      for (let i = 0; i < 1024; i++) bytes[i * 17 + 16] = page < 2 && i % 2 ? 0 : MFS;
      return bytes;
    };
    const server = await DefectServer.start({ pages });
    const { payload } = reserve(server, 1);
    const [denomination, ranges = 0, singles = 0] = payload;
    expect([denomination, ranges, singles]).toEqual([1, 0, 255]);
    expect(payload).toHaveLength(3 + 255 * 4);
    const view = new DataView(payload.buffer, payload.byteOffset);
    for (let i = 0; i < 255; i++) expect(view.getUint32(3 + 4 * i)).toBe(2 * i + 1);
  });

  it('32: a denomination with three free coins is shown', async () => {
    const pages = (denomination: number, page: number) => {
      const bytes = pageOf(denomination, page);
      for (let i = 0; i < 1024; i++) bytes[i * 17 + 16] = MFS;
      if (page === 7) for (const i of [5, 6, 1023]) bytes[i * 17 + 16] = 0;
      return bytes;
    };
    const server = await DefectServer.start({ pages });
    const shown = server.ask('shardSerials', joined(u32(0), Uint8Array.of(3), flagsFor(-1)));
    const page = 7 * 1024;
    expect(shown.payload).toEqual(
      joined(Uint8Array.of(0xff, 1, 1), u32(page + 5), u32(page + 6), u32(page + 1023)),
    );
  });
});

describe('break and join', () => {
  it('15: what a broken coin leaves behind cannot be guessed', async () => {
    const server = await DefectServer.start();
    offered(server, 1, 1);
    server.ask('break', breakOf(SESSION, 5));
    server.ask(
      'break',
      breakOf(SESSION, 6, (i) => 620 + i),
    );
    const left = [5, 6].map((serial) => server.store.record(1, serial)?.slice() ?? newAn(0));
    expect(left.map((record) => record[16])).toEqual([0, 0]);
    expect(left[0]?.slice(0, 16)).not.toEqual(left[1]?.slice(0, 16));
    for (const record of left) {
      expect(record.slice(0, 16)).not.toEqual(anOf(1, 5));
      expect(record.slice(0, 16).every((byte) => byte >= 0x20 && byte < 0x7f)).toBe(false);
    }
  });

  it('33: a joined coin is in use; small coins of a break were free before', async () => {
    const server = await DefectServer.start();
    offered(server, 2, 0);
    expect(server.status('join', joinOf(SESSION, 5))).toBe(Status.SUCCESS);
    expect(server.status('detect', coin(1, 600, newAn(7)))).toBe(Status.ALL_PASS);
    expect(server.store.record(1, 600)?.[16]).toBe(45);
    offered(server, 1, 1);
    const taken = breakOf(SESSION, 5, (i) => (i === 9 ? 20 : 600 + i));
    expect(server.status('break', taken)).toBe(Status.INVALID_SN_OR_DENOMINATION);
    server.check();
  });

  it.each([
    ['not reserved', (i: number) => (i === 9 ? 7 * 1024 + 600 : 600 + i), 41],
    ['in use', (i: number) => (i === 9 ? 20 : 600 + i), 40],
    ['named twice', (i: number) => (i === 9 ? 600 : 600 + i), 40],
    ['nowhere', (i: number) => (i === 9 ? 9000 : 600 + i), 40],
  ] as const)('35: a break whose last target is %s changes nothing', async (_, target, status) => {
    const server = await DefectServer.start();
    const head = server.harness.engine.journalHead();
    offered(server, 1, 1);
    expect(server.status('break', breakOf(SESSION, 5, target))).toBe(status);
    expect(server.harness.engine.journalHead()).toBe(head);
    expect(server.status('detect', coin(1, 5, anOf(1, 5)))).toBe(Status.ALL_PASS);
  });
});

describe('lockers and offers', () => {
  it('35: lockers are there again after a restart', async () => {
    const server = await DefectServer.start();
    server.ask('lockerPut', joined(summed(1, 5, 6), lockerKey(1)));
    server.ask('tradePut', joined(summed(1, 7), offerOf(tradeAn(1, 100, 1))));
    const again = await DefectServer.start({ store: server.store });
    again.store.restart();
    expect(again.ask('lockerPeek', lockerKey(1)).payload).toEqual(joined(coin(1, 5), coin(1, 6)));
    expect(again.ask('peekTrade', tradeAn(1, 100, 1)).payload).toEqual(coin(1, 7));
  });

  it('23: no locker is listed twice after another has gone', async () => {
    const server = await DefectServer.start();
    for (const i of [0, 1, 2, 3]) {
      server.ask('tradePut', joined(summed(1, 5 + i), offerOf(tradeAn(i + 1, 100 + i, 1))));
    }
    expect(server.status('tradeRemove', tradeAn(2, 101, 1))).toBe(Status.ALL_PASS);
    expect(server.status('tradeRemove', tradeAn(2, 101, 1))).toBe(Status.ALL_FAIL);
    const put = joined(summed(1, 20), offerOf(tradeAn(9, 109, 1)));
    expect(server.status('tradePut', put)).toBe(Status.ALL_PASS);
    const { payload } = server.ask('tradeList', Uint8Array.of(1, 255));
    const prices = Array.from({ length: payload.length / 13 }, (_, i) => payload[13 * i + 12]);
    expect(prices).toEqual([100, 102, 103, 109]);
    server.check();
  });

  it('22: price, type and value make an offer the same, not the number of coins', async () => {
    const server = await DefectServer.start();
    const put = (value: number, price: number, type: number, ...serials: number[]) =>
      server.status(
        'tradePut',
        joined(summed(1, ...serials), offerOf(tradeAn(value, price, type))),
      );
    expect(put(1, 100, 1, 5)).toBe(Status.ALL_PASS);
    expect(put(2, 100, 1, 6)).toBe(Status.TRADE_LOCKER_EXISTS);
    expect(put(3, 100, 1, 6, 7)).toBe(Status.ALL_PASS); // another value
    expect(put(4, 101, 1, 8)).toBe(Status.ALL_PASS); // another price
    expect(put(5, 100, 2, 9)).toBe(Status.ALL_PASS); // another type
  });

  it('21: a buyer names a whole locker key', async () => {
    const server = await DefectServer.start();
    const buy = (tail: number[]) =>
      joined(
        ...[new Uint8Array(12).fill(5), Uint8Array.from(tail), Uint8Array.of(1)],
        ...[new Uint8Array(8), u32(100), new Uint8Array(32 + 16), ascii('memo')],
      );
    for (let i = 0; i < 4; i++) {
      const tail = [0xff, 0xff, 0xff, 0xff].map((byte, k) => (k === i ? 0xfe : byte));
      expect(server.status('tradeBuy', buy(tail))).toBe(Status.INVALID_PARAMETER);
    }
    expect(server.status('tradeBuy', buy([0xff, 0xff, 0xff, 0xff]))).toBe(
      Status.TRADE_LOCKER_NOT_FOUND,
    );
  });
});

describe('files', () => {
  const put = (path: string, content: string, size = content.length) =>
    joined(ADMIN_KEY, u32(size), ascii(path), Uint8Array.of(0), ascii(content));
  const file = (server: DefectServer, name: string) =>
    new TextDecoder().decode(server.world.files.get(`${Folder.FOLDERS}:${name}`)?.bytes);

  it('17: an object has the size that it says, and ends with its content', async () => {
    const server = await DefectServer.start();
    expect(server.status('putObject', put('n.txt', 'abc'))).toBe(Status.SUCCESS);
    expect(file(server, 'n.txt')).toBe('abc');
    for (const size of [2, 4, 19, 0xffffffff]) {
      const status = server.status('putObject', put('n.txt', 'abc', size));
      expect(status).toBe(Status.INVALID_PACKET_LENGTH);
    }
    expect(server.status('putObject', put('n.txt', ''))).toBe(Status.SUCCESS);
    expect(file(server, 'n.txt')).toBe('');
  });

  it('18: a path is what it is, with and without a NUL', async () => {
    const server = await DefectServer.start();
    server.ask('putObject', put('n.txt', 'abc'));
    for (const path of ['n.txt', 'n.txt\0']) {
      const { status, payload } = server.ask('getObject', joined(ADMIN_KEY, ascii(path)));
      expect([status, new TextDecoder().decode(payload)]).toEqual([Status.SUCCESS, 'abc']);
    }
    for (const path of ['n.tx', 'n.txt>', 'n.txtx']) {
      const asked = joined(ADMIN_KEY, ascii(path));
      expect(server.status('getObject', asked)).toBe(Status.FILE_DOES_NOT_EXIST);
      expect(server.status('removeObject', asked)).toBe(Status.FILE_DOES_NOT_EXIST);
    }
    expect(server.status('removeObject', joined(ADMIN_KEY, ascii('n.txt')))).toBe(Status.SUCCESS);
    expect(server.world.files.size).toBe(0);
  });

  it('30: a key is replaced whole, and by its owner alone', async () => {
    const server = await DefectServer.start();
    const id = newAn(0xab);
    const post = (serial: number, length: number, fill: number) =>
      joined(
        ...[id, new Uint8Array(16), coin(0, serial), new Uint8Array(128).fill(fill)],
        Uint8Array.of(0, length),
      );
    const get = () => server.ask('getKey', joined(id, new Uint8Array(21))).payload;
    const own = { type: 1, denomination: 0, serialNumber: 100, key: anOf(0, 100) } as const;
    const other = { type: 1, denomination: 0, serialNumber: 101, key: anOf(0, 101) } as const;
    expect(server.status('postKey', post(100, 100, 1))).toBe(Status.SUCCESS);
    expect(get()).toEqual(joined(coin(0, 100), new Uint8Array(100).fill(1)));
    for (const how of [{}, { encryption: other }]) {
      expect(server.status('postKey', post(100, 5, 2), how)).toBe(Status.FILESYSTEM);
      expect(server.status('postKey', post(101, 5, 2), how)).toBe(Status.FILESYSTEM);
    }
    expect(get()).toHaveLength(105);
    expect(server.status('postKey', post(100, 5, 2), { encryption: own })).toBe(Status.SUCCESS);
    expect(get()).toEqual(joined(coin(0, 100), new Uint8Array(5).fill(2)));
  });
});
