/** Group 8, Locker: put, peek, remove, and many at once (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, detect, NO_PAGE, names, pown, putBack, sumOf, withAns } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { join, type KnownCoin, u16 } from '../wire.ts';

const S = Status;
const unknown = { ...NO_PAGE, an: Buffer.alloc(16) };
const FREE = {
  section: '7',
  level: 'SHOULD',
  note: 'ours: public servers never look at MFS',
} as const;

async function put(
  talk: Conversation,
  coins: readonly KnownCoin[],
  key: Buffer,
  status: number = S.ALL_PASS,
): Promise<void> {
  const payload = join(names(coins), sumOf(coins), key);
  await talk.ask({ group: 8, command: 82, payload }, { status });
}

/** Wants these coins in the locker; none: no locker. */
async function peek(talk: Conversation, key: Buffer, coins: readonly KnownCoin[]): Promise<void> {
  const expected =
    coins.length > 0 ? { status: S.ALL_PASS, payload: names(coins) } : { status: S.ALL_FAIL };
  await talk.ask({ group: 8, command: 83, payload: key }, expected);
}

async function remove(
  talk: Conversation,
  [key, coins]: readonly [Buffer, readonly KnownCoin[]],
  status: number,
  bitmap?: readonly number[],
): Promise<void> {
  const payload = join(key, withAns(coins));
  const expected = bitmap ? { status, payload: Uint8Array.from(bitmap) } : { status };
  await talk.ask({ group: 8, command: 84, payload }, expected);
}

/** Coins of the case, as the state has them; they are put back whatever happens. */
async function prepared(
  talk: Conversation,
  count: number,
  others: readonly Buffer[],
): Promise<KnownCoin[]> {
  const coins = talk.coins(count);
  await putBack(talk, coins, others);
  talk.cleanups.push(() => putBack(talk, coins, others));
  return coins;
}

const lockerRows: CaseRow[] = [
  [
    '82/put-and-remove',
    'coins put into a locker have its key as AN, and leave it with new ANs',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, coins, key);
      await detect(
        talk,
        coins.map((coin) => as(coin, key)),
      );
      await peek(talk, key, coins);
      await remove(talk, [key, coins], S.ALL_PASS, [0b11]);
      await detect(talk, coins);
      await peek(talk, key, []);
    },
  ],
  [
    '82/wrong-sum',
    'another sum changes nothing: 242',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, [coins[0]!, as(coins[1]!, talk.newAn(1))], key, S.ALL_FAIL);
      await detect(talk, coins);
      await peek(talk, key, []);
    },
  ],
  [
    '82/no-key',
    'a key that does not end ff ff ff ff is refused with 199',
    async (talk) => {
      const coins = await prepared(talk, 1, [talk.newAn(0)]);
      await put(talk, coins, talk.newAn(0), S.INVALID_PAN);
      await detect(talk, coins);
    },
  ],
  ...[12, 15].map(
    (at): CaseRow => [
      `82/key-byte-${at}`,
      `byte ${at} of the key must be ff: 199`,
      async (talk) => {
        const key = talk.lockerKey();
        key[at] = 0xfe;
        const coins = await prepared(talk, 1, [key]);
        await put(talk, coins, key, S.INVALID_PAN);
      },
    ],
  ),
  [
    '82/sum-before-key',
    'the sum is checked before the key',
    async (talk) => {
      const wrong = as(talk.coin(0), talk.newAn(1));
      await put(talk, [wrong], talk.newAn(0), S.ALL_FAIL);
    },
  ],
  [
    '82/unknown-page',
    'a coin on no page: 40',
    async (talk) => put(talk, [unknown], talk.lockerKey(), S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '82/free',
    'a free record cannot be put: 242',
    async (talk) => put(talk, [talk.freeCoin(0)], talk.lockerKey(), S.ALL_FAIL),
    FREE,
  ],
  [
    '82/insertion-order',
    'a locker lists its coins in the order in which they came',
    async (talk) => {
      const key = talk.lockerKey();
      const [a, b, c] = (await prepared(talk, 3, [key])) as [KnownCoin, KnownCoin, KnownCoin];
      await put(talk, [c, a], key);
      await put(talk, [b], key);
      await peek(talk, key, [c, a, b]);
    },
  ],
  [
    '82/out-of-locker',
    'coins go from one locker to another',
    async (talk) => {
      const keys = [talk.lockerKey(0), talk.lockerKey(1)] as const;
      const coins = await prepared(talk, 2, keys);
      await put(talk, coins, keys[0]);
      await put(talk, [as(coins[0]!, keys[0])], keys[1]);
      await peek(talk, keys[0], [coins[1]!]);
      await peek(talk, keys[1], [coins[0]!]);
    },
  ],
  [
    '83/unknown',
    'a locker that is not there: 242',
    async (talk) => peek(talk, talk.lockerKey(), []),
  ],
  [
    '83/whole-key',
    'a locker is found by all sixteen bytes',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 1, [key]);
      await put(talk, coins, key);
      const near = Buffer.from(key);
      near[11]! ^= 1;
      await peek(talk, near, []);
    },
  ],
  [
    '83/plain-an',
    'an AN that is no locker key names no locker',
    async (talk) => peek(talk, talk.coin(0).an, []),
  ],
  [
    '84/one-left',
    'what is not taken stays',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, coins, key);
      await remove(talk, [key, [coins[0]!]], S.ALL_PASS, [1]);
      await peek(talk, key, [coins[1]!]);
    },
  ],
  [
    '84/mixed',
    'a coin that is not in the locker fails: 243',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, [coins[1]!], key);
      await remove(talk, [key, coins], S.MIXED, [0b10]);
      await detect(talk, coins);
    },
  ],
  [
    '84/fail',
    'no coin in the locker: 242 with a bitmap',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, [coins[0]!], key);
      await remove(talk, [key, [coins[1]!]], S.ALL_FAIL, [0]);
      await peek(talk, key, [coins[0]!]);
    },
  ],
  [
    '84/eight',
    'the bitmap has n/8 + 1 bytes: two for eight coins',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 8, [key]);
      await put(talk, coins, key);
      await remove(talk, [key, coins], S.ALL_PASS, [0xff, 0]);
    },
  ],
  [
    '84/unknown',
    'a locker that is not there: 242 without a bitmap',
    async (talk) => remove(talk, [talk.lockerKey(), [talk.coin(0)]], S.ALL_FAIL),
  ],
  [
    '84/twice-in-a-row',
    'an emptied locker is gone, and its key serves again',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 1, [key]);
      for (let i = 0; i < 2; i++) {
        await put(talk, coins, key);
        await peek(talk, key, coins);
        await remove(talk, [key, coins], S.ALL_PASS, [1]);
        await peek(talk, key, []);
      }
    },
    { section: '9 Locker, 11', note: 'on public servers a locker may appear twice (defect 23)' },
  ],
  [
    '84/pown-takes-out',
    'a pown of a locked coin takes it out of its locker',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      await put(talk, coins, key);
      await pown(talk, [[as(coins[0]!, key), coins[0]!.an]]);
      await peek(talk, key, [coins[1]!]);
    },
    { section: '7, 9 Locker', note: 'public servers do not update the index' },
  ],
];

/** One locker of 8/88: count of coins, names, sum, key. */
function part(coins: readonly KnownCoin[], key: Buffer): Buffer {
  return join(u16(coins.length), names(coins), sumOf(coins), key);
}

async function putMany(
  talk: Conversation,
  parts: readonly Buffer[],
  expected: { status: number; payload?: Uint8Array },
): Promise<void> {
  const payload = join(Uint8Array.of(parts.length), ...parts);
  await talk.ask({ group: 8, command: 88, payload }, expected);
}

const manyRows: CaseRow[] = [
  [
    '88/all',
    'two lockers at once: 241',
    async (talk) => {
      const keys = [talk.lockerKey(0), talk.lockerKey(1)] as const;
      const [a, b, c] = (await prepared(talk, 3, keys)) as [KnownCoin, KnownCoin, KnownCoin];
      await putMany(talk, [part([a], keys[0]), part([b, c], keys[1])], { status: S.ALL_PASS });
      await peek(talk, keys[0], [a]);
      await peek(talk, keys[1], [b, c]);
    },
  ],
  [
    '88/mixed',
    'one of two lockers fails its sum: 243 with a bit for each locker',
    async (talk) => {
      const keys = [talk.lockerKey(0), talk.lockerKey(1)] as const;
      const [a, b] = (await prepared(talk, 2, keys)) as [KnownCoin, KnownCoin];
      const wrong = as(a, talk.newAn(0));
      const expected = { status: S.MIXED, payload: Uint8Array.of(0b10) };
      await putMany(talk, [part([wrong], keys[0]), part([b], keys[1])], expected);
      await peek(talk, keys[0], []);
      await peek(talk, keys[1], [b]);
    },
  ],
  [
    '88/fail',
    'no locker right: 242',
    async (talk) => {
      const wrong = as(talk.coin(0), talk.newAn(0));
      await putMany(talk, [part([wrong], talk.lockerKey())], { status: S.ALL_FAIL });
      await detect(talk, [talk.coin(0)]);
    },
  ],
  [
    '88/none',
    'no lockers are refused with 198',
    async (talk) => putMany(talk, [], { status: S.INVALID_PARAMETER }),
  ],
  [
    '88/cut',
    'a list that ends too early is refused with 16, and nothing changes',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 2, [key]);
      const cut = [part([coins[0]!], key), part([coins[1]!], key).subarray(0, -1)];
      await putMany(talk, cut, { status: S.INVALID_PACKET_LENGTH });
      await detect(talk, coins);
    },
  ],
];

export const lockerCases: ConformanceCase[] = casesOf('raida/8', { section: '9 Locker' }, [
  ...lockerRows,
  ...manyRows,
]);
