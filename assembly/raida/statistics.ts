/**
 * What 0/2 shows: echo requests, coins powned, their value in units of 1e-8, datagrams. Counted in
 * the instance and added to the shared words once a batch, so that a request pays no atomic.
 */
import { add64 } from "../core/atomics";
import { Statistic } from "../core/layout";
import { STATISTICS } from "../core/memory";

let echoes: u64 = 0;
let pownCount: u64 = 0;
let pownValue: u64 = 0;
let datagrams: u64 = 0;

export function countEcho(): void {
  echoes++;
}
export function countDatagram(): void {
  datagrams++;
}
export function countPown(denominationIndex: u32): void {
  pownCount++;
  pownValue += coinValue(denominationIndex);
}

/** Value of a coin: 10^(denomination + 8) units of 1e-8. */
export function coinValue(denominationIndex: u32): u64 {
  let value: u64 = 1;
  for (let i: u32 = 0; i < denominationIndex; i++) value *= 10;
  return value;
}

/** Adds what this instance has counted to the shared words. */
export function flushStatistics(): void {
  if (datagrams) add64(STATISTICS + Statistic.DATAGRAMS, datagrams);
  if (echoes) add64(STATISTICS + Statistic.ECHO, echoes);
  if (pownCount) {
    add64(STATISTICS + Statistic.POWN_COUNT, pownCount);
    add64(STATISTICS + Statistic.POWN_VALUE, pownValue);
  }
  datagrams = echoes = pownCount = pownValue = 0;
}
