/**
 * The memory map. configure() lays every region out once for all instances; attach() gives an
 * instance its addresses. Nothing is allocated afterwards. Order: constants, scratch of the
 * workers, control, shared regions, regions of each worker.
 */
import { load32, store32 } from "./atomics";
import { CONTROL, CONTROL_END, word } from "./control";
import { WORKER } from "./imports";
import { Config, Journal, Page, Random, Ring, Wire } from "./layout";
import {
  CELL_BYTES,
  CELLS as CELLS_COUNT,
  COINS_PER_LIST_MAX,
  DENOMINATIONS,
  FRAME_BYTES,
  LARGE_FRAME_BYTES,
  PAGE_BYTES,
  PAGE_RECORDS,
  RANDOM_POOL_BYTES,
  REPLY_FRAME_BYTES,
  REQUEST_RECORDS,
  SLOT_PAYLOAD_BYTES,
} from "./limits";
import { PeerBlock } from "./peer";
import { Block } from "./ratatoskr";
import { RequestRecord, Requests } from "./requests";
import { sizesFit } from "./sizes";
import { Status } from "./status";
import { attachTransfer, transferBytes } from "./transfer-memory";

/** Table of region starts: shared regions, then a row for each worker. */
const TABLE: usize = CONTROL_END;
const SHARED_ROWS: u32 = 32;
const WORKER_ROWS: u32 = 20;
const FIRST_REGION: usize = TABLE + 4 * (32 + 16 * 20);
const MAGIC: u32 = 0x41444e56;

/** A parked request: 256 bytes of state, then a copy of a small message. */
export const PARK_STATE_BYTES: usize = 256;
export const PARK_BYTES: usize = PARK_STATE_BYTES + SLOT_PAYLOAD_BYTES;
export const TICKET_META_BYTES: usize = 64;
/** 5 bytes a coin as on the wire, and behind all of them 8 bytes a coin: its AN under HASH_KEY. */
export const TICKET_COINS_BYTES: usize = 13 * COINS_PER_LIST_MAX;
export const CRC_TABLE_BYTES: usize = 16384;
/** A u16 function index for each of 16 groups x 256 commands. */
export const COMMAND_TABLE_BYTES: usize = 8192;
/** In-use bits of a page. */
export const IN_USE_BYTES: usize = 128;
/** A locker's entry, a coin's node, and the three bucket arrays (raida/lockers.ts). */
export const LOCKER_BYTES: usize = 64;
export const LOCKER_NODE_BYTES: usize = 24;
const LOCKER_BUCKET_BYTES: u64 = 16;
/** A page's reservation (raida/reservations.ts). */
export const RESERVATION_BYTES: usize = 24;
/** A u32 pair for each of 65536 address slots (raida/break-rate.ts). */
const BREAK_RATE_BYTES: u64 = 524288;
export const MERKLE_NODE_BYTES: usize = 32;
/** Spans of seconds that the replay cache has forgotten: one more when its clock is set. */
export const REPLAY_SPANS: u32 = 16;
/**
 * The replay cache: a head, and of each entry itself, its device, and four words that find it. The
 * head has a place for one span more, until two have become one, in whole lines of 64 bytes.
 */
export const REPLAY_HEAD_BYTES: usize = 64 + 16 * (<usize>REPLAY_SPANS + 4);
export const REPLAY_ENTRY_BYTES: usize = 64;
export const REPLAY_DEVICE_BYTES: usize = 48;
const REPLAY_BYTES: u64 = REPLAY_ENTRY_BYTES + REPLAY_DEVICE_BYTES + 16;
const REQUESTS_BYTES: u64 = Requests.RECENT + REQUEST_RECORDS * RequestRecord.BYTES;

const enum Shared {
  CRC,
  COMMANDS,
  PAGE_INDEX,
  PAGE_META,
  PAGE_DATA,
  JOURNAL,
  COUNTS,
  STATISTICS,
  TICKET_META,
  TICKET_COINS,
  IN_USE,
  LOCKER_ENTRIES,
  LOCKER_NODES,
  LOCKER_BUCKETS,
  RESERVED,
  BREAK_RATE,
  CELLS,
  MERKLE,
  REPLAY,
  END,
}
const enum Own {
  RX,
  READY,
  HELD,
  EFFECTS,
  READY_SLOTS,
  HELD_SLOTS,
  PARKED,
  FRAMES,
  LARGE_FRAMES,
  REPLY_FRAMES,
  RANDOM,
  SEEN,
  COIN_LIST,
  REQUESTS,
  RATATOSKR,
  TRANSFER,
  PEER,
}

// What attach() reads for this instance.
export let pagesPerDenomination: u32 = 0;
export let pageSlots: u32 = 0;
export let journalRecords: u32 = 0;
export let ringEntries: u32 = 0;
export let parkSlots: u32 = 0;
export let replyFrames: u32 = 0;
export let tickets: u32 = 0;
export let lockerCoins: u32 = 0;
export let btcConfirmations: u32 = 0;
export let openKeyRecords: bool = false;
export let workers: u32 = 0;
export let raidaId: u32 = 0;
export let coinId: u32 = 0;
export let wire: u32 = 0;
export let modern: bool = false;
export let adminClear: bool = false;
export let hasAdminKey: bool = false;
export let CRC_TABLE: usize = 0;
export let COMMANDS: usize = 0;
export let PAGE_INDEX: usize = 0;
export let PAGE_META: usize = 0;
export let PAGE_DATA: usize = 0;
export let JOURNAL: usize = 0;
export let COUNTS: usize = 0;
export let STATISTICS: usize = 0;
export let TICKET_META: usize = 0;
export let TICKET_COINS: usize = 0;
export let IN_USE: usize = 0;
export let LOCKER_ENTRIES: usize = 0;
export let LOCKER_NODES: usize = 0;
export let LOCKER_BUCKETS: usize = 0;
export let RESERVED: usize = 0;
export let BREAK_RATE: usize = 0;
export let CELLS: usize = 0;
export let MERKLE: usize = 0;
export let REPLAY: usize = 0;
export let RX: usize = 0;
export let READY: usize = 0;
export let HELD: usize = 0;
export let EFFECTS: usize = 0;
export let READY_SLOTS: usize = 0;
export let HELD_SLOTS: usize = 0;
export let PARKED: usize = 0;
export let FRAMES: usize = 0;
export let LARGE_FRAMES: usize = 0;
export let REPLY_FRAMES: usize = 0;
export let RANDOM: usize = 0;
/** A bit for each coin there can be, all 0 between requests. */
export let SEEN: usize = 0;
/** Room for a list of COINS_PER_LIST_MAX coins of 5 bytes that a command makes itself. */
export let COIN_LIST: usize = 0;
/** What this worker counts of its requests. */
export let REQUESTS: usize = 0;
/** Room for this worker's Ratatoskr messages (core/ratatoskr.ts, Block). */
export let RATATOSKR: usize = 0;
export let replayEntries: u32 = 0;
/** This worker's room for transfer (transfer-memory.ts). */
export let TRANSFER: usize = 0;
/** Room for this worker's peer messages (core/peer.ts, PeerBlock). */
export let PEER: usize = 0;
/** First byte behind the frames of this worker. */
export let FRAMES_END: usize = 0;
export let LARGE_FRAMES_END: usize = 0;

let cursor: u64 = 0;

function take(row: u32, bytes: u64, align: u64): void {
  cursor = (cursor + align - 1) & ~(align - 1);
  store<u32>(TABLE + ((<usize>row) << 2), <u32>cursor);
  cursor += bytes;
}

/**
 * Lockers and nodes: one for each coin, and as many again as every worker can have in one group, so
 * that a rollback, which passes through states of its own, always finds room.
 */
function lockerEntries(): u64 {
  return <u64>word(Config.LOCKER_COINS) + <u64>(word(Config.WORKERS) * COINS_PER_LIST_MAX);
}

/** Nodes of a denomination's Merkle tree over `leaves` pages. */
export function merkleNodes(leaves: u32): u32 {
  let nodes = leaves;
  for (let level = leaves; level > 1; nodes += level) level = (level + 1) >> 1;
  return nodes;
}

function merkleBytes(leaves: u32): u64 {
  if (word(Config.WIRE) != Wire.LEGACY) return 0;
  return <u64>DENOMINATIONS * merkleNodes(leaves) * MERKLE_NODE_BYTES;
}

function layOut(): void {
  const perDenomination = <u64>word(Config.PAGES_PER_DENOMINATION),
    slots = <u64>word(Config.PAGE_SLOTS);
  const count = <u64>word(Config.TICKETS),
    entries = <u64>word(Config.RING_ENTRIES);
  cursor = FIRST_REGION;
  take(Shared.CRC, CRC_TABLE_BYTES, 64);
  take(Shared.COMMANDS, COMMAND_TABLE_BYTES, 64);
  take(Shared.PAGE_INDEX, (<u64>DENOMINATIONS * perDenomination) << 2, 64);
  take(Shared.PAGE_META, slots * Page.BYTES, 64);
  take(Shared.PAGE_DATA, slots * PAGE_BYTES, 64);
  take(Shared.JOURNAL, <u64>word(Config.JOURNAL_RECORDS) * Journal.RECORD_BYTES, 64);
  take(Shared.COUNTS, 128, 64);
  take(Shared.STATISTICS, 64, 64);
  take(Shared.TICKET_META, count * TICKET_META_BYTES, 64);
  take(Shared.TICKET_COINS, count * TICKET_COINS_BYTES, 64);
  const pages = <u64>DENOMINATIONS * perDenomination,
    lockers = lockerEntries();
  take(Shared.IN_USE, pages * IN_USE_BYTES, 64);
  take(Shared.LOCKER_ENTRIES, lockers * LOCKER_BYTES, 64);
  take(Shared.LOCKER_NODES, lockers * LOCKER_NODE_BYTES, 64);
  take(Shared.LOCKER_BUCKETS, <u64>word(Config.LOCKER_COINS) * LOCKER_BUCKET_BYTES, 64);
  take(Shared.RESERVED, pages * RESERVATION_BYTES, 64);
  take(Shared.BREAK_RATE, BREAK_RATE_BYTES, 64);
  take(Shared.CELLS, <u64>(CELLS_COUNT * CELL_BYTES), 64);
  take(Shared.MERKLE, merkleBytes(<u32>perDenomination), 64);
  take(Shared.REPLAY, REPLAY_HEAD_BYTES + <u64>word(Config.REPLAY_ENTRIES) * REPLAY_BYTES, 64);
  const ring = entries * Ring.ENTRY_BYTES + Ring.ENTRIES;
  for (let worker: u32 = 0; worker < word(Config.WORKERS); worker++) {
    const row = SHARED_ROWS + worker * WORKER_ROWS;
    for (let i: u32 = Own.RX; i <= <u32>Own.EFFECTS; i++) take(row + i, ring, 64);
    // All places of replies but frames, one behind the other: a packet backend checks one range.
    take(row + Own.READY_SLOTS, entries * SLOT_PAYLOAD_BYTES, 64);
    take(row + Own.HELD_SLOTS, entries * SLOT_PAYLOAD_BYTES, 64);
    take(row + Own.REPLY_FRAMES, <u64>word(Config.REPLY_FRAMES) * REPLY_FRAME_BYTES, 64);
    take(row + Own.PARKED, <u64>word(Config.PARK_SLOTS) * PARK_BYTES, 64);
    take(row + Own.FRAMES, <u64>word(Config.FRAMES) * FRAME_BYTES, 4096);
    take(row + Own.LARGE_FRAMES, <u64>word(Config.LARGE_FRAMES) * LARGE_FRAME_BYTES, 64);
    take(row + Own.RANDOM, RANDOM_POOL_BYTES + Random.BYTES, 64);
    take(row + Own.SEEN, pages * (PAGE_RECORDS / 8), 64);
    take(row + Own.COIN_LIST, <u64>(5 * COINS_PER_LIST_MAX), 64);
    take(row + Own.REQUESTS, REQUESTS_BYTES, 64);
    take(row + Own.RATATOSKR, word(Config.RATATOSKR) ? Block.BYTES : 0, 64);
    take(row + Own.TRANSFER, transferBytes(), 4096);
    take(row + Own.PEER, word(Config.PEER) ? PeerBlock.BYTES : 0, 64);
  }
  take(Shared.END, 0, 4096);
}

/**
 * Lays the regions out for the configuration words. Statuses: OK; BAD_CONFIGURATION; WRONG_STATE
 * (called before); MEMORY_TOO_SMALL: nothing was set up, and regions(Region.END) tells how many
 * bytes are needed. The memory must be zero above the scratch, as a new one is: nothing large is
 * written here.
 */
export function layOutMemory(): Status {
  if (load32(CONTROL) == MAGIC) return Status.WRONG_STATE;
  if (!sizesFit()) return Status.BAD_CONFIGURATION;
  layOut();
  if (cursor > (<u64>memory.size()) << 16) return Status.MEMORY_TOO_SMALL;
  return Status.OK;
}

/** The last step of configure(): from here on instances may attach. */
export function openMemory(): void {
  store32(CONTROL, MAGIC);
}

function row(index: u32): usize {
  return load<u32>(TABLE + ((<usize>index) << 2));
}

/**
 * Reads this instance's addresses. Statuses: OK; WRONG_STATE (not configured); INVALID_ARGUMENT (no
 * such worker).
 */
export function attachMemory(): Status {
  if (load32(CONTROL) != MAGIC) return Status.WRONG_STATE;
  workers = word(Config.WORKERS);
  if (WORKER >= workers) return Status.INVALID_ARGUMENT;
  pagesPerDenomination = word(Config.PAGES_PER_DENOMINATION);
  pageSlots = word(Config.PAGE_SLOTS);
  journalRecords = word(Config.JOURNAL_RECORDS);
  ringEntries = word(Config.RING_ENTRIES);
  parkSlots = word(Config.PARK_SLOTS);
  replyFrames = word(Config.REPLY_FRAMES);
  tickets = word(Config.TICKETS);
  lockerCoins = word(Config.LOCKER_COINS);
  btcConfirmations = word(Config.BTC_CONFIRMATIONS);
  openKeyRecords = word(Config.OPEN_KEY_RECORDS) != 0;
  raidaId = word(Config.RAIDA_ID);
  coinId = word(Config.COIN_ID);
  wire = word(Config.WIRE);
  modern = word(Config.MODERN) != 0;
  adminClear = word(Config.ADMIN_CLEAR) != 0;
  hasAdminKey = word(Config.HAS_ADMIN_KEY) != 0;
  readShared();
  READY = ownRow(WORKER, Own.READY);
  HELD = heldRing(WORKER);
  RX = ownRow(WORKER, Own.RX);
  EFFECTS = ownRow(WORKER, Own.EFFECTS);
  READY_SLOTS = ownRow(WORKER, Own.READY_SLOTS);
  HELD_SLOTS = heldSlots(WORKER);
  PARKED = parkedOf(WORKER);
  FRAMES = ownRow(WORKER, Own.FRAMES);
  FRAMES_END = FRAMES + <usize>word(Config.FRAMES) * FRAME_BYTES;
  LARGE_FRAMES = ownRow(WORKER, Own.LARGE_FRAMES);
  LARGE_FRAMES_END = LARGE_FRAMES + <usize>word(Config.LARGE_FRAMES) * LARGE_FRAME_BYTES;
  REPLY_FRAMES = ownRow(WORKER, Own.REPLY_FRAMES);
  RANDOM = ownRow(WORKER, Own.RANDOM);
  SEEN = ownRow(WORKER, Own.SEEN);
  COIN_LIST = ownRow(WORKER, Own.COIN_LIST);
  REQUESTS = requestsOf(WORKER);
  RATATOSKR = word(Config.RATATOSKR) ? ownRow(WORKER, Own.RATATOSKR) : 0;
  replayEntries = word(Config.REPLAY_ENTRIES);
  TRANSFER = word(Config.TRANSFER_SESSIONS) ? ownRow(WORKER, Own.TRANSFER) : 0;
  if (TRANSFER) attachTransfer(TRANSFER);
  PEER = word(Config.PEER) ? ownRow(WORKER, Own.PEER) : 0;
  return Status.OK;
}

/** Addresses of the shared regions; configure() needs them before it opens the memory. */
export function readShared(): void {
  CRC_TABLE = row(Shared.CRC);
  COMMANDS = row(Shared.COMMANDS);
  PAGE_INDEX = row(Shared.PAGE_INDEX);
  PAGE_META = row(Shared.PAGE_META);
  PAGE_DATA = row(Shared.PAGE_DATA);
  JOURNAL = row(Shared.JOURNAL);
  COUNTS = row(Shared.COUNTS);
  STATISTICS = row(Shared.STATISTICS);
  TICKET_META = row(Shared.TICKET_META);
  TICKET_COINS = row(Shared.TICKET_COINS);
  IN_USE = row(Shared.IN_USE);
  LOCKER_ENTRIES = row(Shared.LOCKER_ENTRIES);
  LOCKER_NODES = row(Shared.LOCKER_NODES);
  LOCKER_BUCKETS = row(Shared.LOCKER_BUCKETS);
  RESERVED = row(Shared.RESERVED);
  BREAK_RATE = row(Shared.BREAK_RATE);
  CELLS = row(Shared.CELLS);
  MERKLE = row(Shared.MERKLE);
  REPLAY = row(Shared.REPLAY);
}

/** First byte behind the last region, also of a layout that does not fit the memory. */
export function regionsEnd(): usize {
  return row(Shared.END);
}

function ownRow(worker: u32, index: u32): usize {
  return row(SHARED_ROWS + worker * WORKER_ROWS + index);
}

/**
 * The held ring, its payload slots, the parked requests and the counts of any worker: rollback
 * walks them all.
 */
export function heldRing(worker: u32): usize {
  return ownRow(worker, Own.HELD);
}
export function heldSlots(worker: u32): usize {
  return ownRow(worker, Own.HELD_SLOTS);
}
export function parkedOf(worker: u32): usize {
  return ownRow(worker, Own.PARKED);
}
export function requestsOf(worker: u32): usize {
  return ownRow(worker, Own.REQUESTS);
}
