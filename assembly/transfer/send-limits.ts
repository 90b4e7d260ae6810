/**
 * What may still be sealed in an epoch, and when a rekey is due (reference: transfer sections 4.6,
 * 4.7).
 */
import { TRANSFER_GAP_MAX } from "../core/limits";
import { now } from "./clock";
import { Epoch, epochAt, rekeyPackets, rekeyUs, sendingEpoch } from "./epoch";

/** Numbers of the gap that are kept for ACK, PING probes, REKEY and CLOSE. */
const RESERVED: i64 = 1024;
/** Above it a number that would make the counter of 32 bits run out. */
const NUMBER_STOP: u64 = 0x100000000 - 0x100000;
/** Numbers that control frames still get behind a hard stop. */
const STOP_GRACE: u64 = 65536;
/** A rekey starts after so many bytes of a direction; they never stop it. */
const REKEY_BYTES: u64 = 268435456;
/** Four fifths of the path indices before 253 (section 4.9): the rest is for moves until then. */
const INDICES_TAKEN: u32 = 202;

/** Numbers above the largest acked of the sending epoch that have been used. */
export function unackedSpan(session: usize): u32 {
  const epoch = epochAt(session, sendingEpoch(session) & 1);
  return <u32>(<i64>load<u64>(epoch, Epoch.SEND_NEXT) - 1 - load<i64>(epoch, Epoch.LARGEST_ACKED));
}

/**
 * Whether the next packet may be sealed. `control`: it carries ACK, PING, REKEY or CLOSE, which go
 * on where data has to wait.
 */
export function maySeal(session: usize, control: bool): bool {
  const epoch = epochAt(session, sendingEpoch(session) & 1),
    n = load<u64>(epoch, Epoch.SEND_NEXT),
    room = <i64>TRANSFER_GAP_MAX - (control ? 0 : RESERVED);
  if (<i64>n > load<i64>(epoch, Epoch.LARGEST_ACKED) + room) return false;
  const stopped = stoppedAt(session, epoch, n);
  if (n < stopped) return true;
  return control && n < stopped + STOP_GRACE;
}

/** Whether data may go but for the hard stop of the epoch. */
export function isStopped(session: usize): bool {
  const epoch = epochAt(session, sendingEpoch(session) & 1),
    n = load<u64>(epoch, Epoch.SEND_NEXT),
    room = <i64>TRANSFER_GAP_MAX - RESERVED;
  return <i64>n <= load<i64>(epoch, Epoch.LARGEST_ACKED) + room && !maySeal(session, false);
}

/** The number at which the hard stop began or will at the latest. */
function stoppedAt(session: usize, epoch: usize, n: u64): u64 {
  const began = load<u64>(epoch, Epoch.STOPPED_AT);
  if (began != u64.MAX_VALUE) return began;
  const most = min<u64>(rekeyPackets(session), NUMBER_STOP);
  if (n < most && now - load<u64>(epoch, Epoch.CREATED) < rekeyUs(session)) return most;
  store<u64>(epoch, n, Epoch.STOPPED_AT);
  return n;
}

/** Whether packets, bytes or path indices of our own are near their limit. */
export function rekeyDueByUse(session: usize): bool {
  const epoch = epochAt(session, sendingEpoch(session) & 1);
  const packets = <u64>rekeyPackets(session);
  if (load<u8>(epoch, Epoch.TAKEN) >= INDICES_TAKEN) return true;
  if (load<u64>(epoch, Epoch.SEND_NEXT) >= (min<u64>(packets, NUMBER_STOP) * 9) / 10) return true;
  return load<u64>(epoch, Epoch.BYTES_SENT) >= (REKEY_BYTES * 9) / 10;
}

/** When nine tenths of an epoch's time are over: microseconds. Due only with something to send. */
export function rekeyTime(session: usize): u64 {
  const epoch = epochAt(session, sendingEpoch(session) & 1);
  return load<u64>(epoch, Epoch.CREATED) + (rekeyUs(session) / 10) * 9;
}
