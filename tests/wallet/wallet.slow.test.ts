/** The wallet page end to end: real nodes, real WebSockets, Chromium. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCoinFile } from '../../host-common/src/raida/coin-file.ts';
import type { TestNetwork } from './test-network.ts';
import { WalletPage } from './wallet-page.ts';
import { ALL_PASS, DEMO_WORTH, lightsOf, PASSPHRASE, walletPlace } from './wallet-place.ts';

const place = walletPlace();
let network: TestNetwork;
let wallet: WalletPage;

beforeEach(() => {
  ({ network, wallet } = place);
});

/** The same once more, at another moment, is for the long run. */
const long = process.env.ANDVARI_LONG === '1';

const withDemoCoins = () => place.withDemoCoins();

async function returnLater(): Promise<void> {
  await place.returnLater();
  ({ wallet } = place);
}

describe('the passphrase', () => {
  it('is asked for twice, has to be good, and opens after a reload; no other does', async () => {
    await wallet.createPassphrase('short');
    expect(await wallet.gateFault()).toMatch(/at least 10/);
    await wallet.createPassphrase(PASSPHRASE, `${PASSPHRASE}!`);
    expect(await wallet.gateFault()).toMatch(/differ/);
    await withDemoCoins();
    await wallet.detect();
    await wallet.reload();
    await wallet.unlock('copper kettle under the hills');
    expect(await wallet.gateFault()).toMatch(/not the passphrase/);
    await wallet.unlock(PASSPHRASE);
    await wallet.ready();
    expect(lightsOf(await wallet.coins())).toEqual([ALL_PASS]);
  });

  it('seals what is stored, and is not enough while another tab has the wallet open', async () => {
    await withDemoCoins();
    const { name, bytes } = await wallet.download();
    const [coin] = parseCoinFile(bytes, name).coins;
    const stored = await wallet.page.evaluate(async () => {
      const open = indexedDB.open('andvari-wallet');
      await new Promise((resolve) => {
        open.onsuccess = resolve;
      });
      const all = open.result.transaction('wallet').objectStore('wallet').getAll();
      await new Promise((resolve) => {
        all.onsuccess = resolve;
      });
      open.result.close();
      const bytesOf = (value: unknown): number[][] => {
        if (value instanceof Uint8Array) return [[...value]];
        if (typeof value !== 'object' || value === null) return [];
        return Object.values(value).flatMap(bytesOf);
      };
      return all.result.flatMap(bytesOf);
    });
    const text = stored.map((part) => Buffer.from(part).toString('hex')).join(' ');
    expect(stored.length).toBeGreaterThan(12);
    for (let raidaId = 0; raidaId < 25; raidaId++) {
      const an = coin?.authenticationNumbers.subarray(raidaId * 16, raidaId * 16 + 16);
      expect(text).not.toContain(Buffer.from(an ?? []).toString('hex'));
    }

    const second = await WalletPage.open(wallet.page.context(), network.url);
    await second.unlock(PASSPHRASE);
    expect(await second.gateFault()).toMatch(/another tab/);
    await wallet.lock();
    await second.unlock(PASSPHRASE);
    await second.ready();
    expect(await second.coins()).toHaveLength(6);
    await second.page.close();
  });
});

describe('coins', () => {
  it('are taken, detected, powned and downloaded; the old file is then worth nothing', async () => {
    expect(lightsOf(await withDemoCoins())).toEqual(['0'.repeat(25)]);
    const before = await wallet.download();
    expect(lightsOf(await wallet.detect())).toEqual([ALL_PASS]);
    expect(await wallet.worth()).toBe(DEMO_WORTH);
    expect(lightsOf(await wallet.pown())).toEqual([ALL_PASS]);
    expect(await wallet.notice()).toMatch(/6 authentic.*All yours alone now/);
    const after = await wallet.download();
    expect(after.name).toMatch(/^1,111\.11 CloudCoin #6 '.*'\.bin$/);

    await wallet.selectAll();
    await wallet.remove();
    await wallet.dropFile(before);
    expect(lightsOf(await wallet.detect())).toEqual(['F'.repeat(25)]);
    expect(await wallet.total('counterfeit')).toBe(6);
    expect(await wallet.worth()).toBe('0');

    await wallet.selectAll();
    await wallet.remove();
    await wallet.chooseFiles(after);
    expect(lightsOf(await wallet.detect())).toEqual([ALL_PASS]);
    expect(await wallet.total('authentic')).toBe(6);
  });

  it('come in coin files, anything else is refused; are worked on by selection', async () => {
    const [first, second] = await withDemoCoins();
    const good = await wallet.download();
    for (const [bytes, words] of [
      [new Uint8Array(0), /empty/],
      [Uint8Array.of(0xff, 0xd8, 0xff), /wanted format 9/],
      [good.bytes.slice(0, -1), /wanted 2474 bytes/],
      [Uint8Array.of(...good.bytes, 0), /wanted nothing after 6 coins/],
    ] as const) {
      await wallet.dropFile({ name: 'photo.jpg', bytes });
      expect(await wallet.notice()).toMatch(words);
    }
    await wallet.dropFile(good);
    expect(await wallet.notice()).toBe('6 coins already here.');
    expect(await wallet.coins()).toHaveLength(6);

    await wallet.select(first?.id ?? '', second?.id ?? '');
    const now = await wallet.detect();
    expect(now.filter(({ grade }) => grade === 'authentic')).toHaveLength(2);
    const { name, bytes } = await wallet.download();
    expect(parseCoinFile(bytes, name).coins).toHaveLength(2);
    await wallet.remove();
    expect(await wallet.coins()).toHaveLength(4);
  });
});

describe('the servers as peers', () => {
  it('are shown as they are when they are asked, and not where they are none', async () => {
    const { page } = wallet;
    const countRoot = '3fa1b2c4'.padEnd(64, '0');
    const other = { countRoot: 'b'.repeat(64) };
    const status = { version: '20261121', countRoot, load: 1200, ageMs: 3400 };
    let peers: object[] | undefined;
    await page.context().route('**/network.json', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), peers } });
    });
    await wallet.createPassphrase(PASSPHRASE);
    await wallet.ready();
    expect(await wallet.hook('peer').count()).toBe(0);
    expect(await wallet.hook('peers-summary').count()).toBe(0);
    peers = Array.from({ length: 25 }, (_, raidaId) => {
      const told = raidaId === 9 ? { ...status, ...other } : status;
      return { raidaId, verified: raidaId === 3 ? 7 : 24, others: 24, ...(raidaId && told) };
    });
    await wallet.askServers();
    const summary = await wallet.hook('peers-summary').textContent();
    expect(summary?.trim()).toBe('24 of 25 know all their peers; 2 coin count roots.');
    const linesOf = (index: number) => wallet.hook('peer').nth(index).locator('> span');
    expect(await linesOf(0).allTextContents()).toEqual(['24/24', 'no status']);
    const told = ['20261121', 'coin count root 3fa1b2c4', '1200/s', '3 s ago'];
    expect(await linesOf(2).allTextContents()).toEqual(['24/24', ...told]);
    expect(await linesOf(3).allTextContents()).toEqual(['7/24', ...told]);
    expect(await linesOf(9).nth(2).getAttribute('title')).toBe(
      `coin count root ${other.countRoot}`,
    );
    await wallet.hook('count-roots').locator('summary').click();
    const roots = wallet.hook('count-root');
    expect(await roots.allInnerTexts()).toEqual([countRoot, other.countRoot]);
    expect(await wallet.hook('count-roots').locator('dt').allInnerTexts()).toEqual([
      'Servers 1-8, 10-24',
      'Server 9',
    ]);
    // A root that is none is not shown, and neither is the list that it is in.
    peers = peers.map((peer) => ({ ...peer, countRoot: '<b>' }));
    await wallet.askServers();
    expect(await wallet.hook('peer').count()).toBe(0);
    expect(await wallet.hook('count-roots').count()).toBe(0);
  });
});

describe('when servers are down', () => {
  it('one of them costs a light, not a coin, and words say what the lights show', async () => {
    await withDemoCoins();
    await network.stop(9);
    const coins = await wallet.detect();
    expect(lightsOf(coins)).toEqual([`${'A'.repeat(9)}D${'A'.repeat(15)}`]);
    expect(coins[0]?.summary).toBe('24 of 25 pass · no connection: 9');
    const light = wallet.page.getByRole('img', { name: 'Server 9: no connection' });
    expect(await light.count()).toBe(6);
    const servers = await wallet.askServers();
    expect(servers.filter(({ light }) => light !== 'A').map(({ raidaId }) => raidaId)).toEqual([9]);
    expect(await wallet.total('authentic')).toBe(6);
  });

  it('five of them are caught up with on return', async () => {
    await withDemoCoins();
    await network.stop(0, 6, 12, 18, 24);
    const down = 'DAAAAADAAAAADAAAAADAAAAAD';
    expect(lightsOf(await wallet.pown())).toEqual([down]);
    expect(await wallet.total('authentic')).toBe(6);
    await network.restartAll();
    await returnLater();
    await wallet.unlock(PASSPHRASE);
    await wallet.ended(1);
    expect(lightsOf(await wallet.coins())).toEqual([ALL_PASS]);
    expect(await wallet.total('authentic')).toBe(6);
  });

  it('fourteen of them leave coins in limbo, with both secrets, until they return', async () => {
    await withDemoCoins();
    await network.stop(...Array.from({ length: 14 }, (_, raidaId) => raidaId));
    await wallet.pown();
    expect(await wallet.total('limbo')).toBe(6);
    expect(await wallet.notice()).toMatch(/old and new secrets are both kept/);
    await returnLater();
    await wallet.unlock(PASSPHRASE);
    await wallet.ended(1);
    expect(await wallet.total('limbo')).toBe(6);
    await network.restartAll();
    await returnLater();
    await wallet.unlock(PASSPHRASE);
    await wallet.ended(1);
    expect(lightsOf(await wallet.coins())).toEqual([ALL_PASS]);
    expect(await wallet.worth()).toBe(DEMO_WORTH);
  });

  it('a tab closed in the middle of a pown loses nothing, whenever it is', async () => {
    await withDemoCoins();
    for (const afterMs of long ? [0, 30] : [30]) {
      await wallet.startPown();
      await wallet.page.waitForTimeout(afterMs);
      await returnLater();
      await wallet.unlock(PASSPHRASE);
      await wallet.ready();
      expect(lightsOf(await wallet.detect()), `closed after ${afterMs} ms`).toEqual([ALL_PASS]);
      expect(await wallet.worth()).toBe(DEMO_WORTH);
    }
  });
});

describe('the page', () => {
  // How it fits a small window: lockers.slow.test.ts.
  it('works by keyboard alone', async () => {
    const { keyboard } = wallet.page;
    await wallet.hook('gate-passphrase').and(wallet.page.locator(':focus')).waitFor();
    await keyboard.type(PASSPHRASE);
    await keyboard.press('Tab');
    await keyboard.type(PASSPHRASE);
    await keyboard.press('Enter');
    await wallet.ready();
    const walkTo = async (testId: string) => {
      const focused = wallet.hook(testId).and(wallet.page.locator(':focus'));
      for (let presses = 0; presses < 60 && (await focused.count()) === 0; presses++) {
        await keyboard.press('Tab');
      }
      expect(await focused.count(), `${testId} can be reached by Tab`).toBe(1);
    };
    await walkTo('demo-coins');
    await keyboard.press('Enter');
    await wallet.ended(1);
    await walkTo('pown');
    const ended = await wallet.endedCount();
    await keyboard.press('Enter');
    await wallet.hook('confirm-no').and(wallet.page.locator(':focus')).waitFor();
    await keyboard.press('Escape');
    await keyboard.press('Enter');
    await walkTo('confirm-yes');
    await keyboard.press('Enter');
    await wallet.ended(ended + 1);
    expect(lightsOf(await wallet.coins())).toEqual([ALL_PASS]);
  });
});
