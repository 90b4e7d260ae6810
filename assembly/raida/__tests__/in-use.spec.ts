import { TALLY } from "../../core/control";
import { Wire } from "../../core/layout";
import { COUNTS, IN_USE } from "../../core/memory";
import { allAre, toHex } from "../../crypto/__tests__/bytes";
import { clearInUse, countInUse, inUseOfPage, inUsePosition, setInUse } from "../in-use";
import { PAGES, startNode } from "./node";

startNode(Wire.LEGACY, false);

/** Number of a coin: denomination index above 20 bits of serial number. */
function coin(index: u32, serial: u32): u32 {
  return (index << 20) | serial;
}

describe("the in-use map", () => {
  beforeEach(() => {
    clearInUse();
    store<u64>(TALLY, 0);
  });

  test("has a bit a coin, in order of page key, least significant first", () => {
    setInUse(coin(0, 0), true, 1);
    setInUse(coin(0, 9), true, 1);
    setInUse(coin(0, 1023), true, 1);
    setInUse(coin(14, 2047), true, 1);
    expect(toHex(inUseOfPage(0), 2)).toBe("0102");
    expect(load<u8>(inUseOfPage(0), 127)).toBe(0x80);
    expect(inUseOfPage(1)).toBe(IN_USE + 128);
    expect(load<u8>(inUseOfPage(29), 127)).toBe(0x80);
    expect(allAre(inUseOfPage(1), 28 * 128, 0)).toBe(true);
  });

  test("changes one bit, and the count of its denomination", () => {
    setInUse(coin(3, 1030), true, 1);
    setInUse(coin(3, 1031), true, 1);
    expect(countInUse(3)).toBe(2);
    setInUse(coin(3, 1030), false, 2);
    expect(countInUse(3)).toBe(1);
    expect(load<u8>(inUseOfPage(7))).toBe(0x80);
    expect(countInUse(2)).toBe(0);
    expect(countInUse(4)).toBe(0);
  });

  test("knows the position of its newest change, which never goes back", () => {
    setInUse(coin(0, 1), true, 100);
    expect(inUsePosition()).toBe(100);
    setInUse(coin(0, 2), true, 90);
    expect(inUsePosition()).toBe(100);
    setInUse(coin(0, 2), false, 0);
    expect(inUsePosition()).toBe(100, "undone");
    setInUse(coin(0, 3), true, 0x100000000);
    expect(inUsePosition()).toBe(0x100000000);
  });

  test("can be emptied", () => {
    for (let index: u32 = 0; index < 15; index++) setInUse(coin(index, 2047), true, 1);
    clearInUse();
    expect(allAre(IN_USE, 15 * PAGES * 128, 0)).toBe(true);
    expect(allAre(COUNTS, 60, 0)).toBe(true);
  });
});
