/** Lockers on the wallet page end to end: two browsers, 25 real nodes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { TestNetwork } from './test-network.ts';
import type { WalletPage } from './wallet-page.ts';
import { ALL_PASS, DEMO_WORTH, lightsOf, PASSPHRASE, walletPlace } from './wallet-place.ts';

const CODE = /^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/;
/** The same once more, at another moment, is for the long run. */
const long = process.env.ANDVARI_LONG === '1';
const place = walletPlace();
let network: TestNetwork;
let wallet: WalletPage;

beforeEach(() => {
  ({ network, wallet } = place);
});

async function withOwnCoins(): Promise<void> {
  await place.withDemoCoins();
  await wallet.pown();
}

/** Close the tab, with all nodes back, and open the wallet again. */
async function returnLater(): Promise<void> {
  await place.returnToAll();
  ({ wallet } = place);
}

/** Put an amount into a locker and keep the code. */
async function sent(amount?: string): Promise<string> {
  const code = await wallet.send(amount);
  await wallet.hook('code-later').click();
  return code;
}

describe('a locker', () => {
  it('carries an amount back, or to another wallet; the sender then forgets it', async () => {
    await withOwnCoins();
    await sent('1000');
    await wallet.lockerAct('take');
    expect(await wallet.lockers()).toEqual([]);
    expect(await wallet.worth()).toBe(DEMO_WORTH);
    expect(lightsOf(await wallet.detect())).toEqual([ALL_PASS]);
    const code = await sent('101');
    expect(code).toMatch(CODE);
    expect(await wallet.worth()).toBe('1,010.11');
    expect(await wallet.total('locked')).toBe(2);
    const full = { checked: true, count: 2, inside: 2, gone: 0 };
    expect(await wallet.lockers()).toEqual([full]);
    const other = await place.anotherProfile();
    const spoken = code.toLowerCase().replaceAll('-', ' ');
    expect(await other.peek(spoken)).toBe('1 × 100, 1 × 1: value 101, on all 25 servers.');
    await other.hook('take-no').click();
    const taken = await other.take(spoken);
    expect(taken.map(({ grade }) => grade)).toEqual(['authentic', 'authentic']);
    expect(lightsOf(taken)).toEqual([ALL_PASS]);
    expect(await other.worth()).toBe('101');
    expect(await other.notice()).toBe('2 coins taken, value 101. Yours alone now.');
    expect(await other.peek(code)).toMatch(/It is empty/);
    await wallet.untilEnded(() => wallet.hook('check-lockers').click());
    expect(await wallet.lockers()).toEqual([{ ...full, inside: 0, gone: 2 }]);
    await wallet.lockerAct('pass');
    expect(await wallet.lockers()).toEqual([]);
    expect(await wallet.coins()).toHaveLength(4);
  });

  it('keeps its code until it was passed on, also over a reload', async () => {
    const [first, second] = await place.withDemoCoins();
    await wallet.select(first?.id ?? '', second?.id ?? '');
    const code = await sent();
    expect(await wallet.coins()).toHaveLength(4);
    await returnLater();
    expect(await wallet.lockers()).toMatchObject([{ checked: true, count: 2, inside: 2 }]);
    await wallet.hook('locker-show').click();
    const shown = wallet.hook('locker-code').filter({ hasText: code });
    await shown.waitFor();
    await wallet.hook('copy-code').click();
    await wallet
      .hook('copied')
      .filter({ hasText: /copied|did not copy/i })
      .waitFor();
    await wallet.untilEnded(async () => {
      await wallet.hook('code-passed').click();
      await wallet.hook('confirm-yes').click();
    });
    expect(await wallet.notice()).toMatch(/has forgotten 2 coins/);
    expect(await shown.count()).toBe(0);
    await returnLater();
    expect(await wallet.lockers()).toEqual([]);
    const other = await place.anotherProfile();
    expect(await other.take(code)).toHaveLength(2);
  });

  it('takes no amount that coins do not make up, and no coin that is not authentic', async () => {
    const [first] = await place.withDemoCoins();
    await wallet.prepareSend('1');
    const fault = wallet.hook('send-fault').filter({ hasText: /\S/ });
    expect(await fault.textContent()).toMatch(/Your own coins make up 0 in all/);
    for (const amount of ['', '0', '-5', '1e3', '0.000000001', '<b>1</b>']) {
      await wallet.hook('send-amount').fill(amount);
      await wallet.hook('send-next').click();
      await fault.filter({ hasText: /above 0/ }).waitFor();
    }
    await wallet.hook('send-no').click();
    await network.stop(...Array.from({ length: 13 }, (_, raidaId) => raidaId));
    await wallet.select(first?.id ?? '');
    await wallet.prepareSend();
    await wallet.untilEnded(() => wallet.hook('send-yes').click());
    expect(await wallet.notice()).toMatch(/not authentic on 13 servers/);
    expect(await wallet.lockers()).toEqual([]);
    expect(await wallet.coins()).toHaveLength(6);
  });
});

describe('cut off in the middle', () => {
  it('a send loses nothing, whenever it is', async () => {
    await withOwnCoins();
    for (const afterMs of long ? [30, 120] : [120]) {
      await wallet.prepareSend('1100');
      await wallet.hook('send-yes').click();
      await wallet.page.waitForTimeout(afterMs);
      await returnLater();
      if ((await wallet.lockers()).length > 0) await wallet.lockerAct('take');
      expect(await wallet.lockers(), `closed after ${afterMs} ms`).toEqual([]);
      expect(lightsOf(await wallet.detect()), `closed after ${afterMs} ms`).toEqual([ALL_PASS]);
      expect(await wallet.worth()).toBe(DEMO_WORTH);
    }
  });

  it('a take is offered to go on with', async () => {
    await withOwnCoins();
    const code = await sent('1110');
    const giver = wallet;
    wallet = await place.anotherProfile();
    place.wallet = wallet;
    await wallet.peek(code);
    await network.mute(9);
    await wallet.hook('take-yes').click();
    await wallet.page.locator('[data-step="peek"]', { hasText: '24/25' }).waitFor();
    await returnLater();
    expect(await wallet.hook('unfinished').textContent()).toMatch(/out of a locker was interr/);
    expect(lightsOf(await wallet.goOn())).toEqual([ALL_PASS]);
    expect(await wallet.worth()).toBe('1,110');
    expect(await wallet.hook('unfinished').count()).toBe(0);
    expect(giver.complaints).toEqual([]);
  });
});

describe('a code', () => {
  it('that is wrong is said to be, and nothing in it becomes part of the page', async () => {
    const other = wallet;
    await other.createPassphrase(PASSPHRASE);
    const image = '<img src=x onerror="document.title=1">';
    expect(await other.peek(image)).toMatch(/wanted 5 groups of 4/);
    expect(await other.peek('K7QM-2XRA-9TWE-5HDB-3C7')).toMatch(/wanted 5 groups of 4/);
    expect(await other.peek('0000-0000-0000-0000-0000')).toMatch(/it is mistyped/);
    expect(await other.peek('0000-0000-0000-0000-0004')).toMatch(/^It is empty/);
    await other.hook('take-no').click();
    await other.dropFile({ name: `${image}.bin`, bytes: Uint8Array.of(1, 2, 3) });
    expect(await other.notice()).toContain(image);
    expect(await other.page.locator('img[src="x"]').count()).toBe(0);
    expect(await other.page.title()).toBe('Andvari wallet');
  });

  it('serves while five servers are down, and not with 12 of them', async () => {
    await withOwnCoins();
    const code = await sent('1110');
    const other = await place.anotherProfile();
    await network.stop(0, 6, 12, 18, 24);
    expect(await other.take(code)).toHaveLength(3);
    expect(await other.total('authentic')).toBe(3);
    expect(await other.worth()).toBe('1,110');
    await network.stop(1, 2, 3, 4, 5, 7, 8, 9);
    expect(await other.peek(code)).toMatch(/^Only 12 servers answered, 13 are needed/);
    expect(await other.hook('take-yes').count()).toBe(0);
  });
});

it('fits a window of 320 pixels, in light and in dark', async () => {
  await wallet.page.setViewportSize({ width: 320, height: 640 });
  const fits = async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await wallet.page.emulateMedia({ colorScheme });
      const width = await wallet.page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(320);
    }
  };
  await withOwnCoins();
  await fits();
  await wallet.send('100');
  await fits();
  await wallet.page.keyboard.press('Escape');
  // Back to where the user was before the work and its dialogs.
  await wallet.hook('send').and(wallet.page.locator(':focus')).waitFor();
  await fits();
  await wallet.hook('take-locker').click();
  await fits();
});
