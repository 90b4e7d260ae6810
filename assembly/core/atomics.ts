/**
 * One source, two builds: atomics in the shared build (`--use SHARED=1`), plain loads and stores in
 * the other. The choice falls at compile time, so the plain build pays nothing.
 */

import { WORKER } from "./imports";
import { SCRATCH_BYTES, WORKERS_MAX } from "./limits";
import { INSIDE } from "./scratch";

export function load32(address: usize): u32 {
  if (isDefined(SHARED)) return atomic.load<u32>(address);
  else return load<u32>(address);
}

export function store32(address: usize, value: u32): void {
  if (isDefined(SHARED)) atomic.store<u32>(address, value);
  else store<u32>(address, value);
}

export function load64(address: usize): u64 {
  if (isDefined(SHARED)) return atomic.load<u64>(address);
  else return load<u64>(address);
}

export function store64(address: usize, value: u64): void {
  if (isDefined(SHARED)) atomic.store<u64>(address, value);
  else store<u64>(address, value);
}

export function add32(address: usize, value: u32): void {
  if (isDefined(SHARED)) atomic.add<u32>(address, value);
  else store<u32>(address, load<u32>(address) + value);
}

export function add64(address: usize, value: u64): void {
  if (isDefined(SHARED)) atomic.add<u64>(address, value);
  else store<u64>(address, load<u64>(address) + value);
}

/** Compare and swap; true when the word held `expected`. */
export function swap32(address: usize, expected: u32, value: u32): bool {
  if (isDefined(SHARED)) return atomic.cmpxchg<u32>(address, expected, value) == expected;
  if (load<u32>(address) != expected) return false;
  store<u32>(address, value);
  return true;
}

export function swap64(address: usize, expected: u64, value: u64): bool {
  if (isDefined(SHARED)) return atomic.cmpxchg<u64>(address, expected, value) == expected;
  if (load<u64>(address) != expected) return false;
  store<u64>(address, value);
  return true;
}

/** Sets `bits` in the word and returns what it held before. */
export function or32(address: usize, bits: u32): u32 {
  if (isDefined(SHARED)) return atomic.or<u32>(address, bits);
  const before = load<u32>(address);
  store<u32>(address, before | bits);
  return before;
}

/** Takes a lock word without waiting. */
export function tryLock(address: usize): bool {
  return swap32(address, 0, WORKER + 1);
}

export function lock(address: usize): void {
  while (!lockSoon(address)) {}
}

export function unlock(address: usize): void {
  store32(address, 0);
}

/**
 * Takes a lock word if it comes free within some 20 us. Critical sections are microseconds long:
 * spin first, then sleep once, so that unlock needs no notify.
 */
export function lockSoon(address: usize): bool {
  if (tryLock(address)) return true;
  for (let i = 0; i < 200; i++) {
    if (load32(address) == 0 && tryLock(address)) return true;
  }
  if (isDefined(SHARED)) atomic.wait<u32>(address, load32(address), 20000);
  return tryLock(address);
}

/** Marks this instance as being inside the engine. False: the committer has stopped all workers. */
export function enter(stop: usize): bool {
  store32(INSIDE, 1);
  if (load32(stop) == 0) return true;
  store32(INSIDE, 0);
  return false;
}

export function leave(): void {
  store32(INSIDE, 0);
}

/**
 * Sets the stop word and waits until no worker is inside; so every journal group is published and
 * no lock is held.
 */
export function stopWorkers(stop: usize): void {
  store32(stop, 1);
  const first = INSIDE - <usize>WORKER * SCRATCH_BYTES;
  for (let worker: usize = 0; worker < WORKERS_MAX; worker++) {
    while (load32(first + worker * SCRATCH_BYTES) != 0) {}
  }
}
