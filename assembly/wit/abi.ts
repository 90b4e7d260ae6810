/**
 * The canonical ABI of the component model, as far as this component needs it: arguments and lists
 * of results lie in an arena behind the engine's regions, results that are more than one number in
 * RESULT. When a call's results have been read, the arena is wiped: there are keys in it.
 */
import { freeMemory, prepare, reach } from "./instance";

/** Where results of more than one number lie; the largest is a message of a protocol. */
export const RESULT: usize = memory.data(256, 16);
/** What the arena grows by at the least. */
const ARENA_STEP: usize = 1 << 20;

/** Places outside of the arena that are wiped with it. */
const PLACES: usize = memory.data(64, 8);
const PLACES_MAX: u32 = 8;

let places: u32 = 0;
let arena: usize = 0;
let top: usize = 0;

/** Room for `bytes`, until the call ends. Traps when the host has no memory left. */
export function allocate(bytes: usize, align: usize): usize {
  if (top == 0) {
    prepare();
    arena = freeMemory();
    top = arena;
  }
  const at = (top + align - 1) & ~(align - 1),
    end = <u64>at + bytes;
  if (end > (<u64>memory.size()) << 16 && !reach(end + ARENA_STEP) && !reach(end)) unreachable();
  top = at + bytes;
  return at;
}

/** What the host asks for room for arguments. */
export function reallocate(old: usize, oldBytes: usize, align: usize, bytes: usize): usize {
  const at = allocate(bytes, align);
  memory.copy(at, old, min<usize>(oldBytes, bytes));
  return at;
}

/** These bytes of a region are wiped when the call has ended: what it gives lies there. */
export function wipeAfterCall(at: usize, bytes: u32): void {
  if (places == PLACES_MAX) unreachable();
  const place = PLACES + ((<usize>places) << 3);
  places += 1;
  store<u32>(place, <u32>at);
  store<u32>(place, bytes, 4);
}

/** The host has read what a call gave: nothing of it stays. */
export function afterCall(_result: i32): void {
  memory.fill(RESULT, 0, 256);
  for (; places; places--) {
    const place = PLACES + ((<usize>places - 1) << 3);
    memory.fill(<usize>load<u32>(place), 0, <usize>load<u32>(place, 4));
  }
  if (top == 0) return;
  memory.fill(arena, 0, top - arena);
  top = arena;
}

/** The result list<u8>. */
export function listOf(at: usize, bytes: u32): usize {
  store<u32>(RESULT, <u32>at);
  store<u32>(RESULT, bytes, 4);
  return RESULT;
}

/** The result ok(list<u8>) of a result<list<u8>, enum>. */
export function okList(at: usize, bytes: u32): usize {
  store<u8>(RESULT, 0);
  store<u32>(RESULT, <u32>at, 4);
  store<u32>(RESULT, bytes, 8);
  return RESULT;
}

/** The result err(fault), where what is told of success is aligned to 4 bytes. */
export function error4(fault: u32): usize {
  store<u8>(RESULT, 1);
  store<u8>(RESULT, <u8>fault, 4);
  return RESULT;
}

/** The same, where it is aligned to 8. */
export function error8(fault: u32): usize {
  store<u8>(RESULT, 1);
  store<u8>(RESULT, <u8>fault, 8);
  return RESULT;
}

/** The same, where nothing is told of success. */
export function error1(fault: u32): usize {
  store<u8>(RESULT, 1);
  store<u8>(RESULT, <u8>fault, 1);
  return RESULT;
}

/** The result ok of a result<_, enum>. */
export function okNothing(): usize {
  store<u8>(RESULT, 0);
  return RESULT;
}
