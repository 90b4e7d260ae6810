/**
 * Coin types of offers, and the file of a trade locker's address: Trades/ and the AN as 32
 * lower-case hexadecimal digits. Reference: RAIDA sections 7 and 9.
 */
import { Folder } from "../../core/layout";
import * as effects from "../effects";

/** 0 CloudCoin, 1 Bitcoin, 2 Monero. */
export const BITCOIN: u32 = 1;
const TYPE_LAST: u32 = 2;

/** The longest address of a seller. */
export const ADDRESS_BYTES_MAX: u32 = 120;
const NAME_BYTES: u32 = 32;

export function isTradeType(type: u32): bool {
  return type <= TYPE_LAST;
}

/** Names the address file of the trade locker with the AN at `an` in the request's effect block. */
export function setTradeFile(an: usize): void {
  const name = effects.nameAt();
  for (let i: u32 = 0; i < NAME_BYTES; i++) {
    const byte = <u32>load<u8>(an + (i >> 1)),
      digit = i & 1 ? byte & 15 : byte >> 4;
    store<u8>(name + i, digit + (digit < 10 ? 0x30 : 0x57));
  }
  effects.setFile(Folder.TRADES, name, NAME_BYTES);
}
