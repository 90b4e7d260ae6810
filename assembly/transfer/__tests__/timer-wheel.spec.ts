import { resetClock } from "../clock";
import { anyReady, dropReady, makeReady, resetReady, takeReady } from "../ready";
import { Head } from "../session-head";
import {
  beginRound,
  isSooner,
  NEVER,
  nextDue,
  nextWake,
  resetWheel,
  setTimer,
} from "../timer-wheel";
import { bareSession, below, configureTransfer, seed } from "./configured";

configureTransfer();

const COUNT: i32 = 40;
const TICK_US: u64 = 64;
const sessions: usize[] = [];
for (let i = 0; i < COUNT; i++) sessions.push(bareSession());

function start(us: u64): void {
  for (let i = 0; i < COUNT; i++) setTimer(sessions[i], NEVER);
  resetWheel();
  resetClock(us);
  beginRound();
  expect(nextDue()).toBe(0, "nothing is due");
}

/** How many are due by a time. */
function due(us: u64): u32 {
  resetClock(us);
  beginRound();
  let count: u32 = 0;
  while (nextDue()) count++;
  return count;
}

describe("timer wheel", () => {
  test("gives a session once, not before its deadline and a tick after at the latest", () => {
    const spans: u64[] = [1, 63, 64, 65, 16383, 16384, 16385, 5000000, 2000000000, 400000000000];
    for (let i = 0; i < spans.length; i++) {
      start(1700000000000000 + 77 * i);
      const deadline = 1700000000000000 + 77 * i + spans[i];
      setTimer(sessions[0], deadline);
      expect(due(deadline - 1)).toBe(0, "early at " + spans[i].toString());
      expect(due(deadline + TICK_US)).toBe(1, "late at " + spans[i].toString());
      expect(due(deadline + 600000000000)).toBe(0, "twice at " + spans[i].toString());
    }
  });

  test("tells whether a session is due before a time", () => {
    start(1000000);
    expect(isSooner(sessions[0], NEVER)).toBe(false, "it is not due at all");
    setTimer(sessions[0], 1002000);
    expect(isSooner(sessions[0], 1002001)).toBe(true);
    expect(isSooner(sessions[0], 1002000)).toBe(false);
    expect(due(1003000)).toBe(1);
    expect(isSooner(sessions[0], NEVER)).toBe(false, "it has been given");
  });

  test("gives nothing that was taken out or moved on", () => {
    start(1000000);
    setTimer(sessions[0], 1002000);
    setTimer(sessions[1], 1002000);
    setTimer(sessions[2], 1002000);
    setTimer(sessions[1], NEVER);
    setTimer(sessions[2], 9000000);
    expect(nextWake()).toBeGreaterThan(1000000);
    expect(nextWake()).toBeLessThanOrEqual(1002000 + TICK_US);
    expect(due(1003000)).toBe(1);
    expect(due(9001000)).toBe(1);
    expect(nextWake()).toBe(NEVER);
  });

  test("ends a round in which a session sets a deadline that has passed", () => {
    start(5000000);
    setTimer(sessions[0], 5000000);
    let rounds = 0;
    for (let time: u64 = 5000064; rounds < 5; rounds++, time += TICK_US) {
      resetClock(time);
      beginRound();
      expect(nextDue()).toBe(sessions[0]);
      setTimer(sessions[0], 1);
      expect(nextDue()).toBe(0, "once a round");
    }
  });

  test("agrees with a list, for any deadlines and steps", () => {
    const seeds: u32[] = [1, 77, 4242];
    for (let s = 0; s < seeds.length; s++) {
      seed(seeds[s]);
      const name = "seed " + seeds[s].toString();
      let time: u64 = 1000000 * <u64>below(1000000);
      start(time);
      const deadlines = new StaticArray<u64>(COUNT).fill(NEVER);
      for (let step = 0; step < 500; step++) {
        for (let i = 0; i < 4; i++) {
          const which = below(COUNT),
            far = below(8) == 0 ? 3000000000 : below(2) ? 40000 : 6000000;
          deadlines[which] = below(10) == 0 ? NEVER : time + below(<u32>far);
          setTimer(sessions[which], deadlines[which]);
        }
        const wake = nextWake();
        let right = true;
        for (let i = 0; i < COUNT; i++) {
          if (deadlines[i] == NEVER) continue;
          right = right && wake <= max(deadlines[i], time) + 2 * TICK_US;
        }
        time =
          below(3) && wake != NEVER ? max(wake, time) : time + below(below(9) ? 20000 : 9000000);
        resetClock(time);
        beginRound();
        for (let got = nextDue(); got; got = nextDue()) {
          const which = sessions.indexOf(got);
          right = right && deadlines[which] <= time;
          deadlines[which] = NEVER;
        }
        for (let i = 0; i < COUNT; i++) right = right && deadlines[i] > time - 2 * TICK_US;
        expect(right).toBe(true, name + ", step " + step.toString());
      }
    }
  });
});

describe("ready list", () => {
  test("gives each session once, in order, and not what was dropped", () => {
    resetReady();
    for (let i = 0; i < 4; i++) makeReady(sessions[i]);
    makeReady(sessions[1]);
    dropReady(sessions[0]);
    dropReady(sessions[3]);
    dropReady(sessions[3]);
    makeReady(sessions[5]);
    expect(takeReady()).toBe(sessions[1]);
    expect(takeReady()).toBe(sessions[2]);
    expect(takeReady()).toBe(sessions[5]);
    expect(takeReady()).toBe(0);
    expect(anyReady()).toBe(false);
    makeReady(sessions[0]);
    expect(takeReady()).toBe(sessions[0]);
    expect(load<u8>(sessions[0], Head.READY)).toBe(0);
  });
});
