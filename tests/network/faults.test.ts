/**
 * One of 25 real servers lies, to wallets and to the servers that ask it about its tickets, or
 * answers late: the others heal all the same, and no coin is lost.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Wallet } from '@andvari/host-common/raida/wallet';
import type { WalletStage } from '@andvari/host-common/raida/wallet-stage';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { ALL, NetworkPlace, ring } from './network-place.ts';
import type { Asked, Interposed, Lie, Told } from './placed-server.ts';

const long = process.env.ANDVARI_LONG === '1';
const TIMEOUT_MS = long ? 600_000 : 120_000;
/** The server that is not as it should be. */
const ODD = 9;
const HONEST = ALL.filter((id) => id !== ODD);
const NOTHING = new Uint8Array(0);
const COIN_BYTES = 5;

let place: NetworkPlace;
const odd: Interposed = {};
function honest(): void {
  odd.lie = undefined;
  odd.delayMs = undefined;
}

beforeAll(async () => {
  place = await NetworkPlace.make('legacy');
  await place.up([ODD], odd);
});
afterEach(honest);
afterAll(() => place.close());

const named = ({ group, command }: Pick<Asked, 'group' | 'command'>) => `${group}/${command}`;

/** Lies about what a ticket stands for, and about nothing else. */
const vote =
  (lie: (truth: Told) => Told | undefined): Lie =>
  (asked) =>
    named(asked) === '2/50' ? lie(asked.truth) : undefined;

/** A list of as many coins as there may be, none of which is in use. */
function strangers(count: number): Uint8Array {
  const list = new Uint8Array(count * COIN_BYTES);
  for (let i = 0; i < count; i++) list[i * COIN_BYTES + 4] = i & 0xff;
  return list;
}

const VOTES: [string, Lie][] = [
  ['other coins', vote(({ status }) => ({ status, payload: strangers(6) }))],
  ['too many coins', vote(({ status }) => ({ status, payload: strangers(4096) }))],
  ['more than any list has', vote(({ status }) => ({ status, payload: strangers(5000) }))],
  ['no coins', vote(({ status }) => ({ status, payload: NOTHING }))],
  ['half a coin', vote(({ status, payload }) => ({ status, payload: payload.slice(0, 3) }))],
  ['that it knows of no ticket', vote(() => ({ status: 43, payload: NOTHING }))],
  ['a status that there is not', vote(({ payload }) => ({ status: 99, payload }))],
  ['bytes without sense', (asked) => (named(asked) === '2/50' ? garbled(asked.reply) : undefined)],
  ['nothing whole', (asked) => (named(asked) === '2/50' ? asked.reply.slice(0, 20) : undefined)],
];

/** The reply's first bytes, by which it finds its request, and noise. */
function garbled(reply: Uint8Array): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(reply.length + 7));
  bytes.set(reply.subarray(0, 8));
  return bytes;
}

/** Says no to every question about coins, whatever it has done. */
const denies: Lie = (asked) => {
  if (named(asked) === '2/60') return { status: Status.FIND_NEITHER, payload: NOTHING };
  const about = ['1/10', '1/20', '2/40', '2/80'].includes(named(asked));
  return about ? { status: Status.ALL_FAIL, payload: NOTHING } : undefined;
};

/** Says yes to every question about coins, and vouches for all of them many times over. */
function vouches(): Lie {
  let coins: Uint8Array = NOTHING;
  return (asked) => {
    const { payload } = asked;
    switch (named(asked)) {
      case '1/10':
        return { status: Status.ALL_PASS, payload: NOTHING };
      case '2/40':
        coins = payload;
        return { status: Status.ALL_PASS, payload: Uint8Array.of(0, 0, 0, 7) };
      case '2/50': {
        const list: number[] = [];
        for (let at = 0; at < coins.length; at += 21)
          list.push(...coins.slice(at, at + COIN_BYTES));
        const often = Array.from({ length: 200 }, () => list).flat();
        return { status: Status.SUCCESS, payload: Uint8Array.from(often) };
      }
      default:
        return undefined;
    }
  };
}

/** A coin of the wallet that these servers deny. */
async function fracked(wallet: Wallet, id: number, servers: readonly number[]): Promise<void> {
  await place.frack(wallet.keys(id), servers);
}

const others = (first: number, count: number) =>
  ring(first, 25)
    .filter((id) => id !== ODD)
    .slice(0, count);

describe('a server that lies about its tickets', () => {
  it.each(VOTES)('says %s: its vote is lost and no other', async (_, lie) => {
    const { wallet, ids } = await place.visitor();
    const [enough = 0, edge = 0] = ids;
    // 13 honest servers know the one, 12 the other.
    await fracked(wallet, enough, others(3, 11));
    await fracked(wallet, edge, others(15, 12));
    odd.lie = lie;
    const result = await wallet.heal([enough, edge]);
    expect(result).toEqual({ healed: [enough], fracked: [edge], unhealable: [], undecided: [] });
    expect(await place.passes(wallet, [enough, edge])).toEqual([25, 13]);
    honest();
    expect((await wallet.heal([edge])).healed).toEqual([edge]);
    expect(await place.passes(wallet, [edge])).toEqual([25]);
  });

  it('cannot give a coin to whoever has too few servers, however often it vouches', async () => {
    const { wallet, ids } = await place.visitor();
    const [stolen = 0, tipped = 0] = ids;
    // 11 honest servers know the one: with the liar and the asking server itself, 13 of 25.
    await fracked(wallet, stolen, [ODD, ...others(0, 13)]);
    await fracked(wallet, tipped, others(5, 11));
    odd.lie = vouches();
    const result = await wallet.heal([stolen, tipped]);
    expect(result).toMatchObject({ healed: [tipped], unhealable: [stolen] });
    // By hand, as no wallet would.
    const coin = wallet.keys(stolen);
    const client = place.client();
    const { tickets } = await client.getTickets([coin]);
    const numbers = ALL.map((id) => tickets.find(({ raidaId }) => raidaId === id)?.ticket ?? 0);
    expect(numbers.filter((ticket) => ticket !== 0)).toHaveLength(12);
    const request = { coins: [coin], generator: new Uint8Array(16).fill(1), tickets: numbers };
    const [fixed] = await client.fixing.fix([others(0, 1)[0] ?? 0], () => request);
    expect(fixed?.wireStatus).toBe(Status.ALL_FAIL);
    honest();
    expect(await place.passes(wallet, [stolen, tipped])).toEqual([11, 25]);
  });
});

describe('a server that lies to wallets', () => {
  it('denies every coin and every fix: the others heal, and nothing is lost there', async () => {
    const { wallet, ids } = await place.visitor();
    const [one = 0, two = 0] = ids;
    await fracked(wallet, one, others(0, 4));
    await fracked(wallet, two, [ODD, ...others(20, 2)]);
    odd.lie = denies;
    const result = await wallet.heal(ids);
    expect(result).toEqual({ healed: [], fracked: ids, unhealable: [], undecided: [] });
    expect(wallet.coins().map(({ grade }) => grade.fails)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(wallet.coins().every(({ lights }) => lights[ODD] === 'fail')).toBe(true);
    honest();
    await wallet.resolvePending();
    await wallet.detect();
    // The fixes that it denied it had carried out; the wallet had kept what they would give.
    expect(await place.passes(wallet, ids)).toEqual(new Array(6).fill(25));
  });

  it('answers by chance truth, lies and noise: whatever it says, the honest ones heal', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const seed = seedOfRun();
    const draw = randomFrom(seed);
    const lies: Lie[] = [
      denies,
      vouches(),
      ...VOTES.map(([, lie]) => lie),
      ({ reply }) => garbled(reply),
    ];
    for (let run = 0; run < (long ? 200 : 1); run++) {
      const { wallet, ids } = await place.visitor({ timeoutMs: 300 });
      const counts = ids.map(() => 1 + draw(11));
      for (const [index, id] of ids.entries()) {
        await fracked(wallet, id, others(draw(25), counts[index] ?? 0));
      }
      odd.lie = (asked) => (draw(3) === 0 ? undefined : lies[draw(lies.length)]?.(asked));
      await wallet.heal(ids);
      const answers = await place
        .client({ raidaIds: HONEST })
        .detect(ids.map((id) => wallet.keys(id)));
      const message = `seed ${seed}, run ${run}`;
      const passes = answers.map((row) => row.filter(({ status }) => status === 'pass').length);
      expect(passes, message).toEqual(new Array(6).fill(24));
      honest();
      const { healed } = await wallet.heal(ids);
      expect(healed, message).toEqual(ids);
      expect(await place.passes(wallet, ids), message).toEqual(new Array(6).fill(25));
    }
  });
});

describe('a server that answers late', () => {
  const LATE_MS = 700;
  const lateVotes = (group: number, command: number) =>
    group === 2 && command === 50 ? LATE_MS : 0;

  it('after the wallet has given it up: the others heal without it', async () => {
    const { wallet, ids } = await place.visitor({ timeoutMs: 200 });
    const [one = 0, two = 0] = ids;
    await fracked(wallet, one, others(3, 11));
    await fracked(wallet, two, others(8, 12));
    odd.delayMs = () => LATE_MS;
    // Without the late server 13 know the one, and 12 the other.
    const { healed, undecided } = await wallet.heal([one, two]);
    expect({ healed, undecided }).toEqual({ healed: [one], undecided: [two] });
    expect(wallet.coin(one)?.grade).toMatchObject({ passes: 24, fails: 0 });
    expect(wallet.coin(one)?.lights[ODD]).toBe('timeout');
    honest();
    expect((await wallet.heal([one, two])).healed).toEqual([one, two]);
    expect(await place.passes(wallet, ids)).toEqual(new Array(6).fill(25));
  });

  it('to servers that ask: who waits has its vote, who does not tries again', async () => {
    const { wallet, ids } = await place.visitor();
    const [coin = 0] = ids;
    const denying = others(3, 12);
    const [hasty = 0] = denying;
    await fracked(wallet, coin, denying);
    odd.delayMs = lateVotes;
    await place.up([hasty], { peerTimeoutMs: 150 });
    const stages: WalletStage[] = [];
    const result = await wallet.heal([coin], { onStage: (stage) => stages.push(stage) });
    expect(result.healed).toEqual([coin]);
    const fixes = stages.filter(({ stage, done }) => stage === 'fix' && done === 0);
    expect(fixes.map(({ total }) => total)).toEqual([12, 1]);
    expect(await place.passes(wallet, [coin])).toEqual([25]);
    await place.up([hasty]);
  });

  it('so that the wallet gives the fix up while it goes on: it is healed in the end', async () => {
    const { wallet, ids } = await place.visitor();
    const [coin = 0] = ids;
    await fracked(wallet, coin, others(12, 3));
    odd.delayMs = lateVotes;
    await wallet.heal([coin], { timeoutMs: 150 });
    honest();
    // Whatever the three servers have made of it by now, 22 know the coin.
    expect((await wallet.heal([coin])).healed).toEqual([coin]);
    expect(await place.passes(wallet, [coin])).toEqual([25]);
  });
});
