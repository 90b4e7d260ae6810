/**
 * Pools of equal entries in fixed regions (core/transfer-memory.ts). An entry is named by its
 * number, from 1; 0 is none. A free entry's first word is the next free one; entries are handed out
 * zeroed, the last returned first.
 *
 * Head: 0 entries ever used, 4 first free entry, 8 entries taken now, 12 of pool-share.ts. Entries
 * that a session holds are taken and given back there; here only sessions themselves are.
 */
import { Pool, poolHead, poolSize, poolStart, poolStride } from "../core/transfer-memory";

/** Takes an entry; 0: the pool is empty. */
export function takeEntry(pool: Pool): u32 {
  const head = poolHead(pool);
  let entry = load<u32>(head, 4);
  if (entry) store<u32>(head, load<u32>(entryAt(pool, entry)), 4);
  else {
    entry = load<u32>(head) + 1;
    if (entry > poolSize(pool)) return 0;
    store<u32>(head, entry);
  }
  store<u32>(head, load<u32>(head, 8) + 1, 8);
  memory.fill(entryAt(pool, entry), 0, poolStride(pool));
  return entry;
}

/** Gives an entry back; what was in it is wiped. */
export function giveEntry(pool: Pool, entry: u32): void {
  const head = poolHead(pool),
    at = entryAt(pool, entry);
  memory.fill(at, 0, poolStride(pool));
  store<u32>(at, load<u32>(head, 4));
  store<u32>(head, entry, 4);
  store<u32>(head, load<u32>(head, 8) - 1, 8);
}

/** Entries that can still be taken. */
export function entriesLeft(pool: Pool): u32 {
  return poolSize(pool) - load<u32>(poolHead(pool), 8);
}

/** Address of an entry; of a block, of what is known of it. */
export function entryAt(pool: Pool, entry: u32): usize {
  return poolStart(pool) + <usize>entry * poolStride(pool);
}
