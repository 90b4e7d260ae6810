import { PathField } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { challengeFor } from "../challenge";
import { resetClock } from "../clock";
import { Session } from "../layout";
import {
  Answered,
  allowance,
  currentPath,
  failedPath,
  follow,
  isMigrating,
  onChallenge,
  onPathTimer,
  onResponse,
  Path,
  PathState,
  packetCameFrom,
  packetGoesTo,
  pathDeadline,
  pathDue,
  pathFrameBytes,
  probedPath,
  probePath,
  resetPathIndices,
  startPaths,
  takePathFrame,
} from "../path";
import { NEVER } from "../timer-wheel";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const session = bareSession();
const data = guarded(16);
const PTO_US: u64 = 100000;

/** A far end: the last byte of its address, its port, and the host's number. */
function far(address: u32, port: u32, handle: u32): usize {
  const at = guarded(PathField.BYTES);
  memory.fill(at, 0, PathField.BYTES);
  store<u8>(at, address, 15);
  store<u16>(at, port, PathField.PORT);
  store<u32>(at, handle, PathField.HANDLE);
  return at;
}
const HOME = far(1, 40, 0);
const PORT = far(1, 41, 0);
const AWAY = far(2, 40, 0);
const RELAY = far(0, 0, 9);

function start(): void {
  memory.fill(session + Session.PATHS, 0, 768);
  resetClock(1000000);
  startPaths(session, HOME);
}

/** A packet of the peer that is more than a probe. */
function comes(from: usize, n: u32): u32 {
  return follow(session, packetCameFrom(session, from, 0, 100), 0, n);
}

/** Sends what is due and answers it, if it is a challenge that goes to `to`. */
function answerChallenge(to: usize): Answered {
  const path = pathDue(session);
  expect(memory.compare(path, to, PathField.BYTES)).toBe(0, "the challenge goes there");
  store<u64>(data, takePathFrame(path, 4711, PTO_US));
  return onResponse(session, data);
}

describe("paths", () => {
  test("stay where they are for packets from the current path and for old ones", () => {
    start();
    expect(comes(HOME, 5)).toBe(0);
    expect(comes(AWAY, 5)).toBe(0, "no newer number");
    expect(comes(AWAY, 4)).toBe(0);
    expect(isMigrating(session)).toBe(false);
    expect(allowance(currentPath(session))).toBe(u32.MAX_VALUE);
    expect(pathDeadline(session)).toBe(NEVER);
  });

  test("follow the newest packet and hold back until it has answered", () => {
    start();
    comes(HOME, 1);
    expect(comes(AWAY, 2)).toBe(2, "another address: nothing is known");
    const path = currentPath(session);
    expect(memory.compare(path, AWAY, PathField.BYTES)).toBe(0);
    expect(allowance(path)).toBe(300);
    packetGoesTo(path, 299);
    expect(allowance(path)).toBe(1);
    packetGoesTo(path, 200);
    expect(allowance(path)).toBe(0);
    packetCameFrom(session, AWAY, 0, 1000);
    expect(isMigrating(session)).toBe(true);
    // The old path is asked as well; its answer changes nothing.
    let challenges = 0;
    let answered = Answered.NOTHING;
    for (let due = pathDue(session); due; due = pathDue(session), challenges++) {
      store<u64>(data, takePathFrame(due, 100 + challenges, PTO_US));
      const verdict = onResponse(session, data);
      if (verdict != Answered.NOTHING) answered = verdict;
    }
    expect(challenges).toBe(2);
    expect(answered).toBe(Answered.CURRENT);
    expect(isMigrating(session)).toBe(false);
    expect(allowance(path)).toBe(u32.MAX_VALUE);
  });

  test("take another port for the same way", () => {
    start();
    expect(comes(PORT, 1)).toBe(1);
    expect(comes(RELAY, 2)).toBe(2);
  });

  test("give up after three challenges and go back", () => {
    start();
    comes(AWAY, 1);
    let time: u64 = 1000000;
    for (let i = 0; i < 3; i++) {
      let due = pathDue(session);
      // The old path's challenge, once.
      while (due && load<u8>(due, Path.STATE) == PathState.VALID) {
        takePathFrame(due, 1, PTO_US);
        due = pathDue(session);
      }
      expect(due).toBe(currentPath(session));
      packetCameFrom(session, AWAY, 0, 1000);
      takePathFrame(due, 50 + i, PTO_US);
      expect(pathDeadline(session)).toBe(time + PTO_US);
      resetClock(time + PTO_US - 1);
      expect(onPathTimer(session)).toBe(0, "not yet");
      time += PTO_US;
      resetClock(time);
      const failed = onPathTimer(session);
      if (i < 2) expect(failed).toBe(0);
      else expect(memory.compare(failed, AWAY, PathField.BYTES)).toBe(0);
    }
    expect(memory.compare(currentPath(session), HOME, PathField.BYTES)).toBe(0);
    expect(memory.compare(failedPath(session), AWAY, PathField.BYTES)).toBe(0);
    expect(pathDeadline(session)).toBe(NEVER);
  });

  test("are probed before we move", () => {
    start();
    expect(probePath(session, AWAY, 1)).toBe(true);
    expect(probePath(session, PORT, 1)).toBe(false, "one at a time");
    expect(memory.compare(currentPath(session), HOME, PathField.BYTES)).toBe(0);
    expect(load<u32>(probedPath(session), Path.INDEX)).toBe(1);
    expect(answerChallenge(AWAY)).toBe(Answered.MOVED);
    expect(memory.compare(currentPath(session), AWAY, PathField.BYTES)).toBe(0);
    expect(probedPath(session)).toBe(0);
    start();
    probePath(session, PORT, 1);
    expect(answerChallenge(PORT)).toBe(Answered.MOVED_PORT);
    start();
    probePath(session, PORT, 1);
    store<u64>(data, takePathFrame(pathDue(session), 1, PTO_US) + 1);
    expect(onResponse(session, data)).toBe(Answered.NOTHING, "another's bytes");
  });

  test("accept the answer to any of the challenges", () => {
    start();
    probePath(session, AWAY, 1);
    takePathFrame(pathDue(session), 70, PTO_US);
    resetClock(1000000 + PTO_US);
    onPathTimer(session);
    takePathFrame(pathDue(session), 71, PTO_US);
    store<u64>(data, 70);
    expect(onResponse(session, data)).toBe(Answered.MOVED);
    expect(onResponse(session, data)).toBe(Answered.NOTHING, "once");
  });

  test("answer a challenge where it came from, as large as it was", () => {
    start();
    const path = packetCameFrom(session, RELAY, 2, 700);
    store<u64>(data, 99);
    onChallenge(path, data, 700);
    expect(pathDue(session)).toBe(path);
    expect(load<u32>(path, Path.INDEX)).toBe(2);
    expect(pathFrameBytes(path)).toBe(700);
    expect(takePathFrame(path, 1, PTO_US)).toBe(99);
    expect(pathDue(session)).toBe(0);
  });

  test("keep four slots whatever comes", () => {
    start();
    comes(AWAY, 1);
    for (let i: u32 = 0; i < 500; i++) packetCameFrom(session, far(3, i, 0), 0, 50);
    expect(memory.compare(currentPath(session), AWAY, PathField.BYTES)).toBe(0);
    for (let i: u32 = 2; i < 100; i++) comes(far(4, i, 0), i);
    expect(load<u16>(currentPath(session), PathField.PORT)).toBe(99);
    expect(load<u32>(session, Session.PATHS + 768)).toBe(load<u32>(session, Session.EPOCHS));
    resetPathIndices(session);
    expect(load<u32>(currentPath(session), Path.INDEX)).toBe(0);
  });

  test("have challenges that differ, and with the secret", () => {
    const first = challengeFor(session);
    expect(challengeFor(session)).not.toBe(first);
    const other = bareSession();
    store<u8>(other, 1, 192);
    expect(challengeFor(other)).not.toBe(first);
  });
});
