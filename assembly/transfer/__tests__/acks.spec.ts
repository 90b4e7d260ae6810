import {
  ACK_RANGES_SENT,
  ackBlockBytes,
  ackCount,
  ackFirst,
  ackGap,
  ackLargest,
  ackLength,
} from "../ack";
import { now, resetClock } from "../clock";
import {
  ACK_DELAY_US,
  ackDeadline,
  ackEpoch,
  ackGone,
  ackWanted,
  ackWantedIn,
  forgetReceived,
  hasReceived,
  largestReceived,
  noteReceived,
  writeAckBlock,
} from "../received";
import { NEVER } from "../timer-wheel";
import { bareSession, below, configureTransfer, seed } from "./configured";

const SEED: u32 = 20261130;

configureTransfer();
resetClock(1000000);
const block = heap.alloc(2048);

function receive(session: usize, first: u32, last: u32): void {
  for (let n = first; n <= last; n++) noteReceived(session, 0, n, true);
}

/** Reads a block back into a set of flags. */
function listed(at: usize, numbers: StaticArray<bool>): void {
  for (let n = 0; n < numbers.length; n++) numbers[n] = false;
  let low = ackLargest(at) - ackFirst(at);
  for (let n = low; n <= ackLargest(at); n++) numbers[n] = true;
  for (let i: u32 = 0; i < ackCount(at); i++) {
    const last = low - ackGap(at, i) - 1;
    low = last + 1 - ackLength(at, i);
    for (let n = low; n <= last; n++) numbers[n] = true;
  }
}

describe("ACK blocks", () => {
  test("list 1-10, 15-20, 25-30 as the reference says: 30, 5, (4, 6), (4, 10)", () => {
    const session = bareSession();
    receive(session, 1, 10);
    receive(session, 15, 20);
    receive(session, 25, 30);
    resetClock(1000300);
    memory.fill(block, 0xa5, 64);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(19);
    expect(ackLargest(block)).toBe(30);
    expect(load<u16>(block, 4)).toBe(bswap<u16>(300));
    expect(ackFirst(block)).toBe(5);
    expect(load<u32>(block, 11)).toBe(0x06000400);
    expect(load<u32>(block, 15)).toBe(0x0a000400);
    expect(load<u8>(block, 19)).toBe(0xa5);
    expect(ackBlockBytes(block, 19)).toBe(19);
    expect(ackBlockBytes(block, 18)).toBe(0, "short by one");
    expect(ackBlockBytes(block, 500)).toBe(19);
    expect(writeAckBlock(session, 0, block, 18)).toBe(15, "only the newest fit");
    expect(writeAckBlock(session, 0, block, 10)).toBe(0);
    expect(writeAckBlock(session, 1, block, 1000)).toBe(0);
  });

  test("refuse gap 0, length 0 and ranges below packet 0", () => {
    const session = bareSession();
    receive(session, 1, 10);
    receive(session, 15, 20);
    writeAckBlock(session, 0, block, 1000);
    expect(ackBlockBytes(block, 15)).toBe(15);
    store<u16>(block, 0, 11);
    expect(ackBlockBytes(block, 15)).toBe(0, "gap 0");
    store<u16>(block, bswap<u16>(5), 11);
    expect(ackBlockBytes(block, 15)).toBe(15, "down to packet 0");
    store<u16>(block, bswap<u16>(6), 11);
    expect(ackBlockBytes(block, 15)).toBe(0, "below packet 0");
    store<u16>(block, bswap<u16>(4), 11);
    store<u16>(block, 0, 13);
    expect(ackBlockBytes(block, 15)).toBe(0, "length 0");
    store<u8>(block, 0, 6);
    store<u32>(block, bswap<u32>(20), 7);
    expect(ackBlockBytes(block, 11)).toBe(11);
    store<u32>(block, bswap<u32>(21), 7);
    expect(ackBlockBytes(block, 11)).toBe(0, "first range below packet 0");
  });

  test("split what 16 bits cannot say", () => {
    const session = bareSession();
    noteReceived(session, 0, 5, true);
    noteReceived(session, 0, 65541, true);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(15);
    expect(ackGap(block, 0)).toBe(65535);
    noteReceived(session, 0, 131078, true);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(11, "gap of 65536");
  });

  test(`are the model's newest ranges, seed ${SEED}`, () => {
    seed(SEED);
    const model = new StaticArray<bool>(4096),
      read = new StaticArray<bool>(4096);
    for (let round = 0; round < 40; round++) {
      const session = bareSession();
      for (let n = 0; n < model.length; n++) model[n] = false;
      let newest: u32 = 0;
      const spread = 1 + below(60);
      for (let i = 0; i < 400; i++) {
        const back = below(spread);
        const n = back < newest && below(3) ? newest - back : newest + 1 + below(8) / 6;
        if (n >= 4000 || model[n]) continue;
        if (n > newest) newest = n;
        model[n] = true;
        noteReceived(session, 0, n, true);
        const bytes = writeAckBlock(session, 0, block, 2000);
        if (ackBlockBytes(block, bytes) != bytes) expect(round).toBe(-1, "not a block");
        if (ackCount(block) > ACK_RANGES_SENT) expect(round).toBe(-1, "too many ranges");
        listed(block, read);
        const low: u32 = ackCount(block) < ACK_RANGES_SENT - 1 ? 0 : newest - 60;
        for (let at = low; at <= newest; at++) {
          if (model[at] != read[at]) expect(at).toBe(-1, `round ${round}, step ${i}`);
        }
      }
      expect(largestReceived(session, 0)).toBe(newest);
    }
  });
});

describe("the time of acks", () => {
  test("is 25 ms after one packet, at once after two or a gap, never for others", () => {
    resetClock(5000000);
    const session = bareSession();
    expect(ackDeadline(session)).toBe(NEVER);
    noteReceived(session, 0, 0, false);
    expect(ackWanted(session)).toBe(0);
    expect(hasReceived(session, 0)).toBe(true);
    noteReceived(session, 0, 1, true);
    expect(ackWanted(session)).toBe(1);
    expect(ackDeadline(session)).toBe(5000000 + ACK_DELAY_US);
    resetClock(5000000 + ACK_DELAY_US);
    expect(ackWanted(session)).toBe(2);
    ackGone(session, 0);
    expect(ackWanted(session)).toBe(0);
    noteReceived(session, 0, 2, true);
    noteReceived(session, 0, 3, true);
    expect(ackWanted(session)).toBe(2);
    ackGone(session, 0);
    noteReceived(session, 0, 5, true);
    expect(ackWanted(session)).toBe(2, "a gap");
    ackGone(session, 0);
    noteReceived(session, 0, 4, true);
    expect(ackWanted(session)).toBe(2, "out of order");
    ackGone(session, 0);
    noteReceived(session, 0, 7, false);
    expect(ackWanted(session)).toBe(0, "nothing eliciting");
  });

  test("is kept for two epochs; the third takes the place of the first", () => {
    const session = bareSession();
    noteReceived(session, 0, 0, true);
    noteReceived(session, 1, 0, true);
    expect(ackEpoch(session)).toBe(0);
    expect(ackWantedIn(session, 1)).toBe(1);
    noteReceived(session, 1, 1, true);
    expect(ackEpoch(session)).toBe(1);
    ackGone(session, 1);
    expect(ackEpoch(session)).toBe(0);
    noteReceived(session, 2, 0, true);
    expect(hasReceived(session, 0)).toBe(false);
    expect(ackEpoch(session)).toBe(2);
    ackGone(session, 2);
    noteReceived(session, 1, 2, true);
    expect(ackEpoch(session)).toBe(1);
  });

  test("forgets what the peer knows to be acked, but the newest range", () => {
    const session = bareSession();
    receive(session, 1, 10);
    receive(session, 15, 20);
    receive(session, 25, 30);
    forgetReceived(session, 0, 12, now);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(15);
    forgetReceived(session, 0, 40, now);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(11);
    forgetReceived(session, 1, 40, now);
  });

  test("lists what came late until an ACK that went later arrives", () => {
    const session = bareSession();
    resetClock(1000);
    receive(session, 1, 4);
    receive(session, 20, 30);
    resetClock(2000);
    receive(session, 10, 12);
    forgetReceived(session, 0, 30, 1000);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(
      15,
      "1 to 4 were listed, 10 to 12 were not",
    );
    expect(ackGap(block, 0)).toBe(7);
    expect(ackLength(block, 0)).toBe(3);
    forgetReceived(session, 0, 30, 2000);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(15, "written before they came, perhaps");
    forgetReceived(session, 0, 30, 2001);
    expect(writeAckBlock(session, 0, block, 1000)).toBe(11);
  });
});
