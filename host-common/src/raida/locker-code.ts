/**
 * Locker codes: what one person tells another so that they can take coins. Servers see keys only,
 * never the code (reference: RAIDA section 10, row 31), so its form is the client's own:
 *
 * - 19 random symbols (95 bits) and one that checks them, in five groups of four:
 *   `K7QM-2XRA-9TWE-5HDB-3C7G`. The 32 symbols are digits and letters without I, L, O, U; people
 *   may write small letters, O for 0, I or L for 1, and leave out or change what stands between.
 * - the check symbol is the first five bits of the SHA-256 of the 19 others
 * - the key on server r is the first 12 bytes of the SHA-256 of `<r>` (decimal) and the 20 symbols,
 *   then ff ff ff ff. A server cannot tell the other servers' keys from its own, so none can empty
 *   the locker elsewhere.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { AN_BYTES, KEYS_BYTES } from './coin.ts';
import type { Digests } from './digests.ts';
import { CODE_GROUPS } from './limits.ts';
import type { RandomSource } from './new-numbers.ts';
import { WalletError } from './wallet-error.ts';

const SYMBOLS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUP_SYMBOLS = 4;
const CODE_SYMBOLS = CODE_GROUPS * GROUP_SYMBOLS;
/** Symbols and the hyphens between groups. */
export const CODE_CHARACTERS = CODE_SYMBOLS + CODE_GROUPS - 1;
const KEY_BYTES = AN_BYTES - 4;
const alike: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

function grouped(symbols: string): string {
  return (symbols.match(/.{4}/g) ?? []).join('-');
}

function checkSymbol(symbols: string, digests: Digests): string {
  const [first = 0] = digests.sha256(new TextEncoder().encode(symbols));
  return SYMBOLS[first >> 3] as string;
}

/** A new code, from the platform's CSPRNG. */
export function newLockerCode(random: RandomSource, digests: Digests): string {
  const bytes = new Uint8Array(CODE_SYMBOLS - 1);
  random(bytes);
  const symbols = Array.from(bytes, (byte) => SYMBOLS[byte & 31]).join('');
  bytes.fill(0);
  return grouped(symbols + checkSymbol(symbols, digests));
}

/**
 * The code as it is written, from what somebody typed. Throws WalletError ANDVARI_WALLET_CODE: too
 * short, too long, an unknown symbol, or mistyped.
 */
export function parseLockerCode(text: string, digests: Digests): string {
  const symbols = text
    .toUpperCase()
    .replace(/[\s_.-]/g, '')
    .replace(/[OIL]/g, (letter) => alike[letter] ?? letter);
  const wrong = (problem: string): never => {
    throw new WalletError('ANDVARI_WALLET_CODE', `locker code: ${problem}`);
  };
  const known = Array.from(symbols).every((symbol) => SYMBOLS.includes(symbol));
  if (symbols.length !== CODE_SYMBOLS || !known) {
    wrong(`wanted ${CODE_GROUPS} groups of ${GROUP_SYMBOLS} letters and digits`);
  }
  const last = CODE_SYMBOLS - 1;
  if (checkSymbol(symbols.slice(0, last), digests) !== symbols[last]) wrong('it is mistyped');
  return grouped(symbols);
}

/** Whether a stored text has the form of a code. */
export function isLockerCode(text: string): boolean {
  const group = `[${SYMBOLS}]{${GROUP_SYMBOLS}}`;
  return new RegExp(`^${group}(?:-${group}){${CODE_GROUPS - 1}}$`).test(text);
}

/** 400 bytes: the key of each server, in order of RAIDA id. `code` as parseLockerCode gives it. */
export function lockerKeys(code: string, digests: Digests): Uint8Array<ArrayBuffer> {
  const symbols = code.replaceAll('-', '');
  const keys = new Uint8Array(KEYS_BYTES).fill(0xff);
  for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
    const digest = digests.sha256(new TextEncoder().encode(`${raidaId}${symbols}`));
    keys.set(digest.subarray(0, KEY_BYTES), raidaId * AN_BYTES);
    digest.fill(0);
  }
  return keys;
}
