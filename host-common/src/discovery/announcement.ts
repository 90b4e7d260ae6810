/**
 * What a member of a group announces in the DHT: that a peer has a file, or how a peer is reached.
 * Those who keep it see 560 bytes that look random, always as many. Reference: transfer section 8.
 *
 * offset  size  what
 *      0    24  nonce, random
 *     24   520  sealed (XChaCha20-Poly1305; key of group-keys.ts; AAD: the key of the DHT):
 *               0   32  peer ID, an Ed25519 key
 *              32    1  number of places, 1 to 9
 *              33       the places: family 1 (04 or 06) · port 2 · address 4 or 16; at most 8. Or,
 *                       last and once, family 01 · length 2 · a relay's address as text
 *                    8  when it was made, microseconds since the epoch
 *                    4  capabilities
 *                   64  Ed25519 signature by that key: label "wraith-v1-announce", all of the
 *                       above from the peer ID on, the key of the DHT
 *                       zero up to 520
 *    544    16  tag
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import type { Ed25519Verifier } from '../ratatoskr/signing.ts';
import { checkBytes, checkWhole, U32_MAX } from '../transfer/argument-checks.ts';
import { joined, type RandomBytes } from '../transfer/byte-strings.ts';
import { type PurposeSigner, verifyPurpose } from '../transfer/identity.ts';
import { DHT_KEY_BYTES, type GroupKeys } from './group-keys.ts';
import { type Places, PlacesReader, placesBytes } from './places.ts';

const NONCE_BYTES = 24;
const PLAIN_BYTES = 520;
const TAG_BYTES = 16;
export const ANNOUNCEMENT_BYTES = NONCE_BYTES + PLAIN_BYTES + TAG_BYTES;

const PEER_ID_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Time and capabilities. */
const FACTS_BYTES = 12;

/** So long an announcement holds. */
export const ANNOUNCEMENT_TTL_MS = 3_600_000;
/** So far clocks may be apart. */
export const CLOCK_SLACK_MS = 120_000;

export interface Announcement extends Places {
  /** 32 bytes. */
  peerId: Uint8Array;
  /** When it was made, by the clock of the peer. */
  atMs: number;
  /** 32 bits; none is defined yet. */
  capabilities: number;
}

/** Why bytes are no announcement that holds. */
export type AnnouncementRefusal =
  /** Not 560 bytes. */
  | 'size'
  /** Sealed by somebody without the secret, for another key of the DHT, or changed. */
  | 'seal'
  /** What is sealed is not laid out as it has to be. */
  | 'layout'
  /** Older than it may be, or of the future. */
  | 'time'
  /** Not signed by its peer, or for another key of the DHT. */
  | 'signature';

export interface SealOptions {
  keys: GroupKeys;
  /** From `keys`, 20 bytes. */
  dhtKey: Uint8Array;
  /** Of the peer that is announced. */
  signer: PurposeSigner;
  random: RandomBytes;
}

/** 560 bytes. @throws TypeError, RangeError: no announcement */
export async function sealAnnouncement(
  { peerId, atMs, capabilities, ...places }: Announcement,
  { keys, dhtKey, signer, random }: SealOptions,
): Promise<Uint8Array> {
  checkBytes('peerId', peerId, PEER_ID_BYTES);
  checkBytes('dhtKey', dhtKey, DHT_KEY_BYTES);
  checkWhole('atMs', atMs, 0, 2 ** 42);
  checkWhole('capabilities', capabilities, 0, U32_MAX);
  const facts = new Uint8Array(FACTS_BYTES);
  const view = new DataView(facts.buffer);
  view.setBigUint64(0, BigInt(atMs) * 1000n);
  view.setUint32(8, capabilities);
  const signed = joined(peerId, placesBytes(places), facts);
  const signature = await signer.sign('wraith-v1-announce', joined(signed, dhtKey));
  const plain = new Uint8Array(PLAIN_BYTES);
  plain.set(joined(signed, signature));
  const nonce = random(NONCE_BYTES);
  return joined(nonce, xchacha20poly1305(keys.sealKey, nonce, dhtKey).encrypt(plain));
}

export interface OpenOptions {
  keys: GroupKeys;
  /** Under which it was found. */
  dhtKey: Uint8Array;
  verifier: Ed25519Verifier;
  nowMs: number;
}

/** What is sealed in bytes that anybody may have made up. */
export async function openAnnouncement(
  value: Uint8Array,
  { keys, dhtKey, verifier, nowMs }: OpenOptions,
): Promise<Announcement | AnnouncementRefusal> {
  if (value.length !== ANNOUNCEMENT_BYTES) return 'size';
  const plain = unsealed(value, keys, dhtKey);
  if (!plain) return 'seal';
  const read = readPlain(plain);
  if (!read) return 'layout';
  const { announcement, signed, signature } = read;
  const { atMs, peerId } = announcement;
  if (atMs > nowMs + CLOCK_SLACK_MS) return 'time';
  if (atMs < nowMs - ANNOUNCEMENT_TTL_MS - CLOCK_SLACK_MS) return 'time';
  const data = joined(signed, dhtKey);
  const claim = { peerId, purpose: 'wraith-v1-announce', data, signature } as const;
  return (await verifyPurpose(verifier, claim)) ? announcement : 'signature';
}

function unsealed(
  value: Uint8Array,
  { sealKey }: GroupKeys,
  dhtKey: Uint8Array,
): Uint8Array | undefined {
  try {
    const nonce = value.subarray(0, NONCE_BYTES);
    return xchacha20poly1305(sealKey, nonce, dhtKey).decrypt(value.subarray(NONCE_BYTES));
  } catch {
    return undefined;
  }
}

interface ReadPlain {
  announcement: Announcement;
  signed: Uint8Array;
  signature: Uint8Array;
}

/** A member of the group may be broken or hostile too: nothing is believed. */
function readPlain(plain: Uint8Array): ReadPlain | undefined {
  const reader = new PlacesReader(plain, PEER_ID_BYTES);
  const places = reader.read();
  const end = reader.at + FACTS_BYTES;
  if (!places || end + SIGNATURE_BYTES > PLAIN_BYTES) return undefined;
  const facts = new DataView(plain.buffer, plain.byteOffset + reader.at, FACTS_BYTES);
  const padding = plain.subarray(end + SIGNATURE_BYTES);
  if (padding.some((byte) => byte !== 0)) return undefined;
  const peerId = plain.slice(0, PEER_ID_BYTES);
  const atMs = Number(facts.getBigUint64(0) / 1000n);
  const announcement = { ...places, peerId, atMs, capabilities: facts.getUint32(8) };
  const signature = plain.slice(end, end + SIGNATURE_BYTES);
  return { announcement, signed: plain.subarray(0, end), signature };
}
