/** What the address of `andvari ratatoskr call` means, and by which transports it is reached. */
import {
  parseRatatoskrAddress,
  RatatoskrAddressError,
} from '@andvari/host-common/ratatoskr/address';
import type { ClientTransport } from '@andvari/host-common/ratatoskr/client/client-channel';
import { RatatoskrError } from '@andvari/host-common/ratatoskr/client/client-error';
import { nodeTransports } from '../ratatoskr/node-transports.ts';
import { InputError } from './wallet-input.ts';

/** Whom to trust, as the user says it. */
export interface CallTrust {
  /** SHA-256 of the server's certificates. */
  certificateHash?: readonly Uint8Array<ArrayBuffer>[] | undefined;
  /** PEM. */
  ca?: string | undefined;
}

export interface CallAddress {
  transports: ClientTransport[];
  /** As the description of a network gives it. */
  serverKey?: Uint8Array;
}

/** A description is a few KiB. */
const DESCRIPTION_BYTES_MAX = 1024 * 1024;
/** Time for a server that has not said that it has WebTransport: a handshake over a slow path. */
const UNSAID_MS = 1_000;

const hexBytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, 'hex'));

/**
 * wss:// (ws:// on this machine): WebTransport on the UDP port of the same number if there is one
 * that can be trusted, else WebSocket. https://: WebTransport. The address of a network's
 * description (.json; http:// on this machine): what it names, as a page does.
 * @throws InputError, RatatoskrError if the description cannot be had
 */
export async function resolveCallAddress(
  text: string,
  trust: CallTrust,
  signal: AbortSignal,
): Promise<CallAddress> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHere = isOnThisMachine(url);
  const isDescription = url?.pathname.endsWith('.json') ?? false;
  const { certificateHash: hashes = [], ca } = trust;
  if (url && !text.includes('#')) {
    const { protocol } = url;
    if (protocol === 'wss:' || (protocol === 'ws:' && isHere)) return webSocket(url, trust);
    if (isDescription && (protocol === 'https:' || (protocol === 'http:' && isHere))) {
      return described(url, trust, signal);
    }
    if (protocol === 'https:') {
      return {
        transports: nodeTransports({ webTransportUrl: text, certificateHashes: hashes, ca }),
      };
    }
  }
  throw new InputError(
    `${text}: wanted a wss:// address, or ws:// on this machine, an https:// address for ` +
      "WebTransport, or that of a network's description (.json)",
  );
}

function isOnThisMachine(url: URL | undefined): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '');
}

function webSocket(url: URL, { certificateHash: hashes = [], ca }: CallTrust): CallAddress {
  const ways = { webSocketUrl: url.href, webSocketHashes: hashes, ca };
  // In clear nobody vouches for the server but a hash.
  if (url.protocol === 'ws:' && hashes.length === 0) return { transports: nodeTransports(ways) };
  const webTransportUrl = url.href.replace(/^ws{1,2}:/, 'https:');
  const [first, ...others] = nodeTransports({
    ...{ ...ways, webTransportUrl, certificateHashes: hashes },
  });
  return { transports: [hasty(first as ClientTransport), ...others] };
}

/** Gives up sooner than the client would. */
function hasty(transport: ClientTransport): ClientTransport {
  return {
    name: transport.name,
    connect: async (events, signal) => {
      const limit = new AbortController();
      const why = new Error(`no connection within ${UNSAID_MS} ms`);
      const timer = setTimeout(() => limit.abort(why), UNSAID_MS);
      try {
        return await transport.connect(events, AbortSignal.any([signal, limit.signal]));
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function described(url: URL, trust: CallTrust, signal: AbortSignal): Promise<CallAddress> {
  const address = parsed(url, await download(url, signal));
  const { certificateHash: hashes, ca } = trust;
  const { webTransport } = address;
  const at = new URL(address.url);
  if (at.protocol === 'ws:' && !isOnThisMachine(at)) {
    throw new InputError(`${url.href}: it names ${at.href}: in clear, and not on this machine`);
  }
  return {
    transports: nodeTransports({
      webSocketUrl: address.url,
      webSocketHashes: hashes,
      webTransportUrl: webTransport?.url,
      certificateHashes: hashes ?? webTransport?.certificateHashes.map(hexBytes),
      ca,
    }),
    serverKey: hexBytes(address.serverKey),
  };
}

function parsed(url: URL, text: string) {
  try {
    const address = parseRatatoskrAddress(JSON.parse(text));
    if (address !== undefined) return address;
  } catch (error) {
    if (error instanceof RatatoskrAddressError) {
      throw new InputError(`${url.href}: ${error.message}`);
    }
    throw new InputError(`${url.href}: wanted the description of a network as JSON`);
  }
  throw new InputError(`${url.href}: the network has no Ratatoskr endpoint`);
}

async function download(url: URL, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { signal, redirect: 'error' });
    if (!response.ok) throw new InputError(`${url.href}: the server answers ${response.status}`);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
      bytes += part.length;
      if (bytes > DESCRIPTION_BYTES_MAX)
        throw new InputError(`${url.href}: it is longer than 1 MiB`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const late = (signal.reason as Error | undefined)?.name === 'TimeoutError';
    if (late) throw new RatatoskrError('ANDVARI_TIMEOUT', `${url.href}: no answer in time`);
    if (signal.aborted) throw signal.reason;
    const { message, cause } = error as Error;
    const why = (cause as Error | undefined)?.message || message;
    throw new RatatoskrError('ANDVARI_UNREACHABLE', `${url.href}: cannot be read: ${why}`);
  }
}
