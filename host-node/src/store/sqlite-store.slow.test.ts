/** Real refusals and real doubt: a file system that is full, and a file that may not grow. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CoinStore, StoreRefusedError } from './coin-store.ts';
import { changeOf, identity, putCoin, readCoin } from './compliance.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { SmallDisk } from './testing/small-disk.ts';

const an = (value: number) => new Uint8Array(16).fill(value);
const canMount = SmallDisk.possible();
const canLimit = spawnSync('prlimit', ['--version']).status === 0;

const mountNeeds = 'root, mkfs.ext4 and a loop device';
const unless = (ran: boolean, needs: string) => (ran ? '' : ` (DID NOT RUN: needs ${needs})`);

/** One transaction: the first coin of each of `pages` pages gets the value. */
function putOnPages(store: CoinStore, pages: number, value: number): void {
  const coins = Array.from({ length: pages }, (_, page) => [8, page * 1024] as const);
  const changes = coins.map((coin) => changeOf(store, coin, an(value), 30));
  store.begin();
  try {
    for (const change of changes) store.apply(change);
    store.commit();
  } finally {
    store.rollback();
  }
}

const valuesOn = (store: CoinStore, pages: number) =>
  Array.from({ length: pages }, (_, page) => readCoin(store, 8, page * 1024));

/** Transactions of 16 pages until one is refused; gives the last value that was committed. */
function putUntilRefused(store: CoinStore): number {
  for (let value = 2; value < 250; value++) {
    try {
      putOnPages(store, 16, value);
    } catch (error) {
      expect(error).toBeInstanceOf(StoreRefusedError);
      expect(error).toMatchObject({ code: 'ANDVARI_STORE_REFUSED', sqliteCode: 13 });
      return value - 1;
    }
  }
  return expect.fail('the disk was never full');
}

describe.runIf(canMount)(`a full file system${unless(canMount, mountNeeds)}`, () => {
  test('refuses, keeps what was committed, and works again when there is space', () => {
    const disk = SmallDisk.make(8 << 20);
    if (!disk) return expect.fail('no disk');
    const path = join(disk.folder, 'coins.db');
    const open = () => openSqliteStore({ ...identity, path });
    let store = open();
    try {
      putOnPages(store, 16, 1);
      disk.fill();
      const last = putUntilRefused(store);
      const committed = Array(16).fill({ an: an(last), mfs: 30 });
      expect(valuesOn(store, 16)).toEqual(committed);
      expect(store.counts()[8]).toBe(16);
      // It stays refused, and reading goes on.
      expect(() => putOnPages(store, 64, 99)).toThrow(StoreRefusedError);
      expect(valuesOn(store, 16)).toEqual(committed);

      store.close();
      store = open();
      expect(valuesOn(store, 16)).toEqual(committed);
      expect(readCoin(store, 8, 20 * 1024).mfs).toBe(0);
      expect(store.counts()[8]).toBe(16);

      disk.empty();
      store.probe();
      putOnPages(store, 64, 100);
      expect(valuesOn(store, 64)).toEqual(Array(64).fill({ an: an(100), mfs: 30 }));
      expect(store.counts()[8]).toBe(64);
    } finally {
      store.close();
      disk.remove();
    }
  });

  test('a refused probe says so, and a store on it opens', () => {
    const disk = SmallDisk.make(8 << 20);
    if (!disk) return expect.fail('no disk');
    const path = join(disk.folder, 'coins.db');
    const open = () => openSqliteStore({ ...identity, path });
    let store = open();
    try {
      putCoin(store, [8, 1], an(1), 30);
      disk.fill();
      const untilRefused = () => {
        for (let i = 0; i < 1000; i++) store.probe();
      };
      expect(untilRefused).toThrow(StoreRefusedError);
      store.close();
      store = open();
      expect(readCoin(store, 8, 1)).toEqual({ an: an(1), mfs: 30 });
    } finally {
      store.close();
      disk.remove();
    }
  });
});

const storeModule = new URL('./sqlite-store.ts', import.meta.url).href;
/** Runs in a process of its own, whose files may not grow: writing fails with EFBIG, not ENOSPC. */
const limited = `
  import { execFileSync } from 'node:child_process';
  const { openSqliteStore } = await import(${JSON.stringify(storeModule)});
  process.on('SIGXFSZ', () => {});
  const identity = ${JSON.stringify(identity)};
  const path = process.argv[1];
  const store = openSqliteStore({ ...identity, path });
  const change = (value) => {
    const page = new Uint8Array(17408);
    store.readPage(8, 0, page);
    const old = { oldAn: page.slice(0, 16), oldMfs: page[16] };
    const coin = { denominationIndex: 8, serialNumber: 0, ...old };
    store.begin();
    store.apply({ ...coin, newAn: new Uint8Array(16).fill(value), newMfs: 30 });
    store.commit();
  };
  change(1);
  const { statSync } = await import('node:fs');
  const bytes = statSync(path + '-wal').size + 4096;
  execFileSync('prlimit', ['--pid', process.pid, '--fsize=' + bytes + ':']);
  const said = [];
  for (let i = 0; i < 2; i++) {
    try {
      change(2);
      said.push('committed');
    } catch (error) {
      said.push(error.code, error.sqliteCode & 255);
    }
  }
  store.close();
  console.log(JSON.stringify(said));
`;

describe.runIf(canLimit)(`a write that fails otherwise${unless(canLimit, 'prlimit')}`, () => {
  test('leaves the outcome unknown, and the store shut until it is opened again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-limited-'));
    const path = join(folder, 'coins.db');
    try {
      const child = spawn(process.execPath, ['--input-type=module', '-e', limited, path]);
      let text = '';
      child.stdout.on('data', (bytes) => (text += bytes));
      child.stderr.on('data', (bytes) => (text += bytes));
      await once(child, 'close');
      expect(text.trim()).toBe('["ANDVARI_STORE_UNKNOWN",10,"ANDVARI_STORE_UNKNOWN",10]');
      const store = openSqliteStore({ ...identity, path, afterUnknown: true });
      expect([1, 2]).toContain(readCoin(store, 8, 0).an[0]);
      expect(store.counts()[8]).toBe(1);
      putCoin(store, [8, 0], an(3), 30);
      store.close();
      expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
