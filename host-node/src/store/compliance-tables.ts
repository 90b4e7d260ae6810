/** What every CoinStore must keep besides the pages: tables, Merkle leaves. See compliance.ts. */
import { CELLS } from '@andvari/host-common/engine/generated/limits';
import { describe, expect, test } from 'vitest';
import { type CoinStore, StoreConflictError } from './coin-store.ts';
import { changeOf, putCoin, type StorePlace, usePlace } from './compliance.ts';
import { describeHistories } from './compliance-histories.ts';
import { type ReadTables, readTables, scanLeaves, walkLeaves } from './testing/read-tables.ts';

const an = (text: string) => new Uint8Array(Buffer.from(text.padStart(32, '1'), 'hex'));
const cell = (value: number) => new Uint8Array(16).fill(value);
const tablesOf = (store: CoinStore) => readTables(store.tables());
const empty: ReadTables = { counts: Array(15).fill(0), inUse: {}, lockers: [], cells: {} };

const lockerA = an('aaffffffff');
const lockerB = an('bbffffffff');
const trade = an('cc02eeee');

function putCell(store: CoinStore, index: number, oldBytes: Uint8Array, newBytes: Uint8Array) {
  store.begin();
  store.applyCell({ index, oldBytes, newBytes });
  store.commit();
}

/** `durable`: what was committed must be there when the store is opened again. */
export function describeStoreTables(
  name: string,
  makePlace: () => StorePlace,
  { durable }: { durable: boolean },
): void {
  describe(`CoinStore: ${name}, tables`, () => {
    const { open } = usePlace(makePlace);
    test('a new store has empty tables, and no leaves', () => {
      const store = open();
      expect(tablesOf(store)).toEqual(empty);
      expect(store.leaves(0)).toEqual({ leaves: [], computed: [], next: undefined });
    });
    describeInUse(open);
    describeLockers(open);
    describeCells(open);
    describeLeaves(open);
    describeHistories(makePlace, { durable });
    if (durable) describeReopen(open);
  });
}

function describeInUse(open: () => CoinStore): void {
  test('a bit for each coin with MFS other than 0, and a row for each page ever written', () => {
    const store = open();
    for (const serial of [0, 7, 8, 1023, 1024]) putCoin(store, [8, serial], an('05'), 30);
    putCoin(store, [14, 1023999], an('05'), 255);
    putCoin(store, [0, 5], an('05'), 1);
    putCoin(store, [0, 5], an('06'), 0);
    expect(tablesOf(store).inUse).toEqual({
      '0/0': [],
      '8/0': [0, 7, 8, 1023],
      '8/1': [0],
      '14/999': [1023],
    });
    expect([...store.tables().inUse.subarray(132, 140)]).toEqual([0, 0, 8, 0, 0x81, 1, 0, 0]);
  });

  test('the tables are a copy', () => {
    const store = open();
    putCoin(store, [8, 1], lockerA, 30);
    putCell(store, 1, cell(0), cell(1));
    const before = tablesOf(store);
    for (const table of Object.values(store.tables())) table.fill(77);
    expect(tablesOf(store)).toEqual(before);
  });
}

function describeLockers(open: () => CoinStore): void {
  test.each(['ffffffff', '00eeee', '01eeee', '02eeee'])('AN ...%s lies in a locker', (tail) => {
    const store = open();
    putCoin(store, [9, 2049], an(tail), 1);
    expect(tablesOf(store).lockers).toEqual([`9/2049 ${tail.padStart(32, '1')}`]);
    putCoin(store, [9, 2049], an(tail), 0);
    expect(tablesOf(store).lockers).toEqual([]);
  });

  test.each([
    'feffffff',
    'fffeffff',
    'fffffeff',
    'fffffffe',
    '03eeee',
    'ffeeee',
    '02eeef',
    '02efee',
  ])('AN ...%s does not', (tail) => {
    const store = open();
    putCoin(store, [9, 2049], an(tail), 1);
    expect(tablesOf(store).lockers).toEqual([]);
  });

  test('coins stand in the order in which they came, and keep their place while they stay', () => {
    const store = open();
    const order = () => tablesOf(store).lockers.map((row) => Number(row.split(/[/ ]/)[1]));
    for (const serial of [5, 3, 4000, 1]) putCoin(store, [8, serial], lockerA, 30);
    expect(order()).toEqual([5, 3, 4000, 1]);
    putCoin(store, [8, 5], lockerA, 31);
    expect(order()).toEqual([5, 3, 4000, 1]);
    putCoin(store, [8, 3], lockerB, 31);
    expect(order()).toEqual([5, 4000, 1, 3]);
    putCoin(store, [8, 4000], an('05'), 31);
    expect(order()).toEqual([5, 1, 3]);
    putCoin(store, [8, 4000], trade, 31);
    expect(order()).toEqual([5, 1, 3, 4000]);
    expect(tablesOf(store).lockers[3]).toBe(`8/4000 ${Buffer.from(trade).toString('hex')}`);
  });

  test('in one transaction the last move of a coin counts', () => {
    const store = open();
    for (const serial of [1, 2, 3]) putCoin(store, [8, serial], lockerA, 30);
    const first = changeOf(store, [8, 1], an('05'), 30);
    const second = changeOf(store, [8, 2], lockerB, 30);
    const passing = changeOf(store, [8, 4], lockerA, 30);
    store.begin();
    store.apply(first);
    store.apply(second);
    store.apply({ ...first, oldAn: first.newAn, oldMfs: 30, newAn: lockerA });
    store.apply(passing);
    store.apply({ ...passing, oldAn: lockerA, oldMfs: 30, newMfs: 0 });
    store.commit();
    const [a, b] = [lockerA, lockerB].map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(tablesOf(store).lockers).toEqual([`8/3 ${a}`, `8/2 ${b}`, `8/1 ${a}`]);
  });
}

function describeCells(open: () => CoinStore): void {
  test('a cell is zeros until it is written, and is read back', () => {
    const store = open();
    putCell(store, 0, cell(0), cell(1));
    putCell(store, CELLS - 1, cell(0), cell(2));
    putCell(store, 0, cell(1), cell(0));
    const cells = { 0: '00'.repeat(16), [CELLS - 1]: '02'.repeat(16) };
    expect(tablesOf(store)).toEqual({ ...empty, cells });
  });

  test('a chain of changes to one cell in one transaction ends at the last', () => {
    const store = open();
    const bytes = cell(1);
    store.begin();
    store.applyCell({ index: 3, oldBytes: cell(0), newBytes: bytes });
    bytes.fill(9);
    store.applyCell({ index: 3, oldBytes: cell(1), newBytes: cell(2) });
    store.commit();
    expect(tablesOf(store).cells).toEqual({ 3: '02'.repeat(16) });
  });

  test('a change whose old bytes are not in the store is refused', () => {
    const store = open();
    putCell(store, 3, cell(0), cell(1));
    const almost = cell(1);
    almost[15] = 0;
    for (const oldBytes of [cell(0), almost]) {
      store.begin();
      expect(() => store.applyCell({ index: 3, oldBytes, newBytes: cell(2) })).toThrow(
        StoreConflictError,
      );
      store.rollback();
    }
    store.begin();
    expect(() => store.applyCell({ index: 4, oldBytes: cell(1), newBytes: cell(2) })).toThrow(
      StoreConflictError,
    );
    store.rollback();
    expect(tablesOf(store).cells).toEqual({ 3: '01'.repeat(16) });
  });

  test.each([
    { index: CELLS },
    { index: -1 },
    { index: 0.5 },
    { newBytes: new Uint8Array(15) },
    { oldBytes: new Uint8Array(17) },
  ])('a change with %j is refused', (wrong) => {
    const store = open();
    const change = { index: 3, oldBytes: cell(0), newBytes: cell(1), ...wrong };
    expect(() => store.applyCell(change)).toThrow('outside a transaction');
    store.begin();
    expect(() => store.applyCell(change)).toThrow(RangeError);
    store.rollback();
    expect(tablesOf(store)).toEqual(empty);
  });
}

function describeLeaves(open: () => CoinStore): void {
  test('a leaf is SHA-256 over the ANs, with zeros for records that are not in use', () => {
    const store = open();
    for (const serial of [1, 1023]) putCoin(store, [8, serial], an('05'), 30);
    putCoin(store, [9, 1], an('05'), 30);
    putCoin(store, [9, 1], an('06'), 0);
    const { leaves } = walkLeaves(store);
    expect(leaves).toEqual(scanLeaves(store));
    const ofZeros = '4fe7b59af6de3b665b67788cc2f99892ab827efae3a467342b3bb4e3bc8e5bfe';
    expect(leaves['9/0']).toBe(ofZeros);
    expect(leaves['8/0']).not.toBe(ofZeros);
  });

  test('one that is kept is computed again only after a commit that changes its page', () => {
    const store = open();
    for (const page of [0, 1, 2]) putCoin(store, [8, page * 1024], an('05'), 30);
    expect(store.leaves(0).computed).toHaveLength(3);
    expect(walkLeaves(store).computed).toEqual(['8/0', '8/1', '8/2']);
    expect(walkLeaves(store).computed).toEqual([]);
    store.begin();
    store.apply(changeOf(store, [8, 0], an('06'), 30));
    store.rollback();
    putCell(store, 0, cell(0), cell(1));
    expect(walkLeaves(store).computed).toEqual([]);
    // With and without a change of the in-use bits.
    putCoin(store, [8, 1024], an('06'), 30);
    putCoin(store, [8, 2048], an('06'), 0);
    const { leaves, computed } = walkLeaves(store);
    expect(computed).toEqual(['8/1', '8/2']);
    expect(leaves).toEqual(scanLeaves(store));
  });

  test('a slice computes 32 leaves and looks at 512 rows at most, and the walk meets all', () => {
    const store = open();
    const changes = Array.from({ length: 600 }, (_, page) =>
      changeOf(store, [page % 15, Math.floor(page / 15) * 1024], an('05'), 30),
    );
    store.begin();
    for (const change of changes) store.apply(change);
    store.commit();
    expect(store.leaves(0).leaves).toHaveLength(32);
    const first = walkLeaves(store);
    expect(first).toMatchObject({ slices: 19, leaves: scanLeaves(store) });
    expect(store.leaves(0).leaves).toHaveLength(512);
    expect(walkLeaves(store)).toEqual({ leaves: first.leaves, computed: [], slices: 2 });
  });
}

function describeReopen(open: () => CoinStore): void {
  test('tables and leaves are there when the store is opened again, in their order', () => {
    const first = open();
    for (const serial of [5, 3, 4]) putCoin(first, [8, serial], lockerA, 30);
    putCoin(first, [8, 5], lockerB, 30);
    putCell(first, 7, cell(0), cell(1));
    const { leaves } = walkLeaves(first);
    putCoin(first, [9, 0], trade, 30);
    const before = tablesOf(first);
    first.close();
    const second = open();
    expect(tablesOf(second)).toEqual(before);
    const walk = walkLeaves(second);
    expect(walk.computed).toEqual(['9/0']);
    expect(walk.leaves['8/0']).toBe(leaves['8/0']);
    // A coin that comes later stands behind those that came before.
    putCoin(second, [0, 0], lockerA, 30);
    expect(tablesOf(second).lockers.at(-1)).toMatch(/^0\/0 /);
  });

  test('of a transaction that was not committed there is nothing', () => {
    const first = open();
    putCoin(first, [8, 1], lockerA, 30);
    putCell(first, 7, cell(0), cell(1));
    walkLeaves(first);
    const before = tablesOf(first);
    const change = changeOf(first, [8, 1], an('05'), 0);
    first.begin();
    first.apply(change);
    first.applyCell({ index: 7, oldBytes: cell(1), newBytes: cell(2) });
    expect(tablesOf(first)).toEqual(before);
    first.close();
    const second = open();
    expect(tablesOf(second)).toEqual(before);
    expect(walkLeaves(second).computed).toEqual([]);
  });
}
