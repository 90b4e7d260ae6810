import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticationNumber } from '@andvari/host-common/raida/coin';
import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PAGE_BYTES } from '../store/coin-store.ts';
import { openStore } from '../store/open-store.ts';
import { DEMO_COINS, DEMO_DENOMINATIONS, DemoCoins } from './demo-coins.ts';

const seed = new Uint8Array(32).fill(7);
let directory = '';
let cursorPath = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-demo-'));
  cursorPath = join(directory, 'demo-cursor.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

const make = () => new DemoCoins(seed, { cursorPath, coinId: 6 });

function emptyStore(raidaId: number) {
  return openStore({ url: 'memory:', raidaId, coinId: 6, pagesPerDenomination: 2 });
}

describe('DemoCoins', () => {
  it('gives one coin of each denomination in a coin file', () => {
    const { name, bytes } = make().take();
    expect(name).toBe("1,111.11 CloudCoin #6 'demo'.bin");
    const { coins } = parseCoinFile(bytes, name);
    expect(coins.map((coin) => coin.denomination)).toEqual([...DEMO_DENOMINATIONS]);
    expect(new Set(coins.map((coin) => coin.serialNumber)).size).toBe(1);
  });

  it('never gives a coin twice, also after a restart', () => {
    const serials = new Set<number | undefined>();
    for (let i = 0; i < 20; i++) {
      const { bytes, name } = make().take();
      serials.add(parseCoinFile(bytes, name).coins[0]?.serialNumber);
    }
    expect(serials.size).toBe(20);
  });

  it('says when the stock is used up', () => {
    writeFileSync(cursorPath, JSON.stringify({ taken: DEMO_COINS - 1 }));
    const demo = make();
    demo.take();
    expect(demo.left).toBe(0);
    expect(() => demo.take()).toThrow(
      expect.objectContaining({ code: 'ANDVARI_DEMO_COINS_EXHAUSTED' }),
    );
    expect(() => make().take()).toThrow();
  });

  it.each(['', '{}', '{"taken":-1}', '{"taken":1.5}', '{"taken":1025}', 'null'])(
    'refuses to guess from a damaged cursor (%s)',
    (text) => {
      writeFileSync(cursorPath, text);
      expect(make).toThrow(expect.objectContaining({ code: 'ANDVARI_DEMO_CURSOR' }));
    },
  );

  it('stocks a store with exactly what it gives away', () => {
    const demo = make();
    const store = emptyStore(3);
    demo.stock(store, 3);
    expect([...store.counts()]).toEqual([0, 0, 0, 0, 0, 0, ...Array(6).fill(1024), 0, 0, 0]);
    const { bytes, name } = demo.take();
    for (const coin of parseCoinFile(bytes, name).coins) {
      const page = new Uint8Array(PAGE_BYTES);
      store.readPage(coin.denomination + 8, coin.serialNumber >> 10, page);
      const at = (coin.serialNumber & 1023) * 17;
      expect(page.slice(at, at + 16)).toEqual(authenticationNumber(coin.authenticationNumbers, 3));
      expect(page[at + 16]).not.toBe(0);
      expect(page.slice(at, at + 16)).not.toEqual(
        authenticationNumber(coin.authenticationNumbers, 4),
      );
    }
    store.close();
  });

  it('can be stocked again without a change', () => {
    const demo = make();
    const store = emptyStore(0);
    demo.stock(store, 0);
    const before = new Uint8Array(PAGE_BYTES);
    const after = new Uint8Array(PAGE_BYTES);
    store.readPage(8, 1, before);
    new DemoCoins(
      seed.map((byte) => byte + 1),
      { cursorPath, coinId: 6 },
    ).stock(store, 0);
    store.readPage(8, 1, after);
    expect(after).toEqual(before);
    store.close();
  });
});
