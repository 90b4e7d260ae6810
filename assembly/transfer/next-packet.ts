/**
 * What the next packet of a session carries: one frame, by the order of section 6 and 15 (what
 * keeps the session alive, retransmissions, control, data by priority, a bare ACK last). An ACK
 * block rides in front of a payload when the packet goes anyway (section 1.4).
 */
import { TRANSFER_ACKS as ACKS } from "../core/scratch";
import { FrameFlag, FrameHead, FrameType } from "../core/transfer";
import { mayCongestionSend } from "./bbr";
import { now } from "./clock";
import { Content, setContent } from "./content";
import { sendingEpoch } from "./epoch";
import { giveUpOldest } from "./loss";
import { hasMessage, writeMessage } from "./messages";
import { mtu, mtuProbeSize } from "./mtu";
import { contentLost } from "./outcome";
import { pacingDeadline } from "./pacer";
import { nextNumber, PACKET_OVERHEAD } from "./packet";
import { pathDue, pathFrameBytes, spareAllowance } from "./path";
import { freeIndex, keepIndex } from "./path-index";
import { allowance, currentPath, NO_INDEX, probedPath } from "./path-slots";
import { endTrying, tries } from "./peer-room";
import {
  ackDeadline,
  ackEpoch,
  ackOverdue,
  ackWanted,
  ackWantedIn,
  writeAckBlock,
} from "./received";
import { ackElicitingInFlight, oldestUnacked, probesWanted, timeoutsInRow } from "./recovery";
import { mayPingRefused, pingedRefused } from "./refusal-ping";
import { askRekey, isSwitched, rekeyDue, rekeyIfDue, writeRekey } from "./rekey";
import { isStopped, maySeal, unackedSpan } from "./send-limits";
import { roomForData, roomToSend } from "./sent";
import { beginFrame, writeClose, writePathFrame, writePing, writePong } from "./session-frames";
import { Head, Life } from "./session-head";
import { giveToken } from "./session-reset";
import { hasStreamOutput, writeStreamFrame } from "./stream-output";
import { holdingEnd, probeControl, probeLost } from "./stream-probe";
import { wantsNumbers } from "./streams";
import { endsHoldEpoch } from "./unacked-ends";

/** What the packet is to recovery. */
export const enum Composed {
  ELICITING = 1,
  PROBE = 2,
  MTU_PROBE = 4,
  /** On a path that is not the current one: its loss says nothing of the current one's. */
  ELSEWHERE = 8,
  ACKS = 16,
}

/** What a packet has to have room for, or none goes: a PING. */
export const LEAST_PACKET: u32 = PACKET_OVERHEAD + FrameHead.BYTES + 16;
const ACK_ROOM: u32 = 267;
/** Sent but never acked, and nothing under way that will be: then a PING goes (4.6). */
const UNACKED_MAX: u32 = 1024;

/** Packets whose content counts as lost with each probe after the first timeout in a row. */
const LOST_PER_PROBE: u32 = 32;

/** What a packet is asked for first; all but the usual are probes, in which each has its turn. */
const enum Order {
  USUAL = 0,
  MESSAGES = 1,
  STREAMS = 2,
  CONTROL = 3,
  /** Nothing but what a rekey waits for (unacked-ends.ts). */
  ENDS = 4,
  /** Nothing at all. */
  NONE = 5,
}

export let composedFlags: u32 = 0;
/** Where the packet goes. */
export let composedPath: usize = 0;
/** Bytes of the whole packet; the frame is padded up to it. */
export let composedBytes: u32 = 0;
/** With Composed.ACKS: the epoch whose numbers are listed. */
export let composedAckEpoch: u32 = 0;
/** Something waits that only the pacer holds back: then its time, else NEVER. */
export let pacedUntil: u64 = u64.MAX_VALUE;
/** Nothing waits, though the window would let it go. */
export let ranDry: bool = false;

/**
 * Writes the next frame of a session at `to`, where `room` bytes are free for the packet around it.
 * False: there is nothing to send now.
 */
export function compose(session: usize, to: usize, room: u32): bool {
  composedFlags = 0;
  composedBytes = 0;
  pacedUntil = u64.MAX_VALUE;
  ranDry = false;
  setContent(Content.NONE, 0);
  composedPath = currentPath(session);
  keepIndex(session, composedPath);
  const size = min(room, mtu(session));
  if (load<u8>(session, Head.LIFE) != Life.OPEN) {
    return composeClose(session, to, min(size, allowance(composedPath)));
  }
  if (!roomToSend(session)) {
    const overdue = ackOverdue(session);
    if (probesWanted(session) == 0 && !overdue) return false;
    giveUpOldest(session);
    if (!roomToSend(session)) return overdue && composeUnrecorded(session, to, size);
  }
  giveToken(session);
  const path = maySeal(session, true) ? pathDue(session) : 0;
  if (path && !isFirst(session, path)) return composePath(session, to, path);
  if (composeCurrent(session, to, size)) return true;
  return path != 0 && composePath(session, to, path);
}

/**
 * Would something that goes elsewhere be the first packet of an epoch that we asked for? What goes
 * by the current path shows there which CID is its own before the peer has to take another.
 */
function isFirst(session: usize, path: usize): bool {
  return isSwitched(session) && nextNumber(session) == 0 && path != currentPath(session);
}

function composeCurrent(session: usize, to: usize, size: u32): bool {
  composedPath = currentPath(session);
  const most = min(size, spareAllowance(composedPath));
  if (most < LEAST_PACKET) return false;
  const bytes = composeFrame(session, to, most - PACKET_OVERHEAD);
  if (bytes == 0) return false;
  if (composedBytes == 0) composedBytes = bytes + PACKET_OVERHEAD;
  return true;
}

function composeClose(session: usize, to: usize, most: u32): bool {
  if (!load<u8>(session, Head.CLOSE_DUE) || most < PACKET_OVERHEAD + FrameHead.BYTES + 6) {
    return false;
  }
  const room = most - PACKET_OVERHEAD,
    bytes = writeClose(session, to, room);
  // What has come has arrived: the peer hears of no more acks.
  composedAckEpoch = sendingEpoch(session);
  const block = writeAckBlock(session, composedAckEpoch, ACKS, min(room - bytes, ACK_ROOM));
  composedBytes = putAcks(to, bytes, block) + PACKET_OVERHEAD;
  return true;
}

/** An ACK that gets no record. Acks of what went before it may go unnoticed, so that goes again. */
function composeUnrecorded(session: usize, to: usize, size: u32): bool {
  const most = min(size, spareAllowance(composedPath));
  if (most < LEAST_PACKET || !maySeal(session, true)) return false;
  const bytes = composeAck(session, to, most - PACKET_OVERHEAD);
  if (bytes) composedBytes = bytes + PACKET_OVERHEAD;
  return bytes != 0;
}

function composePath(session: usize, to: usize, path: usize): bool {
  composedPath = path;
  composedBytes = min(pathFrameBytes(path), mtu(session));
  composedFlags = Composed.ELICITING;
  if (path != currentPath(session)) {
    composedFlags |= Composed.ELSEWHERE;
    // Nobody hears of an index that was taken for there: the next move shall not have to wait.
    if (path != probedPath(session) && freeIndex(session) == NO_INDEX) askRekey(session);
  }
  writePathFrame(session, to, path);
  return true;
}

/** A frame for the current path, of up to `room` bytes; 0: none. */
function composeFrame(session: usize, to: usize, room: u32): u32 {
  if (!maySeal(session, true)) return 0;
  // Who waits for numbers has nothing else to send, perhaps.
  if (wantsNumbers(session)) rekeyIfDue(session, false);
  if (rekeyDue(session) && room >= 80) {
    composedFlags = Composed.ELICITING;
    return writeRekey(session, to);
  }
  if (probesWanted(session)) return composeProbe(session, to, room);
  if (wantsPing(session)) return composePing(session, to, room);
  if (load<u8>(session, Head.PONGS_OWED)) {
    composedFlags = Composed.ELICITING;
    return withAcks(session, to, writePong(session, to), room);
  }
  const bytes = composePaced(session, to, room);
  if (bytes) return bytes;
  // The window is full, or there is nothing else.
  if (pacedUntil == u64.MAX_VALUE && endTrying(session)) return composePing(session, to, room);
  return composeAck(session, to, room);
}

function wantsPing(session: usize): bool {
  if (load<u8>(session, Head.PING_ASKED) | load<u8>(session, Head.PING_WANTED)) return true;
  // Bare ACKs alone would run into the gap limit, for they are never acked.
  return unackedSpan(session) >= UNACKED_MAX && !ackElicitingInFlight(session);
}

function composePing(session: usize, to: usize, room: u32): u32 {
  composedFlags = Composed.ELICITING;
  return withAcks(session, to, writePing(session, to), room);
}

/**
 * What was not acked goes once more, whatever the window says; else a PING. When a probe has not
 * helped, more counts as lost, so that streams whose bytes went later get their turns, and a PING
 * may go (refusal-ping.ts).
 */
function composeProbe(session: usize, to: usize, room: u32): u32 {
  const timeouts = timeoutsInRow(session);
  for (let left = timeouts > 1 ? LOST_PER_PROBE : 1; left; left--) {
    const oldest = oldestUnacked(session);
    if (oldest == 0) break;
    contentLost(session, oldest);
  }
  const second = probesWanted(session) == 1,
    even = (timeouts & 1) == 0,
    pings = even && second && mayPingRefused(session),
    turn: u32 = even ? Order.MESSAGES : second ? Order.STREAMS : Order.CONTROL;
  if (pings) pingedRefused(session);
  let bytes = pings ? 0 : writeContent(session, to, room, orderFor(session, turn));
  if (bytes == 0) bytes = composePing(session, to, room);
  composedFlags = (composedFlags & Composed.ACKS) | Composed.ELICITING | Composed.PROBE;
  return bytes;
}

/** What the congestion window and the pacer have a say in. */
function composePaced(session: usize, to: usize, room: u32): u32 {
  const probe = mtuProbeSize(session),
    waits = hasMessage(session) || hasStreamOutput(session);
  if (!waits && !probe) {
    ranDry = true;
    return 0;
  }
  // Also when the epoch is over and nothing may go: only a rekey helps then.
  rekeyIfDue(session, true);
  const order = orderFor(session, Order.USUAL);
  if (order == Order.NONE) return 0;
  const deadline = pacingDeadline(session);
  if (deadline > now) {
    pacedUntil = deadline;
    return 0;
  }
  if (probe && spareAllowance(composedPath) >= probe && mayCongestionSend(session, probe)) {
    composedFlags = Composed.ELICITING | Composed.MTU_PROBE;
    composedBytes = probe;
    return writePing(session, to);
  }
  if (!waits || !mayCongestionSend(session, room + PACKET_OVERHEAD)) return 0;
  const bytes = writeContent(session, to, room, order);
  if (bytes) composedFlags |= Composed.ELICITING;
  else ranDry = true;
  return bytes;
}

/**
 * What content may go where the order would be `usual`. At the end of an epoch that is what the
 * next one waits for, within what is left there for control frames.
 */
function orderFor(session: usize, usual: u32): u32 {
  if (!roomForData(session)) return Order.NONE;
  if (maySeal(session, false)) return usual;
  return endsHoldEpoch(session) && isStopped(session) ? Order.ENDS : Order.NONE;
}

/** A message or a stream's frame, with an ACK block in front of its payload if one is wanted. */
function writeContent(session: usize, to: usize, room: u32, order: u32): u32 {
  if (order == Order.NONE) return 0;
  const block = acksFor(session, room >> 1),
    bytes = writeFrame(session, to + block, room - block, order);
  return bytes ? insertAcks(to, bytes, block) : 0;
}

function writeFrame(session: usize, at: usize, room: u32, order: u32): u32 {
  if (order == Order.ENDS) return writeHoldingEnd(session, at, room);
  let bytes: u32 = 0;
  if (order == Order.CONTROL) bytes = probeControl(session, at, room);
  if (bytes == 0 && order >= <u32>Order.STREAMS) bytes = probeLost(session, at, room);
  if (bytes == 0) bytes = writeMessage(session, at, room);
  if (bytes == 0 && order == Order.MESSAGES) bytes = probeLost(session, at, room);
  return bytes ? bytes : writeStreamFrame(session, at, room);
}

/** Data waits for the ack of such an end, or to learn that it is refused: a PING goes behind it. */
function writeHoldingEnd(session: usize, at: usize, room: u32): u32 {
  const bytes = holdingEnd(session, at, room);
  if (bytes) tries(session);
  return bytes;
}

/** A PING or a PONG, likewise. */
function withAcks(session: usize, to: usize, bytes: u32, room: u32): u32 {
  return putAcks(to, bytes, acksFor(session, room - bytes));
}

/** A frame of `bytes` lies at `to`: the ACK block goes behind its head. */
function putAcks(to: usize, bytes: u32, block: u32): u32 {
  if (block) memory.copy(to + block, to, bytes);
  return insertAcks(to, bytes, block);
}

/** Writes the ACK block of the send epoch, if one is wanted, to ACKS; returns its bytes. */
function acksFor(session: usize, room: u32): u32 {
  const epoch = sendingEpoch(session);
  composedAckEpoch = epoch;
  return ackWantedIn(session, epoch) ? writeAckBlock(session, epoch, ACKS, min(room, ACK_ROOM)) : 0;
}

/** A frame of `bytes` lies `block` bytes behind `to`: the ACK block goes behind its head. */
function insertAcks(to: usize, bytes: u32, block: u32): u32 {
  if (block == 0) return bytes;
  memory.copy(to, to + block, FrameHead.BYTES);
  memory.copy(to + FrameHead.BYTES, ACKS, block);
  store<u8>(to, load<u8>(to, FrameHead.FLAGS) | FrameFlag.ACK, FrameHead.FLAGS);
  const length = <u16>(bytes - FrameHead.BYTES + block);
  store<u16>(to, bswap<u16>(length), FrameHead.PAYLOAD_LENGTH);
  composedFlags |= Composed.ACKS;
  return bytes + block;
}

/** A bare ACK, when it may wait no longer: of the send epoch, else of the one before. */
function composeAck(session: usize, to: usize, room: u32): u32 {
  const wanted = ackWanted(session);
  if (wanted == 0 || (wanted == 1 && ackDeadline(session) > now)) return 0;
  const epoch = ackEpoch(session),
    payload = to + FrameHead.BYTES,
    bytes = writeAckBlock(session, epoch, payload, min(room - FrameHead.BYTES, ACK_ROOM));
  if (bytes == 0) return 0;
  beginFrame(to, FrameType.ACK, bytes);
  store<u64>(to, bswap<u64>(epoch), FrameHead.OFFSET);
  composedFlags |= Composed.ACKS;
  composedAckEpoch = epoch;
  return FrameHead.BYTES + bytes;
}
