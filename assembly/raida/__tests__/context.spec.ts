import { Flag, Wire } from "../../core/layout";
import { guarded } from "../../crypto/__tests__/bytes";
import * as context from "../context";
import { Outcome } from "../context";
import { startNode, useWire } from "./node";

startNode(Wire.LEGACY, false);

const DAY: u64 = 86400 * 1000000;
const MONTHS: StaticArray<u32> = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isLeap(year: u32): bool {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function setDay(day: u64, offset: u64): void {
  const now = day * DAY + offset;
  context.setNow(<u32>now, <u32>(now >> 32));
}

describe("months from the start", () => {
  test("are those of the calendar, every day from 1970 to 2120", () => {
    let wrong = 0;
    let day: u32 = 0;
    for (let year: u32 = 1970; year <= 2120; year++) {
      for (let month: u32 = 1; month <= 12; month++) {
        const days = MONTHS[month - 1] + u32(month === 2 && isLeap(year));
        const due = (<i32>year - 2023) * 12 + <i32>month - 2;
        const kept = max(1, min(255, due));
        for (let i: u32 = 0; i < days; i++, day++) {
          if (<i32>context.monthsFromStart(day) !== kept) wrong++;
        }
      }
    }
    expect(wrong).toBe(0);
    expect(day).toBe(55152, "1 January 2121");
  });

  test("never are 0, which means a free record, and end at 255", () => {
    expect(context.monthsFromStart(0)).toBe(1);
    expect(context.monthsFromStart(19389)).toBe(1, "1 February 2023");
    expect(context.monthsFromStart(19416)).toBe(1, "28 February 2023");
    expect(context.monthsFromStart(19417)).toBe(1, "1 March 2023");
    expect(context.monthsFromStart(19448)).toBe(2, "1 April 2023");
    expect(context.monthsFromStart(19782)).toBe(12, "29 February 2024");
    expect(context.monthsFromStart(19783)).toBe(13, "1 March 2024");
    expect(context.monthsFromStart(20778)).toBe(45, "21 November 2026");
    expect(context.monthsFromStart(27148)).toBe(254, "30 April 2044");
    expect(context.monthsFromStart(27149)).toBe(255, "1 May 2044");
    expect(context.monthsFromStart(27180)).toBe(255, "1 June 2044");
    expect(context.monthsFromStart(0xfffff)).toBe(255);
  });
});

describe("the clock", () => {
  test("sets the MFS at midnight", () => {
    setDay(20788, DAY - 1);
    expect(context.mfs).toBe(46, "1 December 2026");
    setDay(20787, DAY - 1);
    expect(context.mfs).toBe(45, "the last microsecond of November");
    setDay(20788, 0);
    expect(context.mfs).toBe(46);
    expect(context.now).toBe(20788 * DAY);
  });
});

describe("a new message", () => {
  test("forgets all that was known of the last one", () => {
    const message = guarded(64);
    context.setMessage(message, 64, 4096, 1, 0, 0, 128);
    context.setSound();
    context.setPayload(message + 48, 4);
    context.setPageCount(3);
    context.setPosition(9);
    context.answer(250, 5);
    context.useReplyFrame(message + 8);
    expect(context.reply).toBe(message + 8);
    context.setMessage(message, 32, 8192, 2, Flag.LOCAL, 77, 96);
    expect(context.sound).toBe(false);
    expect(context.payload).toBe(0);
    expect(context.payloadBytes).toBe(0);
    expect(context.pageCount).toBe(0);
    expect(context.position).toBe(0);
    expect(context.replyBytes).toBe(0);
    expect(context.reply).toBe(message);
    expect(context.length).toBe(32);
    expect(context.frame).toBe(8192);
    expect(context.peer).toBe(2);
    expect(context.flags).toBe(Flag.LOCAL);
    expect(context.arrival).toBe(77);
    expect(context.capacity).toBe(96);
  });

  test("is answered behind its header", () => {
    const message = guarded(64);
    context.setMessage(message, 64, 0, 1, 0, 0, 128);
    context.setHeader(4, 0, 48);
    expect(context.body()).toBe(message + 48);
    expect(context.answer(243, 7)).toBe(Outcome.ANSWER);
    expect(context.status).toBe(243);
    expect(context.replyBytes).toBe(7);
    expect(context.refuse(16)).toBe(Outcome.ANSWER);
    expect(context.replyBytes).toBe(0);
  });
});

describe("the position of a request", () => {
  test("only rises", () => {
    context.setPosition(5);
    context.raisePosition(4);
    expect(context.position).toBe(5);
    context.raisePosition(0x100000000);
    expect(context.position).toBe(0x100000000);
  });
});

describe("a nonce", () => {
  test("is needed by wire spec and by long headers", () => {
    context.setHeader(0, 0, 32);
    expect(context.needsNonce()).toBe(false);
    context.setHeader(4, 0, 48);
    expect(context.needsNonce()).toBe(true);
    useWire(Wire.SPEC, false);
    context.setHeader(0, 0, 32);
    expect(context.needsNonce()).toBe(true);
    useWire(Wire.LEGACY, false);
  });
});
