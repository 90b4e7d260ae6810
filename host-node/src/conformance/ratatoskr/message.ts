/**
 * Ratatoskr's messages for the conformance suite (reference: Ratatoskr, sections 1, 2, 8 and 10),
 * in plain TypeScript, so that what a server is measured by does not come from our engine.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';

export const MessageType = {
  CONNECTION_REQUEST: 1,
  CONNECTION_RESPONSE: 2,
  BUSINESS_REQUEST: 3,
  HEARTBEAT: 4,
  DISCONNECT: 5,
  ERROR: 6,
} as const;

/** Wire types of protobuf. */
const VARINT = 0;
const BYTES = 2;

export interface RequestFields {
  messageType: number | bigint;
  requestId: string;
  deviceId: string;
  userId: string;
  /** Unix seconds. */
  timestamp: bigint;
  nonce: Buffer;
  payload: Buffer;
  metadata: readonly (readonly [string, string])[];
}

export interface Response {
  messageType: number;
  requestId: string;
  timestamp: bigint;
  success: boolean;
  errorCode: string;
  errorMessage: string;
  payload: Buffer;
  metadata: ReadonlyMap<string, string>;
}

/** As protobuf writes it; a negative number takes ten bytes. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A field, also with its default value. */
export function field(number: number, value: number | bigint | Uint8Array | string): Buffer {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return Buffer.concat([varint((number << 3) | VARINT), varint(value)]);
  }
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([varint((number << 3) | BYTES), varint(bytes.length), bytes]);
}

/** Default values are left out. */
function present(number: number, value: number | bigint | Uint8Array | string): Buffer {
  const isDefault = typeof value === 'object' || typeof value === 'string' ? !value.length : !value;
  return isDefault ? Buffer.alloc(0) : field(number, value);
}

/** Canonical, in the order of the numbers. */
export function encodeRequest(fields: RequestFields, signature: Uint8Array): Buffer {
  const { messageType, requestId, deviceId, userId, timestamp, nonce, payload } = fields;
  return Buffer.concat([
    ...[present(1, messageType), present(2, requestId), present(3, deviceId), present(4, userId)],
    ...[present(5, timestamp), present(6, nonce), present(7, signature), present(8, payload)],
    ...fields.metadata.map(([key, value]) =>
      field(9, Buffer.concat([present(1, key), present(2, value)])),
    ),
  ]);
}

const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

/** What is hashed to be signed (section 2). */
export function preimage(fields: RequestFields): Buffer {
  const { requestId, deviceId, userId, timestamp, nonce, payload } = fields;
  const ids = Buffer.from(requestId + deviceId + userId);
  return Buffer.concat([ids, int64(timestamp), nonce, payload]);
}

export function digestOf(fields: RequestFields): Buffer {
  return createHash('sha256').update(preimage(fields)).digest();
}

/** Reads one message; whatever no canonical encoder writes is an error. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('it ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0n) throw new RangeError('a number is padded');
      return value;
    }
    throw new RangeError('a number is too long');
  }

  bytes(): Buffer {
    const length = Number(this.varint());
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) throw new RangeError('it ends within a field');
    this.#at = end;
    return this.#bytes.subarray(start, end);
  }
}

type Fields = Map<number, (bigint | Buffer)[]>;

/** `wires` has the wire type of each field, from field 1. */
function readFields(bytes: Buffer, wires: readonly number[]): Fields {
  const reader = new Reader(bytes);
  const fields: Fields = new Map();
  let last = 0;
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    const number = tag >>> 3;
    if (wires[number - 1] !== (tag & 7)) throw new RangeError(`it has a tag ${tag}`);
    if (number < last) throw new RangeError('fields are out of order');
    last = number;
    const value = (tag & 7) === VARINT ? reader.varint() : reader.bytes();
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const text = (bytes: Buffer) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** The one value of a field, or its default. */
function single<T extends bigint | Buffer>(fields: Fields, number: number, otherwise: T): T {
  const [value = otherwise, ...more] = fields.get(number) ?? [];
  if (more.length > 0) throw new RangeError(`field ${number} is there more than once`);
  return value as T;
}

const EMPTY = Buffer.alloc(0);

/** Throws RangeError or TypeError: what it says is no response as the reference has it. */
export function decodeResponse(bytes: Buffer): Response {
  const wires = [VARINT, BYTES, VARINT, VARINT, BYTES, BYTES, BYTES, BYTES];
  const fields = readFields(bytes, wires);
  const entries = (fields.get(8) ?? []).map((entry) => {
    const pair = readFields(entry as Buffer, [BYTES, BYTES]);
    return [text(single(pair, 1, EMPTY)), text(single(pair, 2, EMPTY))] as const;
  });
  return {
    messageType: Number(single(fields, 1, 0n)),
    requestId: text(single(fields, 2, EMPTY)),
    timestamp: BigInt.asIntN(64, single(fields, 3, 0n)),
    success: single<bigint>(fields, 4, 0n) === 1n,
    errorCode: text(single(fields, 5, EMPTY)),
    errorMessage: text(single(fields, 6, EMPTY)),
    payload: Buffer.from(single(fields, 7, EMPTY)),
    metadata: new Map(entries),
  };
}

export interface ConnectionAnswer {
  accepted: boolean;
  sessionId: string;
  expiresAt: bigint;
  serverVersion: string;
}

/** The payload of a CONNECTION_RESPONSE. Throws as decodeResponse() does. */
export function decodeConnectionAnswer(payload: Buffer): ConnectionAnswer {
  const fields = readFields(payload, [VARINT, BYTES, VARINT, BYTES]);
  return {
    accepted: single<bigint>(fields, 1, 0n) === 1n,
    sessionId: text(single(fields, 2, EMPTY)),
    expiresAt: BigInt.asIntN(64, single(fields, 3, 0n)),
    serverVersion: text(single(fields, 4, EMPTY)),
  };
}

const NO_DIGEST = Buffer.alloc(32);
/** In front of an Ed25519 key's 32 bytes in a SubjectPublicKeyInfo. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether `key` has signed the response, for this request or for none (section 8). */
export function isSigned(response: Response, digest: Buffer, key: Buffer): boolean {
  const signature = response.metadata.get('x-ratatoskr-sig');
  if (signature === undefined || !/^[\w-]{86}$/.test(signature)) return false;
  const long = (value: string | Buffer) => {
    const bytes = Buffer.from(value as Buffer);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const { messageType, requestId, timestamp, success, errorCode, errorMessage, payload } = response;
  const signed = (request: Buffer) =>
    Buffer.concat([
      ...[Buffer.from('ratatoskr-response-v1\0'), request, int64(BigInt(messageType))],
      ...[long(requestId), int64(timestamp), Buffer.from([success ? 1 : 0])],
      ...[long(errorCode), long(errorMessage), long(payload)],
    ]);
  const der = Buffer.concat([SPKI_PREFIX, key]);
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const isOf = (request: Buffer) => {
    const hash = createHash('sha256').update(signed(request)).digest();
    return verify(null, hash, publicKey, Buffer.from(signature, 'base64url'));
  };
  return isOf(digest) || (messageType === MessageType.ERROR && isOf(NO_DIGEST));
}
