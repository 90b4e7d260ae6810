/**
 * Random requests for the model test. A plan names few coins, keys and sessions by small numbers,
 * so that a sequence comes back to them; what stands in the request is made when the plan runs,
 * from what the model then knows.
 */
import type { Encryption } from '@andvari/host-common/raida/codec';
import fc from 'fast-check';
import { anOf } from '../engine/rig.ts';
import { fromHex } from '../engine/vector-state.ts';
import { bytesOf, xorOf } from './model-call.ts';
import { ADMIN_KEY } from './model-change.ts';
import type { ModelCommand } from './model-server.ts';
import { isLockerKey, isTradeKey, type ModelCoin, type ModelState } from './model-state.ts';
import type { Delivery, RealServer } from './real-server.ts';

/** In use or free at the start, two pages of each denomination, and one on no page at all. */
const SERIALS = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 1029, 600, 601, 1700];
const DENOMINATIONS = [-1, 0, 1, 6, -8];
const NOWHERE: ModelCoin = { denomination: 0, serialNumber: 8 * 1024 + 3 };
/** Nobody changes it: its AN is a key at all times. */
const KEY_COIN = { denomination: 3, serialNumber: 77 };

/** A coin by its number; 0 to 14 are of denomination -1. */
export function coinOf(number: number): ModelCoin {
  const denomination = DENOMINATIONS[Math.floor(number / SERIALS.length)];
  const serialNumber = SERIALS[number % SERIALS.length] ?? 0;
  return denomination === undefined ? NOWHERE : { denomination, serialNumber };
}

const COIN_NUMBERS = DENOMINATIONS.length * SERIALS.length;
/** New ANs: plain ones, two lockers, two trade lockers of each of two types, odd tails. */
const ANS = [
  ...['11'.repeat(16), '22'.repeat(16), `${'33'.repeat(12)}ffffffff`, `${'34'.repeat(12)}ffffffff`],
  ...[`${'41'.repeat(9)}0000006400eeee`, `${'42'.repeat(9)}0000006400eeee`],
  ...[`${'43'.repeat(9)}000000c801eeee`, `${'44'.repeat(9)}0000006403eeee`],
  ...[`${'45'.repeat(9)}000000c801eeef`, `${'46'.repeat(12)}fffffffe`],
];
const SESSIONS = [0, 7, 8];

export interface Plan {
  command: ModelCommand;
  /** Coins by number; first a session, a voter, whatever else the command has. */
  coins: number[];
  ans: number[];
  pick: number;
  /** 0: as it should be; else something about the request is wrong. */
  fault: number;
  how: number;
}

const COMMANDS: readonly ModelCommand[] = [
  ...(['pown', 'pown', 'pownSum', 'detect', 'detectSum', 'find', 'getTicket'] as const),
  ...(['validateTicket', 'fix', 'fix', 'lockerPut', 'lockerPut', 'lockerPeek'] as const),
  ...(['lockerRemove', 'lockerPutMany', 'tradePut', 'tradePut', 'tradeList', 'peekTrade'] as const),
  ...(['tradeRemove', 'changeAvailable', 'changeAvailable', 'break', 'break', 'break'] as const),
  ...(['join', 'join', 'join', 'available', 'create', 'create', 'delete', 'free'] as const),
  ...(['allSerials', 'shardSerials'] as const),
];

const number = (max: number) => fc.nat({ max: max - 1 });
export const planOf: fc.Arbitrary<Plan> = fc.record({
  command: fc.constantFrom(...COMMANDS),
  coins: fc.array(number(COIN_NUMBERS + 1), { minLength: 1, maxLength: 12 }),
  ans: fc.array(number(ANS.length), { minLength: 12, maxLength: 12 }),
  pick: number(1 << 16),
  fault: fc.nat({ max: 15 }),
  how: number(1 << 16),
});

/** Makes the request of a plan and asks both; mostly with the reservation that it needs. */
export function runPlan(plan: Plan, real: RealServer): void {
  const { command, how } = plan;
  const address = 0x0a000001 + (how % 3);
  if ((command === 'break' || command === 'join') && how & 6) {
    const operation = command === 'break' ? 1 : 2;
    const denomination = command === 'break' ? how & 1 : (how & 1) - 1;
    const what = Buffer.of(operation, denomination & 0xff);
    real.ask('changeAvailable', { payload: Buffer.concat([sessionOf(plan), what]), address });
  }
  if (command === 'create' && how & 6) {
    const payload = Buffer.concat([sessionOf(plan), adminKey, flagsOf(plan)]);
    real.ask('available', { payload, address });
  }
  real.ask(plan.command, { ...deliveryOf(plan, real.state), ...requestOf(plan, real) });
}

const anAt = (state: ModelState, coin: ModelCoin) => state.read(coin)?.an || '99'.repeat(16);
const hex = (...values: string[]) => Buffer.from(values.join(''), 'hex');
const adminKey = hex(ADMIN_KEY);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Mostly in clear from this machine; sometimes encrypted, or from elsewhere. */
function deliveryOf({ how }: Plan, state: ModelState): Partial<Delivery> {
  const key = anOf(KEY_COIN.denomination, KEY_COIN.serialNumber);
  const one = { ...KEY_COIN, key };
  const two = { denomination2: 3, serialNumber2: 77, key2: key };
  const locker = [...state.lockers.keys()].find(isLockerKey);
  const encryptions: (Encryption | undefined)[] = [
    ...[undefined, undefined, undefined, { type: 1, ...one } as const],
    ...[{ type: 4, ...one } as const, { type: 5, ...one, ...two } as const],
    locker ? { type: 2, key: fromHex(locker) } : undefined,
  ];
  const encryption = encryptions[how % encryptions.length];
  const local = how % 11 !== 0;
  return { local, address: 0x0a000001 + (how % 3), ...(encryption ? { encryption } : {}) };
}

/** The payload, and what else the command needs. */
function requestOf(plan: Plan, real: RealServer): Pick<Delivery, 'payload' | 'noBody' | 'votes'> {
  const { fault } = plan;
  const { payload, votes } = WRITERS[plan.command](plan, real.state);
  const body = { ...(votes ? { votes } : {}) };
  if (fault === 1) return { ...body, payload: Buffer.alloc(0), noBody: true };
  if (fault === 2) return { ...body, payload: payload.subarray(0, -1) };
  if (fault === 3) return { ...body, payload: Buffer.concat([payload, Buffer.of(plan.pick)]) };
  if (fault === 4 && payload.length) {
    const at = plan.pick % payload.length;
    const changed = Buffer.from(payload);
    changed[at] = (changed[at] ?? 0) ^ (1 << (plan.how & 7));
    return { ...body, payload: changed };
  }
  return { ...body, payload };
}

interface Written {
  payload: Buffer;
  votes?: Delivery['votes'];
}
type Writer = (plan: Plan, state: ModelState) => Written;

/** Coins of the plan, without those named twice: a sum of those fails. */
function distinct({ coins, how }: Plan): ModelCoin[] {
  return (how & 64 ? coins : [...new Set(coins)]).map(coinOf);
}
/** Those of them that are in use, if there are any: else hardly any sum would be right. */
function usable(plan: Plan, state: ModelState): ModelCoin[] {
  const all = distinct(plan);
  const inUse = all.filter((coin) => state.isInUse(coin));
  return inUse.length && plan.how & 32 ? inUse : all;
}
const newAn = ({ ans }: Plan, i: number) => ANS[ans[i % ans.length] ?? 0] ?? '';
const sessionOf = ({ pick }: Plan) => u32(SESSIONS[pick % SESSIONS.length] ?? 0);

function listed(
  plan: Plan,
  state: ModelState,
  ans: 'an' | 'anPan' | 'anNew',
  coins = plan.coins.map(coinOf),
): Buffer {
  return Buffer.concat(
    coins.flatMap((coin, i) => {
      const own = (plan.how >> (i & 3)) % 7 === 6 ? '77'.repeat(16) : anAt(state, coin);
      const values = { an: [own], anPan: [own, newAn(plan, i)], anNew: [newAn(plan, i)] };
      return [bytesOf(coin), hex(...values[ans])];
    }),
  );
}

function summed(coins: ModelCoin[], state: ModelState): Buffer {
  const sum = xorOf(coins.map((coin) => anAt(state, coin)));
  return Buffer.concat([...coins.map(bytesOf), hex(sum)]);
}

const pownList: Writer = (plan, state) => ({ payload: listed(plan, state, 'anPan') });
const sumList: Writer = (plan, state) => ({ payload: summed(usable(plan, state), state) });
const sumAndAn: Writer = (plan, state) => {
  const key = pickKey(plan, state, isLockerKey);
  return { payload: Buffer.concat([summed(usable(plan, state), state), hex(key)]) };
};

/** A key of lockers: one that there is, or one of the table. */
function pickKey(plan: Plan, state: ModelState, form: (an: string) => boolean): string {
  const known = [...state.lockers.keys()].filter(form);
  const usual = ANS.filter(form);
  const among = plan.pick & 1 && known.length ? known : plan.pick & 6 ? usual : ANS;
  return among[plan.pick % among.length] ?? '';
}

const keyAlone =
  (form: (an: string) => boolean): Writer =>
  (plan, state) => ({ payload: hex(pickKey(plan, state, form)) });

const fixList: Writer = (plan) => {
  const coins = distinct(plan);
  const voters = plan.pick % 25;
  const tickets = Array.from({ length: 25 }, (_, id) => u32(id < voters || id === 14 ? id + 1 : 0));
  const named = coins.filter((_, i) => (plan.how >> i) % 4 !== 3);
  const payload = Buffer.concat([...coins.map(bytesOf), hex(newAn(plan, 0)), ...tickets]);
  const vote = { status: 250, coins: new Uint8Array(Buffer.concat(named.map(bytesOf))) };
  const refusal = { status: 43, coins: new Uint8Array(0) };
  return { payload, votes: (id) => (plan.how % 5 === 4 && id === 0 ? refusal : vote) };
};

const putMany: Writer = (plan, state) => {
  const coins = usable(plan, state);
  const parts = coins.slice(0, 3).map((_, i) => coins.filter((__, k) => k % 3 === i));
  const lists = parts.map((part, i) => {
    const count = Buffer.alloc(2);
    count.writeUInt16BE(part.length);
    return Buffer.concat([count, summed(part, state), hex(i ? newAn(plan, i) : (ANS[2] ?? ''))]);
  });
  return { payload: Buffer.concat([Buffer.of(plan.how & 128 ? 0 : parts.length), ...lists]) };
};

const sell: Writer = (plan, state) => {
  const key = hex(pickKey(plan, state, (an) => /eee.$/.test(an)));
  const field = Buffer.alloc(128, 0x61);
  const size = Buffer.of(plan.pick % 9 === 0 ? 15 : plan.pick % 10 === 0 ? 121 : 20);
  return { payload: Buffer.concat([summed(usable(plan, state), state), key, size, field]) };
};

const change: Writer = (plan) => {
  const target = DENOMINATIONS[plan.pick % 3] ?? 0;
  const operation = plan.how % 13 === 12 ? 3 : 1 + (plan.how & 1);
  const denomination = plan.how % 17 === 16 ? 6 : operation === 1 ? target + 1 : target - 1;
  return {
    payload: Buffer.concat([sessionOf(plan), Buffer.of(operation, denomination & 0xff)]),
  };
};

/** The large coin of denomination 0 or 1, and ten small ones below it, mostly as they must be. */
function eleven(plan: Plan, state: ModelState, isBreak: boolean): Written {
  const denomination = plan.how & 1;
  const serials = (of: number, inUse: boolean) =>
    Array.from({ length: 1024 }, (_, i) => i).filter(
      (serialNumber) => state.isInUse({ denomination: of, serialNumber }) === inUse,
    );
  const large = serials(denomination, isBreak);
  const small = serials(denomination - 1, !isBreak);
  const from = plan.pick % Math.max(1, small.length - 10);
  const one = { denomination, serialNumber: large[plan.pick % large.length] ?? 0 };
  const ten = Array.from({ length: 10 }, (_, i) => ({
    denomination: denomination - 1,
    serialNumber: small[from + (plan.fault === 5 && i ? i - 1 : i)] ?? 0,
  }));
  if (plan.fault === 6) ten[9] = coinOf(plan.coins[0] ?? 0);
  const fresh = newAn(plan, 0);
  const coins = [one, ...ten].flatMap((coin, i) => [
    bytesOf(coin),
    hex((i === 0) === isBreak ? anAt(state, coin) : i ? newAn(plan, i) : fresh),
  ]);
  return { payload: Buffer.concat([sessionOf(plan), ...coins]) };
}

const flagsOf = ({ coins }: Plan) => {
  const flags = Buffer.alloc(16);
  for (const coin of coins) flags[coinOf(coin).denomination + 8] = 1;
  return flags;
};

const WRITERS: Record<ModelCommand, Writer> = {
  audit: () => ({ payload: Buffer.alloc(0) }),
  detect: (plan, state) => ({ payload: listed(plan, state, 'an') }),
  detectSum: sumList,
  pown: pownList,
  pownSum: (plan, state) => ({
    payload: Buffer.concat([summed(usable(plan, state), state), hex(newAn(plan, 0))]),
  }),
  getTicket: (plan, state) => ({ payload: listed(plan, state, 'an') }),
  validateTicket: (plan, state) => {
    const known = [...state.tickets.keys()];
    const ticket = known[plan.pick % Math.max(1, known.length)] ?? plan.pick;
    return { payload: Buffer.concat([Buffer.of(plan.how % 27), u32(ticket)]) };
  },
  find: pownList,
  fix: fixList,
  lockerPut: sumAndAn,
  lockerPeek: keyAlone(isLockerKey),
  lockerRemove: (plan, state) => {
    const key = pickKey(plan, state, isLockerKey);
    const coins = plan.how & 4 ? state.lockers.get(key) : undefined;
    return { payload: Buffer.concat([hex(key), listed(plan, state, 'anNew', coins)]) };
  },
  lockerPutMany: putMany,
  tradePut: sell,
  tradeList: (plan) => ({ payload: Buffer.of(plan.pick % 4, plan.how % 3) }),
  peekTrade: keyAlone(isTradeKey),
  tradeRemove: keyAlone(isTradeKey),
  changeAvailable: change,
  break: (plan, state) => eleven(plan, state, true),
  join: (plan, state) => eleven(plan, state, false),
  available: (plan) => ({
    payload: Buffer.concat([sessionOf(plan), adminKey, flagsOf(plan)]),
  }),
  create: (plan, state) => {
    const free = distinct(plan).filter((coin) => !state.isInUse(coin));
    const coins = plan.how & 16 && free.length ? free : distinct(plan);
    return { payload: Buffer.concat([sessionOf(plan), adminKey, ...coins.map(bytesOf)]) };
  },
  delete: (plan, state) => ({
    payload: Buffer.concat([adminKey, listed(plan, state, 'an')]),
  }),
  free: (plan) => ({
    payload: Buffer.concat([sessionOf(plan), adminKey, ...distinct(plan).map(bytesOf)]),
  }),
  allSerials: (plan) => ({
    payload: Buffer.concat([adminKey, Buffer.of((plan.pick % 17) - 9)]),
  }),
  shardSerials: (plan) => ({
    payload: Buffer.concat([sessionOf(plan), Buffer.of(2 + (plan.how % 4)), flagsOf(plan)]),
  }),
};
