/** The error codes of Ratatoskr (reference: section 7). What a peer is told is here, all of it. */

type ErrorClass = 'SerializationError' | 'ValidationError' | 'ConnectionError' | 'SecurityError';

/** Code, class of the document (metadata "class"), and the one text that goes with it. */
const codes = {
  INVALID_FORMAT: ['SerializationError', 'wanted a binary message'],
  MALFORMED: ['SerializationError', 'the message does not decode'],
  INVALID_REQUEST: ['ValidationError', 'the message is not a request that is taken here'],
  TIMESTAMP_INVALID: ['ValidationError', 'the timestamp is too old or in the future'],
  UNAUTHENTICATED: ['SecurityError', 'the device could not be authenticated'],
  REPLAY: ['SecurityError', 'the message was here before'],
  NONCE_CACHE_FULL: ['SecurityError', 'too many messages of this device at once; try again'],
  RATE_LIMITED: ['SecurityError', 'too many messages; try again later'],
  NO_SESSION: ['ConnectionError', 'a connection request has to come first'],
  SESSION_EXPIRED: ['ConnectionError', 'the session has expired; send a connection request'],
  CONNECTION_REJECTED: ['ConnectionError', 'the connection is refused'],
  SERVICE_ERROR: ['ConnectionError', 'the service failed'],
  SERVICE_UNAVAILABLE: ['ConnectionError', 'the service is not available now'],
} as const satisfies Record<string, readonly [ErrorClass, string]>;

export type ErrorCode = keyof typeof codes;

export function classOf(code: ErrorCode): ErrorClass {
  return codes[code][0];
}

export function textOf(code: ErrorCode): string {
  return codes[code][1];
}

/** WebSocket close codes of RFC 6455, section 7.4.1; WebTransport capsules carry the same. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  UNSUPPORTED_DATA: 1003,
  INVALID_PAYLOAD: 1007,
  POLICY: 1008,
  TRY_AGAIN_LATER: 1013,
} as const;
