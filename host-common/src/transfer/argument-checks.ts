/** What callers give, looked at where it is given: an error there, and not a fault later. */

/** @throws TypeError: no number; RangeError: no whole one from `least` to `most` */
export function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') throw wanted(name, 'a number', value);
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: wanted a whole number from ${least} to ${most}, got ${value}`);
}

/** @throws TypeError: no object, or one with a name that is none of these, as if misspelt */
export function checkKnown(name: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw wanted(name, 'an object', value);
  for (const own of Object.keys(value)) {
    if (!names.includes(own)) throw new TypeError(`${name}: there is no ${own}`);
  }
}

/** What came is named by its kind: it may be a secret, or long. */
function wanted(name: string, kind: string, value: unknown): TypeError {
  return new TypeError(`${name}: wanted ${kind}, got ${value === null ? 'null' : typeof value}`);
}

/** @throws TypeError: `value` is no Uint8Array; bytes of others would be cut or lost */
export function checkBytes(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name}: wanted a Uint8Array`);
}
