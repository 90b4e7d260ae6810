/**
 * The wallet's IndexedDB: one object store of named values, each write on disk before it counts.
 *
 * A write resolves when its transaction is `complete` under `durability: 'strict'`, that is after
 * the browser has asked the operating system to flush: a coin whose new ANs were saved here is
 * still here after the power fails. What is in the values is the caller's business (seal.ts).
 */

const DATABASE_VERSION = 1;
const STORE = 'wallet';

export type DatabaseErrorCode =
  | 'ANDVARI_STORAGE_UNAVAILABLE'
  | 'ANDVARI_STORAGE_FULL'
  | 'ANDVARI_STORAGE_FAILED'
  | 'ANDVARI_STORAGE_EXISTS'
  | 'ANDVARI_STORAGE_CLOSED';

/** The browser's storage said no. Nothing of the failed write is kept. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What one transaction does; `add` fails with ANDVARI_STORAGE_EXISTS when its key is taken. */
export interface DatabaseChange {
  readonly add?: Readonly<Record<string, unknown>>;
  readonly put?: Readonly<Record<string, unknown>>;
  readonly remove?: readonly string[];
}

/** An open database. Every method throws DatabaseError. */
export class Database {
  readonly #database: IDBDatabase;
  #open = true;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    // Another tab wants to delete or upgrade: let go, or it would hang. Writes then fail loudly.
    database.onversionchange = () => this.close();
    database.onclose = () => {
      this.#open = false;
    };
  }

  /** Open or create the database called `name` on this origin. */
  static async open(name: string): Promise<Database> {
    if (typeof indexedDB === 'undefined') throw unavailable(undefined);
    const request = indexedDB.open(name, DATABASE_VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    try {
      return new Database(await settled(request));
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  /** The value under `key`, or undefined. */
  async read(key: string): Promise<unknown> {
    try {
      return await settled(this.#transaction('readonly').objectStore(STORE).get(key));
    } catch (cause) {
      throw databaseError(cause);
    }
  }

  /** Every value whose key begins with `prefix`, with its key. */
  async readAll(prefix: string): Promise<[string, unknown][]> {
    try {
      const store = this.#transaction('readonly').objectStore(STORE);
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const [keys, values] = await Promise.all([
        settled(store.getAllKeys(range)),
        settled(store.getAll(range)),
      ]);
      return keys.map((key, index) => [String(key), values[index]]);
    } catch (cause) {
      throw databaseError(cause);
    }
  }

  /** Do all of it or nothing; resolves when it is on disk. */
  async write({ add = {}, put = {}, remove = [] }: DatabaseChange): Promise<void> {
    try {
      const transaction = this.#transaction('readwrite');
      const done = completed(transaction);
      const store = transaction.objectStore(STORE);
      try {
        for (const [key, value] of Object.entries(add)) store.add(value, key);
        for (const [key, value] of Object.entries(put)) store.put(value, key);
        for (const key of remove) store.delete(key);
        transaction.commit();
      } catch (cause) {
        // A value that cannot be stored throws here: nothing of this transaction may remain.
        done.catch(() => undefined);
        transaction.abort();
        throw cause;
      }
      await done;
    } catch (cause) {
      throw databaseError(cause);
    }
  }

  close(): void {
    this.#open = false;
    this.#database.close();
  }

  #transaction(mode: IDBTransactionMode): IDBTransaction {
    if (!this.#open) {
      throw new DatabaseError('ANDVARI_STORAGE_CLOSED', 'The wallet storage was closed.');
    }
    return this.#database.transaction(STORE, mode, { durability: 'strict' });
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

function unavailable(cause: unknown): DatabaseError {
  return new DatabaseError(
    'ANDVARI_STORAGE_UNAVAILABLE',
    'This browser does not let the page keep coins: storage is off or in use by an older version.',
    { cause },
  );
}

function databaseError(cause: unknown): DatabaseError {
  if (cause instanceof DatabaseError) return cause;
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'QuotaExceededError') {
    const message = 'The browser has no room left to keep these coins; nothing was changed.';
    return new DatabaseError('ANDVARI_STORAGE_FULL', message, { cause });
  }
  if (name === 'ConstraintError') {
    const message = 'A wallet exists already on this page.';
    return new DatabaseError('ANDVARI_STORAGE_EXISTS', message, { cause });
  }
  const message = `The browser could not keep the wallet (${name || 'unknown reason'}).`;
  return new DatabaseError('ANDVARI_STORAGE_FAILED', message, { cause });
}
