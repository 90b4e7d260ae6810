/** Every maximum of the Ratatoskr server, with its reason. Bounds of messages: the engine's. */
import { MESSAGE_BYTES_MAX } from '@andvari/host-common/engine/generated/limits';

/** Of a message, of its payload and a service's answer, of an id, of a text of an ERROR. */
export {
  ERROR_MESSAGE_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  MESSAGE_ID_BYTES_MAX as ID_BYTES_MAX,
  MESSAGE_PAYLOAD_BYTES_MAX as PAYLOAD_BYTES_MAX,
} from '@andvari/host-common/engine/generated/limits';
/**
 * Pieces in which the bytes of one frame may come: the longest has 764 packets of Ethernet. Each
 * costs some 140 bytes of memory besides what it holds.
 */
export const PIECES_MAX = 4096;

/** Connections at once where the configuration does not say; REF has the same number. */
export const CONNECTIONS_DEFAULT = 1000;
/** WebSocket pings, so that a client learns of a dead server (section 4, 5). */
export const PING_INTERVAL_MS = 30_000;
/** Part of all connections that may be closing when another one wants in. */
export const LEAVING_PART = 0.1;
/** How often timers of all connections are looked at; nobody's deadline is finer than that. */
export const SWEEP_MS = 5_000;

/** Without a valid message for three heartbeats the peer is gone (section 4, 5). */
export const IDLE_TIMEOUT_S = 90;
/**
 * Without a message that a registered device has signed: a stranger. Clients ask for a session at
 * once; the longest of them take a few round trips.
 */
export const STRANGER_TIMEOUT_S = 10;
/** Part of all connections that strangers may have; the oldest of them goes for the next. */
export const STRANGERS_PART = 0.5;
/** Strangers of one IPv4 address or IPv6 /64: a household or office behind one address. */
export const STRANGERS_PER_ADDRESS_MAX = 32;
/**
 * Sockets that are no WebSockets yet, besides the connections, and those of one IPv4 address or
 * IPv6 /64. With TLS each takes some 30 KB.
 */
export const HANDSHAKES_MAX = 1024;
export const HANDSHAKES_PER_ADDRESS_MAX = 256;
/** A socket that is no WebSocket after so long goes before all younger ones of its address. */
export const HANDSHAKE_GRACE_MS = 1_000;
/** Part of an address's sockets that may be at each stage of a handshake before the oldest go. */
export const HANDSHAKES_STAGE_PART = 0.25;
/**
 * Milliseconds of a second that the thread may spend on messages of strangers, and how many at
 * once: half, in portions that nobody notices. 3000 devices a second that connect anew.
 */
export const STRANGER_MS_PER_SECOND = 500;
export const STRANGER_BURST_MS = 50;
/**
 * Below messages, of WebTransport: milliseconds of a second for strangers of one network, for all
 * strangers, and for each connection on which a device has spoken, and how many at once. To open a
 * session takes a millisecond behind the handshake, a message some 0.2.
 */
export const QUIC_STRANGER_MS_PER_SECOND = 100;
export const QUIC_STRANGER_BURST_MS = 250;
export const QUIC_STRANGERS_MS_PER_SECOND = 300;
export const QUIC_STRANGERS_BURST_MS = 500;
export const QUIC_KNOWN_MS_PER_SECOND = 250;
export const QUIC_KNOWN_BURST_MS = 500;
/** Networks whose share is remembered: as many as may connect in the time in which it fills. */
export const QUIC_STRANGERS_NETWORKS_MAX = 4096;
/** What it takes to read one frame, whatever is in it. */
export const STRANGER_FRAME_MS = 0.002;
/** Connections of one device. A client of ours has one; this is for programs with many workers. */
export const CONNECTIONS_PER_DEVICE_MAX = 32;
/** Life of a session (section 4, 3). */
export const SESSION_S = 86_400;

/** An authenticator that takes longer says no; the client would have given up. */
export const AUTHENTICATION_TIMEOUT_MS = 10_000;

/** Answers that may wait for a slow reader before its requests are no longer read. */
export const UNSENT_PAUSE_BYTES = 256 * 1024;
/** A reader for whom this much waits is closed: four answers of the largest size. */
export const UNSENT_CLOSE_BYTES = 4 * MESSAGE_BYTES_MAX;
/** How long a paused reader may take to make room before it is closed. */
export const UNSENT_TIMEOUT_MS = 60_000;
/** Requests of one connection that services work on before it is no longer read. */
export const UNDER_WAY_PAUSE = 16;
/** One read of 64 KiB can hold so many small messages after a pause; more is an attack. */
export const UNDER_WAY_MAX = 1024;

/** Text frames until the close (section 7). */
export const TEXT_FRAMES_MAX = 3;
/** Messages that do not decode until the close, and within what time (section 7). */
export const MALFORMED_MAX = 3;
export const MALFORMED_WINDOW_S = 60;
/** Wrong identities or signatures on a live session until the close (section 7). */
export const UNAUTHENTICATED_MAX = 3;

/** Messages a minute and an hour of one device (section 6). */
export const RATE_PER_MINUTE = 60;
export const RATE_PER_HOUR = 1000;
/**
 * Messages a second of one connection, before any signature is looked at: twenty times what a
 * device may, and below 1 % of a core for signatures.
 */
export const CONNECTION_RATE_PER_SECOND = 20;
/** A client that comes back with a full offline queue sends at once. */
export const CONNECTION_BURST = 200;
/** Before a device has spoken: one message asks for a session, and few can go wrong before. */
export const STRANGER_BURST = 20;

/** Messages that the replay cache holds of all devices (section 3.2): 112 MB when it is full. */
export const REPLAY_ENTRIES = 1_000_000;

/** Devices of one registry: a few dozen MiB, read in well under a second. */
export const DEVICES_MAX = 100_000;
/** Users of one device. */
export const USERS_PER_DEVICE_MAX = 64;
/** A devices file longer than this is none of ours: 100,000 devices with one user each. */
export const DEVICES_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Audit records in memory (REF has the same number). */
export const AUDIT_RING_MAX = 10_000;
/** Bytes of one audit file, and files that are kept: 80 MiB at the most. */
export const AUDIT_FILE_BYTES_MAX = 8 * 1024 * 1024;
export const AUDIT_FILES_MAX = 10;

/** Longer waits than a timer can hold would end at once. */
export { TIMER_MS_MAX } from '@andvari/host-common/ratatoskr/client/limits';
/** Time of a service for one request where the configuration does not say. */
export const SERVICE_DEADLINE_MS = 30_000;
/**
 * Requests of one device, and of all, that services work on at once. One read can bring some 300
 * small ones before its connection is paused; eight devices with services that hang fill it.
 */
export const CALLS_PER_DEVICE_MAX = 512;
export const CALLS_MAX = 4096;
/** How long it is known that a request was executed: as long as a session lives. */
export const ANSWER_KEPT_S = 86_400;
/** What a bucket of the hour lets through while that lasts: once full, and 24 times refilled. */
export const ANSWERS_PER_HOURLY_RATE = 25;
/** Records of one device, with or without answer: what its rate allows. 5 MB with our ids. */
export const ANSWERS_PER_DEVICE_MAX = ANSWERS_PER_HOURLY_RATE * RATE_PER_HOUR;
/** Bytes of answers that are kept: of one device (eight of the largest size), and of all. */
export const ANSWER_BYTES_PER_DEVICE_MAX = 8 * 1024 * 1024;
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/**
 * JSON of a longer payload is made again when the service asks for it: in memory it can be twenty
 * times as long, and must not stay there while a service hangs.
 */
export const JSON_KEPT_BYTES_MAX = 65_536;
/**
 * Values of a payload's JSON, and how deep they may be in each other. It is parsed by the thread
 * that serves everybody: objects with a key of their own each, the slowest there is, take 4 ms with
 * so many, and took 100 ms and more with as many as 1 MiB holds. Recursive services are safe too.
 */
export const JSON_VALUES_MAX = 16_384;
export const JSON_DEPTH_MAX = 64;
/**
 * Messages as long as this pass one after the other, whichever connection they come by, and after
 * each others have their turn: it takes a millisecond and more, all told, and one read of a socket
 * brings no second one.
 */
export const LARGE_MESSAGE_BYTES = 65_536;
/**
 * Turns of the event loop that others have then: enough to read a request, write it down, serve it,
 * write down its outcome and answer. A turn in which nobody asks takes microseconds.
 */
export const TURNS_OF_OTHERS = 4;
