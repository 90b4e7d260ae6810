/** What all servers of these tests have in common, and the coins that they start with. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EngineIdentity, EngineSizes } from '@andvari/host-common/engine/configuration';
import { openOutsideWorld } from '../../host-node/src/raida/outside-world.ts';
import type { RaidaServerOptions } from '../../host-node/src/raida/server.ts';
import { PAGE_BYTES } from '../../host-node/src/store/coin-store.ts';
import { openStore } from '../../host-node/src/store/open-store.ts';
import type { Coin, Ledger } from './ledger.ts';

/** As JSON it starts a server in another process. */
export interface ServerSetup {
  identity: EngineIdentity;
  sizes: EngineSizes;
  storeUrl: string;
  /** Where requests find their files. */
  dataDir: string;
}

export const RAIDA_ID = 7;
export const COIN_ID = 6;
export const ADMIN_KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
/** The key of encrypted requests; nobody changes it. */
export const KEY_COIN: Coin = { denomination: 0, serialNumber: 1 };

/** A server whose database and files lie in `folder`. */
export function setupOf(folder: string): ServerSetup {
  return {
    storeUrl: `sqlite:${join(folder, 'coins.db')}`,
    dataDir: folder,
    identity: { raidaId: RAIDA_ID, coinId: COIN_ID, wire: 'spec', version: '20261121' },
    sizes: { pagesPerDenomination: 8, journalRecords: 8192, frames: 256, ringEntries: 512 },
  };
}

/** What RaidaServer.start() wants besides a store's client and a watcher. */
export async function startOptions(
  setup: ServerSetup,
): Promise<Pick<RaidaServerOptions, 'identity' | 'outside' | 'sizes' | 'storeUrl'>> {
  const { identity, sizes, storeUrl, dataDir } = setup;
  const outside = await openOutsideWorld({ ...identity, dataDir });
  return { sizes, storeUrl, outside, identity: { ...identity, adminKey: ADMIN_KEY } };
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

/** Coins whose record in the store, which nobody has open, is not what the ledger says. */
export function differingCoins(
  { identity, sizes, storeUrl }: ServerSetup,
  { entries }: Ledger,
): number {
  const { pagesPerDenomination } = sizes;
  const store = openStore({ url: storeUrl, ...identity, pagesPerDenomination });
  const page = new Uint8Array(PAGE_BYTES);
  const wrong = entries.filter(({ denomination, serialNumber, an }) => {
    store.readPage(denomination + 8, serialNumber >>> 10, page);
    const at = (serialNumber & 1023) * 17;
    return Buffer.compare(page.subarray(at, at + 16), an) !== 0 || page[at + 16] === 0;
  });
  store.close();
  return wrong.length;
}
