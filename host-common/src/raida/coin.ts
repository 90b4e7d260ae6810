/**
 * A CloudCoin: denomination and serial number name it, 25 authentication numbers (ANs) own it.
 * Reference: RAIDA section 7. Values are bigints in units of 1e-8.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';

export const DENOMINATION_MIN = -8;
export const DENOMINATION_MAX = 6;
export const SERIAL_NUMBER_MAX = 0xffffffff;
/** Bytes of one authentication number. */
export const AN_BYTES = 16;
/** Bytes of a coin's 25 authentication numbers. */
export const KEYS_BYTES = AN_BYTES * RAIDA_COUNT;
/** Units in one CloudCoin. */
export const UNITS_PER_COIN = 100_000_000n;

export interface Coin {
  /** -8 to 6; the value is 10^denomination. */
  denomination: number;
  /** u32. */
  serialNumber: number;
}

export interface CoinKeys extends Coin {
  /** 400 bytes: 25 ANs of 16, in order of RAIDA id. */
  authenticationNumbers: Uint8Array;
}

/** A coin and the ANs proposed for it: 400 bytes each. */
export interface CoinProposal extends CoinKeys {
  proposedNumbers: Uint8Array;
}

/** One denomination as people know it. */
export interface Denomination {
  denomination: number;
  /** Value of one coin in units of 1e-8. */
  units: bigint;
  /** The value as a plain decimal number. */
  label: string;
}

export function isDenomination(value: unknown): value is number {
  return (
    Number.isInteger(value) &&
    (value as number) >= DENOMINATION_MIN &&
    (value as number) <= DENOMINATION_MAX
  );
}

export function isSerialNumber(value: unknown): value is number {
  return (
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= SERIAL_NUMBER_MAX
  );
}

/** Value of a coin of this denomination, 10^(denomination + 8) units. RangeError outside -8..6. */
export function coinValueUnits(denomination: number): bigint {
  if (!isDenomination(denomination)) {
    throw new RangeError(`denomination: wanted -8 to 6, got ${denomination}`);
  }
  return 10n ** BigInt(denomination - DENOMINATION_MIN);
}

/** Sum of the coins' values in units. */
export function totalUnits(coins: Iterable<Coin>): bigint {
  let units = 0n;
  for (const coin of coins) units += coinValueUnits(coin.denomination);
  return units;
}

/** A number that is different for every coin: (denomination + 8) * 2^32 + serial number. */
export function coinNumber(coin: Coin): number {
  return (coin.denomination - DENOMINATION_MIN) * 2 ** 32 + coin.serialNumber;
}

/** The AN of one server: a view of 16 bytes, not a copy. */
export function authenticationNumber(keys: Uint8Array, raidaId: number): Uint8Array {
  return keys.subarray(raidaId * AN_BYTES, (raidaId + 1) * AN_BYTES);
}

/** The list's coin; indices may come from a caller and be wrong. RangeError. */
export function pick<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item !== undefined) return item;
  throw new RangeError(`index: wanted 0 to ${list.length - 1}, got ${index}`);
}

function split(units: bigint): { sign: string; whole: string; fraction: string } {
  const size = units < 0n ? -units : units;
  return {
    sign: units < 0n ? '-' : '',
    whole: (size / UNITS_PER_COIN).toString(),
    fraction: (size % UNITS_PER_COIN).toString().padStart(8, '0').replace(/0+$/, ''),
  };
}

/** The value as a plain decimal number without trailing zeros: `1250.1`, `0.00000001`. */
export function formatUnits(units: bigint): string {
  const { sign, whole, fraction } = split(units);
  return `${sign}${whole}${fraction && `.${fraction}`}`;
}

/**
 * The value as coin file names write it (reference: RAIDA section 14): commas by three in the whole
 * part, hyphens by four in the fraction, no trailing zeros: `1,250.1`, `0.0000-0001`.
 */
export function formatFileValue(units: bigint): string {
  const { sign, whole, fraction } = split(units);
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  const hyphened = fraction.replace(/\d{4}(?=\d)/g, '$&-');
  return `${sign}${grouped}${hyphened && `.${hyphened}`}`;
}

/** All denominations, the smallest first. */
export const denominations: readonly Denomination[] = Array.from(
  { length: DENOMINATION_MAX - DENOMINATION_MIN + 1 },
  (_, index) => {
    const denomination = DENOMINATION_MIN + index;
    const units = coinValueUnits(denomination);
    return { denomination, units, label: formatUnits(units) };
  },
);
