/** The interface cipher of cipher.wit. Texts lie in the arena, so that all is done in place. */
import { chacha20 as stream, hchacha20 as subKey } from "../crypto/chacha20";
import { ctr128, ctr256, ctrWipe } from "../crypto/ctr";
import { chachaOpen, chachaSeal, xchachaOpen, xchachaSeal } from "../crypto/xchacha20-poly1305";
import { allocate, error4, okList } from "./abi";

/** cipher.wit, fault. */
const enum Fault {
  KEY_LENGTH,
  NONCE_LENGTH,
  TEXT_LENGTH,
  BAD_TAG,
}

const KEY_BYTES: u32 = 32;
const NONCE_BYTES: u32 = 12;
const LONG_NONCE_BYTES: u32 = 24;
const BLOCK_BYTES: u32 = 16;
const TAG_BYTES: u32 = 16;

export function ctr(
  key: usize,
  keyLength: u32,
  counter: usize,
  counterLength: u32,
  text: usize,
  length: u32,
): usize {
  if (keyLength != 16 && keyLength != 32) return error4(Fault.KEY_LENGTH);
  if (counterLength != BLOCK_BYTES) return error4(Fault.NONCE_LENGTH);
  if (keyLength == 16) ctr128(key, counter, text, text, length);
  else ctr256(key, counter, text, text, length);
  ctrWipe();
  return okList(text, length);
}

export function chacha20(
  key: usize,
  keyLength: u32,
  counter: u32,
  nonce: usize,
  nonceLength: u32,
  text: usize,
  length: u32,
): usize {
  if (keyLength != KEY_BYTES) return error4(Fault.KEY_LENGTH);
  if (nonceLength != NONCE_BYTES) return error4(Fault.NONCE_LENGTH);
  stream(key, counter, nonce, text, length);
  return okList(text, length);
}

export function hchacha20(key: usize, keyLength: u32, nonce: usize, nonceLength: u32): usize {
  if (keyLength != KEY_BYTES) return error4(Fault.KEY_LENGTH);
  if (nonceLength != BLOCK_BYTES) return error4(Fault.NONCE_LENGTH);
  const out = allocate(KEY_BYTES, 16);
  subKey(key, nonce, out);
  return okList(out, KEY_BYTES);
}

function isNonce(length: u32): bool {
  return length == NONCE_BYTES || length == LONG_NONCE_BYTES;
}

export function seal(
  key: usize,
  keyLength: u32,
  nonce: usize,
  nonceLength: u32,
  associated: usize,
  associatedLength: u32,
  text: usize,
  length: u32,
): usize {
  if (keyLength != KEY_BYTES) return error4(Fault.KEY_LENGTH);
  if (!isNonce(nonceLength)) return error4(Fault.NONCE_LENGTH);
  const out = allocate(length + TAG_BYTES, 16),
    tag = out + length;
  memory.copy(out, text, length);
  if (nonceLength == NONCE_BYTES) {
    chachaSeal(key, nonce, associated, associatedLength, out, length, tag);
  } else xchachaSeal(key, nonce, associated, associatedLength, out, length, tag);
  return okList(out, length + TAG_BYTES);
}

export function open(
  key: usize,
  keyLength: u32,
  nonce: usize,
  nonceLength: u32,
  associated: usize,
  associatedLength: u32,
  sealed: usize,
  length: u32,
): usize {
  if (keyLength != KEY_BYTES) return error4(Fault.KEY_LENGTH);
  if (!isNonce(nonceLength)) return error4(Fault.NONCE_LENGTH);
  if (length < TAG_BYTES) return error4(Fault.TEXT_LENGTH);
  const bytes = length - TAG_BYTES,
    tag = sealed + bytes;
  const fits =
    nonceLength == NONCE_BYTES
      ? chachaOpen(key, nonce, associated, associatedLength, sealed, bytes, tag)
      : xchachaOpen(key, nonce, associated, associatedLength, sealed, bytes, tag);
  return fits ? okList(sealed, bytes) : error4(Fault.BAD_TAG);
}
