import { allAre, GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import { Effect, EffectKind, Random, Ring } from "../layout";
import { RANDOM_PER_REQUEST } from "../limits";
import { EFFECTS, RANDOM } from "../memory";
import { randomReady, takeRandom } from "../random";
import { emitEffect, entryAt, used } from "../rings";
import { configureCore, RING_ENTRIES, startRingsAt } from "./configuration";

configureCore();

const POOL: usize = RANDOM + Random.BYTES;
const POOL_BYTES: u32 = 32768;

/** As the host fills it: every byte by its place, `taken` bytes already used, `left` to go. */
function fill(taken: u32, left: u32): void {
  for (let i: u32 = 0; i < POOL_BYTES; i++) store<u8>(POOL + i, <u8>(i % 251) + 1);
  store<u32>(RANDOM, taken + left, Random.FILLED);
  store<u32>(RANDOM, taken, Random.TAKEN);
}

describe("takeRandom", () => {
  test("moves bytes out and wipes them, once each", () => {
    fill(0, POOL_BYTES);
    const out = guarded(32);
    takeRandom(out, 12);
    expect(toHex(out, 14)).toBe("0102030405060708090a0b0ca5a5");
    expect(allAre(POOL, 12, 0)).toBe(true);
    expect(load<u8>(POOL, 12)).toBe(13);
    takeRandom(out, 4);
    expect(toHex(out, 4)).toBe("0d0e0f10");
    expect(load<u32>(RANDOM, Random.TAKEN)).toBe(16);
    expect(allAre(POOL, 16, 0)).toBe(true);
    expect(load<u8>(POOL, 16)).toBe(17);
  });

  test("goes round the end of the pool and of the counters", () => {
    fill(0xfffffffe, RANDOM_PER_REQUEST + 4);
    const out = guarded(32);
    takeRandom(out, 4);
    // Counter 2^32 - 2 is place 32766.
    expect(load<u8>(out)).toBe(<u8>(32766 % 251) + 1);
    expect(load<u8>(out, 1)).toBe(<u8>(32767 % 251) + 1);
    expect(load<u8>(out, 2)).toBe(1);
    expect(load<u8>(out, 3)).toBe(2);
    expect(load<u8>(out, 4)).toBe(GUARD);
    expect(allAre(POOL + 32766, 2, 0)).toBe(true);
    expect(allAre(POOL, 2, 0)).toBe(true);
    expect(load<u32>(RANDOM, Random.TAKEN)).toBe(2);
    expect(randomReady()).toBe(true, "enough are left");
  });
});

describe("randomReady", () => {
  test("wants as many bytes as a request can take", () => {
    startRingsAt(0);
    fill(0xfffffff0, RANDOM_PER_REQUEST);
    expect(randomReady()).toBe(true);
    expect(used(EFFECTS)).toBe(0);
    fill(0xfffffff0, RANDOM_PER_REQUEST - 1);
    expect(randomReady()).toBe(false);
  });

  test("asks the host once, and again after the pool was full", () => {
    startRingsAt(0);
    fill(0, RANDOM_PER_REQUEST);
    expect(randomReady()).toBe(true);
    fill(0, 0);
    expect(randomReady()).toBe(false);
    expect(randomReady()).toBe(false);
    expect(used(EFFECTS)).toBe(1);
    expect(load<u32>(entryAt(EFFECTS, 0), Effect.KIND)).toBe(EffectKind.FILL_RANDOM);
    fill(0, RANDOM_PER_REQUEST);
    expect(randomReady()).toBe(true);
    fill(0, RANDOM_PER_REQUEST - 1);
    expect(randomReady()).toBe(false);
    expect(used(EFFECTS)).toBe(2);
  });

  test("asks later when there is no room to ask", () => {
    startRingsAt(0);
    fill(0, RANDOM_PER_REQUEST);
    expect(randomReady()).toBe(true);
    for (let i: u32 = 0; i < RING_ENTRIES; i++) emitEffect(EffectKind.LOAD_PAGE, 0, 0, 0);
    fill(0, 0);
    expect(randomReady()).toBe(false);
    store<u32>(EFFECTS, 1, Ring.TAIL);
    expect(randomReady()).toBe(false);
    expect(used(EFFECTS)).toBe(RING_ENTRIES);
    store<u32>(EFFECTS, 2, Ring.TAIL);
    expect(randomReady()).toBe(false);
    expect(used(EFFECTS)).toBe(RING_ENTRIES - 1, "asked already");
  });
});
