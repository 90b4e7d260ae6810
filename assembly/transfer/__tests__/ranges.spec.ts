import { Pool } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { entriesLeft, giveEntry, takeEntry } from "../pool";
import {
  addRange,
  addRanges,
  coveredBytes,
  coveredTo,
  dropRanges,
  highestEnd,
  lowestEnd,
  lowestFirst,
  NO_RANGE,
  needsRange,
  nextCovered,
  RangeSet,
  rangeCount,
  rangeSum,
  removeRange,
} from "../ranges";
import { below, configureTransfer, seed } from "./configured";

configureTransfer();
const ALL = entriesLeft(Pool.RANGES);
const set = guarded(RangeSet.BYTES);
const other = guarded(RangeSet.BYTES);
memory.fill(set, 0, RangeSet.BYTES);
memory.fill(other, 0, RangeSet.BYTES);

describe("a set of ranges", () => {
  test("joins what touches and tells what was new", () => {
    expect(addRange(set, 10, 20)).toBe(10);
    expect(addRange(set, 30, 40)).toBe(10);
    expect(rangeCount(set)).toBe(2);
    expect(addRange(set, 20, 30)).toBe(10);
    expect(rangeCount(set)).toBe(1);
    expect(addRange(set, 5, 45)).toBe(10);
    expect(addRange(set, 5, 45)).toBe(0);
    expect(addRange(set, 7, 7)).toBe(0, "nothing");
    expect(rangeSum(set)).toBe(40);
    expect(lowestFirst(set)).toBe(5);
    expect(lowestEnd(set)).toBe(45);
    expect(highestEnd(set)).toBe(45);
    dropRanges(set);
    expect(highestEnd(set)).toBe(0);
    expect(entriesLeft(Pool.RANGES)).toBe(ALL);
  });

  test("reaches to the end of offsets", () => {
    const end = (<u64>1) << 62;
    expect(addRange(set, end - 1, end)).toBe(1);
    expect(addRange(set, 0, 1)).toBe(1);
    expect(coveredTo(set, end - 1)).toBe(end);
    expect(nextCovered(set, 1, end)).toBe(end - 1);
    expect(nextCovered(set, 1, 99)).toBe(99);
    expect(nextCovered(set, 0, end)).toBe(0);
    dropRanges(set);
  });

  test("does nothing when it would need a range and there is none", () => {
    addRange(set, 10, 20);
    const taken = new StaticArray<u32>(ALL);
    for (let i: u32 = 0; entriesLeft(Pool.RANGES); i++) taken[i] = takeEntry(Pool.RANGES);
    expect(needsRange(set, 30, 31)).toBe(true);
    expect(needsRange(set, 20, 31)).toBe(false);
    expect(needsRange(set, 5, 10)).toBe(false);
    expect(addRange(set, 30, 31)).toBe(NO_RANGE);
    expect(removeRange(set, 12, 13)).toBe(0, "a hole");
    expect(rangeSum(set)).toBe(10);
    expect(addRange(set, 20, 31)).toBe(11);
    expect(removeRange(set, 5, 12)).toBe(2);
    expect(removeRange(set, 29, 50)).toBe(2);
    expect(lowestFirst(set)).toBe(12);
    expect(highestEnd(set)).toBe(29);
    addRange(other, 1, 2);
    expect(rangeCount(other)).toBe(0);
    expect(addRanges(other, set)).toBe(false);
    for (let i: u32 = 0; i < ALL && taken[i]; i++) giveEntry(Pool.RANGES, taken[i]);
    dropRanges(set);
  });

  test("is what a set of bytes is, whatever is added and taken out", () => {
    const start: u32 = 20261201;
    trace("seed", 1, start);
    seed(start);
    const SPAN: u32 = 400;
    const model = new StaticArray<bool>(SPAN + 1);
    for (let step = 0; step < 20000; step++) {
      const first = below(SPAN),
        end = min(SPAN, first + below(step % 7 == 0 ? 200 : 12)),
        adds = below(16) < 9;
      let changed: u32 = 0;
      for (let i = first; i < end; i++) {
        if (model[i] != adds) changed++;
        model[i] = adds;
      }
      const told = adds ? addRange(set, first, end) : removeRange(set, first, end);
      if (told != changed) expect(told).toBe(changed, "what changed");
      let sum: u32 = 0,
        runs: u32 = 0;
      for (let i: u32 = 0; i < SPAN; i++) {
        if (model[i]) sum++;
        if (model[i] && (i == 0 || !model[i - 1])) runs++;
      }
      if (rangeSum(set) != sum) expect(rangeSum(set)).toBe(sum, "sum");
      if (rangeCount(set) != runs) expect(rangeCount(set)).toBe(runs, "ranges");
      const from = below(SPAN),
        to = from + below(SPAN - from);
      let covered: u32 = 0,
        next = from,
        reach = from;
      for (let i = from; i < to; i++) if (model[i]) covered++;
      while (next < to && !model[next]) next++;
      while (reach < SPAN && model[reach]) reach++;
      if (coveredBytes(set, from, to) != covered) expect(covered).toBe(0xffffffff, "covered");
      if (nextCovered(set, from, to) != next) expect(next).toBe(0xffffffff, "next");
      if (coveredTo(set, from) != reach) expect(reach).toBe(0xffffffff, "reach");
    }
    dropRanges(set);
    expect(entriesLeft(Pool.RANGES)).toBe(ALL, "none leaked");
  });
});
