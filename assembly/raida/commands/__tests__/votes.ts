/** Fixes, and what the other servers say of them (EffectKind.ASK_SERVERS), for specs. */
import { EffectStatus } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import { finish, resultAt } from "../../__tests__/effect-host";
import { add16Bytes, add32, addCoin, begin, hand } from "../../__tests__/message";
import { recordInMemory, settle } from "../../__tests__/node";

export const PG: v128 = i64x2(0x3736353433323130, 0x3f3e3d3c3b3a3938);
// MD5 of 0e, denomination, serial number, 30 31 .. 3f.
export const NEW_0_300: string = "6d35e44d23f7e3594623a9a8e1591695";
export const VOTE: usize = 20488;
/** Servers 0 to 12: enough, with this one. */
export const THIRTEEN: u32 = 0x1fff;

/** Ends the request with tickets for the servers of the mask: server r gets number 100 + r. */
export function addTickets(mask: u32): void {
  add16Bytes(PG);
  for (let r: u32 = 0; r < 25; r++) add32(mask & (1 << r) ? 100 + r : 0);
}

/** A fix of one coin. */
export function fixOne(denomination: i32, serial: u32, mask: u32): void {
  begin(0, 2, 80);
  addCoin(denomination, serial);
  addTickets(mask);
}

export function handFix(denomination: i32, serial: u32, mask: u32): void {
  fixOne(denomination, serial, mask);
  hand();
  settle();
}

/** Clears all answers: nobody says anything. */
export function openAnswers(): void {
  memory.fill(resultAt(), 0, 25 * VOTE);
  for (let r: usize = 0; r < 25; r++) store<u32>(resultAt() + r * VOTE, u32.MAX_VALUE);
}

/** Server `raida` answers that its ticket is good, so far for no coin. */
export function openAnswer(raida: u32): void {
  store<u32>(resultAt() + <usize>raida * VOTE, 250);
  store<u32>(resultAt() + <usize>raida * VOTE, 0, 4);
}

export function nameCoin(raida: u32, denomination: i32, serial: u32): void {
  const answer = resultAt() + <usize>raida * VOTE;
  const count = load<u32>(answer, 4);
  store<u8>(answer + 5 * count, denomination, 8);
  store<u32>(answer + 5 * count, bswap<u32>(serial), 9);
  store<u32>(answer, count + 1, 4);
}

/** The servers of the mask vouch for the coin. */
export function vouch(mask: u32, denomination: i32, serial: u32): void {
  openAnswers();
  for (let r: u32 = 0; r < 25; r++) {
    if ((mask & (1 << r)) == 0) continue;
    openAnswer(r);
    nameCoin(r, denomination, serial);
  }
}

export function finishAll(): void {
  finish(EffectStatus.OK, 25 * <u32>VOTE);
}

export function anHex(denomination: i32, serial: u32): string {
  return toHex(recordInMemory(denomination, serial), 16);
}
