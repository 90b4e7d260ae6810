/**
 * A stream (Pool.STREAMS, STREAM_BYTES) and what a session keeps of its streams (layout.ts,
 * Session.STREAMS): where the modules around streams find what they share. A stream is passed
 * around as its address, and named towards the host by its handle, as sessions are.
 */
import { Pool, poolSize } from "../core/transfer-memory";
import { Session } from "./layout";
import { entryAt } from "./pool";
import { handleEntry } from "./session-head";

export const enum Stream {
  HANDLE = 0,
  /** Address of its session, u32. */
  SESSION = 4,
  /** Number on the wire, u16; type (0 uni, 1 bidi), u8; priority, u8. */
  NUMBER = 8,
  TYPE = 10,
  PRIORITY = 11,
  /** StreamFlag bits. */
  FLAGS = 12,
  /** Want bits: frames that have to go. */
  WANT = 16,
  /** Mark bits: events that have to be told. */
  MARKS = 20,
  /** stream-table.ts: next of its bucket; the session's list, both ways. */
  HASH_NEXT = 24,
  ALL_NEXT = 28,
  ALL_PREVIOUS = 32,
  /** Epoch in which it was over for the peer's count or our own. */
  OVER_EPOCH = 36,
  /** stream-queues.ts: four links of 12 bytes, and in which queues it is. */
  LINKS = 40,
  QUEUED = 88,
  /** Entry of Pool.MESSAGES with the metadata of STREAM_OPEN until that is acked. */
  METADATA = 92,
  /** Sets of bytes (ranges.ts): written, never sent yet, to be sent again, acked. */
  WRITTEN = 96,
  PENDING = 120,
  LOST = 144,
  ACKED = 168,
  /** u64: bytes sent once, and how many the peer lets us send. */
  SENT_SUM = 192,
  SEND_LIMIT = 200,
  /** u64: limit + 1 of the last STREAM_BLOCKED. */
  BLOCKED_TOLD = 208,
  /** StreamResetError of ours; of the peer; StreamCloseError of the peer. u8 each. */
  RESET_ERROR = 216,
  PEER_RESET_ERROR = 217,
  PEER_STOP_ERROR = 218,
  /** How often STREAM_OPEN was lost, as it seemed. u8. */
  OPEN_LOST = 219,
  /** blocks.ts: first block and number of blocks, of what goes and of what came. */
  SEND_BLOCKS = 220,
  RECEIVE_BLOCKS = 228,
  /** Sets of bytes: came; came and not handed to the host (unordered streams only). */
  RECEIVED = 240,
  READY = 264,
  /** u64: handed to the host so far (ordered: the next offset), and taken by it or thrown away. */
  HANDED = 288,
  CONSUMED = 296,
  /** u64: what the peer may send, the window now, and when and where the last one began. */
  GRANTED = 304,
  WINDOW = 312,
  WINDOW_FROM = 320,
  WINDOW_TIME = 328,
  /** u64: the peer's sum of all it sent, once it told. */
  FINAL_SUM = 336,
  /** u64: bytes handed to the host and not given back. */
  HELD = 344,
  /** u64: when STREAM_OPEN goes again; 0: it does not wait. */
  OPEN_AT = 352,
  /** blocks.ts: its own blocks while nothing is in them, of what goes and of what comes. */
  SEND_OWN = 360,
  RECEIVE_OWN = 364,
  /** peer-room.ts: when the peer's room is tried again, or losses count again; u64. */
  TRY_AT = 368,
  /** Halves that have a block of their own: 1 << Side; that count one yet: 4 << Side. u8. */
  OWNS = 376,
  /** And round trips in which such losses counted, packets that may go, tries; u8 each. */
  LOST_AGAIN = 377,
  CREDIT = 378,
  TRIES = 379,
  /** Frames of its number in packets of epochs before this one are of another stream. */
  BORN = 380,
  /** unacked-ends.ts: the epoch in which its end went first; u64: when its last loss counted. */
  END_EPOCH = 384,
  END_LOST_AT = 392,
  /** And how many did. u8. */
  END_LOST = 400,
  /** refused.ts: packets acked and lost of late. u16 each. */
  ACKED_LATELY = 402,
  LOST_LATELY = 404,
  /** stream-pack.ts: frames that go without a try, tries in a row that were in vain. u8 each. */
  PACK_SKIPS = 406,
  PACKED_IN_VAIN = 407,
  BYTES = 408,
}

export const enum StreamFlag {
  /** We opened it. */
  LOCAL = 1,
  /** Bit 15 of its number: no flow control, at most TRANSFER_EXPEDITED_BYTES_MAX. */
  EXPEDITED = 2,
  /** Its STREAM_OPEN came (or went, if LOCAL). */
  OPENED = 4,
  OPEN_ACKED = 8,
  /** It has the half that goes, the half that comes. */
  SENDS = 16,
  RECEIVES = 32,
  /** The host has written all. */
  FINISHING = 64,
  CLOSE_SENT = 128,
  CLOSE_ACKED = 256,
  /** We gave up sending. */
  RESET = 512,
  RESET_SENT = 1024,
  RESET_ACKED = 2048,
  /** An ack or a loss could not be noted for want of ranges: all that is unacked goes again. */
  UNSURE = 4096,
  /** FINAL_SUM is known; all has come; the peer gave up. */
  FINAL_KNOWN = 8192,
  /** The peer has no room for its bytes, as it seems: few go (peer-room.ts). */
  PEER_FULL = 16384,
  RECEIVED_ALL = 32768,
  PEER_RESET = 65536,
  /** We want no more of what comes. */
  STOPPED = 131072,
  STOP_ACKED = 262144,
  /** The host takes ranges in any order. */
  UNORDERED = 524288,
  /** The host found nothing to read, no room to write. */
  READ_WANTED = 1048576,
  WRITE_WANTED = 2097152,
  /** It counts no more among the open streams. */
  OVER = 4194304,
  /** It is in the table of numbers. */
  NUMBERED = 8388608,
  /** GOAWAY went before it: the host never hears of it. */
  REFUSED = 16777216,
  /** The session is over: what can be read of it waits for the host, and nothing else happens. */
  CUT_OFF = 33554432,
  /** Bytes found no room: the peer is told when there is some. */
  ROOM_OWED = 67108864,
  /** The host has looked for something to read. */
  LOOKED = 134217728,
  /** STREAM_CLOSE or STREAM_RESET has gone; and counts among those not acked (unacked-ends.ts). */
  ENDED = 268435456,
  END_UNACKED = 536870912,
  /** Its bytes go packed where that gains enough. */
  PACKS = 1073741824,
}

/** Frames of a stream that have to go. */
export const enum Want {
  OPEN = 1,
  PRIORITY = 2,
  RESET = 4,
  STOP = 8,
  CLOSE = 16,
  WINDOW = 32,
  BLOCKED = 64,
  /** A WINDOW_UPDATE that says no more than that there is room again. */
  ROOM = 128,
}

/** Frames of the session that have to go. */
export const enum SessionWant {
  WINDOW = 1,
  DATA_BLOCKED = 2,
  MAX_STREAMS = 4,
  STREAMS_BLOCKED = 8,
  /** As WINDOW, with more than what was taken calls for. */
  MORE = 16,
}

/** Events of a stream that have to be told, in this order. */
export const enum Mark {
  READABLE = 1,
  FINISHED = 2,
  RESET = 4,
  STOPPED = 8,
  WRITABLE = 16,
  GONE = 32,
}

/** Relative to the session + Session.STREAMS. */
export const enum Part {
  /** stream-numbers.ts: sets of numbers that were over in this epoch, the last, the one before. */
  CLOSED = 0,
  EPOCH = 72,
  /** SessionWant bits. */
  WANT = 76,
  /** stream-queues.ts: heads of five queues. */
  QUEUES = 80,
  /** First stream of all, how many there are. */
  ALL = 100,
  COUNT = 104,
  /** Next number / 2 of ours, and of the expedited ones. */
  NEXT = 108,
  NEXT_EXPEDITED = 112,
  /** Streams open: ours and the peer's, each with its expedited ones behind it. */
  OPEN_LOCAL = 116,
  OPEN_PEER = 124,
  /** How many we may hold open, and the peer. */
  LIMIT_LOCAL = 132,
  LIMIT_PEER = 136,
  /** Blocks held for what goes and for what came, ranges of what came, slots of metadata. */
  SEND_BLOCKS = 152,
  RECEIVE_BLOCKS = 156,
  RANGES = 160,
  METADATA_SLOTS = 164,
  /** Connection level, u64 each: sent once, its limit; came, taken, granted; as of a stream. */
  SENT_SUM = 168,
  SEND_LIMIT = 176,
  RECEIVED_SUM = 184,
  CONSUMED = 192,
  GRANTED = 200,
  WINDOW = 208,
  WINDOW_FROM = 216,
  WINDOW_TIME = 224,
  /** First windows of a stream: the peer's for us, ours for it. */
  PEER_WINDOW = 232,
  OWN_WINDOW = 240,
  /** Microseconds. */
  ROUND_TRIP = 248,
  PTO = 256,
  /** u64: when BLOCKED frames go again, when a writer without room is looked at, events retried. */
  BLOCKED_AT = 264,
  ROOM_AT = 272,
  EVENTS_AT = 280,
  /** u64: limit + 1 of the last DATA_BLOCKED; u32: of the last STREAMS_BLOCKED. */
  BLOCKED_TOLD = 288,
  STREAMS_TOLD = 296,
  /** An Offer: what the host waits for that was refused a stream. u8. */
  AVAILABLE = 300,
  /** Numbers ran out, of plain streams (1), of expedited ones (2): rekeys give some back. u8. */
  EXHAUSTED = 301,
  /** 1: packets for which the peer may have no room are in flight (peer-room.ts). u8. */
  TRYING = 302,
  /** Halves of the least stream that was refused for want of room. u8. */
  HALVES = 303,
  /** u32: streams that STREAM_OPENED told of and that the host has not taken. */
  UNTAKEN = 304,
  /** GOAWAY sent, received: its number + 1, 0: none; of expedited streams behind it. u32. */
  GOAWAY_SENT = 308,
  GOAWAY_RECEIVED = 316,
  /** Highest number that the peer used, without bit 15; of expedited streams behind it. u32. */
  PEER_HIGHEST = 324,
  /** Streams of the peer's whose STREAM_OPEN came, all told; expedited ones behind it. u32. */
  PEER_OPENED = 332,
  /** u64: when a session that is going away closes, and nothing is left; 0: something is. */
  GOAWAY_AT = 344,
  /** u32: entry of the stream whose lost bytes a probe carried last (stream-probe.ts). */
  PROBED = 352,
  /** u32: of SEND_BLOCKS, those of streams whose STREAM_OPEN was not acked yet. */
  EARLY_BLOCKS = 356,
  /** u32: blocks that are halves' own, or were and are not empty: of our streams, the peer's. */
  LOCAL_OWN = 360,
  PEER_OWN = 364,
  /** u32: of COUNT, streams of ours. */
  LOCAL_COUNT = 368,
  /** u32: ends not acked that went first in this epoch, and in one before (unacked-ends.ts). */
  ENDS = 372,
  ENDS_BEFORE = 376,
  /** refused.ts, u32: packets in a row that arrived, of streams that lose little; u64: when. */
  ROW = 380,
  ROW_AT = 384,
  /** loss-rate.ts: packets of late. u16 each. */
  ARRIVED = 392,
  LOST = 394,
}

/** What becomes of a host that was refused a stream (Part.AVAILABLE). */
export const enum Offer {
  NONE = 0,
  /** STREAMS_AVAILABLE is owed to it, once the limit rises, a stream ends or an epoch begins. */
  OWED = 1,
  /** It is to be told now, and found no room in the ring. */
  UNTOLD = 2,
  /** As OWED, and the pools are looked at again (Part.ROOM_AT). */
  ROOM = 3,
}

/** A session's part about streams. */
export function partOf(session: usize): usize {
  return session + Session.STREAMS;
}

export function sessionOfStream(stream: usize): usize {
  return load<u32>(stream, Stream.SESSION);
}

export function streamEntry(stream: usize): u32 {
  return handleEntry(load<u32>(stream, Stream.HANDLE));
}

/** The stream that a handle names; 0: none. */
export function streamOf(handle: u32): usize {
  const entry = handleEntry(handle);
  if (entry == 0 || entry > poolSize(Pool.STREAMS)) return 0;
  const stream = entryAt(Pool.STREAMS, entry);
  return load<u32>(stream, Stream.HANDLE) == handle ? stream : 0;
}

export function hasFlag(stream: usize, flags: u32): bool {
  return (load<u32>(stream, Stream.FLAGS) & flags) != 0;
}

export function setFlag(stream: usize, flags: u32): void {
  store<u32>(stream, load<u32>(stream, Stream.FLAGS) | flags, Stream.FLAGS);
}

export function clearFlag(stream: usize, flags: u32): void {
  store<u32>(stream, load<u32>(stream, Stream.FLAGS) & ~flags, Stream.FLAGS);
}

/** Whether it is ours, and its STREAM_OPEN is not acked: the peer may have no room for it. */
export function isEarly(stream: usize): bool {
  return hasFlag(stream, StreamFlag.LOCAL) && !hasFlag(stream, StreamFlag.OPEN_ACKED);
}

/**
 * Whether nothing of its bytes goes: its STREAM_OPEN was lost, or was refused, as they would be
 * then, and fill the window in place of what makes room at the peer.
 */
export function isHeldBack(stream: usize): bool {
  return load<u8>(stream, Stream.OPEN_LOST) != 0 && isEarly(stream);
}
