/** The block through which messages pass (core/ratatoskr.ts): fields and metadata entries. */
import { RATATOSKR } from "../core/memory";
import { Block } from "../core/ratatoskr";

/** Value of a number's field, or address and length of a field of bytes. */
export function fieldAt(number: u32): usize {
  return RATATOSKR + Block.FIELDS + ((<usize>number) << 3);
}
export function numberOf(number: u32): i64 {
  return load<i64>(fieldAt(number));
}
export function bytesOf(number: u32): usize {
  return <usize>load<u32>(fieldAt(number));
}
export function lengthOf(number: u32): u32 {
  return load<u32>(fieldAt(number), 4);
}

/** Key (address, length) and value (address, length at 8) of entry `index` of the map. */
export function metadataAt(index: u32): usize {
  return RATATOSKR + Block.METADATA + ((<usize>index) << 4);
}
export function metadataCount(): u32 {
  return load<u32>(RATATOSKR, Block.METADATA_COUNT);
}

/** Whether two entries of the map (metadataAt) have the same key. */
export function sameKey(a: usize, b: usize): bool {
  const length = load<u32>(a, 4);
  if (length != load<u32>(b, 4)) return false;
  return memory.compare(<usize>load<u32>(a), <usize>load<u32>(b), length) == 0;
}

/** Forgets what the block told of the last message. */
export function clearBlock(): void {
  memory.fill(RATATOSKR, 0, Block.IN);
}
