/** Relays and codes as the user gives them. */
import { parsePeerId } from '@andvari/host-common/transfer/peer-id-text';
import {
  parseRelayAddress,
  type RelayAddress,
  splitPeerAtRelay,
} from '@andvari/host-common/transfer/relay/relay-address';
import { WorkerFailure } from '../messages.ts';
import { refuseUnreachable } from '../ratatoskr-endpoint.ts';

const COMMAND = /^(?:npx\s+)?andvari\s+receive\s+/;
/** `PEER@HOST:PORT`: where a UDP port waits. */
const AT_ADDRESS = /@[^@\s/]+:\d+$/;

export interface PageCode {
  peerId: Uint8Array;
  /** Of its relay. */
  url: string;
}

/**
 * The URL of a relay.
 * @param reachable what the page's policy names; undefined: nobody has said
 * @throws RelayAddressError; WorkerFailure: one that a page cannot reach
 */
export function readRelay(text: string, reachable?: readonly string[]): string {
  return urlOf(parseRelayAddress(text.trim()), reachable);
}

/**
 * What `andvari send` and this page show: `PEER@wss://HOST:PORT/relay`, also with the command that
 * is printed in front of it.
 * @throws PeerIdError, RelayAddressError; WorkerFailure: one that a page cannot use
 */
export function readCode(text: string, reachable?: readonly string[]): PageCode {
  const plain = text
    .trim()
    .replace(COMMAND, '')
    .replace(/^(['"])(.*)\1$/, '$2');
  const split = splitPeerAtRelay(plain);
  if (split) {
    return { peerId: parsePeerId(split.peer), url: urlOf(split.relay, reachable) };
  }
  if (AT_ADDRESS.test(plain)) {
    throw new WorkerFailure(
      'ANDVARI_CODE_ADDRESS',
      'This code leads to an address that a page cannot call: ask for one with a relay, as ' +
        'andvari send prints it with --relay, or take the file with andvari receive.',
    );
  }
  throw new WorkerFailure(
    'ANDVARI_CODE',
    'This is no code: it has 55 letters and digits, then @ and the address of a relay (wss://…). ' +
      'Copy it once more, whole.',
  );
}

function urlOf({ url, certificateHashes }: RelayAddress, reachable?: readonly string[]): string {
  if (certificateHashes) {
    throw new WorkerFailure(
      'ANDVARI_RELAY_PINNED',
      'This relay is known by the hash of its certificate alone, which a page cannot check: it ' +
        'wants one with a certificate that this browser trusts.',
    );
  }
  const { protocol, hostname } = new URL(url);
  if (protocol === 'ws:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) {
    throw new WorkerFailure(
      'ANDVARI_RELAY_PLAIN',
      'A relay on another machine is reached by wss:// alone, and its address begins with that.',
    );
  }
  refuseUnreachable({ url, webTransportUrl: '' }, reachable);
  return url;
}
