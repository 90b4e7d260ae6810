/** Files of format 1, which kept nothing besides pages and counts, are brought to this format. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PAGE_BYTES } from './coin-store.ts';
import { identity, putCoin, readCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import {
  keptTables,
  readTables,
  scanLeaves,
  scanTables,
  walkLeaves,
} from './testing/read-tables.ts';

const format1 = `
  PRAGMA journal_mode=WAL; PRAGMA application_id=${0x414e4456};
  CREATE TABLE meta(
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, raida_id INTEGER NOT NULL,
    coin_id INTEGER NOT NULL, secret BLOB NOT NULL CHECK (length(secret) = 32)
  ) STRICT;
  CREATE TABLE page(
    id INTEGER PRIMARY KEY, data BLOB NOT NULL CHECK (length(data) = 17408)
  ) STRICT;
  CREATE TABLE counts(
    id INTEGER PRIMARY KEY, coins INTEGER NOT NULL CHECK (coins >= 0)
  ) STRICT;
  CREATE TABLE probe(id INTEGER PRIMARY KEY CHECK (id = 1), data BLOB NOT NULL) STRICT;
  INSERT INTO meta VALUES(1, 1, 3, 6, x'${'5a'.repeat(32)}');
`;

const coins = [
  [14, 999, 1023, '11'.repeat(12) + 'ff'.repeat(4), 255],
  [8, 1, 0, '22'.repeat(12) + 'ff'.repeat(4), 30],
  [8, 0, 7, `${'33'.repeat(13)}01eeee`, 30],
  [8, 0, 8, `${'33'.repeat(13)}03eeee`, 30],
  [8, 0, 9, '44'.repeat(12) + 'ff'.repeat(4), 0],
  [8, 0, 10, '55'.repeat(16), 30],
] as const;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-format-'));
  path = join(folder, 'coins.db');
});
afterEach(() => rmSync(folder, { recursive: true }));
const open = (whose = identity) => openSqliteStore({ ...whose, path });

function inFile<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const formatOf = () => inFile((file) => file.prepare('SELECT format FROM meta').get()?.['format']);
const tableNames = () =>
  inFile((file) => {
    const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    return file
      .prepare(sql)
      .all()
      .map(({ name }) => name);
  });

function writeFormat1(): void {
  const pages = new Map<number, Uint8Array>();
  const counts = new Array(15).fill(0);
  for (const [index, page, record, an, mfs] of coins) {
    const id = index * 65536 + page;
    const bytes = pages.get(id) ?? new Uint8Array(PAGE_BYTES).fill(0);
    bytes.set(Buffer.from(an, 'hex'), record * 17);
    bytes[record * 17 + 16] = mfs;
    pages.set(id, bytes);
    if (mfs !== 0) counts[index]++;
  }
  inFile((file) => {
    file.exec(format1);
    for (const [id, bytes] of pages) file.prepare('INSERT INTO page VALUES(?, ?)').run(id, bytes);
    for (const [index, count] of counts.entries()) {
      file.prepare('INSERT INTO counts VALUES(?, ?)').run(index, count);
    }
  });
}

test('it gets its tables from its pages, and keeps what it had', () => {
  writeFormat1();
  const store = open();
  expect(readTables(store.tables())).toEqual({
    counts: [0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1],
    inUse: { '8/0': [7, 8, 10], '8/1': [0], '14/999': [1023] },
    lockers: [
      `8/7 ${'33'.repeat(13)}01eeee`,
      `8/1024 ${'22'.repeat(12)}ffffffff`,
      `14/1023999 ${'11'.repeat(12)}ffffffff`,
    ],
    cells: {},
  });
  expect(keptTables(store)).toEqual(scanTables(store));
  expect(walkLeaves(store).leaves).toEqual(scanLeaves(store));
  expect(readCoin(store, 8, 10)).toEqual({ an: new Uint8Array(16).fill(0x55), mfs: 30 });
  const blank = readCoin(store, 3, 1);
  putCoin(store, [8, 7], new Uint8Array(16).fill(1), 30);
  const before = readTables(store.tables());
  store.close();
  expect(formatOf()).toBe(2);
  const again = open();
  expect(readTables(again.tables())).toEqual(before);
  expect(readCoin(again, 3, 1)).toEqual(blank);
  again.close();
});

test('one of another server is refused and left as it was', () => {
  writeFormat1();
  for (const other of [{ raidaId: 4 }, { coinId: 7 }, { pagesPerDenomination: 999 }]) {
    expect(() => open({ ...identity, ...other })).toThrow(
      expect.objectContaining({ code: 'ANDVARI_STORE_MISMATCH' }),
    );
  }
  expect(formatOf()).toBe(1);
  expect(tableNames()).toEqual(['counts', 'meta', 'page', 'probe']);
});

test('one whose change fails at the last step is left as it was, and changes the next time', () => {
  writeFormat1();
  inFile((file) =>
    file.exec(`CREATE TRIGGER no BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'no'); END`),
  );
  expect(open).toThrow(expect.objectContaining({ code: 'ANDVARI_STORE_OPEN' }));
  expect(formatOf()).toBe(1);
  expect(tableNames()).toEqual(['counts', 'meta', 'page', 'probe']);
  inFile((file) => file.exec('DROP TRIGGER no'));
  const store = open();
  expect(keptTables(store)).toEqual(scanTables(store));
  expect(keptTables(store).lockers).toHaveLength(3);
  store.close();
});

test('a new file has the tables that a changed one has', () => {
  open().close();
  const made = tableNames();
  const columns = () =>
    inFile((file) => file.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all());
  const ofNew = columns();
  for (const file of ['coins.db', 'coins.db-wal']) rmSync(join(folder, file), { force: true });
  writeFormat1();
  open().close();
  expect(tableNames()).toEqual(made);
  expect(columns()).toEqual(ofNew);
});
