/**
 * What engine and host share of the transfer protocol (reference: transfer). scripts/generate.mjs
 * makes the TypeScript constants from these enums; words are as in layout.ts. Packets and their
 * payloads are big-endian, as on the wire; everything here is not.
 */

/** Region.TRANSFER. */
export const enum TransferBlock {
  /** Argument and result of calls that take more than numbers; each call says what lies here. */
  ARGUMENTS = 0,
  /** TRANSFER_BATCH packets (TransferPacket) that came: what transferReceive() reads. */
  RECEIVED = 2048,
  /** TRANSFER_BATCH packets that go: what transferSend() writes. */
  SENT = 6144,
  /** The engine's own. */
  WORK = 10240,
  BYTES = 16384,
}

/** A packet, coming or going: 64 bytes. */
export const enum TransferPacket {
  /** First byte of the UDP payload. */
  OFFSET = 0,
  LENGTH = 4,
  /** The far end, a PathField. */
  PATH = 8,
  /** Within PATH: the host's own number of a way that has no address, as a relay's; else 0. */
  HANDLE = 28,
  /** Coming in: a PacketVerdict, written by the engine. Going out: PacketFlag. */
  VERDICT = 32,
  FLAGS = 32,
  /** The session (handle) that took it or sends it. */
  SESSION = 36,
  BYTES = 64,
}

/** A path's far end (TransferPacket.PATH): the address (16, IPv4 mapped), the port (u16). */
export const enum PathField {
  ADDRESS = 0,
  PORT = 16,
  /**
   * u16: the host's own number of the address here that packets from there came to, and that those
   * to there leave from; 0: the one that the system takes.
   */
  LOCAL = 18,
  /** u32: the host's own number of a way that has no address, as a relay's; else 0. */
  HANDLE = 20,
  BYTES = 24,
}

/** What transferPrefixChanges() tells of a place where a session's prefix is listed. */
export const enum PrefixChange {
  PLACE = 0, // u32, from 1 on
  /** u32: bytes 0 to 4 of CIDs, the first one the highest; 0: nothing is listed there any more. */
  PREFIX = 4,
  BYTES = 8,
}

export const enum PacketVerdict {
  /** A session's own, and taken. */
  TAKEN = 0,
  /** Not a session's: the host asks its handshakes, and drops what they do not want either. */
  UNCLAIMED = 1,
  /** A stateless reset of a session of ours: the session is gone. */
  RESET = 2,
  /** A session's, but a key was used before or is too old, or the gap too wide: dropped. */
  STALE = 3,
  /** A session's, but there was no room for what it carries: it was not acked and comes again. */
  NO_ROOM = 4,
}

export const enum PacketFlag {
  /** A probe of the path's size: it must not be fragmented, and may be lost without a word. */
  MTU_PROBE = 1,
}

/** ARGUMENTS of transferOpen(). */
export const enum OpenArgument {
  /** Noise Split (k1 initiator to responder, k2) and handshake hash: 32 bytes each; wiped. */
  K1 = 0,
  K2 = 32,
  HANDSHAKE_HASH = 64,
  /** 1: this side called; 0: it answered. */
  INITIATOR = 96,
  /** Round trip of the handshake in microseconds; 0: it is not known. */
  ROUND_TRIP_US = 100,
  /** Streams that the peer lets us hold open. */
  PEER_MAX_STREAMS = 104,
  /** First stream window that the peer grants, KiB. */
  PEER_WINDOW_KIB = 108,
  /** What we let the peer hold open, and grant it. */
  MAX_STREAMS = 112,
  WINDOW_KIB = 116,
  /** 1: header protection, as either side's params asked. */
  HEADER_PROTECTION = 120,
  /** The largest UDP payload that the way here can carry (interface, or a relay's frame). */
  MTU_MAX = 124,
  /** Idle time-out in milliseconds (30000). */
  IDLE_MS = 128,
  /** 1: stateless reset tokens are sent; RESET_KEY then holds the process's key; wiped. */
  RESET = 132,
  RESET_KEY = 136,
  /** PathField: the far end. */
  PATH = 168,
  /** Out: the session's handle. */
  SESSION = 192,
  /** Seconds after which a rekey starts (120), and packets of one direction (1,000,000). */
  REKEY_SECONDS = 196,
  REKEY_PACKETS = 200,
  /** 32 random bytes that only this process knows: path challenges follow from them; wiped. */
  SECRET = 204,
  /** A Compression, by the obfuscation. */
  COMPRESSION = 236,
  BYTES = 240,
}

/** Which DATA of a session may go compressed (CMP); in obfuscation Full its lengths would tell. */
export const enum Compression {
  BOTH_WAYS = 0,
  /** What comes, but nothing of ours: we are in Full, and the peer does not know. */
  RECEIVED = 1,
  /** None: both know of Full, and a frame with CMP is not well-formed. */
  NONE = 2,
}

/** Frame types (section 1.3). */
export const enum FrameType {
  DATA = 0x01,
  ACK = 0x02,
  CONTROL = 0x03,
  REKEY = 0x04,
  PING = 0x05,
  PONG = 0x06,
  CLOSE = 0x07,
  PAD = 0x08,
  STREAM_OPEN = 0x09,
  STREAM_CLOSE = 0x0a,
  STREAM_RESET = 0x0b,
  WINDOW_UPDATE = 0x0c,
  GOAWAY = 0x0d,
  PATH_CHALLENGE = 0x0e,
  PATH_RESPONSE = 0x0f,
  EXTENSION_FIRST = 0x20,
  EXTENSION_LAST = 0x3f,
}

export const enum FrameFlag {
  SYN = 1,
  FIN = 2,
  ACK = 4,
  PRI = 8,
  CMP = 16,
}

/** The 28 bytes before a frame's payload (section 1.2), big-endian. */
export const enum FrameHead {
  SALT = 0,
  COUNTER = 4,
  TYPE = 8,
  FLAGS = 9,
  STREAM = 10,
  SEQUENCE = 12,
  OFFSET = 16,
  PAYLOAD_LENGTH = 24,
  RESERVED = 26,
  BYTES = 28,
}

/** Why a frame is none: the errors that seed 002 names. */
export const enum FrameError {
  NONE = 0,
  TOO_SHORT = 1,
  INVALID_TYPE = 2,
  RESERVED_TYPE = 3,
  /** The payload is longer than the frame; building, than the length asked for leaves. */
  PAYLOAD_OVERFLOW = 4,
  /** Named by the seed, which reports it nowhere: any padding is good. */
  INVALID_PADDING = 5,
  /** A flag that is not defined. */
  INVALID_FLAGS = 6,
}

/** CONTROL types of section 1.4; from 0x0100 on they are the application's. */
export const enum ControlType {
  STREAM_BLOCKED = 1,
  DATA_BLOCKED = 2,
  MAX_STREAMS = 3,
  STREAMS_BLOCKED = 4,
  PRIORITY_UPDATE = 5,
  RESET_TOKEN = 0x0010,
  APPLICATION = 0x0100,
}

/** Errors of CLOSE. */
export const enum CloseError {
  NONE = 0,
  PROTOCOL = 1,
  INTERNAL = 2,
  FLOW_CONTROL = 3,
  STREAM_LIMIT = 4,
  FRAME_ENCODING = 5,
  CRYPTO = 6,
  TIMEOUT = 7,
}

/** Errors of STREAM_CLOSE and of STREAM_RESET. */
export const enum StreamCloseError {
  NONE = 0,
  CANCEL = 1,
  STOPPED = 2,
}
export const enum StreamResetError {
  NONE = 0,
  TIMEOUT = 1,
  RESOURCE_LIMIT = 2,
  INTEGRITY = 3,
  PROTOCOL = 4,
}

export const enum GoAwayError {
  NONE = 0,
  SHUTDOWN = 1,
  OVERLOAD = 2,
  VERSION = 3,
}

/** Why transferStreamOpen() opened none. */
export const enum OpenRefusal {
  NONE = 0,
  /** The peer's limit: STREAMS_AVAILABLE follows. */
  LIMIT = 1,
  /** GOAWAY was sent or came: none will be opened any more. */
  GOING_AWAY = 2,
  /** All numbers were used in this epoch or the last: STREAMS_AVAILABLE follows a rekey. */
  NUMBERS = 3,
  /** No room in the pools: STREAMS_AVAILABLE follows when there is some. */
  ROOM = 4,
  /** Metadata too long. */
  METADATA = 5,
  /** The session is over, or was never one. */
  CLOSED = 6,
}

/** States of a session as its API has them (section 5). */
export const enum SessionState {
  CLOSED = 0,
  HANDSHAKING = 1,
  ESTABLISHED = 2,
  REKEYING = 3,
  DRAINING = 4,
  MIGRATING = 5,
}

/** Entry of the event ring, 64 bytes. */
export const enum TransferEvent {
  /** A TransferEventKind. */
  KIND = 0,
  /** Handle of the session. */
  SESSION = 4,
  /** Handle of the stream; 0: the session's. */
  STREAM = 8,
  /** Stream number on the wire, or another number of the kind. */
  NUMBER = 12,
  /** A 64-bit value of the kind. */
  VALUE = 16,
  /** An error of the kind's own list, a priority, a frame type. */
  CODE = 24,
  /** Message slot that holds the bytes, to be given back with transferRelease(); 0: none. */
  SLOT = 28,
  /** First of the bytes, and how many. */
  OFFSET = 32,
  LENGTH = 36,
  /** The far end of a path (PathField), where the kind is about one. */
  PATH = 40,
}

export const enum TransferEventKind {
  /** First valid packet of the peer: the handshake is over for it too. */
  CONFIRMED = 1,
  /**
   * The peer opened a stream: NUMBER, CODE its priority, VALUE its type (0 uni, 1 bidi), bytes its
   * metadata.
   */
  STREAM_OPENED = 2,
  /** Data to read where there was none; ask transferRead() until it has no more. */
  STREAM_READABLE = 3,
  /** Room to write where there was none. */
  STREAM_WRITABLE = 4,
  /** All the peer will ever send has come: VALUE bytes in all. */
  STREAM_FINISHED = 5,
  /** The peer gave up sending: CODE is a StreamResetError. */
  STREAM_RESET = 6,
  /** The peer wants no more of what we send: CODE is a StreamCloseError. */
  STREAM_STOPPED = 7,
  /** Nothing more happens on this stream; its handle names nothing from now on. */
  STREAM_GONE = 8,
  /** The peer lets us open streams again. */
  STREAMS_AVAILABLE = 9,
  /** CONTROL of the application: NUMBER its type, VALUE the header's offset, bytes its data. */
  CONTROL = 10,
  /** A frame of type CODE, 20-3F: NUMBER the stream, VALUE the offset, bytes the payload. */
  EXTENSION = 11,
  /** SYN of a DATA frame: VALUE the offset at which the chunk starts, bytes its 16-byte hash. */
  CHUNK_HASH = 12,
  /** A fresh ephemeral key is wanted for epoch NUMBER: transferRekeyKey(). */
  REKEY_KEY = 13,
  /** The peer's representative (32 bytes) for epoch NUMBER: transferRekeySecret(). */
  REKEY_SECRET = 14,
  /** Both sides use epoch NUMBER. */
  REKEYED = 15,
  /** PATH answered, and is used from now on. */
  MIGRATED = 16,
  /** PATH did not answer. */
  PATH_FAILED = 17,
  /** VALUE: round trip of a PING in microseconds. NUMBER: low word of its id. */
  PONG = 18,
  /** The peer takes no new streams above NUMBER: CODE is a GoAwayError, bytes its reason. */
  GOAWAY = 19,
  /**
   * The peer closed, or a rule was broken (CODE is a CloseError), or time ran out; bytes the
   * reason. NUMBER: a ClosedBy.
   */
  CLOSED = 20,
  /** Keys are wiped and the handle names nothing from now on. */
  SESSION_GONE = 21,
}

/** Whose doing the end of a session is. */
export const enum ClosedBy {
  /** A call of the host, a rule that the peer broke, or time. */
  US = 0,
  PEER = 1,
  /** The peer has lost its state: a stateless reset came. */
  RESET = 2,
}

/** What transferStreamFacts() writes to ARGUMENTS: u64 each. */
export const enum StreamFact {
  WRITTEN = 0,
  SENT = 8,
  ACKED = 16,
  /** How many bytes the peer's limit lets it send in all. */
  SEND_LIMIT = 24,
  RECEIVED = 32,
  READABLE = 40,
  CONSUMED = 48,
  /** The peer's sum, once it is known; else 2^64 - 1. */
  FINAL = 56,
  /** StreamFlag bits. */
  FLAGS = 64,
  /** 1: all that the peer sends has come. */
  HAS_ALL = 72,
  BYTES = 80,
}

/** What transferStatistics() writes to ARGUMENTS: u64 each unless said otherwise. */
export const enum TransferStatistic {
  PACKETS_SENT = 0,
  PACKETS_RECEIVED = 8,
  BYTES_SENT = 16,
  BYTES_RECEIVED = 24,
  PACKETS_LOST = 32,
  /** Microseconds: smoothed, variation, least and latest round trip. */
  ROUND_TRIP_US = 40,
  ROUND_TRIP_VARIATION_US = 48,
  ROUND_TRIP_LEAST_US = 56,
  ROUND_TRIP_LATEST_US = 64,
  /** Bytes. */
  CONGESTION_WINDOW = 72,
  IN_FLIGHT = 80,
  /** Bytes a second. */
  PACING_RATE = 88,
  BANDWIDTH = 96,
  /** UDP payload that is used. */
  MTU = 104,
  EPOCH = 112,
  /** A SessionState, and a BbrState. */
  STATE = 120,
  CONGESTION_STATE = 128,
  PROBES_SENT = 136,
  /**
   * Bytes of streams that are under flow control: sent for the first time, and how many the peer
   * lets us; received (or given up by the peer), and how many we have let it.
   */
  DATA_SENT = 144,
  DATA_LIMIT = 152,
  DATA_RECEIVED = 160,
  DATA_GRANTED = 168,
  BYTES = 176,
}

export const enum BbrState {
  STARTUP = 0,
  DRAIN = 1,
  PROBE_BW_DOWN = 2,
  PROBE_BW_CRUISE = 3,
  PROBE_BW_REFILL = 4,
  PROBE_BW_UP = 5,
  PROBE_RTT = 6,
}
