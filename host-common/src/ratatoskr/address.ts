/**
 * Where a network's Ratatoskr endpoint is: the field `ratatoskr` of its description
 * (raida/network.ts, GET /network.json), for the wallet page and for programs.
 */

export interface RatatoskrAddress {
  /** `ws://host:port/ratatoskr` or `wss://...`. */
  url: string;
  /** Public key of the server's answers, 64 hex digits. */
  serverKey: string;
  webTransport?: {
    /** `https://host:port/ratatoskr`. */
    url: string;
    /** SHA-256 of certificates that it may show, 64 hex digits each; none: of an authority. */
    certificateHashes: string[];
  };
}

/** A description's endpoint that is none. */
export class RatatoskrAddressError extends Error {
  override readonly name = 'RatatoskrAddressError';
  readonly code = 'ANDVARI_RATATOSKR_ADDRESS';
}

const HEX_32_BYTES = /^[0-9a-f]{64}$/;

function isUrl(value: unknown, protocols: readonly string[]): value is string {
  return (
    typeof value === 'string' && URL.canParse(value) && protocols.includes(new URL(value).protocol)
  );
}

/**
 * The endpoint of a description (what JSON.parse made of it); undefined: it has none. Throws
 * RatatoskrAddressError, which names the value that is wrong.
 */
export function parseRatatoskrAddress(network: unknown): RatatoskrAddress | undefined {
  const value = (network as { ratatoskr?: unknown } | null | undefined)?.ratatoskr;
  if (value === undefined || value === null) return undefined;
  const refuse = (path: string, wanted: string): never => {
    throw new RatatoskrAddressError(`network description, ratatoskr${path}: wanted ${wanted}`);
  };
  const { url, serverKey, webTransport } = value as Record<string, unknown>;
  if (!isUrl(url, ['ws:', 'wss:'])) return refuse('.url', 'a ws:// or wss:// address');
  if (typeof serverKey !== 'string' || !HEX_32_BYTES.test(serverKey)) {
    return refuse('.serverKey', '64 hex digits');
  }
  if (webTransport === undefined || webTransport === null) return { url, serverKey };
  const web = webTransport as Record<string, unknown>;
  if (!isUrl(web['url'], ['https:'])) return refuse('.webTransport.url', 'an https:// address');
  const hashes = web['certificateHashes'];
  const good =
    Array.isArray(hashes) &&
    hashes.length <= 8 &&
    hashes.every((hash) => typeof hash === 'string' && HEX_32_BYTES.test(hash));
  if (!good) return refuse('.webTransport.certificateHashes', 'at most 8 times 64 hex digits');
  return { url, serverKey, webTransport: { url: web['url'], certificateHashes: hashes } };
}
