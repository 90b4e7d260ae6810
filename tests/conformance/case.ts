/** What a case, its outcome and a host's result are: lines of JSON, all bytes in lower-case hex. */

/** Bytes by name; numbers are big-endian, truths one byte, lists are lists of bytes. */
export type Input = Readonly<Record<string, string | readonly string[]>>;

/** Bytes, or one word: why there are none. */
export type Outcome = { output: string } | { verdict: string };

export interface Case {
  /** Of its own; never another case under the same. */
  id: string;
  /** The part of the source that it comes from: a row of the matrix. */
  section: string;
  /** An interface of assembly/wit and a function: `cipher.ctr`. */
  function: string;
  input: Input;
  /** Left out: no vector says, all hosts have to agree. */
  expected?: Outcome;
  /** First byte and byte behind the last of what `expected` leaves open. */
  open?: readonly (readonly [number, number])[];
}

/** `unsupported`: the host does not have the function. `failure`: it broke. */
export type Result = { id: string } & (Outcome | { unsupported: true } | { failure: string });

/** The fields of a case as a function wants them. */
export class Fields {
  private readonly input: Input;

  constructor(input: Input) {
    this.input = input;
  }

  /** Throws Error for a field that is missing or a list. */
  bytes(name: string): Uint8Array {
    return bytesOf(this.hex(name));
  }

  number(name: string): number {
    return Number(this.bigint(name));
  }

  bigint(name: string): bigint {
    return BigInt(`0x${this.hex(name)}`);
  }

  isTrue(name: string): boolean {
    return this.number(name) !== 0;
  }

  /** Left out: none. */
  list(name: string): Uint8Array[] {
    const found = this.input[name] ?? [];
    if (typeof found === 'string') throw new Error(`${name}: wanted a list`);
    return found.map(bytesOf);
  }

  has(name: string): boolean {
    return this.input[name] !== undefined;
  }

  private hex(name: string): string {
    const found = this.input[name];
    if (typeof found !== 'string') throw new Error(`${name}: wanted bytes`);
    return found;
  }
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A number as `bytes` bytes, big-endian. */
export function hexOfNumber(value: number | bigint, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

export const hexOfText = (text: string) => hexOf(new TextEncoder().encode(text));

/** Reads lines of JSON; empty ones count for nothing. */
export function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

export function emitLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}
