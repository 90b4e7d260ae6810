import { Journal } from '@andvari/host-common/engine/generated/layout';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { identity } from './compliance.ts';
import { an, change, ThreadPlace } from './testing/thread-place.ts';
import { WrittenJournal } from './testing/written-journal.ts';

let place: ThreadPlace;
beforeEach(() => {
  place = new ThreadPlace();
});
afterEach(() => place.remove());

describe('a refusal', () => {
  test('names the first group that was not committed, and waits for restart', async () => {
    place.prepare(2);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const good = journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until(`committed ${good}`);
    place.fault('refuse');
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
    await heard.until('ready');
    expect(handle.ready).toBe(true);
    const order = [
      `committed ${good}`,
      'not ready',
      `refused ${good}`,
      `committed ${end}`,
      'ready',
    ];
    expect(heard.log).toEqual(order);
    await expect(place.inStore(0)).resolves.toEqual({ an: an(4), mfs: 30 });
    await expect(place.inStore(1)).resolves.toEqual({ an: an(1), mfs: 30 });
  });

  test('without traffic the thread finds out by itself that the store works again', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('refuse', true);
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until('refused 0');
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(handle.ready).toBe(false);
    place.clearFault();
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
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault(name);
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
    await expect(place.inStore(0)).resolves.toEqual({ an: an(9), mfs: 30 });
  });

  test('opening again is tried until it works; loads wait and come after the event', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('unknown-before');
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await vi.waitFor(() => expect(heard.log).toContain('unknown 0'));
    // Once more, with a store that stays away for a while.
    journal.setCommitted(journal.head);
    handle.restart(BigInt(journal.head));
    await heard.until('ready');
    place.fault('die-before');
    const second = journal.head;
    journal.write([change(0, 1, 3)]);
    handle.wake();
    await vi.waitFor(() => expect(handle.ready).toBe(false), { interval: 1 });
    place.fault('open', true);
    handle.load(0, 8 * identity.pagesPerDenomination, journal.pageOffset(0));
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(3));
    expect(heard.log).not.toContain('loaded 0');
    place.clearFault();
    await heard.until('loaded 0');
    expect(heard.log.slice(-3)).toEqual(['not ready', `unknown ${second}`, 'loaded 0']);
  });

  test('an answer to a refusal of a thread that has died starts nothing', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('refuse');
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await heard.until('refused 0');
    // It reaches the new thread before that has said that it knows nothing.
    place.client.onStart = () => queueMicrotask(() => handle.restart(0n));
    await place.client.worker?.terminate();
    await heard.until('unknown 0');
    handle.wake();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(journal.committed()).toBe(0);
    handle.restart(0n);
    await heard.until(`committed ${journal.head}`);
  });

  test('closing does not wait for a store that cannot be opened', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    place.fault('die-before');
    journal.write([change(0, 1, 2)]);
    handle.wake();
    await vi.waitFor(() => expect(handle.ready).toBe(false), { interval: 1 });
    place.fault('open', true);
    await vi.waitFor(() => expect(heard.errors.length).toBeGreaterThan(1));
    await handle.close();
    expect(heard.log).toEqual(['not ready']);
  });

  test('a journal that holds no group where one is published is not guessed at', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const start = journal.fill([change(0, 1, 2)]);
    const words = new Uint32Array(journal.memory.buffer);
    words[(journal.journalOffset + Journal.SIZE) / 4] = 1;
    journal.publish(start);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]?.message).toContain('position 0 is no group');
    await expect(place.inStore(0)).resolves.toEqual({ an: an(1), mfs: 30 });
  });

  test('a record of a kind that no engine writes is not guessed at', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    const start = journal.fill([change(0, 1, 2)]);
    const record = journal.journalOffset + (start + 1) * Journal.RECORD_BYTES;
    new Uint8Array(journal.memory.buffer)[record + Journal.KIND] = 4;
    journal.publish(start);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]?.message).toContain('record of kind 4 inside a group');
    await expect(place.inStore(0)).resolves.toEqual({ an: an(1), mfs: 30 });
  });

  test('a change of a coin that holds something else is not made', async () => {
    place.prepare(1);
    const { heard, handle, journal } = await place.open(new WrittenJournal());
    journal.write([change(0, 77, 2)]);
    handle.wake();
    await heard.until('unknown 0');
    expect(heard.errors[0]).toMatchObject({ code: 'ANDVARI_STORE_CONFLICT' });
    await expect(place.inStore(0)).resolves.toEqual({ an: an(1), mfs: 30 });
  });
});
