/**
 * The tables of a store's file, how they are made, checked, and brought from an earlier format to
 * this one.
 *
 *   meta     format, whose coins, secret of the blank pages
 *   page     pages that were ever written, by pageId (page-transaction.ts)
 *   in_use   for each of them its in-use bits, and its Merkle leaf; NULL: to be computed
 *   locker   coins in lockers by coin key (derived.ts), in the order of `place`
 *   cell     cells that were ever written
 *   counts   coins in use by denomination index
 *   probe    what a probe writes
 *
 * in_use, locker and counts follow from the pages, and are committed with them: opening scans
 * nothing.
 */
import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { CELL_BYTES } from '@andvari/host-common/engine/generated/limits';
import { SECRET_BYTES } from './blank-page.ts';
import {
  DENOMINATIONS,
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
  type StoreIdentity,
  StoreMismatchError,
} from './coin-store.ts';
import { inUseOf, lockersOf } from './derived.ts';
import { pageId } from './page-transaction.ts';

const FORMAT_VERSION = 2;
/** Had meta, page, counts and probe. */
const FORMAT_WITHOUT_TABLES = 1;
/** "ANDV", in the header of the file (PRAGMA application_id). */
const APPLICATION_ID = 0x414e4456;

const pagesSchema = `
  CREATE TABLE meta(
    id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, raida_id INTEGER NOT NULL,
    coin_id INTEGER NOT NULL, secret BLOB NOT NULL CHECK (length(secret) = ${SECRET_BYTES})
  ) STRICT;
  CREATE TABLE page(
    id INTEGER PRIMARY KEY, data BLOB NOT NULL CHECK (length(data) = ${PAGE_BYTES})
  ) STRICT;
  CREATE TABLE counts(
    id INTEGER PRIMARY KEY, coins INTEGER NOT NULL CHECK (coins >= 0)
  ) STRICT;
  CREATE TABLE probe(id INTEGER PRIMARY KEY CHECK (id = 1), data BLOB NOT NULL) STRICT;
`;
/** What format 2 has more. */
const tablesSchema = `
  CREATE TABLE in_use(
    id INTEGER PRIMARY KEY, bits BLOB NOT NULL CHECK (length(bits) = ${PAGE_RECORDS / 8}),
    leaf BLOB CHECK (length(leaf) = 32)
  ) STRICT;
  CREATE TABLE locker(
    place INTEGER PRIMARY KEY, coin INTEGER NOT NULL UNIQUE,
    an BLOB NOT NULL CHECK (length(an) = ${RECORD_BYTES - 1})
  ) STRICT;
  CREATE TABLE cell(
    id INTEGER PRIMARY KEY, data BLOB NOT NULL CHECK (length(data) = ${CELL_BYTES})
  ) STRICT;
`;

/**
 * Makes the tables of a file that has none, and brings those of format 1 to this format. Gives the
 * store's secret. Throws StoreMismatchError for a file that is not this server's, which is left as
 * it was, and errors of SQLite.
 */
export function prepareSchema(database: DatabaseSync, identity: StoreIdentity): Uint8Array {
  if (isEmpty(database)) createSchema(database, identity);
  const { format, secret } = checkMeta(database, identity);
  if (format === FORMAT_WITHOUT_TABLES) addTables(database);
  return secret;
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function createSchema(database: DatabaseSync, { raidaId, coinId }: StoreIdentity): void {
  const schema = `${pagesSchema} ${tablesSchema}`;
  database.exec(`BEGIN IMMEDIATE; PRAGMA application_id=${APPLICATION_ID}; ${schema}`);
  const insert = database.prepare('INSERT INTO meta VALUES(1, ?, ?, ?, ?)');
  insert.run(FORMAT_VERSION, raidaId, coinId, randomBytes(SECRET_BYTES));
  const count = database.prepare('INSERT INTO counts VALUES(?, 0)');
  for (let index = 0; index < DENOMINATIONS; index++) count.run(index);
  database.exec('COMMIT');
}

/** Format and secret, if the file is this server's. */
function checkMeta(database: DatabaseSync, identity: StoreIdentity) {
  const application = database.prepare('PRAGMA application_id').get()?.['application_id'];
  if (application !== APPLICATION_ID) throw mismatch(database, 'not a coin store');
  const meta = database.prepare('SELECT format, raida_id, coin_id, secret FROM meta').get();
  const { format, raida_id: raidaId, coin_id: coinId, secret } = meta ?? {};
  if (format !== FORMAT_VERSION && format !== FORMAT_WITHOUT_TABLES) {
    const reads = `${FORMAT_WITHOUT_TABLES} and ${FORMAT_VERSION}`;
    throw mismatch(database, `format ${format}, this build reads formats ${reads}`);
  }
  if (raidaId !== identity.raidaId) {
    throw mismatch(database, `holds the coins of RAIDA ${raidaId}, not of ${identity.raidaId}`);
  }
  if (coinId !== identity.coinId) {
    throw mismatch(database, `holds coins of coin id ${coinId}, not of ${identity.coinId}`);
  }
  checkHighestPages(database, identity.pagesPerDenomination);
  return { format, secret: secret as Uint8Array };
}

/** Fifteen index look-ups: a start does not scan. */
function checkHighestPages(database: DatabaseSync, pagesPerDenomination: number): void {
  const highest = database.prepare('SELECT max(id) AS id FROM page WHERE id >= ? AND id < ?');
  for (let index = 0; index < DENOMINATIONS; index++) {
    const id = highest.get(pageId(index, 0), pageId(index + 1, 0))?.['id'];
    if (typeof id !== 'number' || (id & 0xffff) < pagesPerDenomination) continue;
    const what = `page ${id & 0xffff} of denomination ${index - 8}`;
    throw mismatch(
      database,
      `holds ${what}, but pages_per_denomination is ${pagesPerDenomination}`,
    );
  }
}

function mismatch(database: DatabaseSync, problem: string): StoreMismatchError {
  const file = database.prepare('PRAGMA database_list').get()?.['file'];
  return new StoreMismatchError(`${String(file)}: ${problem}`);
}

/**
 * From format 1, which kept nothing besides pages and counts: the one scan of all pages that there
 * ever is. In one transaction, so that a file is of one format or of the other. Nobody knows any
 * more in which order coins came into their lockers; they get that of their serial numbers.
 */
function addTables(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE; ${tablesSchema}`);
  const putInUse = database.prepare('INSERT INTO in_use VALUES(?, ?, NULL)');
  const putLocker = database.prepare('INSERT INTO locker(coin, an) VALUES(?, ?)');
  for (const row of database.prepare('SELECT id, data FROM page ORDER BY id').iterate()) {
    const id = Number(row['id']);
    const page = row['data'] as Uint8Array;
    putInUse.run(id, inUseOf(page));
    for (const [coin, an] of lockersOf(id, page)) putLocker.run(coin, an);
  }
  database.prepare('UPDATE meta SET format = ?').run(FORMAT_VERSION);
  database.exec('COMMIT');
}
