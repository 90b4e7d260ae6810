/**
 * Blocks of LZ4 by themselves, so that every host can check them against another implementation,
 * and measure them. The memory is transfer's: an engine without it has none of them.
 */
import { TRANSFER } from "../core/memory";
import { TransferBlock } from "../core/transfer";
import { packedBytes, packFrame } from "./pack";
import { unpackedAt, unpackFrame } from "./unpack";

/**
 * Packs up to `length` bytes at `from` into `room` at `to` (packFrame()): the block's length, and
 * ARGUMENTS hold how many bytes are in it (u32). 0: they gain too little.
 */
export function lz4Pack(from: u32, length: u32, to: u32, room: u32): u32 {
  if (TRANSFER == 0) return 0;
  const bytes = packFrame(from, length, to, room);
  store<u32>(TRANSFER + TransferBlock.ARGUMENTS, packedBytes);
  return bytes;
}

/** Unpacks a block to `to`, where 64 KiB are free: how many bytes there are; -1: it is none. */
export function lz4Unpack(from: u32, length: u32, to: u32): i32 {
  if (TRANSFER == 0) return -1;
  const bytes = unpackFrame(from, length);
  if (bytes > 0) memory.copy(to, unpackedAt(), bytes);
  return bytes;
}
