/**
 * Timing on a shared machine: candidates in turn, many short slices, the least of each kept, so
 * that a ratio holds although the machine's speed drifts. Only what `run` does is timed; `prepare`
 * fills the rings for it, untimed.
 */
export interface Candidate {
  name: string;
  /** Requests (or calls) of one run. */
  units: number;
  prepare(): void;
  run(): void;
}

const SLICES = 300;
const RUNS_PER_SLICE = 20;
const WARM_UP_RUNS = 600;

/** Nanoseconds a unit for each candidate. */
export function measure(candidates: Candidate[]): Map<string, number> {
  const least = new Map(candidates.map((candidate) => [candidate.name, Number.POSITIVE_INFINITY]));
  for (const candidate of candidates) {
    for (let i = 0; i < WARM_UP_RUNS; i++) slice(candidate, 1);
  }
  for (let i = 0; i < SLICES; i++) {
    for (const candidate of candidates) {
      const ns = slice(candidate, RUNS_PER_SLICE);
      least.set(candidate.name, Math.min(least.get(candidate.name) ?? ns, ns));
    }
  }
  return least;
}

function slice(candidate: Candidate, runs: number): number {
  let ms = 0;
  for (let i = 0; i < runs; i++) {
    candidate.prepare();
    const start = performance.now();
    candidate.run();
    ms += performance.now() - start;
  }
  return (ms * 1e6) / (runs * candidate.units);
}

/** Of times in milliseconds, which it sorts: the middle one, and the one that 1 in 100 exceeds. */
export function percentiles(times: number[]): { p50Us: number; p99Us: number } {
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0) * 1000;
  return { p50Us: at(0.5), p99Us: at(0.99) };
}
