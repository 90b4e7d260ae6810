/**
 * A relay as people pass it on: `wss://HOST:PORT/relay`, and behind # the SHA-256 of certificates
 * (hex, with commas between) where those are to be trusted and no authority. Without a path it is
 * that of all relays. A peer at it: `PEER@wss://HOST:PORT/relay`.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { checkText } from '../argument-checks.ts';
import { RELAY_PATH, relayHostOf } from './relay-channel.ts';

const TEXT_LENGTH_MAX = 2048;
/** The one of now and the next, and as many again. */
const HASHES_MAX = 4;
/** With a relay behind it. */
const AT_RELAY = /^(.*)@(wss?:\/\/[^@]*)$/is;

export interface RelayAddress {
  /** wss:, or ws: in clear. */
  url: string;
  /** SHA-256 (32 bytes) of certificates to trust in their time, whoever has signed them. */
  certificateHashes?: readonly Uint8Array[] | undefined;
}

/** The text says no relay. */
export class RelayAddressError extends Error {
  override readonly name = 'RelayAddressError';
  readonly code = 'ANDVARI_RELAY_ADDRESS';
}

/** @throws RelayAddressError; TypeError */
export function parseRelayAddress(text: string): RelayAddress {
  checkText('text', text);
  const [, scheme, rest, hashes] = /^(wss?):\/\/([^\s@#]+)(?:#(.*))?$/i.exec(text) ?? [];
  const url = `${scheme?.toLowerCase()}://${rest}`;
  if (text.length > TEXT_LENGTH_MAX || !rest || relayHostOf(url) === undefined) {
    throw new RelayAddressError('wanted the address of a relay, wss://HOST:PORT/relay');
  }
  const whole = new URL(url);
  if (whole.pathname === '/') whole.pathname = RELAY_PATH;
  if (hashes === undefined) return { url: whole.href };
  if (scheme?.toLowerCase() === 'ws') {
    throw new RelayAddressError('a relay in clear (ws:) has no certificate: wanted wss: or no #');
  }
  const certificateHashes = hashes.split(',').map(hashOf);
  if (certificateHashes.length <= HASHES_MAX) return { url: whole.href, certificateHashes };
  throw new RelayAddressError(`behind the # of a relay: ${HASHES_MAX} certificates at most`);
}

/** What parseRelayAddress() reads; an authority of the user's own is not in it. */
export function relayAddressText({ url, certificateHashes = [] }: RelayAddress): string {
  const hashes = certificateHashes.map(bytesToHex);
  return hashes.length > 0 ? `${url}#${hashes.join(',')}` : url;
}

/**
 * `PEER@wss://HOST:PORT/relay`, PEER as it stands there; undefined: there is no relay in it.
 * @throws RelayAddressError; TypeError
 */
export function splitPeerAtRelay(text: string): { peer: string; relay: RelayAddress } | undefined {
  checkText('text', text);
  const [, peer, relay] = AT_RELAY.exec(text) ?? [];
  return peer && relay ? { peer, relay: parseRelayAddress(relay) } : undefined;
}

function hashOf(hex: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(hex)) return hexToBytes(hex);
  const wanted = 'wanted the SHA-256 of a certificate, 64 hex digits';
  throw new RelayAddressError(`behind the # of a relay: ${wanted}`);
}
