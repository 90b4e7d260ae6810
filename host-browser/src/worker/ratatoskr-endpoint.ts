/** An endpoint as the user typed it. */

import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import type { ClientTransport } from '@andvari/host-common/ratatoskr/client/client-channel';
import { platformTransports } from '@andvari/host-common/ratatoskr/client/platform-transports';
import { WorkerFailure } from './messages.ts';
import type { ConnectWords } from './ratatoskr-messages.ts';

const HEX_32_BYTES = /^[0-9a-f]{64}$/i;
const HASHES_MAX = 8;
const ID_CHARACTERS_MAX = 64;

export interface Endpoint {
  transports: ClientTransport[];
  serverKey: Uint8Array | undefined;
  user: string;
}

/** Asks the page's server where its endpoint is now. */
export type AskAddress = () => Promise<RatatoskrAddress | undefined>;

/** Throws WorkerFailure ANDVARI_ENDPOINT, which says what is wrong. */
export function parseEndpoint(words: ConnectWords, askAddress: AskAddress): Endpoint {
  const url = words.url.trim();
  const webTransportUrl = words.webTransportUrl.trim();
  const user = words.user.trim();
  if (!isWebSocket(url)) {
    throw wrong('The address begins with wss://, or with ws:// on this machine.');
  }
  if (url.includes('#') || webTransportUrl.includes('#')) {
    throw wrong('An address has no part behind a #.');
  }
  if (webTransportUrl !== '' && protocolOf(webTransportUrl) !== 'https:') {
    throw wrong('The WebTransport address begins with https://.');
  }
  const serverKey = words.serverKey.trim();
  if (serverKey !== '' && !HEX_32_BYTES.test(serverKey)) {
    throw wrong('The key of the server has 64 digits from 0 to 9 and a to f.');
  }
  const hashes = words.certificateHashes.split(/[\s,]+/).filter((hash) => hash !== '');
  if (hashes.length > HASHES_MAX || !hashes.every((hash) => HEX_32_BYTES.test(hash))) {
    throw wrong('The certificate is named by 64 digits from 0 to 9 and a to f.');
  }
  if (user === '' || user.length > ID_CHARACTERS_MAX || /\p{Cc}/u.test(user)) {
    throw wrong(`The user has 1 to ${ID_CHARACTERS_MAX} characters.`);
  }
  const transports = platformTransports({
    webSocketUrl: url,
    webTransportUrl: webTransportUrl === '' ? undefined : webTransportUrl,
    certificateHashes: words.hashesOffered
      ? () => offeredHashes(webTransportUrl, hashes.map(bytesOf), askAddress)
      : hashes.map(bytesOf),
  });
  return { transports, serverKey: serverKey === '' ? undefined : bytesOf(serverKey), user };
}

/**
 * What the page's policy does not name the browser refuses, as if nobody were there: that is said
 * before, since trying again would never help. Throws WorkerFailure ANDVARI_ENDPOINT.
 */
export function refuseUnreachable(
  words: Pick<ConnectWords, 'url' | 'webTransportUrl'>,
  reachable: readonly string[] | undefined,
): void {
  if (reachable === undefined) return;
  const urls = [words.url.trim(), words.webTransportUrl.trim()];
  const other = urls.find((url) => URL.canParse(url) && !reachable.some((one) => covers(one, url)));
  if (other === undefined) return;
  const alone = reachable.length === 0 ? 'no such server' : `${reachable.join(' and ')} alone`;
  throw wrong(
    `This page may connect to ${alone}: the Content-Security-Policy that comes with it names no ` +
      `other. With andvari network up --connect ${other} whoever runs its server allows it.`,
  );
}

/** As a policy reads an address: a path that ends in a slash has everything below. */
function covers(allowed: string, url: string): boolean {
  const [a, b] = [new URL(allowed), new URL(url)];
  if (a.protocol !== b.protocol || a.host !== b.host) return false;
  return a.pathname.endsWith('/') ? b.pathname.startsWith(a.pathname) : a.pathname === b.pathname;
}

/** The hashes that the page's server gives now; the known ones where it has nothing to say. */
export async function offeredHashes(
  webTransportUrl: string,
  known: readonly Uint8Array<ArrayBuffer>[],
  askAddress: AskAddress,
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  // A server that is away says nothing: its old certificate may still be the one.
  const address = await askAddress().catch(() => undefined);
  const { url, certificateHashes } = address?.webTransport ?? {};
  return url === webTransportUrl && certificateHashes ? certificateHashes.map(bytesOf) : known;
}

/** In clear to this machine alone, as the wallet's own connections. */
function isWebSocket(url: string): boolean {
  const protocol = protocolOf(url);
  if (protocol !== 'ws:') return protocol === 'wss:';
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

function wrong(text: string): WorkerFailure {
  return new WorkerFailure('ANDVARI_ENDPOINT', text);
}
