/**
 * What engine and host share of the peer protocol: verdicts, and the block through which messages
 * pass. scripts/generate.mjs makes the TypeScript constants from these enums; words are as in
 * layout.ts.
 */

/**
 * What became of a message. The stage is the number's range: decode 1-31, schema 32-63, handshake
 * 64-95. Of several faults the first one in the order of the bytes is told.
 */
export const enum PeerVerdict {
  OK = 0,
  /** Over the bound of its kind: nothing of it was read, or it was not written. */
  MESSAGE_TOO_LARGE = 1,
  /** It ends in the middle of an item. */
  TRUNCATED = 2,
  /** A text, bytes, an array or a map that the rest cannot hold; told before it is read. */
  LENGTH = 3,
  /** An integer, a length, a tag or a big number in more bytes than it needs. */
  NON_MINIMAL = 4,
  /** A length that is told only at the end. */
  INDEFINITE = 5,
  /** An item of another type than belongs there, or one that does not exist. */
  TYPE = 6,
  /** A number beyond its type: a byte over 255, a code over 65535, a timestamp over 128 bits. */
  RANGE = 7,
  UTF8 = 8,
  DUPLICATE_KEY = 9,
  MISSING_KEY = 10,
  /** A message, or a kind of key, that nobody knows or that this wire has not. */
  VARIANT = 11,
  /** Arrays, maps and tags in each other, more than PEER_DEPTH_MAX. */
  DEPTH = 12,
  /** More keys that nobody knows than PEER_UNKNOWN_KEYS_MAX, or a longer one. */
  TOO_MANY_UNKNOWN = 13,
  /** Bytes behind the message. */
  TRAILING = 14,

  FIELD_TOO_LONG = 32,
  /** Not the identity multihash of an Ed25519 key. */
  PEER_ID = 33,
  /** Another key than one of Ed25519: a kind of 0, or not 32 bytes. */
  KEY_TYPE = 34,
  SIGNATURE_LENGTH = 35,
  CHALLENGE_LENGTH = 36,

  /** The sender is not the peer of the connection: somebody else's message (section 5.1). */
  SENDER = 64,
  TIMESTAMP_FUTURE = 65,
  TIMESTAMP_STALE = 66,
  /** Wire 1: the key is not that of the connection's peer id (section 6). */
  KEY_NOT_IDENTITY = 67,
  /** A recipient that is not us. */
  RECIPIENT = 68,
}

/** What the engine's peer exports take as kind. */
export const enum PeerKind {
  /** InstanceMessageRequest, in CBOR. */
  REQUEST = 0,
  /** InstanceMessageResponse, in CBOR. */
  RESPONSE = 1,
  /** ProtocolMessage, in varint bincode: the payload of a Protocol request. */
  DIRECT = 2,
  /** The same, as a broadcast carries it: PEER_BROADCAST_BYTES_MAX. */
  BROADCAST = 3,
}

/** What a message is (PeerBlock.VARIANT); of DIRECT and BROADCAST it is 0. */
export const enum PeerVariant {
  HANDSHAKE = 1,
  /** Wire 3 only: a challenge (section 6). */
  HELLO = 2,
  /** A request with protocol, payload and metadata; a response with payload only (its data). */
  PROTOCOL = 3,
  /** A response: protocol if there is one, and payload (its data) if there is some. */
  SUCCESS = 4,
  ERROR = 5,
}

/**
 * Region.PEER: a block of words, then the message that came, then what goes. After decoding and
 * before encoding, FIELDS tells of each field its value: 64 bits of a number, or the address (u32)
 * and length (u32) of its bytes. Fields that were not there are zero; PRESENT tells them from empty
 * ones.
 */
export const enum PeerBlock {
  /** A PeerVariant. */
  VARIANT = 0,
  /** Bytes at OUT. */
  OUT_LENGTH = 4,
  /** Bit n: field n is there (and not null). */
  PRESENT = 8,
  /** Of the gate: a connection, and why it is to be closed (PeerClosing). */
  HANDLE = 12,
  REASON = 16,
  /** Of the gate: milliseconds since the epoch (two words). */
  UNTIL = 24,
  /** Eight bytes for each PeerField, in the place of its number. */
  FIELDS = 64,
  /** SHA-256 of a handshake's signature, 32 bytes: what the cache of seen ones keeps. */
  DIGEST = 256,
  /** The engine's own, 832 bytes. */
  WORK = 320,
  /** PEER_RESPONSE_BYTES_MAX bytes each: what came, or the fields of what goes; and OUT. */
  IN = 1152,
  OUT = 10486912,
  /** The engine's own: the tables of the gate (peer/gate-memory.ts), 1310848 bytes. */
  GATE = 20972672,
  BYTES = 22283520,
}

export const enum PeerField {
  /** The public key of a handshake. */
  KEY = 1,
  /** A PeerKeyKind. */
  KEY_KIND = 2,
  SIGNATURE = 3,
  /** Peer ids: of whoever sends, and (bincode: if there is one; signing) of whoever it is for. */
  SENDER = 4,
  RECIPIENT = 5,
  /** Milliseconds since the epoch, 128 bits: the low 64 and the high 64. */
  TIMESTAMP = 6,
  TIMESTAMP_HIGH = 7,
  /** A protocol's name; for signing bytes of wire 3 the protocol id, with its /hs3. */
  PROTOCOL = 8,
  /** Payload of a message, data of a response. */
  PAYLOAD = 9,
  METADATA = 10,
  CODE = 11,
  /** The text of an error. */
  TEXT = 12,
  /** Of a Hello; for signing bytes that of the side that connected. */
  CHALLENGE = 13,
  /** For signing bytes: that of the side that was connected to. */
  ANSWER_CHALLENGE = 14,
  MESSAGE_ID = 15,
  ROUND_ID = 16,
  /** For checks: the peer id that the connection has proved. */
  CONNECTION = 17,
  /** For signing bytes of wire 3: 0 whoever connected signs, 1 the other. */
  ROLE = 18,
  /** Not a field of its own: what its key is called to the decoder. */
  MSG = 19,
}

/** VerificationIdentifierKey. */
export const enum PeerKeyKind {
  EVM_ADDRESS = 0,
  INSTANCE_PUBLIC_KEY = 1,
}

/** Wire versions (reference: peer sections 1 and 6). */
export const enum PeerWire {
  /** The document's: key and a signature over the other's peer id. */
  BARE = 1,
  /** What the networks speak: sender and timestamp are signed. */
  MESSAGE = 2,
  /** Ours: both sides' challenges are signed too. */
  CHALLENGE = 3,
}

/**
 * What the gate says, besides PeerVerdicts 32 to 67 of handshakes. None of them leaves the machine;
 * what the peer is told is an Error 400 (a handshake), 403 (NOT_VERIFIED), 429 (RATE_LIMITED), and
 * of UNLISTED and BANNED nothing.
 */
export const enum PeerGateVerdict {
  OK = 0,
  /** No such connection, not any more, or one that is to be closed. */
  UNKNOWN_CONNECTION = 128,
  BANNED = 129,
  /** All places of its kind are taken: pending in, pending out, open. */
  TOO_MANY_CONNECTIONS = 130,
  TOO_MANY_OF_PEER = 131,
  /** Connections from one address that have not proved themselves. */
  TOO_MANY_OF_ADDRESS = 132,
  /** The peer has failed, and its connections are not closed yet. */
  FAILED = 133,
  NOT_VERIFIED = 134,
  /** A key that is not on the list: its peer is banned. */
  UNLISTED = 135,
  SIGNATURE = 136,
  REPLAYED = 137,
  /** No room to remember the handshake: whole, or the peer's share. */
  SEEN_FULL = 138,
  /** Another peer that is connected has proved this key. */
  KEY_IN_USE = 139,
  /** A handshake of this direction is being checked on this connection. */
  BUSY = 140,
  /** A response to nothing, or the end of a check that nobody began. */
  NOT_PENDING = 141,
  /** A response that came after the peer was verified: ignored. */
  ALREADY_VERIFIED = 142,
  RATE_LIMITED = 143,
  /** Keep the request until the peer is verified. */
  QUEUED = 144,
  QUEUE_FULL = 145,
  /** As many bans as there can be, and none that would end by itself. */
  BANS_FULL = 146,
  /** Our own peer id at the other end. */
  OWN_ID = 147,
  /** Of an answer that the peer sent as handshake: more than it may try. */
  TOO_MANY_HANDSHAKES = 148,
}

/** What a peer is to the gate (section 4). The pending states may be set both: bits. */
export const enum PeerState {
  /** No connection. */
  NONE = 0,
  CONNECTED = 1,
  /** Ours has been sent, its response not come. */
  OUTBOUND_PENDING = 2,
  /** One of the peer's is being checked. */
  INBOUND_PENDING = 4,
  VERIFIED = 8,
  FAILED = 16,
}

/** Why a connection is to be closed. */
export const enum PeerClosing {
  /** Not verified, or not even open, in time. */
  TIMEOUT = 1,
  BANNED = 2,
  /** More handshakes than a peer may try. */
  HANDSHAKES = 3,
  /** Its key is not on the list any more. */
  REMOVED = 4,
}
