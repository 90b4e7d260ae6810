/**
 * A wallet entry as bytes, for stores that seal or file it. Big-endian.
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | version, 1 |
 * | 1 | 4 | id |
 * | 5 | 1 | denomination (signed) |
 * | 6 | 4 | serial number |
 * | 10 | 16 | masks: owned, unknown, offered, foreign |
 * | 26 | 25 | lights, ASCII |
 * | 51 | 400 | ANs |
 * | 451 | 0 or 400 | proposed ANs |
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { isDenomination, isSerialNumber, KEYS_BYTES } from './coin.ts';
import { ALL_SERVERS, lightLetters, unsettled, type WalletEntry } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';

const VERSION = 1;
const LIGHTS = 26;
const KEYS = LIGHTS + RAIDA_COUNT;
const PROPOSALS = KEYS + KEYS_BYTES;
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
  if (!Number.isInteger(id) || id < 1 || id > 0xffffffff) wrong('the id');
  if (!isDenomination(entry.denomination)) wrong('the denomination');
  if (!isSerialNumber(entry.serialNumber)) wrong('the serial number');
  if (entry.authenticationNumbers?.length !== KEYS_BYTES) wrong('the number of key bytes');
  if (proposedNumbers && proposedNumbers.length !== KEYS_BYTES) wrong('the number of key bytes');
  if (![owned, unknown, offered, foreign].every(isMask)) wrong('a mask');
  const overlap = (unknown & offered) | (unknown & foreign) | (offered & foreign);
  if (overlap !== 0) wrong('the state of a server');
  if ((unsettled(entry) !== 0) !== (proposedNumbers !== undefined)) wrong('the proposal');
  const known = typeof lights === 'string' && Array.from(lights).every((l) => LETTERS.has(l));
  if (!known || lights.length !== RAIDA_COUNT) wrong('a light');
}

/** 451 or 851 bytes. */
export function emitWalletEntry(entry: WalletEntry): Uint8Array<ArrayBuffer> {
  const { proposedNumbers } = entry;
  const bytes = new Uint8Array(PROPOSALS + (proposedNumbers ? KEYS_BYTES : 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = VERSION;
  view.setUint32(1, entry.id);
  view.setInt8(5, entry.denomination);
  view.setUint32(6, entry.serialNumber);
  const masks = [entry.owned, entry.unknown, entry.offered, entry.foreign];
  for (const [index, mask] of masks.entries()) view.setUint32(10 + index * 4, mask);
  bytes.set(new TextEncoder().encode(entry.lights), LIGHTS);
  bytes.set(entry.authenticationNumbers, KEYS);
  if (proposedNumbers) bytes.set(proposedNumbers, PROPOSALS);
  return bytes;
}

/** Reads emitWalletEntry()'s bytes. Throws WalletError ANDVARI_WALLET_STATE. */
export function parseWalletEntry(bytes: Uint8Array): WalletEntry {
  const sizes = [PROPOSALS, PROPOSALS + KEYS_BYTES];
  if (!sizes.includes(bytes.length) || bytes[0] !== VERSION) {
    const wanted = `wanted version ${VERSION} and ${sizes.join(' or ')} bytes`;
    const got = `got version ${bytes[0] ?? 'none'} and ${bytes.length} bytes`;
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
    authenticationNumbers: bytes.slice(KEYS, PROPOSALS),
    ...(bytes.length > PROPOSALS ? { proposedNumbers: bytes.slice(PROPOSALS) } : {}),
  };
  checkEntry(entry);
  return entry;
}
