/** The stock of demo coins that the servers of a local network begin with. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { CLOUD_COIN_ID } from '@andvari/host-common/raida/coin-file';
import { openStore } from '../store/open-store.ts';
import type { DemoCoins } from './demo-coins.ts';
import { type NetworkState, networkFiles, saveStocked } from './network-state.ts';

/** Serial numbers 0 to 65535 of each denomination: at most 17 MB of pages a server. */
export const PAGES_PER_DENOMINATION = 64;

/**
 * Makes the stock of a network that has none yet, before any node has a store open; again as a
 * whole when it was interrupted.
 * @throws the store's errors
 */
export function stockNetwork(
  dataDir: string,
  { state, demoCoins }: { state: NetworkState; demoCoins: DemoCoins },
): void {
  if (state.stocked) return;
  for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
    const store = openStore({
      url: `sqlite:${networkFiles(dataDir).store(raidaId)}`,
      raidaId,
      coinId: CLOUD_COIN_ID,
      pagesPerDenomination: PAGES_PER_DENOMINATION,
      create: true,
    });
    try {
      demoCoins.stock(store, raidaId);
    } finally {
      store.close();
    }
  }
  saveStocked(dataDir, state);
}
