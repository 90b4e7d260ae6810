/**
 * Does a list name a coin twice? In a sum of ANs a coin named twice cancels out, so that nobody
 * would have to know its AN: such a list is refused as a whole. A bit for each coin there can be:
 * linear whatever the list, and cleared on the way out.
 */
import { PAGE_RECORDS } from "../core/limits";
import { SEEN } from "../core/memory";
import { COIN_BYTES, keyAt, serialAt } from "./pages-of-request";

/** Number of a coin that lies on a page, among all coins. */
function numberOf(coin: usize): u32 {
  return keyAt(coin) * PAGE_RECORDS + (serialAt(coin) & (PAGE_RECORDS - 1));
}

/** `count` coins of 5 bytes, all on existing pages. */
export function allDistinct(list: usize, count: u32): bool {
  let entered: u32 = 0,
    distinct = true;
  for (; entered < count && distinct; entered++) {
    const number = numberOf(list + <usize>entered * COIN_BYTES),
      word = SEEN + ((<usize>(number >> 5)) << 2);
    const bits = load<u32>(word),
      bit: u32 = 1 << (number & 31);
    distinct = (bits & bit) == 0;
    store<u32>(word, bits | bit);
  }
  while (entered-- > 0)
    store<u32>(SEEN + ((<usize>(numberOf(list + <usize>entered * COIN_BYTES) >> 5)) << 2), 0);
  return distinct;
}
