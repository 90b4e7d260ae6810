/**
 * The RAIDA wire, written from reference RAIDA sections 1-4 alone and for reading, not for speed.
 * The engine's own codec is compared with this one; the two share no code but the status numbers.
 */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

export type TwinWire = 'spec' | 'legacy';

export const TRAILER = Buffer.from('3e3e', 'hex');
export const CHALLENGE_BYTES = 16;
export const HMAC_BYTES = 32;

/** The encryption of a request; `key` is the coin's AN on that server, or the locker key. */
export type TwinEncryption =
  | { type: 0 }
  | { type: 1 | 4; denomination: number; serialNumber: number; key: Uint8Array }
  | { type: 2; key: Uint8Array }
  | {
      type: 5;
      denomination: number;
      serialNumber: number;
      key: Uint8Array;
      denomination2: number;
      serialNumber2: number;
      key2: Uint8Array;
    };

export interface TwinRequest {
  raidaId: number;
  group: number;
  command: number;
  payload: Uint8Array;
  shardId?: number;
  coinId?: number;
  noBody?: boolean;
  encryption?: TwinEncryption;
  /** 8 bytes (types 0, 1, 2: header 24-31) or 24 (types 4, 5: header 24-47); random if left out. */
  nonce?: Uint8Array;
  /** 12 bytes; random if left out. */
  challenge?: Uint8Array;
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

/** 12 free bytes and their CRC-32, big-endian. */
export function makeChallenge(free: Uint8Array): Buffer {
  const challenge = Buffer.alloc(CHALLENGE_BYTES);
  challenge.set(free.subarray(0, 12));
  challenge.writeUInt32BE(crc32(challenge.subarray(0, 12)), 12);
  return challenge;
}

/** AES-CTR with a 16- or 32-byte key from a 16-byte initial counter block. */
export function ctr(key: Uint8Array, counterBlock: Uint8Array, bytes: Uint8Array): Buffer {
  const cipher = createCipheriv(`aes-${key.length * 8}-ctr`, key, counterBlock);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

export function hmac(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

/** Types 4 and 5 hash the one or two ANs to an AES-256 key; the others use 16 bytes as they are. */
export function cipherKey(type: number, key: Uint8Array, key2?: Uint8Array): Buffer {
  if (type < 4) return Buffer.from(key);
  const hash = createHash('sha256').update(key);
  if (key2) hash.update(key2);
  return hash.digest();
}

/** Initial counter block of a request body (section 3). */
export function requestCounter(wire: TwinWire, header: Buffer): Buffer {
  if (header.length === 48) return Buffer.from(header.subarray(24, 40));
  const nonce = wire === 'spec' ? header.subarray(20, 32) : header.subarray(24, 32);
  return Buffer.concat([nonce, Buffer.alloc(16 - nonce.length)]);
}

/** Initial counter block of a reply body: legacy starts the request's nonce again. */
export function replyCounter(wire: TwinWire, requestHeader: Buffer, replyHeader: Buffer): Buffer {
  if (requestHeader.length === 48) return Buffer.from(replyHeader.subarray(24, 40));
  if (wire === 'legacy') return requestCounter(wire, requestHeader);
  return Buffer.concat([replyHeader.subarray(16, 28), Buffer.alloc(4)]);
}

/** A request as it was sent, with what its reply is checked against. */
export interface TwinSent {
  bytes: Buffer;
  header: Buffer;
  type: number;
  /** Empty without a body, and for types 4 and 5. */
  challenge: Buffer;
  /** Empty for type 0. */
  key: Buffer;
}

function requestHeader(request: TwinRequest, encryption: TwinEncryption): Buffer {
  const wide = encryption.type >= 4;
  const header = Buffer.alloc(wide ? 48 : 32);
  header[0] = 1;
  header[2] = request.raidaId;
  header[3] = request.shardId ?? 0;
  header[4] = request.group;
  header[5] = request.command;
  header.writeUInt16BE(request.coinId ?? 6, 6);
  header[14] = 1;
  header[15] = 1;
  header[16] = encryption.type;
  header.set(request.nonce ?? randomBytes(wide ? 24 : 8), 24);
  const coinAt = wide ? 19 : 17;
  if (encryption.type === 2) header.set(encryption.key.subarray(0, 5), coinAt);
  if ('denomination' in encryption) {
    header.writeInt8(encryption.denomination, coinAt);
    header.writeUInt32BE(encryption.serialNumber, coinAt + 1);
  }
  if (encryption.type === 5) {
    header.writeInt8(encryption.denomination2, 24);
    header.writeUInt32BE(encryption.serialNumber2, 25);
  }
  return header;
}

/** Builds a request of any type in either wire. */
export function buildRequest(wire: TwinWire, request: TwinRequest): TwinSent {
  const encryption: TwinEncryption = request.encryption ?? { type: 0 };
  const header = requestHeader(request, encryption);
  const { type } = encryption;
  const key2 = type === 5 ? encryption.key2 : undefined;
  const key = type === 0 ? Buffer.alloc(0) : cipherKey(type, encryption.key, key2);
  if (request.noBody) return { bytes: header, header, type, challenge: Buffer.alloc(0), key };
  if (type >= 4) {
    const size = request.payload.length + HMAC_BYTES + 2;
    header.writeUInt16BE(size, 17);
    const sealed = ctr(key, requestCounter(wire, header), request.payload);
    const bytes = Buffer.concat([header, sealed, hmac(key, sealed), TRAILER]);
    return { bytes, header, type, challenge: Buffer.alloc(0), key };
  }
  header.writeUInt16BE(CHALLENGE_BYTES + request.payload.length + 2, 22);
  const challenge = makeChallenge(request.challenge ?? randomBytes(12));
  const clear = Buffer.concat([challenge, request.payload]);
  const body = type === 0 ? clear : ctr(key, requestCounter(wire, header), clear);
  return { bytes: Buffer.concat([header, body, TRAILER]), header, type, challenge, key };
}
