/**
 * Whether the bytes of a stream go packed (FrameFlag.CMP). A frame takes as many as pack into its
 * room; bytes that are lost go again as any, packed anew. Where packing gains too little it is not
 * tried for some frames, twice as many each time, so that data which is packed already costs
 * nearly nothing.
 */
import { TRANSFER_BLOCK_BYTES } from "../core/limits";
import { UNPACKED } from "../core/transfer-memory";
import { BLOCK_BITS, blockData, copyOut, findBlock, Side } from "./blocks";
import { PACK_BYTES_MIN, packFrame } from "./pack";
import { hasFlag, Stream, StreamFlag } from "./stream";

/**
 * Bytes of one frame. In no more than two blocks, as those of any frame: a receiver with few blocks
 * left takes a frame that reaches over a border in two steps, not in five.
 */
const TAKEN_MAX: u32 = TRANSFER_BLOCK_BYTES;
/** Frames that go without a try are 2^n - 1 at the most. */
const DOUBLED_MAX: u32 = 6;
/** Bytes that lie in two blocks are put together here, behind the table of pack.ts. */
const JOINED: usize = 16384;

/** Where bytes of a stream lie in a row. */
function inARow(stream: usize, first: u64, length: u32): usize {
  const within = <u32>first & (TRANSFER_BLOCK_BYTES - 1);
  if (within + length <= TRANSFER_BLOCK_BYTES) {
    const block = findBlock(stream, Side.SEND, first >> BLOCK_BITS);
    if (block) return blockData(block) + within;
  }
  copyOut(stream, Side.SEND, first, UNPACKED + JOINED, length);
  return UNPACKED + JOINED;
}

/**
 * Packs up to `length` bytes of a stream into `room` at `to`: the block's length, and packedBytes
 * (pack.ts) how many it holds. 0: they go as they are.
 */
export function packData(stream: usize, first: u64, length: u64, to: usize, room: u32): u32 {
  if (!hasFlag(stream, StreamFlag.PACKS) || length < PACK_BYTES_MIN) return 0;
  const skips: u32 = load<u8>(stream, Stream.PACK_SKIPS);
  if (skips) {
    store<u8>(stream, skips - 1, Stream.PACK_SKIPS);
    return 0;
  }
  const most = <u32>min<u64>(length, TAKEN_MAX),
    bytes = packFrame(inARow(stream, first, most), most, to, room);
  let inVain: u32 = load<u8>(stream, Stream.PACKED_IN_VAIN);
  inVain = bytes ? 0 : min(inVain + 1, DOUBLED_MAX);
  const skipped: u32 = (1 << inVain) - 1;
  store<u8>(stream, inVain, Stream.PACKED_IN_VAIN);
  store<u8>(stream, skipped, Stream.PACK_SKIPS);
  return bytes;
}
