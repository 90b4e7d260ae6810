/**
 * Payments of Heidrun: which request pays with which locker, and which coins of the wallet came
 * out of it. Each row is on the disk before the step that it announces, so a payment that was cut
 * off is gone on with, and no locker pays twice. SQLite, mode 0600.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';

/** "AndP": the file says by itself what it is. */
const APPLICATION_ID = 0x416e6450;
const FORMAT = 1;
const SCHEMA = `
  CREATE TABLE payment (
    device TEXT NOT NULL,
    request TEXT NOT NULL,
    locker BLOB NOT NULL UNIQUE,
    coins TEXT,
    PRIMARY KEY (device, request)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

const coinsSchema = z.array(z.int());

export interface PaymentKey {
  deviceId: string;
  requestId: string;
}

export interface Payment {
  /** Ids of coins in the wallet; undefined: taking them has not begun as far as anybody knows. */
  coins: number[] | undefined;
}

/** The file holds no payments. */
export class PaymentsError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_PAYMENTS';
  override readonly name = 'PaymentsError';
}

export class Payments {
  readonly #database: DatabaseSync;

  /** Opens the file or makes it. Throws PaymentsError and Node's errors. */
  constructor(path: string) {
    closeSync(openSync(path, 'a', 0o600));
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#prepare(path);
    } catch (error) {
      this.#database.close();
      if (error instanceof PaymentsError) throw error;
      throw new PaymentsError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  find({ deviceId, requestId }: PaymentKey): Payment | undefined {
    const row = this.#database
      .prepare('SELECT coins FROM payment WHERE device = ? AND request = ?')
      .get(deviceId, requestId);
    if (!row) return undefined;
    const coins = row['coins'] as string | null;
    return { coins: coins === null ? undefined : coinsSchema.parse(JSON.parse(coins)) };
  }

  /** Whether a payment has this locker. `locker`: a digest of its code, never the code. */
  hasLocker(locker: Uint8Array): boolean {
    return (
      this.#database.prepare('SELECT 1 FROM payment WHERE locker = ?').get(locker) !== undefined
    );
  }

  begin({ deviceId, requestId }: PaymentKey, locker: Uint8Array): void {
    this.#database
      .prepare('INSERT INTO payment (device, request, locker) VALUES (?, ?, ?)')
      .run(deviceId, requestId, locker);
  }

  keepCoins({ deviceId, requestId }: PaymentKey, coins: readonly number[]): void {
    this.#database
      .prepare('UPDATE payment SET coins = ? WHERE device = ? AND request = ?')
      .run(JSON.stringify(coins), deviceId, requestId);
  }

  /** Nothing was taken: the locker may pay another time. */
  forget({ deviceId, requestId }: PaymentKey): void {
    this.#database
      .prepare('DELETE FROM payment WHERE device = ? AND request = ?')
      .run(deviceId, requestId);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(path: string): void {
    const database = this.#database;
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA');
    const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
    const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
    if (tables === 0) database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`);
    else if (pragma('application_id') !== APPLICATION_ID || pragma('user_version') !== FORMAT) {
      throw new PaymentsError(`${path} holds no payments of format ${FORMAT}`);
    }
  }
}
