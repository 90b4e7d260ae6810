import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { Control, Journal } from '@andvari/host-common/engine/generated/layout';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AnyStoreError, type CoinChange, RECORD_BYTES } from './coin-store.ts';
import { identity, putCoin, readCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { type OpenHandleOptions, StoreClient, type StoreEvents } from './store-client.ts';
import type { StoreThreadData } from './store-messages.ts';
import type { Fault } from './testing/fault-store.ts';
import { WrittenJournal } from './testing/written-journal.ts';

const an = (value: number) => new Uint8Array(16).fill(value);
const faults = new URL('./testing/fault-store.ts', import.meta.url);

/** The thread can be ended by the test, and what is posted to it is counted. */
class WatchedClient extends StoreClient {
  worker: Worker | undefined;
  wakes = 0;

  protected override startWorker(data: StoreThreadData): Worker {
    const worker = super.startWorker(data);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: { kind: string }) => {
      if (message.kind === 'wake') this.wakes++;
      post(message);
    };
    this.worker = worker;
    return worker;
  }
}

/** Everything a store said, in order. */
class Heard implements StoreEvents {
  readonly log: string[] = [];
  readonly errors: AnyStoreError[] = [];
  loaded(slot: number) {
    this.log.push(`loaded ${slot}`);
  }
  committed(position: bigint) {
    this.log.push(`committed ${position}`);
  }
  refused(position: bigint, error: AnyStoreError) {
    this.log.push(`refused ${position}`);
    this.errors.push(error);
  }
  unknown(position: bigint, error: AnyStoreError) {
    this.log.push(`unknown ${position}`);
    this.errors.push(error);
  }
  ready(ready: boolean) {
    this.log.push(ready ? 'ready' : 'not ready');
  }
  trouble(error: AnyStoreError) {
    this.errors.push(error);
  }
  async until(entry: string) {
    await vi.waitFor(() => expect(this.log).toContain(entry), { timeout: 20000, interval: 2 });
  }
}

let folder: string;
let path: string;
let client: WatchedClient;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-thread-'));
  path = join(folder, 'coins.db');
  client = new WatchedClient({ factory: faults });
});
afterEach(async () => {
  await client.close();
  rmSync(folder, { recursive: true });
});

const fault = (name: Fault, always = false) =>
  writeFileSync(`${path}.fault`, always ? `${name} always` : name);
const clearFault = () => rmSync(`${path}.fault`, { force: true });

async function open(journal: WrittenJournal, options: Partial<OpenHandleOptions> = {}) {
  const heard = new Heard();
  const { memory, journalOffset, journalRecords, controlOffset } = journal;
  const place = { memory, journalOffset, journalRecords, controlOffset };
  const handle = await client.open(
    { ...identity, ...place, url: `sqlite:${path}`, ...options },
    heard,
  );
  return { heard, handle, journal };
}

/** What the coin holds in the database, read behind the thread's back after it has closed. */
async function inStore(serialNumber: number) {
  await client.close();
  const store = openSqliteStore({ ...identity, path });
  try {
    return readCoin(store, 8, serialNumber);
  } finally {
    store.close();
  }
}

/** Coins (denomination 0) with AN 1, 1, ... and MFS 30, put into the database before the thread has it. */
function prepare(coins: number) {
  const store = openSqliteStore({ ...identity, path });
  for (let sn = 0; sn < coins; sn++) putCoin(store, [8, sn], an(1), 30);
  store.close();
}

function change(serialNumber: number, from: number, to: number): CoinChange {
  const mfs = { oldMfs: 30, newMfs: 30 };
  return { denominationIndex: 8, serialNumber, oldAn: an(from), newAn: an(to), ...mfs };
}

describe('committing', () => {
  test('published groups are committed in order, and the count of the store is there', async () => {
    prepare(3);
    const { heard, handle, journal } = await open(new WrittenJournal());
    expect(handle.counts[8]).toBe(3);
    journal.write([change(0, 1, 2)]);
    journal.write([change(0, 2, 3), change(1, 1, 7)], 2);
    const end = journal.write([{ ...change(2, 1, 9), newMfs: 0 }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(journal.committed()).toBe(end);
    expect(handle.counts[8]).toBe(2);
    expect(handle.ready).toBe(true);
    await expect(inStore(0)).resolves.toEqual({ an: an(3), mfs: 30 });
    await expect(inStore(1)).resolves.toEqual({ an: an(7), mfs: 30 });
    await expect(inStore(2)).resolves.toEqual({ an: an(9), mfs: 0 });
  });

  test('it stops at a group that is not published and goes on when it is', async () => {
    prepare(3);
    const { heard, handle, journal } = await open(new WrittenJournal());
    const first = journal.write([change(0, 1, 2)]);
    const late = journal.fill([change(1, 1, 2)]);
    const last = journal.write([change(2, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${first}`);
    handle.wake();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(journal.committed()).toBe(first);
    journal.publish(late);
    handle.wake();
    await heard.until(`committed ${last}`);
  });

  test('positions run on when the ring starts again', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal(16));
    for (let round = 1; round <= 40; round++) {
      const end = journal.write([change(0, round, round + 1)], round % 3);
      handle.wake();
      await heard.until(`committed ${end}`);
    }
    await expect(inStore(0)).resolves.toEqual({ an: an(41), mfs: 30 });
  });

  test('a journal that has been in use is taken up where it is', async () => {
    prepare(1);
    const journal = new WrittenJournal(16);
    journal.head = 4294967296 + 5;
    journal.setCommitted(journal.head);
    const { heard, handle } = await open(journal);
    const end = journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(end).toBe(4294967296 + 7);
  });

  test('wakes are coalesced, and none is lost', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    for (let i = 0; i < 1000; i++) handle.wake();
    // One on its way at a time; the thread may have read some while we were asking.
    expect(client.wakes).toBeGreaterThan(0);
    expect(client.wakes).toBeLessThan(100);
    let end = 0;
    for (let round = 1; round <= 100; round++) {
      end = journal.write([change(0, round, round + 1)]);
      handle.wake();
      if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await heard.until(`committed ${end}`);
  });

  test('close commits what is published', async () => {
    prepare(1);
    const { handle, journal } = await open(new WrittenJournal());
    const end = journal.write([change(0, 1, 2)]);
    await handle.close();
    expect(journal.committed()).toBe(end);
    await expect(inStore(0)).resolves.toEqual({ an: an(2), mfs: 30 });
  });

  test('a store with a full journal does not keep 24 others waiting', async () => {
    const open25 = Array.from({ length: 25 }, (_, raidaId) =>
      open(new WrittenJournal(65536), { raidaId, url: `sqlite:${join(folder, `${raidaId}.db`)}` }),
    );
    const opened = await Promise.all(open25);
    const order: number[] = [];
    const ends = opened.map(({ journal, heard }, raidaId) => {
      heard.committed = () => order.push(raidaId);
      const groups = raidaId === 0 ? 16384 : 1;
      for (let i = 0; i < groups; i++) journal.write([], i % 2);
      return journal.head;
    });
    for (const { handle } of opened) handle.wake();
    await vi.waitFor(() => {
      for (const [i, { journal }] of opened.entries()) expect(journal.committed()).toBe(ends[i]);
    });
    expect(order.slice(0, 25).sort((a, b) => a - b)).toEqual([...opened.keys()]);
    expect(order.filter((raidaId) => raidaId === 0)).toHaveLength(32);
  });
});

describe('opening', () => {
  test('a store that is open is busy; one of another server is refused', async () => {
    await open(new WrittenJournal());
    const busy = open(new WrittenJournal());
    await expect(busy).rejects.toMatchObject({ code: 'ANDVARI_STORE_BUSY' });
    const other = join(folder, 'other.db');
    openSqliteStore({ ...identity, raidaId: 9, path: other }).close();
    const wrong = open(new WrittenJournal(), { url: `sqlite:${other}` });
    await expect(wrong).rejects.toMatchObject({ code: 'ANDVARI_STORE_MISMATCH' });
  });

  test('memory that is not shared, or too small, is refused', async () => {
    const journal = new WrittenJournal();
    const memory = new WebAssembly.Memory({ initial: 10, maximum: 10 });
    await expect(open(journal, { memory })).rejects.toThrow(TypeError);
    await expect(open(journal, { journalRecords: 1 << 24 })).rejects.toThrow(RangeError);
    await expect(open(journal, { journalRecords: 100 })).rejects.toThrow(RangeError);
    await expect(open(journal, { controlOffset: 4 })).rejects.toThrow(RangeError);
    await expect(open(journal, { raidaId: 25 })).rejects.toThrow(RangeError);
  });

  test('a thread that cannot start is an error, not a wait', async () => {
    const broken = new StoreClient({ factory: new URL('./testing/missing.ts', import.meta.url) });
    const { memory, journalOffset, journalRecords, controlOffset } = new WrittenJournal();
    const place = { memory, journalOffset, journalRecords, controlOffset };
    const opening = broken.open({ ...identity, ...place, url: 'memory:' }, new Heard());
    await expect(opening).rejects.toMatchObject({ code: 'ANDVARI_STORE_OPEN' });
    await broken.close();
  });

  test('memory: runs in the same thread', async () => {
    const real = new StoreClient();
    const journal = new WrittenJournal();
    const { memory, journalOffset, journalRecords, controlOffset } = journal;
    const place = { memory, journalOffset, journalRecords, controlOffset };
    const heard = new Heard();
    const handle = await real.open({ ...identity, ...place, url: 'memory:' }, heard);
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await heard.until('loaded 0');
    const oldAn = journal.page(0).slice(0, 16);
    const end = journal.write([{ ...change(0, 0, 5), oldAn, oldMfs: 0 }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(handle.counts[8]).toBe(1);
    await real.close();
  });
});

describe('loading pages', () => {
  test('a page comes to its place as committed, blank ones too', async () => {
    prepare(2);
    const { heard, handle, journal } = await open(new WrittenJournal());
    handle.load(3, 8 * identity.pagesPerDenomination, journal.pageOffset(3));
    handle.load(4, 15 * identity.pagesPerDenomination - 1, journal.pageOffset(4));
    await heard.until('loaded 4');
    expect(heard.log).toEqual(['loaded 3', 'loaded 4']);
    expect(journal.page(3).slice(0, 17)).toEqual(Uint8Array.of(...an(1), 30));
    expect(new Set(journal.page(4).slice(0, 16)).size).toBeGreaterThan(1);
    expect(journal.page(5).every((byte) => byte === 0)).toBe(true);
  });

  test('a later load of a slot takes the place of an earlier one, also of one that failed', async () => {
    prepare(1025);
    const { heard, handle, journal } = await open(new WrittenJournal());
    const first = 8 * identity.pagesPerDenomination;
    fault('read');
    handle.load(0, first, journal.pageOffset(0));
    await vi.waitFor(() => expect(heard.errors).toHaveLength(1));
    handle.load(0, first + 1, journal.pageOffset(0));
    await heard.until('loaded 0');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard.log).toEqual(['loaded 0']);
    expect(journal.page(0)[16]).toBe(30);
    expect(journal.page(0)[RECORD_BYTES + 16]).toBe(0);
  });

  test('a page that cannot be read is tried again and not reported before', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    fault('read', true);
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(heard.log).toEqual([]);
    clearFault();
    await heard.until('loaded 0');
    expect(journal.page(0)[16]).toBe(30);
  });

  test('a page or a place that cannot be is refused', async () => {
    const { handle, journal } = await open(new WrittenJournal());
    const pages = 15 * identity.pagesPerDenomination;
    const end = journal.memory.buffer.byteLength;
    expect(() => handle.load(0, pages, journal.pageOffset(0))).toThrow(RangeError);
    expect(() => handle.load(0, -1, journal.pageOffset(0))).toThrow(RangeError);
    expect(() => handle.load(0, 0, end - 17407)).toThrow(RangeError);
  });
});

describe('a refusal', () => {
  test('names the first group that was not committed, and waits for restart', async () => {
    prepare(2);
    const { heard, handle, journal } = await open(new WrittenJournal());
    const good = journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${good}`);
    fault('refuse');
    journal.write([change(0, 2, 3)]);
    journal.write([change(1, 1, 3)]);
    handle.wake();
    await heard.until(`refused ${good}`);
    expect(heard.errors[0]).toMatchObject({ code: 'ANDVARI_STORE_REFUSED' });
    expect(handle.ready).toBe(false);
    handle.wake();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(journal.committed()).toBe(good);

    // The engine's rollback: everything up to the head counts as settled.
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    const end = journal.write([change(0, 2, 4)]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(handle.ready).toBe(true);
    const order = [
      `committed ${good}`,
      'not ready',
      `refused ${good}`,
      `committed ${end}`,
      'ready',
    ];
    expect(heard.log).toEqual(order);
    await expect(inStore(0)).resolves.toEqual({ an: an(4), mfs: 30 });
    await expect(inStore(1)).resolves.toEqual({ an: an(1), mfs: 30 });
  });

  test('without traffic the thread finds out by itself that the store works again', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    fault('refuse', true);
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until('refused 0');
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(handle.ready).toBe(false);
    clearFault();
    await heard.until('ready');
    expect(handle.ready).toBe(true);
    expect(journal.committed()).toBe(journal.head);
  });
});

describe('an unknown outcome', () => {
  test.each([
    ['unknown-before', 1],
    ['unknown-after', 2],
    ['die-before', 1],
    ['die-after', 2],
  ] as const)('%s: the store is opened again, and read instead of guessed', async (name, value) => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    fault(name);
    journal.write([{ ...change(0, 1, 2), newMfs: 0 }]);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.log).toEqual(['not ready', 'unknown 0']);
    expect(heard.errors[0]).toMatchObject({ code: 'ANDVARI_STORE_UNKNOWN' });
    expect(journal.committed()).toBe(0);
    expect(handle.counts[8]).toBe(value === 1 ? 1 : 0);

    // The engine's discard, and a page read anew.
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await heard.until('loaded 0');
    expect(journal.page(0)[0]).toBe(value);
    await heard.until('ready');
    const old = { oldMfs: value === 1 ? 30 : 0 };
    const end = journal.write([{ ...change(0, value, 9), ...old }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    await expect(inStore(0)).resolves.toEqual({ an: an(9), mfs: 30 });
  });

  test('opening again is tried until it works; loads wait and come after the event', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    fault('unknown-before');
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await vi.waitFor(() => expect(heard.log).toContain('unknown 0'));
    // Once more, with a store that stays away for a while.
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    await heard.until('ready');
    fault('die-before');
    const second = journal.head;
    journal.write([change(0, 1, 3)]);
    handle.wake();
    await vi.waitFor(() => expect(handle.ready).toBe(false), { interval: 1 });
    fault('open', true);
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(3), { timeout: 5000 });
    expect(heard.log).not.toContain('loaded 0');
    clearFault();
    await heard.until('loaded 0');
    expect(heard.log.slice(-3)).toEqual(['not ready', `unknown ${second}`, 'loaded 0']);
  });

  test('closing does not wait for a store that cannot be opened', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    fault('die-before');
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await vi.waitFor(() => expect(handle.ready).toBe(false), { interval: 1 });
    fault('open', true);
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    await handle.close();
    expect(heard.log).toEqual(['not ready']);
  });

  test('a journal that holds no group where one is published is not guessed at', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    const start = journal.fill([change(0, 1, 2)]);
    const words = new Uint32Array(journal.memory.buffer);
    words[(journal.journalOffset + Journal.SIZE) / 4] = 1;
    journal.publish(start);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]?.message).toContain('position 0 is no group');
    await expect(inStore(0)).resolves.toEqual({ an: an(1), mfs: 30 });
  });

  test('a change of a coin that holds something else is not made', async () => {
    prepare(1);
    const { heard, handle, journal } = await open(new WrittenJournal());
    journal.write([change(0, 77, 2)]);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]).toMatchObject({ code: 'ANDVARI_STORE_CONFLICT' });
    await expect(inStore(0)).resolves.toEqual({ an: an(1), mfs: 30 });
  });
});

test('the control word that is stored is the one the engine reads', () => {
  const journal = new WrittenJournal();
  journal.setCommitted(77);
  expect(new DataView(journal.memory.buffer).getUint32(Control.COMMITTED, true)).toBe(77);
});
