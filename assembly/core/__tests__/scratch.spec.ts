import { WORKER } from "../imports";
import { BASE, CRYPTO_END, INSIDE, SCRATCH } from "../scratch";

describe("scratch", () => {
  test("is addressed from the worker number and aligned", () => {
    expect(SCRATCH).toBe(BASE + <usize>WORKER * 32768);
    expect(SCRATCH & 63).toBe(0);
    expect(INSIDE - SCRATCH).toBe(32768 - 64);
    expect(CRYPTO_END - SCRATCH).toBe(8192);
    store<u32>(SCRATCH, 7);
    expect(load<u32>(SCRATCH)).toBe(7);
  });
});
