/** New coins: free serial numbers, random ANs, brought into circulation on this one server. */
import { randomFillSync } from 'node:crypto';
import {
  type CoinStore,
  PAGE_BYTES,
  PAGE_RECORDS,
  RECORD_BYTES,
  StoreUnknownError,
} from '../store/coin-store.ts';
import { type CoinRecord, emitRecord, mfsOf } from './coin-records.ts';
import { CoinBatch, type CoinsConfig, type CoinsOptions, withStore } from './coins-store.ts';
import type { RecordOutput } from './record-output.ts';

const WRITE_RECORDS = 4096;

export interface CreateOptions extends CoinsOptions {
  denomination: number;
  count: number;
  /** Free serial numbers are taken from here upwards. Default 0. */
  firstSerialNumber?: number;
  now?: Date;
}

/** There are fewer free serial numbers than coins wanted; nothing was made. */
export class NoFreeCoinsError extends Error {
  readonly code = 'ANDVARI_NO_FREE_COINS';
}

/**
 * Nobody can say whether the coins were brought into circulation; the records say how to find out.
 */
export class CoinsInDoubtError extends Error {
  readonly code = 'ANDVARI_STORE_UNKNOWN';
}

/** The coins are made, but the file with their records could not get its name. */
export class CoinsUnplacedError extends Error {
  readonly code = 'ANDVARI_COINS_UNPLACED';
}

/**
 * Makes `count` coins. Order: the records are written and flushed first, then committed, then put
 * under their final name. A coin in circulation whose AN nobody holds is money lost, and after a
 * crash nobody would even look for it; a record that is not in circulation yet is only a line in a
 * file. So whenever this ends early there is either no file and no coin, or a file
 * `FILE.uncommitted` which `andvari coins import` brings to its end, whether the coins are in the
 * store already or not. (A wallet does the same when it stores new ANs before a pown.)
 *
 * Throws NoFreeCoinsError, CoinsInDoubtError, CoinsUnplacedError, RangeError, the store's errors
 * and the output's.
 */
export function createCoins(
  config: CoinsConfig,
  openOutput: () => RecordOutput,
  options: CreateOptions,
): Promise<{ records: number; firstSerialNumber: number; lastSerialNumber: number }> {
  const { denomination, count } = options;
  const mfs = mfsOf(options.now ?? new Date());
  return withStore(config, { create: true }, async (store) => {
    const free = freeSerialNumbers(store, config.raida.pagesPerDenomination, options);
    const ans = newAns(count);
    const recordOf = (index: number): CoinRecord => ({
      denomination,
      serialNumber: free[index] ?? 0,
      authenticationNumber: ans.subarray(index * 16, index * 16 + 16),
      mfs,
    });
    const output = openOutput();
    try {
      for (let index = 0; index < count; index += WRITE_RECORDS) {
        const length = Math.min(WRITE_RECORDS, count - index);
        await output.write(
          Array.from({ length }, (_, i) => emitRecord(recordOf(index + i))).join(''),
        );
      }
      await output.flush();
      putAll(store, count, recordOf);
    } catch (error) {
      if (error instanceof StoreUnknownError) throw inDoubt(error, output);
      output.discard();
      throw error;
    }
    try {
      await output.finish();
    } catch (error) {
      throw new CoinsUnplacedError(
        `the coins are in circulation, but their records are still in ${output.place}`,
        { cause: error },
      );
    }
    options.onProgress?.(count);
    const firstSerialNumber = free[0] ?? 0;
    return { records: count, firstSerialNumber, lastSerialNumber: free[count - 1] ?? 0 };
  });
}

/** All coins in one transaction: at most all pages of a denomination, 17 MiB. */
function putAll(store: CoinStore, count: number, recordOf: (index: number) => CoinRecord): void {
  const batch = new CoinBatch(store);
  try {
    for (let index = 0; index < count; index++) batch.put(recordOf(index));
    store.commit();
  } finally {
    store.rollback();
  }
}

/** The lowest serial numbers with MFS 0. Throws RangeError and NoFreeCoinsError. */
function freeSerialNumbers(
  store: CoinStore,
  pagesPerDenomination: number,
  { denomination, count, firstSerialNumber = 0 }: CreateOptions,
): Uint32Array {
  const most = pagesPerDenomination * PAGE_RECORDS;
  if (!(Number.isInteger(denomination) && denomination >= -8 && denomination <= 6)) {
    throw new RangeError(`denomination: wanted -8 to 6, got ${denomination}`);
  }
  if (!(Number.isInteger(count) && count >= 1 && count <= most)) {
    throw new RangeError(`count: wanted 1 to ${most}, got ${count}`);
  }
  const first = firstSerialNumber;
  if (!(Number.isInteger(first) && first >= 0 && first < most)) {
    throw new RangeError(`first serial number: wanted 0 to ${most - 1}, got ${first}`);
  }
  const free = new Uint32Array(count);
  const page = new Uint8Array(PAGE_BYTES);
  let found = 0;
  for (let serialNumber = first; serialNumber < most && found < count; serialNumber++) {
    const record = serialNumber % PAGE_RECORDS;
    if (record === 0 || serialNumber === first) {
      store.readPage(denomination + 8, Math.floor(serialNumber / PAGE_RECORDS), page);
    }
    if (page[record * RECORD_BYTES + 16] === 0) free[found++] = serialNumber;
  }
  if (found === count) return free;
  const where = `denomination ${denomination} from serial number ${first} on`;
  throw new NoFreeCoinsError(`${where}: wanted ${count} free serial numbers, there are ${found}`);
}

/**
 * Random ANs, none of which looks like the key of a locker or trade locker (reference: RAIDA
 * section 7).
 */
function newAns(count: number): Uint8Array {
  const ans = randomFillSync(new Uint8Array(count * 16));
  for (let index = 0; index < count; index++) {
    const an = ans.subarray(index * 16, index * 16 + 16);
    while (isLockerKey(an)) randomFillSync(an);
  }
  return ans;
}

function isLockerKey(an: Uint8Array): boolean {
  const endsWith = (byte: number, length: number) => an.subarray(-length).every((b) => b === byte);
  return endsWith(0xff, 4) || endsWith(0xee, 2);
}

function inDoubt(error: StoreUnknownError, { place }: RecordOutput): CoinsInDoubtError {
  const advice = `import the records in ${place}: that makes the missing coins and no more`;
  return new CoinsInDoubtError(`${error.message}; ${advice}`, { cause: error });
}
