import { Wire } from "../../core/layout";
import { RESERVATION_BYTES, RESERVED } from "../../core/memory";
import { fromHex } from "../../crypto/__tests__/bytes";
import * as context from "../context";
import { listPages } from "../pages-of-request";
import {
  areReservedFor,
  changePagesLeft,
  isReserved,
  isReservedFor,
  lockReservations,
  Purpose,
  renew,
  reserve,
  unlockReservations,
} from "../reservations";
import { PAGES, startNode, TODAY } from "./node";

startNode(Wire.LEGACY, false);

const LIFE: u64 = 16000000;
const CLIENT: u32 = 0xc0000207;

function setTime(time: u64): void {
  context.setNow(<u32>time, <u32>(time >> 32));
}

describe("a reservation", () => {
  beforeEach(() => {
    memory.fill(RESERVED, 0, 15 * <usize>PAGES * RESERVATION_BYTES);
    setTime(TODAY);
    context.setAddress(CLIENT);
  });

  test("is of one page, for one session and one purpose", () => {
    expect(isReserved(7)).toBe(false);
    reserve(7, 5, Purpose.CHANGE);
    expect(isReserved(7)).toBe(true);
    expect(isReserved(6)).toBe(false);
    expect(isReserved(8)).toBe(false);
    expect(isReservedFor(7, 5, Purpose.CHANGE)).toBe(true);
    expect(isReservedFor(7, 6, Purpose.CHANGE)).toBe(false);
    expect(isReservedFor(7, 5, Purpose.CREATE)).toBe(false);
    expect(isReservedFor(7, 5, Purpose.PICKUP)).toBe(false);
    expect(isReservedFor(8, 5, Purpose.CHANGE)).toBe(false);
  });

  test("is never that of session 0, which stands for none", () => {
    // Section 11, point 11.
    expect(isReservedFor(7, 0, Purpose.CREATE)).toBe(false);
    reserve(7, 0, Purpose.CREATE);
    expect(isReserved(7)).toBe(false);
    expect(isReservedFor(7, 0, Purpose.CREATE)).toBe(false);
  });

  test("lasts 16 seconds, whichever way the clock goes", () => {
    reserve(7, 5, Purpose.CREATE);
    setTime(TODAY + LIFE - 1);
    expect(isReserved(7)).toBe(true);
    expect(isReservedFor(7, 5, Purpose.CREATE)).toBe(true);
    setTime(TODAY + LIFE);
    expect(isReserved(7)).toBe(false);
    expect(isReservedFor(7, 5, Purpose.CREATE)).toBe(false);
    setTime(TODAY - LIFE + 1);
    expect(isReserved(7)).toBe(true);
    setTime(TODAY - LIFE);
    expect(isReserved(7)).toBe(false);
  });

  test("lasts 16 seconds more when it is renewed, for the address that made it", () => {
    reserve(7, 5, Purpose.CHANGE);
    setTime(TODAY + LIFE - 1);
    context.setAddress(CLIENT + 1);
    renew(7);
    expect(changePagesLeft()).toBe(8);
    setTime(TODAY + 2 * LIFE - 2);
    expect(isReservedFor(7, 5, Purpose.CHANGE)).toBe(true);
    context.setAddress(CLIENT);
    expect(changePagesLeft()).toBe(7);
    setTime(TODAY + 2 * LIFE - 1);
    expect(isReserved(7)).toBe(false);
  });

  test("for change is one of eight that an address may hold", () => {
    expect(changePagesLeft()).toBe(8);
    for (let i: u32 = 0; i < 8; i++) {
      reserve(i, i + 1, Purpose.CHANGE);
      expect(changePagesLeft()).toBe(7 - i);
    }
    reserve(8, 9, Purpose.CHANGE);
    expect(changePagesLeft()).toBe(0, "never below");
    context.setAddress(CLIENT + 1);
    expect(changePagesLeft()).toBe(8);
    reserve(29, 1, Purpose.CHANGE);
    expect(changePagesLeft()).toBe(7, "the last page counts");
    reserve(28, 1, Purpose.CREATE);
    expect(changePagesLeft()).toBe(7, "other purposes do not");
    setTime(TODAY + LIFE);
    expect(changePagesLeft()).toBe(8, "nor what is over");
  });

  test("of every page of a request is asked for at once", () => {
    const list = fromHex("0000000005" + "0000000405" + "0100000005");
    listPages(list, 3, 5);
    lockReservations();
    reserve(16, 5, Purpose.CREATE);
    reserve(17, 5, Purpose.CREATE);
    unlockReservations();
    expect(areReservedFor(5, Purpose.CREATE)).toBe(false);
    reserve(18, 6, Purpose.CREATE);
    expect(areReservedFor(5, Purpose.CREATE)).toBe(false);
    reserve(18, 5, Purpose.CREATE);
    expect(areReservedFor(5, Purpose.CREATE)).toBe(true);
    expect(areReservedFor(5, Purpose.PICKUP)).toBe(false);
    // The lock is free again, or this would never return.
    lockReservations();
    unlockReservations();
  });
});
