import { GUARD, guarded } from "../../crypto/__tests__/bytes";
import {
  add32,
  add64,
  enter,
  leave,
  load32,
  load64,
  lock,
  or32,
  stopWorkers,
  store32,
  store64,
  swap32,
  swap64,
  tryLock,
  unlock,
} from "../atomics";
import { WORKER } from "../imports";
import { INSIDE } from "../scratch";

const word = guarded(64);

describe("words of 32 bits", () => {
  test("are loaded, stored and added to, and nothing beside them", () => {
    memory.fill(word, GUARD, 16);
    store32(word + 4, 0xfffffffe);
    add32(word + 4, 3);
    expect(load32(word + 4)).toBe(1);
    expect(load32(word)).toBe(0xa5a5a5a5);
    expect(load32(word + 8)).toBe(0xa5a5a5a5);
  });

  test("are swapped only when they hold what is expected", () => {
    store32(word, 5);
    expect(swap32(word, 4, 6)).toBe(false);
    expect(load32(word)).toBe(5);
    expect(swap32(word, 5, 6)).toBe(true);
    expect(load32(word)).toBe(6);
  });

  test("tell what they held when bits are set", () => {
    store32(word, 0b0101);
    expect(or32(word, 0b0110)).toBe(0b0101);
    expect(load32(word)).toBe(0b0111);
  });
});

describe("words of 64 bits", () => {
  test("carry from the low half to the high one", () => {
    memory.fill(word, GUARD, 24);
    store64(word + 8, 0xffffffff);
    add64(word + 8, 1);
    expect(load64(word + 8)).toBe(0x100000000);
    expect(load32(word + 16)).toBe(0xa5a5a5a5);
    expect(load32(word + 4)).toBe(0xa5a5a5a5);
  });

  test("are swapped only when both halves are expected", () => {
    store64(word, 0x100000005);
    expect(swap64(word, 5, 6)).toBe(false);
    expect(swap64(word, 0x100000004, 6)).toBe(false);
    expect(load64(word)).toBe(0x100000005);
    expect(swap64(word, 0x100000005, 6)).toBe(true);
    expect(load64(word)).toBe(6);
  });
});

describe("a lock", () => {
  test("is held by one, who is named in it", () => {
    store32(word, 0);
    lock(word);
    expect(load32(word)).toBe(WORKER + 1);
    expect(tryLock(word)).toBe(false);
    unlock(word);
    expect(tryLock(word)).toBe(true);
    unlock(word);
    expect(load32(word)).toBe(0);
  });
});

describe("the stop word", () => {
  test("keeps workers out; each one inside is marked", () => {
    const stop = word + 32;
    store32(stop, 0);
    expect(enter(stop)).toBe(true);
    expect(load32(INSIDE)).toBe(1);
    leave();
    expect(load32(INSIDE)).toBe(0);
    stopWorkers(stop);
    expect(load32(stop)).toBe(1);
    expect(enter(stop)).toBe(false);
    expect(load32(INSIDE)).toBe(0, "who was refused is not inside");
    store32(stop, 0);
    expect(enter(stop)).toBe(true);
    leave();
  });
});
