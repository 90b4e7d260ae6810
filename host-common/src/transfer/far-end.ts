/**
 * The far end of a way a packet takes (PathField): 16 bytes of address, IPv4 mapped into IPv6; the
 * port; and the host's own number of a way that has no address, as a relay's. That of a packet that
 * came has one thing more, of a transport that knows it: the number of the address here that it
 * came to, from which an answer leaves. It says nothing outside of that transport.
 */
import { PathField } from '../engine/generated/transfer.ts';
import { checkBytes, checkWhole, U32_MAX } from './argument-checks.ts';

export interface FarEnd {
  /** 16 bytes. */
  address: Uint8Array;
  port: number;
  handle: number;
}

export const FAR_END_BYTES = PathField.BYTES;

/** @throws TypeError, RangeError */
export function writeFarEnd({ address, port, handle }: FarEnd): Uint8Array<ArrayBuffer> {
  checkBytes('address', address, 16);
  checkWhole('port', port, 0, 0xffff);
  checkWhole('handle', handle, 0, U32_MAX);
  const bytes = new Uint8Array(FAR_END_BYTES);
  bytes.set(address, PathField.ADDRESS);
  const view = new DataView(bytes.buffer);
  view.setUint16(PathField.PORT, port, true);
  view.setUint32(PathField.HANDLE, handle, true);
  return bytes;
}

/** The far end alone, wherever a packet from there came to: a copy. */
export function placeOf(farEnd: Uint8Array): Uint8Array<ArrayBuffer> {
  const place = Uint8Array.from(farEnd);
  place.fill(0, PathField.LOCAL, PathField.LOCAL + 2);
  return place;
}

/** Is it a way that has no address, as a relay's? */
export function hasHandle(farEnd: Uint8Array): boolean {
  for (let at = PathField.HANDLE; at < PathField.HANDLE + 4; at++) if (farEnd[at]) return true;
  return false;
}

/**
 * How packets go to a peer: to its address, through a relay, or to an address that was found in a
 * session that began at a relay.
 */
export type Way = 'direct' | 'relayed' | 'punched';

/** @throws TypeError, RangeError: these are not the bytes of a far end */
export function checkFarEnd(bytes: Uint8Array): void {
  checkBytes('far end', bytes, FAR_END_BYTES);
}

export function readFarEnd(bytes: Uint8Array): FarEnd {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FAR_END_BYTES);
  return {
    address: bytes.slice(PathField.ADDRESS, PathField.ADDRESS + 16),
    port: view.getUint16(PathField.PORT, true),
    handle: view.getUint32(PathField.HANDLE, true),
  };
}
