/**
 * Every maximum of the engine, each with its reason. Sizes in bytes unless the name says otherwise.
 */

/** Instances over one memory: more I/O threads than this gain nothing on the machines we serve. */
export const WORKERS_MAX: u32 = 16;
/** Private bytes of one instance; core/scratch.ts shares them out. */
export const SCRATCH_BYTES: usize = 32768;

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
 * Pages that one request can touch besides its key pages: a sum over 4096 coins, each on its own
 * page.
 */
export const REQUEST_PAGES_MAX: u32 = 4096;
/** Records that one group of the journal can need, with its own head: pown sum of 4096 coins. */
export const GROUP_RECORDS_MAX: u32 = 4097;

/** Receive frame: an AF_XDP frame; a datagram that does not fit goes into a large frame. */
export const FRAME_BYTES: u32 = 4096;
/** Large frame: header (48), the largest body (65535) and room to round up. */
export const LARGE_FRAME_BYTES: u32 = 65664;
/**
 * A held reply or a parked datagram up to this size is copied, so that its frame returns at once.
 */
export const SLOT_PAYLOAD_BYTES: u32 = 256;
/** Body bytes after which process() returns early: 64 requests of 64 KiB would take 10 ms. */
export const PROCESS_BYTES_MAX: u32 = 262144;
/** Bytes of one instance's random pool; a power of two. */
export const RANDOM_POOL_BYTES: u32 = 32768;
/**
 * Random bytes a single request can take: a reply nonce (24 at most) and eight draws of a ticket
 * number (32).
 */
export const RANDOM_PER_REQUEST: u32 = 64;
/** Ring entries, parked requests and journal records that configure accepts at the most. */
export const RING_ENTRIES_MAX: u32 = 65536;
export const PARK_SLOTS_MAX: u32 = 4096;
export const JOURNAL_RECORDS_MAX: u32 = 4194304;
