/**
 * Whether a direct way still carries a session. What has to be acked is on its way, and nothing
 * comes: then it is dead. A session that has nothing to say is not asked, as that would keep it
 * alive; the way is looked at when it speaks again. So nothing goes on to an address that does not
 * want it: acks are the consent that section 8 has asked for every 5 s.
 */
import type { Statistics } from '../engine-transfer.ts';

/** Silence that a lossy way may have, and how many late acks. */
const SILENCE_US_MIN = 1_000_000;
const SILENCE_US_MAX = 5_000_000;
const LATE_ACKS = 4;
const ACK_DELAY_US = 25_000;

/** A process that has been stopped, or busy, for longer has not looked at what came. */
const LOOK_US_MAX = 250_000;

export class DirectWatch {
  private received = -1;
  private lookedUs: number;
  /** How long something has been on its way and nothing come. */
  private silentUs = 0;

  constructor(nowUs: number) {
    this.lookedUs = nowUs;
  }

  /** Asked some times a second. */
  isDead(statistics: Statistics, nowUs: number): boolean {
    const { PACKETS_RECEIVED, IN_FLIGHT, ROUND_TRIP_US, ROUND_TRIP_VARIATION_US } = statistics;
    const isQuiet = PACKETS_RECEIVED === this.received && IN_FLIGHT > 0;
    const passedUs = Math.min(nowUs - this.lookedUs, LOOK_US_MAX);
    this.silentUs = isQuiet ? this.silentUs + passedUs : 0;
    this.received = PACKETS_RECEIVED;
    this.lookedUs = nowUs;
    const lateUs = LATE_ACKS * (ROUND_TRIP_US + 4 * ROUND_TRIP_VARIATION_US + ACK_DELAY_US);
    return this.silentUs > Math.min(Math.max(lateUs, SILENCE_US_MIN), SILENCE_US_MAX);
  }
}
