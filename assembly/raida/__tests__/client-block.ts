/** The client block, set to the request that message.ts builds: same nonce, challenge and keys. */
import { Client } from "../../core/client";
import { Wire } from "../../core/layout";
import { wire } from "../../core/memory";
import { CLIENT_BLOCK } from "../../core/scratch";
import { GUARD, guarded } from "../../crypto/__tests__/bytes";
import { anOf, reply, replyLength } from "./node";

/** Where requests are sealed and replies are opened. */
export const work: usize = guarded(70000);

export function set(offset: usize, value: u32): void {
  store<u32>(CLIENT_BLOCK + offset, value);
}
export function get(offset: usize): u32 {
  return load<u32>(CLIENT_BLOCK + offset);
}

/** Describes a request of this type, group and command to RAIDA 14, without a payload. */
export function describeRequest(type: u32, group: u32, command: u32): void {
  memory.fill(CLIENT_BLOCK, 0, Client.BYTES);
  set(Client.WIRE, wire == Wire.LEGACY ? Wire.LEGACY : Wire.SPEC);
  set(Client.TYPE, type);
  set(Client.RAIDA_ID, 14);
  set(Client.GROUP, group);
  set(Client.COMMAND, command);
  set(Client.COIN_ID, 6);
  set(Client.MESSAGE, <u32>work);
  set(Client.SERIAL, 1);
  set(Client.DENOMINATION_2, 1);
  set(Client.SERIAL_2, 2);
  v128.store(CLIENT_BLOCK + Client.KEY, anOf(0, 1));
  v128.store(CLIENT_BLOCK + Client.KEY_2, anOf(1, 2));
  // Headers of 32 bytes carry the last eight bytes of the nonce.
  const first: u32 = type >= 4 ? 0 : 16;
  for (let i: u32 = first; i < 24; i++) {
    store<u8>(CLIENT_BLOCK + Client.NONCE + i, 0xc0 + i - first);
  }
  for (let i: u32 = 0; i < 12; i++) store<u8>(CLIENT_BLOCK + Client.CHALLENGE + i, 0xa0 + i);
  // CRC-32 of a0 .. ab, as seal appends it.
  store<u32>(CLIENT_BLOCK, bswap<u32>(0x3e18aef6), Client.CHALLENGE + 12);
}

/** Lays the last reply of the node out to be opened. */
export function layReply(): void {
  memory.fill(work, GUARD, 70000);
  memory.copy(work, reply, replyLength);
  set(Client.LENGTH, replyLength);
}
