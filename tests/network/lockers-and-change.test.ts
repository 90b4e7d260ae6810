/**
 * Lockers and change over 25 real nodes of which two are down: what 23 do counts, the two are
 * healed when they are back, and no value comes or goes.
 */
import type { Wallet } from '@andvari/host-common/raida/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NetworkPlace, ring } from './network-place.ts';
import type { Lie } from './placed-server.ts';

const HANDS = process.env.ANDVARI_LONG === '1' ? 150 : 4;
const DOWN = [5, 17];
const UNITS = 100_000_000n;

let place: NetworkPlace;
let before: (bigint | undefined)[];
beforeAll(async () => {
  place = await NetworkPlace.make();
  before = await place.values();
});
afterAll(() => place.close());

const lights = (wallet: Wallet, id: number, servers: readonly number[]) =>
  servers.map((server) => wallet.coin(id)?.lights[server]);
const full = (ids: readonly number[]) => new Array<number>(ids.length).fill(25);

describe('a locker', () => {
  it('is filled and emptied while two servers are down, who heal', async () => {
    const { wallet: giver, ids } = await place.owner();
    const taker = await place.wallet();
    await place.down(...DOWN);
    const { code, locked, pending, returned } = await giver.lock({ units: 101n * UNITS });
    expect([locked.length, pending, returned]).toEqual([2, [], []]);
    const seen = await taker.peek(code);
    expect(seen).toMatchObject({ answered: 23, empty: false });
    expect(seen.coins.map(({ servers }) => servers)).toEqual([23, 23]);
    const { taken } = await taker.unlock(code);
    expect(taken).toHaveLength(2);
    await expect(taker.unlock(code)).rejects.toMatchObject({ code: 'ANDVARI_WALLET_LOCKER' });
    await place.up(DOWN);
    // The two still hold the giver's ANs, which are worth nothing on 2 of 25 servers.
    await taker.detect();
    for (const id of taken) expect(lights(taker, id, DOWN)).toEqual(['fail', 'fail']);
    expect(await place.passes(giver, locked)).toEqual([2, 2]);
    expect((await taker.heal()).healed).toEqual(taken);
    expect(await place.passes(taker, taken)).toEqual([25, 25]);
    expect(await place.passes(giver, locked)).toEqual([0, 0]);
    expect(
      await place.passes(
        giver,
        ids.filter((id) => !locked.includes(id)),
      ),
    ).toEqual([25, 25, 25, 25]);
    expect(await place.values()).toEqual(before);
  });

  it('filled while two were down is emptied with others down, and heals', async () => {
    const { wallet } = await place.owner();
    await place.down(...DOWN);
    const { code, locked } = await wallet.lock({ units: 1n * UNITS });
    expect(locked).toHaveLength(1);
    await place.up(DOWN);
    await place.down(0, 1);
    const taker = await place.wallet();
    expect((await taker.peek(code)).coins).toMatchObject([{ servers: 21 }]);
    const { taken } = await taker.unlock(code);
    await place.up([0, 1]);
    expect((await taker.heal()).healed).toEqual(taken);
    expect(await place.passes(taker, taken)).toEqual([25]);
    // The two that were away for the taking have been brought up to date before anybody vouched.
    expect((await wallet.peek(code)).empty).toBe(true);
    await taker.takeOwnership(taken);
    expect(await place.passes(taker, taken)).toEqual([25]);
    expect(await place.values()).toEqual(before);
  });

  it('goes from hand to hand many times, with two others down each time', async () => {
    let { wallet, ids } = await place.owner();
    for (let round = 0; round < HANDS; round++) {
      const away = ring(round * 7, 2);
      const taker = await place.wallet();
      const { code, locked } = await wallet.lock(ids);
      expect(locked).toHaveLength(6);
      await place.down(...away);
      const { taken } = await taker.unlock(code);
      await place.up(away);
      expect((await taker.heal(taken)).healed).toEqual(taken);
      expect(await place.passes(taker, taken)).toEqual(full(taken));
      expect(await place.values()).toEqual(before);
      [wallet, ids] = [taker, taken];
    }
  }, 600_000);
});

describe('change', () => {
  /** A server that was down holds the coin that the others have consumed: of no use to anybody. */
  const stale = (units: bigint, servers: readonly number[]) =>
    before.map((value, id) => (servers.includes(id) ? (value ?? 0n) + units : value));

  it('is made on all servers or on none that counts, and back again', async () => {
    const { wallet, ids } = await place.owner();
    const [, , , coin = 0] = ids;
    const denomination = wallet.coin(coin)?.denomination ?? 0;
    const broken = await wallet.change({ break: coin });
    expect(broken).toMatchObject({ outcome: 'changed', gone: [coin] });
    const parts = broken.made.map((id) => wallet.coin(id)?.denomination);
    expect(parts).toEqual(new Array(10).fill(denomination - 1));
    expect(await place.passes(wallet, broken.made)).toEqual(full(broken.made));
    expect(await place.values()).toEqual(before);
    const joined = await wallet.change({ join: broken.made });
    expect(joined).toMatchObject({ outcome: 'changed', gone: broken.made });
    expect(await place.passes(wallet, joined.made)).toEqual([25]);
    expect(await place.values()).toEqual(before);
    // A fracked coin is refused before anything is asked for.
    await place.frack(wallet.keys(joined.made[0] ?? 0), [3]);
    await expect(wallet.change({ break: joined.made[0] ?? 0 })).rejects.toMatchObject({
      code: 'ANDVARI_WALLET_UNFIT',
    });
    expect(await place.values()).toEqual(before);
  });

  it('with two servers down: the made coins are healed there', async () => {
    const { wallet, ids } = await place.owner();
    const [, , , coin = 0] = ids;
    const large = wallet.keys(coin);
    await place.down(...DOWN);
    const { outcome, made } = await wallet.change({ break: coin });
    expect(outcome).toBe('changed');
    expect(await place.passes(wallet, made)).toEqual(new Array(10).fill(23));
    await place.up(DOWN);
    await wallet.detect();
    for (const id of made) expect(lights(wallet, id, DOWN)).toEqual(['fail', 'fail']);
    expect(await place.values()).toEqual(before);
    expect((await wallet.heal()).healed).toEqual(made);
    expect(await place.passes(wallet, made)).toEqual(full(made));
    // On the two the large coin has not been consumed: its owner finds it on 2 of 25.
    expect(await place.values()).toEqual(stale(10n * UNITS, DOWN));
    const [row = []] = await place.client().detect([large]);
    expect(row.filter(({ status }) => status === 'pass')).toHaveLength(2);
    // They also offer other free numbers than the rest; that hinders nobody.
    const joined = await wallet.change({ join: made });
    expect(joined.outcome).toBe('changed');
    await wallet.heal(joined.made);
    expect(await place.passes(wallet, joined.made)).toEqual([25]);
  });

  it('goes on when a server offers numbers that no other has', async () => {
    const { wallet, ids } = await place.owner();
    const [, , coin = 0] = ids;
    const lie: Lie = ({ group, command, truth }) => {
      if (group !== 9 || command !== 91) return undefined;
      return { ...truth, payload: truth.payload.map((byte, at) => (at % 4 === 3 ? 0xee : byte)) };
    };
    await place.up([3], { lie });
    const { outcome, made } = await wallet.change({ break: coin });
    expect(outcome).toBe('changed');
    await place.up([3]);
    await wallet.heal(made);
    expect(await place.passes(wallet, made)).toEqual(full(made));
  });
});
