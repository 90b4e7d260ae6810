/**
 * The time that every part of transfer goes by: microseconds, as the host gave them when it entered
 * the engine. It never runs backward, whatever the host's clock does.
 */
export let now: u64 = 0;

/** Sets the time; an earlier one than before is ignored. */
export function setNow(us: u64): void {
  if (us > now) now = us;
}

/** For specs, which begin at a time of their own. */
export function resetClock(us: u64): void {
  now = us;
}
