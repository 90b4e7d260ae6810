/**
 * QPACK field sections (RFC 9204) without a dynamic table: our SETTINGS give it capacity 0, so
 * whatever refers to it is an error of the peer's. What we send uses the static table alone.
 *
 * A section starts with two integers, Required Insert Count (8-bit prefix) and Base (sign and
 * 7-bit prefix); then field lines by their first bits: 1T indexed, 01NT name reference, 001NH
 * literal name, 0001 and 0000 post-base (dynamic only).
 */
import { Http3Code, Http3ConnectionError } from './http3-error.ts';
import { huffmanDecode, huffmanEncode } from './huffman.ts';
import { STATIC_TABLE } from './qpack-static-table.ts';
import { concatBytes } from './varint.ts';

export type Field = readonly [name: string, value: string];

/** Fields of one section; a browser's CONNECT has about ten. */
const FIELDS_MAX = 100;

/** Names and values are bytes; latin1 keeps each as one character. */
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function failed(why: string): Http3ConnectionError {
  return new Http3ConnectionError(Http3Code.QPACK_DECOMPRESSION_FAILED, why);
}

export interface PrefixedInteger {
  value: number;
  end: number;
}

/**
 * An integer with a prefix of `prefixBits` (RFC 7541 section 5.1); undefined: more bytes are
 * needed.
 * @throws RangeError beyond 2^31 - 1, which nothing here reaches
 */
export function parsePrefixed(
  bytes: Uint8Array,
  offset: number,
  prefixBits: number,
): PrefixedInteger | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const full = (1 << prefixBits) - 1;
  let value = first & full;
  if (value < full) return { value, end: offset + 1 };
  for (let index = offset + 1, scale = 1; ; index++, scale *= 128) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * scale;
    if (value > 0x7fffffff || scale > 0x7fffffff) throw new RangeError('integer too large');
    if (byte < 0x80) return { value, end: index + 1 };
  }
}

/** `flags` are the bits before the prefix. */
export function emitPrefixed(value: number, prefixBits: number, flags: number): Uint8Array {
  const full = (1 << prefixBits) - 1;
  if (value < full) return Uint8Array.of(flags | value);
  const bytes = [flags | full];
  let rest = value - full;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

class SectionReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#offset >= this.#bytes.length;
  }
  get nextByte(): number {
    return this.#bytes[this.#offset]!;
  }

  integer(prefixBits: number): number {
    let found: PrefixedInteger | undefined;
    try {
      found = parsePrefixed(this.#bytes, this.#offset, prefixBits);
    } catch {
      throw failed('an integer of the field section is too large');
    }
    if (!found) throw failed('the field section ends inside an integer');
    this.#offset = found.end;
    return found.value;
  }

  /** A string whose length has a prefix of `prefixBits`; the bit before it says Huffman. */
  string(prefixBits: number): string {
    if (this.ended) throw failed('the field section ends before a string');
    const huffman = (this.nextByte & (1 << prefixBits)) !== 0;
    const length = this.integer(prefixBits);
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw failed('the field section ends inside a string');
    const raw = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    if (!huffman) return text(raw);
    const decoded = huffmanDecode(raw);
    if (!decoded) throw failed('a string of the field section is no Huffman code');
    return text(decoded);
  }
}

function staticField(index: number): Field {
  const field = STATIC_TABLE[index];
  if (!field) throw failed(`the static table has no entry ${index}`);
  return field;
}

function parseLine(reader: SectionReader): Field {
  const first = reader.nextByte;
  if (first >= 0x80) {
    if ((first & 0x40) === 0) throw failed('a field refers to the dynamic table');
    return staticField(reader.integer(6));
  }
  if (first >= 0x40) {
    if ((first & 0x10) === 0) throw failed('a name refers to the dynamic table');
    const [name] = staticField(reader.integer(4));
    return [name, reader.string(7)];
  }
  if (first >= 0x20) {
    const name = reader.string(3);
    return [name, reader.string(7)];
  }
  throw failed('a field refers to the dynamic table, behind its base');
}

/**
 * The fields of a whole section, in order.
 * @throws Http3ConnectionError QPACK_DECOMPRESSION_FAILED
 */
export function decodeFieldSection(bytes: Uint8Array): Field[] {
  const reader = new SectionReader(bytes);
  if (reader.integer(8) !== 0) throw failed('the field section needs the dynamic table');
  // Without the dynamic table Base means nothing: any value is taken that is not below zero
  // (section 4.5.1.2).
  if (reader.ended) throw failed('the field section has no Base');
  if (reader.nextByte >= 0x80) throw failed('the field section has a negative Base');
  reader.integer(7);
  const fields: Field[] = [];
  while (!reader.ended) {
    if (fields.length === FIELDS_MAX) throw failed(`more than ${FIELDS_MAX} fields`);
    fields.push(parseLine(reader));
  }
  return fields;
}

function emitString(value: string, prefixBits: number, flags: number): Uint8Array {
  const raw = Buffer.from(value, 'latin1');
  const coded = huffmanEncode(raw);
  if (coded.length >= raw.length) {
    return concatBytes(emitPrefixed(raw.length, prefixBits, flags), raw);
  }
  return concatBytes(emitPrefixed(coded.length, prefixBits, flags | (1 << prefixBits)), coded);
}

function emitLine([name, value]: Field): Uint8Array {
  const whole = STATIC_TABLE.findIndex(([n, v]) => n === name && v === value);
  if (whole >= 0) return emitPrefixed(whole, 6, 0xc0);
  const named = STATIC_TABLE.findIndex(([n]) => n === name);
  const head = named >= 0 ? emitPrefixed(named, 4, 0x50) : emitString(name, 3, 0x20);
  return concatBytes(head, emitString(value, 7, 0));
}

/** A section of these fields: static table where it has them, Huffman where it is shorter. */
export function encodeFieldSection(fields: readonly Field[]): Uint8Array {
  return concatBytes(Uint8Array.of(0, 0), ...fields.map(emitLine));
}
