/**
 * What verified peers that have gone had sent in their 10 s, by instance key: whoever comes again,
 * under another peer id even, goes on counting where it left (section 5.8).
 *
 * Entry (56 bytes): 0 instance key (32), 32 start of the window (u64), 40 requests, 44 broadcasts
 * of its own, 48 those of others. Dense: the last one fills a gap.
 */
import {
  SPENT,
  SPENT_BYTES,
  SPENT_MAX,
  same32,
  setWord,
  spentAt,
  WINDOW_MS,
  word,
} from "./gate-memory";

const START: usize = 32;
const COUNTS: usize = 40;
const COUNTS_BYTES: usize = 12;

function isOver(index: u32, now: u64): bool {
  const start = load<u64>(spentAt(index), START);
  return now < start || now - start >= WINDOW_MS;
}

function remove(index: u32): void {
  const last = word(SPENT) - 1;
  memory.copy(spentAt(index), spentAt(last), SPENT_BYTES);
  memory.fill(spentAt(last), 0, SPENT_BYTES);
  setWord(SPENT, last);
}

/** Where the entry that began first is: without room it is forgotten. */
function oldest(): u32 {
  let found: u32 = 0;
  for (let i: u32 = 1; i < word(SPENT); i++) {
    if (load<u64>(spentAt(i), START) < load<u64>(spentAt(found), START)) found = i;
  }
  return found;
}

/** `counts`: three u32, in the entry's order. Only one peer at a time is verified with a key. */
export function keepSpent(key: usize, start: u64, counts: usize, now: u64): void {
  for (let i: i32 = word(SPENT) - 1; i >= 0; i--) if (isOver(i, now)) remove(i);
  if (now < start || now - start >= WINDOW_MS) return;
  if (word(SPENT) == SPENT_MAX) remove(oldest());
  const place = spentAt(word(SPENT));
  memory.copy(place, key, 32);
  store<u64>(place, start, START);
  memory.copy(place + COUNTS, counts, COUNTS_BYTES);
  setWord(SPENT, word(SPENT) + 1);
}

/**
 * Adds what is kept of the key to the three u32 at `counts`, and forgets it. Gives the start of the
 * window that both have now, or `start`.
 */
export function takeSpent(key: usize, start: u64, counts: usize, now: u64): u64 {
  for (let i: u32 = 0; i < word(SPENT); i++) {
    const place = spentAt(i);
    if (!same32(place, key)) continue;
    const isStale = isOver(i, now),
      kept = load<u64>(place, START);
    if (!isStale) {
      for (let at: usize = 0; at < COUNTS_BYTES; at += 4) {
        store<u32>(counts + at, load<u32>(counts + at) + load<u32>(place + COUNTS + at));
      }
    }
    remove(i);
    return isStale ? start : min(kept, start);
  }
  return start;
}
