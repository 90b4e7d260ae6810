/**
 * Every maximum of the engine, each with its reason. Sizes in bytes unless the name says otherwise.
 */

/** Instances over one memory: more I/O threads than this gain nothing on the machines we serve. */
export const WORKERS_MAX: u32 = 16;
/** Words of the configuration block (core/layout.ts, Config). */
export const CONFIG_WORDS: usize = 64;
/** Private bytes of one instance; core/scratch.ts shares them out. */
export const SCRATCH_BYTES: usize = 32768;

/**
 * Texts from this length on go to the processor's AES instructions where the host has them
 * (core/imports.ts): all of them. The call with its key schedule costs 100 ns at any length to 256
 * bytes, the engine's own shortest text under a new key 134 ns (Node 24, x86-64 with AES-NI). Only
 * when one key comes twice in a row does its second text cost less here, up to 16 bytes: 17 would
 * answer a short reply to one lone client in 406 instead of 471 ns, and those to many clients in
 * 505 instead of 471 ns.
 */
export const NATIVE_CTR_BYTES_MIN: u32 = 1;

/**
 * Packets whose frame has this length or more are sealed and opened by a host's ChaCha20-Poly1305.
 * With OpenSSL a call takes 0.8 us before it takes anything for bytes, half of it to put its key
 * out of memory again.
 */
export const NATIVE_CHACHA_BYTES_MIN: u32 = 256;

/** RAIDA servers in a network (seed 000, section 3.1). */
export const RAIDA_COUNT: u32 = 25;
/** Denominations -8 to 6 (reference: RAIDA section 7). */
export const DENOMINATIONS: u32 = 15;
/** Records of a coin page; page = sn / 1024. */
export const PAGE_RECORDS: u32 = 1024;
/** AN (16) and MFS (1). */
export const RECORD_BYTES: u32 = 17;
export const PAGE_BYTES: u32 = 17408;
/** Pages of one denomination: 2^20 serial numbers, so that (denomination, sn) fits 24 bits. */
export const PAGES_PER_DENOMINATION_MAX: u32 = 1024;
/** Bits of a serial number; above them stands the denomination index in a coin's number. */
export const SERIAL_BITS: u32 = 20;

/**
 * Coins of a ticket and of every list of 5 bytes a coin (seed 000, section 3.1; ours for the
 * lists).
 */
export const COINS_PER_LIST_MAX: u32 = 4096;
/** Slots of the ticket pool (seed 000, section 3.1). */
export const TICKETS_MAX: u32 = 512;
/** Life of a ticket in microseconds (TICKET_RELEASE_SECONDS = 300). */
export const TICKET_LIFE_US: u64 = 300000000;
/**
 * How long a ticket's own server does not fix its coins: longer than it vouches, so that none of
 * the tickets that were drawn with it outlives the guard.
 */
export const TICKET_GUARD_US: u64 = 600000000;

/**
 * Pages that one request can touch besides its key pages: a sum over 4096 coins, each on its own
 * page.
 */
export const REQUEST_PAGES_MAX: u32 = 4096;
/** Records that one group of the journal can need, with its own head: pown sum of 4096 coins. */
export const GROUP_RECORDS_MAX: u32 = 4097;

/** Coins in lockers that configure accepts, at the most: one index entry and one node each. */
export const LOCKER_COINS_MAX: u32 = 1048576;
/** Life of a page reservation in microseconds (16 s). */
export const RESERVATION_LIFE_US: u64 = 16000000;
/** Pages that one client address may hold for change (reference: RAIDA section 7). */
export const RESERVED_PAGES_PER_ADDRESS_MAX: u32 = 8;
/** Breaks of one 16-bit address slot within BREAK_WINDOW_US; one more is answered 160. */
export const BREAKS_PER_WINDOW_MAX: u32 = 30;
/** 28800 s. */
export const BREAK_WINDOW_US: u64 = 28800000000;
/** Crossover entries, each of CROSSOVER_BYTES and alive for CROSSOVER_LIFE_US (3600 s). */
export const CROSSOVER_MAX: u32 = 1000;
export const CROSSOVER_BYTES: u32 = 128;
export const CROSSOVER_LIFE_US: u64 = 3600000000;
/** Durable cells of 16 bytes: CROSSOVER_MAX * CROSSOVER_BYTES / 16. */
export const CELLS: u32 = 8000;
export const CELL_BYTES: u32 = 16;
/** Memo of a crossover or trade command that is passed on. */
export const MEMO_BYTES_MAX: u32 = 254;
/** Part of a private key file that is passed on to the proxy. */
export const BTC_KEY_BYTES_MAX: u32 = 3000;

/** Receive frame: an AF_XDP frame; a datagram that does not fit goes into a large frame. */
export const FRAME_BYTES: u32 = 4096;
/** Large frame: header (48), the largest body (65535) and room to round up. */
export const LARGE_FRAME_BYTES: u32 = 65664;
/**
 * Reply frame: the largest file that 13/135 reads (1 MiB) and its header, and behind them an effect
 * block. 1.125 MiB.
 */
export const REPLY_FRAME_BYTES: u32 = 1179648;
/** Reply frames of one worker: one word of bits tells which are taken. */
export const REPLY_FRAMES_MAX: u32 = 32;
/** The largest datagram over IPv4: a longer reply would be lost without a word. */
export const DATAGRAM_BYTES_MAX: u32 = 65507;
/**
 * Reply body of an unencrypted list of free serial numbers (10/172) in a datagram: whoever asks in
 * another's name must not send him much more than he asked.
 */
export const FREE_LIST_DATAGRAM_BYTES: u32 = 512;
/** The largest file that is read, and the largest reply payload. */
export const FILE_BYTES_MAX: u32 = 1048576;
/** Answer of one server to 2/50 as an effect's result: status, count, 4096 coins. */
export const VOTE_BYTES: u32 = 20488;
/**
 * A held reply or a parked datagram up to this size is copied, so that its frame returns at once.
 */
export const SLOT_PAYLOAD_BYTES: u32 = 256;
/** Body bytes after which process() returns early: 64 requests of 64 KiB would take 10 ms. */
export const PROCESS_BYTES_MAX: u32 = 262144;
/** Bytes of one instance's random pool; a power of two. */
export const RANDOM_POOL_BYTES: u32 = 32768;
/**
 * Random bytes a single request can take: a reply nonce (24 at most), eight draws of a ticket
 * number (32), a key that fresh ANs are made of (16).
 */
export const RANDOM_PER_REQUEST: u32 = 96;
/** Buckets of execution times, in powers of two of a microsecond; the last has no end. */
export const REQUEST_TIMES: u32 = 26;
/** Records of requests that a worker keeps; a power of two. */
export const REQUEST_RECORDS: u32 = 1024;
/** Ring entries, parked requests and journal records that configure accepts at the most. */
export const RING_ENTRIES_MAX: u32 = 65536;
export const PARK_SLOTS_MAX: u32 = 4096;
export const JOURNAL_RECORDS_MAX: u32 = 4194304;

/** A Ratatoskr message: 1 MiB of payload and 64 KiB around it (reference: Ratatoskr section 10). */
export const MESSAGE_BYTES_MAX: u32 = 1114112;
/** Payload of a Ratatoskr message. */
export const MESSAGE_PAYLOAD_BYTES_MAX: u32 = 1048576;
/** request_id, device_id, user_id, session_id, device_identity, each. */
export const MESSAGE_ID_BYTES_MAX: u32 = 256;
/** Below 8 bytes two honest nonces could meet; above 64 nobody gains. We emit 16. */
export const MESSAGE_NONCE_BYTES_MIN: u32 = 8;
export const MESSAGE_NONCE_BYTES_MAX: u32 = 64;
export const ED25519_SIGNATURE_BYTES: u32 = 64;
/** Entries of the metadata map, and what a key and a value may have. */
export const METADATA_ENTRIES_MAX: u32 = 32;
export const METADATA_KEY_BYTES_MAX: u32 = 64;
export const METADATA_VALUE_BYTES_MAX: u32 = 1024;
/** authentication_token and version (also server_version) of the connection's payloads. */
export const AUTHENTICATION_TOKEN_BYTES_MAX: u32 = 4096;
export const VERSION_BYTES_MAX: u32 = 32;
export const ERROR_CODE_BYTES_MAX: u32 = 64;
export const ERROR_MESSAGE_BYTES_MAX: u32 = 1024;
/** Fields that nobody knows, skipped; a message of nothing else would be work for no one. */
export const UNKNOWN_FIELDS_MAX: u32 = 64;
/** Seconds for which a request is fresh; 300 itself still is. */
export const MESSAGE_AGE_S_MAX: u32 = 300;
/** Seconds that configuration may allow a clock to be ahead: more would make freshness a word. */
export const MESSAGE_SKEW_S_MAX: u32 = 3600;
/** Live requests that the replay cache keeps of one device: 60 a minute make about 300. */
export const REPLAY_ENTRIES_PER_DEVICE_MAX: u32 = 8192;
/** Live requests of all devices: 112 MB. */
export const REPLAY_ENTRIES_MAX: u32 = 1000000;
/** Expired entries that one recording removes at the most; it adds one, so it keeps up. */
export const REPLAY_EXPIRED_PER_CALL: u32 = 8;
/** Of the replay cache's places, one in so many may hold what is stale. */
export const REPLAY_STALE_SHARE: u32 = 16;

/** Sessions, streams, chunks of records and keys of one worker: their numbers fit 16 bits. */
export const TRANSFER_SESSIONS_MAX: u32 = 65535;
export const TRANSFER_STREAMS_MAX: u32 = 65535;
export const TRANSFER_CHUNKS_MAX: u32 = 65535;
/** Blocks of stream data: 4 GiB would be the whole memory; 2 GiB of 16 KiB. */
export const TRANSFER_BLOCKS_MAX: u32 = 131072;
export const TRANSFER_RANGES_MAX: u32 = 4194304;
/** Packets of one call to receive and of one to send. */
export const TRANSFER_BATCH: u32 = 64;
/** A block of stream data. A chunk of a file (256 KiB) is sixteen of them. */
export const TRANSFER_BLOCK_BYTES: u32 = 16384;
/**
 * Payload of a frame that is kept until it is acked, so that it fits the smallest packet over IPv6
 * (1232) with some acks.
 */
export const TRANSFER_MESSAGE_BYTES: u32 = 1112;
/** Of one that came and that an event carries: all of Ethernet's 1500, not all of a jumbo's. */
export const TRANSFER_EVENT_BYTES: u32 = 1432;
/** Records of packets sent, and keys of packets overtaken, that one chunk holds. */
export const TRANSFER_CHUNK_ENTRIES: u32 = 64;
/** Bytes that an expedited stream holds each way (reference: transfer section 5). */
export const TRANSFER_EXPEDITED_BYTES_MAX: u32 = 65536;
/** The largest packet: a jumbo frame of 9000 bytes over IPv4 (reference: transfer section 1.5). */
export const TRANSFER_PACKET_BYTES_MAX: u32 = 8972;
/** The least that a way has to carry: each frame of the session itself fits. */
export const TRANSFER_PACKET_BYTES_MIN: u32 = 256;
/** Keys that are computed ahead of a packet that overtook others (section 4.6). */
export const TRANSFER_GAP_MAX: u32 = 65536;
/** Keys of overtaken packets that are kept of a direction and epoch (section 4.6). */
export const TRANSFER_SKIPPED_MAX: u32 = 2048;
/** Metadata of a STREAM_OPEN (section 9.2), so that it fits the smallest packet. */
export const TRANSFER_METADATA_BYTES_MAX: u32 = 1000;

/** Bounds of the peer protocol (reference: peer sections 2 and 8), as the Rust codec has them. */
export const PEER_REQUEST_BYTES_MAX: u32 = 1048576;
export const PEER_RESPONSE_BYTES_MAX: u32 = 10485760;
/** A gossip message, as gossipsub transmits it by default. */
export const PEER_BROADCAST_BYTES_MAX: u32 = 65536;
export const PEER_PROTOCOL_BYTES_MAX: u32 = 128;
export const PEER_ERROR_BYTES_MAX: u32 = 512;
export const PEER_METADATA_BYTES_MAX: u32 = 65536;
/** The identity multihash of an Ed25519 key in protobuf: 6 bytes and the key. */
export const PEER_ID_BYTES: u32 = 38;
export const PEER_KEY_BYTES: u32 = 32;
export const PEER_CHALLENGE_BYTES: u32 = 32;
/** Arrays, maps and tags in each other. Known messages have 4; what newer ones add is skipped. */
export const PEER_DEPTH_MAX: u32 = 6;
/** Keys that nobody knows, all in all, and the bytes of one: more would be work for no one. */
export const PEER_UNKNOWN_KEYS_MAX: u32 = 32;
export const PEER_UNKNOWN_KEY_BYTES_MAX: u32 = 128;
/** Milliseconds for which a handshake is fresh, and by which its clock may be ahead (peer 5.2). */
export const PEER_AGE_MS_MAX: u32 = 30000;
export const PEER_AHEAD_MS_MAX: u32 = 5000;
