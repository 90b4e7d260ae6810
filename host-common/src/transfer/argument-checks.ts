/** What callers give, looked at where it is given: an error there, and not a fault later. */

/** @throws RangeError: `value` is no whole number from `least` to `most` */
export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: wanted a whole number from ${least} to ${most}, got ${value}`);
}

/** @throws TypeError: `value` is no Uint8Array; bytes of others would be cut or lost */
export function checkBytes(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: wanted a Uint8Array`);
}
