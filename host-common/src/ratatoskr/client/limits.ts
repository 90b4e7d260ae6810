/** Every maximum and interval of the Ratatoskr client, each with its reason. */

/** A message of either direction, and the business part of one: as the engine has them. */
export {
  MESSAGE_BYTES_MAX,
  MESSAGE_PAYLOAD_BYTES_MAX as PAYLOAD_BYTES_MAX,
} from '../../engine/generated/limits.ts';
/** Random bytes that make a message unique (reference: section 9, rule 3). */
export const NONCE_BYTES = 16;
/** The client's protocol version; the server's must have the same major (reference: section 11). */
export const PROTOCOL_VERSION = '1.0';
/** The subprotocol of the WebSocket (reference: section 4). */
export const SUBPROTOCOL = 'ratatoskr.v1';

/**
 * Time for a transport to connect, as UDP that a firewall swallows must not hold up the fallback;
 * and for what the application gives to a connection.
 */
export const CONNECT_TIMEOUT_MS = 5_000;
/** Time for the answer to a CONNECTION_REQUEST: it waits for no service. */
export const SESSION_TIMEOUT_MS = 10_000;
/**
 * A server that owes an answer and says nothing for this long is asked whether it lives: people
 * begin to wonder then, and most answers take a tenth of it.
 */
export const ANSWER_LATE_MS = 2_000;
/** Without an answer to that for this long it is shown as not answering: several round trips. */
export const QUESTION_LATE_MS = 1_000;
/** A line that carries less looks like a dead one while a long message is on it. */
export const SLOW_LINE_BYTES_PER_S = 32_768;
/** Time for a call, with the wait in the queue. */
export const CALL_TIMEOUT_DEFAULT_MS = 30_000;
/** Longer waits than a timer can hold would end at once. */
export const TIMER_MS_MAX = 2_147_483_647;
/** The server drops a connection after 90 s without a message (reference: section 4). */
export const HEARTBEAT_MS = 30_000;
/** A connection on which nothing was heard for this long is asked for a sign of life. */
export const SILENCE_MAX_MS = 60_000;
/** A session is renewed this long before its end, so that no call meets an expired one. */
export const RENEW_BEFORE_MS = 60_000;
/** A server that says a session is over at once must not make the client ask without end. */
export const RENEW_MIN_MS = 5_000;
/** Waiting time after a failed connection: doubles from the first to the second (section 4). */
export const RECONNECT_MIN_MS = 1_000;
export const RECONNECT_MAX_MS = 30_000;
/**
 * So many tries in a row that fail are told to the user (section 4 has as many); those that follow
 * are the longest wait apart.
 */
export const RECONNECT_TRIES = 5;
/**
 * A connection that has lasted this long was a good one, also without any call: the next wait is
 * the shortest again.
 */
export const STABLE_MS = 10_000;
/**
 * A transport that did not connect while another did, or connected and carried nothing, is tried
 * last for this long.
 */
export const FALLBACK_MS = 300_000;

/** Calls that have not ended: a page makes a few, a program that makes more has lost its server. */
export const CALLS_MAX = 256;
/** Payload bytes of these calls: what a browser tab can spare. */
export const CALL_BYTES_MAX = 16_777_216;
/**
 * Calls on the way at once: fewer than the 16 with which a server reads no more of a connection, so
 * that a question whether it lives is read; and than its burst of a device (60).
 */
export const CALLS_UNDER_WAY_MAX = 15;
/** Payload bytes on the way at once, but for one call alone: bounds what a socket has to buffer. */
export const BYTES_UNDER_WAY_MAX = 2_097_152;
/** Refusals such as TIMESTAMP_INVALID after which a call is not sent again but fails. */
export const RESENDS_MAX = 8;
