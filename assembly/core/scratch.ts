/**
 * The private memory of one instance. Mutable state never lives in data segments, which every new
 * instance writes again; it is addressed from a base that the imported worker number gives.
 * Offsets are relative to SCRATCH. Every module that needs scratch takes a named place here and
 * nowhere else.
 */
import { WORKER } from "./imports";
import { SCRATCH_BYTES } from "./limits";

/**
 * First byte after the constants. In specs the AssemblyScript runtime owns the heap, so the base is
 * allocated there.
 */
export const BASE: usize = ((isDefined(SPEC) ? heap.alloc(48 << 20) : __heap_base) + 63) & ~63;
export const SCRATCH: usize = BASE + <usize>WORKER * SCRATCH_BYTES;

// crypto: 0 .. 8191
/** AES round keys in plain order, 15 x 16. */
export const AES_KEYS: usize = SCRATCH;
/** AES round keys in the swizzle basis, 15 x 16. */
export const AES_SWIZZLE_KEYS: usize = SCRATCH + 256;
/** AES round keys as bit planes, 15 x 128. */
export const AES_SLICED_KEYS: usize = SCRATCH + 512;
/** Key stream of up to 8 blocks. */
export const CTR_STREAM: usize = SCRATCH + 2560;
/** MD5: state (16) and one block (64). */
export const MD5_STATE: usize = SCRATCH + 2816;
/** SHA-256: state (32), one block (64), schedule (256), bytes taken (8). */
export const SHA256_STATE: usize = SCRATCH + 3072;
/** HMAC: padded key (64) and inner digest (32). */
export const HMAC_STATE: usize = SCRATCH + 3584;
/** BLAKE3: an incremental state (crypto/blake3-hasher.ts) for digests in one call. */
export const BLAKE3_STATE: usize = SCRATCH + 3712;
/** BLAKE3: chaining values of 16 chunks. */
export const BLAKE3_VALUES: usize = SCRATCH + 5760;
/** ChaCha20: state (64) and key stream of four blocks (256). */
export const CHACHA_STATE: usize = SCRATCH + 6272;
export const CHACHA_STREAM: usize = SCRATCH + 6336;
/** Poly1305: r and its square (80), the sum (40), key (32), one block (16). */
export const POLY_STATE: usize = SCRATCH + 6592;
/** A sub-key of HChaCha20 (32), a nonce of ChaCha20 (12), a tag (16). */
export const AEAD_STATE: usize = SCRATCH + 6768;
/** Keys, nonce, associated data and labels of a transfer packet (transfer/packet.ts). */
export const PACKET_WORK: usize = SCRATCH + 6848;
/** Key material of an epoch while it is derived (transfer/schedule.ts). */
export const SCHEDULE_WORK: usize = SCRATCH + 7168;
export const CRYPTO_END: usize = SCRATCH + 8192;

// the current request: 8192 .. 9215
/** Key (32 bytes) of the current request; wiped after use. */
export const KEY: usize = SCRATCH + 8192;
/** Initial counter block (16). */
export const COUNTER_BLOCK: usize = SCRATCH + 8224;
/** Challenge hash of a legacy reply, or nonce of a spec reply (24). */
export const CHALLENGE_HASH: usize = SCRATCH + 8240;
export const REPLY_NONCE: usize = SCRATCH + 8256;
/** 128 bytes for a command's own working values. */
export const WORK: usize = SCRATCH + 8320;
/** Parameters and results of requestSeal and replyOpen (core/client.ts). */
export const CLIENT_BLOCK: usize = SCRATCH + 8448;

/** Locker key that is being looked up (16). */
export const LOOKED_UP: usize = SCRATCH + 8704;
/** Key (16) and counter block (16) that fresh ANs are made of, and the newest of them (16). */
export const FRESH: usize = SCRATCH + 8720;

// pages of the current request: a bitmap, its summary, and the list made from both
export const PAGE_BITS: usize = SCRATCH + 9216;
export const PAGE_SUMMARY: usize = SCRATCH + 11264;
export const PAGE_LIST: usize = SCRATCH + 11328;
// transfer: 12288 .. 20479, shared by its parts
/** The ACK block (267 bytes) that the next packet carries in front of its payload. */
export const TRANSFER_ACKS: usize = SCRATCH + 20160;
/** A digest (32) that a challenge is made of. */
export const TRANSFER_DIGEST: usize = SCRATCH + 20128;
/** Tickets of each of 1024 hashed client addresses (u16), while one is counted. */
export const TICKET_HOLDINGS: usize = SCRATCH + 28672;
/** Set while this instance is inside process or step (its last cache line; others read it). */
export const INSIDE: usize = SCRATCH + SCRATCH_BYTES - 64;
