/**
 * The packets that came (transferReceive): whose each is, what its frame says, and what is noted of
 * it. Nothing changes before a packet's tag has been verified, and a packet whose frame found no
 * room is not acked, so that the frame comes again.
 */
import { TRANSFER_BATCH, TRANSFER_PACKET_BYTES_MAX } from "../core/limits";
import { TRANSFER } from "../core/memory";
import {
  CloseError,
  FrameError,
  PacketVerdict,
  PathField,
  TransferBlock,
  TransferPacket,
} from "../core/transfer";
import { sendingEpoch } from "./epoch";
import { eventRoom, SessionBit, tell } from "./events";
import { checkFrame } from "./frame";
import { handleFrame, isEliciting, isProbing } from "./frame-handlers";
import { viewFrame } from "./frame-view";
import {
  openedEpoch,
  openedHeadFits,
  openedNumber,
  openedPath,
  openPacket,
  PACKET_BYTES_MIN,
  PACKET_CID_BYTES,
  PACKET_OVERHEAD,
} from "./packet";
import { follow, isBehind, isNewest } from "./path";
import { indexCame } from "./path-index";
import { cameBefore, NO_INDEX, Path, PathState, packetCameFrom } from "./path-slots";
import { firstPrefix, nextPrefix, prefixSession } from "./prefix";
import { makeReady } from "./ready";
import { noteReceived } from "./received";
import { packetOfEpoch } from "./rekey";
import {
  closeFor,
  lifeOf,
  packetWhileClosing,
  restartIdle,
  restartPath,
  sessionReset,
} from "./session";
import { tellWaiting } from "./session-events";
import { Head, isInitiator, Life } from "./session-head";
import { resetBy } from "./session-reset";
import { Handled } from "./verdict";

/** Events that one packet may want to tell. */
const EVENTS_PER_PACKET: u32 = 8;

/** Takes the first `count` entries of TransferBlock.RECEIVED and writes their verdicts. */
export function receivePackets(count: u32): u32 {
  const taken = min(count, TRANSFER_BATCH);
  for (let i: u32 = 0; i < taken; i++) {
    const entry = TRANSFER + TransferBlock.RECEIVED + <usize>i * TransferPacket.BYTES;
    store<u32>(entry, receivePacket(entry), TransferPacket.VERDICT);
  }
  return taken;
}

function receivePacket(entry: usize): PacketVerdict {
  const at = <usize>load<u32>(entry, TransferPacket.OFFSET),
    length = load<u32>(entry, TransferPacket.LENGTH);
  store<u32>(entry, 0, TransferPacket.SESSION);
  if (length > TRANSFER_PACKET_BYTES_MAX) return PacketVerdict.UNCLAIMED;
  if (length < PACKET_BYTES_MIN) return unclaimed(entry);
  let verdict = PacketVerdict.UNCLAIMED;
  for (let node = firstPrefix(load<u32>(at)); node; node = nextPrefix(node)) {
    if (eventRoom() < EVENTS_PER_PACKET) return PacketVerdict.NO_ROOM;
    const session = prefixSession(node),
      opened = openPacket(session, node, at, length);
    if (opened == PacketVerdict.TAKEN) return takePacket(session, entry);
    if (opened == PacketVerdict.STALE) verdict = opened;
  }
  return verdict == PacketVerdict.UNCLAIMED ? unclaimed(entry) : verdict;
}

/** Nobody's, unless it is the stateless reset of a session. */
function unclaimed(entry: usize): PacketVerdict {
  const session = resetBy(entry);
  if (!session) return PacketVerdict.UNCLAIMED;
  sessionReset(session);
  makeReady(session);
  tellWaiting(session);
  return PacketVerdict.RESET;
}

/** A packet whose tag is right. */
function takePacket(session: usize, entry: usize): PacketVerdict {
  const at = <usize>load<u32>(entry, TransferPacket.OFFSET),
    length = load<u32>(entry, TransferPacket.LENGTH);
  store<u32>(entry, load<u32>(session, Head.HANDLE), TransferPacket.SESSION);
  store<u64>(session, load<u64>(session, Head.PACKETS_RECEIVED) + 1, Head.PACKETS_RECEIVED);
  store<u64>(session, load<u64>(session, Head.BYTES_RECEIVED) + length, Head.BYTES_RECEIVED);
  makeReady(session);
  const life = lifeOf(session);
  if (life == Life.DRAINING) return PacketVerdict.TAKEN;
  if (life == Life.CLOSING) packetWhileClosing(session);
  else restartIdle(session);
  const handled = takeFrame(session, entry, at + PACKET_CID_BYTES, length);
  if (<i32>handled >= Handled.CLOSE) closeFor(session, handled);
  tellWaiting(session);
  return handled == Handled.NO_ROOM ? PacketVerdict.NO_ROOM : PacketVerdict.TAKEN;
}

/**
 * Where a packet came from. Whoever called keeps to no address of its own, so that it goes on from
 * another when the system gives it one; whoever was called answers from the one that was.
 */
function farEndOf(session: usize, entry: usize): usize {
  const far = entry + TransferPacket.PATH;
  if (isInitiator(session)) store<u16>(far, 0, PathField.LOCAL);
  return far;
}

/** The newest packet came by `path`. One that has answered before is told at once. */
function goAlong(session: usize, path: usize): void {
  const forgets = follow(session, path);
  if (forgets == 0) return;
  restartPath(session, forgets == 2);
  if (load<u8>(path, Path.STATE) == PathState.VALID) tell(session, SessionBit.MIGRATED);
}

function takeFrame(session: usize, entry: usize, frame: usize, length: u32): u32 {
  if (!load<u8>(session, Head.CONFIRMED)) {
    store<u8>(session, 1, Head.CONFIRMED);
    tell(session, SessionBit.CONFIRMED);
  }
  if (!openedHeadFits || checkFrame(frame, length - PACKET_OVERHEAD) != FrameError.NONE) {
    return Handled.CLOSE + CloseError.FRAME_ENCODING;
  }
  packetOfEpoch(session, openedEpoch);
  indexCame(session, openedEpoch, openedPath);
  const index = openedEpoch == sendingEpoch(session) ? openedPath : NO_INDEX,
    path = packetCameFrom(session, farEndOf(session, entry), index, length);
  if (index >= NO_INDEX) cameBefore(path, openedPath);
  viewFrame(frame);
  if (!isProbing() && isNewest(session, openedEpoch, openedNumber)) {
    if (!isBehind(session, openedEpoch, openedPath)) goAlong(session, path);
  }
  // What comes after our CLOSE is thrown away, and a CLOSE that goes again acks nothing of it.
  const isOpen = lifeOf(session) == Life.OPEN,
    handled = handleFrame(session, frame, path, length);
  if (handled == Handled.OK && isOpen)
    noteReceived(session, openedEpoch, openedNumber, isEliciting());
  return handled;
}
