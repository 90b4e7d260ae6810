/** What callers give, looked at where it is given: a RangeError there, and not a fault later. */

/** @throws RangeError: `value` is no whole number from `least` to `most` */
export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: wanted a whole number from ${least} to ${most}, got ${value}`);
}
