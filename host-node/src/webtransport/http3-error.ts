/** Error codes of HTTP/3, QPACK, HTTP datagrams and WebTransport, and errors that carry them. */

/** RFC 9114 section 8.1, RFC 9204 section 6, RFC 9297 section 5.2. */
export const Http3Code = {
  DATAGRAM_ERROR: 0x33,
  NO_ERROR: 0x100,
  GENERAL_PROTOCOL_ERROR: 0x101,
  INTERNAL_ERROR: 0x102,
  STREAM_CREATION_ERROR: 0x103,
  CLOSED_CRITICAL_STREAM: 0x104,
  FRAME_UNEXPECTED: 0x105,
  FRAME_ERROR: 0x106,
  EXCESSIVE_LOAD: 0x107,
  ID_ERROR: 0x108,
  SETTINGS_ERROR: 0x109,
  MISSING_SETTINGS: 0x10a,
  REQUEST_REJECTED: 0x10b,
  REQUEST_CANCELLED: 0x10c,
  REQUEST_INCOMPLETE: 0x10d,
  MESSAGE_ERROR: 0x10e,
  QPACK_DECOMPRESSION_FAILED: 0x200,
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  QPACK_DECODER_STREAM_ERROR: 0x202,
  /** draft-ietf-webtrans-http3 section 9.5: a stream that came before its session found no room. */
  WEBTRANSPORT_BUFFERED_STREAM_REJECTED: 0x3994bd84,
  /** Same: the session of the stream has ended. */
  WEBTRANSPORT_SESSION_GONE: 0x170d7b68,
} as const;

/** The peer broke a rule for which the whole connection is closed with `http3Code`. */
export class Http3ConnectionError extends Error {
  readonly code = 'ANDVARI_HTTP3_CONNECTION';
  readonly http3Code: number;

  constructor(http3Code: number, why: string) {
    super(why);
    this.name = 'Http3ConnectionError';
    this.http3Code = http3Code;
  }
}

/** A request that is refused: its stream gets `status`, the connection goes on. */
export class Http3RequestError extends Error {
  readonly code = 'ANDVARI_HTTP3_REQUEST';
  readonly status: number;
  /** With this code the rest of the request is not wanted. */
  readonly http3Code: number;

  constructor(status: number, why: string, http3Code: number = Http3Code.NO_ERROR) {
    super(why);
    this.name = 'Http3RequestError';
    this.status = status;
    this.http3Code = http3Code;
  }
}

/** A session's stream broke a rule: the session ends, the connection goes on. */
export class Http3StreamError extends Error {
  readonly code = 'ANDVARI_HTTP3_STREAM';
  readonly http3Code: number;

  constructor(http3Code: number, why: string) {
    super(why);
    this.name = 'Http3StreamError';
    this.http3Code = http3Code;
  }
}

/** First and last HTTP/3 code that stand for an application's code. */
const APPLICATION_FIRST = 0x52e4a40fa8db;
const APPLICATION_LAST = 0x52e5ac983162;

/**
 * The HTTP/3 code that carries a WebTransport application's code (u32): the range leaves out the
 * reserved codes 0x1f * N + 0x21 (draft-ietf-webtrans-http3 section 4.3).
 */
export function toHttp3Code(applicationCode: number): number {
  return APPLICATION_FIRST + applicationCode + Math.floor(applicationCode / 0x1e);
}

/** The application's code (u32), or undefined for a code that stands for none. */
export function toApplicationCode(http3Code: number): number | undefined {
  if (http3Code < APPLICATION_FIRST || http3Code > APPLICATION_LAST) return undefined;
  if ((http3Code - 0x21) % 0x1f === 0) return undefined;
  const shifted = http3Code - APPLICATION_FIRST;
  return shifted - Math.floor(shifted / 0x1f);
}
