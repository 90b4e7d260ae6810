import { Statistic, Wire } from "../../core/layout";
import { STATISTICS } from "../../core/memory";
import { allAre, GUARD } from "../../crypto/__tests__/bytes";
import { countDatagram, countEcho, countPown, flushStatistics } from "../statistics";
import { startNode } from "./node";

startNode(Wire.LEGACY, false);

function word(offset: usize): u64 {
  return load<u64>(STATISTICS + offset);
}

describe("statistics", () => {
  test("are shared words only after a flush, once each", () => {
    memory.fill(STATISTICS, 0, 32);
    countEcho();
    countEcho();
    countDatagram();
    expect(allAre(STATISTICS, 32, 0)).toBe(true);
    flushStatistics();
    expect(word(Statistic.ECHO)).toBe(2);
    expect(word(Statistic.DATAGRAMS)).toBe(1);
    expect(word(Statistic.POWN_COUNT)).toBe(0);
    flushStatistics();
    expect(word(Statistic.ECHO)).toBe(2);
    countEcho();
    flushStatistics();
    expect(word(Statistic.ECHO)).toBe(3);
  });

  test("count powns and their value, 1e-8 to 1e6, in units of 1e-8", () => {
    memory.fill(STATISTICS, 0, 32);
    countPown(0);
    flushStatistics();
    expect(word(Statistic.POWN_VALUE)).toBe(1);
    countPown(8);
    flushStatistics();
    expect(word(Statistic.POWN_VALUE)).toBe(100000001);
    countPown(14);
    flushStatistics();
    expect(word(Statistic.POWN_VALUE)).toBe(100000100000001);
    expect(word(Statistic.POWN_COUNT)).toBe(3);
  });

  test("add to what other workers counted, beyond 32 bits", () => {
    memory.fill(STATISTICS - 8, GUARD, 48);
    store<u64>(STATISTICS, 0xffffffff, Statistic.ECHO);
    store<u64>(STATISTICS, 0xffffffff, Statistic.DATAGRAMS);
    countEcho();
    countDatagram();
    flushStatistics();
    expect(word(Statistic.ECHO)).toBe(0x100000000);
    expect(word(Statistic.DATAGRAMS)).toBe(0x100000000);
    expect(allAre(STATISTICS + 8, 16, GUARD)).toBe(true);
    expect(allAre(STATISTICS + 32, 8, GUARD)).toBe(true);
  });
});
