/** A payload as JSON, if it is some. Its size is bounded, and so is what it takes to parse. */
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';

/** JSON that would take too long to parse. */
export class JsonLimitError extends Error {
  override readonly name = 'JsonLimitError';
}

/**
 * Undefined: it is no JSON.
 * @throws JsonLimitError: it has too many values, or they are too deep in each other
 */
export function parsePayload(payload: Uint8Array): unknown {
  if (!mayBegin(payload[textStart(payload)] ?? 0)) return undefined;
  let text: string;
  try {
    text = decoder.decode(payload);
  } catch {
    return undefined;
  }
  // What is no text, or begins no object or array, ends the parser soon, or has one value.
  if (HAS_VALUES.test(text) && exceeds(payload)) {
    throw new JsonLimitError('too many values, or too deep in each other');
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const HAS_VALUES = /^[\t\n\r ]*[[{]/;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Where the white space before a text ends: a plain loop, since a payload may have 1 MiB of it. */
function textStart(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== SPACE && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return at;
  }
  return bytes.length;
}

/**
 * By its first byte that is no white space (or is a byte order mark, which is taken off): what is
 * surely none costs no exception (20 us).
 */
function mayBegin(first: number): boolean {
  return first === 0x22 || (first >= 0x2d && first < 0x80) || first === 0xef;
}

/** White space, or no JSON. */
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** `{` is `[` with this bit, `}` is `]` with it; nothing else outside strings becomes those. */
const BRACE_BIT = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Whether it has more values, or more of them in each other, than are parsed. Before each value
 * but the first stands a comma, or an opening that nothing closes at once; one or two milliseconds
 * for 1 MiB. Of what is no JSON it may say anything.
 */
function exceeds(bytes: Uint8Array): boolean {
  let depth = 0;
  let values = 1;
  let opened = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte <= SPACE) continue;
    const bracket = byte | BRACE_BIT;
    if (opened && bracket !== CLOSING) values++;
    opened = bracket === OPENING;
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COMMA) values++;
    else if (bracket === CLOSING) depth--;
    else if (opened && ++depth > JSON_DEPTH_MAX) return true;
    if (values > JSON_VALUES_MAX) return true;
  }
  return false;
}

/** Where the string that begins there has its other quote. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
