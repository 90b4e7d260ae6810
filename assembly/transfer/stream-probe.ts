/**
 * What a probe carries of streams. The peer does not ack a frame that found no room there, so what
 * goes first in order may be just what is refused, while another frame would make that room: a
 * STREAM_OPEN whose stream's bytes fill the pools, a limit, the next bytes of another stream. So
 * probes begin with control frames, and streams take turns whatever their priority.
 */
import { FrameHead } from "../core/transfer";
import { mayTryPeer } from "./peer-room";
import { rangeCount } from "./ranges";
import { isHeldBack, Part, partOf, Stream, streamEntry } from "./stream";
import { writeControl, writeData, writeEnding } from "./stream-output";
import { firstStream, streamBehind } from "./stream-table";
import { holdsEpoch } from "./unacked-ends";

/** The stream with lost bytes that is next behind the one that had the last turn; 0: none. */
function nextLost(session: usize): usize {
  const last = load<u32>(partOf(session), Part.PROBED);
  let first: usize = 0,
    passed = false;
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    if (rangeCount(stream + Stream.LOST) && !isHeldBack(stream)) {
      if (passed) return stream;
      if (first == 0) first = stream;
    }
    if (streamEntry(stream) == last) passed = true;
  }
  return first;
}

/** A control frame, as writeStreamFrame() writes it; 0: none waits, or it does not fit. */
export function probeControl(session: usize, at: usize, room: u32): u32 {
  return room > <u32>FrameHead.BYTES ? writeControl(session, at, room) : 0;
}

/** The lowest bytes that a stream lost, of one stream after the other; 0: none did. */
export function probeLost(session: usize, at: usize, room: u32): u32 {
  if (room <= <u32>FrameHead.BYTES) return 0;
  const stream = nextLost(session);
  if (stream == 0) return 0;
  store<u32>(partOf(session), streamEntry(stream), Part.PROBED);
  return writeData(stream, at, room, true);
}

/** What goes again of a stream whose end holds the session in its epoch; 0: nothing waits. */
export function holdingEnd(session: usize, at: usize, room: u32): u32 {
  if (room <= <u32>FrameHead.BYTES) return 0;
  for (let stream = firstStream(session); stream; stream = streamBehind(stream)) {
    if (!holdsEpoch(stream)) continue;
    const bytes = writeEnding(stream, at, room);
    if (bytes) return bytes;
    const waits = isHeldBack(stream) || !mayTryPeer(stream);
    if (!waits && rangeCount(stream + Stream.LOST)) return writeData(stream, at, room, true);
  }
  return 0;
}
