/**
 * Writes the frames that belong to the session itself (section 1.4). Each returns the bytes of the
 * frame at `to`, head and payload; salt, counter and sequence are the sealer's (packet.ts).
 */
import { FrameHead, FrameType } from "../core/transfer";
import { challengeFor } from "./challenge";
import { now } from "./clock";
import { messageLength, messagePayload } from "./messages";
import { isResponse, takePathFrame } from "./path";
import { CloseDue, Head } from "./session-head";

/** A head of a type whose other fields are zero. */
export function beginFrame(to: usize, type: FrameType, payloadLength: u32): void {
  memory.fill(to, 0, FrameHead.BYTES);
  store<u8>(to, type, FrameHead.TYPE);
  store<u16>(to, bswap<u16>(<u16>payloadLength), FrameHead.PAYLOAD_LENGTH);
}

/** The PING of the application, if it asked for one, else one with id 0. */
export function writePing(session: usize, to: usize): u32 {
  const asked = load<u8>(session, Head.PING_ASKED) != 0;
  beginFrame(to, FrameType.PING, 16);
  const id = asked ? load<u64>(session, Head.PING_ID) : 0;
  store<u64>(to + FrameHead.BYTES, bswap<u64>(id));
  store<u64>(to + FrameHead.BYTES, bswap<u64>(now), 8);
  if (asked) store<u64>(session, now, Head.PING_TIME);
  store<u8>(session, 0, Head.PING_ASKED);
  store<u8>(session, 0, Head.PING_WANTED);
  return FrameHead.BYTES + 16;
}

/** The oldest PONG that is owed. */
export function writePong(session: usize, to: usize): u32 {
  beginFrame(to, FrameType.PONG, 16);
  v128.store(to + FrameHead.BYTES, v128.load(session, Head.PONGS));
  v128.store(session, v128.load(session, Head.PONGS + 16), Head.PONGS);
  store<u8>(session, load<u8>(session, Head.PONGS_OWED) - 1, Head.PONGS_OWED);
  return FrameHead.BYTES + 16;
}

/** The reason goes whole or not at all. */
export function writeClose(session: usize, to: usize, room: u32): u32 {
  const slot = load<u32>(session, Head.REASON_SLOT);
  let length = slot ? messageLength(slot) : 0;
  if (length + FrameHead.BYTES + 6 > room) length = 0;
  beginFrame(to, FrameType.CLOSE, 6 + length);
  const payload = to + FrameHead.BYTES;
  store<u32>(payload, bswap<u32>(load<u32>(session, Head.CLOSE_ERROR)));
  store<u16>(payload, bswap<u16>(<u16>length), 4);
  if (length) memory.copy(payload + 6, messagePayload(slot), length);
  store<u8>(session, CloseDue.NO, Head.CLOSE_DUE);
  return FrameHead.BYTES + 6 + length;
}

/** The response or challenge that a path has due. */
export function writePathFrame(session: usize, to: usize, path: usize): u32 {
  const response = isResponse(path),
    fresh = response ? 0 : challengeFor(session);
  beginFrame(to, response ? FrameType.PATH_RESPONSE : FrameType.PATH_CHALLENGE, 8);
  store<u64>(to + FrameHead.BYTES, takePathFrame(session, path, fresh));
  return FrameHead.BYTES + 8;
}
