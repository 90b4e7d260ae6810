/**
 * What callers give, looked at where it is given: an error there, and not a fault later. A value of
 * another kind is a TypeError, one beyond its bounds a RangeError, each before anything happened.
 */

/** The largest number of 32 bits: what the protocol has for most of its own. */
export const U32_MAX = 0xffffffff;

/** @throws TypeError: no number; RangeError: no whole one from `least` to `most` */
export function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') throw wanted(name, 'a number', value);
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: wanted a whole number from ${least} to ${most}, got ${value}`);
}

/**
 * @throws TypeError: no Uint8Array, bytes of others would be cut or lost; RangeError: not `length`
 * bytes
 */
export function checkBytes(name: string, value: unknown, length?: number): void {
  if (!(value instanceof Uint8Array)) throw wanted(name, 'a Uint8Array', value);
  if (length === undefined || value.length === length) return;
  throw new RangeError(`${name}: wanted ${length} bytes, got ${value.length}`);
}

/** @throws TypeError: no string; other things would be made one, `null` a passphrase */
export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw wanted(name, 'a string', value);
}

/** @throws TypeError: neither true nor false; 'false' and 0 are neither */
export function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wanted(name, 'true or false', value);
}

/** @throws TypeError: no function */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wanted(name, 'a function', value);
}

/** @throws TypeError: no string; RangeError: none of these */
export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  checkText(name, value);
  if (choices.includes(value as string)) return;
  throw new RangeError(`${name}: wanted ${choices.join(' or ')}, got ${value}`);
}

/** @throws TypeError: no object */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw wanted(name, 'an object', value);
}

/** @throws TypeError: no object, or one without these functions */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  checkObject(name, value);
  for (const method of methods) {
    checkFunction(`${name}.${method}`, (value as Record<string, unknown>)[method]);
  }
}

/** @throws TypeError: no object, or one with a name that is none of these, as if misspelt */
export function checkKnown(name: string, value: unknown, names: readonly string[]): void {
  checkObject(name, value);
  for (const own of Object.keys(value as object)) {
    if (!names.includes(own)) throw new TypeError(`${name}: there is no ${own}`);
  }
}

/** What came is named by its kind: it may be a secret, or long. */
function wanted(name: string, kind: string, value: unknown): TypeError {
  return new TypeError(`${name}: wanted ${kind}, got ${value === null ? 'null' : typeof value}`);
}
