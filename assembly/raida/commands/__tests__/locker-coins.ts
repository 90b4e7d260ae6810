/** Lists of coins with the XOR of their ANs, for the specs of the locker commands. */
import { add16Bytes, addCoin } from "../../__tests__/message";
import { anOf } from "../../__tests__/node";

/** A locker key, told from others by its first byte and its ninth. */
export function lockerKey(first: u32, ninth: u32): v128 {
  let key = i8x16.splat(0x21);
  key = i8x16.replace_lane(key, 0, <i8>first);
  key = i8x16.replace_lane(key, 8, <i8>ninth);
  return i32x4.replace_lane(key, 3, -1);
}

/** A trade AN: a first byte, price and coin type. */
export function tradeAn(first: u32, price: u32, type: u32): v128 {
  let an = i8x16.splat(0x22);
  an = i8x16.replace_lane(an, 0, <i8>first);
  for (let i: u32 = 0; i < 4; i++) {
    const byte = <i8>(price >> (24 - 8 * i));
    if (i === 0) an = i8x16.replace_lane(an, 9, byte);
    else if (i === 1) an = i8x16.replace_lane(an, 10, byte);
    else if (i === 2) an = i8x16.replace_lane(an, 11, byte);
    else an = i8x16.replace_lane(an, 12, byte);
  }
  an = i8x16.replace_lane(an, 13, <i8>type);
  return i16x8.replace_lane(an, 7, <i16>0xeeee);
}

/** Adds `count` coins of a denomination from `serial` on. */
export function addCoins(denomination: i32, serial: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) addCoin(denomination, serial + i);
}

/** Adds the XOR of the ANs that those coins have in the base state. */
export function addSum(denomination: i32, serial: u32, count: u32): void {
  let sum = i64x2.splat(0);
  for (let i: u32 = 0; i < count; i++) sum = v128.xor(sum, anOf(denomination, serial + i));
  add16Bytes(sum);
}
