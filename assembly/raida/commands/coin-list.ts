/**
 * What the commands over a list of coins share: size checks, the list's pages, bitmap and aggregate
 * status. Reference section 9.
 */
import { COINS_PER_LIST_MAX } from "../../core/limits";
import { Status } from "../../core/status";
import * as context from "../context";
import { Outcome } from "../context";
import { COIN_BYTES } from "../pages-of-request";

/** Bytes of (denomination, serial, AN) and of (denomination, serial, AN, PAN). */
export const COIN_AN_BYTES: u32 = 21;
export const COIN_AN_PAN_BYTES: u32 = 37;
export const AN_BYTES: u32 = 16;

/**
 * Coins in a payload of `fixed` bytes and a list of `step` bytes a coin; 0: refused, the answer is
 * set. Missing body 36, shorter than one coin 16, not divisible 39, a 5-byte list over 4096 coins
 * 45.
 */
export function countCoins(fixed: u32, step: u32): u32 {
  const bytes = context.payloadBytes;
  if (context.bodySize == 0) return refused(Status.EMPTY_REQUEST);
  if (bytes < fixed + step) return refused(Status.INVALID_PACKET_LENGTH);
  if ((bytes - fixed) % step) return refused(Status.COINS_NOT_DIVISIBLE);
  const count = (bytes - fixed) / step;
  if (step == COIN_BYTES && count > COINS_PER_LIST_MAX) return refused(Status.TOO_MANY_COINS);
  return count;
}

function refused(status: Status): u32 {
  context.refuse(status);
  return 0;
}

/**
 * Bitmap of a list, written behind the reading: bit i % 8 of byte i / 8, least significant first, 1
 * = good.
 */
let bits: u32 = 0;
let good: u32 = 0;
let out: usize = 0;

export function openBitmap(): void {
  bits = 0;
  good = 0;
  out = context.body();
}

/**
 * Adds coin `index`. The byte falls on coins that have been read already, so the payload may lie in
 * the same frame.
 */
export function addBit(index: u32, isGood: bool): void {
  bits |= u32(isGood) << (index & 7);
  good += u32(isGood);
  if ((index & 7) != 7) return;
  store<u8>(out++, bits);
  bits = 0;
}

/** Ends the bitmap of `count` coins and tells how many are good. */
export function closeBitmap(count: u32): u32 {
  if (count & 7) store<u8>(out, bits);
  return good;
}

export function bitmapBytes(count: u32): u32 {
  return (count + 7) >> 3;
}

/** 241 all good, 242 none (both without a body), 243 with the bitmap. */
export function aggregate(count: u32): Outcome {
  const passed = closeBitmap(count);
  if (passed == count) return context.answer(Status.ALL_PASS, 0);
  if (passed == 0) return context.answer(Status.ALL_FAIL, 0);
  return context.answer(Status.MIXED, bitmapBytes(count));
}
