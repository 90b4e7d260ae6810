/** The model's groups 3, 9 and 10. Reference: RAIDA sections 7 and 9. */
import { createHash } from 'node:crypto';
import { Status } from '@andvari/host-common/engine/generated/status';
import { PAGE_RECORDS } from '../twin/twin-coins.ts';
import { RAIDA_ID } from './model-auth.ts';
import {
  AN_BYTES,
  aggregate,
  anyUnknown,
  areDistinct,
  coinsAt,
  countCoins,
  type Handler,
  hexAt,
  type ModelCall,
  wrongSize,
} from './model-call.ts';
import type { ModelCoin, ModelState } from './model-state.ts';

export const ADMIN_KEY = '6de9439834c9147569741d3c9c9fc010';
const SESSION = 4;
const LIST = SESSION + AN_BYTES;
const FLAGS = 16;
const AVAILABLE_MAX = 1029;
const SHOWN_MAX = 1024;
const CHANGE_MAX = 64;
const SMALL = 10;

const isAdmin = ({ payload, mayShowKey }: ModelCall, at: number) =>
  mayShowKey && hexAt(payload, at) === ADMIN_KEY;

/** Free serial numbers of one page, ascending. */
function freeOn(state: ModelState, denomination: number, page: number): number[] {
  return Array.from({ length: PAGE_RECORDS }, (_, i) => page * PAGE_RECORDS + i).filter(
    (serialNumber) => !state.isInUse({ denomination, serialNumber }),
  );
}

/** Denomination, counts, ranges of first and last, singles. */
function runsOf(denomination: number, serials: number[]): Buffer {
  const ranges: number[] = [];
  const singles: number[] = [];
  for (let i = 0; i < serials.length; ) {
    const first = serials[i] ?? 0;
    let last = first;
    for (i++; serials[i] === last + 1; i++) last++;
    if (first === last) singles.push(first);
    else ranges.push(first, last);
  }
  const numbers = Buffer.alloc(4 * (ranges.length + singles.length));
  [...ranges, ...singles].forEach((number, i) => {
    numbers.writeUInt32BE(number, 4 * i);
  });
  return Buffer.concat([
    Buffer.of(denomination & 0xff, ranges.length / 2, singles.length),
    numbers,
  ]);
}

interface Offer {
  most: number;
  /** Of 3/120, which reserves. */
  call?: ModelCall;
}

/** Free serial numbers of a denomination; with a call also from pages that clients have. */
function offeredOf(
  state: ModelState,
  denomination: number,
  { most, call, overClients }: Offer & { overClients: boolean },
): number[] {
  const serials: number[] = [];
  const session = call?.payload.readUInt32BE() ?? 0;
  for (let page = 0; page < state.pages && serials.length < most; page++) {
    const first = { denomination, serialNumber: page * PAGE_RECORDS };
    const held = call && state.reservation(first);
    if (held && !(overClients && held.purpose === 'change')) continue;
    const free = freeOn(state, denomination, page).slice(0, most - serials.length);
    serials.push(...free);
    const { address = 0 } = call ?? {};
    if (call && free.length) state.reserve(first, { session, purpose: 'create', address });
  }
  return serials;
}

function offered(state: ModelState, flags: Buffer, of: Offer): Buffer {
  const lists: Buffer[] = [];
  for (let denomination = -8; denomination <= 6; denomination++) {
    if (!flags[denomination + 8]) continue;
    let serials = offeredOf(state, denomination, { ...of, overClients: false });
    if (of.call && serials.length === 0) {
      serials = offeredOf(state, denomination, { ...of, overClients: true });
    }
    if (serials.length) lists.push(runsOf(denomination, serials));
  }
  return Buffer.concat(lists);
}

const available: Handler = (state, call) => {
  const refused = wrongSize(call, LIST + FLAGS);
  if (refused) return { status: refused };
  if (!isAdmin(call, SESSION)) return { status: Status.ADMIN_AUTH };
  if (call.payload.readUInt32BE() === 0) return { status: Status.SUCCESS };
  const flags = call.payload.subarray(LIST);
  return { status: Status.SUCCESS, payload: offered(state, flags, { most: AVAILABLE_MAX, call }) };
};

const create: Handler = (state, call) => {
  const { count, refused } = countCoins(call, LIST, 0);
  if (refused !== undefined) return { status: refused };
  if (!isAdmin(call, SESSION)) return { status: Status.ADMIN_AUTH };
  const coins = coinsAt(call.payload, LIST, { count, ans: 0 });
  const session = call.payload.readUInt32BE();
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!coins.every((coin) => state.isReservedFor(coin, session, 'create'))) {
    return { status: Status.PAGE_NOT_RESERVED };
  }
  if (coins.some((coin) => state.isInUse(coin)) || !areDistinct(coins)) {
    return { status: Status.INVALID_SN_OR_DENOMINATION };
  }
  const payload = Buffer.alloc(AN_BYTES * count);
  const hidden: [number, number][] = [];
  coins.forEach((coin, i) => {
    const { an = '' } = state.read(coin) ?? {};
    if (an === '') hidden.push([AN_BYTES * i, AN_BYTES * (i + 1)]);
    payload.write(an, AN_BYTES * i, 'hex');
    const text = `${RAIDA_ID}${coin.serialNumber}${ADMIN_KEY}`;
    state.give(coin, createHash('md5').update(text).digest('hex'));
  });
  return { status: Status.SUCCESS, payload, hidden };
};

const deleteCoins: Handler = (state, call) => {
  const { count, refused } = countCoins(call, AN_BYTES, 1);
  if (refused !== undefined) return { status: refused };
  if (!isAdmin(call, 0)) return { status: Status.ADMIN_AUTH };
  const good = coinsAt(call.payload, AN_BYTES, { count, ans: 1 }).map((coin) => {
    if (!state.authentic(coin, coin.ans[0] ?? '')) return false;
    state.take(coin);
    return true;
  });
  return aggregate(good);
};

const free: Handler = (state, call) => {
  const { count, refused } = countCoins(call, LIST, 0);
  if (refused !== undefined) return { status: refused };
  if (!isAdmin(call, SESSION)) return { status: Status.ADMIN_AUTH };
  for (const coin of coinsAt(call.payload, LIST, { count, ans: 0 })) {
    if (state.isInUse(coin)) state.take(coin);
  }
  return { status: Status.SUCCESS };
};

const allSerials: Handler = (state, call) => {
  const refused = wrongSize(call, AN_BYTES + 1);
  if (refused) return { status: refused };
  if (!isAdmin(call, 0)) return { status: Status.ADMIN_AUTH };
  const denomination = call.payload.readInt8(AN_BYTES);
  if (denomination < -8 || denomination > 6) {
    return { status: Status.INVALID_SN_OR_DENOMINATION };
  }
  const payload = Buffer.alloc(5 + (state.pages * PAGE_RECORDS) / 8);
  payload.writeInt8(denomination);
  payload.writeUInt32BE(payload.length - 5, 1);
  for (let serialNumber = 0; serialNumber < state.pages * PAGE_RECORDS; serialNumber++) {
    const at = 5 + (serialNumber >> 3);
    if (state.isInUse({ denomination, serialNumber })) {
      payload[at] = (payload[at] ?? 0) | (1 << (serialNumber & 7));
    }
  }
  return { status: Status.SUCCESS, payload };
};

const changeAvailable: Handler = (state, call) => {
  const refused = wrongSize(call, SESSION + 2);
  if (refused) return { status: refused };
  const session = call.payload.readUInt32BE();
  const operation = call.payload.readUInt8(SESSION);
  const denomination = call.payload.readInt8(SESSION + 1);
  if (operation !== 1 && operation !== 2) return { status: Status.INVALID_PARAMETER };
  const target = operation === 1 ? denomination - 1 : denomination + 1;
  const exists = [denomination, target].every((one) => one >= -8 && one <= 6);
  if (!exists) return { status: Status.INVALID_SN_OR_DENOMINATION };
  const serials: number[] = [];
  let left = session === 0 ? 0 : state.changePagesLeft(call.address);
  for (let page = 0; page < state.pages && serials.length < CHANGE_MAX; page++) {
    const first = { denomination: target, serialNumber: page * PAGE_RECORDS };
    const free = freeOn(state, target, page).slice(0, CHANGE_MAX - serials.length);
    if (free.length === 0) continue;
    if (state.isReservedFor(first, session, 'change')) state.renew(first);
    else if (state.reservation(first) || (session !== 0 && left === 0)) continue;
    else if (session !== 0) {
      left--;
      state.reserve(first, { session, purpose: 'change', address: call.address });
    }
    serials.push(...free);
  }
  const payload = Buffer.alloc(1 + 4 * serials.length);
  payload.writeInt8(target);
  serials.forEach((serial, i) => {
    payload.writeUInt32BE(serial, 1 + 4 * i);
  });
  return { status: Status.SUCCESS, payload };
};

/** The large coin and ten small ones of break and join; or why they cannot be. */
function elevenCoins(call: ModelCall) {
  const refused = wrongSize(call, SESSION + 21 * (1 + SMALL));
  if (refused) return { refused };
  const [large, ...small] = coinsAt(call.payload, SESSION, { count: 1 + SMALL, ans: 1 });
  if (!large || large.denomination < -7 || large.denomination > 6) {
    return { refused: Status.INVALID_SN_OR_DENOMINATION };
  }
  return { large, small, session: call.payload.readUInt32BE() };
}

const isSmaller = (state: ModelState, coin: ModelCoin, large: ModelCoin) =>
  coin.denomination === large.denomination - 1 && state.read(coin) !== undefined;

const breakCoin: Handler = (state, call) => {
  const { large, small, session, refused } = elevenCoins(call);
  if (!large) return { status: refused };
  if (!call.local && !state.mayBreak(call.address)) return { status: Status.REQUEST_RATE };
  if (!state.read(large)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!state.authentic(large, large.ans[0] ?? '')) return { status: Status.ALL_FAIL };
  for (const coin of small) {
    if (!isSmaller(state, coin, large)) return { status: Status.INVALID_SN_OR_DENOMINATION };
    if (!state.isReservedFor(coin, session, 'change')) return { status: Status.PAGE_NOT_RESERVED };
  }
  if (small.some((coin) => state.isInUse(coin)) || !areDistinct(small)) {
    return { status: Status.INVALID_SN_OR_DENOMINATION };
  }
  state.take(large);
  for (const coin of small) state.give(coin, coin.ans[0] ?? '');
  if (!call.local) state.countBreak(call.address);
  return { status: Status.SUCCESS };
};

const join: Handler = (state, call) => {
  const { large, small, session, refused } = elevenCoins(call);
  if (!large) return { status: refused };
  if (!state.read(large)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!state.isReservedFor(large, session, 'change')) return { status: Status.PAGE_NOT_RESERVED };
  for (const coin of small) {
    if (!isSmaller(state, coin, large)) return { status: Status.INVALID_SN_OR_DENOMINATION };
    if (!state.authentic(coin, coin.ans[0] ?? '')) return { status: Status.ALL_FAIL };
  }
  if (!areDistinct(small)) return { status: Status.ALL_FAIL };
  if (state.isInUse(large)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  for (const coin of small) state.take(coin);
  state.give(large, large.ans[0] ?? '');
  return { status: Status.SUCCESS };
};

const shardSerials: Handler = (state, call) => {
  const refused = wrongSize(call, SESSION + 1 + FLAGS);
  if (refused) return { status: refused };
  const operation = call.payload.readUInt8(SESSION);
  if (operation !== 3 && operation !== 4) return { status: Status.INVALID_PARAMETER };
  const flags = call.payload.subarray(SESSION + 1);
  return { status: Status.SUCCESS, payload: offered(state, flags, { most: SHOWN_MAX }) };
};

export const CHANGE_HANDLERS = {
  available,
  create,
  delete: deleteCoins,
  free,
  allSerials,
  changeAvailable,
  break: breakCoin,
  join,
  shardSerials,
};
