/** The coins of a store as NDJSON, in (denomination, serial number) order. */
import { PAGE_BYTES, PAGE_RECORDS, RECORD_BYTES } from '../store/coin-store.ts';
import { emitRecord } from './coin-records.ts';
import {
  type CoinsConfig,
  CoinsInterruptedError,
  type CoinsOptions,
  withStore,
} from './coins-store.ts';
import type { RecordOutput } from './record-output.ts';

export interface ExportOptions extends CoinsOptions {
  /** true: also records with MFS 0, as far as their page was ever written. */
  all?: boolean;
}

/**
 * Writes a page's records at a time; the output is finished when all are written and discarded when
 * not. Throws CoinsInterruptedError, the store's errors and the output's.
 */
export function exportCoins(
  config: CoinsConfig,
  openOutput: () => RecordOutput,
  options: ExportOptions = {},
): Promise<{ records: number }> {
  return withStore(config, { create: false }, async (store) => {
    const output = openOutput();
    let records = 0;
    try {
      const page = new Uint8Array(PAGE_BYTES);
      for (const { denominationIndex, page: number } of store.storedPages()) {
        store.readPage(denominationIndex, number, page);
        let text = '';
        for (let record = 0; record < PAGE_RECORDS; record++) {
          const at = record * RECORD_BYTES;
          const mfs = page[at + 16] ?? 0;
          if (mfs === 0 && !options.all) continue;
          const authenticationNumber = page.subarray(at, at + 16);
          const coin = {
            denomination: denominationIndex - 8,
            serialNumber: number * PAGE_RECORDS + record,
          };
          text += emitRecord({ ...coin, authenticationNumber, mfs });
          records++;
        }
        await output.write(text);
        options.onProgress?.(records);
        if (options.signal?.aborted) throw new CoinsInterruptedError('interrupted');
      }
      await output.finish();
    } catch (error) {
      output.discard();
      throw error;
    }
    return { records };
  });
}
