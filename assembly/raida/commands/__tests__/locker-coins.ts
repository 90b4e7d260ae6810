/** Lists of coins with the XOR of their ANs, and short requests, for the specs of the lockers. */
import { add16Bytes, addCoin, addFiller, ask, begin, noBody } from "../../__tests__/message";
import { anOf, resetCoin } from "../../__tests__/node";
import { clearLockers } from "../../lockers";

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

/** All lockers are empty, and the coins that the specs use as they were. */
export function startOver(): void {
  clearLockers();
  for (let serial: u32 = 0; serial < 80; serial++) {
    resetCoin(0, serial);
    resetCoin(1, serial);
  }
}

/** 8/82 of `count` coins of denomination 0. */
export function put(serial: u32, count: u32, key: v128): u32 {
  begin(0, 8, 82);
  addCoins(0, serial, count);
  addSum(0, serial, count);
  add16Bytes(key);
  return ask();
}
/** 8/83. */
export function peek(key: v128): u32 {
  begin(0, 8, 83);
  add16Bytes(key);
  return ask();
}
/** The status that a command gives to a payload of `bytes` bytes. */
export function statusOfSize(command: u32, bytes: u32): u32 {
  begin(0, 8, command);
  addFiller(bytes);
  return ask();
}
export function statusOfNoBody(command: u32): u32 {
  begin(0, 8, command);
  noBody();
  return ask();
}
