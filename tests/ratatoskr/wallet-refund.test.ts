/**
 * A payment of the wallet page to Heidrun, when somebody else takes a coin out of its locker in
 * between: what Heidrun gives back comes back into the wallet.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { LockerDesk } from '../../host-browser/src/worker/locker-desk.ts';
import { RatatoskrDesk } from '../../host-browser/src/worker/ratatoskr-desk.ts';
import {
  type Purse,
  payWithCoins,
  takeBack,
} from '../../host-browser/src/worker/ratatoskr-payment.ts';
import type { SentView, WalletView } from '../../host-browser/src/worker/views.ts';
import { RaidaClient } from '../../host-common/src/raida/client.ts';
import { Wallet } from '../../host-common/src/raida/wallet.ts';
import { MemoryWalletStore } from '../../host-common/src/raida/wallet-store.ts';
import { Heidrun } from '../../host-node/src/ratatoskr/services/heidrun.ts';
import { Payments } from '../../host-node/src/ratatoskr/services/heidrun-payments.ts';
import { RatatoskrPlace } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { FakeCodec, FakeNetwork } from '../client/fake-server.ts';
import { memoryVault, viewOf } from './page-desk.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const context = () => ({ signal: new AbortController().signal, progress: () => undefined });

/** Coins of 1 and 0.1; the second goes to somebody else when Heidrun begins to take. */
async function start() {
  const network = new FakeNetwork();
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
  const coins = [0, -1].map((denomination) => network.mint({ denomination, serialNumber: 7 }));
  await wallet.takeOwnership((await wallet.importCoins({ coins })).added);
  const folder = mkdtempSync(join(tmpdir(), 'andvari-refund-'));
  const payments = new Payments(join(folder, 'payments.db'));
  const own = { client: async () => client, store: new MemoryWalletStore(), payments };
  ends.push(() => {
    payments.close();
    rmSync(folder, { recursive: true });
  });
  const place = await RatatoskrPlace.start({
    ...{ clock: new RealClock(), refuseBeforeS: 0 },
    bus: { routes: new Map([['PAYMENT_REQUEST', new Heidrun(own)]]) },
  });
  ends.push(() => place.close());
  const vault = memoryVault();
  const desk = await RatatoskrDesk.open(vault);
  ends.push(() => desk.close());
  const { id: deviceId, publicKey } = (await viewOf(desk)).device;
  const key = Uint8Array.from(Buffer.from(publicKey, 'hex'));
  place.registry.register({ deviceId, publicKey: key, userIds: ['owner'] });
  const serverKey = Buffer.from(place.server.publicKey as Uint8Array).toString('hex');
  const more = { webTransportUrl: '', certificateHashes: '', user: 'owner', hashesOffered: false };
  await desk.connect({ url: place.url, serverKey, ...more });
  let takes = 0;
  network.fault = (_, bytes) => {
    const isTake = bytes[0] === 8 && bytes[1] === 84;
    if (isTake && takes++ === 0) {
      for (const server of network.servers) server.coins.set('-1:7', Buffer.alloc(16, 9));
    }
    return undefined;
  };
  return { network, wallet, vault, purse: purseOf(wallet, desk) };
}

/** A wallet's desk without the browser's storage. */
function purseOf(wallet: Wallet, ratatoskr: RatatoskrDesk): Purse {
  const view = () => ({ coins: wallet.coins() }) as unknown as WalletView;
  const desk = new LockerDesk(wallet);
  const locker = (code: string) => wallet.lockers().find((one) => one.code === code);
  return {
    ...{ ratatoskr, view, locker },
    lockerOf: (code) => locker(code)?.ids[0],
    send: async ({ ids }, _, code) => {
      await wallet.lock(ids, { code });
      return { wallet: view() } as SentView;
    },
    take: async (source) => {
      if (source.from !== 'code') throw new Error('wanted the code of a refund');
      const { taken, pending, missed, left } = await wallet.unlock(source.code);
      const counts = { pendingCount: pending.length, leftCount: left.length, stopped: false };
      return { wallet: view(), takenIds: taken, missedCount: missed.length, ...counts };
    },
    peek: async (code) => {
      const { coins, answered } = await wallet.peek(code);
      return { coins, answeredCount: answered, serverCount: 25 };
    },
    forgetGone: (id) => desk.forgetGone(id, {}).then(() => undefined),
    passOn: async () => ({ wallet: view(), forgottenCount: 0, keptCount: 0 }),
  };
}

const own = (wallet: Wallet) =>
  wallet.coins().flatMap(({ owned, denomination }) => (owned ? [denomination] : []));

describe('coins that Heidrun gives back', () => {
  it('are in the wallet again', async () => {
    const { wallet, purse } = await start();
    const paid = await payWithCoins(purse, [1, 2], context());
    expect(paid).toMatchObject({ outcome: 'refunded', amount: '1.1' });
    expect(own(wallet)).toEqual([0]);
    // Of the two coins that went, nothing is left that could be counted beside it.
    expect([wallet.coins().length, wallet.lockers()]).toEqual([1, []]);
    expect(purse.ratatoskr.payment).toBeUndefined();
  });

  it('are known to the next page when this one could not take them', async () => {
    const { wallet, vault, purse } = await start();
    const offline = { ...purse, take: () => Promise.reject(new Error('offline')) };
    const paid = await payWithCoins(offline, [1, 2], context());
    expect(paid).toMatchObject({ outcome: 'refund', fault: 'offline' });
    expect(own(wallet)).toEqual([]);
    const next = await RatatoskrDesk.open(vault);
    ends.push(() => next.close());
    // It is connected to nobody.
    const later = await takeBack(purseOf(wallet, next), context());
    expect([later.outcome, own(wallet), next.payment]).toEqual(['refunded', [0], undefined]);
  });
});
