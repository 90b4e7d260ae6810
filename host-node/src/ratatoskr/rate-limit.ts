/** How much a device may ask: by the minute and by the hour. */
import { TokenBucket } from '@andvari/host-common/token-bucket';

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
