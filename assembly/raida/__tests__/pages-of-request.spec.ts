import { setCounters, setWord } from "../../core/__tests__/configuration";
import { Config, Page, Wire } from "../../core/layout";
import { EFFECTS } from "../../core/memory";
import { used } from "../../core/rings";
import { PAGE_BITS, PAGE_LIST } from "../../core/scratch";
import { allAre, flipBit, GUARD, guarded, pseudoRandom, seed } from "../../crypto/__tests__/bytes";
import { metaOf, NO_PAGE, pageKey, settle, unpinAll, writeRecord } from "../coins";
import * as context from "../context";
import * as pages from "../pages-of-request";
import { anOf, serveEffects, setAbsentPage, startNode, useWire } from "./node";

startNode(Wire.LEGACY, false);

const list = guarded(8 * 4200);
const noise = guarded(4 * 4200);

function put(index: u32, step: u32, denomination: i32, serial: u32): usize {
  const coin = list + index * step;
  store<u8>(coin, denomination);
  store<u32>(coin, bswap<u32>(serial), 1);
  return coin;
}

/** With how many pages a denomination the specs count keys. */
function setPages(count: u32): void {
  setWord(Config.PAGES_PER_DENOMINATION, count);
  useWire(Wire.LEGACY, false);
}

/** Is the page list ascending and distinct, and are the bits behind it clear again? */
function inOrder(): bool {
  for (let i: u32 = 1; i < context.pageCount; i++) {
    if (context.pageAt(i - 1) >= context.pageAt(i)) return false;
  }
  return allAre(PAGE_BITS, PAGE_LIST - PAGE_BITS, 0);
}

describe("a coin on the wire", () => {
  test("is a signed denomination and a big-endian serial number", () => {
    const coin = put(0, 5, -3, 0x01020304);
    expect(pages.denominationAt(coin)).toBe(-3);
    expect(pages.serialAt(coin)).toBe(0x01020304);
    expect(pages.keyAt(coin)).toBe(NO_PAGE);
    expect(pages.keyAt(put(0, 5, -3, 1024))).toBe(11);
  });
});

describe("the pages of a list", () => {
  test("are distinct and ascend, whatever the order of the coins", () => {
    memory.fill(list, GUARD, 8 * 20);
    put(0, 8, 6, 0);
    put(1, 8, -8, 2000);
    put(2, 8, 0, 5);
    put(3, 8, 6, 1);
    put(4, 8, -8, 1030);
    expect(pages.listPages(list, 5, 8)).toBe(0);
    expect(context.pageCount).toBe(3);
    expect(context.pageAt(0)).toBe(1);
    expect(context.pageAt(1)).toBe(16);
    expect(context.pageAt(2)).toBe(28);
    expect(inOrder()).toBe(true);
  });

  test("leave coins out that lie on none, and count them", () => {
    put(0, 5, 0, 2048);
    put(1, 5, 7, 0);
    put(2, 5, 0, 1);
    expect(pages.listPages(list, 3, 5)).toBe(2);
    expect(context.pageCount).toBe(1);
    expect(context.pageAt(0)).toBe(16);
    expect(pages.listPages(list, 1, 5)).toBe(1);
    expect(context.pageCount).toBe(0);
    expect(pages.listPages(list + 10, 1, 5)).toBe(0);
    expect(context.pageCount).toBe(1);
    expect(context.pageAt(0)).toBe(16);
    expect(inOrder()).toBe(true);
  });

  test("may be all there are: first, last and 4096 of them (seed 71)", () => {
    setPages(1024);
    put(0, 5, 6, 1024 * 1024 - 1);
    put(1, 5, -8, 0);
    expect(pages.listPages(list, 2, 5)).toBe(0);
    expect(context.pageAt(0)).toBe(0);
    expect(context.pageAt(1)).toBe(15359);
    seed(71);
    let faults = 0;
    for (let round = 0; round < 5; round++) {
      pseudoRandom(noise, 4 * 4096);
      for (let i: u32 = 0; i < 4096; i++) {
        const value = load<u32>(noise + 4 * i);
        put(i, 5, <i32>(value % 15) - 8, (value >> 4) & 0xfffff);
      }
      if (pages.listPages(list, 4096, 5) !== 0 || !inOrder()) faults++;
      // Each coin's page stands in the list (a search in an ascending list).
      for (let i: u32 = 0; i < 4096; i++) if (!listed(pages.keyAt(list + 5 * i))) faults++;
    }
    expect(faults).toBe(0);
    for (let i: u32 = 0; i < 4096; i++) put(i, 5, <i32>(i >> 10) - 8, (i & 1023) << 10);
    expect(pages.listPages(list, 4096, 5)).toBe(0);
    expect(context.pageCount).toBe(4096, "each on a page of its own");
    expect(inOrder()).toBe(true);
    setPages(2);
  });

  test("can be a single one that is named", () => {
    pages.listPage(23);
    expect(context.pageCount).toBe(1);
    expect(context.pageAt(0)).toBe(23);
  });
});

function listed(key: u32): bool {
  let low: u32 = 0;
  let high = context.pageCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (context.pageAt(middle) < key) low = middle + 1;
    else high = middle;
  }
  return low < context.pageCount && context.pageAt(low) === key;
}

/** The list of the coins (denomination, 1) and (denomination, 1025). */
function listTwo(denomination: i32): void {
  put(0, 5, denomination, 1025);
  put(1, 5, denomination, 1);
  pages.listPages(list, 2, 5);
}

function lockWord(key: u32): u32 {
  return load<u32>(metaOf(key), Page.LOCK);
}

describe("gathering", () => {
  test("starts every load that is missing, once", () => {
    setCounters(EFFECTS, 0);
    listTwo(0);
    expect(pages.gather(false)).toBe(false);
    expect(used(EFFECTS)).toBe(2);
    expect(pages.gather(false)).toBe(false);
    expect(used(EFFECTS)).toBe(2);
    expect(load<u32>(metaOf(16), Page.PINS)).toBe(0);
    serveEffects();
    expect(pages.gather(false)).toBe(true);
    expect(used(EFFECTS)).toBe(0);
  });

  test("pins what is here and what is coming, when it may", () => {
    put(0, 5, 0, 1);
    put(1, 5, 1, 1);
    pages.listPages(list, 2, 5);
    expect(pages.gather(true)).toBe(false);
    expect(load<u32>(metaOf(16), Page.PINS)).toBe(1);
    expect(load<u32>(metaOf(18), Page.PINS)).toBe(1);
    unpinAll();
    serveEffects();
  });
});

describe("locking", () => {
  test("takes all pages, or holds none", () => {
    listTwo(0);
    expect(pages.holdPages(false)).toBe(true);
    expect(lockWord(16)).not.toBe(0);
    expect(lockWord(17)).not.toBe(0);
    pages.unlockPages();
    expect(lockWord(16)).toBe(0);
    expect(lockWord(17)).toBe(0);
    // The pages of denomination 1 and 2: of the latter none is here.
    put(0, 5, 1, 1);
    put(1, 5, 2, 1);
    pages.listPages(list, 2, 5);
    expect(pages.holdPages(false)).toBe(false);
    expect(lockWord(18)).toBe(0);
  });

  test("raises the position of the reply to that of the pages", () => {
    context.setPosition(5);
    store<u64>(metaOf(16), 7, Page.POSITION);
    store<u64>(metaOf(17), 6, Page.POSITION);
    listTwo(0);
    pages.holdPages(false);
    expect(context.position).toBe(7);
    pages.unlockPages();
  });

  test("lets changed pages settle at the position of their group", () => {
    context.setPosition(0);
    listTwo(0);
    pages.holdPages(false);
    const coin = put(2, 5, 0, 1025);
    writeRecord(pages.metaAt(coin), pages.recordAt(coin), i8x16.splat(0x55), 30);
    pages.settlePages(20);
    expect(context.position).toBe(20);
    expect(load<u64>(metaOf(17), Page.POSITION)).toBe(20);
    expect(load<u64>(metaOf(16), Page.POSITION)).toBe(7, "not changed");
    pages.unlockPages();
    settle(metaOf(17), 30);
    expect(load<u64>(metaOf(17), Page.POSITION)).toBe(20);
  });
});

describe("the record of a coin", () => {
  test("is none outside all pages and on an absent one", () => {
    setAbsentPage(pageKey(3, 1025));
    listTwo(3);
    pages.gather(false);
    serveEffects();
    expect(pages.holdPages(false)).toBe(true);
    expect(pages.anyAbsent()).toBe(true);
    expect(pages.recordAt(put(0, 5, 3, 1025))).toBe(0);
    expect(pages.recordAt(put(0, 5, 3, 2048))).toBe(0);
    expect(pages.recordAt(put(0, 5, 3, 1))).not.toBe(0);
    pages.unlockPages();
    listTwo(0);
    pages.holdPages(false);
    expect(pages.anyAbsent()).toBe(false);
    pages.unlockPages();
  });

  test("is authentic in use and with its AN only", () => {
    const record = guarded(32);
    const an = guarded(16);
    v128.store(record, anOf(0, 1));
    v128.store(an, anOf(0, 1));
    store<u8>(record, 1, 16);
    expect(pages.authentic(record, an)).toBe(true);
    store<u8>(record, 255, 16);
    expect(pages.authentic(record, an)).toBe(true);
    store<u8>(record, 0, 16);
    expect(pages.authentic(record, an)).toBe(false);
    expect(pages.authentic(0, an)).toBe(false);
    store<u8>(record, 1, 16);
    let passed = 0;
    for (let bit: u32 = 0; bit < 128; bit++) {
      flipBit(an, bit);
      if (pages.authentic(record, an)) passed++;
      flipBit(an, bit);
    }
    expect(passed).toBe(0);
  });
});
