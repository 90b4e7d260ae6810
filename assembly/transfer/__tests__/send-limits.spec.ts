import { resetClock, setNow } from "../clock";
import { Epoch, epochAt, setLargestAcked, setRekeyLimits } from "../epoch";
import { maySeal, rekeyDueByUse, rekeyTime, unackedSpan } from "../send-limits";
import { configureTransfer } from "./configured";
import { endSession, newSession } from "./ends";

configureTransfer();
let a: usize = 0;

function start(): void {
  resetClock(1000000);
  a = newSession("00".repeat(96), true, false);
}

function next(n: u64): void {
  store<u64>(epochAt(a, 0), n, Epoch.SEND_NEXT);
}

describe("what may be sealed", () => {
  test("ends 65536 numbers above the largest acked, for data 1024 before", () => {
    start();
    expect(unackedSpan(a)).toBe(0);
    next(64511);
    expect(maySeal(a, false)).toBe(true);
    next(64512);
    expect(maySeal(a, false)).toBe(false);
    expect(maySeal(a, true)).toBe(true);
    expect(unackedSpan(a)).toBe(64512);
    next(65535);
    expect(maySeal(a, true)).toBe(true);
    next(65536);
    expect(maySeal(a, true)).toBe(false);
    setLargestAcked(a, 0, 0);
    expect(maySeal(a, true)).toBe(true);
    setLargestAcked(a, 0, 2000);
    setLargestAcked(a, 0, 1000);
    expect(maySeal(a, false)).toBe(true);
    expect(unackedSpan(a)).toBe(65536 - 2001);
    setLargestAcked(a, 1, 70000);
    expect(unackedSpan(a)).toBe(65536 - 2001, "an epoch that is not held");
    endSession(a);
  });

  test("stops hard at the packet limit, but for 65536 control frames", () => {
    start();
    setRekeyLimits(a, 120000000, 1000);
    next(899);
    expect(rekeyDueByUse(a)).toBe(false);
    next(900);
    expect(rekeyDueByUse(a)).toBe(true);
    next(999);
    expect(maySeal(a, false)).toBe(true);
    next(1000);
    expect(maySeal(a, false)).toBe(false);
    expect(maySeal(a, true)).toBe(true);
    setLargestAcked(a, 0, 66535);
    next(66535);
    expect(maySeal(a, false)).toBe(false);
    expect(maySeal(a, true)).toBe(true);
    next(66536);
    expect(maySeal(a, true)).toBe(false);
    endSession(a);
  });

  test("stops hard when time is over, and counts control frames from there", () => {
    start();
    next(5000);
    setLargestAcked(a, 0, 4999);
    expect(rekeyTime(a)).toBe(1000000 + 108000000);
    setNow(120999999);
    expect(maySeal(a, false)).toBe(true);
    setNow(121000000);
    expect(maySeal(a, false)).toBe(false);
    expect(maySeal(a, true)).toBe(true);
    setLargestAcked(a, 0, 70535);
    next(70535);
    expect(maySeal(a, true)).toBe(true);
    next(70536);
    expect(maySeal(a, true)).toBe(false);
    endSession(a);
  });

  test("never lets the counter run out, whatever limits are asked for", () => {
    start();
    setRekeyLimits(a, u64.MAX_VALUE, u32.MAX_VALUE);
    setLargestAcked(a, 0, 0xffefffff);
    next(0xffefffff);
    expect(maySeal(a, false)).toBe(true);
    next(0xfff00000);
    expect(maySeal(a, false)).toBe(false);
    endSession(a);
  });

  test("makes a rekey due at nine tenths of 256 MiB, which stop nothing", () => {
    start();
    store<u64>(epochAt(a, 0), 241591909, Epoch.BYTES_SENT);
    expect(rekeyDueByUse(a)).toBe(false);
    store<u64>(epochAt(a, 0), 241591910, Epoch.BYTES_SENT);
    expect(rekeyDueByUse(a)).toBe(true);
    expect(maySeal(a, false)).toBe(true);
    endSession(a);
  });
});
