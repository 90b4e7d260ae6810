import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeCoinStore, identity, putCoin, readCoin, type StorePlace } from './compliance.ts';
import { describeStoreTables } from './compliance-tables.ts';
import { MemoryStore } from './memory-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

const an = (value: number) => new Uint8Array(16).fill(value);
const makeFolder = () => mkdtempSync(join(tmpdir(), 'andvari-store-'));

function makePlace(): StorePlace {
  const folder = makeFolder();
  return {
    open: (whose) => openSqliteStore({ ...whose, path: join(folder, 'coins.db') }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
describeCoinStore('sqlite', makePlace, { durable: true });
describeStoreTables('sqlite', makePlace, { durable: true });

let folder: string;
let path: string;
beforeEach(() => {
  folder = makeFolder();
  path = join(folder, 'data', 'coins.db');
});
afterEach(() => rmSync(folder, { recursive: true }));
const open = () => openSqliteStore({ ...identity, path });

test('the file has mode 0600 in a folder of mode 0750, also its log', () => {
  const store = open();
  putCoin(store, [8, 1], an(1), 30);
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o750);
  expect(readdirSync(join(folder, 'data')).sort()).toEqual(['coins.db', 'coins.db-wal']);
  for (const name of ['coins.db', 'coins.db-wal']) {
    expect(statSync(join(folder, 'data', name)).mode & 0o777).toBe(0o600);
  }
  store.close();
  expect(readdirSync(join(folder, 'data'))).toEqual(['coins.db']);
});

test('a second open in this process is refused, and works after close', () => {
  const first = open();
  expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_BUSY' }));
  putCoin(first, [8, 1], an(1), 30);
  first.close();
  const second = open();
  expect(readCoin(second, 8, 1).mfs).toBe(30);
  second.close();
});

test('a store that another process holds is busy, until that process is killed', async () => {
  const first = open();
  first.close();
  const script = `import { openSqliteStore } from ${JSON.stringify(
    new URL('./sqlite-store.ts', import.meta.url).href,
  )};
  openSqliteStore(${JSON.stringify({ ...identity, path })});
  console.log('open'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  try {
    await once(child.stdout, 'data');
    expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_BUSY' }));
    // The failed attempt must not have dropped the other one's lock.
    expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_BUSY' }));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  open().close();
});

test('what is not a coin store is refused and left as it was', () => {
  open().close();
  rmSync(path);
  writeFileSync(path, 'this is not a database, only a text of some length '.repeat(100));
  expect(open).toThrow(
    expect.objectContaining({
      code: 'ANDVARI_STORE_MISMATCH',
      message: `${path}: not a coin store`,
    }),
  );
  rmSync(path);
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE page(id INTEGER PRIMARY KEY)');
  other.close();
  expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_MISMATCH' }));
});

test.each([0, 3])('a store of format %d is refused', (format) => {
  open().close();
  const database = new DatabaseSync(path);
  database.exec(`UPDATE meta SET format = ${format}`);
  database.close();
  expect(open).toThrow(`format ${format}, this build reads formats 1 and 2`);
});

test('without create a missing file is an error and stays missing', () => {
  expect(() => openSqliteStore({ ...identity, path, create: false })).toThrow(
    expect.objectContaining({ code: 'ANDVARI_STORE_OPEN' }),
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be made is an error', () => {
  writeFileSync(join(folder, 'data'), 'a file');
  expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_OPEN' }));
});

test('a count that would fall below zero is refused, and nothing is written', () => {
  const store = open();
  putCoin(store, [8, 1], an(1), 30);
  store.close();
  const database = new DatabaseSync(path);
  database.exec('UPDATE counts SET coins = 0');
  database.close();
  const damaged = open();
  expect(() => putCoin(damaged, [8, 1], an(2), 0)).toThrow(
    expect.objectContaining({ code: 'ANDVARI_STORE_REFUSED', sqliteCode: 275 }),
  );
  expect(readCoin(damaged, 8, 1)).toEqual({ an: an(1), mfs: 30 });
  putCoin(damaged, [8, 1], an(3), 31);
  expect(readCoin(damaged, 8, 1)).toEqual({ an: an(3), mfs: 31 });
  damaged.close();
});

test('the log stays bounded', () => {
  const store = open();
  for (let round = 0; round < 40; round++) {
    store.begin();
    for (let page = 0; page < 64; page++) {
      const { an: oldAn, mfs: oldMfs } = readCoin(store, 8, page * 1024);
      const coin = { denominationIndex: 8, serialNumber: page * 1024, oldAn, oldMfs };
      store.apply({ ...coin, newAn: an(round + 1), newMfs: 30 });
    }
    store.commit();
  }
  expect(statSync(`${path}-wal`).size).toBeLessThan(20 * 1024 * 1024);
  store.close();
});

test('sqlite and memory hold the same after any history', () => {
  const coin = fc.record({
    index: fc.integer({ min: 0, max: 14 }),
    serialNumber: fc.constantFrom(0, 1, 1023, 1024, 1023999),
    an: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    mfs: fc.constantFrom(0, 1, 30, 255),
  });
  const history = fc.array(fc.record({ coins: fc.array(coin), commit: fc.boolean() }));
  fc.assert(
    fc.property(history, (transactions) => {
      const sqlite = open();
      const memory = new MemoryStore(identity);
      const touched = transactions.filter((t) => t.commit).flatMap((t) => t.coins);
      try {
        for (const { coins, commit } of transactions) {
          for (const store of [sqlite, memory]) {
            const now = new Map<string, { an: Uint8Array; mfs: number }>();
            store.begin();
            for (const { index, serialNumber, an: newAn, mfs: newMfs } of coins) {
              const key = `${index}/${serialNumber}`;
              const old = now.get(key) ?? readCoin(store, index, serialNumber);
              const places = { denominationIndex: index, serialNumber };
              store.apply({ ...places, oldAn: old.an, oldMfs: old.mfs, newAn, newMfs });
              now.set(key, { an: newAn, mfs: newMfs });
            }
            if (commit) store.commit();
            else store.rollback();
          }
        }
        expect(sqlite.counts()).toEqual(memory.counts());
        expect(sqlite.storedPages()).toEqual(memory.storedPages());
        for (const { index, serialNumber } of touched) {
          const stored = readCoin(sqlite, index, serialNumber);
          expect(stored).toEqual(readCoin(memory, index, serialNumber));
        }
      } finally {
        sqlite.close();
        rmSync(path);
      }
    }),
    { numRuns: 30 },
  );
});
