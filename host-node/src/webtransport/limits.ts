/** Every maximum of the WebTransport listener, each with its reason. */

/** Connections of one listener, handshakes included: with 2 MiB of window each, at most 2 GiB. */
export const CONNECTIONS_MAX = 1024;
/** A handshake that takes longer is given up: it is three round trips, Retry's included. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/**
 * Silence after which a connection is over; ours is the smaller of two, a browser offers 30 s. It
 * is how a page without a call finds out that its server was killed.
 */
export const IDLE_TIMEOUT_MS = 12_000;
/** A PING this often keeps a quiet connection with sessions; two in a row may be lost. */
export const KEEP_ALIVE_MS = 4_000;
/** Between the end of the sessions and that of their connections, when the server stops. */
export const CLOSE_LINGER_MS = 100;
/** Time for a peer to end its side of a session that we have ended. */
export const RELEASE_TIMEOUT_MS = 1_000;
/** Checks at that interval that may find a connection without a session; then it is closed. */
export const SESSIONLESS_CHECKS_MAX = 4;
/** Part of all connections that may have no session; the oldest of them goes for the next. */
export const SESSIONLESS_PART = 0.5;
/** A Retry token is used within a round trip; this allows for slow paths and a lost packet. */
export const RETRY_TOKEN_MS = 10_000;

/**
 * UDP payload that every path carries on which QUIC connects at all (RFC 9000 section 14). quiche
 * 0.18 does not look for more: it would send longer ones as soon as the handshake is over, and go
 * on for ever where they are lost (an MTU of 1280, as of tunnels).
 */
export const SEND_PAYLOAD_BYTES = 1200;
export const RECEIVE_PAYLOAD_BYTES = 1500;
/** RFC 9000 section 14.1: a client's first datagram is at least this long; others get no answer. */
export const INITIAL_PAYLOAD_BYTES_MIN = 1200;

/** Bytes that a peer may have on its way or unread, on one stream and in all. */
export const STREAM_WINDOW_BYTES = 512 * 1024;
export const CONNECTION_WINDOW_BYTES = 2 * 1024 * 1024;
/** Streams that a peer may have open at once, of each kind: QUIC refuses more. */
export const STREAMS_MAX = 128;
/** Bytes that one stream's writer may hand over beyond what QUIC took; then writes are refused. */
export const WRITE_BUFFER_BYTES_MAX = 8 * 1024 * 1024;
/** Datagrams that wait in QUIC, each way; more are dropped, as a network would. */
export const DATAGRAMS_MAX = 256;
/** Bytes that the kernel has not taken; what comes beyond is dropped and QUIC sends it again. */
export const SOCKET_ARENA_BYTES = 4 * 1024 * 1024;

/** Sessions of one connection; a browser shares a connection between pages only when asked. */
export const SESSIONS_PER_CONNECTION_MAX = 16;
/** Streams and datagrams that came before their session (draft-ietf-webtrans-http3 section 4.6). */
export const EARLY_STREAMS_MAX = 16;
export const EARLY_DATAGRAMS_MAX = 16;
/** Sessions of a connection that have ended and are still told from those to come. */
export const ENDED_SESSIONS_MAX = 64;

/** One HEADERS frame, and what SETTINGS tells the peer; ours and a browser's are far below it. */
export const FIELD_SECTION_BYTES_MAX = 16_384;
/** Answers before the final one (status 100 to 199): servers send one or two, or none. */
export const INTERIM_ANSWERS_MAX = 16;
/** Any other frame that is read whole: SETTINGS has a dozen numbers. */
export const CONTROL_FRAME_BYTES_MAX = 1024;
/** The reason in a close capsule (draft section 6). */
export const CLOSE_REASON_BYTES_MAX = 1024;

/**
 * quiche 0.18 queues some frames without a bound (CVE-2023-6193 PATH_CHALLENGE, CVE-2024-1410
 * retired connection ids, CVE-2024-1765 CRYPTO). So a connection may receive this much that is no
 * data of the application, and so much more for what is; beyond it, it is closed.
 */
export const OVERHEAD_BYTES_MAX = 16 * 1024 * 1024;
/** For each byte that is read: itself, its packet's headers, and what had to be sent again. */
export const OVERHEAD_PER_BYTE_RECEIVED = 1.25;
/** For each byte that we send: what acknowledges it, several times over. */
export const OVERHEAD_PER_BYTE_SENT = 1 / 8;
/** For each read, write, datagram or PING of ours: a packet that holds little else. */
export const OVERHEAD_PER_OPERATION = 64;
