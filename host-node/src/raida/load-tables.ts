/** Hands what the store keeps besides the pages to the engine (StoreTables). */
import type { Engine } from '@andvari/host-common/engine/engine';
import { LOCKER_ROW_BYTES, type StoreTables } from '@andvari/host-common/engine/store-tables';
import { StoreMismatchError } from '../store/coin-store.ts';

/** Throws StoreMismatchError: coins that were imported can be more than the index was made for. */
export function loadTables(engine: Engine, tables: StoreTables): void {
  const coins = tables.lockers.length / LOCKER_ROW_BYTES;
  if (coins > engine.lockerCoins) {
    const room = `raida.locker_coins is ${engine.lockerCoins}`;
    throw new StoreMismatchError(`the store holds ${coins} coins in lockers, but ${room}`);
  }
  engine.loadTables(tables);
}
