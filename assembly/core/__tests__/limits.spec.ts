import * as limits from "../limits";

function isPowerOfTwo(value: u32): bool {
  return value !== 0 && (value & (value - 1)) === 0;
}

describe("limits that follow from one another", () => {
  test("a page is its records", () => {
    expect(limits.PAGE_BYTES).toBe(limits.PAGE_RECORDS * limits.RECORD_BYTES);
    expect(isPowerOfTwo(limits.PAGE_RECORDS)).toBe(true);
  });

  test("the pages of a denomination hold 2^20 coins, and all coins are numbered in 24 bits", () => {
    expect(limits.PAGES_PER_DENOMINATION_MAX * limits.PAGE_RECORDS).toBe(1 << 20);
    expect(limits.DENOMINATIONS * limits.PAGES_PER_DENOMINATION_MAX).toBeLessThan(1 << 14);
  });

  test("a group holds the longest list and its head; the largest journal holds groups", () => {
    expect(limits.GROUP_RECORDS_MAX).toBe(limits.COINS_PER_LIST_MAX + 1);
    expect(limits.REQUEST_PAGES_MAX).toBe(limits.COINS_PER_LIST_MAX);
    expect(isPowerOfTwo(limits.JOURNAL_RECORDS_MAX)).toBe(true);
    expect(limits.JOURNAL_RECORDS_MAX).toBeGreaterThan(limits.GROUP_RECORDS_MAX);
  });

  test("a large frame holds the longest header and body; a ticket's coins fit one reply", () => {
    expect(limits.LARGE_FRAME_BYTES).toBeGreaterThanOrEqual(48 + 65535);
    expect(limits.LARGE_FRAME_BYTES & 63).toBe(0);
    expect(limits.LARGE_FRAME_BYTES).toBeGreaterThan(48 + 5 * limits.COINS_PER_LIST_MAX + 34);
  });

  test("the random pool serves many requests, each a nonce and a ticket number", () => {
    expect(isPowerOfTwo(limits.RANDOM_POOL_BYTES)).toBe(true);
    expect(limits.RANDOM_PER_REQUEST).toBeGreaterThanOrEqual(24 + 4);
    expect(limits.RANDOM_POOL_BYTES).toBeGreaterThan(64 * limits.RANDOM_PER_REQUEST);
  });

  test("rings are powers of two; claims of a ticket fit a word", () => {
    expect(isPowerOfTwo(limits.RING_ENTRIES_MAX)).toBe(true);
    expect(limits.RAIDA_COUNT).toBeLessThanOrEqual(32);
    expect(limits.TICKET_LIFE_US).toBe(300 * 1000 * 1000);
  });
});
