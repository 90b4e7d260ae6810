/**
 * Payments of Heidrun: which request pays with which locker and what amount, which coins of the
 * wallet came out of it, the code of the locker in which they go back if they have to, and in the
 * end the answer. Each is on the disk before the step that it announces, so a payment that was cut
 * off is gone on with, no locker pays twice, and a payment that has ended is answered from here
 * alone, for good. SQLite, mode 0600: codes of refunds are money until they are taken.
 */
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { makePrivateFile } from '../../files/private-file.ts';
import { whyNot } from '../../files/why-not.ts';

/** "AndP": the file says by itself what it is. */
const APPLICATION_ID = 0x416e6450;
const FORMAT = 2;
const SCHEMA = `
  CREATE TABLE payment (
    device TEXT NOT NULL,
    request TEXT NOT NULL,
    locker BLOB NOT NULL UNIQUE,
    coins TEXT,
    amount TEXT,
    refund TEXT,
    answer TEXT,
    PRIMARY KEY (device, request)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;
/** Format 1 kept no outcome: nothing is made up for it, and no coins are given back on a guess. */
const OUTCOME_NOT_KEPT = JSON.stringify({
  ...{ ok: false, error: 'OUTCOME_NOT_KEPT' },
  message: 'an earlier version took the coins and kept no outcome: ask who runs the server',
});
const FROM_FORMAT_1 = `
  ALTER TABLE payment ADD COLUMN amount TEXT;
  ALTER TABLE payment ADD COLUMN refund TEXT;
  ALTER TABLE payment ADD COLUMN answer TEXT;
  UPDATE payment SET coins = NULL, answer = '${OUTCOME_NOT_KEPT}' WHERE coins IS NOT NULL;
  PRAGMA user_version = ${FORMAT};
`;
/**
 * Some 500 MB. None is forgotten for room, since its coins were taken: when there is none, no new
 * payment begins. Each has cost its payer a coin, and is one of 1,000 requests of a device an hour.
 */
export const PAYMENTS_MAX = 1_000_000;

const coinsSchema = z.array(z.int());
const text = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined);
const rowSchema = z.object({
  locker: z.instanceof(Uint8Array),
  ...{ amount: text, coins: text, refund: text, answer: text },
});

export interface PaymentKey {
  deviceId: string;
  requestId: string;
}

export interface Payment {
  locker: Uint8Array;
  /** Decimal, empty when none was named; undefined in a row of format 1. */
  amount: string | undefined;
  /** Ids of coins in the wallet; undefined: taking them has not begun, or all has ended. */
  coins: number[] | undefined;
  /** The code of the locker made for this payment's refund; known before any coin is in it. */
  refund: string | undefined;
  /** JSON; it has ended. */
  answer: string | undefined;
}

/** The file holds no payments, or cannot be had. */
export class PaymentsError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_PAYMENTS';
  override readonly name = 'PaymentsError';
}

export class Payments {
  readonly #database: DatabaseSync;
  readonly #max: number;
  #count = 0;

  /** Opens the file or makes it. Throws PaymentsError. */
  constructor(path: string, max = PAYMENTS_MAX) {
    this.#max = max;
    try {
      makePrivateFile(path);
    } catch (cause) {
      throw new PaymentsError(`${path}: ${whyNot(cause)}`, { cause });
    }
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#prepare(path);
      const row = this.#database.prepare('SELECT count(*) AS n FROM payment').get();
      this.#count = Number(row?.['n']);
    } catch (error) {
      this.#database.close();
      if (error instanceof PaymentsError) throw error;
      throw new PaymentsError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** No payment more can begin. */
  get isFull(): boolean {
    return this.#count >= this.#max;
  }

  find({ deviceId, requestId }: PaymentKey): Payment | undefined {
    const row = this.#database
      .prepare('SELECT * FROM payment WHERE device = ? AND request = ?')
      .get(deviceId, requestId);
    if (!row) return undefined;
    const { coins, ...rest } = rowSchema.parse(row);
    return { ...rest, coins: coins === undefined ? undefined : parseCoins(coins) };
  }

  /** Whether a payment has this locker. `locker`: a digest of its code, never the code. */
  hasLocker(locker: Uint8Array): boolean {
    return (
      this.#database.prepare('SELECT 1 FROM payment WHERE locker = ?').get(locker) !== undefined
    );
  }

  /** Coins of payments that have not ended: whose they are is not decided. */
  undecidedCoins(): Set<number> {
    const rows = this.#database
      .prepare('SELECT coins FROM payment WHERE answer IS NULL AND coins IS NOT NULL')
      .all();
    return new Set(rows.flatMap(({ coins }) => parseCoins(String(coins))));
  }

  begin({ deviceId, requestId }: PaymentKey, about: Pick<Payment, 'locker' | 'amount'>): void {
    this.#database
      .prepare('INSERT INTO payment (device, request, locker, amount) VALUES (?, ?, ?, ?)')
      .run(deviceId, requestId, about.locker, about.amount ?? null);
    this.#count++;
  }

  keepCoins(key: PaymentKey, coins: readonly number[]): void {
    this.#set(key, 'coins = ?', JSON.stringify(coins));
  }

  /** Before any coin is in it. */
  keepRefund(key: PaymentKey, code: string): void {
    this.#set(key, 'refund = ?', code);
  }

  /** What `key` is told from now on. */
  end(key: PaymentKey, answer: string): void {
    this.#set(key, 'coins = NULL, answer = ?', answer);
  }

  /** Nothing was taken: the locker may pay another time. */
  forget({ deviceId, requestId }: PaymentKey): void {
    this.#database
      .prepare('DELETE FROM payment WHERE device = ? AND request = ?')
      .run(deviceId, requestId);
    this.#count--;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #set({ deviceId, requestId }: PaymentKey, assignment: string, value: string): void {
    this.#database
      .prepare(`UPDATE payment SET ${assignment} WHERE device = ? AND request = ?`)
      .run(value, deviceId, requestId);
  }

  #prepare(path: string): void {
    const database = this.#database;
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA');
    const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
    const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
    if (tables === 0) {
      database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`);
      return;
    }
    const format = pragma('application_id') === APPLICATION_ID ? pragma('user_version') : 0;
    if (format === 1) database.exec(`BEGIN EXCLUSIVE; ${FROM_FORMAT_1} COMMIT`);
    else if (format !== FORMAT) {
      throw new PaymentsError(`${path} holds no payments of format ${FORMAT}`);
    }
  }
}

function parseCoins(text: string): number[] {
  return coinsSchema.parse(JSON.parse(text));
}
