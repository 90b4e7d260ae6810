/** Rates of devices that the replay cache does not let come true. */
import { REPLAY_ENTRIES_PER_DEVICE_MAX } from '@andvari/host-common/engine/generated/limits';
import type { ConfigValues } from './config-keys.ts';

/** How long a message is remembered: as long as it may be sent (reference: Ratatoskr, 3.2). */
const KEPT_MINUTES = 5;

export interface RateProblem {
  key: 'ratatoskr.rate_per_minute';
  reason: string;
  code: 'ANDVARI_CONFIG_RATE';
  severity: 'warning';
}

/** None, or one if a device may send more than is remembered of it. */
export function rateProblems(values: Partial<ConfigValues>): RateProblem[] {
  const { 'ratatoskr.rate_per_minute': perMinute, 'ratatoskr.rate_per_hour': perHour } = values;
  if (perMinute === undefined || perHour === undefined || !values['ratatoskr.listen']) return [];
  // A full bucket, and what comes meanwhile.
  const byMinute = perMinute * (1 + KEPT_MINUTES);
  const byHour = Math.floor(perHour * (1 + KEPT_MINUTES / 60));
  const most = Math.min(byMinute, byHour);
  if (most <= REPLAY_ENTRIES_PER_DEVICE_MAX) return [];
  const reason =
    `a device may send ${most} messages in ${KEPT_MINUTES} minutes with these rates, of which ` +
    `${REPLAY_ENTRIES_PER_DEVICE_MAX} are taken: more would be refused as NONCE_CACHE_FULL`;
  const [key, code] = ['ratatoskr.rate_per_minute', 'ANDVARI_CONFIG_RATE'] as const;
  return [{ key, reason, code, severity: 'warning' }];
}
