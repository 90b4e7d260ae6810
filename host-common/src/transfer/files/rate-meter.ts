/** How fast something goes: over the last seconds, so that a pause or a new path is seen soon. */

/** Averaged over about so long. */
const SPAN_MS = 3_000;
/** Looks that come sooner after each other are one. */
const STEP_MS = 100;
/** Nothing has moved for so long: nobody knows when it will be done. */
const STALL_MS = 10_000;
/** 30 days: what is said to take longer is a guess that helps nobody. */
const ETA_S_MAX = 30 * 86_400;

export class RateMeter {
  private atMs: number;
  private bytes: number;
  /** When the bytes were others last. */
  private movedMs: number;
  private perMs = 0;
  /** Of the average, how much has been measured: 0 to 1. */
  private weight = 0;

  /** @param nowMs of a clock that nobody sets */
  constructor(nowMs: number, bytes = 0) {
    this.atMs = nowMs;
    this.movedMs = nowMs;
    this.bytes = bytes;
  }

  /** So many bytes have gone in all, now. */
  look(nowMs: number, bytes: number): void {
    const passedMs = nowMs - this.atMs;
    if (passedMs < STEP_MS) return;
    const share = 1 - Math.exp(-passedMs / SPAN_MS);
    this.perMs += ((bytes - this.bytes) / passedMs - this.perMs) * share;
    this.weight += (1 - this.weight) * share;
    if (bytes !== this.bytes) this.movedMs = nowMs;
    [this.atMs, this.bytes] = [nowMs, bytes];
  }

  /** Bytes per second; 0 before the first look. */
  get rate(): number {
    return this.weight > 0 ? Math.max(0, (this.perMs / this.weight) * 1000) : 0;
  }

  /**
   * Seconds until so many more have gone, 30 days at the most; undefined: nobody knows, as in a
   * stall.
   */
  eta(left: number): number | undefined {
    if (left <= 0) return 0;
    if (this.rate === 0 || this.atMs - this.movedMs >= STALL_MS) return undefined;
    const seconds = left / this.rate;
    return seconds <= ETA_S_MAX ? seconds : undefined;
  }
}
