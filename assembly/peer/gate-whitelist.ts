/**
 * The instance keys that may take part, sorted by their bytes: the place of a key is its
 * participant's index, the same on every node (section 5.11).
 */
import { LISTED, listedAt, setWord, WHITELIST_MAX, word } from "./gate-memory";

const KEY: u32 = 32;

/** The place of the key at `key`, or -1. */
export function indexOf(key: usize): i32 {
  let low: i32 = 0,
    high: i32 = word(LISTED);
  while (low < high) {
    const middle = (low + high) >> 1,
      order = memory.compare(listedAt(middle), key, KEY);
    if (order == 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1;
}

/** Replaces the list by the `count` keys at `source`, which are sorted there. False: too many. */
export function replaceList(source: usize, count: u32): bool {
  if (count > WHITELIST_MAX) return false;
  sort(source, count);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = source + <usize>(i * KEY);
    if (kept && memory.compare(listedAt(kept - 1), key, KEY) == 0) continue;
    memory.copy(listedAt(kept++), key, KEY);
  }
  setWord(LISTED, kept);
  return true;
}

/** Heap sort: in place, and no order that somebody chose makes it slow. */
function sort(source: usize, count: u32): void {
  for (let i: i32 = (count >> 1) - 1; i >= 0; i--) sink(source, i, count);
  for (let end: i32 = <i32>count - 1; end > 0; end--) {
    exchange(source, source + <usize>(end * KEY));
    sink(source, 0, end);
  }
}

function sink(source: usize, from: u32, count: u32): void {
  let place = from;
  for (let below: u32 = 2 * place + 1; below < count; below = 2 * place + 1) {
    if (below + 1 < count && isLess(source, below, below + 1)) below++;
    if (!isLess(source, place, below)) return;
    exchange(source + <usize>(place * KEY), source + <usize>(below * KEY));
    place = below;
  }
}

function isLess(source: usize, a: u32, b: u32): bool {
  return memory.compare(source + <usize>(a * KEY), source + <usize>(b * KEY), KEY) < 0;
}

function exchange(a: usize, b: usize): void {
  for (let i: usize = 0; i < 32; i += 8) {
    const kept = load<u64>(a + i);
    store<u64>(a + i, load<u64>(b + i));
    store<u64>(b + i, kept);
  }
}
