import { StreamResetError } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { now, resetClock } from "../clock";
import { deriveNextEpoch, setLargestAcked, startEpochs } from "../epoch";
import { noteArrived } from "../loss-rate";
import { finishStream, giveUpSending } from "../send-side";
import { SentFlag } from "../sent";
import { SentRecord } from "../sent-record";
import { Part, partOf, streamOf } from "../stream";
import { openStream } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { freeStream } from "../stream-table";
import { streamsEpoch } from "../streams";
import { endsHoldEpoch, holdsEpoch } from "../unacked-ends";
import { configureTransfer } from "./configured";
import { lose, recordOf, send } from "./stream-ends";
import { a, eachTestHasTwoEnds } from "./stream-pair";

configureTransfer(2);
const KEYS = guarded(96);
/** Packets of the streams' frames: STREAM_OPEN, then the end. */
const OPEN: u32 = 0;
const END: u32 = 1;
/** Losses that may be chance where every second packet may be lost. */
const UNSURE: u32 = 10;

eachTestHasTwoEnds();

/** A stream of ours whose STREAM_OPEN and end have gone, in this epoch. */
function ended(resets: bool): usize {
  const stream = streamOf(openStream(a, 0, 0, false, 0, 0));
  if (resets) giveUpSending(stream, StreamResetError.NONE);
  else finishStream(stream);
  for (let packet = OPEN; packet <= END; packet++) {
    expect(send(a, packet)).not.toBe(0);
    store<u32>(recordOf(packet), load<u32>(partOf(a), Part.EPOCH), SentRecord.EPOCH);
  }
  return stream;
}

/** Packet n of an epoch with what was in this one is given up at a later time. */
function loseAgain(packet: u32, epoch: u32, n: u32): void {
  const record = recordOf(packet);
  store<u32>(record, epoch, SentRecord.EPOCH);
  store<u32>(record, n, SentRecord.N);
  store<u64>(record, now, SentRecord.TIME);
  store<u32>(record, SentFlag.LOST, SentRecord.FLAGS);
  resetClock(now + 1000);
  lose(a, packet);
}

describe("an end that is not acked", () => {
  test("holds the session in the epoch behind its own, CLOSE or RESET", () => {
    for (let resets = 0; resets < 2; resets++) {
      const stream = ended(resets != 0);
      expect(endsHoldEpoch(a)).toBe(false, "its own epoch may be left");
      streamsEpoch(a, 2 * resets + 1);
      expect(endsHoldEpoch(a)).toBe(true);
      expect(holdsEpoch(stream)).toBe(true);
      streamContentAcked(a, recordOf(END));
      expect(endsHoldEpoch(a)).toBe(true, "STREAM_OPEN would open it as well");
      streamContentAcked(a, recordOf(OPEN));
      expect(endsHoldEpoch(a)).toBe(false);
      streamsEpoch(a, 2 * resets + 2);
    }
  });

  test("holds it no more when it was acked in its own epoch, or the stream is no more", () => {
    ended(false);
    streamContentAcked(a, recordOf(OPEN));
    streamContentAcked(a, recordOf(END));
    const stream = ended(false);
    streamsEpoch(a, 1);
    expect(endsHoldEpoch(a)).toBe(true);
    freeStream(stream);
    expect(endsHoldEpoch(a)).toBe(false);
  });

  test("lets a later epoch go when it was lost in it so often that it is no chance", () => {
    memory.fill(KEYS, 7, 96);
    startEpochs(a, KEYS, true, false);
    const stream = ended(false);
    expect(deriveNextEpoch(a, KEYS, 1)).toBe(true);
    setLargestAcked(a, 0, 50);
    setLargestAcked(a, 1, 20);
    for (let i: u32 = 0; i < 9; i++) loseAgain(OPEN, 0, i);
    streamsEpoch(a, 1);
    for (let i: u32 = 0; i < 9; i++) loseAgain(OPEN, 0, 9 + i);
    for (let i: u32 = 0; i < 9; i++) loseAgain(OPEN, 1, 20 + i);
    expect(holdsEpoch(stream)).toBe(true, "of its own epoch, or with nothing behind it acked");
    // Nothing is known of the way; then a hundred packets arrive.
    for (let i: u32 = 0; i < UNSURE; i++) {
      loseAgain(i & 1 ? OPEN : END, 1, i);
      // What went before the last loss was known says nothing more.
      store<u64>(recordOf(OPEN), now - 1, SentRecord.TIME);
      lose(a, OPEN);
    }
    expect(endsHoldEpoch(a)).toBe(true);
    for (let i = 0; i < 100; i++) noteArrived(a);
    loseAgain(END, 1, 19);
    expect(endsHoldEpoch(a)).toBe(false);
    expect(holdsEpoch(stream)).toBe(false);
    // The peer may have taken it since, and its ack be lost: so the next epoch is held again.
    for (let i: u32 = 0; i < 9; i++) loseAgain(END, 1, i);
    streamsEpoch(a, 2);
    expect(holdsEpoch(stream)).toBe(true);
    expect(endsHoldEpoch(a)).toBe(true);
    streamContentAcked(a, recordOf(OPEN));
    streamContentAcked(a, recordOf(END));
    expect(load<u32>(partOf(a), Part.ENDS_BEFORE)).toBe(0);
  });
});
