/** A payment of the page whose coins were noted as on their way to the locker when it ended. */
import { describe, expect, it } from 'vitest';
import { RatatoskrDesk } from '../../host-browser/src/worker/ratatoskr-desk.ts';
import {
  type Purse,
  payAgain,
  payWithCoins,
  takeBack,
} from '../../host-browser/src/worker/ratatoskr-payment.ts';
import { RaidaClient } from '../../host-common/src/raida/client.ts';
import { Wallet } from '../../host-common/src/raida/wallet.ts';
import { FakeCodec, FakeNetwork } from '../client/fake-server.ts';
import { StrictStore } from '../client/strict-store.ts';
import { memoryVault } from './page-desk.ts';

const isPut = (request: Uint8Array) => request[0] === 8 && request[1] === 82;
const context = () => ({ signal: new AbortController().signal, progress: () => undefined });

/** What outlives a page: its disk, and 25 servers. */
async function start() {
  const network = new FakeNetwork();
  const [store, vault] = [new StrictStore(), memoryVault()];
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const wallet = await Wallet.open({ store, client });
  const coins = [0, 1].map((denomination) => network.mint({ denomination, serialNumber: 1 }));
  const { added: ids } = await wallet.importCoins({ coins });
  await wallet.takeOwnership(ids);
  const paid: string[] = [];
  /** A new page: wallet and note from the disk, and a service that says yes. */
  const page = async () => {
    const now = await Wallet.open({ store, client });
    await now.resolvePending();
    const ratatoskr = Object.assign(await RatatoskrDesk.open(vault), {
      checkReady: () => undefined,
      pay: async ({ code }: { code: string }) => {
        const { coins: inside } = await now.peek(code);
        paid.push(inside.map(({ servers }) => servers).join());
        return { outcome: 'paid', words: 'p' } as const;
      },
    });
    const locker = (code: string) => now.lockers().find((one) => one.code === code);
    const purse = {
      ...{ ratatoskr, locker, view: () => ({ coins: now.coins() }) },
      lockerOf: (code: string) => locker(code)?.ids[0],
      send: (sent: { ids: number[] }, { signal }: { signal: AbortSignal }, code: string) =>
        now.lock(sent.ids, { code, signal }),
      take: () => now.unlock(now.lockers()[0]?.code ?? ''),
      passOn: () => undefined,
    };
    return { wallet: now, purse: purse as unknown as Purse };
  };
  /** The page ends when all puts have left, which get nowhere, or to servers `reached`. */
  const cutOff = async (reached: (raidaId: number) => boolean = () => false) => {
    const { purse } = await page();
    const end = new AbortController();
    const sent = new Set<number>();
    network.fault = (raidaId, request) => {
      if (!isPut(request)) return undefined;
      if (sent.add(raidaId).size === 25) end.abort();
      return reached(raidaId) ? 'unanswered' : 'lost';
    };
    await payWithCoins(purse, ids, { ...context(), signal: end.signal }).catch(() => undefined);
    expect(sent.size).toBe(25);
    network.fault = () => undefined;
    return page();
  };
  return { network, ids, paid, page, cutOff };
}

describe('a payment whose page ended when its coins were noted, and not sent', () => {
  it('is gone on with', async () => {
    const { cutOff, ids, paid } = await start();
    const { wallet, purse } = await cutOff();
    expect(wallet.lockers()).toMatchObject([{ ids, locked: [] }]);
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid', amount: '11' });
    expect(paid).toEqual(['25,25']);
  });

  it.each([12, 13])('is gone on with when %i servers have the coins', async (count) => {
    const { cutOff, paid } = await start();
    const { purse } = await cutOff((raidaId) => raidaId < count);
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'paid', amount: '11' });
    expect(paid).toEqual([count === 12 ? '25,25' : '13,13']);
  });

  it('waits while servers are away, and is gone on with later', async () => {
    const { cutOff, page, network, paid } = await start();
    const { purse } = await cutOff();
    network.fault = (raidaId) => (raidaId < 13 ? 'down' : undefined);
    expect(await payAgain(purse, context())).toMatchObject({ outcome: 'unsent' });
    expect(paid).toEqual([]);
    network.fault = () => undefined;
    const next = await page();
    expect(await payAgain(next.purse, context())).toMatchObject({ outcome: 'paid' });
    expect(paid).toEqual(['25,25']);
  });

  it('can be taken back', async () => {
    const { cutOff, paid } = await start();
    const { wallet, purse } = await cutOff();
    expect(await takeBack(purse, context())).toMatchObject({ outcome: 'taken-back' });
    expect(wallet.coins().map(({ owned, place }) => [owned, place])).toEqual([
      [true, 'wallet'],
      [true, 'wallet'],
    ]);
    expect(paid).toEqual([]);
  });
});
