/**
 * Random histories of a CoinStore beside a model: the tables must be what the model says, and what
 * a scan of all pages says. See compliance-tables.ts.
 */
import { CELLS } from '@andvari/host-common/engine/generated/limits';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CoinStore } from './coin-store.ts';
import { identity, readCoin, type StorePlace } from './compliance.ts';
import {
  keptTables,
  lockerPattern,
  readTables,
  scanLeaves,
  scanTables,
  walkLeaves,
} from './testing/read-tables.ts';

const RUNS = process.env['ANDVARI_LONG'] === '1' ? 1000 : 25;

const tails = ['aaffffffff', 'bbffffffff', '02eeee', '03eeee', '0505', '0606'];
const ans = tails.map((tail) => new Uint8Array(Buffer.from(tail.padStart(32, '1'), 'hex')));
const coinStep = fc.record({
  kind: fc.constant('coin' as const),
  denominationIndex: fc.constantFrom(0, 8),
  serialNumber: fc.constantFrom(0, 1, 1023, 1024),
  newAn: fc.constantFrom(...ans),
  newMfs: fc.constantFrom(0, 30, 31),
});
const cellStep = fc.record({
  kind: fc.constant('cell' as const),
  index: fc.constantFrom(0, 1, CELLS - 1),
  newBytes: fc.nat(255).map((value) => new Uint8Array(16).fill(value)),
});
const step = fc.oneof(coinStep, cellStep);
const transaction = fc.record({
  steps: fc.array(step, { maxLength: 6 }),
  end: fc.constantFrom('commit', 'commit and walk', 'rollback', 'reopen'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Model {
  lockers: string[];
  cells: Record<number, string>;
}

interface CoinState {
  an: Uint8Array;
  mfs: number;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const lockerOf = ({ an, mfs }: CoinState) =>
  mfs !== 0 && lockerPattern.test(hex(an)) ? hex(an) : undefined;

/** Applies the steps in a transaction, which stays open; gives the model after them. */
function applySteps(store: CoinStore, before: Model, steps: readonly Step[]): Model {
  const cells = { ...before.cells };
  let { lockers } = before;
  const now = new Map<string, CoinState>();
  store.begin();
  for (const one of steps) {
    if (one.kind === 'cell') {
      const oldBytes = new Uint8Array(Buffer.from(cells[one.index] ?? '00'.repeat(16), 'hex'));
      store.applyCell({ ...one, oldBytes });
      cells[one.index] = hex(one.newBytes);
      continue;
    }
    const { denominationIndex, serialNumber, newAn, newMfs } = one;
    const coin = `${denominationIndex}/${serialNumber}`;
    const old = now.get(coin) ?? readCoin(store, denominationIndex, serialNumber);
    store.apply({ ...one, oldAn: old.an, oldMfs: old.mfs });
    now.set(coin, { an: newAn, mfs: newMfs });
    const to = lockerOf({ an: newAn, mfs: newMfs });
    if (to === lockerOf(old)) continue;
    lockers = lockers.filter((row) => !row.startsWith(`${coin} `));
    if (to) lockers.push(`${coin} ${to}`);
  }
  return { lockers, cells };
}

function expectTables(store: CoinStore, { lockers, cells }: Model): void {
  expect(readTables(store.tables())).toMatchObject({ lockers });
  expect(readTables(store.tables()).cells).toEqual(cells);
  expect(keptTables(store)).toEqual(scanTables(store));
}

export function describeHistories(
  makePlace: () => StorePlace,
  { durable }: { durable: boolean },
): void {
  test('after any history the tables are what the model and a scan of all pages say', () => {
    const run = (transactions: readonly { steps: Step[]; end: string }[]) => {
      const place = makePlace();
      let store = place.open(identity);
      let model: Model = { lockers: [], cells: {} };
      try {
        for (const { steps, end } of transactions) {
          const next = applySteps(store, model, steps);
          expectTables(store, model);
          if (end.startsWith('commit')) {
            store.commit();
            model = next;
          } else if (end === 'reopen' && durable) {
            store.close();
            store = place.open(identity);
          } else {
            store.rollback();
          }
          expectTables(store, model);
          if (end === 'commit and walk')
            expect(walkLeaves(store).leaves).toEqual(scanLeaves(store));
        }
        expect(walkLeaves(store).leaves).toEqual(scanLeaves(store));
      } finally {
        store.close();
        place.remove();
      }
    };
    fc.assert(fc.property(fc.array(transaction, { maxLength: 8 }), run), { numRuns: RUNS });
  }, 120_000);
}
