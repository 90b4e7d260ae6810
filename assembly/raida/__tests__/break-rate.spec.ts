import { Flag, Wire } from "../../core/layout";
import { BREAK_RATE } from "../../core/memory";
import { countBreak, mayBreak } from "../break-rate";
import * as context from "../context";
import { startNode, TODAY } from "./node";

startNode(Wire.LEGACY, false);

const WINDOW: u64 = 28800000000;

function client(address: u32, flags: u32): void {
  context.setMessage(0, 0, 0, 0, flags, 0, 0);
  context.setAddress(address);
}
function setTime(time: u64): void {
  context.setNow(<u32>time, <u32>(time >> 32));
}

/** How often the client may break now, 40 times at the most. */
function breaksLeft(): u32 {
  let count: u32 = 0;
  for (; count < 40 && mayBreak(); count++) countBreak();
  return count;
}

describe("the rate of break", () => {
  beforeEach(() => {
    memory.fill(BREAK_RATE, 0, 524288);
    setTime(TODAY);
    client(0xc0000207, 0);
  });

  test("is 30 in a window, which begins with the first", () => {
    expect(breaksLeft()).toBe(30);
    setTime(TODAY + WINDOW - 1);
    expect(breaksLeft()).toBe(0);
    setTime(TODAY + WINDOW);
    expect(breaksLeft()).toBe(30);
  });

  test("counts what is made, not what is asked", () => {
    for (let i = 0; i < 100; i++) expect(mayBreak()).toBe(true);
    expect(breaksLeft()).toBe(30);
  });

  test("is one for addresses that share their last two octets", () => {
    expect(breaksLeft()).toBe(30);
    client(0x01020207, 0);
    expect(breaksLeft()).toBe(0);
    client(0xc0000208, 0);
    expect(breaksLeft()).toBe(30);
    client(0xc0000000, 0);
    expect(breaksLeft()).toBe(30, "the first slot");
    client(0xc000ffff, 0);
    expect(breaksLeft()).toBe(30, "the last slot");
  });

  test("does not bind this machine, nor count what it does", () => {
    expect(mayBreak()).toBe(true);
    countBreak();
    client(0x7f000207, Flag.LOCAL);
    expect(breaksLeft()).toBe(40);
    client(0xc0000207, 0);
    expect(breaksLeft()).toBe(29);
    client(0x7f000207, Flag.LOCAL);
    expect(breaksLeft()).toBe(40, "whoever shares its slot");
  });

  test("begins anew when the clock went back", () => {
    expect(breaksLeft()).toBe(30);
    setTime(TODAY - 1000000);
    expect(breaksLeft()).toBe(30);
  });
});
