/**
 * Coins in one SQLite file: WAL, synchronous=FULL, pages as blobs patched from the journal's
 * records (design.md section 4). The file is locked for as long as it is open, so two servers
 * cannot share it; with that lock SQLite keeps the index of its log in memory, not in a mapped file
 * that a full disk could turn into a bus error.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import { makeDirectory } from '../files/directory.ts';
import { BlankPages } from './blank-page.ts';
import {
  type CellChange,
  type CoinChange,
  type CoinStore,
  checkIdentity,
  checkPage,
  checkPageBuffer,
  DENOMINATIONS,
  type LeafSlice,
  PAGE_BYTES,
  type PageKey,
  type PageLeaf,
  type StoreIdentity,
  StoreUnknownError,
} from './coin-store.ts';
import { inUseOf } from './derived.ts';
import { sliceLeaves } from './leaf-slice.ts';
import { CACHE_KIB, LEAF_ROWS_PER_SLICE, WAL_BYTES_KEPT, WAL_PAGES } from './limits.ts';
import { PageTransaction, pageId } from './page-transaction.ts';
import {
  commitError,
  isFull,
  isNoTransaction,
  openError,
  unknownError,
  writeError,
} from './sqlite-errors.ts';
import { prepareSchema } from './sqlite-schema.ts';
import { emitTables, type Row } from './table-rows.ts';

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
    const secret = prepareSchema(database, options);
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

/** What a transaction of SQLite consists of, prepared once. */
class Statements {
  readonly getPage: StatementSync;
  readonly putPage: StatementSync;
  readonly putInUse: StatementSync;
  readonly dropLeaf: StatementSync;
  readonly putLeaf: StatementSync;
  readonly leaves: StatementSync;
  readonly leaveLocker: StatementSync;
  readonly enterLocker: StatementSync;
  readonly getCell: StatementSync;
  readonly putCell: StatementSync;
  readonly addCoins: StatementSync;
  readonly putProbe: StatementSync;

  constructor(database: DatabaseSync) {
    const update = 'ON CONFLICT DO UPDATE SET';
    const prepare = (sql: string) => database.prepare(sql);
    this.getPage = prepare('SELECT data FROM page WHERE id = ?');
    this.putPage = prepare(`INSERT INTO page VALUES(?, ?) ${update} data = excluded.data`);
    this.putInUse = prepare(
      `INSERT INTO in_use VALUES(?, ?, NULL) ${update} bits = excluded.bits, leaf = NULL`,
    );
    this.dropLeaf = prepare('UPDATE in_use SET leaf = NULL WHERE id = ? AND leaf IS NOT NULL');
    this.putLeaf = prepare('UPDATE in_use SET leaf = ? WHERE id = ?');
    this.leaves = prepare(
      `SELECT id, leaf FROM in_use WHERE id >= ? ORDER BY id LIMIT ${LEAF_ROWS_PER_SLICE}`,
    );
    this.leaveLocker = prepare('DELETE FROM locker WHERE coin = ?');
    this.enterLocker = prepare('INSERT INTO locker(coin, an) VALUES(?, ?)');
    this.getCell = prepare('SELECT data FROM cell WHERE id = ?');
    this.putCell = prepare(`INSERT INTO cell VALUES(?, ?) ${update} data = excluded.data`);
    this.addCoins = prepare('UPDATE counts SET coins = coins + ? WHERE id = ?');
    this.putProbe = prepare(`INSERT INTO probe VALUES(1, ?) ${update} data = excluded.data`);
  }
}

const bytesOf = (value: SQLOutputValue | undefined) => value as Uint8Array;
/** The only column of a row, which there may not be. */
const dataOf = (row: Record<string, SQLOutputValue> | undefined) => row && bytesOf(row['data']);

class SqliteStore implements CoinStore {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #blank: BlankPages;
  readonly #pagesPerDenomination: number;
  readonly #counts = new Uint32Array(DENOMINATIONS);
  #transaction: PageTransaction | undefined;
  #probes = 0;
  #closed = false;
  /** Set by an unknown outcome, after which nothing here can be trusted. */
  #broken: StoreUnknownError | undefined;

  constructor(database: DatabaseSync, identity: StoreIdentity, secret: Uint8Array) {
    this.#database = database;
    this.#statements = new Statements(database);
    this.#pagesPerDenomination = identity.pagesPerDenomination;
    this.#blank = new BlankPages(secret);
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
    this.#transaction = new PageTransaction({
      storedPage: (denominationIndex, page) => {
        checkPage(denominationIndex, page, this.#pagesPerDenomination);
        return this.#stored(denominationIndex, page);
      },
      blankPage: (denominationIndex, page) => {
        const blank = new Uint8Array(PAGE_BYTES);
        this.#blank.fill(denominationIndex, page, blank);
        return blank;
      },
      storedCell: (index) =>
        this.#read(`cell ${index}`, () => dataOf(this.#statements.getCell.get(index))),
    });
  }

  apply(change: CoinChange): void {
    if (!this.#transaction) throw new Error('apply outside a transaction');
    this.#transaction.apply(change);
  }

  applyCell(change: CellChange): void {
    if (!this.#transaction) throw new Error('applyCell outside a transaction');
    this.#transaction.applyCell(change);
  }

  commit(): void {
    const transaction = this.#transaction;
    if (!transaction) throw new Error('commit outside a transaction');
    this.#transaction = undefined;
    if (transaction.empty) return;
    this.#write(() => this.#put(transaction));
    for (const [index, change] of transaction.countChanges.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + change;
    }
  }

  rollback(): void {
    this.#transaction = undefined;
  }

  counts(): Uint32Array {
    return this.#counts.slice();
  }

  tables(): StoreTables {
    const rows = (sql: string) =>
      this.#database
        .prepare(sql)
        .all()
        .map(({ key, bytes }): Row => [Number(key), bytesOf(bytes)]);
    return this.#read('the tables', () =>
      emitTables({
        counts: this.#counts.slice(),
        inUse: rows('SELECT id AS key, bits AS bytes FROM in_use ORDER BY id'),
        lockers: rows('SELECT coin AS key, an AS bytes FROM locker ORDER BY place'),
        cells: rows('SELECT id AS key, data AS bytes FROM cell ORDER BY id'),
      }),
    );
  }

  leaves(from: number): LeafSlice {
    return this.#read('the leaves', () => {
      const rows = this.#statements.leaves.all(from);
      const known = rows.map(
        ({ id, leaf }) => [Number(id), leaf ? bytesOf(leaf) : undefined] as const,
      );
      return sliceLeaves(known, (id) => bytesOf(this.#statements.getPage.get(id)?.['data']));
    });
  }

  keepLeaves(computed: readonly PageLeaf[]): void {
    if (computed.length === 0) return;
    this.#write(() => {
      for (const [id, leaf] of computed) this.#statements.putLeaf.run(leaf, id);
    });
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
    this.#write(() => this.#statements.putProbe.run(bytes));
  }

  close(): void {
    this.#transaction = undefined;
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  #stored(denominationIndex: number, page: number): Uint8Array | undefined {
    const what = `page ${page} of denomination ${denominationIndex - 8}`;
    const id = pageId(denominationIndex, page);
    return this.#read(what, () => dataOf(this.#statements.getPage.get(id)));
  }

  /** Throws StoreUnknownError. */
  #read<T>(what: string, read: () => T): T {
    if (this.#broken) throw this.#broken;
    try {
      return read();
    } catch (error) {
      throw unknownError(what, error);
    }
  }

  /** The statements of a commit: pages, cells, and the tables that follow from the pages. */
  #put({ pages, inUseChanges, lockerMoves, cells, countChanges }: PageTransaction): void {
    const statements = this.#statements;
    for (const [id, page] of pages) {
      statements.putPage.run(id, page);
      if (inUseChanges.has(id)) statements.putInUse.run(id, inUseOf(page));
      else statements.dropLeaf.run(id);
    }
    for (const [coin, an] of lockerMoves) {
      statements.leaveLocker.run(coin);
      if (an) statements.enterLocker.run(coin, an);
    }
    for (const [index, bytes] of cells) statements.putCell.run(index, bytes);
    for (const [index, change] of countChanges.entries()) {
      if (change !== 0) statements.addCoins.run(change, index);
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
