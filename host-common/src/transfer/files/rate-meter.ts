/** How fast something goes: over the last seconds, so that a pause or a new path is seen soon. */

/** Averaged over about so long. */
const SPAN_MS = 3_000;
/** Looks that come sooner after each other are one. */
const STEP_MS = 100;

export class RateMeter {
  private atMs: number;
  private bytes: number;
  private perMs = 0;
  /** Of the average, how much has been measured: 0 to 1. */
  private weight = 0;

  /** @param nowMs of a clock that nobody sets */
  constructor(nowMs: number, bytes = 0) {
    this.atMs = nowMs;
    this.bytes = bytes;
  }

  /** So many bytes have gone in all, now. */
  look(nowMs: number, bytes: number): void {
    const passedMs = nowMs - this.atMs;
    if (passedMs < STEP_MS) return;
    const share = 1 - Math.exp(-passedMs / SPAN_MS);
    this.perMs += ((bytes - this.bytes) / passedMs - this.perMs) * share;
    this.weight += (1 - this.weight) * share;
    [this.atMs, this.bytes] = [nowMs, bytes];
  }

  /** Bytes per second; 0 before the first look. */
  get rate(): number {
    return this.weight > 0 ? Math.max(0, (this.perMs / this.weight) * 1000) : 0;
  }

  /** Seconds until so many more have gone; undefined: nobody knows. */
  eta(left: number): number | undefined {
    if (left <= 0) return 0;
    return this.rate > 0 ? left / this.rate : undefined;
  }
}
