/**
 * Stateless reset (reference: transfer section 4.10): the last 16 bytes of a packet that nobody can
 * open are a token which the process told the peer before, bound to prefix, address and port.
 */
import { PACKET_WORK } from "../core/scratch";
import { PathField } from "../core/transfer";
import { blake3KeyedXof } from "../crypto/blake3";
import { equal16 } from "../crypto/equal";
import { wipe } from "../crypto/wipe";

export const RESET_TOKEN_BYTES: u32 = 16;
/** 5 random bytes and the token. */
export const RESET_BYTES_MIN: u32 = 21;
/** A shorter packet is never answered. */
const TRIGGER_BYTES_MIN: u32 = 43;
/** Too short to be answered: two processes that have both lost a session have nothing to say. */
const RESET_BYTES_MAX: u32 = TRIGGER_BYTES_MIN - 1;

/**
 * The token (16 bytes at `out`) under the process's 32-byte key for bytes 0 to 4 of a CID and the
 * peer's address (PathField: address 16, port u16, little-endian as the host has it).
 */
export function resetToken(key: usize, prefix: usize, path: usize, out: usize): void {
  store<u32>(PACKET_WORK, load<u32>(prefix));
  memory.copy(PACKET_WORK + 4, path + PathField.ADDRESS, 16);
  store<u16>(PACKET_WORK, bswap<u16>(load<u16>(path, PathField.PORT)), 20);
  blake3KeyedXof(key, PACKET_WORK, 22, out, RESET_TOKEN_BYTES);
  wipe(PACKET_WORK, 32);
}

/** Whether a packet that nobody could open ends in the token. Constant in time. */
export function isReset(packet: usize, length: u32, token: usize): bool {
  if (length < RESET_BYTES_MIN) return false;
  return equal16(packet + length - RESET_TOKEN_BYTES, token);
}

/** Bytes of a reset for a packet of an unknown prefix: shorter than it; 0: none. */
export function resetBytes(trigger: u32): u32 {
  return trigger < TRIGGER_BYTES_MIN ? 0 : RESET_BYTES_MAX;
}

/** Makes a reset of `length` random bytes at `at`: the token goes to the end. */
export function writeReset(at: usize, length: u32, token: usize): void {
  v128.store(at + length - RESET_TOKEN_BYTES, v128.load(token));
}
