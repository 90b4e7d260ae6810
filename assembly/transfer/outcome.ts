/**
 * What became of a packet's content: recovery.ts tells it here, once for each record and outcome,
 * and it goes on to whoever wrote it (content.ts). Owners must bear both for the same content: a
 * packet that was given up may still be acked.
 */
import { Content } from "./content";
import { messageAcked, messageLost } from "./messages";
import { tookContent } from "./refusal-ping";
import { noteTaken } from "./refused";
import { SentRecord } from "./sent-record";
import { streamContentAcked, streamContentLost } from "./stream-outcome";

export function contentAcked(session: usize, record: usize): void {
  const kind = load<u8>(record, SentRecord.KIND);
  if (kind == Content.NONE) return;
  tookContent(session);
  if (kind == Content.MESSAGE) messageAcked(session, record);
  else {
    noteTaken(session, record);
    streamContentAcked(session, record);
  }
}

export function contentLost(session: usize, record: usize): void {
  const kind = load<u8>(record, SentRecord.KIND);
  if (kind == Content.MESSAGE) messageLost(session, record);
  else if (kind != Content.NONE) streamContentLost(session, record);
}
