/** A request as the model sees it, its answer, and the parts that the commands share. */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Vote } from '../engine/world.ts';
import type { ModelCoin, ModelState } from './model-state.ts';

export interface ModelCall {
  payload: Buffer;
  /** False: a header without a body. */
  hasBody: boolean;
  /** The admin key may be shown: encrypted, or from this machine. */
  mayShowKey: boolean;
  /** From this machine. */
  local: boolean;
  address: number;
  /** What each other server says of its ticket; undefined: nothing. */
  votes(raidaId: number, ticket: number): Vote | undefined;
}

export interface ModelReply {
  status: number;
  payload?: Buffer;
  /** Bytes of the payload that nobody can foresee: first, and the one behind the last. */
  hidden?: [number, number][];
  /** Told the real payload afterwards: what the model cannot foresee but must know. */
  learn?(payload: Buffer): void;
}

export type Handler = (state: ModelState, call: ModelCall) => ModelReply;

export const COIN_BYTES = 5;
export const AN_BYTES = 16;
const COINS_MAX = 4096;

export interface ListedCoin extends ModelCoin {
  /** The ANs behind it, hex. */
  ans: string[];
}

/** `count` coins from `at` on, each with `ans` ANs. */
export function coinsAt(payload: Buffer, at: number, of: { count: number; ans: number }) {
  const step = COIN_BYTES + of.ans * AN_BYTES;
  return Array.from({ length: of.count }, (_, i): ListedCoin => {
    const start = at + i * step;
    return {
      denomination: payload.readInt8(start),
      serialNumber: payload.readUInt32BE(start + 1),
      ans: Array.from({ length: of.ans }, (_, k) => hexAt(payload, start + COIN_BYTES + 16 * k)),
    };
  });
}

export function hexAt(payload: Buffer, at: number): string {
  return payload.toString('hex', at, at + AN_BYTES);
}

export function bytesOf(coin: ModelCoin): Buffer {
  const bytes = Buffer.alloc(COIN_BYTES);
  bytes.writeInt8(coin.denomination);
  bytes.writeUInt32BE(coin.serialNumber, 1);
  return bytes;
}

/** Coins in a payload with `fixed` bytes besides, or the status that refuses it. */
export function countCoins(
  { payload, hasBody }: ModelCall,
  fixed: number,
  ans: number,
): { count: number; refused?: number } {
  const step = COIN_BYTES + ans * AN_BYTES;
  const count = (payload.length - fixed) / step;
  if (!hasBody) return { count: 0, refused: Status.EMPTY_REQUEST };
  if (payload.length < fixed + step) return { count: 0, refused: Status.INVALID_PACKET_LENGTH };
  if (!Number.isInteger(count)) return { count: 0, refused: Status.COINS_NOT_DIVISIBLE };
  if (ans === 0 && count > COINS_MAX) return { count: 0, refused: Status.TOO_MANY_COINS };
  return { count };
}

/** The status against a payload that has not `bytes`; 0: none. */
export function wrongSize({ payload, hasBody }: ModelCall, bytes: number): number {
  if (!hasBody) return Status.EMPTY_REQUEST;
  return payload.length === bytes ? 0 : Status.INVALID_PACKET_LENGTH;
}

export function bitmapOf(good: boolean[], bytes = Math.ceil(good.length / 8)): Buffer {
  const bitmap = Buffer.alloc(bytes);
  good.forEach((one, i) => {
    if (one) bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return bitmap;
}

/** 241, 242, or 243 with the bitmap. */
export function aggregate(good: boolean[]): ModelReply {
  if (good.every((one) => one)) return { status: Status.ALL_PASS };
  if (!good.some((one) => one)) return { status: Status.ALL_FAIL };
  return { status: Status.MIXED, payload: bitmapOf(good) };
}

export function anyUnknown(state: ModelState, coins: ModelCoin[]): boolean {
  return coins.some((coin) => !state.read(coin));
}

export function areDistinct(coins: ModelCoin[]): boolean {
  return new Set(coins.map((coin) => bytesOf(coin).toString('hex'))).size === coins.length;
}

/** Are all coins in use, named once, and `sum` (hex) the XOR of their ANs? */
export function sumMatches(state: ModelState, coins: ModelCoin[], sum: string): boolean {
  if (!coins.every((coin) => state.isInUse(coin)) || !areDistinct(coins)) return false;
  return xorOf(coins.map((coin) => state.read(coin)?.an ?? '')) === sum;
}

/** XOR of 16-byte values in hex. */
export function xorOf(values: string[]): string {
  const sum = Buffer.alloc(AN_BYTES);
  for (const value of values) {
    const bytes = Buffer.from(value, 'hex');
    for (let i = 0; i < AN_BYTES; i++) sum[i] = (sum[i] ?? 0) ^ (bytes[i] ?? 0);
  }
  return sum.toString('hex');
}
