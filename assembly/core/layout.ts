/**
 * The numbers that engine and host must agree on: regions, configuration words, descriptors,
 * effects. scripts/generate.mjs makes the TypeScript constants from these enums;
 * offsets are bytes unless said otherwise, all words are little-endian u32 (the byte order of
 * WebAssembly), and a 64-bit value is two words, low first.
 */

/** configBlock() + 4 * index: what the host writes before configure(). */
export const enum Config {
  /** Instances that will attach, 1 to 16. */
  WORKERS = 0,
  PAGES_PER_DENOMINATION = 1,
  /** Coin pages held in memory at once. */
  PAGE_SLOTS = 2,
  /** Journal records (48 bytes each), a power of two. */
  JOURNAL_RECORDS = 3,
  /** Entries of each descriptor ring, a power of two. */
  RING_ENTRIES = 4,
  /** Parked requests of one worker. */
  PARK_SLOTS = 5,
  /** Receive frames (4 KiB) of one worker. */
  FRAMES = 6,
  /** Large frames (64 KiB + 128) of one worker, owned by the host. */
  LARGE_FRAMES = 7,
  /** Large frames of one worker, owned by the engine, for replies that outgrow their request. */
  REPLY_FRAMES = 8,
  /** Ticket slots, at most 512. */
  TICKETS = 9,
  RAIDA_ID = 10,
  COIN_ID = 11,
  /** Wire of types 0, 1, 2: a Wire value. */
  WIRE = 12,
  /** 1: types 4 and 5 with 48-byte headers are accepted too. */
  MODERN = 13,
  /** Version answered by 0/1: eight ASCII bytes, yyyymmdd. */
  VERSION_0 = 14,
  VERSION_1 = 15,
  /** Admin key, 16 bytes. */
  ADMIN_KEY = 16,
  /** 1: an admin command in type 0 is accepted from any address. */
  ADMIN_CLEAR = 20,
  /** 1: an admin key is set; 0: every admin command answers 38. */
  HAS_ADMIN_KEY = 21,
  /** Coins that lie in lockers at once, at the most; a power of two. */
  LOCKER_COINS = 22,
  /** Key of the hash that spreads locker keys, 16 random bytes: clients choose those keys. */
  HASH_KEY = 23,
  /** Confirmations of a Bitcoin transaction that 11/111 asks the proxy for, 0 to 255. */
  BTC_CONFIRMATIONS = 27,
  /** 1: a key record of 4/45 replaces the AN of whatever coin it names, as seed 001 has it. */
  OPEN_KEY_RECORDS = 28,
  /** 1: room for Ratatoskr messages (core/ratatoskr.ts); 0: none. */
  RATATOSKR = 29,
  /** Requests that the replay cache remembers at once; 0: there is none. */
  REPLAY_ENTRIES = 30,
  /** Transfer sessions of one worker; 0: no transfer, and the words below count for nothing. */
  TRANSFER_SESSIONS = 31,
  /** Streams of all sessions of a worker. */
  TRANSFER_STREAMS = 32,
  /** Chunks of 64 records of packets sent. */
  TRANSFER_SENT_CHUNKS = 33,
  /** Chunks of 64 keys of packets that were overtaken. */
  TRANSFER_KEY_CHUNKS = 34,
  /** Blocks of 16 KiB of stream data, sent and received. */
  TRANSFER_BLOCKS = 35,
  /** Ranges of stream bytes. */
  TRANSFER_RANGES = 36,
  /** Slots of frames that are sent until they are acked, and of what events carry. */
  TRANSFER_MESSAGES = 37,
  /** Entries of the event ring, a power of two. */
  TRANSFER_EVENTS = 38,
  /** 1: room for peer messages (core/peer.ts); 0: none. */
  PEER = 39,
}

export const enum Wire {
  SPEC = 0,
  LEGACY = 1,
}

/**
 * regions(index): where a region starts. The regions of a worker are those of the instance that is
 * asked.
 */
export const enum Region {
  CONTROL = 0,
  PAGE_INDEX = 1,
  PAGE_META = 2,
  PAGE_DATA = 3,
  JOURNAL = 4,
  COUNTS = 5,
  STATISTICS = 6,
  TICKET_META = 7,
  TICKET_COINS = 8,
  RX = 9,
  READY = 10,
  HELD = 11,
  EFFECTS = 12,
  PARKED = 13,
  FRAMES = 14,
  LARGE_FRAMES = 15,
  REPLY_FRAMES = 16,
  RANDOM = 17,
  CLIENT_BLOCK = 18,
  /** First byte behind the last region. */
  END = 19,
  /**
   * The in-use map: a bit a coin, 128 bytes a page in order of page key, bit i % 8 of byte i / 8,
   * least significant first.
   */
  IN_USE = 20,
  /** Durable cells of 16 bytes (Journal, CELL): the crossover entries. */
  CELLS = 21,
  /**
   * Merkle trees of the wire legacy: for each denomination its levels, leaves first, 32 bytes a
   * node; a level of n nodes has (n + 1) / 2 above it, up to 1. The host writes them.
   */
  MERKLE = 22,
  /** What this worker counts of its requests (requests.ts). */
  REQUESTS = 23,
  /** Where small replies of this worker lie; they and its reply frames stand together. */
  READY_SLOTS = 24,
  /** This worker's room for Ratatoskr messages (core/ratatoskr.ts, Block). */
  RATATOSKR = 25,
  /** What this worker's host and engine share of transfer (core/transfer.ts, TransferBlock). */
  TRANSFER = 26,
  /** A Ring of transfer events (core/transfer.ts, TransferEvent), TRANSFER_EVENTS entries. */
  TRANSFER_EVENTS = 27,
  /** This worker's room for peer messages (core/peer.ts, PeerBlock). */
  PEER = 28,
}

/** Shared words of the control region (Region.CONTROL), one 64-byte line each. */
export const enum Control {
  /** Journal: first position not claimed (u64). Positions are never used again. */
  HEAD = 128,
  /** Journal: first position not committed (u64); the host stores it after a commit. */
  COMMITTED = 192,
  LOADS = 256,
  CLOCK_HAND = 320,
  PIN_TOKEN = 384,
  ALLOCATION = 448,
  STOP = 512,
  /** The locker index: lock (u32), at 8 position of its last change (u64). */
  LOCKERS = 576,
  /** Position of the last change of the counts of coins in use (u64). */
  TALLY = 640,
  /** Page reservations: lock. */
  RESERVATIONS = 704,
  /** Crossover entries: lock (u32), at 8 position of their last change (u64). */
  CROSSOVER = 768,
  /** 1: the host has written the Merkle trees. */
  MERKLE = 832,
  /** The replay cache: lock. */
  REPLAY = 896,
}

/** A ring: head (u32) at 0, tail (u32) at 64, entries of 64 bytes from 128. Counters run free. */
export const enum Ring {
  HEAD = 0,
  TAIL = 64,
  ENTRIES = 128,
  ENTRY_BYTES = 64,
}

/** A descriptor, going in (RX) and coming out (READY, HELD). */
export const enum Descriptor {
  /** Receive frame that this descriptor gives back to its owner; 0: none. */
  FRAME = 0,
  /** First byte of the message. */
  OFFSET = 4,
  /** Bytes of the message; 0 coming out: nothing to send. */
  LENGTH = 8,
  /** The host's own handle of whoever sent the request. */
  PEER = 12,
  FLAGS = 16,
  /** Wire status of the reply. */
  STATUS = 20,
  /** Journal position that must be committed before the reply leaves (two words). */
  POSITION = 24,
  /** Microseconds since the epoch at which the message arrived (two words). */
  ARRIVAL = 32,
  /**
   * Four bytes: encryption type, denomination of the encryption coin (signed), command group,
   * command.
   */
  KIND = 40,
  /** Serial number of the encryption coin; it and its denomination are 0 when there is none. */
  SERIAL = 44,
  /** Microseconds from arrival to answer, as in the reply header. */
  EXECUTION = 48,
  /**
   * In: who sent it, for limits by address: an IPv4 address as a number (127.0.0.1 is 7f000001), or
   * 32 bits of a keyed hash of an IPv6 address's first 64 bits (addressHash).
   */
  ADDRESS = 52,
  /** Out: number of the reply's record (requests.ts, RECENT), low word. */
  RECORD = 56,
}

export const enum Flag {
  /** In: a datagram (counted by 0/2; silence is a possible answer). */
  DATAGRAM = 1,
  /** In: from this machine itself (loopback), where admin commands in type 0 are allowed. */
  LOCAL = 2,
  /** Out: the request ended without a reply. */
  SILENT = 4,
  /** Out: OFFSET lies in a reply frame; give it back with release(OFFSET) when it has been sent. */
  REPLY_FRAME = 8,
  /** In: ADDRESS is the hash of an IPv6 network. */
  IPV6 = 16,
}

/** An entry of the effect ring. */
export const enum Effect {
  KIND = 0,
  /** Kinds 3 and above: the effect block (EffectBlock). */
  OFFSET = 4,
  KEY = 8,
  /** Page slot of LOAD_PAGE; request slot of kinds 3 and above, for complete(). */
  SLOT = 12,
  /** FORGET_TRADE: journal position that must be committed first (two words). */
  POSITION = 16,
  /** FORGET_TRADE: AN of the trade locker (16). */
  AN = 32,
}
export const enum EffectKind {
  /**
   * Read page KEY (denomination index * pages per denomination + page) to OFFSET, then resume(SLOT,
   * 0; 1: no such page).
   */
  LOAD_PAGE = 1,
  /** The random pool ran dry: fill it. Requests are answered 252 until then. */
  FILL_RANDOM = 2,
  /** Read the file of the block to RESULT: OK and its bytes, MISSING, NOT_A_FILE, TOO_LARGE. */
  READ_FILE = 3,
  /** Write CONTENT to the file of the block, whole or not at all (WriteMode). */
  WRITE_FILE = 4,
  REMOVE_FILE = 5,
  /**
   * Ask the other servers for tickets (2/50): CONTENT is 25 ticket numbers (u32 big-endian, 0: do
   * not ask). RESULT: 25 answers of VOTE_BYTES: wire status (u32; u32.MAX_VALUE: no answer), count
   * (u32), coins of 5 bytes.
   */
  ASK_SERVERS = 6,
  /**
   * Send command MODE of group 11 with body CONTENT to the proxy. OK: RESULT is the wire status
   * (u32) and the reply's payload; UNREACHABLE; FAILED: the reply is no reply.
   */
  ASK_PROXY = 7,
  /**
   * Nothing waits for it: when POSITION is committed, remove the address of trade locker AN. A
   * rollback or discard before it drops it.
   */
  FORGET_TRADE = 8,
}

/** What a request's effect works on; at the end of the reply frame that the request holds. */
export const enum EffectBlock {
  /** A Folder. */
  FOLDER = 0,
  /** WRITE_FILE: a WriteMode; ASK_PROXY: the command. */
  MODE = 4,
  NAME_BYTES = 8,
  CONTENT_BYTES = 12,
  /** Where the result goes, and how many bytes it may have. */
  RESULT = 16,
  RESULT_LIMIT = 20,
  /** Permissions of a file that is made. */
  PERMISSIONS = 24,
  /** Name of the file in its folder: bytes without a NUL, 1 to 1024. */
  NAME = 64,
  CONTENT = 1088,
  BYTES = 66624,
}

/** Folders below the data folder; the engine reaches no others. */
export const enum Folder {
  /** coins: encryption coin files of 440 bytes. */
  COINS = 0,
  /** Keys: posted keys. */
  KEYS = 1,
  /** Trades: addresses of trade lockers. */
  TRADES = 2,
  /** Zones: zone files. */
  ZONES = 3,
  /** Folders: objects of group 13; names may have several parts. */
  FOLDERS = 4,
}

export const enum WriteMode {
  /** EXISTS if there is one. */
  CREATE = 0,
  /** Replace it or make it. */
  REPLACE = 1,
}

/** How an effect ended: what the host tells complete(). */
export const enum EffectStatus {
  OK = 0,
  /** No such file, or (WRITE_FILE) no such folder. */
  MISSING = 1,
  EXISTS = 2,
  /** The name leads out of its folder: "..", a symbolic link, an absolute path. */
  OUTSIDE = 3,
  /** A folder, a device, a socket. */
  NOT_A_FILE = 4,
  /** More than RESULT_LIMIT bytes. */
  TOO_LARGE = 5,
  /** The disk, the permission, the other side: it did not work. */
  FAILED = 6,
  /** Nobody answered in time. */
  UNREACHABLE = 7,
}

/** A page's meta entry (64 bytes). */
export const enum Page {
  LOCK = 0,
  KEY = 4,
  POSITION = 8,
  STATE = 16,
  PINS = 20,
  RECENT = 24,
  PINNED = 28,
  CHANGED = 32,
  BYTES = 64,
}
export const enum PageState {
  FREE = 0,
  LOADING = 1,
  READY = 2,
  ABSENT = 3,
}

/**
 * A journal record (48 bytes). A group is one HEAD record and the records it counts; the head is
 * published last, by PUBLISHED = low word of its own position + 1.
 */
export const enum Journal {
  KIND = 0,
  OLD_MFS = 1,
  NEW_MFS = 2,
  /** Denomination index, 0 to 14. */
  DENOMINATION = 3,
  SERIAL = 4,
  OLD_AN = 8,
  NEW_AN = 24,
  /** In a cell: its index in Region.CELLS; old and new 16 bytes stand in the places of the ANs. */
  CELL = 4,
  /** In a head: records that follow and count. */
  USED = 4,
  PUBLISHED = 40,
  /** In a head: records from this head to the next one. */
  SIZE = 44,
  RECORD_BYTES = 48,
}
export const enum JournalKind {
  PAD = 0,
  COIN = 1,
  HEAD = 2,
  /** 16 bytes of a durable table. */
  CELL = 3,
}

/**
 * The random pool: bytes written (u32), bytes taken (u32) at 4, then RANDOM_POOL_BYTES from 64.
 * Counters run free.
 */
export const enum Random {
  FILLED = 0,
  TAKEN = 4,
  BYTES = 64,
}

/** Region.STATISTICS: u64 each, the first four as 0/2 answers them. */
export const enum Statistic {
  ECHO = 0,
  POWN_COUNT = 8,
  POWN_VALUE = 16,
  DATAGRAMS = 24,
  /** Admin commands whose key was right, and those that were refused. */
  ADMIN_ACCEPTED = 32,
  ADMIN_REFUSED = 40,
}
