/** The model's groups 0, 1 and 2. Reference: RAIDA section 9. */
import { createHash } from 'node:crypto';
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
  type ModelCall,
  sumMatches,
  wrongSize,
  xorOf,
} from './model-call.ts';
import { type ModelCoin, nameOf } from './model-state.ts';

export const RAIDA_ID = 14;
const TICKETS_BYTES = 25 * 4;
const VOTES_LEAST = 14;

const audit: Handler = (state) => {
  const payload = Buffer.alloc(75);
  state.counts.forEach((count, i) => {
    payload.writeInt8(i - 8, i * 5);
    payload.writeUInt32BE(count, i * 5 + 1);
  });
  return { status: Status.SUCCESS, payload };
};

const detect: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 0, 1);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 1 });
  return aggregate(coins.map((coin) => state.authentic(coin, coin.ans[0] ?? '')));
};

const pown: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 0, 2);
  if (refused !== undefined) return { status: refused };
  const good = coinsAt(call.payload, 0, { count, ans: 2 }).map((coin) => {
    const [an = '', pan = ''] = coin.ans;
    if (!state.authentic(coin, an)) return false;
    state.give(coin, pan);
    return true;
  });
  return aggregate(good);
};

const detectSum: Handler = (state, call) => {
  const { count, refused } = countCoins(call, AN_BYTES, 0);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 0 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  const right = sumMatches(state, coins, hexAt(call.payload, 5 * count));
  return { status: right ? Status.ALL_PASS : Status.ALL_FAIL };
};

const pownSum: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 2 * AN_BYTES, 0);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 0 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  if (!sumMatches(state, coins, hexAt(call.payload, 5 * count))) {
    return { status: Status.ALL_FAIL };
  }
  const delta = hexAt(call.payload, 5 * count + AN_BYTES);
  for (const coin of coins) state.give(coin, xorOf([state.read(coin)?.an ?? '', delta]));
  return { status: Status.ALL_PASS };
};

const getTicket: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 0, 1);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 1 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  const good = coins.map((coin) => state.authentic(coin, coin.ans[0] ?? ''));
  if (!good.includes(true)) return { status: Status.ALL_FAIL };
  if (!state.hasTicketRoom()) return { status: Status.NO_TICKET_SLOT };
  const bitmap = good.includes(false) ? bitmapOf(good) : Buffer.alloc(0);
  const at = bitmap.length;
  return {
    status: at ? Status.MIXED : Status.ALL_PASS,
    payload: Buffer.concat([bitmap, Buffer.alloc(4)]),
    hidden: [[at, at + 4]],
    learn: (payload) => {
      const those = coins.filter((_, i) => good[i]);
      const vouched = those.map((coin) => ({ coin, an: coin.ans[0] ?? '' }));
      state.addTicket(payload.readUInt32BE(at), vouched);
    },
  };
};

const validateTicket: Handler = (state, call) => {
  const refused = wrongSize(call, 5);
  if (refused) return { status: refused };
  const raidaId = call.payload.readUInt8();
  const ticket = state.ticket(call.payload.readUInt32BE(1));
  if (raidaId > 24) return { status: Status.WRONG_RAIDA };
  if (!ticket) return { status: Status.NO_TICKET_FOUND };
  if (ticket.claimed.has(raidaId)) return { status: Status.TICKET_CLAIMED_ALREADY };
  ticket.claimed.add(raidaId);
  return {
    status: Status.SUCCESS,
    payload: Buffer.concat(state.stillVouched(ticket).map(bytesOf)),
  };
};

const find: Handler = (state, call) => {
  const { count, refused } = countCoins(call, 0, 2);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 2 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  const told = coins.map((coin) => {
    const [an = '', pan = ''] = coin.ans;
    if (state.authentic(coin, an)) return 1;
    return state.authentic(coin, pan) ? 2 : 0;
  });
  const uniform = new Set(told).size === 1;
  if (!uniform) return { status: Status.FIND_MIXED, payload: Buffer.from(told) };
  const status = [Status.FIND_NEITHER, Status.FIND_ALL_AN, Status.FIND_ALL_PAN][told[0] ?? 0];
  return { status: status ?? Status.FIND_NEITHER };
};

const fix: Handler = (state, call) => {
  const { count, refused } = countCoins(call, AN_BYTES + TICKETS_BYTES, 0);
  if (refused !== undefined) return { status: refused };
  const coins = coinsAt(call.payload, 0, { count, ans: 0 });
  if (anyUnknown(state, coins)) return { status: Status.INVALID_SN_OR_DENOMINATION };
  const votes = votesOf(call, 5 * count + AN_BYTES);
  const seed = call.payload.subarray(5 * count, 5 * count + AN_BYTES);
  // Nothing comes between question and change here: a fixed coin is as it was, or new already.
  const vouched = state.allVouched();
  const good = coins.map((coin) => {
    if (1 + votes.filter((named) => named.has(nameOf(coin))).length < VOTES_LEAST) return false;
    const text = Buffer.concat([Buffer.of(RAIDA_ID), bytesOf(coin), seed]);
    const an = createHash('md5').update(text).digest('hex');
    if (vouched.has(nameOf(coin))) return state.read(coin)?.an === an;
    state.give(coin, an);
    return true;
  });
  return aggregate(good);
};

/** Names of the coins that each other server vouches for. */
function votesOf({ payload, votes }: ModelCall, at: number): Set<string>[] {
  return Array.from({ length: 25 }, (_, raidaId) => {
    const ticket = payload.readUInt32BE(at + 4 * raidaId);
    const vote = raidaId === RAIDA_ID || ticket === 0 ? undefined : votes(raidaId, ticket);
    if (vote?.status !== Status.SUCCESS) return new Set<string>();
    const bytes = Buffer.from(vote.coins);
    const named: ModelCoin[] = coinsAt(bytes, 0, { count: bytes.length / 5, ans: 0 });
    return new Set(named.map(nameOf));
  });
}

export const AUTH_HANDLERS = {
  audit,
  detect,
  detectSum,
  pown,
  pownSum,
  getTicket,
  validateTicket,
  find,
  fix,
};
