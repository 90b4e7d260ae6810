/** The extended CONNECT that opens a session (RFC 9220, draft-ietf-webtrans-http3 section 3.2). */
import { collectFields, type FieldRules } from './header-fields.ts';
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

function malformed(why: string): Http3RequestError {
  return new Http3RequestError(400, why, Http3Code.MESSAGE_ERROR);
}

const RULES: FieldRules = {
  pseudo: new Set([':method', ':scheme', ':authority', ':path', ':protocol']),
  single: new Set(['origin', 'host']),
  te: true,
  malformed,
};

/**
 * The request that these fields make.
 * @throws Http3RequestError 400 malformed, 405 another method, 501 another protocol
 */
export function parseConnectRequest(fields: readonly Field[]): ConnectRequest {
  const byName = collectFields(fields, RULES);
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
