/**
 * What a packet carries that must be known again when it was acked or lost. A part that writes a
 * frame leaves here what it wrote; output.ts copies it into the packet's record (sent-record.ts).
 * What becomes of it is told through outcome.ts.
 */
import { SentRecord } from "./sent-record";

export const enum Content {
  /** Nothing that is sent again: PING, PONG, PATH_*, REKEY, ACK, CLOSE, PAD. */
  NONE = 0,
  /** messages.ts. */
  MESSAGE = 1,
  /** From here on the streams' (stream-output.ts). */
  DATA = 16,
  STREAM_OPEN = 17,
  STREAM_CLOSE = 18,
  STREAM_RESET = 19,
  WINDOW_UPDATE = 20,
  /** CONTROL of a type that section 1.4 lists, EXTRA says which. */
  STREAM_CONTROL = 21,
}

/** CONTENT_FLAGS of STREAM_CLOSE: it asks the peer to stop, and ends nothing of ours. */
export const CONTENT_STOP: u32 = 1;
/** CONTENT_FLAGS of DATA: the bytes had been lost before. */
export const CONTENT_AGAIN: u32 = 1;

export let contentKind: u32 = 0;
export let contentFlags: u32 = 0;
export let contentStream: u32 = 0;
export let contentOffset: u64 = 0;
export let contentLength: u32 = 0;
export let contentExtra: u32 = 0;

/** Begins a content: kind and stream, the rest zero. */
export function setContent(kind: Content, stream: u32): void {
  contentKind = kind;
  contentStream = stream;
  contentFlags = 0;
  contentOffset = 0;
  contentLength = 0;
  contentExtra = 0;
}

/** Where in the stream, and how many bytes. */
export function setContentRange(offset: u64, length: u32): void {
  contentOffset = offset;
  contentLength = length;
}

/** The owner's own: 8 bits and 32. */
export function setContentDetails(flags: u32, extra: u32): void {
  contentFlags = flags;
  contentExtra = extra;
}

/** Copies the content into a packet's record. */
export function storeContent(record: usize): void {
  store<u8>(record, contentKind, SentRecord.KIND);
  store<u8>(record, contentFlags, SentRecord.CONTENT_FLAGS);
  store<u32>(record, contentStream, SentRecord.STREAM);
  store<u64>(record, contentOffset, SentRecord.OFFSET);
  store<u32>(record, contentLength, SentRecord.LENGTH);
  store<u32>(record, contentExtra, SentRecord.EXTRA);
}
