/** What a peer has no room for is no sign of congestion; what a network loses is. */
import { now, resetClock } from "../clock";
import { noteTaken, wasRefused } from "../refused";
import { clearFlag, Part, partOf, StreamFlag, setFlag, streamOf } from "../stream";
import { openStream } from "../stream-open";
import { configureTransfer } from "./configured";
import { dropEvents, endEnd, exchange, isClean, newEnd, recordOf, send } from "./stream-ends";
import { put } from "./stream-io";

configureTransfer(2, 64, 32);

/** Packets with bytes of two streams, and one with STREAM_OPEN. */
const LOSING: u32 = 1;
const GOING: u32 = 2;
const OPENING: u32 = 3;

let a: usize = 0;
let b: usize = 0;
let losing: usize = 0;

beforeEach(() => {
  resetClock(now + 5000000);
  a = newEnd(true);
  b = newEnd(false);
  losing = streamOf(openStream(a, 0, 9, false, 0, 0));
  const going = streamOf(openStream(a, 0, 9, false, 0, 0));
  exchange(a, b);
  put(losing, 0, 1);
  assert(send(a, LOSING) != 0);
  put(going, 0, 1);
  assert(send(a, GOING) != 0);
  openStream(a, 0, 9, false, 0, 0);
  assert(send(a, OPENING) != 0);
});
afterEach(() => {
  endEnd(a);
  endEnd(b);
  dropEvents();
  expect(isClean()).toBe(true, "nothing is left");
});

function take(packet: u32, times: u32): void {
  for (let i: u32 = 0; i < times; i++) noteTaken(a, recordOf(packet));
}

/** Loses a packet so many times; how many of them count as refused. */
function lose(packet: u32, times: u32): u32 {
  let refused: u32 = 0;
  for (let i: u32 = 0; i < times; i++) if (wasRefused(a, recordOf(packet))) refused++;
  return refused;
}

describe("a packet is taken for refused", () => {
  test("while its stream goes by credit, and not before or behind", () => {
    expect(lose(LOSING, 1)).toBe(0);
    setFlag(losing, StreamFlag.PEER_FULL);
    expect(lose(LOSING, 1)).toBe(1);
    expect(lose(GOING, 1)).toBe(0, "of another stream");
    expect(lose(OPENING, 1)).toBe(0, "no bytes");
    clearFlag(losing, StreamFlag.PEER_FULL);
    expect(lose(LOSING, 1)).toBe(0);
  });

  test("if its stream loses much while a hundred of another arrive", () => {
    expect(lose(LOSING, 8)).toBe(0, "none of another has arrived");
    take(GOING, 99);
    expect(lose(LOSING, 1)).toBe(0);
    take(GOING, 1);
    expect(lose(LOSING, 5)).toBe(5);
  });

  test("not if its stream loses less than a ninth", () => {
    take(LOSING, 100);
    take(GOING, 200);
    expect(lose(LOSING, 8)).toBe(0);
  });

  test("not if the others lose one now and then", () => {
    lose(LOSING, 8);
    take(GOING, 99);
    expect(lose(GOING, 1)).toBe(0);
    take(GOING, 99);
    expect(lose(LOSING, 1)).toBe(0);
  });

  test("not if the others arrived some time ago", () => {
    lose(LOSING, 8);
    take(GOING, 100);
    const roundTrip = load<u64>(partOf(a), Part.ROUND_TRIP);
    resetClock(now + 4 * roundTrip);
    expect(lose(LOSING, 1)).toBe(1);
    resetClock(now + 1);
    expect(lose(LOSING, 1)).toBe(0);
    take(GOING, 99);
    expect(lose(LOSING, 1)).toBe(0, "the row begins anew");
  });

  test("not by the acks of a stream that loses much itself", () => {
    lose(LOSING, 20);
    lose(GOING, 20);
    take(GOING, 100);
    expect(lose(LOSING, 1)).toBe(0);
    expect(lose(GOING, 1)).toBe(0);
  });
});
