/** One network for a file of wallet tests, and a fresh wallet for each test. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { TestNetwork } from './test-network.ts';
import { type ShownCoin, WalletPage } from './wallet-page.ts';
import { leaveBrowser, workerBrowser } from './worker-browser.ts';

export const PASSPHRASE = 'copper kettle under the falls';
export const ALL_PASS = 'A'.repeat(25);
/** What a demo visitor gets: one coin each of 0.01 to 1,000. */
export const DEMO_WORTH = '1,111.11';

/** Filled before the first test; `wallet` is a new profile for each. */
export class WalletPlace {
  browser!: Browser;
  network!: TestNetwork;
  wallet!: WalletPage;

  async withDemoCoins(wallet = this.wallet): Promise<ShownCoin[]> {
    await wallet.createPassphrase(PASSPHRASE);
    return wallet.takeDemoCoins();
  }

  /** Somebody else's browser, with an empty wallet; closed after the test. */
  async anotherProfile(): Promise<WalletPage> {
    const other = await WalletPage.open(this.browser, this.network.url);
    await other.createPassphrase(PASSPHRASE);
    return other;
  }

  /** Close the tab, all nodes come back, and open the page again in the same profile. */
  async returnToAll(): Promise<void> {
    await this.wallet.page.close();
    await this.network.restartAll();
    await this.returnLater();
    await this.wallet.unlock(PASSPHRASE);
    await this.wallet.begun();
  }

  /** Close the tab and open the page again in the same profile. */
  async returnLater(): Promise<void> {
    const context = this.wallet.page.context();
    await this.wallet.page.close();
    this.wallet = await WalletPage.open(context, this.network.url);
  }
}

export function walletPlace(): WalletPlace {
  const place = new WalletPlace();
  beforeAll(async () => {
    place.browser = await workerBrowser();
    place.network = await TestNetwork.start();
  });
  afterAll(() => place.network?.close());
  beforeEach(async () => {
    place.wallet = await WalletPage.open(place.browser, place.network.url);
  });
  afterEach(async () => {
    await place.network.restartAll();
    // Whatever a test did: the page has no errors of its own, breaks no policy, tells no secrets.
    const { complaints } = place.wallet;
    // What the browser itself says of servers that are not there.
    const lost = /WebSocket connection to|Failed to establish a connection to|WebTransport/;
    expect(complaints.filter((text) => !lost.test(text))).toEqual([]);
    await leaveBrowser(place.browser);
  });
  return place;
}

export const lightsOf = (coins: readonly ShownCoin[]): string[] => [
  ...new Set(coins.map(({ lights }) => lights)),
];
