/**
 * A node for the commands that bring coins into use or end them: an admin key, the in-use map of
 * the base state, sessions that reserve, clients with an address.
 */
import { getWord, setWord } from "../../../core/__tests__/configuration";
import { ADMIN_KEY } from "../../../core/control";
import { claim } from "../../../core/journal";
import { Config, Descriptor, Flag, Ring, Wire } from "../../../core/layout";
import {
  BREAK_RATE,
  COUNTS,
  pagesPerDenomination,
  RESERVATION_BYTES,
  RESERVED,
  RX,
} from "../../../core/memory";
import { entryAt } from "../../../core/rings";
import { LOOKED_UP } from "../../../core/scratch";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  ask,
  begin,
  message,
  messageBytes,
  seal,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  deliver,
  fillRandom,
  PAGES,
  popReply,
  reply,
  resetCoin,
  setAutoCommit,
  settle,
  startNode,
  useWire,
} from "../../__tests__/node";
import { pageKey } from "../../coins";
import { inUseOfPage } from "../../in-use";
import { clearLockers, enterCoin } from "../../lockers";

export const SESSION: u32 = 0x01020304;
/** 192.0.2.7, a client that is not this machine. */
export const CLIENT: u32 = 0xc0000207;
/** Bytes 6d e9 43 98 34 c9 14 75 69 74 1d 3c 9c 9f c0 10. */
export const ADMIN: v128 = i64x2(0x7514c9349843e96d, 0x10c09f9c3c1d7469);

export function startMint(): void {
  startNode(Wire.LEGACY, false);
  v128.store(ADMIN_KEY, ADMIN);
  setWord(Config.HAS_ADMIN_KEY, 1);
  useWire(Wire.LEGACY, false);
  restore();
}

/** Everything as at the start, but what the journal and the clock have seen. */
export function restore(): void {
  commit();
  while (popReply()) {}
  setAutoCommit(true);
  for (let key: u32 = 0; key < 15 * PAGES; key++) {
    memory.fill(inUseOfPage(key), 0xff, 64);
    memory.fill(inUseOfPage(key) + 64, 0, 64);
    for (let i: u32 = 0; i < 1024; i++)
      resetCoin(<i32>(key / pagesPerDenomination) - 8, (key % pagesPerDenomination) * 1024 + i);
  }
  for (let index: usize = 0; index < 15; index++) store<u32>(COUNTS + 4 * index, 512 * PAGES);
  memory.fill(RESERVED, 0, 15 * <usize>PAGES * RESERVATION_BYTES);
  memory.fill(BREAK_RATE, 0, 524288);
  clearLockers();
  fillRandom();
}

/** In the map alone: are `count` coins from `serial` on in use? */
export function setMap(denomination: i32, serial: u32, count: u32, inUse: bool): void {
  for (; count; count--, serial++) {
    const byte = inUseOfPage(pageKey(denomination, serial)) + ((serial & 1023) >> 3);
    const bit: u32 = 1 << (serial & 7);
    const others = <u32>load<u8>(byte) & ~bit;
    store<u8>(byte, inUse ? others | bit : others);
  }
}

export function mapSays(denomination: i32, serial: u32): bool {
  const byte = inUseOfPage(pageKey(denomination, serial)) + ((serial & 1023) >> 3);
  return (load<u8>(byte) & (1 << (<u8>(serial & 7)))) != 0;
}

/** Wire status of the message that has been begun, from a client at `address`. */
export function askFrom(address: u32, flags: u32): u32 {
  handFrom(address, flags);
  settle();
  return popReply() ? <u32>load<u8>(reply, 2) : 0;
}

/** Seals and hands over, without a turn. */
export function handFrom(address: u32, flags: u32): void {
  seal();
  deliver(message, messageBytes, flags);
  const entry = entryAt(RX, load<u32>(RX, Ring.HEAD) - 1);
  store<u32>(entry, address, Descriptor.ADDRESS);
}

/** Fills the index of the lockers but for `places` coins. */
export function fillLockers(places: u32): void {
  v128.store(LOOKED_UP, i64x2.splat(-1));
  for (let i: u32 = 0; i < getWord(Config.LOCKER_COINS) - places; i++)
    enterCoin((3 << 20) | i, LOOKED_UP);
}

/** Leaves room for so many records in the journal, until the next commit. */
export function fillJournal(room: u32): void {
  commit();
  setAutoCommit(false);
  claim(getWord(Config.JOURNAL_RECORDS) - 1 - room);
}

/** 3/120 for one denomination; the status. */
export function reserveToCreate(session: u32, denomination: i32): u32 {
  begin(0, 3, 120);
  add32(session);
  add16Bytes(ADMIN);
  for (let index = 0; index < 16; index++) addByte(u32(index === denomination + 8));
  return ask();
}

/** Begins 3/130; its coins follow. */
export function beginCreate(session: u32): void {
  begin(0, 3, 130);
  add32(session);
  add16Bytes(ADMIN);
}

/** 9/91 from a client; the status. */
export function reserveForChange(session: u32, join: bool, denomination: i32, from: u32): u32 {
  begin(0, 9, 91);
  add32(session);
  addByte(join ? 2 : 1);
  addByte(denomination);
  return askFrom(from, Flag.DATAGRAM);
}

/** The AN that a coin gets from the client when it is made. */
export function changedAn(serial: u32): v128 {
  return i8x16.splat(<i8>(serial | 1));
}

/** Begins 9/92: coin `serial` into ten small ones from `small` on. */
export function beginBreak(denomination: i32, serial: u32, small: u32): void {
  beginBreakAs(0, denomination, serial, small);
}
export function beginBreakAs(type: u32, denomination: i32, serial: u32, small: u32): void {
  begin(type, 9, 92);
  add32(SESSION);
  addCoin(denomination, serial);
  add16Bytes(anOf(denomination, serial));
  for (let i: u32 = 0; i < 10; i++) {
    addCoin(denomination - 1, small + i);
    add16Bytes(changedAn(small + i));
  }
}

/** Begins 9/93: ten small coins from `small` on into the coin `serial`. */
export function beginJoin(denomination: i32, serial: u32, small: u32): void {
  begin(0, 9, 93);
  add32(SESSION);
  addCoin(denomination, serial);
  add16Bytes(changedAn(serial));
  for (let i: u32 = 0; i < 10; i++) {
    addCoin(denomination - 1, small + i);
    add16Bytes(anOf(denomination - 1, small + i));
  }
}

/** Wire status of detect (1/10) of one coin. */
export function detect(denomination: i32, serial: u32, an: v128): u32 {
  begin(0, 1, 10);
  addCoin(denomination, serial);
  add16Bytes(an);
  return ask();
}
