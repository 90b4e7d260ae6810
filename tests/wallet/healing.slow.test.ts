/** Healing on the wallet page end to end: tickets and fix between 25 real nodes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCoinFile } from '../../host-common/src/raida/coin-file.ts';
import type { TestNetwork } from './test-network.ts';
import type { WalletPage } from './wallet-page.ts';
import { ALL_PASS, DEMO_WORTH, lightsOf, walletPlace } from './wallet-place.ts';

/** The same once more, at another moment, is for the long run. */
const long = process.env.ANDVARI_LONG === '1';
const place = walletPlace();
let network: TestNetwork;
let wallet: WalletPage;

beforeEach(() => {
  ({ network, wallet } = place);
});

/** A wallet with demo coins, the first `count` of them fracked on these servers. */
async function withFracked(count: number, ...raidaIds: number[]): Promise<string[]> {
  await place.withDemoCoins();
  await frack(count, ...raidaIds);
  return (await wallet.detect()).slice(0, count).map(({ id }) => id);
}

async function frack(count: number, ...raidaIds: number[]): Promise<void> {
  const { name, bytes } = await wallet.download();
  await network.frack(parseCoinFile(bytes, name).coins.slice(0, count), ...raidaIds);
}

/** Close the tab, with all nodes back, and open the wallet again. */
async function returnLater(): Promise<void> {
  await place.returnToAll();
  ({ wallet } = place);
}

describe('healing', () => {
  it('heals one coin, then all the others in one go', async () => {
    const [first = '', second = ''] = await withFracked(3, 4, 17);
    expect(await wallet.total('fracked')).toBe(3);
    const fracked = `AAAAF${'A'.repeat(12)}F${'A'.repeat(7)}`;
    expect(await wallet.lights(second)).toBe(fracked);
    await wallet.healOne(first);
    expect([await wallet.lights(first), await wallet.lights(second)]).toEqual([ALL_PASS, fracked]);
    expect(await wallet.notice()).toBe('1 coin healed.');
    expect(lightsOf(await wallet.heal())).toEqual([ALL_PASS]);
    expect(await wallet.notice()).toBe('2 coins healed.');
    expect(await wallet.worth()).toBe(DEMO_WORTH);
    // What was healed is what the servers hold: a fresh look says the same.
    expect(lightsOf(await wallet.detect())).toEqual([ALL_PASS]);
    expect(await wallet.hook('heal').isDisabled()).toBe(true);
  });

  it('heals what it can while servers are down', async () => {
    const [coin = ''] = await withFracked(1, 4);
    await network.stop(0, 6, 12, 18, 24);
    await wallet.heal();
    expect(await wallet.lights(coin)).toBe('DAAAAADAAAAADAAAAADAAAAAD');
    expect(await wallet.notice()).toBe('1 coin healed.');
  });

  it('says why a coin cannot be healed', async () => {
    const [coin = ''] = await withFracked(1, ...Array.from({ length: 12 }, (_, id) => id));
    expect(await wallet.healFault(coin)).toBeUndefined();
    await network.stop(20);
    await wallet.heal();
    expect(await wallet.notice()).toMatch(/^0 of 1 coin healed\. 1 in limbo/);
    expect(await wallet.healFault(coin)).toMatch(/healed now: 12 servers vouch for it, 13 must/);
    await network.restartAll();
    await frack(1, 12);
    await wallet.detect();
    expect(await wallet.total('counterfeit')).toBe(1);
    expect(await wallet.healFault(coin)).toMatch(/Cannot be healed: 12 servers vouch/);
  });

  it('shows each step, can be stopped, and gone on with after a reload in the middle', async () => {
    await withFracked(2, 4);
    await network.mute(9);
    const before = await wallet.endedCount();
    await wallet.hook('heal').click();
    const tickets = wallet.page.locator('[data-step="tickets"][data-state="current"]');
    await tickets.filter({ hasText: '24/25' }).waitFor();
    expect(await wallet.hook('task-count').textContent()).toBe(
      'Step 1 of 3, tickets: 24 of 25 servers',
    );
    await wallet.cancel();
    await wallet.ended(before + 1);
    expect(await wallet.notice()).toMatch(/^Stopped\. 0 of 2 coins healed/);
    expect(await wallet.hook('unfinished').count()).toBe(0);

    await wallet.hook('heal').click();
    await wallet.page.locator('[data-step="tickets"]', { hasText: '24/25' }).waitFor();
    await returnLater();
    expect(await wallet.hook('unfinished').textContent()).toMatch(/Healing 2 coins was interru/);
    expect(lightsOf(await wallet.goOn())).toEqual([ALL_PASS]);
    expect(await wallet.hook('unfinished').count()).toBe(0);
    await returnLater();
    expect(await wallet.hook('unfinished').count()).toBe(0);
    expect(lightsOf(await wallet.coins())).toEqual([ALL_PASS]);
  });

  it('loses nothing when the tab closes, whenever it is', async () => {
    await place.withDemoCoins();
    for (const afterMs of long ? [20, 70] : [70]) {
      await frack(2, 4);
      await wallet.detect();
      await wallet.hook('heal').click();
      await wallet.page.waitForTimeout(afterMs);
      await returnLater();
      if ((await wallet.hook('unfinished').count()) > 0) await wallet.goOn();
      else if ((await wallet.total('fracked')) > 0) await wallet.heal();
      expect(lightsOf(await wallet.detect()), `closed after ${afterMs} ms`).toEqual([ALL_PASS]);
    }
  });
});
