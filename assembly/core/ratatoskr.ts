/**
 * What engine and host share of Ratatoskr: verdicts, and the block through which messages pass.
 * scripts/generate.mjs makes the TypeScript constants from these enums; words are as in layout.ts.
 */

/**
 * What became of a message. The names are those of the vectors (tests/vectors/ratatoskr.json); the
 * stage is the number's range: decode 1-31, schema 32-63, timestamp 64-95, replay 96-127, and the
 * inputs of Ed25519 from 128.
 */
export const enum Verdict {
  OK = 0,
  /** Over MESSAGE_BYTES_MAX: nothing of it was read. */
  MESSAGE_TOO_LARGE = 1,
  /** The message, or a map entry, ends in the middle of a varint or a fixed value. */
  TRUNCATED = 2,
  /** A varint of more than 10 bytes or 64 bits; a bool beyond 1. */
  VARINT_OVERFLOW = 3,
  /** A varint that ends in a byte without bits. */
  NON_MINIMAL_VARINT = 4,
  /** A length that goes past the end. */
  LENGTH = 5,
  /** Field 0, or a tag over 32 bits. */
  FIELD_NUMBER = 6,
  /** A group, a wire type that does not exist, or another than the known field has. */
  WIRE_TYPE = 7,
  DUPLICATE_FIELD = 8,
  DUPLICATE_MAP_KEY = 9,
  UTF8 = 10,
  TOO_MANY_METADATA = 11,
  TOO_MANY_UNKNOWN_FIELDS = 12,

  /** None of the types that this direction has. */
  MESSAGE_TYPE = 32,
  MISSING_FIELD = 33,
  FIELD_TOO_LONG = 34,
  NONCE_TOO_SHORT = 35,
  NONCE_TOO_LONG = 36,
  SIGNATURE_LENGTH = 37,

  TIMESTAMP_FUTURE = 64,
  TIMESTAMP_STALE = 65,

  /** The nonce or the digest was seen, or is too old to say that it was not. */
  NONCE_REPLAYED = 96,
  /** No room for this device, or for any: retry later. Nothing live is ever forgotten for it. */
  NONCE_CACHE_FULL = 97,

  /** S is not below the order of the group: the signature could be changed by everybody. */
  SIGNATURE_S = 128,
  /** A point whose y is not below 2^255 - 19, or an x of zero with its sign set. */
  POINT_ENCODING = 129,
  /** A point of order 1, 2, 4 or 8, for which a signature proves nothing. */
  POINT_SMALL_ORDER = 130,
}

/**
 * Region.RATATOSKR: a block of words, then the message that came, then the message that goes. After
 * decoding and before encoding, FIELDS tells of each field its value: 64 bits of a number, or the
 * address (u32) and length (u32) of its bytes. Fields that were not there are zero.
 */
export const enum Block {
  /** Entries of the map. */
  METADATA_COUNT = 0,
  /** Bytes of the encoded message at OUT. */
  OUT_LENGTH = 4,
  /** Eight bytes for each field, in the place of its number, 0 to 9. */
  FIELDS = 64,
  /** SHA-256 of the signing input (reference: Ratatoskr section 2), 32 bytes. */
  DIGEST = 144,
  /** 16 bytes for each entry: address and length of its key, address and length of its value. */
  METADATA = 192,
  /** The engine's own, 320 bytes. */
  WORK = 704,
  /** MESSAGE_BYTES_MAX bytes each: what came, or the fields of what is to be encoded; and OUT. */
  IN = 1024,
  OUT = 1115136,
  BYTES = 2229248,
}

/** Field numbers of RatatoskrRequest. */
export const enum RequestField {
  MESSAGE_TYPE = 1,
  REQUEST_ID = 2,
  DEVICE_ID = 3,
  USER_ID = 4,
  TIMESTAMP = 5,
  NONCE = 6,
  SIGNATURE = 7,
  PAYLOAD = 8,
  METADATA = 9,
}

/** Field numbers of RatatoskrResponse. */
export const enum ResponseField {
  MESSAGE_TYPE = 1,
  REQUEST_ID = 2,
  TIMESTAMP = 3,
  SUCCESS = 4,
  ERROR_CODE = 5,
  ERROR_MESSAGE = 6,
  PAYLOAD = 7,
  METADATA = 8,
}

/** Field numbers of ConnectionRequestPayload, which is the payload of a request. */
export const enum ConnectionRequestField {
  DEVICE_IDENTITY = 1,
  AUTHENTICATION_TOKEN = 2,
  VERSION = 3,
}

/** Field numbers of ConnectionResponsePayload, which is the payload of a response. */
export const enum ConnectionResponseField {
  ACCEPTED = 1,
  SESSION_ID = 2,
  EXPIRES_AT = 3,
  SERVER_VERSION = 4,
}

/** MessageType: what a message is. */
export const enum MessageType {
  UNKNOWN = 0,
  CONNECTION_REQUEST = 1,
  CONNECTION_RESPONSE = 2,
  BUSINESS_REQUEST = 3,
  HEARTBEAT = 4,
  DISCONNECT = 5,
  ERROR = 6,
}

/** The four messages that there are; what the engine's ratatoskr exports take as kind. */
export const enum MessageKind {
  REQUEST = 0,
  RESPONSE = 1,
  CONNECTION_REQUEST = 2,
  CONNECTION_RESPONSE = 3,
}
