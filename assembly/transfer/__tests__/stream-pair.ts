/** Two ends of a session for each test of a spec, of which it leaves nothing behind. */
import { resetClock } from "../clock";
import { dropEvents, endEnd, isClean, newEnd } from "./stream-ends";

/** The initiator's end, and the other. */
export let a: usize = 0;
export let b: usize = 0;

function begin(streams: u32): void {
  a = newEnd(true, streams);
  b = newEnd(false, streams);
}

function end(): void {
  endEnd(a);
  endEnd(b);
}

/** Before the tests of a spec. */
export function eachTestHasTwoEnds(): void {
  beforeEach(() => {
    resetClock(5000000);
    begin(64);
  });
  afterEach(() => {
    end();
    dropEvents();
    expect(isClean()).toBe(true, "nothing is left");
  });
}

/** Other ends for this test, with so many streams each way. */
export function beginAnew(streams: u32): void {
  end();
  begin(streams);
}
