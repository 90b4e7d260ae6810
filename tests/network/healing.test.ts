/** Healing over 25 real nodes: fracked coins, tickets, servers that are down. */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { RaidaClient } from '@andvari/host-common/raida/client';
import type { CoinKeys } from '@andvari/host-common/raida/coin';
import { fixedNumberSeed } from '@andvari/host-common/raida/commands/fix';
import { openDigests } from '@andvari/host-common/raida/digests';
import type { WalletStage } from '@andvari/host-common/raida/wallet-stage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { ALL, NetworkPlace, ring } from './network-place.ts';

const long = process.env.ANDVARI_LONG === '1';
const TIMEOUT_MS = long ? 600_000 : 120_000;
let place: NetworkPlace;
beforeAll(async () => {
  place = await NetworkPlace.make();
});
afterAll(() => place.close());

/** `count` servers, spread differently for each number. */
function spread(number: number, count: number): number[] {
  return ring(0, count).map((index) => (number * 11 + index * 7) % 25);
}

describe('heal', () => {
  it('mends coins that 1 to 12 servers deny, all in one run', async () => {
    const { wallet, ids } = await place.owner(2);
    const before = await place.values();
    for (const [index, id] of ids.entries()) {
      await place.frack(wallet.keys(id), spread(index, index + 1));
    }
    await wallet.detect();
    const fails = wallet.coins().map(({ grade }) => grade.fails);
    expect(fails).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const stages: WalletStage[] = [];
    const result = await wallet.heal(undefined, { onStage: (stage) => stages.push(stage) });
    expect(result).toEqual({ healed: ids, fracked: [], unhealable: [], undecided: [] });
    // One round was enough: no server needed a second ticket.
    const opened = stages.filter(({ done }) => done === 0).map(({ stage }) => stage);
    expect(opened).toEqual(['tickets', 'fix', 'detect']);
    expect(wallet.coins().every(({ owned, openServers }) => owned && openServers === 0)).toBe(true);
    expect(await place.passes(wallet, ids)).toEqual(new Array(12).fill(25));
    await wallet.takeOwnership(ids);
    expect(await place.passes(wallet, ids)).toEqual(new Array(12).fill(25));
    expect(await place.values()).toEqual(before);
  });

  it('leaves a coin that 13 deny as it is, says so, and mends the others beside it', async () => {
    const { wallet, ids } = await place.visitor();
    const [lost = 0, last = 0, ...rest] = ids;
    const others = await place.frack(wallet.keys(lost), ring(20, 13));
    await place.frack(wallet.keys(last), ring(3, 12));
    const keys = wallet.keys(lost);
    const result = await wallet.heal(ids);
    expect(result).toEqual({
      ...{ healed: [last, ...rest], fracked: [], undecided: [] },
      unhealable: [lost],
    });
    expect(wallet.coin(lost)?.grade).toMatchObject({ name: 'counterfeit', passes: 12, fails: 13 });
    expect(wallet.keys(lost)).toEqual(keys);
    expect(await place.passes(wallet, ids)).toEqual([12, 25, 25, 25, 25, 25]);
    // The 13 servers hold what whoever powned the coin there has.
    const [row = []] = await place.client().detect([{ ...keys, authenticationNumbers: others }]);
    expect(row.filter(({ status }) => status === 'pass')).toHaveLength(13);
  });

  it('does what the numbers of passes say, whatever the servers', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const seed = seedOfRun();
    const draw = randomFrom(seed);
    for (let run = 0; run < (long ? 400 : 2); run++) {
      const { wallet, ids } = await place.visitor();
      const counts = ids.map(() => draw(15));
      for (const [index, id] of ids.entries()) {
        const shuffled = ALL.map((server) => [draw(1 << 30), server] as const).sort(
          ([a], [b]) => a - b,
        );
        const failing = shuffled.slice(0, counts[index]).map(([, server]) => server);
        if (failing.length > 0) await place.frack(wallet.keys(id), failing);
      }
      const { healed, unhealable, fracked, undecided } = await wallet.heal(ids);
      const which = (test: (count: number) => boolean) =>
        ids.filter((_, i) => test(counts[i] ?? 0));
      const wanted = [which((count) => count <= 12), which((count) => count >= 13), [], []];
      const message = `seed ${seed}, run ${run}`;
      expect([healed, unhealable, fracked, undecided], message).toEqual(wanted);
      const passes = counts.map((count) => (count <= 12 ? 25 : 25 - count));
      expect(await place.passes(wallet, ids), message).toEqual(passes);
    }
  });
});

describe('a ticket', () => {
  let client: RaidaClient;
  let coins: CoinKeys[];
  beforeAll(async () => {
    client = place.client();
    coins = place.demoCoins();
  });
  const claim = async (raidaId: number, claimerId: number, ticket: number) => {
    const { wireStatus, coins: list } = await client.validateTicket(raidaId, { claimerId, ticket });
    return [wireStatus, list.length];
  };

  it('is claimed once by each server, on each of the 25', async () => {
    const { tickets } = await client.getTickets(coins);
    expect(tickets.map(({ raidaId }) => raidaId).sort((a, b) => a - b)).toEqual(ALL);
    for (const { raidaId, ticket, indices } of tickets) {
      expect(indices).toEqual([0, 1, 2, 3, 4, 5]);
      const first = (raidaId + 1) % 25;
      expect(await claim(raidaId, first, ticket)).toEqual([Status.SUCCESS, 6]);
      expect(await claim(raidaId, first, ticket)).toEqual([Status.TICKET_CLAIMED_ALREADY, 0]);
      expect(await claim(raidaId, (raidaId + 2) % 25, ticket)).toEqual([Status.SUCCESS, 6]);
      expect(await claim(raidaId, 25, ticket)).toEqual([Status.WRONG_RAIDA, 0]);
      expect(await claim(raidaId, 24, ticket ^ 0x5a5a5a5a)).toEqual([Status.NO_TICKET_FOUND, 0]);
    }
  });

  it('is claimed once also when the claims come at the same time', async () => {
    const { tickets } = await client.getTickets(coins, { select: (id) => (id === 4 ? [0] : []) });
    const [{ ticket } = { ticket: 0 }] = tickets;
    const claims = await Promise.all(ALL.map((_, i) => claim(4, i % 5, ticket)));
    const granted = claims.filter(([status]) => status === Status.SUCCESS);
    expect(granted).toEqual(new Array(5).fill([Status.SUCCESS, 1]));
    const refused = claims.filter(([status]) => status === Status.TICKET_CLAIMED_ALREADY);
    expect(refused).toHaveLength(20);
  });

  it('of 13 others makes a server take a coin, of 12 it does not, and nothing twice', async () => {
    const digests = await openDigests();
    const [coin] = coins as [CoinKeys];
    const generator = new Uint8Array(16).fill(0xa5);
    const fix = async (raidaId: number, numbers: readonly number[]) => {
      const request = { coins: [coin], generator, tickets: numbers };
      const [outcome] = await client.fixing.fix([raidaId], () => request);
      return outcome?.wireStatus;
    };
    const drawn = async (servers: readonly number[]) => {
      const select = (id: number) => (servers.includes(id) ? [0] : []);
      const { tickets } = await client.getTickets([coin], { select });
      return ALL.map((id) => tickets.find(({ raidaId }) => raidaId === id)?.ticket ?? 0);
    };
    await place.frack(coin, [0]);
    expect(await fix(0, await drawn(ring(5, 12)))).toBe(Status.ALL_FAIL);
    const numbers = await drawn(ring(5, 13));
    expect(await fix(0, numbers)).toBe(Status.ALL_PASS);
    const authenticationNumbers = new Uint8Array(coin.authenticationNumbers);
    authenticationNumbers.set(digests.md5(fixedNumberSeed(0, coin, generator)));
    const healed = { ...coin, authenticationNumbers };
    const [[first] = []] = await client.detect([healed], { select: (id) => (id === 0 ? [0] : []) });
    expect(first?.status).toBe('pass');
    // The same tickets are worth nothing there any more, and everything to another server.
    await place.frack(healed, [0, 1]);
    expect(await fix(0, numbers)).toBe(Status.ALL_FAIL);
    expect(await fix(1, numbers)).toBe(Status.ALL_PASS);
  });
});

describe('a server with workers', () => {
  it('asks the others for a worker, and believes 13 of them, not 12', async () => {
    await place.upWithWorkers(0, 3);
    const { wallet, ids } = await place.visitor();
    const [edge = 0, below = 0] = ids;
    await place.frack(wallet.keys(edge), [0, ...ring(1, 11)]);
    await place.frack(wallet.keys(below), [0, ...ring(1, 12)]);
    const result = await wallet.heal([edge, below]);
    expect(result).toEqual({ healed: [edge], fracked: [], unhealable: [below], undecided: [] });
    expect(await place.passes(wallet, [edge, below])).toEqual([25, 12]);
    await place.up([0]);
    expect(await place.passes(wallet, [edge, below])).toEqual([25, 12]);
  });
});

describe('with servers down', () => {
  it('five: the others are mended, and the five when they are back', async () => {
    const { wallet, ids } = await place.visitor({ timeoutMs: 500 });
    const [a = 0, b = 0, ...whole] = ids;
    await place.frack(wallet.keys(a), [2, 3, 20, 21]);
    await place.frack(wallet.keys(b), [0, 24]);
    await place.down(20, 21, 22, 23, 24);
    const first = await wallet.heal(ids);
    expect(first).toEqual({ healed: [a, b, ...whole], fracked: [], unhealable: [], undecided: [] });
    expect(await place.passes(wallet, ids)).toEqual(new Array(6).fill(20));
    expect(wallet.coin(a)?.lights.slice(20)).toEqual(new Array(5).fill('unreachable'));
    await place.up([20, 21, 22, 23, 24]);
    expect(await place.passes(wallet, ids)).toEqual([23, 24, 25, 25, 25, 25]);
    expect((await wallet.heal(ids)).healed).toEqual(ids);
    expect(await place.passes(wallet, ids)).toEqual(new Array(6).fill(25));
  });

  it('eleven: 13 that know the coin are enough, with 12 it stays as it is', async () => {
    const { wallet, ids } = await place.visitor({ timeoutMs: 500 });
    const [edge = 0, below = 0] = ids;
    await place.frack(wallet.keys(edge), [3]);
    await place.frack(wallet.keys(below), [4, 5]);
    const away = ring(14, 11);
    await place.down(...away);
    const result = await wallet.heal([edge, below]);
    expect(result).toEqual({ healed: [edge], fracked: [], unhealable: [], undecided: [below] });
    expect(await place.passes(wallet, [edge, below])).toEqual([14, 12]);
    await place.up(away);
    expect((await wallet.heal([edge, below])).healed).toEqual([edge, below]);
    expect(await place.passes(wallet, [edge, below])).toEqual([25, 25]);
  });
});
