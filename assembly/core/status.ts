/**
 * The only list of status numbers. 0-255 travel in byte 2 of a RAIDA reply (reference: RAIDA
 * section 6); 256 and above never leave the machine: they are what an export answers to its host.
 * scripts/generate.mjs makes the TypeScript constants from this enum, so each member stands on a
 * line of its own and is never renumbered.
 */
export const enum Status {
  /** Done (exports); the status of 4/44 on the wire. */
  OK = 0,
  INVALID_CLOUD_ID = 1,
  INVALID_SPLIT_ID = 2,
  INVALID_RAIDA_ID = 3,
  INVALID_SHARD_ID = 4,
  INVALID_COMMAND_GROUP = 5,
  INVALID_COMMAND = 6,
  INVALID_COIN_ID = 7,
  INVALID_PACKET_LENGTH = 16,
  WRONG_RAIDA = 18,
  SHARD_NOT_AVAILABLE = 20,
  ENCRYPTION_COIN_NOT_FOUND = 25,
  INVALID_ENCRYPTION_CODE = 27,
  INVALID_EOF = 33,
  INVALID_ENCRYPTION = 34,
  EMPTY_REQUEST = 36,
  INVALID_CRC = 37,
  ADMIN_AUTH = 38,
  COINS_NOT_DIVISIBLE = 39,
  INVALID_SN_OR_DENOMINATION = 40,
  PAGE_NOT_RESERVED = 41,
  NO_TICKET_SLOT = 42,
  NO_TICKET_FOUND = 43,
  TICKET_CLAIMED_ALREADY = 44,
  TOO_MANY_COINS = 45,
  INVALID_SHARD = 46,
  LEGACY_DB = 48,
  CROSSOVER_FULL = 49,
  INVALID_TRADE_COIN = 50,
  TRADE_LOCKER_NOT_FOUND = 51,
  NO_PRIVATE_KEY = 52,
  NOT_IMPLEMENTED = 89,
  TRADE_LOCKER_EXISTS = 148,
  WAITING = 150,
  REQUEST_RATE = 160,
  PROXY_CONNECT = 180,
  TX_SEEN = 183,
  NX_RECORD = 184,
  NX_DOMAIN = 185,
  PROXY = 187,
  AMOUNT_MISMATCH = 192,
  NO_ENTRY = 193,
  FILESYSTEM = 194,
  INVALID_KEY_LENGTH = 196,
  COIN_LOAD = 197,
  INVALID_PARAMETER = 198,
  INVALID_PAN = 199,
  FILE_DOES_NOT_EXIST = 202,
  INVALID_HMAC = 204,
  FIND_NEITHER = 208,
  FIND_ALL_AN = 209,
  FIND_ALL_PAN = 210,
  FIND_MIXED = 211,
  ALL_PASS = 241,
  ALL_FAIL = 242,
  MIXED = 243,
  SUCCESS = 250,
  /** Unknown outcome: the change may or may not have happened (a wallet asks with find, 2/60). */
  INTERNAL = 252,
  /** No room for it now (ours: lockers or frames are full); nothing was changed. */
  MEMORY = 254,
  INVALID_ROUTING = 255,

  /** configure: a size is impossible or too small; regions() then tells nothing. */
  BAD_CONFIGURATION = 256,
  /** configure: the memory cannot hold the regions asked for. */
  MEMORY_TOO_SMALL = 257,
  /** configure was called twice, or attach before configure. */
  WRONG_STATE = 258,
  /** An argument names nothing: a slot, a worker, a position that does not exist. */
  INVALID_ARGUMENT = 259,
  /** replyOpen: shorter than its header, or the size field and the length disagree. */
  REPLY_SIZE = 260,
  /** replyOpen: from another RAIDA than the one that was asked. */
  REPLY_RAIDA = 261,
  /** replyOpen: echo bytes or command group are not those of the request. */
  REPLY_ECHO = 262,
  /** replyOpen: the challenge hash is not that of the request (wire legacy). */
  REPLY_CHALLENGE = 263,
  /** replyOpen: the trailer is not 3e 3e. */
  REPLY_TRAILER = 264,
  /** replyOpen: the HMAC does not verify (types 4 and 5). */
  REPLY_HMAC = 265,
  /** replyOpen: an encrypted body came without a fresh nonce (wire spec). */
  REPLY_NONCE = 266,
  /** requestSeal: an impossible field: type, payload length, denomination. */
  REQUEST_INVALID = 267,
  /** A sealed text does not fit its tag. */
  BAD_TAG = 268,
}
