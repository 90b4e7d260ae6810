/**
 * A SQLite store in a temporary folder with the bench's coins in use: (0, 0 ...) and the encryption
 * coin.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PAGE_BYTES, RECORD_BYTES } from '@andvari/host-node/store/coin-store';
import { openStore } from '@andvari/host-node/store/open-store';
import { anOf, PAGES } from './requests.ts';

export function makeStore(coins: number): { url: string; folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-bench-'));
  const url = `sqlite:${join(folder, 'coins.db')}`;
  const store = openStore({ url, raidaId: 0, coinId: 6, pagesPerDenomination: PAGES });
  store.begin();
  const page = new Uint8Array(PAGE_BYTES);
  // All serial numbers of the bench lie on page 0.
  const enter = (denomination: number, serialNumber: number) => {
    store.readPage(denomination + 8, 0, page);
    const at = serialNumber * RECORD_BYTES;
    store.apply({
      denominationIndex: denomination + 8,
      serialNumber,
      newAn: anOf(denomination, serialNumber),
      newMfs: 30,
      oldAn: page.slice(at, at + 16),
      oldMfs: 0,
    });
  };
  for (let i = 0; i < coins; i++) {
    enter(0, i);
    enter(1, i);
  }
  store.commit();
  store.close();
  return { url, folder, remove: () => rmSync(folder, { recursive: true }) };
}
