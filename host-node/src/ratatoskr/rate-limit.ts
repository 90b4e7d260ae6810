/**
 * Token buckets: so many at once, and so many more by and by. Time is an argument, in
 * milliseconds of a clock that never goes back.
 */

/** One bucket. Full at the start. */
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

export interface DeviceRates {
  perMinute: number;
  perHour: number;
}

interface DeviceBuckets {
  minute: TokenBucket;
  hour: TokenBucket;
}

/**
 * Messages of each device, by the minute and by the hour (reference: Ratatoskr section 6). Only for
 * devices whose signature was good, so that a stranger can neither fill the table nor use up what
 * is somebody else's.
 */
export class DeviceRateLimit {
  readonly #rates: DeviceRates;
  readonly #devicesMax: number;
  readonly #buckets = new Map<string, DeviceBuckets>();

  constructor(rates: DeviceRates, devicesMax: number) {
    this.#rates = rates;
    this.#devicesMax = devicesMax;
  }

  /** Devices remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether the device may send one more message now; counted if so. */
  admit(deviceId: string, nowMs: number): boolean {
    let buckets = this.#buckets.get(deviceId);
    if (!buckets) {
      if (this.size >= this.#devicesMax) this.sweep(nowMs);
      // Nobody of the table may be forgotten before its buckets are full again.
      if (this.size >= this.#devicesMax) return false;
      const { perMinute, perHour } = this.#rates;
      buckets = {
        minute: new TokenBucket(perMinute, perMinute / 60, nowMs),
        hour: new TokenBucket(perHour, perHour / 3600, nowMs),
      };
      this.#buckets.set(deviceId, buckets);
    }
    const { minute, hour } = buckets;
    if (!minute.has(nowMs) || !hour.has(nowMs)) return false;
    return minute.take(nowMs) && hour.take(nowMs);
  }

  /** Forget devices that have been quiet for so long that they are as good as new. */
  sweep(nowMs: number): void {
    for (const [deviceId, { minute, hour }] of this.#buckets) {
      if (minute.isFull(nowMs) && hour.isFull(nowMs)) this.#buckets.delete(deviceId);
    }
  }
}
