/** Group 1, Auth: detect and pown, singly and by sums (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, detect, NO_PAGE, names, pown, putBack, sumOf, withAns, withPans } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { DENOMINATION_LEAST } from '../state.ts';
import { join, type KnownCoin, xor } from '../wire.ts';

const S = Status;
const unknown = { ...NO_PAGE, an: Buffer.alloc(16) };
/** A serial number that is this coin's in the lowest 16 bits of its page number. */
const aliasOf = (coin: KnownCoin): KnownCoin => ({
  ...coin,
  serialNumber: coin.serialNumber + 0x4000000,
});
const badDenomination = { denomination: 7, serialNumber: 1, an: Buffer.alloc(16) };

function wrong(coin: KnownCoin): KnownCoin {
  const an = Buffer.from(coin.an);
  an[15]! ^= 1;
  return as(coin, an);
}

async function mixed(
  talk: Conversation,
  [group, command]: readonly [number, number],
  payload: Buffer,
  bitmap: number[],
): Promise<void> {
  const right = Uint8Array.from(bitmap);
  await talk.ask({ group, command, payload }, { status: S.MIXED, payload: right });
}

async function detectSum(talk: Conversation, coins: readonly KnownCoin[], status: number) {
  const payload = join(names(coins), sumOf(coins));
  await talk.ask({ group: 1, command: 11, payload }, { status });
}

async function pownSum(
  talk: Conversation,
  coins: readonly KnownCoin[],
  delta: Buffer,
  status: number,
) {
  const payload = join(names(coins), sumOf(coins), delta);
  await talk.ask({ group: 1, command: 21, payload }, { status });
}

const TWICE = {
  level: 'SHOULD',
  note: 'ours: XOR cancels a coin that is named twice; public servers do not look',
} as const;
const FREE = {
  section: '7',
  level: 'SHOULD',
  note: 'ours: public servers never look at MFS',
} as const;

const detectRows: CaseRow[] = [
  ['10/pass', 'a coin with its AN: 241', async (talk) => detect(talk, [talk.coin(0)])],
  [
    '10/fail',
    'a coin with another AN: 242',
    async (talk) => detect(talk, [as(talk.coin(0), talk.newAn(0))], S.ALL_FAIL),
  ],
  [
    '10/last-bit',
    'the last bit of the AN counts',
    async (talk) => detect(talk, [wrong(talk.coin(0))], S.ALL_FAIL),
  ],
  [
    '10/mixed',
    'some of three: 243 with a bit for each, least significant first',
    async (talk) => {
      const [a, b, c] = talk.coins(3);
      await mixed(talk, [1, 10], withAns([a!, wrong(b!), c!]), [0b101]);
    },
  ],
  [
    '10/eight',
    'eight coins have a bitmap of one byte',
    async (talk) => {
      const coins = talk.coins(8);
      await mixed(talk, [1, 10], withAns([wrong(coins[0]!), ...coins.slice(1)]), [0xfe]);
    },
  ],
  [
    '10/nine',
    'the ninth coin is the first bit of the second byte',
    async (talk) => {
      const coins = [...talk.coins(8), talk.coin(0, 1)];
      coins[3] = wrong(coins[3]!);
      await mixed(talk, [1, 10], withAns(coins), [0xf7, 0x01]);
    },
  ],
  [
    '10/all-denominations',
    'coins of all fifteen denominations pass',
    async (talk) => {
      const coins = Array.from({ length: 15 }, (_, i) => talk.coin(0, DENOMINATION_LEAST + i));
      await detect(talk, coins);
    },
  ],
  [
    '10/same-coin-twice',
    'a coin listed twice is judged twice',
    async (talk) => mixed(talk, [1, 10], withAns([talk.coin(0), wrong(talk.coin(0))]), [0b01]),
  ],
  [
    '10/unknown-page',
    'a coin on no page fails',
    async (talk) => mixed(talk, [1, 10], withAns([talk.coin(0), unknown]), [0b01]),
  ],
  [
    '10/unknown-denomination',
    'a denomination there is not fails',
    async (talk) => mixed(talk, [1, 10], withAns([badDenomination, talk.coin(0)]), [0b10]),
  ],
  [
    '10/other-denomination',
    'an AN passes for its own denomination only',
    async (talk) => detect(talk, [{ ...talk.coin(0), denomination: 1 }], S.ALL_FAIL),
  ],
  [
    '10/free',
    'a free record is no coin, whatever its AN',
    async (talk) => detect(talk, [talk.freeCoin(0)], S.ALL_FAIL),
    FREE,
  ],
  [
    '10/alias',
    'a serial number with bits above the pages names no coin',
    async (talk) => detect(talk, [aliasOf(talk.coin(0))], S.ALL_FAIL),
    { section: '11', note: 'public servers cut the page number to 16 bits (defect 8)' },
  ],
  [
    '10/four-hundred',
    'four hundred coins in one request',
    async (talk) => {
      const coins = Array.from({ length: 400 }, (_, i) => talk.coin(i % 8, (i % 15) - 8));
      await detect(talk, coins);
    },
    { transports: ['tcp'] },
  ],
  ...[1, 2].map(
    (shard): CaseRow => [
      `10/shard-${shard}`,
      `shard ${shard} lies on a back end that is not there: 48`,
      async (talk) => {
        const patch = [[3, Uint8Array.of(shard)]] as const;
        const payload = withAns([talk.coin(0)]);
        await talk.ask({ group: 1, command: 10, payload, patch }, { status: S.LEGACY_DB });
      },
      { level: 'SHOULD', note: 'a server with that back end answers for it' },
    ],
  ),
  [
    '11/pass',
    'the XOR of all ANs: 241',
    async (talk) => detectSum(talk, talk.coins(3), S.ALL_PASS),
  ],
  [
    '11/one',
    'the sum of one coin is its AN',
    async (talk) => detectSum(talk, talk.coins(1), S.ALL_PASS),
  ],
  [
    '11/fail',
    'another sum: 242',
    async (talk) => detectSum(talk, [...talk.coins(2), wrong(talk.coin(2))], S.ALL_FAIL),
  ],
  [
    '11/unknown-page',
    'a coin on no page: 40',
    async (talk) => detectSum(talk, [talk.coin(0), unknown], S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '11/unknown-denomination',
    'a denomination there is not: 40',
    async (talk) => detectSum(talk, [talk.coin(0), badDenomination], S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '11/alias',
    'a serial number with bits above the pages: 40',
    async (talk) => detectSum(talk, [aliasOf(talk.coin(0))], S.INVALID_SN_OR_DENOMINATION),
    { section: '11' },
  ],
  [
    '11/twice',
    'a sum that names a coin twice: 242',
    async (talk) => {
      const stranger = as(talk.coin(1), talk.newAn(1));
      await detectSum(talk, [talk.coin(0), stranger, stranger], S.ALL_FAIL);
    },
    TWICE,
  ],
  [
    '11/free',
    'a sum with a free record: 242',
    async (talk) => detectSum(talk, [talk.coin(0), talk.freeCoin(0)], S.ALL_FAIL),
    FREE,
  ],
];

const pownRows: CaseRow[] = [
  [
    '20/pass',
    'a pown with the AN gives the coin its PAN, and back',
    async (talk) => {
      const coin = talk.coin(0);
      const pan = talk.newAn(0);
      await putBack(talk, [coin], [pan]);
      await pown(talk, [[coin, pan]]);
      await detect(talk, [as(coin, pan)]);
      await detect(talk, [coin], S.ALL_FAIL);
      await pown(talk, [[as(coin, pan), coin.an]]);
      await detect(talk, [coin]);
    },
  ],
  [
    '20/fail',
    'a pown with another AN changes nothing: 242',
    async (talk) => {
      await pown(talk, [[wrong(talk.coin(0)), talk.newAn(0)]], S.ALL_FAIL);
      await detect(talk, [talk.coin(0)]);
    },
  ],
  [
    '20/repeated',
    'a pown that is sent twice fails the second time',
    async (talk) => {
      const coin = talk.coin(0);
      const pan = talk.newAn(0);
      await putBack(talk, [coin], [pan]);
      await pown(talk, [[coin, pan]]);
      await pown(talk, [[coin, pan]], S.ALL_FAIL);
      await pown(talk, [[as(coin, pan), coin.an]]);
    },
  ],
  [
    '20/mixed',
    'some of three: 243, and those change alone',
    async (talk) => {
      const [a, b, c] = talk.coins(3) as [KnownCoin, KnownCoin, KnownCoin];
      const pans = [0, 1, 2].map((i) => talk.newAn(i)) as [Buffer, Buffer, Buffer];
      await putBack(talk, [a, b, c], pans);
      const list = withPans([
        [a, pans[0]],
        [wrong(b), pans[1]],
        [c, pans[2]],
      ]);
      await mixed(talk, [1, 20], list, [0b101]);
      await detect(talk, [as(a, pans[0]), b, as(c, pans[2])]);
      await pown(talk, [
        [as(a, pans[0]), a.an],
        [as(c, pans[2]), c.an],
      ]);
    },
  ],
  [
    '20/in-order',
    'a coin listed twice sees its new AN',
    async (talk) => {
      const coin = talk.coin(0);
      const pan = talk.newAn(0);
      await putBack(talk, [coin], [pan]);
      await pown(talk, [
        [coin, pan],
        [as(coin, pan), coin.an],
      ]);
      await detect(talk, [coin]);
    },
  ],
  [
    '20/same-an',
    'a pown to the AN that a coin has passes',
    async (talk) => pown(talk, [[talk.coin(0), talk.coin(0).an]]),
  ],
  [
    '20/unknown-page',
    'a coin on no page fails, the others change',
    async (talk) => {
      const coin = talk.coin(0);
      await mixed(
        talk,
        [1, 20],
        withPans([
          [unknown, coin.an],
          [coin, coin.an],
        ]),
        [0b10],
      );
    },
  ],
  [
    '20/encrypted',
    'a pown under encryption',
    async (talk) => {
      const coin = talk.coin(0);
      const payload = withPans([[coin, coin.an]]);
      const request = { group: 1, command: 20, payload, encryption: talk.sealed() };
      await talk.ask(request, { status: S.ALL_PASS });
    },
  ],
  [
    '20/free',
    'a free record cannot be powned, whatever its AN',
    async (talk) => {
      const coin = talk.freeCoin(0);
      await pown(talk, [[coin, coin.an]], S.ALL_FAIL);
    },
    FREE,
  ],
  [
    '20/key-coin',
    'the coin that encrypts the request can be powned by it',
    async (talk) => {
      const coin = talk.coin(0);
      const pan = talk.newAn(0);
      await putBack(talk, [coin], [pan]);
      const request = { group: 1, command: 20 } as const;
      await talk.ask(
        { ...request, payload: withPans([[coin, pan]]), encryption: { type: 1, coin } },
        { status: S.ALL_PASS },
      );
      await pown(talk, [[as(coin, pan), coin.an]]);
    },
  ],
  [
    '20/locker-form',
    'a pown to a locker key puts the coin into that locker',
    async (talk) => {
      const coin = talk.coin(0);
      const key = talk.lockerKey();
      await putBack(talk, [coin], [key]);
      await pown(talk, [[coin, key]]);
      await talk.ask(
        { group: 8, command: 83, payload: key },
        { status: S.ALL_PASS, payload: names([coin]) },
      );
      await pown(talk, [[as(coin, key), coin.an]]);
      await talk.ask({ group: 8, command: 83, payload: key }, { status: S.ALL_FAIL });
    },
    { section: '7, 11', note: 'public servers make a hidden locker (defect 40)' },
  ],
  [
    '21/pass',
    'a pown sum turns every AN into AN XOR delta, and back',
    async (talk) => {
      const coins = talk.coins(2);
      const delta = talk.bytes('delta', 16);
      const changed = coins.map((coin) => as(coin, xor(coin.an, delta)));
      for (const [i, coin] of coins.entries()) await putBack(talk, [coin], [changed[i]!.an]);
      await pownSum(talk, coins, delta, S.ALL_PASS);
      await detect(talk, changed);
      await pownSum(talk, changed, delta, S.ALL_PASS);
      await detect(talk, coins);
    },
  ],
  [
    '21/fail',
    'a pown sum with another sum changes nothing: 242',
    async (talk) => {
      const coins = talk.coins(2);
      await pownSum(talk, [coins[0]!, wrong(coins[1]!)], talk.bytes('delta', 16), S.ALL_FAIL);
      await detect(talk, coins);
    },
  ],
  [
    '21/unknown-page',
    'a coin on no page: 40',
    async (talk) =>
      pownSum(talk, [talk.coin(0), unknown], Buffer.alloc(16), S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '21/twice',
    'a pown sum that names a coin twice: 242',
    async (talk) => {
      const coin = talk.coin(1);
      await pownSum(talk, [talk.coin(0), coin, coin], Buffer.alloc(16), S.ALL_FAIL);
    },
    TWICE,
  ],
  [
    '21/free',
    'a pown sum with a free record: 242',
    async (talk) => pownSum(talk, [talk.freeCoin(0)], Buffer.alloc(16), S.ALL_FAIL),
    FREE,
  ],
];

export const authCases: ConformanceCase[] = casesOf('raida/1', { section: '9 Auth' }, [
  ...detectRows,
  ...pownRows,
]);
