/** What all servers of these tests have in common, and the coins that they start with. */
import { randomBytes } from 'node:crypto';
import type { EngineIdentity, EngineSizes } from '@andvari/host-common/engine/configuration';
import { PAGE_BYTES } from '../../host-node/src/store/coin-store.ts';
import { openStore } from '../../host-node/src/store/open-store.ts';
import type { Coin } from './ledger.ts';

export interface ServerSetup {
  identity: EngineIdentity;
  sizes: EngineSizes;
  storeUrl: string;
}

export const RAIDA_ID = 7;
export const COIN_ID = 6;
/** The key of encrypted requests; nobody changes it. */
export const KEY_COIN: Coin = { denomination: 0, serialNumber: 1 };

export function setupOf(storeUrl: string): ServerSetup {
  return {
    storeUrl,
    identity: { raidaId: RAIDA_ID, coinId: COIN_ID, wire: 'spec', version: '20261121' },
    sizes: { pagesPerDenomination: 8, journalRecords: 8192, frames: 256, ringEntries: 512 },
  };
}

/** `count` coins over all denominations and pages. */
export function coinsOf(count: number): Coin[] {
  return Array.from({ length: count }, (_, i) => ({
    denomination: (i % 15) - 8,
    serialNumber: (i % 8) * 1024 + 10 + Math.floor(i / 15),
  }));
}

/** Puts coins into a new store, with random ANs, which it gives. */
export function createCoins(
  { storeUrl, identity, sizes }: ServerSetup,
  coins: Coin[],
): Uint8Array[] {
  const { pagesPerDenomination } = sizes;
  const store = openStore({ url: storeUrl, ...identity, pagesPerDenomination });
  const page = new Uint8Array(PAGE_BYTES);
  store.begin();
  const ans = coins.map(({ denomination, serialNumber }) => {
    const denominationIndex = denomination + 8;
    store.readPage(denominationIndex, serialNumber >>> 10, page);
    const at = (serialNumber & 1023) * 17;
    const old = { oldAn: page.slice(at, at + 16), oldMfs: page[at + 16] ?? 0 };
    const newAn = new Uint8Array(randomBytes(16));
    store.apply({ denominationIndex, serialNumber, newAn, newMfs: 30, ...old });
    return newAn;
  });
  store.commit();
  store.close();
  return ans;
}
