/**
 * What becomes of a frame of streams that was acked or lost: its record says which it was
 * (content.ts, as stream-output.ts left it).
 */
import { ControlType } from "../core/transfer";
import { CONTENT_AGAIN, CONTENT_STOP, Content } from "./content";
import { mayGrant, want, wantOfSession } from "./flow";
import { dataAcked, dataLost, refreshSending } from "./send-side";
import { SentFlag } from "./sent";
import { SentRecord } from "./sent-record";
import {
  clearFlag,
  hasFlag,
  Part,
  partOf,
  SessionWant,
  Stream,
  StreamFlag,
  sessionOfStream,
  setFlag,
  streamOf,
  Want,
} from "./stream";
import { settle } from "./stream-events";
import { openAcked, openLost } from "./stream-open";
import { endLost } from "./unacked-ends";

/** What a record tells of arrived. */
export function streamContentAcked(session: usize, record: usize): void {
  const stream = streamOf(load<u32>(record, SentRecord.STREAM));
  if (stream == 0 || sessionOfStream(stream) != session) return;
  const offset = load<u64>(record, SentRecord.OFFSET);
  switch (load<u8>(record, SentRecord.KIND)) {
    case Content.DATA:
      dataAcked(stream, offset, offset + load<u32>(record, SentRecord.LENGTH));
      break;
    case Content.STREAM_OPEN:
      openAcked(stream);
      break;
    case Content.STREAM_RESET:
      setFlag(stream, StreamFlag.RESET_ACKED);
      break;
    case Content.STREAM_CLOSE: {
      const stop = load<u8>(record, SentRecord.CONTENT_FLAGS) == CONTENT_STOP;
      setFlag(stream, stop ? StreamFlag.STOP_ACKED : StreamFlag.CLOSE_ACKED);
      break;
    }
    default:
      return;
  }
  settle(stream);
}

/** What a record tells of was lost, as far as it is known; of limits only the newest goes again. */
export function streamContentLost(session: usize, record: usize): void {
  const offset = load<u64>(record, SentRecord.OFFSET),
    kind = load<u8>(record, SentRecord.KIND),
    extra = load<u32>(record, SentRecord.EXTRA),
    part = partOf(session);
  if (load<u32>(record, SentRecord.STREAM) == 0) {
    if (kind == Content.WINDOW_UPDATE && offset == load<u64>(part, Part.GRANTED)) {
      wantOfSession(session, SessionWant.WINDOW);
    }
    if (kind == Content.STREAM_CONTROL && extra == ControlType.MAX_STREAMS) {
      if (offset == load<u32>(part, Part.LIMIT_PEER)) {
        wantOfSession(session, SessionWant.MAX_STREAMS);
      }
    }
    return;
  }
  const stream = streamOf(load<u32>(record, SentRecord.STREAM));
  if (stream == 0 || sessionOfStream(stream) != session) return;
  const length = load<u32>(record, SentRecord.LENGTH),
    // A probe gives up what may well have arrived.
    isLost = (load<u32>(record, SentRecord.FLAGS) & SentFlag.LOST) != 0;
  if (isLost) endLost(stream, record);
  if (kind == Content.DATA) {
    const again = isLost && load<u8>(record, SentRecord.CONTENT_FLAGS) == CONTENT_AGAIN;
    dataLost(stream, offset, offset + length, again);
  } else controlLost(stream, record);
}

function controlLost(stream: usize, record: usize): void {
  switch (load<u8>(record, SentRecord.KIND)) {
    case Content.STREAM_OPEN:
      openLost(stream);
      return;
    case Content.STREAM_RESET:
      if (!hasFlag(stream, StreamFlag.RESET_ACKED)) want(stream, Want.RESET);
      return;
    case Content.STREAM_CLOSE:
      if (load<u8>(record, SentRecord.CONTENT_FLAGS) == CONTENT_STOP) {
        if (!hasFlag(stream, StreamFlag.STOP_ACKED)) want(stream, Want.STOP);
      } else if (!hasFlag(stream, StreamFlag.CLOSE_ACKED | StreamFlag.RESET)) {
        clearFlag(stream, StreamFlag.CLOSE_SENT);
        refreshSending(stream);
      }
      return;
    case Content.WINDOW_UPDATE: {
      const newest = load<u64>(stream, Stream.GRANTED);
      if (load<u64>(record, SentRecord.OFFSET) == newest && mayGrant(stream)) {
        want(stream, Want.WINDOW);
      }
      return;
    }
  }
  if (load<u32>(record, SentRecord.EXTRA) != ControlType.PRIORITY_UPDATE) return;
  if (load<u32>(record, SentRecord.LENGTH) == load<u8>(stream, Stream.PRIORITY)) {
    want(stream, Want.PRIORITY);
  }
}
