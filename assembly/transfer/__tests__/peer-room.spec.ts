import { Pool } from "../../core/transfer-memory";
import { now, resetClock } from "../clock";
import { endTrying } from "../peer-room";
import { entriesLeft } from "../pool";
import { SentFlag } from "../sent";
import { SentRecord } from "../sent-record";
import { hasFlag, Part, partOf, StreamFlag, streamOf } from "../stream";
import { openStream } from "../stream-open";
import { streamContentAcked } from "../stream-outcome";
import { hasStreamOutput } from "../stream-output";
import { onStreamTimer, streamDeadline } from "../streams";
import { Handled } from "../verdict";
import { configureTransfer } from "./configured";
import {
  dropEvents,
  endEnd,
  exchange,
  handle,
  isClean,
  lose,
  newEnd,
  recordOf,
  send,
} from "./stream-ends";
import { windowUpdate } from "./stream-frames";
import { put } from "./stream-io";

configureTransfer(2, 512);

let a: usize = 0;
let b: usize = 0;
let stream: usize = 0;

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true);
  b = newEnd(false);
  stream = streamOf(openStream(a, 0, 200, false, 0, 0));
  exchange(a, b);
  expect(put(stream, 0, 30000)).toBe(30000);
});
afterEach(() => {
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

/** Sends all that goes; how many packets. */
function sendAll(): u32 {
  let packets: u32 = 0;
  while (send(a, packets)) packets++;
  return packets;
}

/** They are lost: what went after them was acked, or (`known` false) a probe gave them up. */
function loseAll(packets: u32, known: bool = true): void {
  while (packets) {
    if (known) store<u32>(recordOf(--packets), SentFlag.LOST, SentRecord.FLAGS);
    else packets--;
    lose(a, packets);
  }
}

/** So many round trips in which all that goes is lost. */
function refuse(rounds: u32, known: bool = true): void {
  for (; rounds; rounds--) {
    loseAll(sendAll(), known);
    resetClock(now + load<u64>(partOf(a), Part.ROUND_TRIP));
  }
}

function isFull(): bool {
  return hasFlag(stream, StreamFlag.PEER_FULL);
}

describe("bytes that the peer refuses", () => {
  test("go no more after three round trips in which they had gone again", () => {
    refuse(3);
    expect(isFull()).toBe(false);
    refuse(1);
    expect(isFull()).toBe(true);
    expect(hasStreamOutput(a)).toBe(false);
    const other = streamOf(openStream(a, 0, 1, false, 0, 0));
    exchange(a, b);
    expect(put(other, 0, 5000)).toBe(5000);
    expect(sendAll()).toBe(5, "another stream's go");
  });

  test("count once in a round trip, and not when a probe gave them up", () => {
    refuse(10, false);
    expect(isFull()).toBe(false);
    for (let i = 0; i < 10; i++) loseAll(sendAll());
    expect(isFull()).toBe(false);
    refuse(3);
    expect(isFull()).toBe(true);
  });

  test("do not while some of them are acked", () => {
    for (let round = 0; round < 12; round++) {
      const packets = sendAll();
      streamContentAcked(a, recordOf(0));
      for (let packet: u32 = 1; packet < packets; packet++) {
        store<u32>(recordOf(packet), SentFlag.LOST, SentRecord.FLAGS);
        lose(a, packet);
      }
      resetClock(now + load<u64>(partOf(a), Part.ROUND_TRIP));
      expect(isFull()).toBe(false);
    }
  });
});

describe("a stream that the peer has no room for", () => {
  test("tries with a packet in ever longer times", () => {
    refuse(4);
    let waited: u64 = 0;
    for (let tries = 0; tries < 12; tries++) {
      const from = now;
      while (!hasStreamOutput(a)) {
        resetClock(streamDeadline(a));
        onStreamTimer(a);
      }
      expect(now - from).toBeGreaterThan(waited ? waited - 1 : 0);
      waited = now - from;
      expect(sendAll()).toBe(1);
      expect(endTrying(a)).toBe(true, "a PING tells that it did not arrive");
      expect(endTrying(a)).toBe(false);
      loseAll(1);
    }
    expect(waited).toBe(5000000);
  });

  test("goes on by two packets for each that is acked, until all goes", () => {
    expect(put(stream, 30000, 30000)).toBe(30000);
    refuse(4);
    resetClock(now + 1000000);
    onStreamTimer(a);
    for (let credit: u32 = 1; credit < 32; credit *= 2) {
      expect(sendAll()).toBe(credit);
      for (let packet: u32 = 0; packet < credit; packet++) {
        streamContentAcked(a, recordOf(packet));
      }
    }
    expect(isFull()).toBe(true);
    expect(handle(a, windowUpdate(1, 1 << 20), 0)).toBe(Handled.OK);
    let written: u64 = 60000;
    for (let blocks = 0; blocks < 3; blocks++) {
      for (let packet: u32 = 0; send(a, packet); packet++) streamContentAcked(a, recordOf(packet));
      if (isFull()) written += put(stream, written, 50000);
    }
    expect(isFull()).toBe(false);
    expect(put(stream, written, 50000)).toBe(50000, "more than its own block");
  });

  test("goes on by a block when its limit is raised, and takes no more blocks till then", () => {
    refuse(4);
    const left = entriesLeft(Pool.BLOCKS);
    expect(put(stream, 30000, 30000)).toBe(2768, "in the block that it has");
    expect(entriesLeft(Pool.BLOCKS)).toBe(left);
    expect(handle(a, windowUpdate(1, 65536), 0)).toBe(Handled.OK);
    expect(hasStreamOutput(a)).toBe(false, "the limit is as it was");
    expect(handle(a, windowUpdate(1, 65537), 0)).toBe(Handled.OK);
    expect(sendAll()).toBe(13);
  });
});
