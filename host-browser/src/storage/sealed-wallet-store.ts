/**
 * host-common's WalletStore over IndexedDB, sealed. One record for each coin, so that a change
 * rewrites only what it changes, and one for the wallet's counter; both sides of a change go in
 * one transaction.
 *
 * | key | value |
 * |---|---|
 * | `header` | SealHeader, in clear: salt, iterations, verifier |
 * | `state` | sealed: next id, u32 big-endian |
 * | `coin/<id>` | sealed: wallet-record.ts's bytes |
 * | `ratatoskr/<name>` | the Ratatoskr client's: device-key.ts, payment-note.ts |
 * | `peer/<name>` | the peer node's: peer-keys.ts, peer-vault-bans.ts |
 * | `unfinished` | sealed: JSON of Unfinished[], while such work is under way |
 */

import type { WalletEntry } from '@andvari/host-common/raida/wallet-entry';
import { emitWalletEntry, parseWalletEntry } from '@andvari/host-common/raida/wallet-record';
import type {
  WalletChange,
  WalletState,
  WalletStore,
} from '@andvari/host-common/raida/wallet-store';
import { Database } from './database.ts';
import {
  createSeal,
  openSeal,
  SealError,
  type SealedRecord,
  type SealHeader,
  seal,
  unseal,
} from './seal.ts';

const HEADER = 'header';
const STATE = 'state';
const COIN_PREFIX = 'coin/';
const UNFINISHED = 'unfinished';
/** Version of every kind of record; authenticated with each. */
const RECORD_VERSION = 1;
/** Records sealed or opened side by side: enough to keep the crypto thread busy. */
const SIDE_BY_SIDE = 256;

/** Work that the coins' own records cannot tell of when it is cut off. */
export type Unfinished =
  | { readonly kind: 'heal'; readonly ids: readonly number[] }
  | { readonly kind: 'take'; readonly code: string };

/** Named values beside the coins, each on disk before it counts. */
export interface Vault {
  read(name: string): Promise<unknown>;
  /** As it is: for what is no secret, or what no script can read. Undefined: removes it. */
  keep(name: string, value: unknown): Promise<void>;
  /** For `keep`. `bytes` stay the caller's. */
  seal(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<SealedRecord>;
  /** Throws SealError ANDVARI_SEAL_BROKEN. */
  unseal(name: string, record: SealedRecord): Promise<Uint8Array<ArrayBuffer>>;
}

export class SealedWalletStore implements WalletStore {
  readonly #database: Database;
  readonly #key: CryptoKey;

  private constructor(database: Database, key: CryptoKey) {
    this.#database = database;
    this.#key = key;
  }

  /** Is there a wallet in the database called `name`? Throws DatabaseError. */
  static async exists(name: string): Promise<boolean> {
    const database = await Database.open(name);
    try {
      return (await database.read(HEADER)) !== undefined;
    } finally {
      database.close();
    }
  }

  /**
   * Make an empty wallet. Throws SealError ANDVARI_WEAK_PASSPHRASE, or DatabaseError
   * ANDVARI_STORAGE_EXISTS: a wallet that is there is never overwritten.
   */
  static async create(name: string, passphrase: string): Promise<SealedWalletStore> {
    const { header, key } = await createSeal(passphrase);
    return SealedWalletStore.#opened(name, async (database) => {
      const store = new SealedWalletStore(database, key);
      const state = await store.#sealState(1);
      await database.write({ add: { [HEADER]: header, [STATE]: state } });
      return store;
    });
  }

  /** Open the wallet. Throws SealError ANDVARI_WRONG_PASSPHRASE. */
  static async open(name: string, passphrase: string): Promise<SealedWalletStore> {
    return SealedWalletStore.#opened(name, async (database) => {
      const header = (await database.read(HEADER)) as SealHeader | undefined;
      if (header === undefined) {
        throw new SealError('ANDVARI_SEAL_UNKNOWN', 'There is no wallet here yet.');
      }
      return new SealedWalletStore(database, await openSeal(passphrase, header));
    });
  }

  static async #opened(
    name: string,
    make: (database: Database) => Promise<SealedWalletStore>,
  ): Promise<SealedWalletStore> {
    const database = await Database.open(name);
    try {
      return await make(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Throws SealError ANDVARI_SEAL_BROKEN when a record was changed or is missing. */
  async load(): Promise<WalletState> {
    const state = (await this.#database.read(STATE)) as SealedRecord | undefined;
    if (state === undefined) throw missing();
    const opened = await unseal(this.#key, STATE, state);
    const nextId = new DataView(opened.buffer).getUint32(0);
    const records = await this.#database.readAll(COIN_PREFIX);
    const entries = await inParts(records, async ([key, record]) => {
      const bytes = await unseal(this.#key, key, record as SealedRecord);
      return parseWalletEntry(bytes);
    });
    return { nextId, entries: entries.sort((a, b) => a.id - b.id) };
  }

  async save({ put, remove, nextId }: WalletChange): Promise<void> {
    // All sealing comes first: a transaction ends by itself while a promise is awaited in it.
    const sealed = await inParts(put, async (entry) => {
      const key = coinKey(entry);
      const bytes = emitWalletEntry(entry);
      const record = await seal(this.#key, key, RECORD_VERSION, bytes);
      bytes.fill(0);
      return [key, record] as const;
    });
    const state = await this.#sealState(nextId);
    await this.#database.write({
      put: { ...Object.fromEntries(sealed), [STATE]: state },
      remove: remove.map((id) => coinKey({ id })),
    });
  }

  /** What was under way when the page last ended, if it ended in the middle of it. */
  async unfinished(): Promise<readonly Unfinished[]> {
    const record = (await this.#database.read(UNFINISHED)) as SealedRecord | undefined;
    if (record === undefined) return [];
    const bytes = await unseal(this.#key, UNFINISHED, record);
    // Sealed by this wallet's own key: nobody else can have written it.
    return JSON.parse(new TextDecoder().decode(bytes)) as readonly Unfinished[];
  }

  /** Keeps exactly these notes, durably. */
  async noteUnfinished(notes: readonly Unfinished[]): Promise<void> {
    if (notes.length === 0) return this.#database.write({ remove: [UNFINISHED] });
    const bytes = new TextEncoder().encode(JSON.stringify(notes));
    const record = await seal(this.#key, UNFINISHED, RECORD_VERSION, bytes);
    bytes.fill(0);
    await this.#database.write({ put: { [UNFINISHED]: record } });
  }

  /** Whose names are apart from those of the others. */
  vault(owner: 'ratatoskr' | 'peer'): Vault {
    const keyOf = (name: string) => `${owner}/${name}`;
    return {
      read: (name) => this.#database.read(keyOf(name)),
      keep: (name, value) =>
        value === undefined
          ? this.#database.write({ remove: [keyOf(name)] })
          : this.#database.write({ put: { [keyOf(name)]: value } }),
      seal: (name, bytes) => seal(this.#key, keyOf(name), RECORD_VERSION, bytes),
      unseal: (name, record) => unseal(this.#key, keyOf(name), record),
    };
  }

  close(): void {
    this.#database.close();
  }

  #sealState(nextId: number): Promise<SealedRecord> {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, nextId);
    return seal(this.#key, STATE, RECORD_VERSION, bytes);
  }
}

function coinKey({ id }: Pick<WalletEntry, 'id'>): string {
  return `${COIN_PREFIX}${id}`;
}

function missing(): SealError {
  const text = 'The stored wallet is not whole: its first record is missing.';
  return new SealError('ANDVARI_SEAL_BROKEN', text);
}

/** Promise.all, but never more than SIDE_BY_SIDE at once. */
async function inParts<T, R>(list: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let first = 0; first < list.length; first += SIDE_BY_SIDE) {
    results.push(...(await Promise.all(list.slice(first, first + SIDE_BY_SIDE).map(work))));
  }
  return results;
}
