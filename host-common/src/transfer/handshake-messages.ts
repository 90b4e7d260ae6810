/**
 * The messages of a handshake as bytes. Reference: transfer, section 2 (profile R1).
 *
 * 1 (96): CID 8 · version 4 · timestamp 8 · representative 32 · random 28 · MAC 16
 * 2 (144): CID 8 · representative 32 · sealed static 48 · sealed payload 40 · MAC 16
 * 3 (96): CID 8 · sealed static 48 · sealed params 24 · MAC 16
 * version reply: CID FF*7 FE · versions 4 each · MAC 16
 * retry (40): CID FF*7 FC · cookie 16 · MAC 16
 *
 * Numbers are big-endian. What follows a MAC is ignored, but for a cookie right behind that of 1.
 */
import { chacha20 } from '@noble/ciphers/chacha.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { equalBytes, joined, type RandomBytes } from './byte-strings.ts';

export const VERSION = 1;
export const SUITE = 1;
export const CID_BYTES = 8;
export const MAC_BYTES = 16;
export const COOKIE_BYTES = 16;
export const FIRST_BYTES = 96;
export const SECOND_BYTES = 144;
export const THIRD_BYTES = 96;
export const RETRY_BYTES = CID_BYTES + COOKIE_BYTES + MAC_BYTES;
export const FIRST_RANDOM_BYTES = 28;
/** Of message 1: what the Noise prologue is. */
export const PROLOGUE_BYTES = 20;
const VERSION_AT = 8;
const TIMESTAMP_AT = 12;
const REPRESENTATIVE_BYTES = 32;
/** Random bytes behind a message in the stealth form, at most. */
const TRAILING_MAX = 512;

/** Last byte of the CIDs that mean something by themselves; seven bytes FF precede it. */
export const Marker = { FIRST: 0xff, VERSION: 0xfe, RETRY: 0xfc } as const;

export function markerCid(marker: number): Uint8Array {
  return new Uint8Array(CID_BYTES).fill(0xff).with(CID_BYTES - 1, marker);
}

/** The last byte of a datagram's CID, if it is a marker. */
export function markerOf(datagram: Uint8Array): number | undefined {
  for (let i = 0; i < CID_BYTES - 1; i++) if (datagram[i] !== 0xff) return undefined;
  return datagram[CID_BYTES - 1];
}

/** A CID must not begin with 00000000 or FFFFFFFF. */
export function isUsableCid(cid: Uint8Array): boolean {
  const first = cid[0] ?? 0;
  return (first !== 0 && first !== 0xff) || cid.subarray(1, 4).some((byte) => byte !== first);
}

export function numberOf(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}

/** A timestamp, microseconds since 1970. Beyond 2^53 it is rounded, and far outside any window. */
export function timestampOf(bytes: Uint8Array, at: number): number {
  return numberOf(bytes, at) * 2 ** 32 + numberOf(bytes, at + 4);
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function uint64(value: number): Uint8Array {
  return joined(uint32(Math.floor(value / 2 ** 32)), uint32(value % 2 ** 32));
}

/** What each side states of itself. */
export interface HandshakeParams {
  /** Streams that the peer may hold open, 0-65535. */
  maxStreams: number;
  /** The top bit of the last byte of its peer ID. */
  signBit: boolean;
  /** Wants header protection; it is on if either side does. */
  headerProtection: boolean;
  /** Initial window of a stream; 1-4294967295. */
  windowKiB: number;
}

export const PARAMS_BYTES = 8;
const SIGN_FLAG = 1;
const HEADER_PROTECTION_FLAG = 2;
/** What 0 stands for. */
const DEFAULT_WINDOW_KIB = 1024;

export function emitParams(params: HandshakeParams): Uint8Array {
  const bytes = new Uint8Array(PARAMS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, params.maxStreams);
  view.setUint16(
    2,
    (params.signBit ? SIGN_FLAG : 0) | (params.headerProtection ? HEADER_PROTECTION_FLAG : 0),
  );
  view.setUint32(4, params.windowKiB);
  return bytes;
}

/** Flags without a meaning are not looked at. */
export function parseParams(bytes: Uint8Array): HandshakeParams {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PARAMS_BYTES);
  const flags = view.getUint16(2);
  return {
    maxStreams: view.getUint16(0),
    signBit: (flags & SIGN_FLAG) !== 0,
    headerProtection: (flags & HEADER_PROTECTION_FLAG) !== 0,
    windowKiB: view.getUint32(4) || DEFAULT_WINDOW_KIB,
  };
}

/** What a MAC is for: messages 1 to 3, version reply, retry. */
export type MacDigit = '1' | '2' | '3' | '4' | '5';

/**
 * The keys that follow from the responder's static key: whoever knows its peer ID has them. They
 * keep everybody else's packets away from the costly part, and authenticate nobody.
 */
export class HandshakeKeys {
  private readonly responderStatic: Uint8Array;
  private readonly macKeys: Record<MacDigit, Uint8Array>;
  private readonly maskKey: Uint8Array;

  constructor(responderStatic: Uint8Array) {
    this.responderStatic = Uint8Array.from(responderStatic);
    const macKey = (digit: MacDigit) => blake3(joined(responderStatic, 'wraith-v1-hs-mac-', digit));
    this.macKeys = {
      1: macKey('1'),
      2: macKey('2'),
      3: macKey('3'),
      4: macKey('4'),
      5: macKey('5'),
    };
    this.maskKey = blake3(joined(responderStatic, 'wraith-v1-hs-mask'));
  }

  mac(digit: MacDigit, ...parts: Uint8Array[]): Uint8Array {
    return blake3(joined(...parts), { key: this.macKeys[digit], dkLen: MAC_BYTES });
  }

  /** Is `mac` that of the parts? In constant time. */
  hasMac(digit: MacDigit, mac: Uint8Array, ...parts: Uint8Array[]): boolean {
    return equalBytes(this.mac(digit, ...parts), mac);
  }

  /** Do the first `length` bytes of a datagram end with the MAC of those before it? */
  isGenuine(digit: MacDigit, datagram: Uint8Array, length: number): boolean {
    if (datagram.length < length) return false;
    const macAt = length - MAC_BYTES;
    return this.hasMac(digit, datagram.subarray(macAt, length), datagram.subarray(0, macAt));
  }

  /** Masks or unmasks, in place, version and timestamp of a message 1 in the stealth form. */
  mask(first: Uint8Array): void {
    const nonce = Uint8Array.from(representativeOf(first).subarray(0, 12));
    const hidden = first.subarray(VERSION_AT, PROLOGUE_BYTES);
    hidden.set(chacha20(this.maskKey, nonce, Uint8Array.from(hidden)));
  }

  /** CID of messages 2 and 3; the representatives as they are on the wire. */
  cid(initiator: Uint8Array, responder: Uint8Array): Uint8Array {
    const input = joined(this.responderStatic, initiator, responder, 'connection-id');
    return blake3(input, { dkLen: CID_BYTES });
  }
}

/** The representative in a message 1. */
export function representativeOf(first: Uint8Array): Uint8Array {
  return first.subarray(PROLOGUE_BYTES, PROLOGUE_BYTES + REPRESENTATIVE_BYTES);
}

/** A message 1 cut into what is in it. The MAC has been checked. */
export function parseFirst(keys: HandshakeKeys, datagram: Uint8Array) {
  const bytes = Uint8Array.from(datagram.subarray(0, FIRST_BYTES));
  const masked = markerOf(bytes) !== Marker.FIRST;
  const prologue = Uint8Array.from(bytes.subarray(0, PROLOGUE_BYTES));
  if (masked) keys.mask(bytes);
  return {
    bytes: Uint8Array.from(datagram.subarray(0, FIRST_BYTES)),
    masked,
    prologue,
    version: numberOf(bytes, VERSION_AT),
    timestamp: timestampOf(bytes, TIMESTAMP_AT),
    representative: representativeOf(bytes),
    random: bytes.subarray(PROLOGUE_BYTES + REPRESENTATIVE_BYTES, FIRST_BYTES - MAC_BYTES),
    mac: bytes.subarray(FIRST_BYTES - MAC_BYTES),
  };
}

export type FirstMessage = ReturnType<typeof parseFirst>;

/** A message 1. `cid`: of eight random bytes for the stealth form, else the marker. */
export function emitFirst(
  keys: HandshakeKeys,
  parts: { cid: Uint8Array; timestamp: number; representative: Uint8Array; random: Uint8Array },
): Uint8Array {
  const { cid, timestamp, representative, random } = parts;
  const bytes = joined(cid, uint32(VERSION), uint64(timestamp), representative, random);
  if (markerOf(cid) !== Marker.FIRST) keys.mask(bytes);
  return joined(bytes, keys.mac('1', bytes));
}

/** The representative and the Noise body of a message 2. */
export function parseSecond(datagram: Uint8Array) {
  const bodyAt = CID_BYTES + REPRESENTATIVE_BYTES;
  return {
    cid: datagram.subarray(0, CID_BYTES),
    representative: datagram.subarray(CID_BYTES, bodyAt),
    body: datagram.subarray(bodyAt, SECOND_BYTES - MAC_BYTES),
  };
}

/** The payload of a message 2: timestamp echo 8 · suite 4 · params 8 · random 4. */
export function parseSecondPayload(payload: Uint8Array) {
  return {
    echo: timestampOf(payload, 0),
    suite: numberOf(payload, 8),
    params: parseParams(payload.subarray(12, 12 + PARAMS_BYTES)),
  };
}

/** The Noise body of a message 3. */
export function bodyOfThird(datagram: Uint8Array): Uint8Array {
  return datagram.subarray(CID_BYTES, THIRD_BYTES - MAC_BYTES);
}

/** A version reply to the message with this MAC; no longer than message 1 for up to 18 versions. */
export function emitVersions(
  keys: HandshakeKeys,
  firstMac: Uint8Array,
  versions: readonly number[] = [VERSION],
): Uint8Array {
  const bytes = joined(markerCid(Marker.VERSION), ...versions.map(uint32));
  return joined(bytes, keys.mac('4', bytes, firstMac));
}

/** The versions in a genuine reply to the message with this MAC; undefined: not genuine. */
export function parseVersions(
  keys: HandshakeKeys,
  datagram: Uint8Array,
  firstMac: Uint8Array,
): number[] | undefined {
  const macAt = datagram.length - MAC_BYTES;
  const count = (macAt - CID_BYTES) / 4;
  if (!Number.isInteger(count) || count < 1 || datagram.length > FIRST_BYTES) return undefined;
  const bytes = datagram.subarray(0, macAt);
  if (!keys.hasMac('4', datagram.subarray(macAt), bytes, firstMac)) return undefined;
  return Array.from({ length: count }, (_, i) => numberOf(bytes, CID_BYTES + 4 * i));
}

export function emitRetry(keys: HandshakeKeys, cookie: Uint8Array, firstMac: Uint8Array) {
  const bytes = joined(markerCid(Marker.RETRY), cookie);
  return joined(bytes, keys.mac('5', bytes, firstMac));
}

/** The cookie in a genuine retry for the message with this MAC; undefined: not genuine. */
export function parseRetry(
  keys: HandshakeKeys,
  datagram: Uint8Array,
  firstMac: Uint8Array,
): Uint8Array | undefined {
  if (datagram.length < RETRY_BYTES) return undefined;
  const macAt = CID_BYTES + COOKIE_BYTES;
  const bytes = datagram.subarray(0, macAt);
  if (!keys.hasMac('5', datagram.subarray(macAt, RETRY_BYTES), bytes, firstMac)) return undefined;
  return Uint8Array.from(datagram.subarray(CID_BYTES, macAt));
}

/**
 * A message of the stealth form: 0-512 random bytes behind it, `bytesMax` in all at most. Each
 * length that may be is as likely as the others: drawn longer and cut, many would have the longest.
 */
export function withTrailing(
  message: Uint8Array,
  random: RandomBytes,
  bytesMax = Number.POSITIVE_INFINITY,
): Uint8Array {
  const most = Math.max(0, Math.min(TRAILING_MAX, bytesMax - message.length));
  const trailing = numberOf(random(4), 0) % (most + 1);
  return joined(message, random(trailing));
}
