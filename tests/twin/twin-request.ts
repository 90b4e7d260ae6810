/** The server's half of reading a request: reference RAIDA sections 1 and 2. */
import { timingSafeEqual } from 'node:crypto';
import { Status } from '../../host-common/src/engine/generated/status.ts';
import {
  CHALLENGE_BYTES,
  crc32,
  ctr,
  HMAC_BYTES,
  hmac,
  requestCounter,
  TRAILER,
  type TwinWire,
  xor,
} from './twin-wire.ts';

/** A request header, read and not yet believed. */
export interface TwinHeader {
  bytes: Buffer;
  /** 48 bytes: types 4, 5 and every type that is not known. */
  wide: boolean;
  type: number;
  group: number;
  command: number;
  shardId: number;
  bodyBytes: number;
}

/** Undefined: too short to be answered at all. */
export function readHeader(message: Buffer): TwinHeader | undefined {
  if (message.length < 17) return undefined;
  const type = message.readUInt8(16);
  const wide = type > 2;
  const headerBytes = wide ? 48 : 32;
  if (message.length < headerBytes) return undefined;
  return {
    bytes: Buffer.from(message.subarray(0, headerBytes)),
    wide,
    type,
    group: message.readUInt8(4),
    command: message.readUInt8(5),
    shardId: message.readUInt8(3),
    bodyBytes: message.readUInt16BE(wide ? 17 : 22),
  };
}

export interface HeaderRules {
  wire: TwinWire;
  raidaId: number;
  coinId: number;
  modern: boolean;
  exists(group: number, command: number): boolean;
}

/** The first check of the header that fails (section 1.1, order of the public server), or OK. */
export function checkHeader(header: TwinHeader, rules: HeaderRules): number {
  const { bytes, group, command, type } = header;
  if (bytes[0] !== 1) return Status.INVALID_ROUTING;
  if (bytes[1] !== 0) return Status.INVALID_SPLIT_ID;
  if (bytes[2] !== rules.raidaId) return Status.INVALID_RAIDA_ID;
  if (group > (rules.wire === 'spec' ? 13 : 15)) return Status.INVALID_COMMAND_GROUP;
  if (header.shardId > 3) return Status.INVALID_SHARD_ID;
  if (!rules.exists(group, command)) return Status.INVALID_COMMAND;
  if (bytes.readUInt16BE(6) !== rules.coinId) return Status.INVALID_COIN_ID;
  const known = type <= 2 || (rules.modern && (type === 4 || type === 5));
  return known ? Status.OK : Status.INVALID_ENCRYPTION_CODE;
}

export interface ReadBody {
  status: number;
  payload: Buffer;
  /** What a legacy reply returns in bytes 16-31. */
  challengeHash: Buffer;
}

function wideBody(wire: TwinWire, header: TwinHeader, body: Buffer, key: Buffer): ReadBody {
  const result = { payload: Buffer.alloc(0), challengeHash: Buffer.alloc(16) };
  if (body.length < HMAC_BYTES + 2) return { ...result, status: Status.INVALID_PACKET_LENGTH };
  if (!body.subarray(-2).equals(TRAILER)) return { ...result, status: Status.INVALID_EOF };
  const sealed = body.subarray(0, -2 - HMAC_BYTES);
  if (!timingSafeEqual(hmac(key, sealed), body.subarray(-2 - HMAC_BYTES, -2))) {
    return { ...result, status: Status.INVALID_HMAC };
  }
  const payload = ctr(key, requestCounter(wire, header.bytes), sealed);
  return { ...result, status: Status.OK, payload };
}

/**
 * Checks and decrypts a body that is there (N > 0). Order of P in both wires: 16, 33, decrypt, 37
 * (reference section 10, point 11).
 */
export function readBody(wire: TwinWire, header: TwinHeader, body: Buffer, key: Buffer): ReadBody {
  if (header.wide) return wideBody(wire, header, body, key);
  const empty = { payload: Buffer.alloc(0), challengeHash: Buffer.alloc(16) };
  const trailerHolds = body.length >= 2 && body.subarray(-2).equals(TRAILER);
  if (body.length < CHALLENGE_BYTES + 2) return { ...empty, status: Status.INVALID_PACKET_LENGTH };
  if (!trailerHolds) return { ...empty, status: Status.INVALID_EOF };
  const received = body.subarray(0, -2);
  const clear =
    header.type === 0 ? received : ctr(key, requestCounter(wire, header.bytes), received);
  const challenge = Buffer.from(clear.subarray(0, CHALLENGE_BYTES));
  const challengeHash = header.type === 0 ? challenge : xor(challenge, key);
  const holds = crc32(challenge.subarray(0, 12)) === challenge.readUInt32BE(12);
  if (!holds) return { ...empty, challengeHash, status: Status.INVALID_CRC };
  return { status: Status.OK, payload: clear.subarray(CHALLENGE_BYTES), challengeHash };
}
