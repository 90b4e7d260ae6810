import { describe, expect, test } from 'vitest';
import type { WalletEntry } from './wallet-entry.ts';
import { WalletLedger } from './wallet-ledger.ts';
import type { WalletChange, WalletStore } from './wallet-store.ts';

function entryOf(id: number): WalletEntry {
  return {
    id,
    denomination: 0,
    serialNumber: id,
    authenticationNumbers: new Uint8Array(400).fill(id),
    owned: 0,
    unknown: 0,
    offered: 0,
    foreign: 0,
    lights: '-'.repeat(25),
  };
}

/** A store whose saves end when the test says so. */
class SlowStore implements WalletStore {
  readonly saves: { change: WalletChange; done(): void; fail(error: Error): void }[] = [];
  load() {
    return Promise.resolve({ nextId: 3, entries: [entryOf(1), entryOf(2)] });
  }
  save(change: WalletChange): Promise<void> {
    return new Promise((done, fail) => this.saves.push({ change, done, fail }));
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const ids = (change: WalletChange | undefined) => change?.put.map(({ id }) => id);

describe('saving', () => {
  test('one save at a time, in order', async () => {
    const store = new SlowStore();
    const ledger = await WalletLedger.load(store);
    const first = ledger.commit(() => ({ put: [entryOf(3)], nextId: 4 }));
    const second = ledger.commit(() => ({ put: [entryOf(ledger.nextId)], nextId: 5 }));
    await turn();
    expect(store.saves).toHaveLength(1);
    expect(ledger.find(3)).toBeUndefined();
    store.saves[0]?.done();
    await first;
    expect(ledger.find(3)).toBeDefined();
    await turn();
    expect(ids(store.saves[1]?.change)).toEqual([4]);
    store.saves[1]?.done();
    await second;
    expect([...ledger.entries()]).toHaveLength(4);
  });

  test('a change that cannot be saved is not made, and does not stop the next', async () => {
    const store = new SlowStore();
    const ledger = await WalletLedger.load(store);
    const first = ledger.commit(() => ({ remove: [1] }));
    const second = ledger.commit(() => ({ remove: [2] }));
    await turn();
    const cause = new Error('disk full');
    store.saves[0]?.fail(cause);
    await expect(first).rejects.toMatchObject({ code: 'ANDVARI_WALLET_STORE', cause });
    await turn();
    store.saves[1]?.done();
    await second;
    expect([...ledger.entries()].map(({ id }) => id)).toEqual([1]);
  });

  test('an answer that comes while an older one is being saved is saved as well', async () => {
    const store = new SlowStore();
    const ledger = await WalletLedger.load(store);
    const newer = { ...entryOf(1), lights: 'f'.repeat(25) };
    const first = ledger.learn([{ ...entryOf(1), lights: 'p'.repeat(25) }]);
    await turn();
    const second = ledger.learn([newer]);
    store.saves[0]?.done();
    await first;
    await turn();
    expect(store.saves[1]?.change.put).toEqual([newer]);
    store.saves[1]?.done();
    await second;
    // Nothing is left to save.
    await ledger.learn([]);
    expect(store.saves).toHaveLength(2);
  });

  test('a change made up wrongly is refused and saves nothing', async () => {
    const store = new SlowStore();
    const ledger = await WalletLedger.load(store);
    const wrong = ledger.commit(() => {
      throw new RangeError('mine');
    });
    await expect(wrong).rejects.toThrow(RangeError);
    expect(store.saves).toHaveLength(0);
  });
});

describe('a store that holds no wallet', () => {
  const entry = entryOf(3);

  test.each([
    ['an id twice', { nextId: 4, entries: [entry, entry] }],
    ['an id that will come again', { nextId: 3, entries: [entry] }],
    ['no next id', { nextId: Number.NaN, entries: [] }],
    [
      'a coin without keys',
      { nextId: 4, entries: [{ ...entry, authenticationNumbers: new Uint8Array(3) }] },
    ],
    ['a denomination', { nextId: 4, entries: [{ ...entry, denomination: 7 }] }],
    ['lights', { nextId: 4, entries: [{ ...entry, lights: 'pf' }] }],
  ])('%s', async (_, state) => {
    const store = { load: () => Promise.resolve(state), save: () => Promise.resolve() };
    const failure = WalletLedger.load(store);
    await expect(failure).rejects.toMatchObject({ code: 'ANDVARI_WALLET_STATE' });
  });
});
