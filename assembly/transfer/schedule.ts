/**
 * The key schedule of profile R1 (reference: transfer sections 3, 4.1, 4.2): HKDF-BLAKE3 with
 * extract(salt, material) = keyed hash under BLAKE3(salt), and expand(key, info, length) = the
 * first bytes of the keyed hash of info. Salt and info are ASCII without an end.
 */
import { SCHEDULE_WORK } from "../core/scratch";
import { blake3, blake3Keyed, blake3KeyedXof } from "../crypto/blake3";
import { wipe } from "../crypto/wipe";

/** What is expanded from an epoch's PRK (section 4.2). */
export const enum Label {
  I2R_DATA,
  R2I_DATA,
  I2R_NONCE,
  R2I_NONCE,
  CONNECTION_ID,
  RATCHET_ROOT,
  HP,
  PATH_CID,
}

/** Labels one behind the other, 16 bytes each; a zero byte ends one that is shorter. */
// biome-ignore format: one label a line
const LABELS: usize = memory.data<u8>([
  0x69, 0x32, 0x72, 0x2d, 0x64, 0x61, 0x74, 0x61, 0, 0, 0, 0, 0, 0, 0, 0, // i2r-data
  0x72, 0x32, 0x69, 0x2d, 0x64, 0x61, 0x74, 0x61, 0, 0, 0, 0, 0, 0, 0, 0, // r2i-data
  0x69, 0x32, 0x72, 0x2d, 0x6e, 0x6f, 0x6e, 0x63, 0x65, 0, 0, 0, 0, 0, 0, 0, // i2r-nonce
  0x72, 0x32, 0x69, 0x2d, 0x6e, 0x6f, 0x6e, 0x63, 0x65, 0, 0, 0, 0, 0, 0, 0, // r2i-nonce
  // connection-id, ratchet-root
  0x63, 0x6f, 0x6e, 0x6e, 0x65, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x2d, 0x69, 0x64, 0, 0, 0,
  0x72, 0x61, 0x74, 0x63, 0x68, 0x65, 0x74, 0x2d, 0x72, 0x6f, 0x6f, 0x74, 0, 0, 0, 0,
  0x68, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // hp
  0x70, 0x61, 0x74, 0x68, 0x2d, 0x63, 0x69, 0x64, 0, 0, 0, 0, 0, 0, 0, 0, // path-cid
], 16);
const LABEL_BYTES: u32 = 16;
/** protocol-v1 */
const FIRST_SALT: usize = memory.data<u8>([
  0x70, 0x72, 0x6f, 0x74, 0x6f, 0x63, 0x6f, 0x6c, 0x2d, 0x76, 0x31,
]);
const FIRST_SALT_BYTES: u32 = 11;
/** ratchet */
const NEXT_SALT: usize = memory.data<u8>([0x72, 0x61, 0x74, 0x63, 0x68, 0x65, 0x74]);
const NEXT_SALT_BYTES: u32 = 7;

/** PRK of the epoch that is derived; salt key or CID label; root, dh and number of a rekey. */
export const PRK: usize = SCHEDULE_WORK;
const SALT_KEY: usize = SCHEDULE_WORK + 32;
const INFO: usize = SCHEDULE_WORK + 64;
const MATERIAL: usize = SCHEDULE_WORK + 96;
const WORK_BYTES: usize = 192;
const CID_BYTES: u32 = 8;

function extract(salt: usize, saltBytes: u32, material: usize, length: u32): void {
  blake3(salt, saltBytes, SALT_KEY);
  blake3Keyed(SALT_KEY, material, length, PRK);
}

/** PRK of epoch 0 from k1, k2 and handshake hash, 32 bytes each, one behind the other. */
export function extractFirst(k1k2h: usize): void {
  extract(FIRST_SALT, FIRST_SALT_BYTES, k1k2h, 96);
}

/** PRK of epoch `number` from the root of the one before and a shared secret (section 4.7). */
export function extractNext(root: usize, dh: usize, number: u32): void {
  memory.copy(MATERIAL, root, 32);
  memory.copy(MATERIAL + 32, dh, 32);
  store<u32>(MATERIAL, bswap<u32>(number), 64);
  extract(NEXT_SALT, NEXT_SALT_BYTES, MATERIAL, 68);
}

/** `length` bytes for a label from PRK. */
export function expand(label: Label, out: usize, length: u32): void {
  const at = LABELS + <usize>(label * LABEL_BYTES);
  blake3KeyedXof(PRK, at, labelLength(at), out, length);
}

function labelLength(at: usize): u32 {
  let length: u32 = 0;
  while (length < LABEL_BYTES && load<u8>(at + length) != 0) length++;
  return length;
}

/**
 * The CID of PRK, 8 bytes: one that begins with four bytes 00 or FF is expanded again with a count
 * behind its label.
 */
export function expandCid(out: usize): void {
  const label = LABELS + <usize>(Label.CONNECTION_ID * LABEL_BYTES),
    length = labelLength(label);
  memory.copy(INFO, label, length);
  for (let count: u32 = 0; count < 256; count++) {
    store<u8>(INFO + length, count);
    blake3KeyedXof(PRK, INFO, count == 0 ? length : length + 1, out, CID_BYTES);
    const prefix = load<u32>(out);
    if (prefix != 0 && prefix != 0xffffffff) return;
  }
}

/** CID of path `path` (1 to 255), 8 bytes, from the epoch's path key (section 4.9). */
export function expandPathCid(pathKey: usize, path: u32, out: usize): void {
  store<u8>(INFO, path);
  blake3KeyedXof(pathKey, INFO, 1, out, CID_BYTES);
}

/** Nothing of what was derived is left. */
export function wipeSchedule(): void {
  wipe(SCHEDULE_WORK, WORK_BYTES);
}
