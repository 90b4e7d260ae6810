import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { LOCKER_ROW_BYTES, type StoreTables } from '@andvari/host-common/engine/store-tables';
import { expect, test } from 'vitest';
import { loadTables } from './load-tables.ts';

const identity = { raidaId: 3, coinId: 6, wire: 'spec', version: '20260101' } as const;
const sizes = { pagesPerDenomination: 1, lockerCoins: 16 };

function tablesWith(coins: number): StoreTables {
  const lockers = new Uint8Array(coins * LOCKER_ROW_BYTES).fill(0xff);
  const view = new DataView(lockers.buffer);
  for (let coin = 0; coin < coins; coin++) {
    view.setUint32(coin * LOCKER_ROW_BYTES, 8, true);
    view.setUint32(coin * LOCKER_ROW_BYTES + 4, coin, true);
  }
  const none = new Uint8Array(0);
  return { counts: new Uint32Array(15), inUse: none, lockers, cells: none };
}

test('as many coins as the index was made for are taken', async () => {
  const engine = Engine.create({ module: await plainEngine(), sizes, identity });
  expect(() => loadTables(engine, tablesWith(16))).not.toThrow();
});

test('one more is an error that names the setting', async () => {
  const engine = Engine.create({ module: await plainEngine(), sizes, identity });
  expect(() => loadTables(engine, tablesWith(17))).toThrow(
    expect.objectContaining({
      code: 'ANDVARI_STORE_MISMATCH',
      message: 'the store holds 17 coins in lockers, but raida.locker_coins is 16',
    }),
  );
});

test('a page or a cell that cannot be is refused', async () => {
  const engine = Engine.create({ module: await plainEngine(), sizes, identity });
  const row = new Uint8Array(132);
  row[0] = 1;
  expect(() => loadTables(engine, { ...tablesWith(0), inUse: row })).toThrow(RangeError);
  const cell = new Uint8Array(20).fill(0xff);
  expect(() => loadTables(engine, { ...tablesWith(0), cells: cell })).toThrow(RangeError);
});
