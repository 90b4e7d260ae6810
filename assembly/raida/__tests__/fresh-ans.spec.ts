import { Random, Wire } from "../../core/layout";
import { RANDOM } from "../../core/memory";
import { FRESH } from "../../core/scratch";
import { allAre, toHex } from "../../crypto/__tests__/bytes";
import { freshAn, openFreshAns } from "../fresh-ans";
import { fillRandom, processNow, startNode } from "./node";

startNode(Wire.LEGACY, false);

const out: usize = heap.alloc(16);

function next(): string {
  v128.store(out, freshAn());
  return toHex(out, 16);
}

describe("fresh ANs", () => {
  beforeEach(() => fillRandom());

  test("are AES-128 of a counter under 16 random bytes", () => {
    openFreshAns();
    // By another program, key 0102..10, blocks 0, 1, 2 (little-endian).
    expect(next()).toBe("dbf184112eb9111659712bafcff2ab24");
    expect(next()).toBe("4522a03d98009d5545ed42fbd83578d0");
    expect(next()).toBe("1c810ee765e70b8f7aa32b030507f88a");
  });

  test("have another key in each request, which is used once", () => {
    openFreshAns();
    expect(allAre(RANDOM + Random.BYTES, 16, 0)).toBe(true);
    next();
    openFreshAns();
    expect(load<u32>(RANDOM, Random.TAKEN)).toBe(32);
    expect(next()).toBe("dc5aff88493e972f9f509b51f1db2bf6", "key 1112..20, block 0");
  });

  test("leave nothing behind when the batch ends", () => {
    openFreshAns();
    next();
    expect(allAre(FRESH, 48, 0)).toBe(false);
    processNow(1);
    expect(allAre(FRESH, 48, 0)).toBe(true);
  });
});
