/**
 * Thefts with healing over 25 real nodes: whoever has given a coin away, changed it, or only been
 * asked to mend it, gets nothing out of tickets for it; its owner still heals it.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { RaidaClient } from '@andvari/host-common/raida/client';
import { type CoinKeys, KEYS_BYTES } from '@andvari/host-common/raida/coin';
import { fixedNumberSeed } from '@andvari/host-common/raida/commands/fix';
import { type Digests, openDigests } from '@andvari/host-common/raida/digests';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL, NetworkPlace, ring } from './network-place.ts';

const GENERATOR = new Uint8Array(16).fill(0x6d);
let place: NetworkPlace;
let client: RaidaClient;
let digests: Digests;
let before: (bigint | undefined)[];
beforeAll(async () => {
  place = await NetworkPlace.make();
  client = place.client();
  digests = await openDigests();
  before = await place.values();
});
afterAll(() => place.close());

/** 25 tickets for all of the coins; 0 where none is asked for. */
async function draw(coins: readonly CoinKeys[], servers: readonly number[] = ALL) {
  const indices = coins.map((_, index) => index);
  const select = (id: number) => (servers.includes(id) ? indices : []);
  const { tickets } = await client.getTickets(coins, { select });
  const numbers = ALL.map((id) => tickets.find(({ raidaId }) => raidaId === id)?.ticket ?? 0);
  expect(numbers.filter((ticket) => ticket !== 0)).toHaveLength(servers.length);
  return numbers;
}

/** Statuses of fix, asked of one server after the other. */
async function fix(coins: readonly CoinKeys[], tickets: number[], servers: readonly number[]) {
  const statuses: (number | undefined)[] = [];
  for (const raidaId of servers) {
    const request = { coins, generator: GENERATOR, tickets };
    const [outcome] = await client.fixing.fix([raidaId], () => request);
    statuses.push(outcome?.wireStatus);
  }
  return statuses;
}

/** The coin with the ANs that a fix on these servers gives. */
function fixed(coin: CoinKeys, servers: readonly number[]): CoinKeys {
  const authenticationNumbers = new Uint8Array(coin.authenticationNumbers);
  for (const id of servers) {
    authenticationNumbers.set(digests.md5(fixedNumberSeed(id, coin, GENERATOR)), 16 * id);
  }
  return { ...coin, authenticationNumbers };
}

/** How many servers find each coin authentic. */
async function passes(...coins: CoinKeys[]): Promise<number[]> {
  const rows = await client.detect(coins);
  return rows.map((row) => row.filter(({ status }) => status === 'pass').length);
}

/** A coin that changes hands on all servers: as its new owner has it. */
async function powned(coin: CoinKeys): Promise<CoinKeys> {
  const proposedNumbers = crypto.getRandomValues(new Uint8Array(KEYS_BYTES));
  await client.pown([{ ...coin, proposedNumbers }]);
  return { ...coin, authenticationNumbers: proposedNumbers };
}

const refused = (servers: readonly number[]) => servers.map(() => Status.ALL_FAIL);
const granted = (servers: readonly number[]) => servers.map(() => Status.ALL_PASS);

describe('tickets from before a coin changed hands', () => {
  it('do not give it back to whoever has spent it', async () => {
    const [coin] = place.demoCoins() as [CoinKeys];
    const tickets = await draw([coin]);
    const merchants = await powned(coin);
    expect(await passes(merchants, coin)).toEqual([25, 0]);
    expect(await fix([coin], tickets, ALL)).toEqual(refused(ALL));
    expect(await passes(merchants, fixed(coin, ALL))).toEqual([25, 0]);
  });

  it('nor where its new owner is denied, who heals it with tickets of his own', async () => {
    const [coin] = place.demoCoins() as [CoinKeys];
    const denying = ring(4, 5);
    const knowing = ring(9, 20);
    const old = await draw([coin]);
    const merchants = await powned(coin);
    await place.frack(merchants, denying);
    expect(await fix([coin], old, denying)).toEqual(refused(denying));
    expect(await passes(merchants)).toEqual([20]);
    const fresh = await draw([merchants], knowing);
    expect(await fix([merchants], fresh, denying)).toEqual(granted(denying));
    expect(await passes(fixed(merchants, denying))).toEqual([25]);
    expect(await place.values()).toEqual(before);
  });

  it('vouch for nothing any more: the list is empty, and the claim is spent', async () => {
    const [coin, other] = place.demoCoins() as [CoinKeys, CoinKeys];
    const tickets = await draw([coin, other]);
    const claim = async (claimerId: number) => {
      const claimed = await client.validateTicket(7, { claimerId, ticket: tickets[7] ?? 0 });
      return [claimed.wireStatus, claimed.coins.map(({ serialNumber }) => serialNumber)];
    };
    const names = [coin.serialNumber, other.serialNumber];
    expect(await claim(1)).toEqual([Status.SUCCESS, names]);
    await powned(coin);
    expect(await claim(2)).toEqual([Status.SUCCESS, [other.serialNumber]]);
    await powned(other);
    expect(await claim(3)).toEqual([Status.SUCCESS, []]);
    expect(await claim(3)).toEqual([Status.TICKET_CLAIMED_ALREADY, []]);
  });
});

describe('tickets from before a change', () => {
  it('mint nothing, neither the broken coin nor the joined ones; what is made heals', async () => {
    const { wallet, ids } = await place.owner();
    const [, , , id = 0] = ids;
    const large = wallet.keys(id);
    const forLarge = await draw([large]);
    const { outcome, made } = await wallet.change({ break: id });
    expect(outcome).toBe('changed');
    expect(await fix([large], forLarge, ALL)).toEqual(refused(ALL));
    expect(await passes(large, fixed(large, ALL))).toEqual([0, 0]);
    expect(await place.values()).toEqual(before);
    await place.frack(wallet.keys(made[0] ?? 0), ring(20, 9));
    expect((await wallet.heal(made)).healed).toEqual(made);
    expect(await place.passes(wallet, made)).toEqual(made.map(() => 25));
    const small = made.map((one) => wallet.keys(one));
    const forSmall = await draw(small);
    expect((await wallet.change({ join: made })).outcome).toBe('changed');
    expect(await fix(small, forSmall, ALL)).toEqual(refused(ALL));
    expect(await passes(...small.map((one) => fixed(one, ALL)))).toEqual(small.map(() => 0));
    expect(await place.values()).toEqual(before);
  });
});

describe('a hostile server that is asked to fix', () => {
  const HOSTILE = 24;
  const OTHERS = ring(0, 24);

  it('takes the coin nowhere with the tickets it is given, and can still fix it', async () => {
    const [coin] = place.demoCoins() as [CoinKeys];
    await place.frack(coin, [HOSTILE]);
    const tickets = await draw([coin], OTHERS);
    expect(await fix([coin], tickets, OTHERS)).toEqual(refused(OTHERS));
    expect(await passes(coin, fixed(coin, OTHERS))).toEqual([24, 0]);
    expect(await fix([coin], tickets, [HOSTILE])).toEqual(granted([HOSTILE]));
    expect(await passes(fixed(coin, [HOSTILE]))).toEqual([25]);
    expect(await place.values()).toEqual(before);
  });

  it('nor by naming it twice, or among coins that are to be fixed', async () => {
    const [coin, broken] = place.demoCoins() as [CoinKeys, CoinKeys];
    const denying = [0, 1, HOSTILE];
    await place.frack(broken, denying);
    await place.frack(coin, [HOSTILE]);
    const knowing = ring(2, 22);
    const both = await draw([coin, broken], knowing);
    const [lone = 0, second = 0] = await draw([coin], [0, 1]);
    const tickets = [lone, second, ...both.slice(2)];
    // Each of the two vouches for the one coin itself and is told by 22 others to fix both.
    expect(await fix([coin, broken, coin], tickets, [0, 1])).toEqual([Status.MIXED, Status.MIXED]);
    expect(await passes(coin, fixed(coin, [0, 1]))).toEqual([24, 22]);
    expect(await passes(fixed(broken, [0, 1]))).toEqual([24]);
    expect(await fix([coin, broken], tickets, [HOSTILE])).toEqual([Status.ALL_PASS]);
    expect(await passes(fixed(coin, [HOSTILE]), fixed(broken, denying))).toEqual([25, 25]);
  });
});
