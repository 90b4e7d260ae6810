/** What every CoinStore must do. Run with each implementation by its test file. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type CoinChange,
  type CoinStore,
  PAGE_BYTES,
  RECORD_BYTES,
  StoreConflictError,
  type StoreIdentity,
} from './coin-store.ts';

/** One place where stores of one implementation can be opened, one at a time. */
export interface StorePlace {
  open(identity: StoreIdentity): CoinStore;
  remove(): void;
}

export const identity: StoreIdentity = { raidaId: 3, coinId: 6, pagesPerDenomination: 1000 };

const bytesOf = (value: number) => new Uint8Array(16).fill(value);

/** The record (AN and MFS) that a store has committed. */
export function readCoin(store: CoinStore, denominationIndex: number, serialNumber: number) {
  const page = new Uint8Array(PAGE_BYTES).fill(0xa5);
  store.readPage(denominationIndex, Math.floor(serialNumber / 1024), page);
  const offset = (serialNumber % 1024) * RECORD_BYTES;
  return { an: page.slice(offset, offset + 16), mfs: page[offset + 16] ?? -1 };
}

/** A change of the coin from what is committed. */
export function changeOf(
  store: CoinStore,
  [denominationIndex, serialNumber]: readonly [number, number],
  newAn: Uint8Array,
  newMfs: number,
): CoinChange {
  const { an: oldAn, mfs: oldMfs } = readCoin(store, denominationIndex, serialNumber);
  return { denominationIndex, serialNumber, newAn, newMfs, oldAn, oldMfs };
}

/** Commits one change of a coin. */
export function putCoin(
  store: CoinStore,
  coin: readonly [number, number],
  newAn: Uint8Array,
  newMfs: number,
) {
  store.begin();
  store.apply(changeOf(store, coin, newAn, newMfs));
  store.commit();
}

export type OpenAs = (identity: StoreIdentity) => CoinStore;

/** A place for each test of the suite it is called in; what it opens last is closed behind it. */
export function usePlace(makePlace: () => StorePlace): { open: () => CoinStore; openAs: OpenAs } {
  let place: StorePlace;
  let store: CoinStore | undefined;
  beforeEach(() => {
    place = makePlace();
  });
  afterEach(() => {
    store?.close();
    place.remove();
  });
  const open = () => {
    store = place.open(identity);
    return store;
  };
  return { open, openAs: (other) => place.open(other) };
}

/** `durable`: what was committed must be there when the store is opened again. */
export function describeCoinStore(
  name: string,
  makePlace: () => StorePlace,
  { durable }: { durable: boolean },
): void {
  describe(`CoinStore: ${name}`, () => {
    const { open, openAs } = usePlace(makePlace);
    describeBlankPages(open);
    describeTransactions(open);
    describeCounts(open);
    if (!durable) return;
    describe('after closing and opening again', () => {
      describeReopen(open, openAs);
    });
  });
}

function describeBlankPages(open: () => CoinStore): void {
  test('a page nobody wrote has 1024 different ANs, none zero, and MFS 0', () => {
    const page = new Uint8Array(PAGE_BYTES + 1).fill(0xa5);
    open().readPage(8, 999, page);
    const ans = new Set<string>();
    for (let record = 0; record < 1024; record++) {
      const offset = record * RECORD_BYTES;
      ans.add(page.subarray(offset, offset + 16).join());
      expect(page[offset + 16]).toBe(0);
    }
    expect(ans.size).toBe(1024);
    expect(ans.has(bytesOf(0).join())).toBe(false);
    expect(page[PAGE_BYTES]).toBe(0xa5);
  });

  test('blank pages stay the same and differ from each other', () => {
    const store = open();
    expect(readCoin(store, 8, 0)).toEqual(readCoin(store, 8, 0));
    const first = [0, 1, 14].flatMap((index) => [0, 1024, 1023].map((sn) => [index, sn] as const));
    const ans = first.map(([index, sn]) => readCoin(store, index, sn).an.join());
    expect(new Set(ans).size).toBe(first.length);
  });

  test.each([
    [15, 0],
    [-1, 0],
    [0, 1000],
    [0, -1],
    [0.5, 0],
    [0, Number.NaN],
  ])('page (%d, %d) is refused', (index, page) => {
    expect(() => open().readPage(index, page, new Uint8Array(PAGE_BYTES))).toThrow(RangeError);
  });

  test('a buffer one byte short is refused', () => {
    expect(() => open().readPage(0, 0, new Uint8Array(PAGE_BYTES - 1))).toThrow(RangeError);
  });
}

function describeTransactions(open: () => CoinStore): void {
  test('a committed change is read back, and its neighbours stay', () => {
    const store = open();
    const neighbours = [readCoin(store, 8, 99), readCoin(store, 8, 101), readCoin(store, 7, 100)];
    putCoin(store, [8, 100], bytesOf(7), 30);
    expect(readCoin(store, 8, 100)).toEqual({ an: bytesOf(7), mfs: 30 });
    const after = [readCoin(store, 8, 99), readCoin(store, 8, 101), readCoin(store, 7, 100)];
    expect(after).toEqual(neighbours);
    expect(store.storedPages()).toEqual([{ denominationIndex: 8, page: 0 }]);
  });

  test('a chain of changes to one coin in one transaction ends at the last', () => {
    const store = open();
    const first = changeOf(store, [0, 5], bytesOf(1), 30);
    store.begin();
    store.apply(first);
    store.apply({ ...first, oldAn: bytesOf(1), oldMfs: 30, newAn: bytesOf(2), newMfs: 31 });
    store.commit();
    expect(readCoin(store, 0, 5)).toEqual({ an: bytesOf(2), mfs: 31 });
  });

  test('nothing is visible before the commit, and nothing remains of a rollback', () => {
    const store = open();
    const before = readCoin(store, 8, 100);
    store.begin();
    store.apply(changeOf(store, [8, 100], bytesOf(7), 30));
    expect(readCoin(store, 8, 100)).toEqual(before);
    store.rollback();
    expect(readCoin(store, 8, 100)).toEqual(before);
    expect(store.counts()).toEqual(new Uint32Array(15));
    expect(store.storedPages()).toEqual([]);
    putCoin(store, [8, 101], bytesOf(8), 30);
    expect(readCoin(store, 8, 100)).toEqual(before);
  });

  test('a change whose old AN or MFS is not in the store is refused', () => {
    const store = open();
    const change = changeOf(store, [8, 100], bytesOf(7), 30);
    const otherAn = change.oldAn.slice();
    otherAn[15] = (otherAn[15] ?? 0) ^ 1;
    for (const wrong of [{ oldAn: otherAn }, { oldMfs: 1 }]) {
      store.begin();
      expect(() => store.apply({ ...change, ...wrong })).toThrow(StoreConflictError);
      store.rollback();
    }
    expect(readCoin(store, 8, 100).an).toEqual(change.oldAn);
  });

  test.each([
    { denominationIndex: 15 },
    { serialNumber: 1000 * 1024 },
    { serialNumber: -1 },
    { newAn: new Uint8Array(15) },
    { newMfs: 256 },
  ])('a change with %j is refused', (wrong) => {
    const store = open();
    const change = changeOf(store, [8, 100], bytesOf(7), 30);
    store.begin();
    expect(() => store.apply({ ...change, ...wrong })).toThrow(RangeError);
    store.rollback();
    expect(store.counts()[8]).toBe(0);
  });

  test('verbs out of order are refused', () => {
    const store = open();
    expect(() => store.commit()).toThrow('outside a transaction');
    store.begin();
    expect(() => store.begin()).toThrow('inside a transaction');
    store.rollback();
    store.rollback();
  });

  test('an empty transaction and a probe change nothing', () => {
    const store = open();
    store.begin();
    store.commit();
    store.probe();
    store.probe();
    expect(store.storedPages()).toEqual([]);
    expect(store.counts()).toEqual(new Uint32Array(15));
  });
}

function describeCounts(open: () => CoinStore): void {
  test('counts are the records with MFS other than 0, and a copy', () => {
    const store = open();
    putCoin(store, [8, 1], bytesOf(1), 30);
    putCoin(store, [8, 2000], bytesOf(2), 30);
    putCoin(store, [8, 2000], bytesOf(3), 31);
    putCoin(store, [14, 3], bytesOf(4), 255);
    putCoin(store, [0, 3], bytesOf(4), 1);
    putCoin(store, [0, 3], bytesOf(9), 0);
    putCoin(store, [1, 3], bytesOf(4), 0);
    const counts = store.counts();
    expect([...counts]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1]);
    counts[8] = 77;
    expect(store.counts()[8]).toBe(2);
  });
}

function describeReopen(open: () => CoinStore, openAs: OpenAs): void {
  test('coins, counts and blank pages are as committed', () => {
    const first = open();
    const blank = readCoin(first, 3, 70000);
    putCoin(first, [8, 100], bytesOf(7), 30);
    first.close();
    first.close();
    const second = open();
    expect(readCoin(second, 8, 100)).toEqual({ an: bytesOf(7), mfs: 30 });
    expect(readCoin(second, 3, 70000)).toEqual(blank);
    expect(second.counts()[8]).toBe(1);
  });

  test('of a transaction that was not committed there is nothing', () => {
    const first = open();
    const before = readCoin(first, 8, 100);
    first.begin();
    first.apply(changeOf(first, [8, 100], bytesOf(7), 30));
    first.close();
    const second = open();
    expect(readCoin(second, 8, 100)).toEqual(before);
    expect(second.counts()[8]).toBe(0);
  });

  test.each([
    [{ raidaId: 4 }, 'RAIDA 3, not of 4'],
    [{ coinId: 7 }, 'coin id 6, not of 7'],
    [{ pagesPerDenomination: 9 }, 'page 9 of denomination 0'],
  ])('as %j it is refused', (other, message) => {
    const first = open();
    putCoin(first, [8, 9 * 1024], bytesOf(7), 30);
    first.close();
    const wrong = { ...identity, ...other };
    expect(() => openAs(wrong)).toThrow(
      expect.objectContaining({
        code: 'ANDVARI_STORE_MISMATCH',
        message: expect.stringContaining(message),
      }),
    );
    expect(readCoin(open(), 8, 9 * 1024).mfs).toBe(30);
  });
}
