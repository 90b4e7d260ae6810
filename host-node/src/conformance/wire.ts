/**
 * The RAIDA wire for the conformance suite, written from reference RAIDA sections 1-4 with
 * node:crypto alone, so that what a server is measured by does not come from our engine.
 * Multi-byte numbers are big-endian.
 */
import { createCipheriv, createHash, createHmac } from 'node:crypto';

export type Wire = 'spec' | 'legacy';

/** Clear bytes 3e 3e behind every body. */
const TRAILER = Buffer.from([0x3e, 0x3e]);
const HMAC_BYTES = 32;
/** What a reply's body may have besides its payload. */
export const REPLY_EXTRA_BYTES = HMAC_BYTES + TRAILER.length;
const HEADER_BYTES = 32;
const WIDE_HEADER_BYTES = 48;

export interface Coin {
  /** -8 to 6. */
  denomination: number;
  serialNumber: number;
}

/** A coin with its 16-byte AN on the server that is asked. */
export interface KnownCoin extends Coin {
  an: Buffer;
}

/** Encryption of a request (byte 16). Type 2 takes a locker key of 16 bytes; 3, 6, 255 are none. */
export type Encryption =
  | { type: 0 | 3 | 6 | 255 }
  | { type: 1 | 4; coin: KnownCoin }
  | { type: 2; key: Buffer }
  | { type: 5; coin: KnownCoin; second: KnownCoin };

/** What a request says, and where it is wrong on purpose. */
export interface RequestFields {
  group: number;
  command: number;
  /** Default: none, with a challenge. `null`: no body at all. */
  payload?: Uint8Array | null;
  encryption?: Encryption;
  /** Header bytes to overwrite: offset, bytes. Done before encryption. */
  patch?: readonly (readonly [number, Uint8Array])[];
  /** Overwrites the last bytes of what is sent: two for the trailer, more for the HMAC. */
  tail?: Uint8Array;
  /** A challenge of 16 bytes in place of one whose CRC holds. */
  challenge?: Uint8Array;
}

/** What makes a request unique and yet the same in every run. */
export interface RequestSeed {
  raidaId: number;
  coinId: number;
  /** The server knows types 4 and 5; in wire legacy it knows 48-byte headers all the same. */
  modern: boolean;
  /** 24 bytes: nonce and echo of the header. */
  nonce: Buffer;
  /** 12 bytes: the free part of the challenge. */
  challenge: Buffer;
}

/** A request as it is sent, with what its reply is measured by. */
export interface Sent {
  bytes: Buffer;
  header: Buffer;
  /** Bytes of the challenge in clear; empty without a body and in types 4 and 5. */
  challenge: Buffer;
  /** AES key; empty for type 0. */
  key: Buffer;
  hasBody: boolean;
  /** 32 or 48: a server that knows one header length answers with that one. */
  replyHeaderBytes: number;
}

export const u16 = (value: number): Buffer => Buffer.from([value >>> 8, value & 255]);

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export const i8 = (value: number): Buffer => Buffer.from([value & 255]);

/** Denomination and serial number, 5 bytes. */
export function coinName({ denomination, serialNumber }: Coin): Buffer {
  return Buffer.concat([i8(denomination), u32(serialNumber)]);
}

export function join(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

export function xor(...parts: readonly Uint8Array[]): Buffer {
  const result = Buffer.alloc(parts[0]?.length ?? 0);
  for (const part of parts) for (const [i, byte] of part.entries()) result[i]! ^= byte;
  return result;
}

/** CRC-32: reflected polynomial edb88320, initial ffffffff, final complement. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function md5(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** AES-CTR, the whole 16-byte block counting; the key's length chooses AES-128 or AES-256. */
export function aesCtr(key: Uint8Array, counterBlock: Uint8Array, bytes: Uint8Array): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, counterBlock);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

function hmacOf(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

function keyOf(encryption: Encryption): Buffer {
  switch (encryption.type) {
    case 1:
      return encryption.coin.an;
    case 2:
      return encryption.key;
    case 4:
      return sha256(encryption.coin.an);
    case 5:
      return sha256(encryption.coin.an, encryption.second.an);
    default:
      return Buffer.alloc(0);
  }
}

/** Initial counter block of a request (section 3). */
export function requestCounter(wire: Wire, header: Buffer): Buffer {
  if (header.length === WIDE_HEADER_BYTES) return Buffer.from(header.subarray(24, 40));
  const nonce = header.subarray(wire === 'spec' ? 20 : 24, 32);
  return Buffer.concat([nonce, Buffer.alloc(16 - nonce.length)]);
}

/** Initial counter block of a reply. Wire legacy starts the request's counter again. */
function replyCounter(wire: Wire, sent: Sent, reply: Buffer): Buffer {
  if (sent.header.length === WIDE_HEADER_BYTES) {
    return Buffer.concat([reply.subarray(24, 40)]);
  }
  if (wire === 'legacy') return requestCounter(wire, sent.header);
  return Buffer.concat([reply.subarray(16, 28), Buffer.alloc(4)]);
}

function headerOf(fields: RequestFields, seed: RequestSeed): Buffer {
  const encryption = fields.encryption ?? { type: 0 };
  const wide = encryption.type >= 3;
  const header = Buffer.alloc(wide ? WIDE_HEADER_BYTES : HEADER_BYTES);
  header.set([1, 0, seed.raidaId, 0, fields.group, fields.command]);
  header.set(u16(seed.coinId), 6);
  header.set([1, 1, encryption.type], 14);
  header.set(seed.nonce.subarray(0, wide ? 24 : 8), 24);
  if (encryption.type === 2) header.set(encryption.key.subarray(0, 5), 17);
  if (encryption.type === 1) header.set(coinName(encryption.coin), 17);
  if (encryption.type === 4 || encryption.type === 5) header.set(coinName(encryption.coin), 19);
  if (encryption.type === 5) header.set(coinName(encryption.second), 24);
  return header;
}

/** Builds a request of any type in either wire (sections 1-3). */
export function buildRequest(wire: Wire, fields: RequestFields, seed: RequestSeed): Sent {
  const encryption = fields.encryption ?? { type: 0 };
  const header = headerOf(fields, seed);
  const key = keyOf(encryption);
  const wide = header.length === WIDE_HEADER_BYTES;
  const payload = fields.payload ?? Buffer.alloc(0);
  const hasBody = fields.payload !== null;
  const extra = wide ? HMAC_BYTES : 16;
  const size = hasBody ? payload.length + extra + TRAILER.length : 0;
  header.writeUInt16BE(size, wide ? 17 : 22);
  for (const [offset, bytes] of fields.patch ?? []) header.set(bytes, offset);
  const challenge = wide || !hasBody ? Buffer.alloc(0) : challengeOf(fields, seed);
  const body = hasBody ? sealBody(wire, header, { key, challenge, payload }) : Buffer.alloc(0);
  const bytes = Buffer.concat([header, body]);
  if (fields.tail) bytes.set(fields.tail, bytes.length - fields.tail.length);
  const wideReply = wide && (wire === 'legacy' || seed.modern);
  const replyHeaderBytes = wideReply ? WIDE_HEADER_BYTES : HEADER_BYTES;
  return { bytes, header, challenge, key, hasBody, replyHeaderBytes };
}

function challengeOf(fields: RequestFields, seed: RequestSeed): Buffer {
  if (fields.challenge) return Buffer.from(fields.challenge);
  return Buffer.concat([seed.challenge, u32(crc32(seed.challenge))]);
}

interface BodyParts {
  key: Buffer;
  challenge: Buffer;
  payload: Uint8Array;
}

function sealBody(wire: Wire, header: Buffer, { key, challenge, payload }: BodyParts): Buffer {
  if (header.length === WIDE_HEADER_BYTES) {
    if (key.length === 0) return Buffer.concat([payload, Buffer.alloc(HMAC_BYTES), TRAILER]);
    const sealed = aesCtr(key, requestCounter(wire, header), payload);
    return Buffer.concat([sealed, hmacOf(key, sealed), TRAILER]);
  }
  const clear = Buffer.concat([challenge, payload]);
  const sealed = key.length > 0 ? aesCtr(key, requestCounter(wire, header), clear) : clear;
  return Buffer.concat([sealed, TRAILER]);
}

/** Reply bytes as they came, taken apart as far as they reach. */
export interface OpenedReply {
  header: Buffer;
  status: number;
  /** Body without trailer and HMAC, decrypted. */
  payload: Buffer;
}

/** Opens a reply as far as it reaches. */
export function openReply(wire: Wire, sent: Sent, reply: Buffer): OpenedReply {
  const header = Buffer.alloc(sent.replyHeaderBytes);
  reply.copy(header);
  const body = reply.subarray(header.length);
  const wide = header.length === WIDE_HEADER_BYTES && sent.key.length > 0;
  const after = TRAILER.length + (wide ? HMAC_BYTES : 0);
  const sealed = body.subarray(0, Math.max(0, body.length - after));
  const encrypted = sent.key.length > 0 && sealed.length > 0;
  const payload = encrypted ? aesCtr(sent.key, replyCounter(wire, sent, header), sealed) : sealed;
  return { header, status: header.readUInt8(2), payload: Buffer.from(payload) };
}

/** What a reply has to say besides what follows from the request. */
export interface ReplyFacts {
  raidaId: number;
  status: number;
  payload: Uint8Array;
  /** How far the server read before it answered; header errors of wire legacy tell nothing. */
  read: 'header' | 'key' | 'body';
  /**
   * Wire legacy: what of an earlier client stands in fields that this reply has no use for is let
   * pass. Public servers leak there over UDP, and one case of its own says so.
   */
  lenient?: boolean;
}

/**
 * The one reply that is right (section 4). What the server chooses freely (execution time, nonce)
 * is taken over from what came.
 */
export function buildReply(wire: Wire, sent: Sent, facts: ReplyFacts, reply: Buffer): Buffer {
  // What came may be short, or nothing at all.
  const came = Buffer.alloc(WIDE_HEADER_BYTES);
  reply.copy(came);
  return sent.replyHeaderBytes === WIDE_HEADER_BYTES
    ? buildWideReply(wire, sent, facts, came)
    : buildNarrowReply(wire, sent, facts, came);
}

function buildNarrowReply(wire: Wire, sent: Sent, facts: ReplyFacts, came: Buffer): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES);
  const named = wire === 'spec' || facts.read !== 'header';
  reply.set([facts.raidaId, 0, facts.status, 0, 0, 1]);
  const own = Buffer.from([sent.header[4]!, 0, 1, sent.header[30]!, sent.header[31]!]);
  const isOwn = own.equals(came.subarray(3, 8));
  const lenient = wire === 'legacy' && facts.lenient === true;
  // Public servers repeat group and echo of an earlier client, or zeros, or what was asked.
  if (named || isOwn) reply.set(own, 3);
  else if (lenient) copyStale(came, reply);
  const empty = facts.payload.length === 0;
  const size = empty && wire === 'legacy' ? 0 : facts.payload.length + TRAILER.length;
  reply.writeUIntBE(size, 9, 3);
  came.copy(reply, 12, 12, 16);
  if (wire === 'spec') came.copy(reply, 16, 16, 28);
  else if (facts.read === 'body' && sent.hasBody) reply.set(challengeHash(sent), 16);
  else if (lenient) came.copy(reply, 16, 16, 32);
  if (size === 0) return reply;
  const body =
    sent.key.length > 0 && !empty
      ? aesCtr(sent.key, replyCounter(wire, sent, reply), facts.payload)
      : facts.payload;
  return Buffer.concat([reply, body, TRAILER]);
}

/** Group and echo of whoever asked before. */
function copyStale(came: Buffer, reply: Buffer): void {
  came.copy(reply, 3, 3, 4);
  came.copy(reply, 6, 6, 8);
}

/** Wire legacy, reply bytes 16-31: the challenge (XOR the key, if there is one). */
function challengeHash(sent: Sent): Buffer {
  if (sent.challenge.length === 0) return Buffer.alloc(16);
  return sent.key.length > 0 ? xor(sent.challenge, sent.key) : sent.challenge;
}

function buildWideReply(wire: Wire, sent: Sent, facts: ReplyFacts, came: Buffer): Buffer {
  const { header } = sent;
  const reply = Buffer.alloc(WIDE_HEADER_BYTES);
  reply.set([facts.raidaId, 0, facts.status, header[4]!]);
  came.copy(reply, 4, 4, 8);
  const size = facts.payload.length > 0 ? facts.payload.length + HMAC_BYTES + TRAILER.length : 0;
  reply.writeUIntBE(size, 9, 3);
  reply.set(header.subarray(16, 17), 16);
  reply.set(header.subarray(19, 24), 17);
  came.copy(reply, 24, 24, 46);
  if (header[16] === 5) reply.set(header.subarray(24, 29), 24);
  // Public servers know no nonce, so no echo, of a type that they do not know.
  const unknown = sent.key.length === 0 && came.readUInt16BE(46) === 0;
  if (!unknown) reply.set(header.subarray(46, 48), 46);
  if (size === 0) return reply;
  const sealed = aesCtr(sent.key, replyCounter(wire, sent, reply), facts.payload);
  return Buffer.concat([reply, sealed, hmacOf(sent.key, sealed), TRAILER]);
}

/** Bytes of the reply that begins with these; undefined: they do not tell yet. */
export function replyBytes(headerBytes: number, received: Buffer): number | undefined {
  return received.length < 12 ? undefined : headerBytes + received.readUIntBE(9, 3);
}
