/**
 * Coins of one server as NDJSON, one record a line: {"den":0,"sn":100,"an":"32 hex
 * digits","mfs":30}. Whoever reads such a file owns the coins: no message here repeats what a line
 * holds.
 */
import { PAGE_RECORDS } from '../store/coin-store.ts';

export interface CoinRecord {
  /** -8 to 6. */
  denomination: number;
  serialNumber: number;
  /** 16 bytes: this server's AN. */
  authenticationNumber: Uint8Array;
  /** Months since February 2023; 0: not in circulation. */
  mfs: number;
}

/** A record is under 80 bytes; what is longer than this is no record. */
const LINE_BYTES_MAX = 1024;

/** A line that is no record. */
export class CoinInputError extends Error {
  readonly code = 'ANDVARI_COIN_INPUT';
  /** Counted from 1. */
  readonly line: number;
  readonly problem: string;

  /** `file` where the records do not come from standard input. */
  constructor(line: number, problem: string, file?: string) {
    super(`${file === undefined ? '' : `${file}: `}line ${line}: ${problem}`);
    this.problem = problem;
    this.name = 'CoinInputError';
    this.line = line;
  }
}

/** With the end of the line. */
export function emitRecord(record: CoinRecord): string {
  const { denomination, serialNumber, authenticationNumber, mfs } = record;
  const an = Buffer.from(authenticationNumber).toString('hex');
  return `{"den":${denomination},"sn":${serialNumber},"an":"${an}","mfs":${mfs}}\n`;
}

/** The record in the text of line `line`. Throws CoinInputError. */
export function parseRecord(text: string, line: number, pagesPerDenomination: number): CoinRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the line.
    throw new CoinInputError(line, 'not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CoinInputError(line, 'wanted {"den":...,"sn":...,"an":...,"mfs":...}');
  }
  const { den, sn, an, mfs, ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new CoinInputError(line, 'wanted only den, sn, an and mfs');
  const snMost = pagesPerDenomination * PAGE_RECORDS - 1;
  if (typeof an !== 'string' || !/^[0-9a-fA-F]{32}$/.test(an)) {
    throw new CoinInputError(line, 'an: wanted 32 hex digits');
  }
  return {
    denomination: integer(den, 'den', [-8, 6], line),
    serialNumber: integer(sn, 'sn', [0, snMost], line),
    authenticationNumber: Uint8Array.from(Buffer.from(an, 'hex')),
    mfs: integer(mfs, 'mfs', [0, 255], line),
  };
}

function integer(
  value: unknown,
  name: string,
  [least, most]: readonly [number, number],
  line: number,
): number {
  const good = typeof value === 'number' && Number.isInteger(value);
  if (good && value >= least && value <= most) return value;
  throw new CoinInputError(line, `${name}: wanted an integer ${least} to ${most}`);
}

/**
 * The lines of a stream of bytes, without those that are empty, with their numbers. Throws
 * CoinInputError for a line that is too long, or not UTF-8.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ text: string; line: number }> {
  let line = 1;
  let rest: Uint8Array = new Uint8Array(0);
  const emit = (bytes: Uint8Array) => ({ text: decode(bytes, line), line });
  for await (const chunk of input) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      const found = emit(bytes.subarray(start, end));
      if (found.text !== '') yield found;
      start = end + 1;
      line++;
    }
    // An own copy: streams use their buffers again.
    rest = bytes.slice(start);
    if (rest.length > LINE_BYTES_MAX) decode(rest, line);
  }
  const last = emit(rest);
  if (last.text !== '') yield last;
}

function decode(bytes: Uint8Array, line: number): string {
  if (bytes.length > LINE_BYTES_MAX) {
    throw new CoinInputError(line, `wanted at most ${LINE_BYTES_MAX} bytes a line`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
  } catch {
    throw new CoinInputError(line, 'not UTF-8');
  }
}

/**
 * Months from February 2023 (0) in UTC, as a record holds them. Throws RangeError where one byte
 * cannot say it.
 */
export function mfsOf(date: Date): number {
  const mfs = (date.getUTCFullYear() - 2023) * 12 + date.getUTCMonth() - 1;
  // 0 would say that the coin is not in circulation.
  if (mfs >= 1 && mfs <= 255) return mfs;
  throw new RangeError(`the clock says ${date.toISOString()}: no coin can be dated so`);
}
