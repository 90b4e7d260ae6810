import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import {
  AN_BYTES,
  type Coin,
  type CoinKeys,
  DENOMINATION_MIN,
  KEYS_BYTES,
} from '@andvari/host-common/raida/coin';
import { formatCoinFile } from '@andvari/host-common/raida/coin-file';
import { replaceFileDurably } from '../files/durable-file.ts';
import { type DemoCoinFile, DemoCoinsExhaustedError } from '../http/page-server.ts';
import { type CoinStore, PAGE_BYTES, PAGE_RECORDS, RECORD_BYTES } from '../store/coin-store.ts';

/** What a visitor gets one coin each of: 0.01 to 1000 CloudCoin. */
export const DEMO_DENOMINATIONS = [-2, -1, 0, 1, 2, 3] as const;
/** Coins of each denomination: one page, so that the stock costs six pages a server. */
export const DEMO_COINS = PAGE_RECORDS;
/** The page that the stock fills; page 0 stays free for coins with small, speaking numbers. */
const DEMO_PAGE = 1;
const FIRST_SERIAL_NUMBER = DEMO_PAGE * PAGE_RECORDS;
/** Months since the start of CloudCoin that the demo coins carry; any number but 0 is in use. */
const DEMO_MFS = 1;
const SEED_BYTES = 32;

/** The file that says how many visitors have been served is not ours, or was damaged. */
export class DemoCursorError extends Error {
  readonly code = 'ANDVARI_DEMO_CURSOR';
  override readonly name = 'DemoCursorError';
}

/**
 * The coins that a demo network gives to its visitors. Every AN is
 * HMAC-SHA-256(seed, text "andvari-demo:<raida>:<denomination>:<serial number>"), its first 16
 * bytes; whoever has the seed owns every coin that nobody has powned yet.
 */
export class DemoCoins {
  readonly #key: KeyObject;
  readonly #cursorPath: string;
  readonly #coinId: number;
  #cursor: number;

  /**
   * @param seed 32 bytes
   * @param cursorPath the file that remembers how many visitors have had coins
   * @throws DemoCursorError
   */
  constructor(seed: Uint8Array, options: { cursorPath: string; coinId: number }) {
    if (seed.length !== SEED_BYTES) {
      throw new RangeError(`demo seed: wanted ${SEED_BYTES} bytes, got ${seed.length}`);
    }
    this.#key = createSecretKey(seed);
    this.#cursorPath = options.cursorPath;
    this.#coinId = options.coinId;
    this.#cursor = readCursor(options.cursorPath);
  }

  /** Visitors that can still be served. */
  get left(): number {
    return DEMO_COINS - this.#cursor;
  }

  /**
   * The next coin of each denomination as one coin file. The cursor is on disk before the coins
   * are given away: a crash may waste six coins, but nobody gets another's.
   * @throws DemoCoinsExhaustedError
   */
  take(): DemoCoinFile {
    if (this.left <= 0) throw new DemoCoinsExhaustedError();
    const serialNumber = FIRST_SERIAL_NUMBER + this.#cursor;
    replaceFileDurably(this.#cursorPath, `${JSON.stringify({ taken: this.#cursor + 1 })}\n`);
    this.#cursor++;
    const coins = DEMO_DENOMINATIONS.map((denomination) =>
      this.keys({ denomination, serialNumber }),
    );
    return formatCoinFile(coins, { tag: 'demo', coinId: this.#coinId });
  }

  /** A coin of the stock with its 25 ANs. */
  keys(coin: Coin): CoinKeys {
    const authenticationNumbers = new Uint8Array(KEYS_BYTES);
    for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
      authenticationNumbers.set(this.#number(raidaId, coin), raidaId * AN_BYTES);
    }
    return { ...coin, authenticationNumbers };
  }

  /**
   * Put the whole stock into one server's store, which nobody else has open. Coins that are there
   * already stay as they are, so that an interrupted first start can be made again.
   * Throws what the store throws; nothing is in it then.
   */
  stock(store: CoinStore, raidaId: number): void {
    const page = new Uint8Array(PAGE_BYTES);
    store.begin();
    try {
      for (const denomination of DEMO_DENOMINATIONS) {
        const denominationIndex = denomination - DENOMINATION_MIN;
        store.readPage(denominationIndex, DEMO_PAGE, page);
        for (let index = 0; index < PAGE_RECORDS; index++) {
          const at = index * RECORD_BYTES;
          const oldMfs = page[at + AN_BYTES] as number;
          if (oldMfs !== 0) continue;
          const serialNumber = FIRST_SERIAL_NUMBER + index;
          store.apply({
            denominationIndex,
            serialNumber,
            oldAn: page.subarray(at, at + AN_BYTES),
            oldMfs,
            newAn: this.#number(raidaId, { denomination, serialNumber }),
            newMfs: DEMO_MFS,
          });
        }
      }
    } catch (error) {
      store.rollback();
      throw error;
    }
    store.commit();
  }

  #number(raidaId: number, { denomination, serialNumber }: Coin): Uint8Array {
    return createHmac('sha256', this.#key)
      .update(`andvari-demo:${raidaId}:${denomination}:${serialNumber}`)
      .digest()
      .subarray(0, AN_BYTES);
  }
}

function readCursor(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  let taken: unknown;
  try {
    taken = (JSON.parse(text) as { taken?: unknown }).taken;
  } catch {
    taken = undefined;
  }
  if (Number.isInteger(taken) && (taken as number) >= 0 && (taken as number) <= DEMO_COINS) {
    return taken as number;
  }
  // To start again at 0 would give the same coins to two visitors.
  throw new DemoCursorError(`${path}: wanted {"taken": 0 to ${DEMO_COINS}}`);
}
