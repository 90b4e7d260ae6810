/**
 * What a result code of SQLite says about the transaction. node:sqlite gives the extended code as
 * `errcode`; its low byte is the primary code (https://sqlite.org/rescode.html).
 */
import {
  type AnyStoreError,
  StoreBusyError,
  StoreMismatchError,
  StoreOpenError,
  StoreRefusedError,
  StoreUnknownError,
} from './coin-store.ts';

const ERROR = 1;
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const TOOBIG = 18;
const CONSTRAINT = 19;
const NOTADB = 26;

/**
 * Before COMMIT these leave the connection sound, and the rolled back transaction certainly not
 * made.
 */
const refusals = new Set([PERM, BUSY, LOCKED, NOMEM, READONLY, FULL, TOOBIG, CONSTRAINT]);
/**
 * At COMMIT, only these. BUSY: nothing was written yet. FULL: in WAL mode the frame that makes a
 * transaction valid is written last, and SQLite pads nothing behind it on file systems with
 * powersafe overwrite (its default on Unix), so a write that found no space means that this frame
 * is missing or torn. All else, above all a failed fsync (IOERR), may leave a valid transaction
 * behind.
 */
const commitRefusals = new Set([BUSY, FULL]);

function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code : undefined;
}

function text(error: unknown): string {
  const code = sqliteCode(error);
  const message = error instanceof Error ? error.message : String(error);
  return code === undefined ? message : `${message} (SQLite ${code})`;
}

function primary(error: unknown): number {
  return (sqliteCode(error) ?? 0) & 0xff;
}

export function isFull(error: unknown): boolean {
  return primary(error) === FULL;
}

/** What ROLLBACK says when SQLite has rolled back by itself, as it does after most failures. */
export function isNoTransaction(error: unknown): boolean {
  return primary(error) === ERROR;
}

/** A failure before COMMIT began, after a ROLLBACK that worked. */
export function writeError(error: unknown): StoreRefusedError | StoreUnknownError {
  return failure(error, refusals.has(primary(error)));
}

/** A failure of COMMIT itself, after a ROLLBACK that worked. */
export function commitError(error: unknown): StoreRefusedError | StoreUnknownError {
  return failure(error, commitRefusals.has(primary(error)));
}

export function unknownError(what: string, error: unknown): StoreUnknownError {
  return new StoreUnknownError(`${what}: ${text(error)}`, {
    cause: error,
    sqliteCode: sqliteCode(error),
  });
}

function failure(error: unknown, certain: boolean): StoreRefusedError | StoreUnknownError {
  if (!certain) return unknownError('the outcome of the transaction is unknown', error);
  const options = { cause: error, sqliteCode: sqliteCode(error) };
  return new StoreRefusedError(`the store refused the transaction: ${text(error)}`, options);
}

/** A failure while opening `path`. Store errors pass as they are. */
export function openError(path: string, error: unknown): AnyStoreError {
  if (error instanceof StoreMismatchError || error instanceof StoreBusyError) return error;
  const options = { cause: error, sqliteCode: sqliteCode(error) };
  const code = primary(error);
  if (code === BUSY || code === LOCKED) {
    return new StoreBusyError(`${path}: another server or command has this store open`, options);
  }
  if (code === NOTADB) return new StoreMismatchError(`${path}: not a coin store`, options);
  if (code === CORRUPT) return new StoreOpenError(`${path}: damaged: ${text(error)}`, options);
  return new StoreOpenError(`${path}: cannot be opened: ${text(error)}`, options);
}
