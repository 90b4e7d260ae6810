/**
 * The place where coins outlive the process, as the store thread sees it. Two implementations,
 * sqlite-store.ts and memory-store.ts, pass one suite: compliance.ts.
 *
 * A page is 17408 bytes: 1024 records of 17 bytes, AN (16) and MFS (1); record = serial number mod
 * 1024 (reference: RAIDA section 7). A page that was never written is a blank page (blank-page.ts).
 */
import {
  CELL_BYTES,
  CELLS,
  DENOMINATIONS,
  PAGE_BYTES,
  PAGE_RECORDS,
  PAGES_PER_DENOMINATION_MAX,
  RAIDA_COUNT,
  RECORD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import type { StoreTables } from '@andvari/host-common/engine/store-tables';

export { DENOMINATIONS, PAGE_BYTES, PAGE_RECORDS, PAGES_PER_DENOMINATION_MAX, RECORD_BYTES };

export interface PageKey {
  /** Denomination + 8: 0 to 14. */
  denominationIndex: number;
  page: number;
}

/**
 * One changed coin: what the record held before, and what it holds from now on. ANs are 16 bytes.
 */
export interface CoinChange {
  denominationIndex: number;
  serialNumber: number;
  newAn: Uint8Array;
  newMfs: number;
  oldAn: Uint8Array;
  oldMfs: number;
}

/**
 * One changed cell of the durable tables (assembly/core/layout.ts: Journal, CELL): what it held
 * before, and what it holds from now on, 16 bytes each. A cell that was never written is zeros.
 */
export interface CellChange {
  /** 0 to CELLS - 1. */
  index: number;
  newBytes: Uint8Array;
  oldBytes: Uint8Array;
}

/** The Merkle leaf of a stored page: its pageId (page-transaction.ts) and 32 bytes. */
export type PageLeaf = readonly [pageId: number, leaf: Uint8Array];

/** A part of a walk over the leaves of all stored pages, in order of pageId. */
export interface LeafSlice {
  leaves: PageLeaf[];
  /** Those of them that had to be computed: for keepLeaves(). */
  computed: PageLeaf[];
  /** Where the next slice goes on; undefined: this was the last. */
  next: number | undefined;
}

/** Whose coins a store holds; one that holds another server's is not opened. */
export interface StoreIdentity {
  raidaId: number;
  coinId: number;
  /** A store that holds pages beyond this is not opened: their coins could not be reached. */
  pagesPerDenomination: number;
}

/**
 * Synchronous, used by one thread at a time. Buffers that are passed in stay the caller's; nothing
 * keeps them.
 */
export interface CoinStore {
  /**
   * The last committed page into the first 17408 bytes of `into`.
   * Throws RangeError for a page outside the store and StoreUnknownError when it cannot be read.
   */
  readPage(denominationIndex: number, page: number, into: Uint8Array): void;
  /** Throws Error when a transaction is open. */
  begin(): void;
  /**
   * Changes one coin inside the transaction. The record must hold the old AN and MFS of the change;
   * otherwise StoreConflictError. Also RangeError and StoreUnknownError as readPage(). After each
   * of them the transaction can only be rolled back.
   */
  apply(change: CoinChange): void;
  /** Changes one cell inside the transaction; as apply(). */
  applyCell(change: CellChange): void;
  /**
   * On return the changes survive a crash of the machine. Throws StoreRefusedError (none of them
   * was made, the transaction is over) or StoreUnknownError (close, open again and read what is
   * there).
   */
  commit(): void;
  /** Ends a transaction without a trace. */
  rollback(): void;
  /** Records with MFS other than 0 by denomination index, as committed; 15 numbers, an own copy. */
  counts(): Uint32Array;
  /**
   * Everything that is kept besides the pages, as committed, in buffers of its own. In the in-use
   * map every page that was ever written has its row. Throws StoreUnknownError.
   */
  tables(): StoreTables;
  /**
   * The leaves (derived.ts, leafOf) of stored pages whose pageId is `from` or more, as committed:
   * as many as are looked up or computed in about 2 ms. Throws StoreUnknownError.
   */
  leaves(from: number): LeafSlice;
  /**
   * Remembers computed leaves, each until a commit changes its page. To be called before the next
   * commit. Throws as commit().
   */
  keepLeaves(computed: readonly PageLeaf[]): void;
  /** Pages that were ever written, in (denomination, page) order. */
  storedPages(): PageKey[];
  /**
   * Commits as much as a change of one page writes, without touching a coin. Throws as commit().
   */
  probe(): void;
  /** Also in the middle of a transaction, which is then rolled back. Safe to call twice. */
  close(): void;
}

interface StoreErrorOptions {
  cause?: unknown;
  /** Extended result code of SQLite, when it was SQLite that said no. */
  sqliteCode?: number | undefined;
}

class StoreError extends Error {
  readonly sqliteCode: number | undefined;

  constructor(message: string, options: StoreErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.sqliteCode = options.sqliteCode;
  }
}

/**
 * The transaction was certainly not made: disk full, read-only, a constraint. The engine can roll
 * back.
 */
export class StoreRefusedError extends StoreError {
  readonly code = 'ANDVARI_STORE_REFUSED';
}

/**
 * Nobody can say whether the transaction was made: only opening the store again and reading tells.
 */
export class StoreUnknownError extends StoreError {
  readonly code = 'ANDVARI_STORE_UNKNOWN';
}

/**
 * The journal changes a coin that does not hold what the journal says: memory and store have
 * parted.
 */
export class StoreConflictError extends StoreError {
  readonly code = 'ANDVARI_STORE_CONFLICT';
}

/** Another server (or command) has the store open. */
export class StoreBusyError extends StoreError {
  readonly code = 'ANDVARI_STORE_BUSY';
}

/** The file is not a coin store, or not the one of this server. */
export class StoreMismatchError extends StoreError {
  readonly code = 'ANDVARI_STORE_MISMATCH';
}

/** The store could not be opened or created. */
export class StoreOpenError extends StoreError {
  readonly code = 'ANDVARI_STORE_OPEN';
}

export type AnyStoreError =
  | StoreRefusedError
  | StoreUnknownError
  | StoreConflictError
  | StoreBusyError
  | StoreMismatchError
  | StoreOpenError;

const classes = {
  ANDVARI_STORE_REFUSED: StoreRefusedError,
  ANDVARI_STORE_UNKNOWN: StoreUnknownError,
  ANDVARI_STORE_CONFLICT: StoreConflictError,
  ANDVARI_STORE_BUSY: StoreBusyError,
  ANDVARI_STORE_MISMATCH: StoreMismatchError,
  ANDVARI_STORE_OPEN: StoreOpenError,
} as const;

/**
 * A store error as it crosses from the store thread: structured clone keeps no classes and no
 * codes.
 */
export interface StoreErrorRecord {
  code: keyof typeof classes;
  message: string;
  sqliteCode: number | undefined;
}

/** Any error as a record; what is not a store error counts as an unknown outcome. */
export function emitStoreError(error: unknown): StoreErrorRecord {
  if (error instanceof StoreError && 'code' in error) {
    const { code } = error as AnyStoreError;
    return { code, message: error.message, sqliteCode: error.sqliteCode };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'ANDVARI_STORE_UNKNOWN', message, sqliteCode: undefined };
}

export function parseStoreError(record: StoreErrorRecord): AnyStoreError {
  return new classes[record.code](record.message, { sqliteCode: record.sqliteCode });
}

/** Throws RangeError unless the page can exist. */
export function checkPage(denominationIndex: number, page: number, pagesPerDenomination: number) {
  checkInteger('denominationIndex', denominationIndex, 0, DENOMINATIONS - 1);
  checkInteger('page', page, 0, pagesPerDenomination - 1);
}

/** Throws RangeError unless the change names a cell and holds 16 bytes twice. */
export function checkCell({ index, newBytes, oldBytes }: CellChange): void {
  checkInteger('cell', index, 0, CELLS - 1);
  for (const { length } of [newBytes, oldBytes]) {
    if (length !== CELL_BYTES)
      throw new RangeError(`cell: wanted ${CELL_BYTES} bytes, got ${length}`);
  }
}

/** Throws RangeError unless the identity names a server that can exist. */
export function checkIdentity({ raidaId, coinId, pagesPerDenomination }: StoreIdentity) {
  checkInteger('raidaId', raidaId, 0, RAIDA_COUNT - 1);
  checkInteger('coinId', coinId, 0, 65535);
  checkInteger('pagesPerDenomination', pagesPerDenomination, 1, PAGES_PER_DENOMINATION_MAX);
}

function checkInteger(name: string, value: number, least: number, most: number) {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: wanted an integer ${least}-${most}, got ${value}`);
}

/** Throws RangeError unless a whole page fits. */
export function checkPageBuffer(into: Uint8Array): void {
  if (into.length >= PAGE_BYTES) return;
  throw new RangeError(`page buffer: wanted ${PAGE_BYTES} bytes, got ${into.length}`);
}
