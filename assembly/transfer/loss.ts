/**
 * Which packets are given up (RFC 9002 sections 6.1, 7.6), over the send order of all epochs: three
 * newer ones were acked, or a newer one was and time is up.
 */
import { TRANSFER_CHUNK_ENTRIES } from "../core/limits";
import { bbrLost, bbrPersistent } from "./bbr";
import { now } from "./clock";
import { noteLost } from "./loss-rate";
import { mtuPacketLost, mtuProbeLost } from "./mtu";
import { contentLost } from "./outcome";
import {
  bytesInFlight,
  isOnPath,
  Recovery,
  recoveryCount,
  recoveryWord,
  sentBytes,
  setRecoveryCount,
  setRecoveryWord,
} from "./recovery-state";
import { wasRefused } from "./refused";
import { lossDelayUs, ptoUs } from "./rtt";
import { firstSent, nextSent, SentFlag, sentRecord } from "./sent";
import { SentRecord } from "./sent-record";
import { mayBeRefused } from "./unacked-ends";

const PACKET_THRESHOLD: u64 = 3;
const CHUNK_MASK: u64 = <u64>TRANSFER_CHUNK_ENTRIES - 1;
/** Probe timeouts without an ack between two losses that mean persistent congestion. */
const PERSISTENT: u64 = 3;

/** When the oldest and newest packet of a row of losses went; 0: there is no row. */
let rowFirst: u64 = 0;
let rowLast: u64 = 0;

/** A packet is no more in flight. */
export function leaveFlight(session: usize, record: usize, s: u64): void {
  const flags = load<u32>(record, SentRecord.FLAGS);
  if (flags & SentFlag.ELICITING) {
    const eliciting = recoveryCount(session, Recovery.ELICITING);
    setRecoveryCount(session, Recovery.ELICITING, eliciting - 1);
  }
  if (!(flags & SentFlag.IN_FLIGHT) || !isOnPath(session, s)) return;
  setRecoveryWord(session, Recovery.IN_FLIGHT, bytesInFlight(session) - sentBytes(record));
}

function loseCongestion(session: usize, record: usize, s: u64): void {
  const bytes = recoveryWord(session, Recovery.BYTES_LOST) + sentBytes(record);
  setRecoveryWord(session, Recovery.BYTES_LOST, bytes);
  bbrLost(session, record, s);
  if (!(load<u32>(record, SentRecord.FLAGS) & SentFlag.ELICITING)) return;
  rowLast = load<u64>(record, SentRecord.TIME);
  if (rowFirst == 0) rowFirst = rowLast;
}

function lose(session: usize, record: usize, s: u64): void {
  const flags = load<u32>(record, SentRecord.FLAGS);
  store<u32>(record, flags | SentFlag.LOST, SentRecord.FLAGS);
  if (!(flags & (SentFlag.ELICITING | SentFlag.IN_FLIGHT))) return;
  leaveFlight(session, record, s);
  const lost = recoveryWord(session, Recovery.PACKETS_LOST) + 1;
  setRecoveryWord(session, Recovery.PACKETS_LOST, lost);
  contentLost(session, record);
  // What is eliciting and not in flight went to another far end than the path's.
  if (!(flags & SentFlag.IN_FLIGHT) || !isOnPath(session, s)) return;
  if (flags & SentFlag.MTU_PROBE) mtuProbeLost(session, sentBytes(record));
  else {
    // A path that swallows large packets looks like a peer without room: it has to be found.
    mtuPacketLost(session, sentBytes(record), s);
    if (wasRefused(session, record)) return;
    loseCongestion(session, record, s);
    if (flags & SentFlag.ELICITING && !mayBeRefused(session, record)) noteLost(session);
  }
}

/** Whether the row of losses that just ended spans persistent congestion. */
function endRow(session: usize, least: u64): bool {
  const sampled = recoveryWord(session, Recovery.SAMPLED),
    persistent = sampled != 0 && rowFirst > sampled && rowLast - rowFirst > least;
  rowFirst = 0;
  rowLast = 0;
  return persistent;
}

/** Gives up what is due, of the packets before the largest acked, and notes when more may be. */
export function detectLost(session: usize): void {
  const end = min(recoveryWord(session, Recovery.LARGEST), nextSent(session)),
    delay = lossDelayUs(session),
    least = PERSISTENT * ptoUs(session, false);
  let s = max(recoveryWord(session, Recovery.LOSS_FROM), firstSent(session)),
    from: u64 = u64.MAX_VALUE,
    lossTime: u64 = 0,
    persistent = false;
  rowFirst = 0;
  rowLast = 0;
  for (; s < end; s++) {
    const record = sentRecord(session, s),
      flags = load<u32>(record, SentRecord.FLAGS);
    if (flags & SentFlag.ACKED) persistent = endRow(session, least) || persistent;
    if (flags & (SentFlag.ACKED | SentFlag.LOST)) continue;
    const due = load<u64>(record, SentRecord.TIME) + delay;
    if (s + PACKET_THRESHOLD < end || due <= now) lose(session, record, s);
    else {
      if (from == u64.MAX_VALUE) from = s;
      lossTime = lossTime ? min(lossTime, due) : due;
    }
  }
  if (endRow(session, least) || persistent) bbrPersistent(session);
  setRecoveryWord(session, Recovery.LOSS_FROM, min(from, s));
  setRecoveryWord(session, Recovery.LOSS_TIME, lossTime);
}

/**
 * Gives up the packets of the oldest chunk of records: there is no other, and a probe has to go.
 * What they carried goes again, so that nothing is lost but time.
 */
export function giveUpOldest(session: usize): void {
  const first = firstSent(session),
    end = min(nextSent(session), (first & ~CHUNK_MASK) + CHUNK_MASK + 1);
  for (let s = first; s < end; s++) {
    const record = sentRecord(session, s);
    if (load<u32>(record, SentRecord.FLAGS) & (SentFlag.ACKED | SentFlag.LOST)) continue;
    lose(session, record, s);
  }
  rowFirst = 0;
  rowLast = 0;
}
