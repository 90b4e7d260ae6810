/**
 * The half of a stream that goes. The host writes into blocks, anywhere and each byte once; bytes
 * go in the order of their offsets among those that wait, and again by ranges when they were lost.
 * A block is given back when all its bytes are acked.
 */
import { TRANSFER_BLOCK_BYTES, TRANSFER_EXPEDITED_BYTES_MAX } from "../core/limits";
import { Pool } from "../core/transfer-memory";
import {
  BLOCK_BITS,
  Block,
  blockAt,
  blockData,
  blocksFree,
  doneWith,
  dropBlocks,
  endOwn,
  findBlock,
  hasOwn,
  Side,
  takeBlock,
} from "./blocks";
import { now } from "./clock";
import { streamCredit, want } from "./flow";
import { OFFSET_MAX } from "./payload";
import { lostAgain, mayTryPeer, peerTook } from "./peer-room";
import { shareHeld, shareLeft, urgentLeft } from "./pool-share";
import {
  addRange,
  coveredBytes,
  coveredTo,
  dropRanges,
  highestEnd,
  NO_RANGE,
  nextCovered,
  rangeCount,
  rangeSum,
  removeRange,
} from "./ranges";
import { Head } from "./session-head";
import {
  clearFlag,
  hasFlag,
  isHeldBack,
  Mark,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  Want,
} from "./stream";
import { lookForRoom, mark, settle } from "./stream-events";
import { dequeue, enqueue, Queue } from "./stream-queues";
import { setTimer } from "./timer-wheel";

/** Bytes that wait to go for the first time: what a host should be ahead of the network. */
const UNSENT_MAX: u64 = 4 << 20;
/** And beyond what the peer lets the stream send: others can use the blocks meanwhile. */
const BEYOND_CREDIT: u64 = 65536;
/** Ranges of one set of what goes. */
const RANGES_MAX: u32 = 4096;
/** Microseconds after which a writer that found no room, or a set no range, is looked at again. */
const ROOM_RETRY_US: u64 = 10000;

/** Where the bytes that writeRoom() speaks of go. */
export let roomAt: usize = 0;

/** Puts a stream into the queues that it belongs in, and asks for CLOSE when its time has come. */
export function refreshSending(stream: usize): void {
  const expedited = hasFlag(stream, StreamFlag.EXPEDITED),
    queue = expedited ? Queue.EXPEDITED : Queue.DATA,
    pending = rangeSum(stream + Stream.PENDING) != 0,
    early = isHeldBack(stream),
    waits = early || !mayTryPeer(stream);
  if (!waits && rangeCount(stream + Stream.LOST)) enqueue(stream, Queue.RETRANSMIT);
  else dequeue(stream, Queue.RETRANSMIT);
  if (waits) dequeue(stream, queue);
  else if (pending && streamCredit(stream) != 0) enqueue(stream, queue);
  else {
    dequeue(stream, queue);
    if (pending) noteBlocked(stream);
  }
  if (!pending && !early && hasFlag(stream, StreamFlag.FINISHING)) {
    if (!hasFlag(stream, StreamFlag.CLOSE_SENT | StreamFlag.RESET)) want(stream, Want.CLOSE);
  }
}

/** The peer's limit keeps a stream from sending: it is told so, once for each limit. */
function noteBlocked(stream: usize): void {
  const limit = load<u64>(stream, Stream.SEND_LIMIT) + 1;
  if (load<u64>(stream, Stream.BLOCKED_TOLD) != limit) want(stream, Want.BLOCKED);
}

function maySend(stream: usize): bool {
  if (!hasFlag(stream, StreamFlag.SENDS)) return false;
  return !hasFlag(stream, StreamFlag.RESET);
}

/** Whether the pools and the stream's own bounds leave room to write. */
function hasRoom(stream: usize): bool {
  if (rangeSum(stream + Stream.PENDING) >= UNSENT_MAX) return false;
  if (rangeCount(stream + Stream.WRITTEN) >= RANGES_MAX) return false;
  if (rangeCount(stream + Stream.ACKED) >= RANGES_MAX) return false;
  const session = sessionOfStream(stream),
    left = shareLeft(session, Pool.RANGES);
  // Two at the least, which written() may want.
  return left >= 2 && left > (shareHeld(session, Pool.RANGES) + left) >> 2;
}

/**
 * Whether the stream can do with the blocks it has, as its bytes do not go: that is asked again
 * when they do.
 */
function isHeldUp(stream: usize): bool {
  if (isHeldBack(stream) || hasFlag(stream, StreamFlag.PEER_FULL)) return true;
  const credit = streamCredit(stream);
  return credit < UNSENT_MAX && rangeSum(stream + Stream.PENDING) >= credit + BEYOND_CREDIT;
}

/** Whether a write that begins a block finds one. */
function mayBegin(stream: usize): bool {
  if (hasOwn(stream, Side.SEND)) return true;
  return !isHeldUp(stream) && blocksFree(stream, Side.SEND, 1, false);
}

/** A writer waits for pools that others hold entries of; until when they are looked at again. */
function waitForPools(stream: usize): u64 {
  const at = now + ROOM_RETRY_US;
  lookForRoom(sessionOfStream(stream), at);
  return at;
}

/** The host has no room to write and is told when it has. */
function waitForRoom(stream: usize): void {
  setFlag(stream, StreamFlag.WRITE_WANTED);
  if (hasRoom(stream) && isHeldUp(stream)) return;
  const session = sessionOfStream(stream),
    at = waitForPools(stream);
  // Not makeReady(): a host that tries again in every turn would be called again at once.
  if (load<u64>(session, Head.DEADLINE) > at) setTimer(session, at);
}

/**
 * Room for up to `length` bytes from `offset` on, at roomAt: within one block, so perhaps fewer; 0:
 * none now, and the host is told when there is. Each call is answered by one written().
 */
export function writeRoom(stream: usize, offset: u64, length: u32): u32 {
  if (!maySend(stream) || hasFlag(stream, StreamFlag.FINISHING) || length == 0) return 0;
  const isExpedited = hasFlag(stream, StreamFlag.EXPEDITED),
    most = isExpedited ? <u64>TRANSFER_EXPEDITED_BYTES_MAX : OFFSET_MAX;
  if (offset >= most) return 0;
  const within = <u32>offset & (TRANSFER_BLOCK_BYTES - 1),
    index = offset >> BLOCK_BITS,
    end = offset + min(min(<u64>length, TRANSFER_BLOCK_BYTES - within), most - offset),
    bytes = <u32>(nextCovered(stream + Stream.WRITTEN, offset, end) - offset);
  if (bytes == 0) return 0;
  let block = findBlock(stream, Side.SEND, index);
  if (!hasRoom(stream) || (block == 0 && !mayBegin(stream))) {
    waitForRoom(stream);
    return 0;
  }
  if (block == 0) {
    block = takeBlock(stream, Side.SEND, index);
    const from = index << BLOCK_BITS,
      acked = coveredBytes(stream + Stream.ACKED, from, from + TRANSFER_BLOCK_BYTES);
    store<u32>(blockAt(block), <u32>acked, Block.DONE);
  }
  store<u32>(blockAt(block), load<u32>(blockAt(block), Block.ASKED) + 1, Block.ASKED);
  roomAt = blockData(block) + within;
  return bytes;
}

/**
 * The host has written `length` bytes where writeRoom() said, or fewer, or none. False: they are
 * not taken, since the stream was given up, or these bytes were written before.
 */
export function written(stream: usize, offset: u64, length: u32): bool {
  const block = findBlock(stream, Side.SEND, offset >> BLOCK_BITS),
    end = offset + length;
  if (block == 0 || load<u32>(blockAt(block), Block.ASKED) == 0) return false;
  store<u32>(blockAt(block), load<u32>(blockAt(block), Block.ASKED) - 1, Block.ASKED);
  if (!maySend(stream)) {
    settle(stream);
    return false;
  }
  if (length == 0) return true;
  if ((end - 1) >> BLOCK_BITS != offset >> BLOCK_BITS) return false;
  if (hasFlag(stream, StreamFlag.EXPEDITED) && end > TRANSFER_EXPEDITED_BYTES_MAX) return false;
  if (coveredBytes(stream + Stream.WRITTEN, offset, end)) return false;
  if (hasFlag(stream, StreamFlag.FINISHING)) return false;
  if (urgentLeft(sessionOfStream(stream), Pool.RANGES) < 2) return false;
  addRange(stream + Stream.WRITTEN, offset, end);
  addRange(stream + Stream.PENDING, offset, end);
  refreshSending(stream);
  return true;
}

/** Nothing more is written: CLOSE goes behind the last byte. False: it had ended before. */
export function finishStream(stream: usize): bool {
  if (!maySend(stream) || hasFlag(stream, StreamFlag.FINISHING)) return false;
  setFlag(stream, StreamFlag.FINISHING);
  endOwn(stream, Side.SEND);
  refreshSending(stream);
  return true;
}

/** Gives up what goes; what was not sent is never sent. False: it had ended before. */
export function giveUpSending(stream: usize, error: u32): bool {
  if (!maySend(stream)) return false;
  if (hasFlag(stream, StreamFlag.CLOSE_ACKED) && isAcked(stream)) return false;
  setFlag(stream, StreamFlag.RESET);
  store<u8>(stream, error, Stream.RESET_ERROR);
  dropRanges(stream + Stream.PENDING);
  dropRanges(stream + Stream.LOST);
  clearFlag(stream, StreamFlag.UNSURE | StreamFlag.WRITE_WANTED | StreamFlag.PEER_FULL);
  dropBlocks(stream, Side.SEND);
  endOwn(stream, Side.SEND);
  store<u32>(stream, load<u32>(stream, Stream.WANT) & ~(Want.CLOSE | Want.BLOCKED), Stream.WANT);
  refreshSending(stream);
  want(stream, Want.RESET);
  return true;
}

function isAcked(stream: usize): bool {
  return rangeSum(stream + Stream.ACKED) == rangeSum(stream + Stream.WRITTEN);
}

/** Tells a writer that found no room, now that there is enough to be worth it. */
export function offerRoom(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.WRITE_WANTED)) return;
  // What waits goes, and then this is asked again; what others hold has to be looked at.
  if (rangeSum(stream + Stream.PENDING) > UNSENT_MAX >> 1) return;
  if (!hasRoom(stream) || !mayBegin(stream)) {
    if (!hasRoom(stream) || !isHeldUp(stream)) waitForPools(stream);
    return;
  }
  clearFlag(stream, StreamFlag.WRITE_WANTED);
  mark(stream, Mark.WRITABLE);
}

/** Counts, block by block, what is acked for the first time. */
function countAcked(stream: usize, first: u64, end: u64): void {
  let from = first;
  while (from < end) {
    const index = from >> BLOCK_BITS,
      to = min(end, (index + 1) << BLOCK_BITS),
      fresh = to - from - coveredBytes(stream + Stream.ACKED, from, to),
      block = fresh ? findBlock(stream, Side.SEND, index) : 0;
    if (block) doneWith(stream, Side.SEND, block, <u32>fresh);
    from = to;
  }
}

/** Bytes arrived. */
export function dataAcked(stream: usize, first: u64, end: u64): void {
  if (!maySend(stream)) return;
  const acked = stream + Stream.ACKED,
    before = coveredBytes(acked, first, end);
  if (before == end - first) return;
  // Without a range, nothing is noted: the bytes go once more, and are acked then.
  if (urgentLeft(sessionOfStream(stream), Pool.RANGES) == 0) {
    if (coveredTo(acked, first) == first && nextCovered(acked, first, end + 1) > end) {
      unsure(stream);
      return;
    }
  }
  countAcked(stream, first, end);
  addRange(acked, first, end);
  removeRange(stream + Stream.LOST, first, end);
  if (isAcked(stream)) {
    dropBlocks(stream, Side.SEND);
    dropRanges(stream + Stream.LOST);
  }
  if (peerTook(stream)) refreshSending(stream);
  else if (rangeCount(stream + Stream.LOST) == 0) dequeue(stream, Queue.RETRANSMIT);
  if (hasFlag(stream, StreamFlag.WRITE_WANTED)) offerRoom(stream);
}

/**
 * Bytes were lost, as far as it is known: what was not acked since goes again. `again`: as they had
 * before.
 */
export function dataLost(stream: usize, first: u64, end: u64, again: bool): void {
  if (!maySend(stream)) return;
  if (again) lostAgain(stream);
  let from = first;
  while (from < end) {
    const skipped = coveredTo(stream + Stream.ACKED, from);
    if (skipped > from) {
      from = skipped;
      continue;
    }
    const to = nextCovered(stream + Stream.ACKED, from, end);
    if (rangeCount(stream + Stream.LOST) >= RANGES_MAX) unsure(stream);
    else if (addRange(stream + Stream.LOST, from, to) == NO_RANGE) unsure(stream);
    from = to;
  }
  refreshSending(stream);
}

function unsure(stream: usize): void {
  setFlag(stream, StreamFlag.UNSURE);
  lookForRoom(sessionOfStream(stream), now + ROOM_RETRY_US);
}

/** Sends again all that is not known to have arrived: an ack or a loss went unnoted. */
export function resendUnsure(stream: usize): void {
  if (!hasFlag(stream, StreamFlag.UNSURE)) return;
  clearFlag(stream, StreamFlag.UNSURE);
  const sent = stream + Stream.WRITTEN,
    pending = stream + Stream.PENDING,
    end = highestEnd(sent);
  let from = nextCovered(sent, 0, end);
  while (from < end) {
    const waiting = coveredTo(pending, from);
    if (waiting > from) {
      from = nextCovered(sent, waiting, end);
      continue;
    }
    const to = min(coveredTo(sent, from), nextCovered(pending, from, end));
    dataLost(stream, from, to, false);
    from = nextCovered(sent, to, end);
  }
}
