/**
 * A peer ID as people pass it on: 55 letters and digits, base32 (RFC 4648, lower case, unpadded) of
 * its 32 bytes and a checksum of two. The checksum is a CRC and no hash: it tells every wrong
 * letter, and all that is wrong within three letters side by side, two that changed places among
 * them; a hash of two bytes would let one of 65,536 such slips pass.
 */
import { checkBytes, checkText } from './argument-checks.ts';
import { equalBytes, joined } from './byte-strings.ts';
import { noiseKeyOf } from './identity.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
/** Of the checksum: what is a peer ID is no other key that somebody writes in this way. */
const LABEL = 'andvari-peer-id';
const PEER_ID_BYTES = 32;
/** CRC-16 of ITU-T V.41, highest bit first. */
const CRC_POLYNOMIAL = 0x1021;
const CRC_BYTES = 2;

export const PEER_ID_LETTERS = Math.ceil(((PEER_ID_BYTES + CRC_BYTES) * 8) / 5);
/** What is no peer ID, and yet was meant as one, has about as many letters. */
const SLIPS = 2;
/** With as many spaces and dashes as anybody puts between. */
const TEXT_LENGTH_MAX = 256;

/** The text is no peer ID. */
export class PeerIdError extends Error {
  override readonly name = 'PeerIdError';
  readonly code = 'ANDVARI_PEER_ID';
}

/** The text says no peer and place. */
export class PeerAddressError extends Error {
  override readonly name = 'PeerAddressError';
  readonly code = 'ANDVARI_PEER_ADDRESS';
}

/**
 * 55 lower-case letters and digits, without groups.
 * @throws TypeError; RangeError: no peer ID
 */
export function peerIdText(peerId: Uint8Array): string {
  checkBytes('peerId', peerId, PEER_ID_BYTES);
  if (!noiseKeyOf(peerId)) throw new RangeError('peerId: wanted a peer ID, got other bytes');
  return base32(joined(peerId, checksum(peerId)));
}

/**
 * The 32 bytes of a peer ID. Capital letters are taken, and spaces and dashes between groups.
 * @throws PeerIdError; TypeError
 */
export function parsePeerId(text: string): Uint8Array {
  const peerId = parsePeerIdBytes(text);
  if (!noiseKeyOf(peerId)) throw new PeerIdError('the text is whole, but no key of a peer');
  return peerId;
}

/**
 * The same without a calculation on the curve, for long lists of what peerIdText() has written: of
 * another text the bytes may be no peer's key. Nobody can have such a one.
 * @throws PeerIdError; TypeError
 */
export function parsePeerIdBytes(text: string): Uint8Array {
  checkText('text', text);
  const letters = lettersOf(text);
  if (letters === undefined) throw new PeerIdError('a peer ID has letters and digits alone');
  const wrong = /[^a-z2-7]/.exec(letters)?.[0];
  if (wrong) throw new PeerIdError(`a peer ID has no ${wrong}: its digits are 2 to 7`);
  if (letters.length !== PEER_ID_LETTERS) {
    const wanted = `a peer ID has ${PEER_ID_LETTERS} letters and digits`;
    throw new PeerIdError(`${wanted}, this has ${letters.length}`);
  }
  const bytes = base32Bytes(letters);
  const peerId = bytes?.slice(0, PEER_ID_BYTES);
  if (!bytes || !peerId || !equalBytes(bytes.subarray(PEER_ID_BYTES), checksum(peerId))) {
    throw new PeerIdError('a letter of the peer ID is wrong: its checksum does not fit');
  }
  return peerId;
}

/** Whether a text was meant as a peer ID, with a slip or without, and not as a name. */
export function looksLikePeerId(text: string): boolean {
  checkText('text', text);
  const length = lettersOf(text)?.length ?? 0;
  return Math.abs(length - PEER_ID_LETTERS) <= SLIPS;
}

/** A peer, by its ID or by a name that somebody gave it, and where it is. */
export interface PeerPlace {
  peer: string;
  /** A name, or an IP address without brackets. */
  host: string;
  /** 1 to 65535. */
  port: number;
}

/**
 * `PEER@HOST:PORT`, `PEER@[IPV6]:PORT`; PEER is not looked at, and may have an @ itself.
 * @throws PeerAddressError; TypeError
 */
export function splitPeerAddress(text: string): PeerPlace {
  checkText('text', text);
  const at = text.lastIndexOf('@');
  const peer = text.slice(0, Math.max(at, 0));
  const place = /^(?:\[([0-9a-f.]*:[0-9a-f:.]{1,45})\]|([a-z0-9._-]{1,253})):(\d{1,5})$/i;
  const [, ip6, name, digits] = place.exec(text.slice(at + 1)) ?? [];
  const port = Number(digits);
  const host = ip6 ?? name;
  if (peer === '' || host === undefined || port < 1 || port > 0xffff || !isHost(host)) {
    throw new PeerAddressError('wanted PEER@HOST:PORT, or PEER@[IPV6]:PORT, port 1 to 65535');
  }
  return { peer, host, port };
}

/**
 * The same with a peer ID for PEER.
 * @throws PeerAddressError, PeerIdError; TypeError
 */
export function parsePeerAddress(text: string): Omit<PeerPlace, 'peer'> & { peerId: Uint8Array } {
  const { peer, host, port } = splitPeerAddress(text);
  return { peerId: parsePeerId(peer), host, port };
}

function isHost(host: string): boolean {
  return URL.canParse(host.includes(':') ? `http://[${host}]/` : `http://${host}/`);
}

/** Lower case, without what is between groups; undefined: there is something else in it. */
function lettersOf(text: string): string | undefined {
  if (text.length > TEXT_LENGTH_MAX || !/^[a-z0-9]+(?:[ -]+[a-z0-9]+)*$/i.test(text))
    return undefined;
  return text.replace(/[ -]/g, '').toLowerCase();
}

function checksum(peerId: Uint8Array): Uint8Array {
  let crc = 0;
  for (const byte of joined(LABEL, peerId)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = ((crc << 1) ^ (crc & 0x8000 ? CRC_POLYNOMIAL : 0)) & 0xffff;
    }
  }
  return Uint8Array.of(crc >> 8, crc & 0xff);
}

function base32(bytes: Uint8Array): string {
  let [text, held, bits] = ['', 0, 0];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}

/** Of letters of the alphabet; undefined: bits behind the last byte are set. */
function base32Bytes(letters: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((letters.length * 5) / 8));
  let [at, held, bits] = [0, 0, 0];
  for (const letter of letters) {
    held = ((held << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
