/** Every maximum of the store, each with its reason. */

/**
 * Groups of one transaction: the flush is then under a tenth of its time
 * (proto/border/results.txt).
 */
export const GROUPS_PER_TRANSACTION_MAX = 512;
/**
 * Coins after which a transaction takes no further group: each may lie on its own page of 17 KiB.
 */
export const COINS_PER_TRANSACTION_MAX = 4096;
/**
 * Page loads served between two transactions: 256 take about 1 ms, so commits do not wait for long.
 */
export const LOADS_PER_TURN_MAX = 256;

/** Rows of one slice of a walk over the Merkle leaves: looking them up takes well under 1 ms. */
export const LEAF_ROWS_PER_SLICE = 512;
/** Leaves computed in one slice: 17 KiB read and 16 KiB hashed for each, about 1.5 ms in all. */
export const LEAVES_PER_SLICE = 32;
/**
 * Turns of the store thread after which spare work gets one although stores wait to commit: all 25
 * stores of a local network have committed once, and none waits for two slices.
 */
export const TURNS_PER_SPARE_TURN = 25;

/**
 * Waits between two attempts to open, read or probe a store that fails, doubled from the first to
 * the last.
 */
export const RETRY_FIRST_MS = 100;
export const RETRY_LAST_MS = 5000;

/** Pages of 4 KiB in the write-ahead log before SQLite moves them to the database: 16 MiB. */
export const WAL_PAGES = 4000;
/** The log file is cut back to this after a larger transaction. */
export const WAL_BYTES_KEPT = 33554432;
/** SQLite's page cache of one store: 25 stores in a process stay at 100 MiB. */
export const CACHE_KIB = 4096;
