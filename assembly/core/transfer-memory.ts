/**
 * The rooms of transfer within a worker's Region.TRANSFER, in this order: the block that host and
 * engine share, the event ring, and one pool after another. Sizes follow from the configuration
 * words alone, so nothing else is kept of them.
 */
import { word } from "./control";
import { Config, Ring } from "./layout";
import { TRANSFER_BLOCK_BYTES, TRANSFER_CHUNK_ENTRIES, TRANSFER_EVENT_BYTES } from "./limits";
import { TransferBlock } from "./transfer";

/** A session with everything of a fixed size in it (transfer/layout.ts). */
export const SESSION_BYTES: usize = 8192;
export const STREAM_BYTES: usize = 408;
/** A record of a packet sent, and the key of one that was overtaken. */
export const SENT_RECORD_BYTES: usize = 96;
export const KEY_RECORD_BYTES: usize = 32;
export const SENT_CHUNK_BYTES: usize = SENT_RECORD_BYTES * TRANSFER_CHUNK_ENTRIES;
export const KEY_CHUNK_BYTES: usize = KEY_RECORD_BYTES * TRANSFER_CHUNK_ENTRIES;
/** What is known of a block: whose it is, where in the stream, and how much of it is there. */
export const BLOCK_META_BYTES: usize = 32;
/** First and end of a range of stream bytes (u64 each), and a link. */
export const RANGE_BYTES: usize = 24;
/** What is known of a message, in front of its payload (transfer/messages.ts). */
export const MESSAGE_HEAD_BYTES: usize = 40;
export const MESSAGE_SLOT_BYTES: usize = MESSAGE_HEAD_BYTES + TRANSFER_EVENT_BYTES;
/**
 * Chain keys of a run ahead, of one session at a time, and behind them the packet keys of a gap of
 * up to 64 (transfer/ratchet.ts).
 */
export const AHEAD_BYTES: usize = 65536 * 32 + 64 * 32;
/** Four levels of 256 slots of 1 ms, 256 ms, 65 s, 4.6 h: a u32 each. */
export const WHEEL_BYTES: usize = 4 * 256 * 4;

/** Head of a pool (transfer/pool.ts, transfer/pool-share.ts). */
export const POOL_HEAD_BYTES: usize = 64;
/** The pools, by number. */
export const enum Pool {
  SESSIONS,
  STREAMS,
  SENT,
  KEYS,
  BLOCKS,
  RANGES,
  MESSAGES,
  COUNT,
}

let base: usize = 0;
export let TRANSFER_EVENTS: usize = 0;
export let transferEvents: u32 = 0;
/** Entry 0 of each kind is never given out, so that 0 is none; entry n lies n sizes behind. */
export let SESSIONS: usize = 0;
export let STREAMS: usize = 0;
export let SENT_CHUNKS: usize = 0;
export let KEY_CHUNKS: usize = 0;
export let BLOCKS: usize = 0;
export let BLOCK_METAS: usize = 0;
export let RANGES: usize = 0;
export let MESSAGES: usize = 0;
/** Heads of chains of hash tables, a u32 each: packet prefixes, stream numbers, blocks. */
export let PREFIX_BUCKETS: usize = 0;
export let PREFIX_NODES: usize = 0;
/** How many nodes changed since the host was told, and their numbers: a u32 each. */
export let PREFIX_CHANGES: usize = 0;
export let STREAM_BUCKETS: usize = 0;
export let BLOCK_BUCKETS: usize = 0;
export let prefixBuckets: u32 = 0;
export let streamBuckets: u32 = 0;
export let blockBuckets: u32 = 0;
export let AHEAD: usize = 0;
export let WHEEL: usize = 0;
/** The bytes of a frame that came compressed (transfer/unpack.ts). */
export let UNPACKED: usize = 0;
export const UNPACKED_BYTES: u32 = 65536;

/** A session is found by the prefixes of two epochs with eight paths each (transfer/prefix.ts). */
export const PREFIXES_PER_SESSION: u32 = 16;
/** A prefix's node: the prefix, session, epoch and path, next of its chain. */
export const PREFIX_NODE_BYTES: usize = 16;

let laid: u64 = 0;

function take(entries: u64, bytes: usize, align: u64): usize {
  laid = (laid + align - 1) & ~(align - 1);
  const start = <usize>laid;
  laid += entries * bytes;
  return base + start;
}

/** Buckets of a table for `entries`: the next power of two. */
function bucketsFor(entries: u32): u32 {
  let buckets: u32 = 16;
  while (buckets < entries) buckets <<= 1;
  return buckets;
}

/** Entries of a pool besides entry 0. */
export function poolSize(pool: u32): u32 {
  switch (pool) {
    case Pool.SESSIONS:
      return word(Config.TRANSFER_SESSIONS);
    case Pool.STREAMS:
      return word(Config.TRANSFER_STREAMS);
    case Pool.SENT:
      return word(Config.TRANSFER_SENT_CHUNKS);
    case Pool.KEYS:
      return word(Config.TRANSFER_KEY_CHUNKS);
    case Pool.BLOCKS:
      return word(Config.TRANSFER_BLOCKS);
    case Pool.RANGES:
      return word(Config.TRANSFER_RANGES);
  }
  return word(Config.TRANSFER_MESSAGES);
}

function entriesOf(pool: u32): u64 {
  return <u64>poolSize(pool) + 1;
}

export function poolHead(pool: u32): usize {
  return base + TransferBlock.BYTES + <usize>pool * POOL_HEAD_BYTES;
}

/** First byte of entry 0 of a pool. */
export function poolStart(pool: u32): usize {
  switch (pool) {
    case Pool.SESSIONS:
      return SESSIONS;
    case Pool.STREAMS:
      return STREAMS;
    case Pool.SENT:
      return SENT_CHUNKS;
    case Pool.KEYS:
      return KEY_CHUNKS;
    case Pool.BLOCKS:
      return BLOCK_METAS;
    case Pool.RANGES:
      return RANGES;
  }
  return MESSAGES;
}

/** Bytes between two entries of a pool; of a block of data, what is known of it. */
export function poolStride(pool: u32): usize {
  switch (pool) {
    case Pool.SESSIONS:
      return SESSION_BYTES;
    case Pool.STREAMS:
      return STREAM_BYTES;
    case Pool.SENT:
      return SENT_CHUNK_BYTES;
    case Pool.KEYS:
      return KEY_CHUNK_BYTES;
    case Pool.BLOCKS:
      return BLOCK_META_BYTES;
    case Pool.RANGES:
      return RANGE_BYTES;
  }
  return MESSAGE_SLOT_BYTES;
}

function layOut(): void {
  laid = <usize>TransferBlock.BYTES + <usize>Pool.COUNT * POOL_HEAD_BYTES;
  transferEvents = word(Config.TRANSFER_EVENTS);
  TRANSFER_EVENTS = take(1, Ring.ENTRIES + transferEvents * Ring.ENTRY_BYTES, 64);
  SESSIONS = take(entriesOf(Pool.SESSIONS), SESSION_BYTES, 64);
  STREAMS = take(entriesOf(Pool.STREAMS), STREAM_BYTES, 64);
  SENT_CHUNKS = take(entriesOf(Pool.SENT), SENT_CHUNK_BYTES, 64);
  KEY_CHUNKS = take(entriesOf(Pool.KEYS), KEY_CHUNK_BYTES, 64);
  BLOCK_METAS = take(entriesOf(Pool.BLOCKS), BLOCK_META_BYTES, 64);
  RANGES = take(entriesOf(Pool.RANGES), RANGE_BYTES, 64);
  MESSAGES = take(entriesOf(Pool.MESSAGES), MESSAGE_SLOT_BYTES, 64);
  const prefixes = word(Config.TRANSFER_SESSIONS) * PREFIXES_PER_SESSION;
  prefixBuckets = bucketsFor(prefixes);
  streamBuckets = bucketsFor(word(Config.TRANSFER_STREAMS));
  blockBuckets = bucketsFor(word(Config.TRANSFER_BLOCKS));
  PREFIX_BUCKETS = take(prefixBuckets, 4, 64);
  PREFIX_NODES = take(<u64>prefixes + 1, PREFIX_NODE_BYTES, 64);
  PREFIX_CHANGES = take(<u64>prefixes + 1, 4, 64);
  STREAM_BUCKETS = take(streamBuckets, 4, 64);
  BLOCK_BUCKETS = take(blockBuckets, 4, 64);
  WHEEL = take(1, WHEEL_BYTES, 64);
  AHEAD = take(1, AHEAD_BYTES, 64);
  UNPACKED = take(1, UNPACKED_BYTES, 64);
  // Where files are read to and written from: on pages of the machine.
  BLOCKS = take(entriesOf(Pool.BLOCKS), TRANSFER_BLOCK_BYTES, 4096);
}

/** Bytes of one worker's region; 0: there is no transfer. */
export function transferBytes(): u64 {
  if (word(Config.TRANSFER_SESSIONS) == 0) return 0;
  base = 0;
  layOut();
  return laid;
}

/** Reads this instance's addresses within the region at `start`, which is on a page (4096). */
export function attachTransfer(start: usize): void {
  base = start;
  layOut();
}
