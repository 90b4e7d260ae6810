/**
 * A wallet entry as bytes, for stores that seal or file it. Big-endian.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1; 2 with a place |
 * | 1 | 4 | id |
 * | 5 | 1 | denomination (signed) |
 * | 6 | 4 | serial number |
 * | 10 | 16 | masks: owned, unknown, offered, foreign |
 * | 26 | 25 | lights, ASCII |
 * | 51 | 400 | ANs |
 * | 451 | 0 or 25 | version 2: place |
 * | 451 or 476 | 0 or 400 | proposed ANs |
 *
 * A place is one byte and 24: 1 and the code of a locker (ASCII); 2 (given) or 3 (made), the number
 * of a change and zeros.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { isDenomination, isSerialNumber, KEYS_BYTES } from './coin.ts';
import { CODE_CHARACTERS, isLockerCode } from './locker-code.ts';
import { ALL_SERVERS, lightLetters, unsettled, type WalletEntry } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';

const VERSION = 1;
const VERSION_WITH_PLACE = 2;
const Place = { LOCKER: 1, GIVEN: 2, MADE: 3 } as const;
const PLACE_BYTES = 1 + CODE_CHARACTERS;
const ID_MAX = 0xffffffff;
const LIGHTS = 26;
const KEYS = LIGHTS + RAIDA_COUNT;
const KEYS_END = KEYS + KEYS_BYTES;
const LETTERS = new Set(Object.values(lightLetters));

function isMask(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= ALL_SERVERS;
}

/** Throws WalletError ANDVARI_WALLET_STATE for an entry that no wallet could have saved. */
export function checkEntry(entry: WalletEntry): void {
  const { id, owned, unknown, offered, foreign, lights, proposedNumbers } = entry;
  const wrong = (what: string): never => {
    throw new WalletError('ANDVARI_WALLET_STATE', `stored coin ${id}: ${what} is impossible`);
  };
  if (!Number.isInteger(id) || id < 1 || id > ID_MAX) wrong('the id');
  if (!isDenomination(entry.denomination)) wrong('the denomination');
  if (!isSerialNumber(entry.serialNumber)) wrong('the serial number');
  if (entry.authenticationNumbers?.length !== KEYS_BYTES) wrong('the number of key bytes');
  if (proposedNumbers && proposedNumbers.length !== KEYS_BYTES) wrong('the number of key bytes');
  if (![owned, unknown, offered, foreign].every(isMask)) wrong('a mask');
  const overlap = (unknown & offered) | (unknown & foreign) | (offered & foreign);
  if (overlap !== 0) wrong('the state of a server');
  if ((unsettled(entry) !== 0) !== (proposedNumbers !== undefined)) wrong('the proposal');
  const { locker, change } = entry;
  if (locker !== undefined && (!isLockerCode(locker) || change)) wrong('the locker');
  if (change && !(change.group > 0 && change.group <= ID_MAX)) wrong('the change');
  const known = typeof lights === 'string' && Array.from(lights).every((l) => LETTERS.has(l));
  if (!known || lights.length !== RAIDA_COUNT) wrong('a light');
}

/** 451 or 851 bytes, 25 more for a coin in a locker or a change. */
export function emitWalletEntry(entry: WalletEntry): Uint8Array<ArrayBuffer> {
  const { proposedNumbers } = entry;
  const place = emitPlace(entry);
  const proposals = KEYS_END + place.length;
  const bytes = new Uint8Array(proposals + (proposedNumbers ? KEYS_BYTES : 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = place.length > 0 ? VERSION_WITH_PLACE : VERSION;
  view.setUint32(1, entry.id);
  view.setInt8(5, entry.denomination);
  view.setUint32(6, entry.serialNumber);
  const masks = [entry.owned, entry.unknown, entry.offered, entry.foreign];
  for (const [index, mask] of masks.entries()) view.setUint32(10 + index * 4, mask);
  bytes.set(new TextEncoder().encode(entry.lights), LIGHTS);
  bytes.set(entry.authenticationNumbers, KEYS);
  bytes.set(place, KEYS_END);
  if (proposedNumbers) bytes.set(proposedNumbers, proposals);
  return bytes;
}

function emitPlace({ locker, change }: WalletEntry): Uint8Array {
  if (locker === undefined && !change) return new Uint8Array(0);
  const bytes = new Uint8Array(PLACE_BYTES);
  if (locker !== undefined) {
    bytes[0] = Place.LOCKER;
    bytes.set(new TextEncoder().encode(locker), 1);
  } else if (change) {
    bytes[0] = change.role === 'given' ? Place.GIVEN : Place.MADE;
    new DataView(bytes.buffer).setUint32(1, change.group);
  }
  return bytes;
}

function parsePlace(bytes: Uint8Array): Pick<WalletEntry, 'locker' | 'change'> {
  if (bytes.length === 0) return {};
  const [kind] = bytes;
  if (kind === Place.LOCKER) return { locker: String.fromCharCode(...bytes.subarray(1)) };
  const group = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (kind === Place.GIVEN) return { change: { group, role: 'given' } };
  if (kind === Place.MADE) return { change: { group, role: 'made' } };
  throw new WalletError('ANDVARI_WALLET_STATE', `stored coin: place ${kind} is impossible`);
}

/** Reads emitWalletEntry()'s bytes. Throws WalletError ANDVARI_WALLET_STATE. */
export function parseWalletEntry(bytes: Uint8Array): WalletEntry {
  const [version] = bytes;
  const end = KEYS_END + (version === VERSION_WITH_PLACE ? PLACE_BYTES : 0);
  const sizes = [end, end + KEYS_BYTES];
  const known = version === VERSION || version === VERSION_WITH_PLACE;
  if (!sizes.includes(bytes.length) || !known) {
    const versions = `${VERSION} or ${VERSION_WITH_PLACE}`;
    const wanted = `wanted version ${versions} and ${sizes.join(' or ')} bytes`;
    const got = `got version ${version ?? 'none'} and ${bytes.length} bytes`;
    throw new WalletError('ANDVARI_WALLET_STATE', `stored coin: ${wanted}, ${got}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entry: WalletEntry = {
    id: view.getUint32(1),
    denomination: view.getInt8(5),
    serialNumber: view.getUint32(6),
    owned: view.getUint32(10),
    unknown: view.getUint32(14),
    offered: view.getUint32(18),
    foreign: view.getUint32(22),
    lights: String.fromCharCode(...bytes.subarray(LIGHTS, KEYS)),
    authenticationNumbers: bytes.slice(KEYS, KEYS_END),
    ...parsePlace(bytes.subarray(KEYS_END, end)),
    ...(bytes.length > end ? { proposedNumbers: bytes.slice(end) } : {}),
  };
  checkEntry(entry);
  return entry;
}
