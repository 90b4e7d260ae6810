import { Status } from "../../../core/status";
import { GUARD, guarded, toHex } from "../../../crypto/__tests__/bytes";
import * as context from "../../context";
import { Outcome } from "../../context";
import { addBit, aggregate, bitmapBytes, closeBitmap, countCoins, openBitmap } from "../coin-list";

const message = guarded(256);

/** A message with a 32-byte header whose reply is written in place. */
function begin(): void {
  memory.fill(message, GUARD, 256);
  context.setMessage(message, 256, 0, 0, 0, 0, 256);
  context.setHeader(0, 224, 32);
}

/** Coins in a payload of `bytes`, or minus the status of the refusal. */
function counted(bytes: u32, fixed: u32, step: u32): i32 {
  begin();
  context.setPayload(message + 48, bytes);
  const count = countCoins(fixed, step);
  return count ? <i32>count : -(<i32>context.status);
}

describe("the count of a list", () => {
  test("wants a body, one coin at least, and whole coins", () => {
    begin();
    context.setHeader(0, 0, 32);
    expect(countCoins(0, 21)).toBe(0);
    expect(context.status).toBe(Status.EMPTY_REQUEST);
    expect(context.replyBytes).toBe(0);
    expect(counted(0, 0, 21)).toBe(-16);
    expect(counted(20, 0, 21)).toBe(-16);
    expect(counted(21, 0, 21)).toBe(1);
    expect(counted(22, 0, 21)).toBe(-39);
    expect(counted(63, 0, 21)).toBe(3);
    expect(counted(36, 0, 37)).toBe(-16);
    expect(counted(74, 0, 37)).toBe(2);
  });

  test("leaves out what stands behind the list", () => {
    expect(counted(16, 16, 5)).toBe(-16);
    expect(counted(20, 16, 5)).toBe(-16);
    expect(counted(21, 16, 5)).toBe(1);
    expect(counted(25, 16, 5)).toBe(-39);
    expect(counted(26, 16, 5)).toBe(2);
    expect(counted(37, 32, 5)).toBe(1);
  });

  test("is 4096 at the most for coins of 5 bytes, and free for longer ones", () => {
    expect(counted(16 + 5 * 4096, 16, 5)).toBe(4096);
    expect(counted(16 + 5 * 4097, 16, 5)).toBe(-45);
    expect(counted(17 + 5 * 4097, 16, 5)).toBe(-39);
    expect(counted(21 * 4097, 0, 21)).toBe(4097);
  });
});

/** Bitmap of `count` coins of which those with a bit in `good` pass. */
function bitmap(count: u32, good: u64): u32 {
  begin();
  openBitmap();
  for (let i: u32 = 0; i < count; i++) addBit(i, ((good >> i) & 1) !== 0);
  return closeBitmap(count);
}

describe("the bitmap", () => {
  test("lies behind the reply's header, least significant bit first", () => {
    expect(bitmap(1, 1)).toBe(1);
    expect(toHex(message + 32, 2)).toBe("01a5");
    expect(bitmap(8, 0x81)).toBe(2);
    expect(toHex(message + 32, 2)).toBe("81a5");
    expect(bitmap(9, 0x1fe)).toBe(8);
    expect(toHex(message + 32, 3)).toBe("fe01a5");
    expect(bitmap(17, 0x10001)).toBe(2);
    expect(toHex(message + 31, 5)).toBe("a5010001a5");
  });

  test("has a byte for every eight coins", () => {
    expect(bitmapBytes(1)).toBe(1);
    expect(bitmapBytes(8)).toBe(1);
    expect(bitmapBytes(9)).toBe(2);
    expect(bitmapBytes(3119)).toBe(390);
  });

  test("writes a byte only when its eight coins have been read", () => {
    begin();
    openBitmap();
    for (let i: u32 = 0; i < 7; i++) addBit(i, true);
    expect(load<u8>(message + 32)).toBe(GUARD);
    addBit(7, false);
    expect(load<u8>(message + 32)).toBe(0x7f);
  });
});

/** The outcome of aggregate() for that bitmap. */
function aggregated(count: u32, good: u64): Status {
  begin();
  openBitmap();
  for (let i: u32 = 0; i < count; i++) addBit(i, ((good >> i) & 1) !== 0);
  assert(aggregate(count) == Outcome.ANSWER);
  return context.status;
}

describe("aggregate", () => {
  test("tells all, none, or some with the bitmap", () => {
    expect(aggregated(3, 7)).toBe(Status.ALL_PASS);
    expect(context.replyBytes).toBe(0);
    expect(aggregated(3, 0)).toBe(Status.ALL_FAIL);
    expect(context.replyBytes).toBe(0);
    expect(aggregated(3, 5)).toBe(Status.MIXED);
    expect(context.replyBytes).toBe(1);
    expect(toHex(message + 32, 2)).toBe("05a5");
    expect(aggregated(16, 0x7fff)).toBe(Status.MIXED);
    expect(context.replyBytes).toBe(2);
  });
});
