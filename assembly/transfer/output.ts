/**
 * The packets that go (transferSend): session after session, as long as each has something it may
 * send now. Packets lie one behind the other, those of a session in one run, so that a host can
 * hand a run of equal ones to the kernel at once.
 */
import { TRANSFER_BATCH, TRANSFER_PACKET_BYTES_MAX } from "../core/limits";
import { TRANSFER } from "../core/memory";
import { PacketFlag, PathField, TransferBlock, TransferPacket } from "../core/transfer";
import { markAppLimited } from "./bbr";
import { storeContent } from "./content";
import { sendingEpoch, sendOnPath } from "./epoch";
import { isHeld, resumeMove } from "./move";
import { mtu, mtuProbeSize } from "./mtu";
import {
  Composed,
  compose,
  composedAckEpoch,
  composedBytes,
  composedFlags,
  composedPath,
  pacedUntil,
  ranDry,
} from "./next-packet";
import { nextNumber, sealPacket } from "./packet";
import { Path, packetGoesTo } from "./path-slots";
import { anyReady, makeReady, takeReady } from "./ready";
import { ackGone } from "./received";
import { noteAckCarried, packetSent } from "./recovery";
import { rekeyIfDue } from "./rekey";
import { recordSent, SentFlag } from "./sent";
import { SentRecord } from "./sent-record";
import { idleAtSend } from "./session";
import { tellWaiting } from "./session-events";
import { Head, sessionHandle } from "./session-head";
import { setSessionTimer } from "./session-timer";
import { NEVER } from "./timer-wheel";

/** Packets of one session before the others have their turn. */
const TURN: u32 = 32;
const CID_BYTES: usize = 8;

let count: u32 = 0;
let cursor: usize = 0;
let end: usize = 0;

/**
 * Writes up to TRANSFER_BATCH packets into the host's `bytes` from `area` on, and their entries to
 * TransferBlock.SENT. Returns how many; as many as fit mean that there may be more.
 */
export function sendPackets(area: usize, bytes: u32): u32 {
  count = 0;
  cursor = area;
  end = area + bytes;
  for (let turns = 0; turns < 2 * TRANSFER_BATCH && count < TRANSFER_BATCH; turns++) {
    const session = takeReady();
    if (!session) break;
    if (!sendTurn(session)) break;
  }
  return count;
}

/** Is there a session that has to be asked what it would send? */
export function outputWaits(): bool {
  return anyReady();
}

/** False: the batch or the area is full. */
function sendTurn(session: usize): bool {
  resumeMove(session);
  if (isHeld(session)) {
    tellWaiting(session);
    setSessionTimer(session, NEVER);
    return true;
  }
  for (let packets: u32 = 0; packets < TURN && count < TRANSFER_BATCH; packets++) {
    const room = <u32>min<usize>(end - cursor, TRANSFER_PACKET_BYTES_MAX);
    if (room < max(mtu(session), mtuProbeSize(session))) {
      makeReady(session);
      return false;
    }
    if (!compose(session, cursor + CID_BYTES, room)) {
      if (ranDry) markAppLimited(session);
      tellWaiting(session);
      setSessionTimer(session, pacedUntil);
      return true;
    }
    seal(session);
  }
  makeReady(session);
  return true;
}

/** Records, seals and lists the packet that compose() has written. */
function seal(session: usize): void {
  const record = recordSent(session, sendingEpoch(session), nextNumber(session), composedBytes),
    eliciting = (composedFlags & Composed.ELICITING) != 0;
  if (record) {
    storeContent(record);
    store<u8>(record, load<u16>(composedPath, Path.INDEX), SentRecord.PATH_INDEX);
    packetSent(session, record, sentFlags());
    if (composedFlags & Composed.ACKS) noteAckCarried(session, record, composedAckEpoch);
  }
  if (composedFlags & Composed.ACKS) ackGone(session, composedAckEpoch);
  sendOnPath(session, load<u16>(composedPath, Path.INDEX));
  sealPacket(session, cursor, composedBytes);
  packetGoesTo(composedPath, composedBytes);
  rekeyIfDue(session, eliciting);
  if (eliciting) idleAtSend(session);
  store<u64>(session, load<u64>(session, Head.PACKETS_SENT) + 1, Head.PACKETS_SENT);
  store<u64>(session, load<u64>(session, Head.BYTES_SENT) + composedBytes, Head.BYTES_SENT);
  list(session);
}

/** What the packet is to recovery (SentFlag). */
function sentFlags(): u32 {
  let flags: u32 = composedFlags & Composed.ELICITING ? SentFlag.ELICITING : 0;
  if (flags && !(composedFlags & Composed.ELSEWHERE)) flags |= SentFlag.IN_FLIGHT;
  if (composedFlags & Composed.PROBE) flags |= SentFlag.PROBE;
  return composedFlags & Composed.MTU_PROBE ? flags | SentFlag.MTU_PROBE : flags;
}

function list(session: usize): void {
  const entry = TRANSFER + TransferBlock.SENT + <usize>count * TransferPacket.BYTES;
  store<u32>(entry, <u32>cursor, TransferPacket.OFFSET);
  store<u32>(entry, composedBytes, TransferPacket.LENGTH);
  memory.copy(entry + TransferPacket.PATH, composedPath + Path.FAR, PathField.BYTES);
  const probe = (composedFlags & Composed.MTU_PROBE) != 0;
  store<u32>(entry, probe ? PacketFlag.MTU_PROBE : 0, TransferPacket.FLAGS);
  store<u32>(entry, sessionHandle(session), TransferPacket.SESSION);
  cursor += composedBytes;
  count++;
}
