/** Frames and blocks of LZ4 of the interface transfer of transfer.wit. */
import { FrameError, FrameHead } from "../core/transfer";
import { checkFrame, frameLength, writeFrameHead } from "../transfer/frame";
import { packedBytes, packFrame } from "../transfer/pack";
import { unpackedAt, unpackFrame } from "../transfer/unpack";
import { allocate, okList, RESULT } from "./abi";
import { frameErrorCase } from "./generated/verdicts";

const PAYLOAD_BYTES_MAX: u32 = 65535;
const FRAME_BYTES_MAX: u32 = 131072;
const BLOCK_BYTES_MAX: u32 = 65535;

/** The result err(frame-error), where what is told of success is aligned to `align` bytes. */
function refuse(error: FrameError, align: usize): usize {
  store<u8>(RESULT, 1);
  store<u8>(RESULT + align, frameErrorCase(error));
  return RESULT;
}

export function decodeFrame(bytes: usize, length: u32): usize {
  const error = checkFrame(bytes, length);
  if (error != FrameError.NONE) return refuse(error, 8);
  store<u8>(RESULT, 0);
  store<u32>(RESULT, bswap<u32>(load<u32>(bytes, FrameHead.SALT)), 8);
  store<u32>(RESULT, bswap<u32>(load<u32>(bytes, FrameHead.COUNTER)), 12);
  store<u8>(RESULT, load<u8>(bytes, FrameHead.TYPE), 16);
  store<u8>(RESULT, load<u8>(bytes, FrameHead.FLAGS), 17);
  store<u16>(RESULT, bswap<u16>(load<u16>(bytes, FrameHead.STREAM)), 18);
  store<u32>(RESULT, bswap<u32>(load<u32>(bytes, FrameHead.SEQUENCE)), 20);
  store<u64>(RESULT, bswap<u64>(load<u64>(bytes, FrameHead.OFFSET)), 24);
  store<u32>(RESULT, <u32>(bytes + FrameHead.BYTES), 32);
  store<u32>(RESULT, frameLength(bytes), 36);
  return RESULT;
}

export function encodeFrame(
  salt: u32,
  counter: u32,
  kind: u32,
  flags: u32,
  stream: u32,
  sequence: u32,
  offset: u64,
  payload: usize,
  payloadLength: u32,
  length: u32,
): usize {
  const overflows = payloadLength > PAYLOAD_BYTES_MAX || length > FRAME_BYTES_MAX;
  if (overflows) return refuse(FrameError.PAYLOAD_OVERFLOW, 4);
  const at = allocate(max<u32>(length, FrameHead.BYTES), 16);
  memory.fill(at, 0, length);
  writeFrameHead(at, kind, flags, stream, offset, payloadLength);
  const error = checkFrame(at, length);
  if (error != FrameError.NONE) return refuse(error, 4);
  store<u32>(at, bswap<u32>(salt), FrameHead.SALT);
  store<u32>(at, bswap<u32>(counter), FrameHead.COUNTER);
  store<u32>(at, bswap<u32>(sequence), FrameHead.SEQUENCE);
  memory.copy(at + FrameHead.BYTES, payload, payloadLength);
  return okList(at, length);
}

/** The result none of an option. */
function nothing(): usize {
  store<u8>(RESULT, 0);
  return RESULT;
}

export function lz4Pack(bytes: usize, length: u32, room: u32): usize {
  if (room > BLOCK_BYTES_MAX) return nothing();
  const at = allocate(room, 16),
    packed = packFrame(bytes, length, at, room);
  if (packed == 0) return nothing();
  store<u8>(RESULT, 1);
  store<u32>(RESULT, <u32>at, 4);
  store<u32>(RESULT, packed, 8);
  store<u32>(RESULT, packedBytes, 12);
  return RESULT;
}

export function lz4Unpack(block: usize, length: u32): usize {
  const bytes = unpackFrame(block, length);
  if (bytes < 0) return nothing();
  okList(unpackedAt(), bytes);
  store<u8>(RESULT, 1);
  return RESULT;
}
