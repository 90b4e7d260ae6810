import { CROSSOVER } from "../../core/control";
import { Wire } from "../../core/layout";
import { CROSSOVER_BYTES, CROSSOVER_LIFE_US, CROSSOVER_MAX } from "../../core/limits";
import { CELLS } from "../../core/memory";
import { fromHex } from "../../crypto/__tests__/bytes";
import * as context from "../context";
import { FULL, findEntry, lockCrossover, placeFor, unlockCrossover } from "../crossover-table";
import { startNode } from "./node";

startNode(Wire.LEGACY, false);

const NOW: u64 = CROSSOVER_LIFE_US * 10;
const key = fromHex("000102030405060708090a0bffffffff");

/** Entry `index` with the key whose first byte is `first`. */
function fill(index: u32, created: u64, first: u8): void {
  const entry = CELLS + <usize>(index * CROSSOVER_BYTES);
  store<u64>(entry, created);
  memory.copy(entry + 8, key, 16);
  store<u8>(entry, first, 8);
}

function clear(): void {
  memory.fill(CELLS, 0, CROSSOVER_MAX * CROSSOVER_BYTES);
  context.setNow(<u32>NOW, <u32>(NOW >> 32));
}

describe("the crossover table", () => {
  test("finds the live entry of a key", () => {
    clear();
    expect(findEntry(key)).toBe(0);
    expect(placeFor(key)).toBe(0);
    fill(0, NOW, 9);
    fill(3, NOW, 0);
    expect(findEntry(key)).toBe(CELLS + 3 * 128);
    expect(placeFor(key)).toBe(3, "its own, though others are free");
    store<u8>(CELLS + 3 * 128, 1, 8 + 15);
    expect(findEntry(key)).toBe(0);
    expect(placeFor(key)).toBe(1);
  });

  test("forgets an entry after an hour, and one from far ahead", () => {
    clear();
    fill(0, NOW - CROSSOVER_LIFE_US, 0);
    expect(findEntry(key)).toBe(CELLS);
    fill(0, NOW - CROSSOVER_LIFE_US - 1, 0);
    expect(findEntry(key)).toBe(0);
    expect(placeFor(key)).toBe(0);
    fill(0, NOW + CROSSOVER_LIFE_US, 0);
    expect(findEntry(key)).toBe(CELLS);
    fill(0, NOW + CROSSOVER_LIFE_US + 1, 0);
    expect(findEntry(key)).toBe(0);
  });

  test("does not find an entry that was never made by a key of zeros", () => {
    clear();
    expect(findEntry(fromHex("00000000000000000000000000000000"))).toBe(0);
  });

  test("is full with a thousand", () => {
    clear();
    for (let i: u32 = 0; i < CROSSOVER_MAX - 1; i++) fill(i, NOW, 9);
    expect(placeFor(key)).toBe(CROSSOVER_MAX - 1);
    fill(CROSSOVER_MAX - 1, NOW, 9);
    expect(placeFor(key)).toBe(FULL);
    fill(CROSSOVER_MAX - 1, NOW, 0);
    expect(placeFor(key)).toBe(CROSSOVER_MAX - 1);
    clear();
  });

  test("raises the position of whoever sees it", () => {
    store<u64>(CROSSOVER + 8, 77);
    lockCrossover();
    expect(load<u32>(CROSSOVER)).not.toBe(0);
    unlockCrossover();
    expect(load<u32>(CROSSOVER)).toBe(0);
    expect(context.position).toBe(77);
  });
});
