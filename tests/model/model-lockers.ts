/** The model's group 8. Reference: RAIDA section 9. */
import { Status } from '@andvari/host-common/engine/generated/status';
import {
  AN_BYTES,
  aggregate,
  anyUnknown,
  bitmapOf,
  bytesOf,
  coinsAt,
  countCoins,
  type Handler,
  hexAt,
  type ModelReply,
  sumMatches,
  wrongSize,
} from './model-call.ts';
import {
  isLockerKey,
  isTradeKey,
  type ModelCoin,
  type ModelState,
  valueOfCoin,
} from './model-state.ts';

const ADDRESS_FIELD = 128;
const NUMBER_BYTES = 2;

const put: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 2 * AN_BYTES, 0);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 0 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!sumMatches(state, coins, hexAt(call.payload, 5 * count))) {
    return { status: Status.ALL_FAIL };
  }
  const key = hexAt(call.payload, 5 * count + AN_BYTES);
  if (!isLockerKey(key)) return { status: Status.INVALID_PAN };
  for (const coin of coins) state.give(coin, key);
  return { status: Status.ALL_PASS };
};

function show(state: ModelState, key: string): ModelReply {
  const coins = state.lockers.get(key);
  if (!coins) return { status: Status.ALL_FAIL };
  return { status: Status.ALL_PASS, payload: Buffer.concat(coins.map(bytesOf)) };
}

const peek: Handler = (state, call) => {
  const refused = wrongSize(call, AN_BYTES);
  if (refused) return { status: refused };
  const key = hexAt(call.payload, 0);
  return isLockerKey(key) ? show(state, key) : { status: Status.ALL_FAIL };
};

const remove: Handler = (state, call) => {
  const { count, refused } = countCoins(call, AN_BYTES, 1);
  if (refused !== undefined) return { status: refused };
  const key = hexAt(call.payload, 0);
  if (!isLockerKey(key) || !state.lockers.has(key)) return { status: Status.ALL_FAIL };
  const good = coinsAt(call.payload, AN_BYTES, { count, ans: 1 }).map((coin) => {
    if (!state.authentic(coin, key)) return false;
    state.give(coin, coin.ans[0] ?? '');
    return true;
  });
  // A surplus byte when the number is a multiple of 8.
  const payload = bitmapOf(good, Math.floor(count / 8) + 1);
  return { ...aggregate(good), payload };
};

const putMany: Handler = (state, { payload, hasBody }) => {
  if (!hasBody) return { status: Status.EMPTY_REQUEST };
  if (payload.length === 0) return { status: Status.INVALID_PACKET_LENGTH };
  const parts: { coins: ModelCoin[]; sum: string; key: string }[] = [];
  let at = 1;
  for (let left = payload.readUInt8(); left > 0; left--) {
    if (at + NUMBER_BYTES + 2 * AN_BYTES > payload.length) break;
    const count = payload.readUInt16BE(at);
    const end = at + NUMBER_BYTES + 5 * count;
    if (end + 2 * AN_BYTES > payload.length) break;
    const coins = coinsAt(payload, at + NUMBER_BYTES, { count, ans: 0 });
    parts.push({ coins, sum: hexAt(payload, end), key: hexAt(payload, end + AN_BYTES) });
    at = end + 2 * AN_BYTES;
  }
  if (payload.readUInt8() === 0) return { status: Status.INVALID_PARAMETER };
  if (parts.length < payload.readUInt8() || at !== payload.length) {
    return { status: Status.INVALID_PACKET_LENGTH };
  }
  const good = parts.map(({ coins, sum, key }) => {
    if (coins.length === 0 || anyUnknown(state, coins) || !isLockerKey(key)) return false;
    if (!sumMatches(state, coins, sum)) return false;
    for (const coin of coins) state.give(coin, key);
    return true;
  });
  return aggregate(good);
};

/** Type, price and value of what a trade locker offers. */
function offerOf(key: string, coins: ModelCoin[]) {
  return {
    type: Number.parseInt(key.slice(26, 28), 16),
    price: key.slice(18, 26),
    value: coins.reduce((sum, coin) => sum + valueOfCoin(coin), 0n),
  };
}

const sell: Handler = (state, call) => {
  const fixed = 2 * AN_BYTES + 1 + ADDRESS_FIELD;
  const { count, refused } = countCoins(call, fixed, 0);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 0 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!sumMatches(state, coins, hexAt(call.payload, 5 * count))) {
    return { status: Status.ALL_FAIL };
  }
  const key = hexAt(call.payload, 5 * count + AN_BYTES);
  if (offerOf(key, coins).type > 2) return { status: Status.INVALID_TRADE_COIN };
  if (!isTradeKey(key)) return { status: Status.INVALID_PAN };
  const address = call.payload.readUInt8(5 * count + 2 * AN_BYTES);
  if (address < 16 || address > 120) return { status: Status.INVALID_PARAMETER };
  const { type, price, value } = offerOf(key, coins);
  const same = [...state.lockers].some(([other, its]) => {
    const offer = offerOf(other, its);
    const equal = offer.type === type && offer.price === price && offer.value === value;
    return isTradeKey(other) && (other === key || equal);
  });
  if (same) return { status: Status.TRADE_LOCKER_EXISTS };
  for (const coin of coins) state.give(coin, key);
  return { status: Status.ALL_PASS };
};

const listOffers: Handler = (state, call) => {
  const refused = wrongSize(call, 2);
  if (refused) return { status: refused };
  const [type = 0, most = 0] = call.payload;
  if (type > 2) return { status: Status.INVALID_TRADE_COIN };
  const offers = [...state.lockers]
    .filter(([key]) => isTradeKey(key))
    .map(([key, coins]) => offerOf(key, coins))
    .filter((offer) => offer.type === type)
    .slice(0, most);
  const rows = offers.map(({ price, value }) => {
    const row = Buffer.alloc(13);
    row.writeUInt8(type);
    row.writeBigUInt64BE(value, 1);
    row.write(price, 9, 'hex');
    return row;
  });
  return { status: Status.ALL_PASS, payload: Buffer.concat(rows) };
};

const peekOffer: Handler = (state, call) => {
  const refused = wrongSize(call, AN_BYTES);
  if (refused) return { status: refused };
  const key = hexAt(call.payload, 0);
  return isTradeKey(key) ? show(state, key) : { status: Status.ALL_FAIL };
};

const removeOffer: Handler = (state, call) => {
  const refused = wrongSize(call, AN_BYTES);
  if (refused) return { status: refused };
  const key = hexAt(call.payload, 0);
  const coins = isTradeKey(key) ? state.lockers.get(key) : undefined;
  if (!coins) return { status: Status.ALL_FAIL };
  for (const coin of coins) state.take(coin);
  return { status: Status.ALL_PASS };
};

export const LOCKER_HANDLERS = {
  peekTrade: peekOffer,
  lockerPut: put,
  lockerPeek: peek,
  lockerRemove: remove,
  lockerPutMany: putMany,
  tradePut: sell,
  tradeList: listOffers,
  tradeRemove: removeOffer,
};
