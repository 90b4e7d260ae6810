/**
 * Coins in one SQLite file: WAL, synchronous=FULL, pages as blobs patched from the journal's
 * records (design.md section 4). The file is locked for as long as it is open, so two servers
 * cannot share it; with that lock SQLite keeps the index of its log in memory, not in a mapped file
 * that a full disk could turn into a bus error.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makeDirectory } from '../files/directory.ts';
import { BlankPages, SECRET_BYTES } from './blank-page.ts';
import {
  type CoinChange,
  type CoinStore,
  checkIdentity,
  checkPage,
  checkPageBuffer,
  DENOMINATIONS,
  PAGE_BYTES,
  type PageKey,
  type StoreIdentity,
  StoreMismatchError,
  StoreUnknownError,
} from './coin-store.ts';
import { CACHE_KIB, WAL_BYTES_KEPT, WAL_PAGES } from './limits.ts';
import { PageTransaction, pageId } from './page-transaction.ts';
import {
  commitError,
  isFull,
  isNoTransaction,
  openError,
  unknownError,
  writeError,
} from './sqlite-errors.ts';

export const FORMAT_VERSION = 1;
/** "ANDV", in the header of the file (PRAGMA application_id). */
const APPLICATION_ID = 0x414e4456;

const schema = `
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

export interface SqliteStoreOptions extends StoreIdentity {
  path: string;
  /** false: a file that is not there is an error (StoreOpenError). Default true. */
  create?: boolean;
  /**
   * true: after an unknown outcome. What is found is trusted only when it has been written to the
   * database file and flushed: a log that was not flushed can be read from the page cache and still
   * be gone after a power cut.
   */
  afterUnknown?: boolean;
}

/**
 * Opens or creates a store: file mode 0600, parent folders 0750. Throws StoreBusyError,
 * StoreMismatchError, StoreOpenError, and RangeError for an identity that cannot be.
 */
export function openSqliteStore(options: SqliteStoreOptions): CoinStore {
  checkIdentity(options);
  const { path, create = true, afterUnknown = false } = options;
  let database: DatabaseSync | undefined;
  try {
    if (create) createFile(path);
    else statSync(path);
    database = new DatabaseSync(path, { timeout: 0 });
    lock(database);
    if (isEmpty(database)) createSchema(database, options);
    const secret = checkMeta(database, options);
    moveLog(database, afterUnknown);
    return new SqliteStore(database, options, secret);
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

/**
 * Only ever opens a file that it makes: closing a second descriptor would drop the locks on the
 * first.
 */
function createFile(path: string): void {
  makeDirectory(dirname(path), 0o750);
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** The order matters: the locking mode must stand before the log is first touched. */
function lock(database: DatabaseSync): void {
  database.exec('PRAGMA locking_mode=EXCLUSIVE');
  const mode = database.prepare('PRAGMA journal_mode=WAL').get()?.['journal_mode'];
  if (mode !== 'wal') throw new Error(`journal mode: wanted wal, got ${String(mode)}`);
  database.exec(`
    PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=${WAL_PAGES};
    PRAGMA journal_size_limit=${WAL_BYTES_KEPT}; PRAGMA cache_size=-${CACHE_KIB};
    PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;
    BEGIN IMMEDIATE; COMMIT;
  `);
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function createSchema(database: DatabaseSync, { raidaId, coinId }: StoreIdentity): void {
  database.exec(`BEGIN IMMEDIATE; PRAGMA application_id=${APPLICATION_ID}; ${schema}`);
  const insert = database.prepare('INSERT INTO meta VALUES(1, ?, ?, ?, ?)');
  insert.run(FORMAT_VERSION, raidaId, coinId, randomBytes(SECRET_BYTES));
  const count = database.prepare('INSERT INTO counts VALUES(?, 0)');
  for (let index = 0; index < DENOMINATIONS; index++) count.run(index);
  database.exec('COMMIT');
}

/** The store's secret, if the file is this server's. */
function checkMeta(database: DatabaseSync, identity: StoreIdentity): Uint8Array {
  const application = database.prepare('PRAGMA application_id').get()?.['application_id'];
  if (application !== APPLICATION_ID) throw mismatch(database, 'not a coin store');
  const meta = database.prepare('SELECT format, raida_id, coin_id, secret FROM meta').get();
  const { format, raida_id: raidaId, coin_id: coinId, secret } = meta ?? {};
  if (format !== FORMAT_VERSION) {
    throw mismatch(database, `format ${format}, this build reads format ${FORMAT_VERSION}`);
  }
  if (raidaId !== identity.raidaId) {
    throw mismatch(database, `holds the coins of RAIDA ${raidaId}, not of ${identity.raidaId}`);
  }
  if (coinId !== identity.coinId) {
    throw mismatch(database, `holds coins of coin id ${coinId}, not of ${identity.coinId}`);
  }
  checkHighestPages(database, identity.pagesPerDenomination);
  return secret as Uint8Array;
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

/** Moves what an earlier process left in the log to the database file and empties the log. */
function moveLog(database: DatabaseSync, afterUnknown: boolean): void {
  try {
    const row = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (row?.['busy'] !== 0) throw new Error('the log could not be moved to the database');
  } catch (error) {
    // A full disk is no reason to stay down: the log is sound, and commits will be refused.
    if (afterUnknown || !isFull(error)) throw error;
  }
}

class SqliteStore implements CoinStore {
  readonly #database: DatabaseSync;
  readonly #blank: BlankPages;
  readonly #pagesPerDenomination: number;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #addCoins: StatementSync;
  readonly #putProbe: StatementSync;
  readonly #counts = new Uint32Array(DENOMINATIONS);
  #transaction: PageTransaction | undefined;
  #probes = 0;
  #closed = false;
  /** Set by an unknown outcome, after which nothing here can be trusted. */
  #broken: StoreUnknownError | undefined;

  constructor(database: DatabaseSync, identity: StoreIdentity, secret: Uint8Array) {
    this.#database = database;
    this.#pagesPerDenomination = identity.pagesPerDenomination;
    this.#blank = new BlankPages(secret);
    this.#get = database.prepare('SELECT data FROM page WHERE id = ?');
    const update = 'ON CONFLICT DO UPDATE SET data = excluded.data';
    this.#put = database.prepare(`INSERT INTO page VALUES(?, ?) ${update}`);
    this.#putProbe = database.prepare(`INSERT INTO probe VALUES(1, ?) ${update}`);
    this.#addCoins = database.prepare('UPDATE counts SET coins = coins + ? WHERE id = ?');
    for (const { id, coins } of database.prepare('SELECT id, coins FROM counts').all()) {
      this.#counts[Number(id)] = Number(coins);
    }
  }

  readPage(denominationIndex: number, page: number, into: Uint8Array): void {
    checkPageBuffer(into);
    checkPage(denominationIndex, page, this.#pagesPerDenomination);
    const stored = this.#stored(denominationIndex, page);
    if (stored) into.set(stored);
    else this.#blank.fill(denominationIndex, page, into);
  }

  /** Reading needs no transaction of SQLite: nobody else can write. */
  begin(): void {
    if (this.#transaction) throw new Error('begin inside a transaction');
    this.#transaction = new PageTransaction((denominationIndex, page) => {
      checkPage(denominationIndex, page, this.#pagesPerDenomination);
      const stored = this.#stored(denominationIndex, page);
      if (stored) return stored;
      const blank = new Uint8Array(PAGE_BYTES);
      this.#blank.fill(denominationIndex, page, blank);
      return blank;
    });
  }

  apply(change: CoinChange): void {
    if (!this.#transaction) throw new Error('apply outside a transaction');
    this.#transaction.apply(change);
  }

  commit(): void {
    const transaction = this.#transaction;
    if (!transaction) throw new Error('commit outside a transaction');
    this.#transaction = undefined;
    const { pages, countChanges } = transaction;
    if (pages.size === 0) return;
    this.#write(() => {
      for (const [id, bytes] of pages) this.#put.run(id, bytes);
      for (const [index, change] of countChanges.entries()) {
        if (change !== 0) this.#addCoins.run(change, index);
      }
    });
    for (const [index, change] of countChanges.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + change;
    }
  }

  rollback(): void {
    this.#transaction = undefined;
  }

  counts(): Uint32Array {
    return this.#counts.slice();
  }

  storedPages(): PageKey[] {
    const rows = this.#database.prepare('SELECT id FROM page ORDER BY id').all();
    return rows.map(({ id }) => ({
      denominationIndex: Number(id) >>> 16,
      page: Number(id) & 0xffff,
    }));
  }

  probe(): void {
    // Other bytes each time: SQLite does not write a page that stays equal.
    const bytes = new Uint8Array(PAGE_BYTES).fill(++this.#probes);
    this.#write(() => this.#putProbe.run(bytes));
  }

  close(): void {
    this.#transaction = undefined;
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #stored(denominationIndex: number, page: number): Uint8Array | undefined {
    if (this.#broken) throw this.#broken;
    try {
      const data = this.#get.get(pageId(denominationIndex, page))?.['data'];
      return data as Uint8Array | undefined;
    } catch (error) {
      throw unknownError(`page ${page} of denomination ${denominationIndex - 8}`, error);
    }
  }

  /** One transaction of SQLite. Throws StoreRefusedError or StoreUnknownError. */
  #write(statements: () => void): void {
    if (this.#broken) throw this.#broken;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      statements();
    } catch (error) {
      throw this.#undone(writeError(error));
    }
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      throw this.#undone(commitError(error));
    }
  }

  /**
   * Rolls back what is still open; only then is a refusal certain. SQLite may have done it itself.
   */
  #undone<E extends Error>(error: E): E | StoreUnknownError {
    try {
      this.#database.exec('ROLLBACK');
    } catch (rollbackError) {
      if (isNoTransaction(rollbackError)) return this.#noted(error);
      this.#broken = unknownError('ROLLBACK failed', rollbackError);
      return this.#broken;
    }
    return this.#noted(error);
  }

  #noted<E extends Error>(error: E): E {
    if (error instanceof StoreUnknownError) this.#broken = error;
    return error;
  }
}
