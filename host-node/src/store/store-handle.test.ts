/** Tables and Merkle leaves through the store thread. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CellChange } from './coin-store.ts';
import { identity, putCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { readLeaves, readTables, scanLeaves, scanTables } from './testing/read-tables.ts';
import { an, change, ThreadPlace } from './testing/thread-place.ts';
import { WrittenJournal } from './testing/written-journal.ts';

let place: ThreadPlace;
beforeEach(() => {
  place = new ThreadPlace();
});
afterEach(() => place.remove());

const locker = 0xff;
const lockerRow = (serialNumber: number) => `8/${serialNumber} ${'ff'.repeat(16)}`;
const cell = (index: number, from: number, to: number): CellChange => ({
  index,
  oldBytes: an(from),
  newBytes: an(to),
});

/** What follows from the pages in the database, once the thread has closed it. */
async function inDatabase() {
  await place.client.close();
  const store = openSqliteStore({ ...identity, path: place.path });
  try {
    return {
      scanned: scanTables(store),
      kept: readTables(store.tables()),
      leaves: scanLeaves(store),
    };
  } finally {
    store.close();
  }
}

/** A coin on each of so many pages of denomination 0. */
function preparePages(pages: number): void {
  const store = openSqliteStore({ ...identity, path: place.path });
  putCoin(store, [8, 0], an(1), 30);
  store.begin();
  const bytes = new Uint8Array(17408);
  for (let page = 1; page < pages; page++) {
    store.readPage(8, page, bytes);
    const old = { oldAn: bytes.slice(0, 16), oldMfs: 0 };
    store.apply({
      denominationIndex: 8,
      serialNumber: page * 1024,
      ...old,
      newAn: an(1),
      newMfs: 30,
    });
  }
  store.commit();
  store.close();
}

describe('tables', () => {
  test('are there right after open(), and follow the journal, cells too', async () => {
    place.prepare(3);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const opened = readTables(await handle.tables());
    expect(opened).toMatchObject({ inUse: { '8/0': [0, 1, 2] }, lockers: [], cells: {} });
    expect(opened.counts[8]).toBe(3);
    journal.write([change(2, 1, locker), cell(7999, 0, 5)], 1);
    journal.write([cell(0, 0, 1), change(0, 1, locker), cell(7999, 5, 6)]);
    const end = journal.write([{ ...change(1, 1, 9), newMfs: 0 }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    const tables = readTables(await handle.tables());
    expect(tables.inUse).toEqual({ '8/0': [0, 2] });
    expect(tables.lockers).toEqual([lockerRow(2), lockerRow(0)]);
    expect(tables.cells).toEqual({ 0: '01'.repeat(16), 7999: '06'.repeat(16) });
    expect(tables.counts[8]).toBe(2);
    const { scanned, kept } = await inDatabase();
    expect(kept).toEqual(tables);
    expect(scanned.inUse).toEqual(tables.inUse);
  });

  test('are given once for all who ask at a time, and anew to the next', async () => {
    const { handle } = await place.open(new WrittenJournal());
    const [one, two] = await Promise.all([handle.tables(), handle.tables()]);
    expect(one).toBe(two);
    expect(await handle.tables()).not.toBe(one);
  });

  test('a cell that holds something else is not changed, nor is the coin beside it', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    journal.write([change(0, 1, locker), cell(3, 1, 2)]);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]).toMatchObject({ code: 'ANDVARI_STORE_CONFLICT' });
    expect(readTables(await handle.tables())).toMatchObject({ lockers: [], cells: {} });
  });

  test('a refusal leaves them as they were', async () => {
    place.prepare(2);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const good = journal.write([change(0, 1, locker), cell(1, 0, 1)]);
    handle.wake();
    await heard.until(`committed ${good}`);
    const before = readTables(await handle.tables());
    place.fault('refuse');
    journal.write([change(0, locker, 2), change(1, 1, locker), cell(1, 1, 2)]);
    handle.wake();
    await heard.until(`refused ${good}`);
    expect(readTables(await handle.tables())).toEqual(before);
    const { scanned, kept } = await inDatabase();
    expect(kept).toEqual(before);
    expect(scanned.lockers).toEqual([lockerRow(0)]);
  });

  test.each([
    ['unknown-before', false],
    ['unknown-after', true],
    ['die-before', false],
    ['die-after', true],
  ] as const)('%s: inside the event they say what the store holds', async (name, made) => {
    place.prepare(2);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const asked: ReturnType<typeof handle.tables>[] = [];
    heard.unknown = () => {
      asked.push(handle.tables());
      heard.log.push('unknown');
    };
    place.fault(name);
    journal.write([change(0, 1, locker), { ...change(1, 1, 2), newMfs: 0 }, cell(1, 0, 1)]);
    handle.wake();
    // Also what was asked before: the store is in doubt while nobody answers.
    await vi.waitFor(() => expect(handle.ready).toBe(false), { interval: 1 });
    const early = handle.tables();
    await heard.until('unknown');
    const tables = readTables(await (asked[0] as (typeof asked)[0]));
    expect(tables).toMatchObject({
      inUse: { '8/0': made ? [0] : [0, 1] },
      lockers: made ? [lockerRow(0)] : [],
      cells: made ? { 1: '01'.repeat(16) } : {},
    });
    expect(readTables(await early)).toEqual(tables);
    expect(journal.committed()).toBe(0);
  });

  test('a thread that dies before it answers has a successor that does', async () => {
    place.prepare(1);
    const { heard, handle } = await place.open(new WrittenJournal());
    const ended = place.client.worker?.terminate();
    const asked = handle.tables();
    await ended;
    const askedLater = handle.tables();
    expect(readTables(await asked).inUse).toEqual({ '8/0': [0] });
    expect(heard.log).toEqual(['not ready', 'unknown 0']);
    expect(readTables(await askedLater).inUse).toEqual({ '8/0': [0] });
  });

  test('what cannot be read is tried again', async () => {
    place.prepare(1);
    const { heard, handle } = await place.open(new WrittenJournal());
    place.fault('tables', true);
    let answered = false;
    const asked = handle.tables().then((tables) => {
      answered = true;
      return tables;
    });
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(answered).toBe(false);
    place.clearFault();
    expect(readTables(await asked).inUse).toEqual({ '8/0': [0] });
    expect(handle.ready).toBe(true);
  });
});

describe('leaves', () => {
  test('are those of all stored pages, also of those changed since the last time', async () => {
    preparePages(70);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const first = readLeaves(await handle.leaves());
    expect(Object.keys(first)).toHaveLength(70);
    const end = journal.write([{ ...change(1024, 1, 2), newMfs: 31 }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    const second = readLeaves(await handle.leaves());
    expect(second['8/1']).not.toBe(first['8/1']);
    const { leaves } = await inDatabase();
    expect(second).toEqual(leaves);
    expect({ ...first, '8/1': leaves['8/1'] }).toEqual(leaves);
  });

  test('commits do not wait for them', async () => {
    preparePages(600);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const end = journal.write([change(0, 1, 2)]);
    const leaves = handle.leaves().then((rows) => {
      heard.log.push('leaves');
      return rows;
    });
    handle.wake();
    expect(readLeaves(await leaves)).toMatchObject({ '8/599': expect.any(String) });
    expect(heard.log).toEqual([`committed ${end}`, 'leaves']);
  });

  test('they come while there is always something to commit', async () => {
    // Three slices; without changes and pads a group is one record, so 128 transactions.
    preparePages(96);
    const { heard, handle, journal } = await place.open(new WrittenJournal(65536));
    for (let group = 0; group < 65536; group++) journal.write([]);
    const leaves = handle.leaves().then(() => heard.log.push('leaves'));
    handle.wake();
    await leaves;
    await heard.until('committed 65536');
    expect(heard.log.at(-1)).toBe('committed 65536');
  });

  test('a refusal to keep them does no harm', async () => {
    preparePages(2);
    const { heard, handle } = await place.open(new WrittenJournal());
    place.fault('keep-refuse', true);
    const leaves = readLeaves(await handle.leaves());
    expect(readLeaves(await handle.leaves())).toEqual(leaves);
    expect(handle.ready).toBe(true);
    expect(heard.errors).toEqual([]);
    place.clearFault();
    expect((await inDatabase()).leaves).toEqual(leaves);
  });

  test('an unknown outcome of keeping them reopens the store; no coin is in doubt', async () => {
    preparePages(40);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('keep-unknown');
    const leaves = readLeaves(await handle.leaves());
    expect(Object.keys(leaves)).toHaveLength(40);
    const end = journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${end}`);
    await heard.until('ready');
    expect(heard.log.some((entry) => entry.startsWith('unknown'))).toBe(false);
    expect((await inDatabase()).leaves).toMatchObject({ '8/1': leaves['8/1'] });
  });

  test('a page that cannot be read is tried again', async () => {
    preparePages(1);
    const { heard, handle } = await place.open(new WrittenJournal());
    place.fault('leaves', true);
    const asked = handle.leaves();
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    place.clearFault();
    expect(Object.keys(readLeaves(await asked))).toEqual(['8/0']);
    expect(handle.ready).toBe(true);
  });

  test('after the death of the thread they come when the store runs again', async () => {
    preparePages(600);
    const { heard, handle } = await place.open(new WrittenJournal());
    const asked = handle.leaves();
    await place.client.worker?.terminate();
    await heard.until('unknown 0');
    await handle.tables();
    handle.restart(0n);
    expect(readLeaves(await asked)).toEqual((await inDatabase()).leaves);
  });
});

test('close() rejects what was asked, and what is asked after it', async () => {
  preparePages(600);
  const { handle } = await place.open(new WrittenJournal());
  place.fault('tables', true);
  const asked = [handle.tables(), handle.leaves()];
  const closing = handle.close();
  const settled = await Promise.allSettled([...asked, handle.tables(), handle.leaves()]);
  const reason = { code: 'ANDVARI_STORE_OPEN', message: 'the store is closed' };
  expect(settled).toMatchObject(Array(4).fill({ status: 'rejected', reason }));
  await closing;
});
