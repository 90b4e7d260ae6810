/**
 * Sealing and opening of packets (reference: transfer sections 1.1, 4.4, 4.5, 4.8):
 *
 *   0  8  CID of the path, bytes 4 to 8 XORed with n, and with a mask under header protection
 *   8     sealed frame: 28 bytes of head, payload, padding
 *  -16    tag
 *
 * The associated data are the CID's bytes before the mask. Everything happens in place.
 */
import { PACKET_WORK } from "../core/scratch";
import { FrameHead, PacketVerdict } from "../core/transfer";
import { blake3Keyed } from "../crypto/blake3";
import { hchacha20 } from "../crypto/chacha20";
import { wipe } from "../crypto/wipe";
import { chachaOpen, chachaSeal } from "../crypto/xchacha20-poly1305";
import { Epoch, EpochState, epochAt, isProtected, pathCid, sendingEpoch } from "./epoch";
import { prefixEpoch, prefixLow, prefixPath } from "./prefix";
import { commitKey, dropKey, PACKET_KEY, prepareKey, stepSending } from "./ratchet";

export const PACKET_CID_BYTES: u32 = 8;
export const PACKET_TAG_BYTES: u32 = 16;
/** What a packet has around its frame. */
export const PACKET_OVERHEAD: u32 = 24;
/** CID, head of a frame without payload, tag. */
export const PACKET_BYTES_MIN: u32 = 52;

/** Behind what ratchet.ts uses: sub-key, ChaCha's nonce of 12 bytes, associated data, mask. */
const SUB_KEY: usize = PACKET_WORK + 96;
const NONCE: usize = PACKET_WORK + 128;
const CID: usize = PACKET_WORK + 144;
const MASK: usize = PACKET_WORK + 160;
/** The first 16 bytes of the 24-byte nonce are zero. */
const ZEROS: usize = memory.data(16, 16);

/** Of the packet that openPacket() took: epoch number, packet number, path index. */
export let openedEpoch: u32 = 0;
export let openedNumber: u32 = 0;
export let openedPath: u32 = 0;
/** It has the highest number of its epoch so far. */
export let openedNewest: bool = false;
/** The head repeats salt and number as it must; else FRAME_ENCODING. */
export let openedHeadFits: bool = false;

/** Sub-key and nonce of a packet from PACKET_KEY. */
function startCipher(salt: u32, n: u32): void {
  hchacha20(PACKET_KEY, ZEROS, SUB_KEY);
  store<u32>(NONCE, 0);
  store<u32>(NONCE, salt, 4);
  store<u32>(NONCE, bswap<u32>(n), 8);
}

/** The mask of header protection for a tag, as it lies on the wire. */
function maskOf(epoch: usize, tag: usize): u32 {
  blake3Keyed(epoch + Epoch.HP, tag, PACKET_TAG_BYTES, MASK);
  return load<u32>(MASK);
}

/** The number that the next packet of the sending epoch gets. */
export function nextNumber(session: usize): u32 {
  return <u32>load<u64>(epochAt(session, sendingEpoch(session) & 1), Epoch.SEND_NEXT);
}

/**
 * Seals the packet of `total` bytes at `at`, whose frame from at + 8 on has its type, flags,
 * stream, offset, payload length and payload (frame.ts). The rest is written here, with zeros as
 * padding. The caller has asked maySeal() (send-limits.ts). Returns `total`; 0: the payload does
 * not fit, or there is no chain to send with or no number left, and nothing was done.
 */
export function sealPacket(session: usize, at: usize, total: u32): u32 {
  const epoch = epochAt(session, sendingEpoch(session) & 1),
    frame = at + PACKET_CID_BYTES,
    payload: u32 = bswap<u16>(load<u16>(frame, FrameHead.PAYLOAD_LENGTH));
  if (total < PACKET_BYTES_MIN + payload) return 0;
  if ((load<u8>(epoch, Epoch.STATE) & EpochState.SENDS) == 0) return 0;
  const next = load<u64>(epoch, Epoch.SEND_NEXT);
  if (next > u32.MAX_VALUE) return 0;
  const n = <u32>next,
    wire = bswap<u32>(n),
    salt = load<u32>(epoch, Epoch.SEND_SALT),
    length = total - PACKET_OVERHEAD,
    tag = frame + length;
  store<u32>(frame, salt, FrameHead.SALT);
  store<u32>(frame, wire, FrameHead.COUNTER);
  store<u32>(frame, wire, FrameHead.SEQUENCE);
  store<u16>(frame, 0, FrameHead.RESERVED);
  const used = FrameHead.BYTES + payload;
  memory.fill(frame + used, 0, length - used);
  const cid = pathCid(epoch, load<u8>(epoch, Epoch.PATH));
  store<u32>(at, load<u32>(cid));
  store<u32>(at, load<u32>(cid, 4) ^ wire, 4);
  stepSending(epoch);
  startCipher(salt, n);
  chachaSeal(SUB_KEY, NONCE, at, PACKET_CID_BYTES, frame, length, tag);
  if (isProtected(session)) store<u32>(at, load<u32>(at, 4) ^ maskOf(epoch, tag), 4);
  store<u64>(epoch, <u64>n + 1, Epoch.SEND_NEXT);
  store<u64>(epoch, load<u64>(epoch, Epoch.BYTES_SENT) + total, Epoch.BYTES_SENT);
  wipe(PACKET_WORK, 192);
  return total;
}

/**
 * Opens the packet at `at` as one of the session, epoch and path of a prefix node. TAKEN: the frame
 * lies in clear from at + 8 on, length - 24 bytes of it, and opened* tell about it. STALE,
 * UNCLAIMED (the tag does not fit): nothing has changed, the packet neither.
 */
export function openPacket(session: usize, node: usize, at: usize, length: u32): PacketVerdict {
  if (length < PACKET_BYTES_MIN) return PacketVerdict.UNCLAIMED;
  const epoch = epochAt(session, prefixEpoch(node)),
    frame = at + PACKET_CID_BYTES,
    tag = at + length - PACKET_TAG_BYTES;
  let low = load<u32>(at, 4);
  if (isProtected(session)) low ^= maskOf(epoch, tag);
  const wire = low ^ prefixLow(node),
    n = bswap<u32>(wire);
  const newest = <u64>n >= load<u64>(epoch, Epoch.RECEIVE_NEXT);
  if (!prepareKey(session, epoch, n)) {
    wipe(MASK, 32);
    return PacketVerdict.STALE;
  }
  const salt = load<u32>(epoch, Epoch.RECEIVE_SALT);
  store<u32>(CID, load<u32>(at));
  store<u32>(CID, low, 4);
  startCipher(salt, n);
  const fits = chachaOpen(
    SUB_KEY,
    NONCE,
    CID,
    PACKET_CID_BYTES,
    frame,
    length - PACKET_OVERHEAD,
    tag,
  );
  wipe(SUB_KEY, 96);
  if (!fits) {
    dropKey();
    return PacketVerdict.UNCLAIMED;
  }
  commitKey(epoch);
  openedEpoch = load<u32>(epoch, Epoch.NUMBER);
  openedNumber = n;
  openedPath = prefixPath(node);
  openedNewest = newest;
  openedHeadFits =
    load<u32>(frame, FrameHead.SALT) == salt &&
    load<u32>(frame, FrameHead.COUNTER) == wire &&
    load<u32>(frame, FrameHead.SEQUENCE) == wire;
  return PacketVerdict.TAKEN;
}
