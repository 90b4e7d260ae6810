/** Coins that a service gives back, in a real browser: they come into the wallet, now or later. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Wallet } from '../../host-common/src/raida/wallet.ts';
import { MemoryWalletStore } from '../../host-common/src/raida/wallet-store.ts';
import type { WalletPage } from './wallet-page.ts';
import { PASSPHRASE, walletPlace } from './wallet-place.ts';

const place = walletPlace();
let wallet: WalletPage;
/** What else happens before the service answers. */
let before: () => Promise<unknown>;

beforeEach(() => {
  ({ wallet } = place);
  before = async () => undefined;
});

/** Takes what is in the locker, keeps the coin of 0.1 and gives the others back. */
async function pay({ json }: { json?: unknown }): Promise<Uint8Array> {
  const { locker_code } = json as { locker_code: string };
  const refund_code = await place.network.withClient(async (client) => {
    const service = await Wallet.open({ store: new MemoryWalletStore(), client });
    await service.unlock(locker_code);
    const others = service.coins().filter(({ denomination }) => denomination !== -1);
    return (await service.lock(others.map(({ id }) => id))).code;
  });
  await before();
  const answer = { ok: false, error: 'TOO_LITTLE', message: 'too late', found: '1', refund_code };
  return new TextEncoder().encode(JSON.stringify(answer));
}

const press = (name: string) => wallet.hook(`ratatoskr-${name}`).click();
const state = (name: string) =>
  wallet.page.locator(`[data-testid="ratatoskr"][data-state="${name}"]`);

async function payOneAndATenth(): Promise<void> {
  await place.withDemoCoins();
  await wallet.pown();
  await wallet.hook('ratatoskr').getByText('Server and device').click();
  await press('register');
  await wallet.hook('ratatoskr-news').filter({ hasText: 'registered' }).waitFor();
  // The file has the device.
  await place.network.stop(0);
  await place.network.restartAll({ pay });
  await press('connect');
  await state('online').waitFor();
  await wallet.hook('ratatoskr-amount').fill('1.1');
  await wallet.untilEnded(() => press('pay'));
}

describe('coins that a service gives back', () => {
  it('are in the wallet when the answer is there', async () => {
    await payOneAndATenth();
    expect(await wallet.notice()).toMatch(
      /^Not paid: too late\. The coins .* are in the wallet\.$/,
    );
    expect(await wallet.worth()).toBe('1,111.01');
    const last = wallet.hook('ratatoskr-last-payment');
    await last.filter({ hasText: 'are in the wallet' }).waitFor();
    await press('forget-payment');
    await last.waitFor({ state: 'detached' });
  });

  it('are not lost when servers are away, or the page ends', async () => {
    const most = Array.from({ length: 14 }, (_, index) => index + 1);
    before = () => place.network.stop(...most);
    await payOneAndATenth();
    expect(await wallet.notice()).toMatch(/^Not paid: too late\. .*not in the wallet yet: take/);
    const code = await wallet.hook('ratatoskr-refund-code').textContent();
    expect(code?.trim()).toMatch(/^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/);
    await place.network.restartAll();
    await wallet.reload();
    await wallet.unlock(PASSPHRASE);
    await wallet.begun();
    expect(await wallet.notice()).toMatch(/not in the wallet yet: take them\. See Ratatoskr/);
    expect(await wallet.hook('ratatoskr-refund-code').textContent()).toBe(code);
    // It is forgotten only by one who says so.
    await press('forget-payment');
    await wallet.hook('confirm-no').click();
    await wallet.untilEnded(() => press('take-back'));
    expect(await wallet.notice()).toMatch(/are in the wallet\.$/);
    expect(await wallet.worth()).toBe('1,111.01');
    expect(await wallet.hook('ratatoskr-open-payment').count()).toBe(0);
  });
});
