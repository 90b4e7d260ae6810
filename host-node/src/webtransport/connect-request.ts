/** The extended CONNECT that opens a session (RFC 9220, draft-ietf-webtrans-http3 section 3.2). */
import { Http3Code, Http3RequestError } from './http3-error.ts';
import type { Field } from './qpack.ts';

export interface ConnectRequest {
  /** `name:port` as the client wrote it. */
  readonly authority: string;
  /** Without the query, undecoded. */
  readonly path: string;
  /** With `?`; empty when there is none. */
  readonly query: string;
  /** The page's origin; undefined: the client is no browser. */
  readonly origin: string | undefined;
}

const PSEUDO_HEADERS: ReadonlySet<string> = new Set([
  ':method',
  ':scheme',
  ':authority',
  ':path',
  ':protocol',
]);
/** Fields of HTTP/1.1 connections (RFC 9114 section 4.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** Of these more than one would leave open which is meant. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set(['origin', 'host']);
/** token of RFC 9110 section 5.6.2, without capitals. */
const FIELD_NAME = /^:?[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** No control characters but TAB, no white space at the ends (RFC 9110 section 5.5). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const FIELD_VALUE_WRONG = /[\0-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;

function malformed(why: string): Http3RequestError {
  return new Http3RequestError(400, why, Http3Code.MESSAGE_ERROR);
}

/** Fields by name; of repeated ones the last, when repeating them is allowed. */
function collect(fields: readonly Field[]): Map<string, string> {
  const byName = new Map<string, string>();
  let regularSeen = false;
  for (const [name, value] of fields) {
    if (!FIELD_NAME.test(name) || FIELD_VALUE_WRONG.test(value)) {
      throw malformed('a field that HTTP does not allow');
    }
    const pseudo = name.startsWith(':');
    if (pseudo && (regularSeen || !PSEUDO_HEADERS.has(name))) {
      throw malformed(`${name} is unknown or behind other fields`);
    }
    if ((pseudo || SINGLE_FIELDS.has(name)) && byName.has(name)) throw malformed(`two of ${name}`);
    if (CONNECTION_FIELDS.has(name) || (name === 'te' && value !== 'trailers')) {
      throw malformed(`${name} belongs to HTTP/1.1`);
    }
    regularSeen ||= !pseudo;
    byName.set(name, value);
  }
  return byName;
}

/**
 * The request that these fields make.
 * @throws Http3RequestError 400 malformed, 405 another method, 501 another protocol
 */
export function parseConnectRequest(fields: readonly Field[]): ConnectRequest {
  const byName = collect(fields);
  const method = byName.get(':method');
  if (method === undefined) throw malformed('no :method');
  if (method !== 'CONNECT') throw new Http3RequestError(405, `method ${method}`);
  const protocol = byName.get(':protocol');
  if (protocol === undefined) throw new Http3RequestError(405, 'CONNECT without :protocol');
  const authority = byName.get(':authority');
  const target = byName.get(':path');
  if (!authority || !target?.startsWith('/')) throw malformed('no :authority or no :path');
  if (byName.get(':scheme') !== 'https') throw malformed('a :scheme other than https');
  const host = byName.get('host');
  if (host !== undefined && host !== authority) throw malformed('host is not :authority');
  if (protocol !== 'webtransport') throw new Http3RequestError(501, `protocol ${protocol}`);
  const queryStart = target.indexOf('?');
  return {
    authority,
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: queryStart < 0 ? '' : target.slice(queryStart),
    origin: byName.get('origin'),
  };
}
