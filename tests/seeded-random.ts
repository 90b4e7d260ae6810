/** Numbers that a seed repeats, for tests that are random and can be run again. */

/** Pseudo-random numbers that a seed repeats (mulberry32): an integer below `below`. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** ANDVARI_SEED, or one of this moment. Tests print it. */
export function seedOfRun(): number {
  return Number(process.env.ANDVARI_SEED ?? Date.now() % 1_000_000);
}
