/** Coins from NDJSON into a store, in batches that are made whole or not at all. */
import type { CoinStore } from '../store/coin-store.ts';
import { type CoinRecord, parseRecord, readLines } from './coin-records.ts';
import {
  CoinBatch,
  type CoinsConfig,
  CoinsInterruptedError,
  type CoinsOptions,
  withStore,
} from './coins-store.ts';

/** Records of one transaction: 4096 pages of 17 KiB at the worst. */
export const IMPORT_BATCH_RECORDS = 4096;

export interface ImportOptions extends CoinsOptions {
  /** true: also write over coins in circulation. */
  replace?: boolean;
}

export interface ImportResult {
  records: number;
  changed: number;
  /** They were in the store already, equal in AN and MFS. */
  unchanged: number;
}

/** A record would take a coin away from whoever holds it. */
export class CoinInUseError extends Error {
  readonly code = 'ANDVARI_COIN_IN_USE';
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, { denomination, serialNumber }: CoinRecord) {
    const coin = `denomination ${denomination}, serial number ${serialNumber}`;
    super(`line ${line}: ${coin}: in circulation with another AN or MFS; --replace takes it over`);
    this.name = 'CoinInUseError';
    this.line = line;
  }
}

interface Line {
  record: CoinRecord;
  line: number;
}

/**
 * Every line is checked before its batch of 4096 is written, and a batch is written whole or not at
 * all, so that after an error the file can be mended and imported again: what is there already
 * counts as unchanged. A coin in circulation whose AN or MFS differs is refused without `replace`:
 * an old file would take it from whoever owns it by now.
 *
 * Throws CoinInputError, CoinInUseError, CoinsInterruptedError, and the store's errors.
 */
export function importCoins(
  config: CoinsConfig,
  input: AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { pagesPerDenomination } = config.raida;
  return withStore(config, { create: true }, async (store) => {
    const result: ImportResult = { records: 0, changed: 0, unchanged: 0 };
    let batch: Line[] = [];
    const write = () => {
      const changed = writeBatch(store, batch, options.replace ?? false);
      result.records += batch.length;
      result.changed += changed;
      result.unchanged += batch.length - changed;
      batch = [];
      options.onProgress?.(result.records);
    };
    for await (const { text, line } of readLines(input)) {
      batch.push({ record: parseRecord(text, line, pagesPerDenomination), line });
      if (batch.length < IMPORT_BATCH_RECORDS) continue;
      write();
      if (options.signal?.aborted) {
        throw new CoinsInterruptedError(`interrupted after ${result.records} records`);
      }
    }
    if (batch.length > 0) write();
    return result;
  });
}

/** One transaction. Gives the number of records that changed something. */
function writeBatch(store: CoinStore, lines: readonly Line[], replace: boolean): number {
  const batch = new CoinBatch(store);
  let changed = 0;
  try {
    for (const { record, line } of lines) {
      const { an, mfs } = batch.get(record);
      if (mfs === record.mfs && Buffer.compare(an, record.authenticationNumber) === 0) continue;
      if (mfs !== 0 && !replace) throw new CoinInUseError(line, record);
      batch.put(record);
      changed++;
    }
    store.commit();
  } finally {
    store.rollback();
  }
  return changed;
}
