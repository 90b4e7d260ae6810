import { expect, test } from 'vitest';
import { describeCoinStore, identity, readCoin, type StorePlace } from './compliance.ts';
import { describeStoreTables } from './compliance-tables.ts';
import { MemoryStore } from './memory-store.ts';

const makePlace = (): StorePlace => ({
  open: (whose) => new MemoryStore(whose),
  remove: () => undefined,
});
describeCoinStore('memory', makePlace, { durable: false });
describeStoreTables('memory', makePlace, { durable: false });

test('the blank pages follow from the secret', () => {
  const secret = new Uint8Array(32).fill(5);
  const [one, two] = [new MemoryStore(identity, secret), new MemoryStore(identity, secret)];
  expect(readCoin(one, 8, 1)).toEqual(readCoin(two, 8, 1));
  expect(readCoin(new MemoryStore(identity), 8, 1)).not.toEqual(readCoin(one, 8, 1));
});

test.each([{ raidaId: 25 }, { raidaId: -1 }, { coinId: 65536 }, { pagesPerDenomination: 1025 }])(
  'an identity with %j is refused',
  (wrong) => {
    expect(() => new MemoryStore({ ...identity, ...wrong })).toThrow(RangeError);
  },
);
