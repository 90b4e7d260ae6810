/**
 * What replies say about coins (reference: RAIDA section 9). A reply that is not exactly as the
 * reference has it is an error of that server, never a pass.
 */
import { Status } from '../engine/generated/status.ts';
import type { RaidaReply } from './codec.ts';
import { type Coin, isDenomination } from './coin.ts';

/** Why a server's answer says nothing about a coin. `none`: it was not asked. */
export type NoAnswer = 'error' | 'refused' | 'timeout' | 'unreachable' | 'none';

export interface CoinAnswer {
  readonly status: 'pass' | 'fail' | NoAnswer;
  /** Status byte of the reply, if there was one that could be trusted. */
  readonly wireStatus?: number;
}

/** Which of two ANs a server holds: `an` the first, `pan` the second (an equal pair is `an`). */
export interface FindAnswer {
  readonly status: 'an' | 'pan' | 'neither' | NoAnswer;
  readonly wireStatus?: number;
}

/** Statuses that refuse the encryption of a request. */
const refusals: readonly number[] = [
  Status.INVALID_ENCRYPTION,
  Status.ENCRYPTION_COIN_NOT_FOUND,
  Status.INVALID_ENCRYPTION_CODE,
  Status.INVALID_CRC,
  Status.INVALID_HMAC,
];

/** An answer without an opinion: `refused` if the request was encrypted and that is the reason. */
export function otherStatus(wireStatus: number, encrypted: boolean): CoinAnswer & FindAnswer {
  const status = encrypted && refusals.includes(wireStatus) ? 'refused' : 'error';
  return { status, wireStatus };
}

/** The bits of a bitmap (coin i: bit i % 8 of byte i / 8), or undefined if it is not of n coins. */
export function readBits(bitmap: Uint8Array, coinCount: number): boolean[] | undefined {
  if (bitmap.length !== Math.ceil(coinCount / 8)) return undefined;
  const surplus = bitmap.length * 8 - coinCount;
  const last = bitmap[bitmap.length - 1] ?? 0;
  if (surplus > 0 && last >> (8 - surplus) !== 0) return undefined;
  return Array.from(
    { length: coinCount },
    (_, i) => (((bitmap[i >> 3] ?? 0) >> (i % 8)) & 1) === 1,
  );
}

function fill<A>(coinCount: number, answer: A): A[] {
  return new Array<A>(coinCount).fill(answer);
}

/** Answers of detect, pown and the like: 241 all, 242 none, 243 and a bitmap. */
export function readVerdicts(
  { status: wireStatus, payload }: Pick<RaidaReply, 'status' | 'payload'>,
  coinCount: number,
  encrypted: boolean,
): CoinAnswer[] {
  const pass: CoinAnswer = { status: 'pass', wireStatus };
  const fail: CoinAnswer = { status: 'fail', wireStatus };
  if (wireStatus === Status.ALL_PASS && payload.length === 0) return fill(coinCount, pass);
  if (wireStatus === Status.ALL_FAIL && payload.length === 0) return fill(coinCount, fail);
  const bits = wireStatus === Status.MIXED ? readBits(payload, coinCount) : undefined;
  if (bits) return bits.map((bit) => (bit ? pass : fail));
  return fill(coinCount, otherStatus(wireStatus, encrypted));
}

/** Answers of find: 208 neither, 209 all the AN, 210 all the PAN, 211 and a byte for each coin. */
export function readFound(
  { status: wireStatus, payload }: Pick<RaidaReply, 'status' | 'payload'>,
  coinCount: number,
  encrypted: boolean,
): FindAnswer[] {
  const answers: readonly FindAnswer[] = [
    { status: 'neither', wireStatus },
    { status: 'an', wireStatus },
    { status: 'pan', wireStatus },
  ];
  const uniform: readonly number[] = [Status.FIND_NEITHER, Status.FIND_ALL_AN, Status.FIND_ALL_PAN];
  const all = answers[uniform.indexOf(wireStatus)];
  if (all && payload.length === 0) return fill(coinCount, all);
  const other: FindAnswer = otherStatus(wireStatus, encrypted);
  if (wireStatus !== Status.FIND_MIXED || payload.length !== coinCount) {
    return fill(coinCount, other);
  }
  const mixed = Array.from(payload, (byte) => answers[byte]);
  if (mixed.some((answer) => answer === undefined)) return fill(coinCount, other);
  return mixed as FindAnswer[];
}

export interface TicketReply {
  answers: CoinAnswer[];
  /** For the coins that passed. */
  ticket?: number;
}

/** Answer of get ticket: as detect, then the ticket (u32) unless no coin passed. */
export function readTicket(
  reply: Pick<RaidaReply, 'status' | 'payload'>,
  coinCount: number,
  encrypted: boolean,
): TicketReply {
  const { status, payload } = reply;
  const some = status === Status.ALL_PASS || status === Status.MIXED;
  if (!some) return { answers: readVerdicts(reply, coinCount, encrypted) };
  if (payload.length < 4) {
    return { answers: fill(coinCount, otherStatus(status, encrypted)) };
  }
  const split = payload.length - 4;
  const bitmap = payload.subarray(0, split);
  const answers = readVerdicts({ status, payload: bitmap }, coinCount, encrypted);
  if (!answers.some((answer) => answer.status === 'pass')) return { answers };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return { answers, ticket: view.getUint32(split) };
}

/** The coins (den, sn) that a valid ticket stands for, or undefined for an impossible list. */
export function readCoinList(payload: Uint8Array): Coin[] | undefined {
  if (payload.length % 5 !== 0) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const coins = Array.from({ length: payload.length / 5 }, (_, index) => ({
    denomination: view.getInt8(index * 5),
    serialNumber: view.getUint32(index * 5 + 1),
  }));
  return coins.every(({ denomination }) => isDenomination(denomination)) ? coins : undefined;
}
