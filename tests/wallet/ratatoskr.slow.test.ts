/** The Ratatoskr panel end to end: a real browser, 25 nodes, the demo network's endpoint. */
import { quicAvailable } from '@andvari/host-node/webtransport/testing/quic-client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WalletPage } from './wallet-page.ts';
import { PASSPHRASE, walletPlace } from './wallet-place.ts';

const place = walletPlace();
/** Where the package is missing there is only the WebSocket. */
const preferred = quicAvailable ? 'webtransport' : 'websocket';
let wallet: WalletPage;

beforeEach(() => {
  ({ wallet } = place);
});

const state = (name: string) =>
  wallet.page.locator(`[data-testid="ratatoskr"][data-state="${name}"]`);
const press = (name: string) => wallet.hook(`ratatoskr-${name}`).click();
const transport = () => wallet.hook('ratatoskr').getAttribute('data-transport');
const words = () => wallet.hook('ratatoskr-words').filter({ hasText: /\S/ });

/** Do something, and wait for its end. */
async function untilEnded(start: () => Promise<unknown>): Promise<void> {
  const panel = wallet.hook('ratatoskr');
  const before = Number(await panel.getAttribute('data-ended'));
  await start();
  await wallet.page
    .locator(`[data-testid="ratatoskr"][data-ended="${before + 1}"]`)
    .waitFor({ timeout: 60_000 });
}

async function registered(): Promise<void> {
  await wallet.hook('ratatoskr').getByText('Server and device').click();
  await untilEnded(() => press('register'));
  await wallet.hook('ratatoskr-news').filter({ hasText: 'registered' }).waitFor();
}

async function connected(): Promise<void> {
  await registered();
  await press('connect');
  await state('online').waitFor();
}

/** What is paid, when the page is loaded again, and how the payment is to end. */
const allReloads = [
  [0.01, 60, 'pay-again'],
  [0.1, 25, 'take-back'],
  [10, 240, 'pay-again'],
  [1, 15, 'pay-again'],
  [0.1, 20, 'take-back'],
  [0.01, 28, 'pay-again'],
  [100, 30, 'take-back'],
  [100, 35, 'pay-again'],
] as const;
const long = process.env.ANDVARI_LONG === '1';
const reloads = allReloads.filter((_, i) => long || i % 4 === 0);

describe('the panel', () => {
  it('connects once its device is registered, and keeps its key', async () => {
    await wallet.createPassphrase(PASSPHRASE);
    await press('connect');
    await state('failed').waitFor();
    await wallet.hook('ratatoskr-state').filter({ hasText: 'does not know this device' }).waitFor();
    const device = await wallet.hook('ratatoskr-device').textContent();
    expect(device?.trim()).toMatch(
      /^andvari ratatoskr register wallet-[0-9a-f]{16} --key [0-9a-f]{64} --user owner$/,
    );
    await untilEnded(() => press('register'));
    await press('connect');
    await state('online').waitFor();
    expect(await transport()).toBe(preferred);
    const facts = wallet.hook('ratatoskr-facts');
    await facts.filter({ hasText: /Session.*answers signed.*Last heartbeat.*Queue/s }).waitFor();
    await press('disconnect');
    await state('offline').waitFor();
    // Of no use to anybody who has only the files of this profile: it cannot be read, or is sealed.
    await wallet.reload();
    await wallet.unlock(PASSPHRASE);
    await wallet.begun();
    await press('connect');
    await state('online').waitFor();
    expect(await wallet.hook('ratatoskr-device').textContent()).toBe(device);
    await wallet.lock();
    expect(await wallet.hook('ratatoskr').count()).toBe(0);
  });

  it('trades on the market, and nothing in an offer becomes part of the page', async () => {
    await wallet.createPassphrase(PASSPHRASE);
    await connected();
    await untilEnded(() => press('list'));
    const image = '<img src=x onerror="document.title=1">';
    await wallet.hook('ratatoskr-title').fill(image);
    await wallet.hook('ratatoskr-price').fill('0.01');
    await untilEnded(() => press('offer'));
    const offer = wallet.hook('ratatoskr-one-offer').filter({ hasText: image });
    expect(await offer.getAttribute('data-taken')).toBe('false');
    await untilEnded(() => offer.getByTestId('ratatoskr-take').click());
    expect(await offer.getAttribute('data-taken')).toBe('true');
    expect(await wallet.hook('ratatoskr-amount').inputValue()).toBe('0.01');
    await wallet.hook('ratatoskr-price').fill('free');
    await untilEnded(() => press('offer'));
    expect(await words().textContent()).toMatch(/^Wanted a price/);
    expect(await wallet.page.locator('img[src="x"]').count()).toBe(0);
    expect(await wallet.page.title()).toBe('Andvari wallet');
  });

  it('pays with coins, which are then gone from here', async () => {
    await place.withDemoCoins();
    await wallet.pown();
    await connected();
    const faults = [
      ['no', 'Type an amount above 0, such as 1.5.'],
      ['3', 'Your coins do not make up 3 exactly: try another amount.'],
      ['-1', 'Type an amount above 0, such as 1.5.'],
    ] as const;
    for (const [typed, fault] of faults) {
      await wallet.hook('ratatoskr-amount').fill(typed);
      await untilEnded(() => press('pay'));
      expect(await words().textContent()).toBe(fault);
    }
    await wallet.hook('ratatoskr-amount').fill('1000.01');
    await wallet.untilEnded(() => press('pay'));
    expect(await wallet.notice()).toMatch(/^1000\.01 paid: payment-[0-9a-f]{16}\.$/);
    expect(await wallet.worth()).toBe('111.1');
    expect(await wallet.lockers()).toEqual([]);
    expect(await wallet.hook('ratatoskr-open-payment').count()).toBe(0);
    // What became of it is said until the user has seen it.
    const last = wallet.hook('ratatoskr-last-payment');
    await last.filter({ hasText: /1,000\.01 paid: payment-[0-9a-f]{16}\./ }).waitFor();
    await press('forget-payment');
    await last.waitFor({ state: 'detached' });
  });

  it('knows of a payment after a reload at any moment, and ends it once', async () => {
    // Twice: so there is a coin for each payment, whether those before were made or taken back.
    await place.withDemoCoins();
    await wallet.takeDemoCoins();
    await wallet.pown();
    await connected();
    let left = 2_222.22;
    let known = 0;
    for (const [amount, afterMs, end] of reloads) {
      await wallet.ready();
      const open = wallet.hook('ratatoskr-open-payment');
      const last = wallet.hook('ratatoskr-last-payment');
      const lastRequest = async () =>
        (await last.count()) > 0 ? last.getAttribute('data-request') : null;
      const before = await lastRequest();
      await wallet.hook('ratatoskr-amount').fill(String(amount));
      await press('pay');
      await wallet.page.waitForTimeout(afterMs);
      const about = `reloaded ${afterMs} ms after paying ${amount}`;
      await wallet.reload();
      await wallet.unlock(PASSPHRASE);
      await wallet.begun();
      await press('connect');
      await state('online').waitFor();
      const canTakeBack = (await wallet.hook('ratatoskr-take-back').count()) > 0;
      // On a slow machine it may not have begun yet: then nothing has moved, either.
      const begun = (await open.count()) > 0;
      if (begun) known++;
      if (begun && end === 'take-back' && canTakeBack) {
        await wallet.untilEnded(() => press('take-back'));
        expect(await wallet.notice(), about).toMatch(/coins are back in the wallet/);
      } else if (begun || (await lastRequest()) !== before) {
        const request = await open.or(last).getAttribute('data-request');
        expect(request, about).toMatch(/^[0-9a-f-]{36}$/);
        if (begun) await wallet.untilEnded(() => press('pay-again'));
        await last.filter({ hasText: /paid: payment-[0-9a-f]{16}\./ }).waitFor();
        expect(await last.getAttribute('data-request'), about).toBe(request);
        left -= amount;
      }
      // Of a locker that was emptied by the payment, the wallet knows nothing more to take.
      expect(
        (await wallet.lockers()).filter(({ inside }) => inside > 0),
        about,
      ).toEqual([]);
      expect(Number((await wallet.worth()).replace(',', '')), about).toBeCloseTo(left, 8);
    }
    expect(known).toBeGreaterThan(0);
  });

  it('takes the WebSocket when the certificate is another one, and goes nowhere else', async () => {
    await wallet.createPassphrase(PASSPHRASE);
    await registered();
    await wallet.hook('ratatoskr-certificateHashes').fill('ab'.repeat(32));
    await press('connect');
    await state('online').waitFor();
    expect(await transport()).toBe('websocket');
    await untilEnded(() => press('list'));
    expect(await wallet.hook('ratatoskr-offers').count()).toBe(1);
    await press('disconnect');
    await state('offline').waitFor();

    // It connects to what the page's operator allows, and says at once what it may not.
    const url = wallet.hook('ratatoskr-url');
    const own = await url.inputValue();
    await wallet.hook('ratatoskr-webTransportUrl').fill('');
    await wallet.hook('ratatoskr-certificateHashes').fill('');
    await url.fill('wss://example.org/ratatoskr');
    await untilEnded(() => press('connect'));
    const said = await words().textContent();
    expect(said).toContain(`This page may connect to ${own} and `);
    expect(said).toContain('Content-Security-Policy');
    expect(said).toMatch(/andvari network up --connect wss:\/\/example\.org\/ratatoskr who/);
    // Nobody tries.
    await state('offline').waitFor();
    await url.fill(own.replace('127.0.0.1', 'localhost'));
    await press('connect');
    await state('online').waitFor();
    expect(await transport()).toBe('websocket');
  });

  it('says what is wrong with what was typed', async () => {
    await wallet.createPassphrase(PASSPHRASE);
    await wallet.hook('ratatoskr').getByText('Server and device').click();
    const key = wallet.hook('ratatoskr-serverKey');
    const good = await key.inputValue();
    expect(good).toMatch(/^[0-9a-f]{64}$/);
    await key.fill('ab');
    await untilEnded(() => press('connect'));
    expect(await words().textContent()).toMatch(/key of the server has 64 digits/);
    await wallet.hook('ratatoskr-url').fill('ws://example.org/');
    await untilEnded(() => press('connect'));
    expect(await words().textContent()).toMatch(/begins with wss:/);
    await wallet.reload();
    await wallet.unlock(PASSPHRASE);
    await wallet.hook('ratatoskr').getByText('Server and device').click();
    // Another server's key: whoever answers is not the one that is meant.
    await key.fill(good.replace(/^../, (two) => (two === 'ab' ? 'cd' : 'ab')));
    await press('connect');
    await state('failed').waitFor();
    expect(await wallet.hook('ratatoskr-state').textContent()).toMatch(/not signed/);
  });

  it('is used by keyboard alone, and fits a window of 320 pixels', async () => {
    await wallet.page.setViewportSize({ width: 320, height: 640 });
    await wallet.createPassphrase(PASSPHRASE);
    await registered();
    await wallet.hook('ratatoskr-url').focus();
    await wallet.page.keyboard.press('Enter');
    // A form with several fields and no button is not sent by Enter: the button is next to it.
    await wallet.hook('ratatoskr-connect').focus();
    await wallet.page.keyboard.press('Enter');
    await state('online').waitFor();
    // The button that was pressed has gone; the one in its place has the focus.
    const disconnect = wallet.hook('ratatoskr-disconnect');
    const hasFocus = (button: Element) =>
      (button.getRootNode() as ShadowRoot).activeElement === button;
    expect(await disconnect.evaluate(hasFocus)).toBe(true);
    await wallet.page.keyboard.press('Enter');
    await state('offline').waitFor();
    expect(await wallet.hook('ratatoskr-connect').evaluate(hasFocus)).toBe(true);
    await wallet.page.keyboard.press('Enter');
    await state('online').waitFor();
    await wallet.hook('ratatoskr-list').focus();
    await untilEnded(() => wallet.page.keyboard.press('Space'));
    for (const colorScheme of ['light', 'dark'] as const) {
      await wallet.page.emulateMedia({ colorScheme });
      const width = await wallet.page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(320);
    }
  });

  it('keeps a payment that has no answer, and makes it once when it is asked again', async () => {
    await place.withDemoCoins();
    await wallet.pown();
    await connected();
    // The endpoint is on node 0; 24 others take the coins.
    await place.network.stop(0);
    await state('waiting').waitFor();
    await wallet.hook('ratatoskr-retry').waitFor();
    await wallet
      .hook('ratatoskr-facts')
      .filter({ hasText: /failed, the next in/ })
      .waitFor();
    await wallet.hook('ratatoskr-amount').fill('1.1');
    await wallet.untilEnded(async () => {
      await press('pay');
      const facts = wallet.hook('ratatoskr-facts').filter({ hasText: '1 waiting' });
      await facts.waitFor({ timeout: 60_000 });
      await wallet.cancel();
    });
    expect(await wallet.notice()).toMatch(/^Whether 1\.1 was paid is not known yet/);
    await wallet.reload();
    await wallet.unlock(PASSPHRASE);
    await wallet.begun();
    const open = wallet.hook('ratatoskr-open-payment');
    await open.filter({ hasText: 'The payment of 1.1 has not been answered' }).waitFor();
    expect(await wallet.notice()).toMatch(/^The payment of 1\.1 has not been answered/);
    await place.network.restartAll();
    await press('connect');
    await state('online').waitFor({ timeout: 60_000 });
    expect(await transport()).toBe('websocket');
    await wallet.untilEnded(() => press('pay-again'));
    expect(await wallet.notice()).toMatch(/^1\.1 paid: payment-[0-9a-f]{16}\.$/);
    await open.waitFor({ state: 'detached' });
    expect(await wallet.worth()).toBe('1,110.01');
    expect(await wallet.lockers()).toEqual([]);
  });

  it.runIf(quicAvailable)('comes back over WebTransport to other certificates', async () => {
    const again = async () => {
      await place.network.stop(0);
      await place.network.restartAll({ webTransport: true });
    };
    await again();
    await wallet.page.route('**/network.json', async (route) => {
      const response = await route.fetch();
      const { ratatoskr } = place.network;
      await route.fulfill({ response, json: { ...(await response.json()), ratatoskr } });
    });
    await wallet.reload();
    await wallet.createPassphrase(PASSPHRASE);
    await registered();
    // The hashes that the page has read are of no use any more; the file has the device.
    await again();
    await press('connect');
    await state('online').waitFor();
    expect(await transport()).toBe('webtransport');
    const before = place.network.ratatoskr;
    const leaving = state('waiting').waitFor();
    await again();
    await leaving;
    await state('online').waitFor({ timeout: 60_000 });
    expect(await transport()).toBe('webtransport');
    expect(place.network.ratatoskr).not.toEqual(before);
  });
});
