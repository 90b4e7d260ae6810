/** Group 8, trade lockers: put for sale, list, peek, remove, buy (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, detect, makeCoins, NO_PAGE, names, putBack, sumOf } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { join, type KnownCoin, u32, u64 } from '../wire.ts';

const S = Status;
const BTC = 1;
const XMR = 2;
const ADDRESS = 'bc1qexampleexampleexample000000000000000';
/** Of one coin of denomination 0, in units of 1e-8. */
const VALUE = 100_000_000n;

/** AN of a trade locker: 9 free bytes, price, what it is sold for, ee ee. */
function tradeAn(talk: Conversation, price: number, kind = BTC, tail = 0xee): Buffer {
  return join(talk.bytes('trade', 9), u32(price), Uint8Array.of(kind, 0xee, tail));
}

interface Sale {
  coins: readonly KnownCoin[];
  an: Buffer;
  /** Default: a right one. */
  address?: string;
  /** Default: the length of the address. */
  length?: number;
}

async function sell(talk: Conversation, sale: Sale, status: number = S.ALL_PASS): Promise<void> {
  const { coins, an, address = ADDRESS, length = address.length } = sale;
  const field = Buffer.alloc(128);
  field.write(address, 'latin1');
  const payload = join(names(coins), sumOf(coins), an, Uint8Array.of(length), field);
  await talk.ask({ group: 8, command: 85, payload }, { status });
}

async function peek(talk: Conversation, an: Buffer, coins: readonly KnownCoin[]): Promise<void> {
  const expected =
    coins.length > 0 ? { status: S.ALL_PASS, payload: names(coins) } : { status: S.ALL_FAIL };
  await talk.ask({ group: 8, command: 81, payload: an }, expected);
}

/** The case's coins, put back whatever happens. */
async function prepared(talk: Conversation, count: number, an: Buffer): Promise<KnownCoin[]> {
  const coins = talk.coins(count);
  await putBack(talk, coins, [an]);
  talk.cleanups.push(() => putBack(talk, coins, [an]));
  return coins;
}

/** The offers of one kind: 13 bytes each. */
async function offers(talk: Conversation, kind: number): Promise<Buffer[]> {
  const { payload } = await talk.ask(
    { group: 8, command: 86, payload: Uint8Array.of(kind, 255) },
    {
      status: S.ALL_PASS,
      payload: (came) => (came.length % 13 === 0 ? came : 'offers have 13 bytes each'),
    },
  );
  return Array.from({ length: payload.length / 13 }, (_, i) =>
    payload.subarray(i * 13, i * 13 + 13),
  );
}

/** A sale that is refused, and changes nothing. */
function refused(make: (talk: Conversation) => Partial<Sale>, status: number) {
  return async (talk: Conversation) => {
    const coin = talk.coin(0);
    const an = tradeAn(talk, 5000);
    await sell(talk, { coins: [coin], an, ...make(talk) }, status);
    await detect(talk, [coin]);
    await peek(talk, an, []);
  };
}

const saleRows: CaseRow[] = [
  [
    '85/sells',
    'coins for sale have the AN of their trade locker',
    async (talk) => {
      const an = tradeAn(talk, 5000);
      const coins = await prepared(talk, 2, an);
      await sell(talk, { coins, an });
      await detect(
        talk,
        coins.map((coin) => as(coin, an)),
      );
      await peek(talk, an, coins);
    },
  ],
  [
    '85/unknown-page',
    'a coin on no page: 40',
    refused(
      () => ({ coins: [{ ...NO_PAGE, an: Buffer.alloc(16) }] }),
      S.INVALID_SN_OR_DENOMINATION,
    ),
  ],
  [
    '85/wrong-sum',
    'another sum: 242',
    refused((talk) => ({ coins: [as(talk.coin(0), talk.newAn(0))] }), S.ALL_FAIL),
  ],
  [
    '85/kind',
    'sold for neither CC, BTC nor XMR: 50',
    refused((talk) => ({ an: tradeAn(talk, 5000, 3) }), S.INVALID_TRADE_COIN),
  ],
  [
    '85/tail',
    'a trade AN that does not end ee ee: 199',
    refused((talk) => ({ an: tradeAn(talk, 5000, BTC, 0xef) }), S.INVALID_PAN),
  ],
  [
    '85/short-address',
    'an address of 15 bytes: 198',
    refused(() => ({ address: ADDRESS.slice(0, 15) }), S.INVALID_PARAMETER),
  ],
  [
    '85/long-address',
    'an address of 121 bytes: 198',
    refused(() => ({ length: 121 }), S.INVALID_PARAMETER),
  ],
  [
    '85/sum-before-kind',
    'the sum is checked before the kind',
    refused(
      (talk) => ({ coins: [as(talk.coin(0), talk.newAn(0))], an: tradeAn(talk, 1, 3) }),
      S.ALL_FAIL,
    ),
  ],
  [
    '85/kind-before-tail',
    'the kind before the tail',
    refused((talk) => ({ an: tradeAn(talk, 1, 3, 0) }), S.INVALID_TRADE_COIN),
  ],
  [
    '85/tail-before-address',
    'the tail before the address',
    refused((talk) => ({ an: tradeAn(talk, 1, BTC, 0), length: 3 }), S.INVALID_PAN),
  ],
  [
    '85/free',
    'a free record cannot be sold: 242',
    refused((talk) => ({ coins: [talk.freeCoin(0)] }), S.ALL_FAIL),
    { section: '7', level: 'SHOULD', note: 'ours: public servers never look at MFS' },
  ],
  [
    '85/same-offer',
    'the same offer a second time: 148',
    async (talk) => {
      const an = tradeAn(talk, 5000);
      const coins = await prepared(talk, 2, an);
      await sell(talk, { coins: [coins[0]!], an });
      await sell(talk, { coins: [coins[1]!], an }, S.TRADE_LOCKER_EXISTS);
      await detect(talk, [coins[1]!]);
    },
    { section: '9 Locker, 11', note: 'public servers compare a count with an amount (defect 22)' },
  ],
  ...[16, 120].map(
    (length): CaseRow => [
      `85/address-${length}`,
      `an address of ${length} bytes is taken`,
      async (talk) => {
        const an = tradeAn(talk, 5000);
        const coins = await prepared(talk, 1, an);
        await sell(talk, { coins, an, address: 'b'.repeat(length) });
      },
    ],
  ),
  [
    '86/lists',
    'an offer is listed with kind, value in units of 1e-8, and price',
    async (talk) => {
      const price = talk.bytes('price', 4).readUInt32BE();
      const an = tradeAn(talk, price, XMR);
      const coins = await prepared(talk, 1, an);
      const right = join(Uint8Array.of(XMR), u64(VALUE), u32(price));
      await sell(talk, { coins, an });
      const found = (await offers(talk, XMR)).some((offer) => offer.equals(right));
      if (!found) talk.fail(`no offer ${right.toString('hex')} in the list`);
    },
  ],
  [
    '86/gone',
    'an offer whose coins have been powned is no longer listed',
    async (talk) => {
      const price = talk.bytes('price', 4).readUInt32BE();
      const an = tradeAn(talk, price, XMR);
      const coins = await prepared(talk, 1, an);
      await sell(talk, { coins, an });
      await putBack(talk, coins, [an]);
      const stale = (await offers(talk, XMR)).some((offer) => offer.readUInt32BE(9) === price);
      if (stale) talk.fail(`the offer of price ${price} is still listed`);
    },
    { section: '7, 9 Locker', note: 'public servers do not update the index' },
  ],
  [
    '86/own-kind',
    'offers of another kind are not listed',
    async (talk) => {
      const an = tradeAn(talk, 5000, BTC);
      const coins = await prepared(talk, 1, an);
      await sell(talk, { coins, an });
      if ((await offers(talk, XMR)).some((offer) => offer[0] !== XMR)) talk.fail('another kind');
    },
  ],
  [
    '86/at-most',
    'no more offers than asked for',
    async (talk) => {
      const an = tradeAn(talk, 5000, BTC);
      const coins = await prepared(talk, 1, an);
      await sell(talk, { coins, an });
      const payload = Uint8Array.of(BTC, 1);
      const check = (came: Buffer) =>
        came.length === 13 ? join(payload.subarray(0, 1), came.subarray(1)) : 'wanted one offer';
      await talk.ask({ group: 8, command: 86, payload }, { status: S.ALL_PASS, payload: check });
    },
  ],
  [
    '86/kind',
    'offers for a coin that is not traded: 50',
    async (talk) => {
      const payload = Uint8Array.of(3, 5);
      await talk.ask({ group: 8, command: 86, payload }, { status: S.INVALID_TRADE_COIN });
    },
  ],
  [
    '81/unknown',
    'a trade locker that is not there: 242',
    async (talk) => peek(talk, tradeAn(talk, 1), []),
  ],
  [
    '81/no-locker',
    'a locker is no trade locker: 242',
    async (talk) => {
      const key = talk.lockerKey();
      const coins = await prepared(talk, 1, key);
      const payload = join(names(coins), sumOf(coins), key);
      await talk.ask({ group: 8, command: 82, payload }, { status: S.ALL_PASS });
      await peek(talk, key, []);
    },
    { level: 'SHOULD', note: 'the reference does not say whether the two share one index' },
  ],
  [
    '89/frees',
    'a removed trade locker frees its coins',
    async (talk) => {
      const coins = await makeCoins(talk, -8, 1);
      const an = tradeAn(talk, 7);
      await sell(talk, { coins, an });
      await talk.ask({ group: 8, command: 89, payload: an }, { status: S.ALL_PASS });
      await peek(talk, an, []);
      await detect(talk, [as(coins[0]!, an)], S.ALL_FAIL);
    },
    { note: 'rests on the AN of created coins (defect 16 of public servers)' },
  ],
  [
    '89/unknown',
    'a trade locker that is not there cannot be removed: 242',
    async (talk) => {
      const payload = tradeAn(talk, 1);
      await talk.ask({ group: 8, command: 89, payload }, { status: S.ALL_FAIL });
    },
  ],
];

interface Purchase {
  key: Buffer;
  kind: number;
  amount: bigint;
  price: number;
}

async function buy(talk: Conversation, { key, kind, amount, price }: Purchase, status: number) {
  const payload = join(
    ...[key, Uint8Array.of(kind), u64(amount), u32(price)],
    ...[Buffer.alloc(32), Buffer.alloc(16), Buffer.from('memo')],
  );
  await talk.ask({ group: 8, command: 87, payload }, { status });
}

const buyRows: CaseRow[] = [
  [
    '87/no-offer',
    'an offer that is not there: 51',
    async (talk) => {
      const key = talk.lockerKey();
      await buy(
        talk,
        { key, kind: BTC, amount: 1n, price: 3_999_999_999 },
        S.TRADE_LOCKER_NOT_FOUND,
      );
    },
  ],
  [
    '87/key',
    'a locker key that does not end ff ff ff ff: 198',
    async (talk) => {
      const key = talk.newAn(0);
      await buy(talk, { key, kind: BTC, amount: 1n, price: 1 }, S.INVALID_PARAMETER);
    },
  ],
  ...[12, 15].map(
    (at): CaseRow => [
      `87/key-byte-${at}`,
      `byte ${at} of the locker key must be ff: 198`,
      async (talk) => {
        const key = talk.lockerKey();
        key[at] = 0;
        await buy(talk, { key, kind: BTC, amount: 1n, price: 1 }, S.INVALID_PARAMETER);
      },
      { note: 'public servers take any key with one ff at its end (defect 21)' },
    ],
  ),
  [
    '87/kind',
    'a coin that is not traded: 50',
    async (talk) => {
      const key = talk.lockerKey();
      await buy(talk, { key, kind: 3, amount: 1n, price: 1 }, S.INVALID_TRADE_COIN);
    },
  ],
];

export const tradeCases: ConformanceCase[] = casesOf('raida/8', { section: '9 Locker' }, [
  ...saleRows,
  ...buyRows,
]);
