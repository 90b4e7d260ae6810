/**
 * Trade lockers of group Locker (reference: RAIDA section 9): coins for sale. A trade AN names the
 * offer: bytes 9-12 price, 13 what is wanted for it, 14-15 ee ee.
 */
import { Status } from '../../engine/generated/status.ts';
import { readCoinList } from '../answers.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { RequestError } from '../codec.ts';
import { AN_BYTES, authenticationNumber, type Coin, type CoinKeys, KEYS_BYTES } from '../coin.ts';
import { COIN_BYTES, FieldReader, FieldWriter, want16, wantBytes } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';
import { sumOfCoins } from './sums.ts';

const ADDRESS_BYTES = { min: 16, max: 120, field: 128 } as const;
const MEMO_BYTES_MAX = 254;
const TXID_BYTES = 32;
const OFFER_BYTES = 13;
const TYPE_MAX = 2;
/** Locker key, type, amount, price, transaction id, receipt. */
const BUY_BYTES = AN_BYTES + 1 + 8 + 4 + TXID_BYTES + AN_BYTES;

/** What a seller wants: CloudCoin, Bitcoin, Monero. */
export const TradeType = { CLOUD_COIN: 0, BITCOIN: 1, MONERO: 2 } as const;
export type TradeTypeNumber = (typeof TradeType)[keyof typeof TradeType];

export interface TradeOffer {
  type: TradeTypeNumber;
  /** What is for sale, in units of 1e-8. */
  units: bigint;
  price: number;
}

export interface TradeSale {
  coins: readonly CoinKeys[];
  /** 400 bytes: the trade AN of each server. */
  tradeNumbers: Uint8Array;
  /** ASCII, 16 to 120 characters: where the price is to be paid. */
  address: string;
}

export interface TradePurchase {
  /** 400 bytes: the locker that the bought coins go to. */
  lockerKeys: Uint8Array;
  type: TradeTypeNumber;
  amount: bigint;
  price: number;
  /** 32 bytes. */
  transactionId: Uint8Array;
  /** 16 bytes. */
  receipt: Uint8Array;
  /** At most 254 bytes of UTF-8. */
  memo: string;
}

function ofServer(numbers: Uint8Array, raidaId: number): Uint8Array {
  return authenticationNumber(wantBytes(numbers, KEYS_BYTES, 'trade numbers'), raidaId);
}

/** Text as bytes, of a length that the command allows. */
export function textBytes(
  text: string,
  what: string,
  { min, max }: { min: number; max: number },
): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length >= min && bytes.length <= max) return bytes;
  throw new RequestError(`${what}: wanted ${min} to ${max} bytes, got ${bytes.length}`);
}

export function memoBytes(memo: string): Uint8Array {
  return textBytes(memo, 'memo', { min: 0, max: MEMO_BYTES_MAX });
}

const sell = ({ coins, tradeNumbers, address }: TradeSale): Command<true> => ({
  group: 8,
  command: 85,
  payload: (raidaId) => {
    const text = textBytes(address, 'address', ADDRESS_BYTES);
    const size = coins.length * COIN_BYTES + 2 * AN_BYTES + 1 + ADDRESS_BYTES.field;
    const writer = new FieldWriter(size).coins(coins).block(sumOfCoins(coins, raidaId));
    return writer.block(ofServer(tradeNumbers, raidaId)).u8(text.length).block(text).bytes;
  },
  good: [Status.ALL_PASS],
  read: readNothing,
});

const offers = (type: number, count: number): Command<TradeOffer[]> => ({
  group: 8,
  command: 86,
  payload: () => new FieldWriter(2).u8(type).u8(count).bytes,
  good: [Status.ALL_PASS],
  read: ({ payload }) => {
    const reader = new FieldReader(payload);
    const list: TradeOffer[] = [];
    while (reader.left >= OFFER_BYTES) {
      const kind = reader.u8();
      if (kind > TYPE_MAX) return undefined;
      const units = reader.u64BE();
      list.push({ type: kind as TradeTypeNumber, units, price: reader.u32BE() });
    }
    return reader.whole && list.length <= count ? list : undefined;
  },
});

const peek = (tradeNumbers: Uint8Array): Command<Coin[]> => ({
  group: 8,
  command: 81,
  payload: (raidaId) => new Uint8Array(ofServer(tradeNumbers, raidaId)),
  good: [Status.ALL_PASS],
  read: ({ payload }) => readCoinList(payload),
});

const remove = (tradeNumbers: Uint8Array): Command<true> => ({
  group: 8,
  command: 89,
  payload: (raidaId) => new Uint8Array(ofServer(tradeNumbers, raidaId)),
  good: [Status.ALL_PASS],
  read: readNothing,
});

const buy = (purchase: TradePurchase): Command<Uint8Array> => ({
  group: 8,
  command: 87,
  payload: (raidaId) => {
    const memo = memoBytes(purchase.memo);
    const key = authenticationNumber(
      wantBytes(purchase.lockerKeys, KEYS_BYTES, 'locker keys'),
      raidaId,
    );
    return new FieldWriter(BUY_BYTES + memo.length)
      .block(key)
      .u8(purchase.type)
      .u64BE(purchase.amount)
      .u32BE(purchase.price)
      .block(wantBytes(purchase.transactionId, TXID_BYTES, 'transaction id'))
      .block(want16(purchase.receipt, 'receipt'))
      .block(memo).bytes;
  },
  good: [Status.SUCCESS, Status.ALL_PASS],
  read: ({ payload }) => payload,
});

export class TradeCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** Offers coins for sale (8/85): their ANs become the trade AN. Read the price from it. */
  sell(sale: TradeSale, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(sell(sale), options);
  }

  /** Offers of a type, at most `count` (8/86; up to 255). */
  offers(
    { type, count }: { type: TradeTypeNumber; count: number },
    options?: AskOptions<TradeOffer[]>,
  ): Promise<ServerOutcome<TradeOffer[]>[]> {
    return this.asker.askEach(offers(type, count), options);
  }

  /** The coins of an offer (8/81). `fail`: there is no such offer. */
  peek(tradeNumbers: Uint8Array, options?: AskOptions<Coin[]>): Promise<ServerOutcome<Coin[]>[]> {
    return this.asker.askEach(peek(tradeNumbers), options);
  }

  /** Drops an offer and frees its coins (8/89): they are nobody's from then on. */
  remove(tradeNumbers: Uint8Array, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(remove(tradeNumbers), options);
  }

  /** Buys from an offer against a payment (8/87); servers without a proxy refuse. */
  buy(
    purchase: TradePurchase,
    options?: AskOptions<Uint8Array>,
  ): Promise<ServerOutcome<Uint8Array>[]> {
    return this.asker.askEach(buy(purchase), options);
  }
}
