/**
 * STUN messages (RFC 8489 section 5), strict and without state. A message that has not exactly the
 * length that it names, or whose FINGERPRINT is wrong, is none.
 *
 *   type 2 · length 2 · magic cookie 4 · transaction id 12 · attributes        all big-endian
 *   attribute: type 2 · length 2 · value · padding to 4 bytes
 */
import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { equalBytes } from '@andvari/host-common/transfer/byte-strings';

export const MAGIC_COOKIE = 0x2112a442;
/** What tells a FINGERPRINT from the CRC-32 of another protocol. */
const FINGERPRINT_MARK = 0x5354554e;
export const HEADER_BYTES = 20;
export const TRANSACTION_ID_BYTES = 12;
/** Larger ones are none: what crosses every network in one piece holds all that is asked. */
export const MESSAGE_BYTES_MAX = 1280;
const ATTRIBUTES_MAX = 32;

export const StunClass = { REQUEST: 0, INDICATION: 1, SUCCESS: 2, ERROR: 3 } as const;
export type StunClass = (typeof StunClass)[keyof typeof StunClass];

export const BINDING = 1;

/** RFC 8489 section 18.3, RFC 5780 section 7. Whoever does not know one below 0x8000 says so. */
export const StunType = {
  MAPPED_ADDRESS: 0x0001,
  CHANGE_REQUEST: 0x0003,
  USERNAME: 0x0006,
  MESSAGE_INTEGRITY: 0x0008,
  ERROR_CODE: 0x0009,
  UNKNOWN_ATTRIBUTES: 0x000a,
  MESSAGE_INTEGRITY_SHA256: 0x001c,
  XOR_MAPPED_ADDRESS: 0x0020,
  RESPONSE_PORT: 0x0027,
  FINGERPRINT: 0x8028,
  RESPONSE_ORIGIN: 0x802b,
  OTHER_ADDRESS: 0x802c,
} as const;
export const OPTIONAL_FROM = 0x8000;

export interface StunAttribute {
  type: number;
  value: Uint8Array;
}

export interface StunHeader {
  kind: StunClass;
  /** 12 bits. */
  method: number;
  /** 12 bytes. */
  transactionId: Uint8Array;
}

/** What came. The attributes are views into its bytes. */
export interface StunMessage extends StunHeader {
  /** In their order, up to the first MESSAGE-INTEGRITY of either kind or FINGERPRINT. */
  attributes: readonly StunAttribute[];
  bytes: Uint8Array;
  /** Where those attributes begin, if they are there. */
  integrityAt: number | undefined;
  integrity256At: number | undefined;
}

export interface StunProtection {
  /** Of MESSAGE-INTEGRITY: of a short-term credential, the password in UTF-8. */
  key: Uint8Array;
  /** HMAC-SHA1 is what servers older than RFC 8489 know. */
  hash: 'sha1' | 'sha256';
}

/** Has it the first bits and the magic cookie of STUN, whatever is behind them? */
export function beginsAsStun(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const view = viewOf(bytes);
  return view.getUint16(0) < 0x4000 && view.getUint32(4) === MAGIC_COOKIE;
}

/**
 * Could it be a STUN message, among packets of other protocols? First bits 00, magic cookie, and
 * the length that it names (RFC 8489 section 7.3.1, without the checks that cost something).
 */
export function looksLikeStun(bytes: Uint8Array): boolean {
  if (bytes.length > MESSAGE_BYTES_MAX || !beginsAsStun(bytes)) return false;
  return viewOf(bytes).getUint16(2) === bytes.length - HEADER_BYTES && bytes.length % 4 === 0;
}

/** Undefined: it is no STUN message. */
export function decodeStun(bytes: Uint8Array): StunMessage | undefined {
  if (!looksLikeStun(bytes)) return undefined;
  const view = viewOf(bytes);
  const message: StunMessage & { attributes: StunAttribute[] } = {
    ...splitType(view.getUint16(0)),
    transactionId: bytes.subarray(8, HEADER_BYTES),
    attributes: [],
    bytes,
    integrityAt: undefined,
    integrity256At: undefined,
  };
  let count = 0;
  for (let at = HEADER_BYTES; at < bytes.length; count++) {
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    const next = at + 4 + padded(length);
    if (next > bytes.length || count === ATTRIBUTES_MAX) return undefined;
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (!place(message, { type, value }, at)) return undefined;
    at = next;
  }
  return message;
}

/** False: the whole is no message. What is behind a MESSAGE-INTEGRITY counts for nothing. */
function place(
  message: StunMessage & { attributes: StunAttribute[] },
  attribute: StunAttribute,
  at: number,
): boolean {
  const { type, value } = attribute;
  const { bytes } = message;
  if (type === StunType.FINGERPRINT) {
    const isLast = at + 8 === bytes.length && value.length === 4;
    return isLast && viewOf(value).getUint32(0) === fingerprintOf(bytes.subarray(0, at));
  }
  if (message.integrity256At !== undefined) return true;
  if (type === StunType.MESSAGE_INTEGRITY_SHA256) {
    message.integrity256At = at;
    // It may be cut to a multiple of 4 bytes (RFC 8489 section 14.6).
    return value.length >= 16 && value.length <= 32 && value.length % 4 === 0;
  }
  if (message.integrityAt !== undefined) return true;
  if (type === StunType.MESSAGE_INTEGRITY) {
    message.integrityAt = at;
    return value.length === 20;
  }
  message.attributes.push(attribute);
  return true;
}

/** The first of a type; a repetition counts for nothing (RFC 8489 section 14). */
export function attributeOf({ attributes }: StunMessage, type: number): Uint8Array | undefined {
  return attributes.find((attribute) => attribute.type === type)?.value;
}

/** Has it a MESSAGE-INTEGRITY of this key? Of two, that of SHA-256 counts. In constant time. */
export function hasIntegrity(message: StunMessage, key: Uint8Array): boolean {
  const { bytes, integrityAt, integrity256At } = message;
  const at = integrity256At ?? integrityAt;
  if (at === undefined) return false;
  const hash = integrity256At === undefined ? 'sha1' : 'sha256';
  const length = viewOf(bytes).getUint16(at + 2);
  const value = bytes.subarray(at + 4, at + 4 + length);
  return equalBytes(value, macOf(bytes.subarray(0, at), length, { key, hash }).subarray(0, length));
}

/**
 * A whole message, a FINGERPRINT behind it. Values are cut nowhere and padded with zeros.
 * @throws RangeError: it is larger than MESSAGE_BYTES_MAX
 */
export function encodeStun(
  { kind, method, transactionId }: StunHeader,
  attributes: readonly StunAttribute[],
  protection?: StunProtection,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(MESSAGE_BYTES_MAX);
  const view = viewOf(whole);
  view.setUint16(0, joinType(kind, method));
  view.setUint32(4, MAGIC_COOKIE);
  whole.set(transactionId, 8);
  let end = HEADER_BYTES;
  const append = ({ type, value }: StunAttribute) => {
    const next = end + 4 + padded(value.length);
    if (next > MESSAGE_BYTES_MAX) throw new RangeError('a STUN message is too large');
    view.setUint16(end, type);
    view.setUint16(end + 2, value.length);
    whole.set(value, end + 4);
    end = next;
  };
  for (const attribute of attributes) append(attribute);
  if (protection) append(integrityOf(whole.subarray(0, end), protection));
  view.setUint16(2, end + 8 - HEADER_BYTES);
  const fingerprint = new Uint8Array(4);
  viewOf(fingerprint).setUint32(0, fingerprintOf(whole.subarray(0, end)));
  append({ type: StunType.FINGERPRINT, value: fingerprint });
  return whole.slice(0, end);
}

function integrityOf(before: Uint8Array, protection: StunProtection): StunAttribute {
  const isSha1 = protection.hash === 'sha1';
  const type = isSha1 ? StunType.MESSAGE_INTEGRITY : StunType.MESSAGE_INTEGRITY_SHA256;
  return { type, value: macOf(before, isSha1 ? 20 : 32, protection) };
}

/** The length that the header names ends with this attribute, whatever is behind it. */
function macOf(before: Uint8Array, valueBytes: number, { key, hash }: StunProtection): Uint8Array {
  const content = Uint8Array.from(before);
  viewOf(content).setUint16(2, before.length + 4 + valueBytes - HEADER_BYTES);
  return createHmac(hash, key).update(content).digest();
}

/** @param before the message up to the attribute, with the length of the whole in its header */
function fingerprintOf(before: Uint8Array): number {
  return (crc32(before) ^ FINGERPRINT_MARK) >>> 0;
}

/** The 12 bits of the method lie around the 2 of the class (RFC 8489 section 5). */
function joinType(kind: StunClass, method: number): number {
  const spread = (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2);
  return spread | ((kind & 1) << 4) | ((kind & 2) << 7);
}

function splitType(type: number): { kind: StunClass; method: number } {
  const kind = (((type >> 4) & 1) | ((type >> 7) & 2)) as StunClass;
  return { kind, method: (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80) };
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
