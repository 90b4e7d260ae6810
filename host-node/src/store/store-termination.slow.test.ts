/**
 * The store thread is ended at random moments under load: whatever was acknowledged must be there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { identity, readCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { StoreClient } from './store-client.ts';
import type { StoreThreadData } from './store-messages.ts';
import { WrittenJournal } from './testing/written-journal.ts';

const COINS = 96;
const ROUNDS = 15;
const folder = mkdtempSync(join(tmpdir(), 'andvari-termination-'));
const path = join(folder, 'coins.db');
afterEach(() => rmSync(folder, { recursive: true }));

class EndableClient extends StoreClient {
  worker: Worker | undefined;
  protected override startWorker(data: StoreThreadData): Worker {
    this.worker = super.startWorker(data);
    return this.worker;
  }
}

/** Coins on three pages, 32 each. */
const serialOf = (coin: number) => (coin % 3) * 1024 + Math.floor(coin / 3);

function anOf(value: number): Uint8Array {
  const an = new Uint8Array(16);
  new DataView(an.buffer).setUint32(0, value);
  return an;
}

/**
 * The engine's side: what each coin holds now, and every change since the last discard, in order.
 */
class Model {
  readonly journal = new WrittenJournal(16384, 3);
  readonly now = new Map<number, { an: Uint8Array; mfs: number }>();
  history: { coin: number; value: number; end: number }[] = [];
  values = 0;

  publish(): boolean {
    if (this.journal.head - this.journal.committed() > 16000) return false;
    const coin = Math.floor(Math.random() * COINS);
    const old = this.now.get(coin);
    if (!old) throw new Error('no such coin');
    const value = ++this.values;
    const change = { denominationIndex: 8, serialNumber: serialOf(coin), newAn: anOf(value) };
    const record = { ...change, oldAn: old.an, oldMfs: old.mfs, newMfs: 30 };
    const end = this.journal.write([record]);
    this.now.set(coin, { an: record.newAn, mfs: 30 });
    this.history.push({ coin, value, end });
    return true;
  }

  /** The store must stand exactly behind some group that is not before `committed`. */
  expectPrefix(stored: Map<number, { an: Uint8Array; mfs: number }>, before: Map<number, number>) {
    const committed = this.journal.committed();
    const found = new Map<number, number>();
    for (const [coin, { an }] of stored) found.set(coin, new DataView(an.buffer).getUint32(0));
    const differing = new Set([...found.keys()].filter((c) => found.get(c) !== before.get(c)));
    let matched = differing.size === 0 && committed < (this.history[0]?.end ?? Infinity);
    for (const { coin, value, end } of this.history) {
      if (value === found.get(coin)) differing.delete(coin);
      else differing.add(coin);
      matched ||= differing.size === 0 && end >= committed;
    }
    expect(matched, `the store is no state at or behind position ${committed}`).toBe(true);
  }
}

/** Loads the three pages through the handle and gives the coins on them. */
async function readAll(load: (slot: number) => Promise<void>, model: Model) {
  const coins = new Map<number, { an: Uint8Array; mfs: number }>();
  for (let slot = 0; slot < 3; slot++) await load(slot);
  for (let coin = 0; coin < COINS; coin++) {
    const page = model.journal.page(coin % 3);
    const at = Math.floor(coin / 3) * 17;
    coins.set(coin, { an: page.slice(at, at + 16), mfs: page[at + 16] ?? 0 });
  }
  return coins;
}

test(`${ROUNDS} ends of the store thread under load lose nothing and make up nothing`, async () => {
  const model = new Model();
  const client = new EndableClient();
  let unknown: (() => void) | undefined;
  const loads = new Map<number, () => void>();
  const { memory, journalOffset, journalRecords, controlOffset } = model.journal;
  const place = { memory, journalOffset, journalRecords, controlOffset };
  const handle = await client.open(
    { ...identity, ...place, url: `sqlite:${path}` },
    {
      loaded: (slot) => loads.get(slot)?.(),
      committed: () => undefined,
      refused: (_position, error) => expect.fail(error.message),
      unknown: () => unknown?.(),
    },
  );
  const load = (slot: number) =>
    new Promise<void>((resolve) => {
      loads.set(slot, resolve);
      handle.load(slot, 8 * identity.pagesPerDenomination + slot, model.journal.pageOffset(slot));
    });
  let stored = await readAll(load, model);

  for (let round = 0; round < ROUNDS; round++) {
    const before = new Map<number, number>();
    for (const [coin, { an, mfs }] of stored) {
      before.set(coin, new DataView(an.buffer).getUint32(0));
      model.now.set(coin, { an, mfs });
    }
    model.history = [];
    const reopened = new Promise<void>((resolve) => {
      unknown = resolve;
    });
    const endAt = performance.now() + 20 + Math.random() * 100;
    while (performance.now() < endAt) {
      for (let i = 0; i < 200 && model.publish(); i++);
      handle.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.worker?.terminate();
    await reopened;
    stored = await readAll(load, model);
    model.expectPrefix(stored, before);
    model.journal.setCommitted(model.journal.head);
    handle.restart(BigInt(model.journal.head));
  }
  expect(model.values).toBeGreaterThan(1000);
  await client.close();

  const store = openSqliteStore({ ...identity, path });
  for (const [coin, value] of stored) expect(readCoin(store, 8, serialOf(coin))).toEqual(value);
  store.close();
});
