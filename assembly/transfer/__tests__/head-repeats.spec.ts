/** The head of a frame repeats salt and number of its packet (reference: transfer section 1.2). */
import { CloseError, FrameHead, PacketVerdict, TransferEventKind } from "../../core/transfer";
import { flipBit, guarded } from "../../crypto/__tests__/bytes";
import { hchacha20 } from "../../crypto/chacha20";
import { blake3Ratchet } from "../../crypto/generated/blake3-lanes";
import { chachaOpen, chachaSeal } from "../../crypto/xchacha20-poly1305";
import { now } from "../clock";
import { Epoch, epochAt } from "../epoch";
import { close, ping } from "../exports";
import { PACKET_CID_BYTES, PACKET_OVERHEAD } from "../packet";
import { sessionOf } from "../session-head";
import { configureTransfer } from "./configured";
import {
  deliver,
  drain,
  eventCode,
  flush,
  lengthOf,
  openBoth,
  ours,
  packetOf,
  setTime,
  settleDown,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
/** Chain key, packet key, sub-key; sixteen zeros and the nonce of ChaCha behind them. */
const KEYS = guarded(96);
const NONCE = guarded(32);
const NO_FIELD: u32 = u32.MAX_VALUE;

/** Turns over a bit of a field in the head of theirs' next packet, and seals it again. */
function change(packet: usize, length: u32, field: u32): void {
  const epoch = epochAt(sessionOf(theirs), 0),
    frame = packet + PACKET_CID_BYTES,
    bytes = length - PACKET_OVERHEAD,
    tag = frame + bytes,
    nonce = NONCE + 16;
  blake3Ratchet(epoch + Epoch.RECEIVE_CHAIN, KEYS, KEYS + 32);
  memory.fill(NONCE, 0, 32);
  hchacha20(KEYS + 32, NONCE, KEYS + 64);
  store<u32>(nonce, load<u32>(epoch, Epoch.RECEIVE_SALT), 4);
  store<u32>(nonce, bswap<u32>(<u32>load<u64>(epoch, Epoch.RECEIVE_NEXT)), 8);
  assert(chachaOpen(KEYS + 64, nonce, packet, PACKET_CID_BYTES, frame, bytes, tag));
  if (field != NO_FIELD) flipBit(frame + field, 0);
  chachaSeal(KEYS + 64, nonce, packet, PACKET_CID_BYTES, frame, bytes, tag);
}

/** A PING of ours with that field changed arrives; whether both sides have ended for it. */
function endsBoth(field: u32): bool {
  setTime(now + 100000000);
  openBoth();
  settleDown(5000);
  drain();
  ping(ours);
  assert(flush() == 1);
  change(packetOf(0), lengthOf(0), field);
  expect(deliver(0, 0)).toBe(PacketVerdict.TAKEN, "its tag fits");
  drain();
  const ends = told(theirs, TransferEventKind.CLOSED) == 1;
  if (ends) expect(eventCode).toBe(CloseError.FRAME_ENCODING);
  settleDown(5000);
  drain();
  expect(told(ours, TransferEventKind.CLOSED)).toBe(ends ? 1 : 0);
  if (ends) expect(eventCode).toBe(CloseError.FRAME_ENCODING, "and ours is told why");
  expect(told(ours, TransferEventKind.PONG)).toBe(ends ? 0 : 1);
  close(ours, 0, 0);
  settleDown(1000000);
  return ends;
}

describe("the head of a frame", () => {
  test("that repeats salt and number is handled", () => {
    expect(endsBoth(NO_FIELD)).toBe(false);
  });

  test("with another salt ends the session", () => {
    expect(endsBoth(FrameHead.SALT)).toBe(true);
  });

  test("with a counter that is not the packet's number ends the session", () => {
    expect(endsBoth(FrameHead.COUNTER)).toBe(true);
  });

  test("with a sequence that is not the packet's number ends the session", () => {
    expect(endsBoth(FrameHead.SEQUENCE)).toBe(true);
  });
});
