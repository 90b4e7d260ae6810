/**
 * ACK blocks (reference: transfer section 1.4), big-endian:
 *
 *  0 largest u32 | 4 delay u16, microseconds | 6 count u8
 *  7 first range u32: packets below largest
 * 11 count times: gap u16, missing packets; length u16, received ones
 */

export const ACK_HEAD_BYTES: u32 = 11;
export const ACK_RANGE_BYTES: u32 = 4;
/** Further ranges that a block of ours lists at most; a peer's may have 255. */
export const ACK_RANGES_SENT: u32 = 64;

export function ackLargest(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

/** Microseconds, saturated at 65535. */
export function ackDelay(at: usize): u32 {
  return bswap<u16>(load<u16>(at, 4));
}

export function ackCount(at: usize): u32 {
  return load<u8>(at, 6);
}

/** Packets that follow downward on the largest. */
export function ackFirst(at: usize): u32 {
  return bswap<u32>(load<u32>(at, 7));
}

function rangeAt(at: usize, index: u32): usize {
  return at + ACK_HEAD_BYTES + <usize>index * ACK_RANGE_BYTES;
}

export function ackGap(at: usize, index: u32): u32 {
  return bswap<u16>(load<u16>(rangeAt(at, index)));
}

export function ackLength(at: usize, index: u32): u32 {
  return bswap<u16>(load<u16>(rangeAt(at, index), 2));
}

export function ackBytes(count: u32): u32 {
  return ACK_HEAD_BYTES + count * ACK_RANGE_BYTES;
}

/**
 * Bytes of the block that starts a payload of `length` bytes; 0: it is none (FRAME_ENCODING): cut
 * short, a gap or length of zero, or a range that reaches below packet 0.
 */
export function ackBlockBytes(at: usize, length: u32): u32 {
  if (length < ACK_HEAD_BYTES) return 0;
  const count = ackCount(at),
    bytes = ackBytes(count);
  if (length < bytes) return 0;
  let low = <i64>ackLargest(at) - ackFirst(at);
  if (low < 0) return 0;
  for (let i: u32 = 0; i < count; i++) {
    const gap = ackGap(at, i),
      received = ackLength(at, i);
    if (gap == 0 || received == 0) return 0;
    low -= gap + received;
    if (low < 0) return 0;
  }
  return bytes;
}

export function writeAckHead(at: usize, largest: u32, delayUs: u64, first: u32): void {
  store<u32>(at, bswap<u32>(largest));
  store<u16>(at, bswap<u16>(<u16>min<u64>(delayUs, 65535)), 4);
  store<u8>(at, 0, 6);
  store<u32>(at, bswap<u32>(first), 7);
}

/** Adds a range behind those that are there. */
export function addAckRange(at: usize, gap: u32, received: u32): void {
  const count = ackCount(at),
    range = rangeAt(at, count);
  store<u16>(range, bswap<u16>(<u16>gap));
  store<u16>(range, bswap<u16>(<u16>received), 2);
  store<u8>(at, count + 1, 6);
}
