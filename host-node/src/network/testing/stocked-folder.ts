/** Folders of networks that have been started once, for tests that are not about a first start. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOUD_COIN_ID } from '@andvari/host-common/raida/coin-file';
import { DemoCoins } from '../demo-coins.ts';
import { networkFiles, openNetworkState } from '../network-state.ts';
import { stockNetwork } from '../stock.ts';

interface StockFile {
  name: string;
  bytes: Uint8Array;
  mode: number;
}

/** To stock 25 servers is more than half of a first start: a process does it once. */
let stock: StockFile[] | undefined;

function makeStock(): StockFile[] {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-stock-'));
  try {
    const state = openNetworkState(folder);
    const cursorPath = networkFiles(folder).demoCursor;
    const demoCoins = new DemoCoins(state.demoSeed, { cursorPath, coinId: CLOUD_COIN_ID });
    stockNetwork(folder, { state, demoCoins });
    return readdirSync(folder).map((name) => {
      const path = join(folder, name);
      return { name, bytes: readFileSync(path), mode: statSync(path).mode & 0o777 };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes the folder if it is not there; all of one process have the same seed and coins. */
export function stockedFolder(path: string): void {
  stock ??= makeStock();
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const { name, bytes, mode } of stock) {
    writeFileSync(join(path, name), bytes, { mode });
    chmodSync(join(path, name), mode); // whatever the umask is
  }
}
