/**
 * The peer protocol's messages for the conformance suite (reference: peer, sections 2, 3 and 6), in
 * plain TypeScript: CBOR and bincode by hand, so that a peer is not measured by our engine.
 */
import { createPublicKey, verify } from 'node:crypto';

/** Items of CBOR, by their major type. */
const UNSIGNED = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const NULL_BYTE = 0xf6;
const DEPTH_MAX = 6;
/** SubjectPublicKeyInfo of RFC 8410, up to the key itself. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const LABEL = Buffer.from('peer-handshake-v3\0');

function head(major: number, value: number | bigint): Buffer {
  const rest = BigInt(value);
  const first = major << 5;
  if (rest < 24n) return Buffer.of(first | Number(rest));
  const width = [1, 2, 4, 8].findIndex((bytes) => rest < 1n << BigInt(8 * bytes));
  const hex = rest.toString(16).padStart(2 << width, '0');
  return Buffer.from([first | (24 + width), ...Buffer.from(hex, 'hex')]);
}

export const uint = (value: number | bigint) => head(UNSIGNED, value);
export const NULL: Buffer = Buffer.of(NULL_BYTE);

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([head(TEXT, bytes.length), bytes]);
}

/** A byte string: only peer ids travel so. */
export function byteString(bytes: Uint8Array): Buffer {
  return Buffer.concat([head(BYTES, bytes.length), bytes]);
}

/** An array of integers, as keys, signatures and payloads travel. */
export function list(bytes: Uint8Array): Buffer {
  const items = [...bytes].flatMap((byte) => (byte < 24 ? [byte] : [0x18, byte]));
  return Buffer.concat([head(ARRAY, bytes.length), Buffer.from(items)]);
}

export function map(...pairs: readonly (readonly [key: string | number, value: Buffer])[]): Buffer {
  const keyOf = (key: string | number) => (typeof key === 'string' ? text(key) : uint(key));
  const parts = pairs.flatMap(([key, value]) => [keyOf(key), value]);
  return Buffer.concat([head(MAP, pairs.length), ...parts]);
}

export type Item = number | bigint | string | Buffer | null | Item[] | Map<Item, Item>;

/** One whole document, in the fewest bytes. Throws Error for anything else. */
export function decodeDocument(bytes: Buffer): Item {
  let at = 0;
  const take = (count: number) => {
    if (count > bytes.length - at) throw new Error('it is cut off');
    at += count;
    return bytes.subarray(at - count, at);
  };
  const length = (low: number): bigint => {
    if (low < 24) return BigInt(low);
    if (low > 27) throw new Error('a length that does not exist, or indefinite');
    const value = BigInt(`0x${take(1 << (low - 24)).toString('hex')}`);
    const least = [24n, 1n << 8n, 1n << 16n, 1n << 32n][low - 24]!;
    if (value < least) throw new Error('an integer in more bytes than it needs');
    return value;
  };
  const item = (depth: number): Item => {
    const [first = 0] = take(1);
    if (first === NULL_BYTE) return null;
    const value = length(first & 31);
    const major = first >> 5;
    if (major === UNSIGNED) return value > Number.MAX_SAFE_INTEGER ? value : Number(value);
    // No item is shorter than a byte: what follows has to be there before it is made.
    if (value > bytes.length - at || depth === DEPTH_MAX) throw new Error('it is cut off or deep');
    const count = Number(value);
    if (major === BYTES) return take(count);
    if (major === TEXT) return new TextDecoder('utf-8', { fatal: true }).decode(take(count));
    if (major === ARRAY) return Array.from({ length: count }, () => item(depth + 1));
    if (major !== MAP) throw new Error(`an item of type ${major}`);
    const pairs = Array.from({ length: count }, () => [item(depth + 1), item(depth + 1)] as const);
    const found = new Map(pairs);
    if (found.size !== count) throw new Error('a key twice');
    return found;
  };
  const document = item(0);
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind it`);
  return document;
}

/** What a handshake says. */
export interface Shake {
  key: Buffer;
  signature: Buffer;
  /** 38 bytes. */
  sender: Buffer;
  timestampMs: number;
}

export type Answer =
  | { kind: 'handshake'; shake: Shake }
  | { kind: 'hello'; challenge: Buffer }
  | { kind: 'success'; data: Buffer | null }
  | { kind: 'protocol'; data: Buffer }
  | { kind: 'error'; code: number; message: string };

/** A response, or the handshake of a request. Throws Error for what is none. */
export function decodeMessage(bytes: Buffer): Answer {
  const [[kind, value] = []] = structOf(decodeDocument(bytes), 1);
  switch (kind) {
    case 'Handshake':
      return { kind: 'handshake', shake: shakeOf(structOf(value, 3)) };
    case 'Hello':
      return { kind: 'hello', challenge: vectorOf(structOf(value, 1).get('challenge')) };
    case 'Protocol':
      return { kind: 'protocol', data: vectorOf(structOf(value, 1).get('data')) };
    case 'Success': {
      // As the networks have it, or without `protocol` as the document does.
      const data = structOf(value).get('data');
      return { kind: 'success', data: data === null ? null : vectorOf(data) };
    }
    case 'Error': {
      const struct = structOf(value, 2);
      return {
        kind: 'error',
        code: numberOf(struct.get('code')),
        message: String(struct.get('message')),
      };
    }
    default:
      throw new Error(`a variant ${JSON.stringify(kind)}`);
  }
}

function structOf(value: Item | undefined, size?: number): Map<Item, Item> {
  if (!(value instanceof Map) || (size !== undefined && value.size !== size)) {
    throw new Error(`wanted a map of ${size ?? 'some'} entries`);
  }
  return value;
}

function vectorOf(value: Item | undefined): Buffer {
  if (value instanceof Uint8Array) return value as Buffer;
  const isBytes = (item: Item) => typeof item === 'number' && item < 256;
  if (!Array.isArray(value) || !value.every(isBytes)) throw new Error('wanted an array of bytes');
  return Buffer.from(value as number[]);
}

function numberOf(value: Item | undefined): number {
  if (typeof value !== 'number') throw new Error('wanted a number');
  return value;
}

function shakeOf(struct: Map<Item, Item>): Shake {
  const [[kind, key] = []] = structOf(struct.get('verification_id_key'), 1);
  if (kind !== 'InstancePublicKey' && kind !== 1) throw new Error('another kind of key');
  const signed = structOf(struct.get('msg'), 2);
  return {
    key: vectorOf(key),
    signature: vectorOf(struct.get('signature')),
    sender: vectorOf(signed.get('sender')),
    timestampMs: numberOf(signed.get('timestamp')),
  };
}

/** How a handshake may be written otherwise. */
export interface ShakeForm {
  /** [InstancePublicKey] */
  kind?: string | number;
  vector?: (bytes: Uint8Array) => Buffer;
}

export function encodeShake(shake: Shake, { kind, vector = list }: ShakeForm = {}): Buffer {
  const { key, signature, sender, timestampMs } = shake;
  const msg = map(['sender', byteString(sender)], ['timestamp', uint(timestampMs)]);
  const id = map([kind ?? 'InstancePublicKey', vector(key)]);
  return map([
    'Handshake',
    map(['verification_id_key', id], ['signature', vector(signature)], ['msg', msg]),
  ]);
}

export function encodeHello(challenge: Uint8Array): Buffer {
  return map(['Hello', map(['challenge', list(challenge)])]);
}

/** A request; `payload` is a message of encodeInner(). */
export function encodeProtocol(
  protocol: string,
  payload: Uint8Array,
  metadata: Uint8Array | null = null,
): Buffer {
  return map([
    'Protocol',
    map(
      ['protocol', text(protocol)],
      ['payload', list(payload)],
      ['metadata', metadata === null ? NULL : list(metadata)],
    ),
  ]);
}

/** bincode's varint; `width` (3, 5 or 9 bytes) says more than it needs. */
export function varint(value: number | bigint, width = 0): Buffer {
  const number = BigInt(value);
  const needed = number < 251n ? 1 : number < 1n << 16n ? 3 : number < 1n << 32n ? 5 : 9;
  const bytes = Math.max(needed, width);
  if (bytes === 1) return Buffer.of(Number(number));
  const wide = Buffer.alloc(9);
  wide[0] = { 3: 251, 5: 252, 9: 253 }[bytes] ?? 0;
  wide.writeBigUInt64LE(number, 1);
  return wide.subarray(0, bytes);
}

export interface Inner {
  protocol: string;
  messageId: number | bigint;
  roundId: number;
  sender: Uint8Array;
  recipient?: Uint8Array;
  payload: Uint8Array;
}

/** ProtocolMessage in bincode 1.3; `integer` writes its numbers and lengths. */
export function encodeInner(inner: Inner, integer: typeof varint = varint): Buffer {
  const { protocol, messageId, roundId, sender, recipient, payload } = inner;
  const block = (bytes: Uint8Array) => Buffer.concat([integer(bytes.length), bytes]);
  return Buffer.concat([
    ...[block(Buffer.from(protocol)), integer(messageId), integer(roundId), block(sender)],
    recipient ? Buffer.concat([Buffer.of(1), block(recipient)]) : Buffer.of(0),
    block(payload),
  ]);
}

/** Of a handshake: what is signed in wire 2. */
export interface Signed {
  sender: Uint8Array;
  recipient: Uint8Array;
  timestampMs: number;
}

/** What is signed besides in wire 3. */
export interface Challenges {
  /** 0: the side that said Hello signs; 1: the other one. */
  role: 0 | 1;
  challenge: Uint8Array;
  answer: Uint8Array;
  protocolId: string;
}

export function signedBytes(
  { sender, recipient, timestampMs }: Signed,
  challenges?: Challenges,
): Buffer {
  const time = Buffer.alloc(16);
  time.writeBigUInt64BE(BigInt(timestampMs), 8);
  if (!challenges) return Buffer.concat([sender, recipient, time]);
  const { role, challenge, answer, protocolId } = challenges;
  const parts = [Buffer.of(role), sender, recipient, challenge, answer, time];
  const counted = [...parts, Buffer.from(protocolId)].flatMap((part) => {
    return [Buffer.of(part.length >> 8, part.length & 255), part];
  });
  return Buffer.concat([LABEL, ...counted]);
}

export function isSigned({ key, signature }: Shake, bytes: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false;
  const der = Buffer.concat([SPKI_PREFIX, key]);
  return verify(null, bytes, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}
