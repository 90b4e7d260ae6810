import { Wire } from "../../core/layout";
import { SEEN } from "../../core/memory";
import { allAre, guarded } from "../../crypto/__tests__/bytes";
import { allDistinct } from "../distinct";
import { PAGES, startNode } from "./node";

startNode(Wire.LEGACY, false);

const SEEN_BYTES: u32 = 15 * PAGES * 128;
const list = guarded(5 * 4096);

function put(index: u32, denomination: i32, serial: u32): void {
  store<u8>(list + 5 * index, denomination);
  store<u32>(list + 5 * index, bswap<u32>(serial), 1);
}

/** allDistinct of the first `count` coins; the bits must be clear again. */
function distinct(count: u32): bool {
  const answer = allDistinct(list, count);
  expect(allAre(SEEN, SEEN_BYTES, 0)).toBe(true, "bits cleared");
  return answer;
}

describe("a list of coins", () => {
  test("is distinct when no coin is named twice", () => {
    put(0, -8, 0);
    expect(distinct(1)).toBe(true);
    put(1, -7, 0);
    put(2, -8, 1);
    put(3, -8, 1024);
    put(4, 6, 2047);
    expect(distinct(5)).toBe(true);
    expect(distinct(0)).toBe(true);
  });

  test("is not when the second one stands next to it, or last", () => {
    put(0, 0, 31);
    put(1, 0, 31);
    expect(distinct(2)).toBe(false);
    put(1, 0, 32);
    put(2, 0, 63);
    put(3, 0, 31);
    expect(distinct(4)).toBe(false);
    expect(distinct(3)).toBe(true, "nothing left over from the refused list");
  });

  test("may have 4096 coins", () => {
    for (let i: u32 = 0; i < 4096; i++) put(i, <i32>(i % 15) - 8, i / 15);
    expect(distinct(4096)).toBe(true);
    put(4095, -8, 0);
    expect(distinct(4096)).toBe(false);
    expect(distinct(4095)).toBe(true);
  });
});
