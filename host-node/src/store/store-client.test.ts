import { join } from 'node:path';
import { Control } from '@andvari/host-common/engine/generated/layout';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RECORD_BYTES } from './coin-store.ts';
import { identity } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { StoreClient } from './store-client.ts';
import { an, change, Heard, placeOf, ThreadPlace } from './testing/thread-place.ts';
import { WrittenJournal } from './testing/written-journal.ts';

let place: ThreadPlace;
beforeEach(() => {
  place = new ThreadPlace();
});
afterEach(() => place.remove());

describe('committing', () => {
  test('published groups are committed in order, and the count of the store is there', async () => {
    place.prepare(3);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    expect(handle.counts[8]).toBe(3);
    journal.write([change(0, 1, 2)]);
    journal.write([change(0, 2, 3), change(1, 1, 7)], 2);
    const end = journal.write([{ ...change(2, 1, 9), newMfs: 0 }]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(journal.committed()).toBe(end);
    expect(handle.counts[8]).toBe(2);
    expect(handle.ready).toBe(true);
    await expect(place.inStore(0)).resolves.toEqual({ an: an(3), mfs: 30 });
    await expect(place.inStore(1)).resolves.toEqual({ an: an(7), mfs: 30 });
    await expect(place.inStore(2)).resolves.toEqual({ an: an(9), mfs: 0 });
  });

  test('it stops at a group that is not published and goes on when it is', async () => {
    place.prepare(3);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
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
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal(16));
    for (let round = 1; round <= 40; round++) {
      const end = journal.write([change(0, round, round + 1)], round % 3);
      handle.wake();
      await heard.until(`committed ${end}`);
    }
    await expect(place.inStore(0)).resolves.toEqual({ an: an(41), mfs: 30 });
  });

  test('a journal that has been in use is taken up where it is', async () => {
    place.prepare(1);
    const journal = new WrittenJournal(16);
    journal.head = 4294967296 + 5;
    journal.setCommitted(journal.head);
    const { heard, handle } = await place.open(journal);
    const end = journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${end}`);
    expect(end).toBe(4294967296 + 7);
  });

  test('wakes are coalesced, and none is lost', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    for (let i = 0; i < 1000; i++) handle.wake();
    // One on its way at a time; the thread may have read some while we were asking.
    expect(place.client.wakes).toBeGreaterThan(0);
    expect(place.client.wakes).toBeLessThan(100);
    let end = 0;
    for (let round = 1; round <= 100; round++) {
      end = journal.write([change(0, round, round + 1)]);
      handle.wake();
      if (round % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await heard.until(`committed ${end}`);
  });

  test('close commits what is published', async () => {
    place.prepare(1);
    const { handle, journal } = await place.open(new WrittenJournal());
    const end = journal.write([change(0, 1, 2)]);
    await handle.close();
    expect(journal.committed()).toBe(end);
    await expect(place.inStore(0)).resolves.toEqual({ an: an(2), mfs: 30 });
  });

  test('a store with a full journal does not keep 24 others waiting', async () => {
    const open25 = Array.from({ length: 25 }, (_, raidaId) =>
      place.open(new WrittenJournal(65536), {
        raidaId,
        url: `sqlite:${join(place.folder, `${raidaId}.db`)}`,
      }),
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
      // What is committed stands in shared memory before anybody is told.
      expect(order.filter((raidaId) => raidaId === 0)).toHaveLength(32);
      expect(new Set(order).size).toBe(25);
    });
    // Which wakes the thread reads first is its own affair, and on a busy machine the last of them
    // may come when all is done; that the full one takes turns is not.
    const behind = order.slice(order.lastIndexOf(0) + 1);
    expect(behind.length).toBeLessThan(12);
  });
});

describe('opening', () => {
  test('a store that is open is busy; one of another server is refused', async () => {
    await place.open(new WrittenJournal());
    const busy = place.open(new WrittenJournal());
    await expect(busy).rejects.toMatchObject({ code: 'ANDVARI_STORE_BUSY' });
    const other = join(place.folder, 'other.db');
    openSqliteStore({ ...identity, raidaId: 9, path: other }).close();
    const wrong = place.open(new WrittenJournal(), { url: `sqlite:${other}` });
    await expect(wrong).rejects.toMatchObject({ code: 'ANDVARI_STORE_MISMATCH' });
  });

  test('memory that is not shared, or too small, is refused', async () => {
    const journal = new WrittenJournal();
    const memory = new WebAssembly.Memory({ initial: 10, maximum: 10 });
    await expect(place.open(journal, { memory })).rejects.toThrow(TypeError);
    await expect(place.open(journal, { journalRecords: 1 << 24 })).rejects.toThrow(RangeError);
    await expect(place.open(journal, { journalRecords: 100 })).rejects.toThrow(RangeError);
    await expect(place.open(journal, { controlOffset: 4 })).rejects.toThrow(RangeError);
    await expect(place.open(journal, { raidaId: 25 })).rejects.toThrow(RangeError);
  });

  test('a thread that cannot start is an error, not a wait', async () => {
    const broken = new StoreClient({ factory: new URL('./testing/missing.ts', import.meta.url) });
    const where = placeOf(new WrittenJournal());
    const opening = broken.open({ ...identity, ...where, url: 'memory:' }, new Heard());
    await expect(opening).rejects.toMatchObject({ code: 'ANDVARI_STORE_OPEN' });
    await broken.close();
  });

  test('memory: runs in the same thread', async () => {
    const real = new StoreClient();
    const journal = new WrittenJournal();
    const where = placeOf(journal);
    const heard = new Heard();
    const handle = await real.open({ ...identity, ...where, url: 'memory:' }, heard);
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
    place.prepare(2);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    handle.load(3, 8 * identity.pagesPerDenomination, journal.pageOffset(3));
    handle.load(4, 15 * identity.pagesPerDenomination - 1, journal.pageOffset(4));
    await heard.until('loaded 4');
    expect(heard.log).toEqual(['loaded 3', 'loaded 4']);
    expect(journal.page(3).slice(0, 17)).toEqual(Uint8Array.of(...an(1), 30));
    expect(new Set(journal.page(4).slice(0, 16)).size).toBeGreaterThan(1);
    expect(journal.page(5).every((byte) => byte === 0)).toBe(true);
  });

  test('a later load of a slot takes the place of an earlier one, even a failed one', async () => {
    place.prepare(1025);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const first = 8 * identity.pagesPerDenomination;
    place.fault('read');
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
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('read', true);
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(heard.log).toEqual([]);
    place.clearFault();
    await heard.until('loaded 0');
    expect(journal.page(0)[16]).toBe(30);
  });

  test('a page or a place that cannot be is refused', async () => {
    const { handle, journal } = await place.open(new WrittenJournal());
    const pages = 15 * identity.pagesPerDenomination;
    const end = journal.memory.buffer.byteLength;
    expect(() => handle.load(0, pages, journal.pageOffset(0))).toThrow(RangeError);
    expect(() => handle.load(0, -1, journal.pageOffset(0))).toThrow(RangeError);
    expect(() => handle.load(0, 0, end - 17407)).toThrow(RangeError);
  });
});

test('the control word that is stored is the one the engine reads', () => {
  const journal = new WrittenJournal();
  journal.setCommitted(77);
  expect(new DataView(journal.memory.buffer).getUint32(Control.COMMITTED, true)).toBe(77);
});
