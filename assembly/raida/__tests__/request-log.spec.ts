import { Flag, Wire } from "../../core/layout";
import { FRAMES, LARGE_FRAMES, REQUESTS } from "../../core/memory";
import { RequestRecord, Requests } from "../../core/requests";
import { Status } from "../../core/status";
import { rollbackTo } from "../rollback";
import { add16Bytes, addTrueCoin, begin, hand, setByte } from "./message";
import {
  head,
  now,
  popReply,
  processNow,
  push,
  setAutoCommit,
  setNow,
  settle,
  startNode,
} from "./node";

startNode(Wire.SPEC, true);

function count(offset: usize): u64 {
  return load<u64>(REQUESTS + offset);
}
function byCommand(group: u32, command: u32): u64 {
  return count(Requests.COMMANDS + ((<usize>(group * 256 + command)) << 3));
}
function byStatus(status: u32): u64 {
  return count(Requests.STATUSES + ((<usize>status) << 3));
}
function byTime(bucket: u32): u64 {
  return count(Requests.TIMES + ((<usize>bucket) << 3));
}
function record(number: u64): usize {
  return REQUESTS + Requests.RECENT + <usize>(number & 1023) * RequestRecord.BYTES;
}

/** An echo that is answered. */
function echo(): void {
  begin(0, 0, 0);
  hand();
  settle();
  popReply();
}

describe("a reply is counted", () => {
  test("by command, status and time, and leaves a record", () => {
    const replies = count(Requests.REPLIES);
    const time = count(Requests.EXECUTION);
    echo();
    expect(count(Requests.REPLIES)).toBe(replies + 1);
    expect(byCommand(0, 0)).toBe(1);
    expect(byStatus(Status.SUCCESS)).toBe(1);
    // It had arrived 7 us before: more than 4, not more than 8.
    expect(count(Requests.EXECUTION)).toBe(time + 7);
    expect(byTime(3)).toBe(1);
    const at = record(replies);
    expect(load<u32>(at, RequestRecord.NUMBER)).toBe(<u32>replies);
    expect(load<u64>(at, RequestRecord.ARRIVAL)).toBe(now - 7);
    expect(load<u32>(at, RequestRecord.KIND)).toBe(0);
    expect(load<u32>(at, RequestRecord.EXECUTION)).toBe(7);
    expect(load<u32>(at, RequestRecord.STATUS) & 0xff).toBe(Status.SUCCESS);
  });

  test("when its header was refused, without group and command", () => {
    const before = byCommand(0, 0);
    for (let group: u32 = 0; group < 256; group += 51) {
      begin(0, 0, 0);
      setByte(2, 24);
      setByte(4, group);
      hand();
    }
    settle();
    while (popReply()) {}
    expect(count(Requests.REFUSED_HEADERS)).toBe(6);
    expect(byStatus(Status.INVALID_RAIDA_ID)).toBe(6);
    expect(byCommand(0, 0)).toBe(before);
  });

  test("in the last bucket when it took long", () => {
    begin(0, 0, 0);
    hand();
    setNow(now + 5000000000);
    settle();
    popReply();
    expect(byTime(25)).toBe(1);
  });

  test("in a ring of 1024 records", () => {
    const start = count(Requests.REPLIES);
    for (let i = 0; i < 1030; i++) echo();
    expect(count(Requests.REPLIES)).toBe(start + 1030);
    for (let i: u64 = 6; i < 1030; i++) {
      if (load<u32>(record(start + i), RequestRecord.NUMBER) != <u32>(start + i)) {
        expect(i).toBe(0, "the number of each record");
      }
    }
  });
});

test("a message without an answer is counted as that", () => {
  const replies = count(Requests.REPLIES);
  push(FRAMES, FRAMES, 1, 0);
  push(LARGE_FRAMES, LARGE_FRAMES, 16, Flag.DATAGRAM);
  processNow(8);
  while (popReply()) {}
  expect(count(Requests.SILENT)).toBe(2);
  expect(count(Requests.REPLIES)).toBe(replies);
});

test("a held reply that a rollback turns into 252 is counted as 252", () => {
  setAutoCommit(false);
  const start = head(),
    number = count(Requests.REPLIES),
    unknown = byStatus(Status.INTERNAL);
  begin(0, 1, 20);
  addTrueCoin(0, 7);
  add16Bytes(i8x16.splat(0x61));
  hand();
  settle();
  expect(byStatus(Status.ALL_PASS)).toBe(1);
  expect(load<u32>(record(number), RequestRecord.STATUS) & 0xff).toBe(Status.ALL_PASS);
  expect(rollbackTo(start)).toBe(Status.OK);
  expect(byStatus(Status.ALL_PASS)).toBe(0);
  expect(byStatus(Status.INTERNAL)).toBe(unknown + 1);
  expect(load<u32>(record(number), RequestRecord.STATUS) & 0xff).toBe(Status.INTERNAL);
  expect(load<u32>(record(number), RequestRecord.STATUS) >>> 8).toBe(Flag.DATAGRAM | Flag.LOCAL);
  popReply();
});
