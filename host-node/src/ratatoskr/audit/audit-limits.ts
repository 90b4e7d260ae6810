/**
 * How many records of what others cause are kept; the rest is counted. Whoever can cause records
 * without end must not be able to push out of the files what others did.
 */

import { TokenBucket } from '@andvari/host-common/token-bucket';
import { DEVICES_MAX } from '../limits.ts';
import type { AuditEntry } from './audit-record.ts';

/** A token is good for so many bytes of a record; long ids make it cost several. */
const TOKEN_BYTES = 512;
/** Failures a second, and at once, of all together. */
const FAILURES_PER_SECOND = 20;
const FAILURES_BURST = 1000;
/**
 * Of connections without a session, successes too, a minute and at once: whoever reaches the port
 * causes them. With the count of the others that is 2 MB a day at the most, more than a month to
 * fill what is kept.
 */
const STRANGERS_PER_MINUTE = 2;
const STRANGERS_BURST = 1000;
/**
 * Refusals of one device's messages, a minute and at once: most of them its rate never counts, and
 * they need no signature.
 */
const DEVICE_REFUSALS_PER_MINUTE = 2;
const DEVICE_REFUSALS_BURST = 100;

/** Whose doing a record tells of: of a connection without a session, or of a session's device. */
export type AuditSource = 'server' | 'stranger' | { readonly deviceId: string };

const NO_BUCKETS: readonly TokenBucket[] = [];

export class AuditLimits {
  readonly #ofAll: readonly TokenBucket[];
  readonly #ofStrangers: readonly TokenBucket[];
  readonly #devices = new Map<string, TokenBucket>();
  readonly #devicesMax: number;

  /** @param devicesMax that may have failed lately; failures of more are only counted */
  constructor(nowMs: number, devicesMax = DEVICES_MAX) {
    this.#ofAll = [new TokenBucket(FAILURES_BURST, FAILURES_PER_SECOND, nowMs)];
    this.#ofStrangers = [new TokenBucket(STRANGERS_BURST, STRANGERS_PER_MINUTE / 60, nowMs)];
    this.#devicesMax = devicesMax;
  }

  /**
   * The record that `write` gives, paid for by those who cause it; undefined: it is only to be
   * counted.
   */
  admit(
    { entry, source }: { entry: AuditEntry; source: AuditSource },
    nowMs: number,
    write: () => string,
  ): string | undefined {
    const buckets = this.#bucketsOf(entry, source, nowMs);
    if (!buckets?.every((bucket) => bucket.has(nowMs))) return undefined;
    const record = write();
    const tokens = Math.ceil(Buffer.byteLength(record) / TOKEN_BYTES);
    for (const bucket of buckets) bucket.charge(tokens);
    return record;
  }

  #bucketsOf(
    { event, success }: AuditEntry,
    source: AuditSource,
    nowMs: number,
  ): readonly TokenBucket[] | undefined {
    if (source === 'stranger') return this.#ofStrangers;
    if (success) return NO_BUCKETS;
    // What a service failed in has passed the device's rate, as what it did not fail in.
    if (source === 'server' || event === 'message_delivered') return this.#ofAll;
    const own = this.#bucketOf(source.deviceId, nowMs);
    return own && [own, ...this.#ofAll];
  }

  #bucketOf(deviceId: string, nowMs: number): TokenBucket | undefined {
    let bucket = this.#devices.get(deviceId);
    if (bucket) return bucket;
    if (this.#devices.size >= this.#devicesMax) this.#sweep(nowMs);
    if (this.#devices.size >= this.#devicesMax) return undefined;
    bucket = new TokenBucket(DEVICE_REFUSALS_BURST, DEVICE_REFUSALS_PER_MINUTE / 60, nowMs);
    this.#devices.set(deviceId, bucket);
    return bucket;
  }

  /** Those with a full bucket are as good as new. */
  #sweep(nowMs: number): void {
    for (const [deviceId, bucket] of this.#devices) {
      if (bucket.isFull(nowMs)) this.#devices.delete(deviceId);
    }
  }
}
