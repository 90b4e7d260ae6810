/**
 * A wallet in a file: where `andvari wallet pown` keeps the keys between making and settling them.
 * SQLite gives what money needs here: each save is atomic and on the disk before it returns, a
 * crash leaves the last one, and a second process is kept out until this one has ended.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { emitWalletEntry, parseWalletEntry } from '@andvari/host-common/raida/wallet-record';
import type {
  WalletChange,
  WalletState,
  WalletStore,
} from '@andvari/host-common/raida/wallet-store';
import { removeFileDurably } from '../files/durable-file.ts';
import { checkPrivateFile, makePrivateFile } from '../files/private-file.ts';
import { whyNot } from '../files/why-not.ts';

const FORMAT = 1;
/** "AndW": the file says by itself what it is (PRAGMA application_id). */
const APPLICATION_ID = 0x416e6457;
/** One row at the most. Made where it is missing. */
const WISH = `
  CREATE TABLE IF NOT EXISTS wish (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    word TEXT NOT NULL
  ) STRICT;
`;
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

export type WalletFileErrorCode =
  /** Another process works with the file. */
  | 'ANDVARI_WALLET_IN_USE'
  /** It is no wallet file, or of a later format. */
  | 'ANDVARI_WALLET_FILE'
  /** It could not be written. */
  | 'ANDVARI_WALLET_SAVE';

export class WalletFileError extends Error {
  readonly code: WalletFileErrorCode;
  override readonly name = 'WalletFileError';

  constructor(code: WalletFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export class WalletFile implements WalletStore {
  readonly path: string;
  readonly #database: DatabaseSync;

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.#database = database;
  }

  /**
   * Open a wallet file, or make an empty one (mode 0600). Nobody else can until close(). Without
   * `create` a file with nothing in it is no wallet: what was there is lost, or never was.
   * @throws WalletFileError, and Node's errors for a path that cannot be had
   */
  static open(path: string, { create }: { create: boolean }): WalletFile {
    const made = openPrivately(path, create);
    const database = openDatabase(path);
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA');
      database.exec('BEGIN EXCLUSIVE');
      prepare(path, database, create);
      database.exec('COMMIT');
    } catch (error) {
      database.close();
      const problem = describe(path, error);
      // Ours, and nothing is in it: one that another process has filled meanwhile is not empty.
      const ours = made && problem.code === 'ANDVARI_WALLET_SAVE';
      if (ours && statSync(path).size === 0) removeWalletFile(path);
      throw problem;
    }
    return new WalletFile(path, database);
  }

  load(): Promise<WalletState> {
    const meta = this.#database.prepare('SELECT nextId FROM meta').get();
    const rows = this.#database.prepare('SELECT record FROM entry ORDER BY id').all();
    const entries = rows.map(({ record }) => parseWalletEntry(record as Uint8Array));
    return Promise.resolve({ nextId: Number(meta?.['nextId']), entries });
  }

  save({ put, remove, nextId }: WalletChange): Promise<void> {
    const database = this.#database;
    database.exec('BEGIN IMMEDIATE');
    try {
      const insert = database.prepare('INSERT OR REPLACE INTO entry (id, record) VALUES (?, ?)');
      const forget = database.prepare('DELETE FROM entry WHERE id = ?');
      for (const entry of put) insert.run(entry.id, emitWalletEntry(entry));
      for (const id of remove) forget.run(id);
      database.prepare('UPDATE meta SET nextId = ?').run(nextId);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      return Promise.reject(describe(this.path, error));
    }
    return Promise.resolve();
  }

  /** What the command that filled the wallet was to do; undefined until keepWish(). */
  get wish(): string | undefined {
    const row = this.#database.prepare('SELECT word FROM wish').get();
    return row && String(row['word']);
  }

  /** Keeps, durably, what the command is to do, for the next run to compare. */
  keepWish(word: string): void {
    try {
      this.#database.prepare('INSERT OR REPLACE INTO wish (id, word) VALUES (1, ?)').run(word);
    } catch (error) {
      throw describe(this.path, error);
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Close and remove the file, keys and all; also the journal that a killed run has left. */
  destroy(): void {
    this.close();
    removeWalletFile(this.path);
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw describe(path, error);
  }
}

/** The journal after the database: without the journal a killed run's database could be torn. */
function removeWalletFile(path: string): void {
  removeFileDurably(path);
  removeFileDurably(`${path}-journal`);
}

/** Check what the file is, inside the transaction that opens it; `create` fills an empty one. */
function prepare(path: string, database: DatabaseSync, create: boolean): void {
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (tables === 0 && !create) {
    const problem = `${path} is damaged: it is empty, not even a wallet without coins`;
    throw new WalletFileError('ANDVARI_WALLET_FILE', problem);
  }
  if (tables === 0) {
    database.exec(`
      CREATE TABLE meta (nextId INTEGER NOT NULL) STRICT;
      CREATE TABLE entry (id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
      INSERT INTO meta VALUES (1);
      ${WISH}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${FORMAT};
    `);
    return;
  }
  if (pragma('application_id') !== APPLICATION_ID || pragma('user_version') !== FORMAT) {
    throw new WalletFileError(
      'ANDVARI_WALLET_FILE',
      `${path} is no wallet file of format ${FORMAT}`,
    );
  }
  database.exec(WISH);
}

/** @throws WalletFileError: it is a folder; Node's errors */
function openPrivately(path: string, create: boolean): boolean {
  try {
    if (create) return makePrivateFile(path);
    checkPrivateFile(path);
    return false;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EISDIR') throw cause;
    throw new WalletFileError('ANDVARI_WALLET_FILE', `${path}: ${whyNot(cause)}`, { cause });
  }
}

function describe(path: string, error: unknown): WalletFileError {
  if (error instanceof WalletFileError) return error;
  const { errcode } = error as { errcode?: number };
  if (errcode === SQLITE_BUSY) {
    const problem = `${path} is in use by another process`;
    return new WalletFileError('ANDVARI_WALLET_IN_USE', problem, { cause: error });
  }
  if (errcode === SQLITE_NOTADB) {
    return new WalletFileError('ANDVARI_WALLET_FILE', `${path} is no wallet file`, {
      cause: error,
    });
  }
  const problem = `${path} could not be saved: ${(error as Error).message}`;
  return new WalletFileError('ANDVARI_WALLET_SAVE', problem, { cause: error });
}
