/**
 * Whether a packet that counts as lost was refused: it arrived, and the peer has no room for its
 * bytes, since nobody reads that stream. That is no sign of congestion. It is taken for refused if
 * its stream goes by credit (peer-room.ts), or if the stream has lost a ninth of its packets of
 * late or more, while of streams that lose less a hundred in a row arrived, and do so now.
 */
import { now } from "./clock";
import { Content } from "./content";
import { SentRecord } from "./sent-record";
import { hasFlag, Part, partOf, Stream, StreamFlag, sessionOfStream, streamOf } from "./stream";

/** Packets acked for each that was lost, and lost at the least, of a stream that loses much. */
const ACKED_FOR_LOST: u32 = 8;
const LOST_LEAST: u32 = 8;
/** Outcomes of a stream after which those before count half. */
const OUTCOMES_MAX: u32 = 128;
/** Packets in a row that show a way without congestion, and round trips for which they do. */
const ROW: u32 = 100;
const ROUND_TRIPS: u64 = 4;

/** The stream whose bytes a record's packet carried; 0: none. */
function streamOfRecord(session: usize, record: usize): usize {
  if (load<u8>(record, SentRecord.KIND) != Content.DATA) return 0;
  const stream = streamOf(load<u32>(record, SentRecord.STREAM));
  return stream != 0 && sessionOfStream(stream) == session ? stream : 0;
}

function losesMuch(stream: usize): bool {
  const lost: u32 = load<u16>(stream, Stream.LOST_LATELY);
  return lost >= LOST_LEAST && lost * ACKED_FOR_LOST >= load<u16>(stream, Stream.ACKED_LATELY);
}

/** Notes what became of a packet of a stream. */
function note(stream: usize, isLost: bool): void {
  let acked: u32 = load<u16>(stream, Stream.ACKED_LATELY),
    lost: u32 = load<u16>(stream, Stream.LOST_LATELY);
  if (acked + lost >= OUTCOMES_MAX) {
    acked >>= 1;
    lost >>= 1;
  }
  store<u16>(stream, isLost ? acked : acked + 1, Stream.ACKED_LATELY);
  store<u16>(stream, isLost ? lost + 1 : lost, Stream.LOST_LATELY);
}

function isRowOld(part: usize): bool {
  return now > load<u64>(part, Part.ROW_AT) + ROUND_TRIPS * load<u64>(part, Part.ROUND_TRIP);
}

/** A packet was acked. */
export function noteTaken(session: usize, record: usize): void {
  const stream = streamOfRecord(session, record),
    part = partOf(session);
  if (stream == 0) return;
  note(stream, false);
  if (losesMuch(stream)) return;
  const before = isRowOld(part) ? 0 : load<u32>(part, Part.ROW);
  store<u32>(part, min(before + 1, ROW), Part.ROW);
  store<u64>(part, now, Part.ROW_AT);
}

/** A packet counts as lost: whether it was refused. */
export function wasRefused(session: usize, record: usize): bool {
  const stream = streamOfRecord(session, record),
    part = partOf(session);
  if (stream == 0) return false;
  note(stream, true);
  if (hasFlag(stream, StreamFlag.PEER_FULL)) return true;
  if (losesMuch(stream)) return load<u32>(part, Part.ROW) == ROW && !isRowOld(part);
  store<u32>(part, 0, Part.ROW);
  return false;
}
