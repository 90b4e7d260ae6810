/**
 * A relay as people pass it on: `wss://HOST:PORT/relay`, and behind # the SHA-256 of certificates
 * (hex, with commas between) where those are to be trusted and no authority. Without a path it is
 * that of all relays.
 */
import { checkText } from '@andvari/host-common/transfer/argument-checks';
import { RELAY_PATH, relayHostOf } from '@andvari/host-common/transfer/relay/relay-channel';
import type { WsRelayOptions } from './relay/ws-relay.ts';

const TEXT_LENGTH_MAX = 2048;
/** The one of now and the next, and as many again. */
const HASHES_MAX = 4;

/** The text says no relay. */
export class RelayAddressError extends Error {
  override readonly name = 'RelayAddressError';
  readonly code = 'ANDVARI_RELAY_ADDRESS';
}

/** @throws RelayAddressError; TypeError */
export function parseRelayAddress(text: string): WsRelayOptions {
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
export function relayAddressText({ url, certificateHashes = [] }: WsRelayOptions): string {
  const hashes = certificateHashes.map((hash) => Buffer.from(hash).toString('hex'));
  return hashes.length > 0 ? `${url}#${hashes.join(',')}` : url;
}

function hashOf(hex: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(hex)) return Uint8Array.from(Buffer.from(hex, 'hex'));
  const wanted = 'wanted the SHA-256 of a certificate, 64 hex digits';
  throw new RelayAddressError(`behind the # of a relay: ${wanted}`);
}
