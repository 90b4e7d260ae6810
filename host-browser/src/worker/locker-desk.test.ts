import { RaidaClient } from '@andvari/host-common/raida/client';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { MemoryWalletStore } from '@andvari/host-common/raida/wallet-store';
import { describe, expect, it } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../tests/client/fake-server.ts';
import { LockerDesk } from './locker-desk.ts';

async function setUp(network: FakeNetwork) {
  const client = new RaidaClient({ codec: new FakeCodec(), transport: network });
  const wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
  return { wallet, desk: new LockerDesk(wallet) };
}

/** A wallet with three coins in a locker. */
async function sender() {
  const network = new FakeNetwork();
  const place = await setUp(network);
  const coins = [0, 1, 2].map((denomination) =>
    network.mint({ denomination, serialNumber: 500 + denomination }),
  );
  const { added } = await place.wallet.importCoins({ coins });
  const { code } = await place.wallet.lock(added);
  return { ...place, network, code };
}

describe('the desk for lockers', () => {
  it('knows nothing before it has asked, and says so', async () => {
    const { desk, code } = await sender();
    const view = { id: 1, ids: [1, 2, 3], units: 111_00000000n };
    expect(desk.views()).toEqual([{ ...view, checked: false, insideCount: 0, goneCount: 0 }]);
    await desk.checkCode(code, {});
    expect(desk.views()).toEqual([{ ...view, checked: true, insideCount: 3, goneCount: 0 }]);
    expect(desk.code(1)).toBe(code);
    expect(desk.idOf(code)).toBe(1);
    expect(() => desk.code(2)).toThrow('no longer in the wallet');
  });

  it('sees that somebody has taken the coins', async () => {
    const { desk, code, network } = await sender();
    const other = await setUp(network);
    await other.wallet.unlock(code);
    await desk.checkAll({});
    expect(desk.views()).toMatchObject([{ checked: true, insideCount: 0, goneCount: 3 }]);
    expect(await desk.passOn(1, {})).toEqual({ forgottenCount: 3, keptCount: 0 });
    expect(desk.views()).toEqual([]);
  });

  it('forgets coins that wait for the receiver, who can then take them', async () => {
    const { desk, wallet, code, network } = await sender();
    expect(await desk.passOn(1, {})).toEqual({ forgottenCount: 3, keptCount: 0 });
    expect(wallet.coins()).toEqual([]);
    const other = await setUp(network);
    expect((await other.wallet.unlock(code)).taken).toHaveLength(3);
  });

  it('forgets what is gone alone, when that is asked for', async () => {
    const { desk, wallet, code, network } = await sender();
    expect(await desk.forgetGone(1, {})).toEqual({ forgottenCount: 0, keptCount: 3 });
    for (const server of network.servers) server.coins.set('0:500', Buffer.alloc(16, 9));
    expect(await desk.forgetGone(1, {})).toEqual({ forgottenCount: 1, keptCount: 2 });
    expect((await wallet.unlock(code)).taken).toHaveLength(2);
  });

  it('forgets nothing while fewer than 13 servers answer', async () => {
    const { desk, wallet, network } = await sender();
    network.fault = (raidaId) => (raidaId < 13 ? 'down' : undefined);
    await expect(desk.passOn(1, {})).rejects.toMatchObject({ code: 'ANDVARI_TOO_FEW_SERVERS' });
    expect(wallet.coins()).toHaveLength(3);
    expect(desk.views()).toMatchObject([{ checked: false }]);
  });

  it('keeps coins that are in the locker on too few servers: they would be lost', async () => {
    const { desk, wallet, network } = await sender();
    // 14 servers answer, and two of them know no such locker.
    const peek = (request: Uint8Array) => request[0] === 8 && request[1] === 83;
    network.fault = (raidaId, request) => {
      if (raidaId < 11) return 'down';
      return raidaId < 13 && peek(request) ? () => Buffer.from([242]) : undefined;
    };
    expect(await desk.passOn(1, {})).toEqual({ forgottenCount: 0, keptCount: 3 });
    expect(wallet.coins()).toHaveLength(3);
    expect(desk.views()).toMatchObject([{ checked: true, insideCount: 0, goneCount: 0 }]);
  });
});
