/**
 * A token bucket: so many at once, and so many more by and by. Time is an argument, in milliseconds
 * of a clock that never goes back. Full at the start.
 */
export class TokenBucket {
  readonly #perMs: number;
  #capacity: number;
  #tokens: number;
  #atMs: number;

  constructor(capacity: number, perSecond: number, nowMs: number) {
    this.#capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#tokens = capacity;
    this.#atMs = nowMs;
  }

  /** Whether there is a token; take() takes it. */
  has(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= 1;
  }

  /** False, and nothing taken, when it is empty. */
  take(nowMs: number): boolean {
    if (!this.has(nowMs)) return false;
    this.#tokens--;
    return true;
  }

  /** It may hold so many from now on, and has those that it could not hold before. */
  widen(capacity: number): void {
    this.#tokens += Math.max(0, capacity - this.#capacity);
    this.#capacity = Math.max(capacity, this.#capacity);
  }

  /** Takes so many, also more than there are: the next one comes the later. */
  charge(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** As good as a new one. */
  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#tokens >= this.#capacity;
  }

  /** Milliseconds until there is a token. */
  waitMs(nowMs: number): number {
    return this.has(nowMs) ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #fill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + passedMs * this.#perMs);
  }
}
