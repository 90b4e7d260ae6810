/**
 * Blocks of TRANSFER_BLOCK_BYTES that hold what a stream sends or has received: block i of a side
 * holds its bytes from i * 16384 on. A block is found by stream, side and i; the place in the
 * table depends on a secret of the session, so that a peer cannot make chains long.
 *
 * Each half of a stream has one block of its own, from its beginning until no byte can come to it
 * any more. It is used before others and comes back when it is done with, so that a stream that is
 * read, here or there, goes on whatever other streams hold. What comes in order uses it for the
 * block with the next byte only: one further on would keep it until the gap before is filled.
 */
import { TRANSFER_BLOCK_BYTES } from "../core/limits";
import {
  BLOCK_BUCKETS,
  BLOCK_META_BYTES,
  BLOCKS,
  blockBuckets,
  Pool,
} from "../core/transfer-memory";
import { blocksKept } from "./begin-room";
import { entryAt } from "./pool";
import { giveShared, shareHeld, shareLeft, takeShared, urgentLeft } from "./pool-share";
import { Head } from "./session-head";
import {
  hasFlag,
  isEarly,
  Part,
  partOf,
  Stream,
  StreamFlag,
  sessionOfStream,
  streamEntry,
} from "./stream";

export const enum Side {
  SEND = 0,
  RECEIVE = 1,
}

/** What is known of a block, BLOCK_META_BYTES. */
export const enum Block {
  HASH_NEXT = 0,
  /** Entry of the stream * 2 + side. */
  OWNER = 4,
  /** u64. */
  INDEX = 8,
  /** Bytes that are done with: acked, or taken by the host. */
  DONE = 16,
  /** Times that the host was given the address and has not written yet. */
  ASKED = 20,
  /** The others of this stream and side. */
  NEXT = 24,
  PREVIOUS = 28,
}

export const BLOCK_BITS: u64 = 14;
/** Blocks of one stream and side: 16 MiB of window and what is beside it; of a session: 64 MiB. */
const STREAM_BLOCKS_MAX: u32 = 1152;
const SESSION_BLOCKS_MAX: u32 = 4608;
/** In Stream.OWNS, << Side: the half has ended, and one of its blocks counts as its own. */
const LEFT: u32 = 4;

export function blockAt(block: u32): usize {
  return entryAt(Pool.BLOCKS, block);
}

/** Where the bytes of a block lie. */
export function blockData(block: u32): usize {
  return BLOCKS + <usize>block * TRANSFER_BLOCK_BYTES;
}

function listOf(stream: usize, side: u32): usize {
  return stream + (side == Side.SEND ? Stream.SEND_BLOCKS : Stream.RECEIVE_BLOCKS);
}

function countOf(session: usize, side: u32): usize {
  return partOf(session) + (side == Side.SEND ? Part.SEND_BLOCKS : Part.RECEIVE_BLOCKS);
}

export function blockCount(stream: usize, side: u32): u32 {
  return load<u32>(listOf(stream, side), 4);
}

export function firstBlock(stream: usize, side: u32): u32 {
  return load<u32>(listOf(stream, side));
}

function bucketOf(session: usize, owner: u32, index: u64): usize {
  let mixed = (index + <u64>owner * 0x9e3779b97f4a7c15) ^ load<u64>(session, Head.SECRET);
  mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93;
  mixed = (mixed ^ (mixed >> 32) ^ load<u64>(session, Head.SECRET + 8)) * 0xa0761d6478bd642f;
  return BLOCK_BUCKETS + 4 * <usize>((mixed >> 32) & (blockBuckets - 1));
}

/** A block of a stream; 0: there is none. */
export function findBlock(stream: usize, side: u32, index: u64): u32 {
  const owner = streamEntry(stream) * 2 + side;
  let block = load<u32>(bucketOf(sessionOfStream(stream), owner, index));
  while (block) {
    const meta = blockAt(block);
    if (load<u64>(meta, Block.INDEX) == index && load<u32>(meta, Block.OWNER) == owner) break;
    block = load<u32>(meta, Block.HASH_NEXT);
  }
  return block;
}

/**
 * Whether so many more blocks may be taken besides a stream's own. Part of the session's share is
 * kept back: what is kept for streams that begin (begin-room.ts), the last eighth for streams that
 * the peer begins and for bytes that a reader waits for (`waited`), another for what comes at all.
 * Streams that the peer has not taken in yet, which may keep theirs for long, have a quarter.
 */
export function blocksFree(stream: usize, side: u32, wanted: u32, waited: bool): bool {
  if (wanted == 0) return true;
  const session = sessionOfStream(stream),
    held = load<u32>(countOf(session, side));
  if (blockCount(stream, side) + wanted > STREAM_BLOCKS_MAX) return false;
  if (held + wanted > SESSION_BLOCKS_MAX) return false;
  const left = shareLeft(session, Pool.BLOCKS),
    share = shareHeld(session, Pool.BLOCKS) + left,
    eighth = share >> 3;
  const leaves = side == Side.RECEIVE && waited ? 0 : eighth;
  if (left < wanted + leaves + (side == Side.SEND ? eighth : 0)) return false;
  if (urgentLeft(session, Pool.BLOCKS) < wanted + leaves + blocksKept(session)) return false;
  if (side == Side.RECEIVE) return true;
  return !isEarly(stream) || load<u32>(partOf(session), Part.EARLY_BLOCKS) + wanted <= share >> 2;
}

/** Where the number of a half's own block is kept while nothing is in it. */
function ownAt(stream: usize, side: u32): usize {
  return stream + (side == Side.SEND ? Stream.SEND_OWN : Stream.RECEIVE_OWN);
}

/** Whether a half's own block is there, with nothing in it. */
export function hasOwn(stream: usize, side: u32): bool {
  return load<u32>(ownAt(stream, side)) != 0;
}

function owns(stream: usize, side: u32): bool {
  return ((<u32>load<u8>(stream, Stream.OWNS) >> side) & 1) != 0;
}

/** A block has become a half's own, or is it no more. */
function countOwn(stream: usize, change: i32): void {
  const local = hasFlag(stream, StreamFlag.LOCAL),
    at = partOf(sessionOfStream(stream)) + (local ? Part.LOCAL_OWN : Part.PEER_OWN);
  store<i32>(at, load<i32>(at) + change);
}

/** A half of a new stream gets a block of its own; false: there is none. */
export function takeOwn(stream: usize, side: u32): bool {
  const block = takeShared(sessionOfStream(stream), Pool.BLOCKS);
  if (block == 0) return false;
  store<u32>(ownAt(stream, side), block);
  store<u8>(stream, <u32>load<u8>(stream, Stream.OWNS) | (1 << side), Stream.OWNS);
  countOwn(stream, 1);
  return true;
}

/**
 * A half needs no block any more but those that it has: what is given back is not kept for it. Its
 * own one counts until it is empty, so that what is kept for streams that begin is really there.
 */
export function endOwn(stream: usize, side: u32): void {
  if (!owns(stream, side)) return;
  const block = load<u32>(ownAt(stream, side)),
    owned = <u32>load<u8>(stream, Stream.OWNS) & ~(1 << side);
  store<u8>(stream, block ? owned : owned | (LEFT << side), Stream.OWNS);
  store<u32>(ownAt(stream, side), 0);
  if (block == 0) return;
  giveShared(sessionOfStream(stream), Pool.BLOCKS, block);
  countOwn(stream, -1);
}

/** A block of a half is empty, and given back; of one that has ended the last one counted. */
function giveLast(stream: usize, side: u32, block: u32): void {
  const owned: u32 = load<u8>(stream, Stream.OWNS),
    left = LEFT << side;
  giveShared(sessionOfStream(stream), Pool.BLOCKS, block);
  if (blockCount(stream, side) != 0 || (owned & left) == 0) return;
  store<u8>(stream, owned & ~left, Stream.OWNS);
  countOwn(stream, -1);
}

/** Whether a half's own block may hold these of its bytes. */
export function mayHold(stream: usize, side: u32, index: u64): bool {
  if (side == Side.SEND || hasFlag(stream, StreamFlag.UNORDERED)) return true;
  return index == load<u64>(stream, Stream.HANDED) >> BLOCK_BITS;
}

function countBlock(stream: usize, side: u32, change: i32): void {
  const session = sessionOfStream(stream),
    list = listOf(stream, side),
    count = countOf(session, side),
    early = partOf(session) + Part.EARLY_BLOCKS;
  store<i32>(list, load<i32>(list, 4) + change, 4);
  store<i32>(count, load<i32>(count) + change);
  if (side == Side.SEND && isEarly(stream)) store<i32>(early, load<i32>(early) + change);
}

/** The peer has taken the stream in: its blocks are no more early. Before the flag says so. */
export function noteTakenIn(stream: usize): void {
  if (!isEarly(stream)) return;
  const early = partOf(sessionOfStream(stream)) + Part.EARLY_BLOCKS;
  store<u32>(early, load<u32>(early) - blockCount(stream, Side.SEND));
}

/** Takes a block that the stream does not have yet, its own if it can; 0: there is none. */
export function takeBlock(stream: usize, side: u32, index: u64): u32 {
  const session = sessionOfStream(stream),
    own = hasOwn(stream, side) && mayHold(stream, side, index),
    block = own ? load<u32>(ownAt(stream, side)) : takeShared(session, Pool.BLOCKS);
  if (block == 0) return 0;
  if (own) store<u32>(ownAt(stream, side), 0);
  const owner = streamEntry(stream) * 2 + side,
    meta = blockAt(block),
    bucket = bucketOf(session, owner, index),
    list = listOf(stream, side),
    first = load<u32>(list);
  store<u32>(meta, owner, Block.OWNER);
  store<u64>(meta, index, Block.INDEX);
  store<u32>(meta, load<u32>(bucket), Block.HASH_NEXT);
  store<u32>(bucket, block);
  store<u32>(meta, first, Block.NEXT);
  if (first) store<u32>(blockAt(first), block, Block.PREVIOUS);
  store<u32>(list, block);
  countBlock(stream, side, 1);
  return block;
}

/** Gives a block of a stream back: to be its own again, or to the pool. */
export function giveBlock(stream: usize, side: u32, block: u32): void {
  const session = sessionOfStream(stream),
    meta = blockAt(block),
    next = load<u32>(meta, Block.NEXT),
    previous = load<u32>(meta, Block.PREVIOUS),
    list = listOf(stream, side);
  let link = bucketOf(session, load<u32>(meta, Block.OWNER), load<u64>(meta, Block.INDEX));
  while (load<u32>(link) != block) link = blockAt(load<u32>(link)) + Block.HASH_NEXT;
  store<u32>(link, load<u32>(meta, Block.HASH_NEXT));
  if (next) store<u32>(blockAt(next), previous, Block.PREVIOUS);
  if (previous) store<u32>(blockAt(previous), next, Block.NEXT);
  else store<u32>(list, next);
  countBlock(stream, side, -1);
  if (owns(stream, side) && !hasOwn(stream, side)) {
    memory.fill(meta, 0, BLOCK_META_BYTES);
    store<u32>(ownAt(stream, side), block);
  } else giveLast(stream, side, block);
}

/** Gives back all blocks of a side, but those that the host was asked to write to. */
export function dropBlocks(stream: usize, side: u32): void {
  let block = firstBlock(stream, side);
  while (block) {
    const next = load<u32>(blockAt(block), Block.NEXT);
    if (load<u32>(blockAt(block), Block.ASKED) == 0) giveBlock(stream, side, block);
    block = next;
  }
}

/** Gives back all blocks of a side, whatever the host does with them. */
export function dropAllBlocks(stream: usize, side: u32): void {
  while (firstBlock(stream, side)) giveBlock(stream, side, firstBlock(stream, side));
}

/** Adds to what is done with of a block; a block that is done is given back. */
export function doneWith(stream: usize, side: u32, block: u32, bytes: u32): void {
  const done = load<u32>(blockAt(block), Block.DONE) + bytes;
  store<u32>(blockAt(block), done, Block.DONE);
  if (done >= TRANSFER_BLOCK_BYTES && load<u32>(blockAt(block), Block.ASKED) == 0) {
    giveBlock(stream, side, block);
  }
}

/** Copies bytes of a stream to `to`; zeros for those whose block is gone, since they are acked. */
export function copyOut(stream: usize, side: u32, offset: u64, to: usize, length: u32): void {
  while (length) {
    const within = <u32>offset & (TRANSFER_BLOCK_BYTES - 1),
      bytes = min(length, TRANSFER_BLOCK_BYTES - within),
      block = findBlock(stream, side, offset >> BLOCK_BITS);
    if (block) memory.copy(to, blockData(block) + within, bytes);
    else memory.fill(to, 0, bytes);
    to += bytes;
    offset += bytes;
    length -= bytes;
  }
}
