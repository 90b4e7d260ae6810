import { PathField } from "../../core/transfer";
import { guarded } from "../../crypto/__tests__/bytes";
import { challengeFor } from "../challenge";
import { now, resetClock } from "../clock";
import { Session } from "../layout";
import {
  Answered,
  follow,
  isBehind,
  isMigrating,
  isNewest,
  onChallenge,
  onPathTimer,
  onResponse,
  pathDeadline,
  pathDue,
  pathFrameBytes,
  probePath,
  spareAllowance,
  takePathFrame,
} from "../path";
import { leaveIndices } from "../path-index";
import {
  allowance,
  currentPath,
  failedPath,
  NO_INDEX,
  Path,
  PathState,
  packetCameFrom,
  packetGoesTo,
  probedPath,
  samePlace,
  startPaths,
} from "../path-slots";
import { NEVER } from "../timer-wheel";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const session = bareSession();
const data = guarded(16);
/** Of a session that has no sample, and of a way of which nothing is known. */
const PTO_US: u64 = 26000;
const UNKNOWN_US: u64 = 325000;

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

/** The number of another epoch than the one that is sent in, which is 0. */
const BEFORE: u32 = 9;

/** A packet of the peer that is more than a probe. */
function comes(from: usize, n: u32): u32 {
  const path = packetCameFrom(session, from, 0, 100);
  return isNewest(session, 0, n) ? follow(session, path) : 0;
}

/** Sends what is due and answers it, if it is a challenge that goes to `to`. */
function answerChallenge(to: usize): Answered {
  const path = pathDue(session);
  expect(memory.compare(path, to, PathField.BYTES)).toBe(0, "the challenge goes there");
  store<u64>(data, takePathFrame(session, path, 4711));
  return onResponse(session, data);
}

/** Sends all that is due; how many frames. The old path's are answered if `old` says so. */
function sendDue(old: bool): u32 {
  let frames: u32 = 0;
  for (let path = pathDue(session); path; path = pathDue(session), frames++) {
    const isOld = load<u8>(path, Path.STATE) == PathState.VALID;
    packetGoesTo(path, pathFrameBytes(path));
    store<u64>(data, takePathFrame(session, path, 900 + frames));
    if (isOld && old) expect(onResponse(session, data)).toBe(Answered.NOTHING);
  }
  return frames;
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
      store<u64>(data, takePathFrame(session, due, 100 + challenges));
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
    expect(pathDeadline(session)).toBe(1000000 + PTO_US, "the way is as long as it was");
    expect(comes(RELAY, 2)).toBe(2);
  });

  test("take another address of ours for another way", () => {
    start();
    const called = far(1, 40, 0);
    store<u16>(called, 2, PathField.LOCAL);
    comes(HOME, 1);
    expect(comes(called, 2)).toBe(2);
    expect(answerChallenge(HOME)).toBe(Answered.NOTHING);
    expect(answerChallenge(called)).toBe(Answered.CURRENT);
    expect(comes(called, 3)).toBe(0);
  });

  test("are one place whichever of our addresses was called, and no other's", () => {
    const called = far(1, 40, 0);
    store<u16>(called, 2, PathField.LOCAL);
    expect(samePlace(HOME, called)).toBe(true);
    for (let i: u32 = 0; i < <u32>PathField.BYTES; i++) {
      if (i >> 1 == <u32>PathField.LOCAL >> 1) continue;
      memory.copy(called, HOME, PathField.BYTES);
      store<u8>(called + <usize>i, load<u8>(called + <usize>i) ^ 1);
      expect(samePlace(HOME, called)).toBe(false, i.toString());
    }
  });

  test("give up after three challenges and go back, if the old one answers", () => {
    start();
    comes(AWAY, 1);
    let time: u64 = 1000000;
    for (let i = 0; i < 3; i++) {
      expect(sendDue(true)).toBe(i == 0 ? 2 : 1, "a small one each time, and the old path's");
      resetClock(time + (UNKNOWN_US << i) - 1);
      expect(pathDeadline(session)).toBe(time + (UNKNOWN_US << i), "with back-off");
      expect(onPathTimer(session)).toBe(0, "not yet");
      time += UNKNOWN_US << i;
      resetClock(time);
      const failed = onPathTimer(session);
      if (i < 2) expect(failed).toBe(0);
      else expect(memory.compare(failed, AWAY, PathField.BYTES)).toBe(0);
    }
    expect(memory.compare(currentPath(session), HOME, PathField.BYTES)).toBe(0);
    expect(memory.compare(failedPath(session), AWAY, PathField.BYTES)).toBe(0);
    expect(pathDeadline(session)).toBe(NEVER);
    expect(pathDue(session)).toBe(0);
  });

  test("stay with the new path while the old one does not answer either, and ask both", () => {
    start();
    comes(PORT, 1);
    const path = currentPath(session);
    for (let i = 0; i < 20; i++) {
      const due = sendDue(false);
      // One packet of 100 bytes allows five challenges; the old path is asked each time.
      expect(due).toBe(i < 5 ? 2 : 1, "attempt " + i.toString());
      expect(pathDeadline(session)).not.toBe(NEVER);
      expect(pathDeadline(session) - now).toBeLessThan(5000001);
      resetClock(pathDeadline(session));
      expect(onPathTimer(session)).toBe(0);
      expect(currentPath(session)).toBe(path);
    }
    // The old one answers at last: by now that is enough to go back.
    store<u64>(data, 4711);
    for (let due = pathDue(session); due; due = pathDue(session)) {
      takePathFrame(session, due, 4711);
    }
    expect(onResponse(session, data)).toBe(Answered.NOTHING);
    expect(pathDeadline(session)).toBe(now);
    expect(onPathTimer(session)).toBe(path);
    expect(memory.compare(currentPath(session), HOME, PathField.BYTES)).toBe(0);
  });

  test("ask again when the first challenge is lost, with what the first left", () => {
    start();
    comes(PORT, 1);
    const path = currentPath(session);
    expect(pathFrameBytes(path)).toBe(60, "1200 bytes are not allowed");
    expect(spareAllowance(path)).toBe(120, "two more challenges may have to go");
    sendDue(false);
    packetGoesTo(path, spareAllowance(path));
    expect(spareAllowance(path)).toBe(0);
    resetClock(pathDeadline(session));
    onPathTimer(session);
    expect(pathFrameBytes(path)).toBe(60);
    store<u64>(data, takePathFrame(session, path, 77));
    expect(onResponse(session, data)).toBe(Answered.CURRENT);
    expect(pathDue(session)).toBe(0, "the old path need not answer any more");
  });

  test("send large challenges where the allowance leaves enough for the next ones", () => {
    start();
    follow(session, packetCameFrom(session, PORT, 0, 439));
    expect(pathFrameBytes(currentPath(session))).toBe(60, "1317 are 3 short");
    packetCameFrom(session, PORT, 0, 1);
    expect(pathFrameBytes(currentPath(session))).toBe(1200);
    packetGoesTo(currentPath(session), 1200);
    takePathFrame(session, currentPath(session), 1);
    resetClock(pathDeadline(session));
    onPathTimer(session);
    expect(pathFrameBytes(currentPath(session))).toBe(60);
  });

  test("go on as soon as something comes from a path that had used up its allowance", () => {
    start();
    comes(PORT, 1);
    const path = currentPath(session);
    packetGoesTo(path, 300);
    expect(sendDue(false)).toBe(1, "only the old path's may go");
    for (let i = 0; i < 3; i++) {
      resetClock(pathDeadline(session));
      expect(onPathTimer(session)).toBe(0);
    }
    packetCameFrom(session, PORT, 0, 60);
    expect(pathFrameBytes(path)).toBe(60);
    store<u64>(data, takePathFrame(session, path, 5));
    expect(onResponse(session, data)).toBe(Answered.CURRENT);
  });

  test("are probed before we move", () => {
    start();
    expect(probePath(session, AWAY, 1)).toBe(true);
    expect(probePath(session, PORT, 1)).toBe(false, "one at a time");
    expect(memory.compare(currentPath(session), HOME, PathField.BYTES)).toBe(0);
    expect(load<u16>(probedPath(session), Path.INDEX)).toBe(1);
    expect(answerChallenge(AWAY)).toBe(Answered.MOVED);
    expect(memory.compare(currentPath(session), AWAY, PathField.BYTES)).toBe(0);
    expect(probedPath(session)).toBe(0);
    start();
    probePath(session, PORT, 1);
    expect(answerChallenge(PORT)).toBe(Answered.MOVED_PORT);
    start();
    probePath(session, PORT, 1);
    store<u64>(data, takePathFrame(session, pathDue(session), 1) + 1);
    expect(onResponse(session, data)).toBe(Answered.NOTHING, "another's bytes");
  });

  test("are not left again for what the peer sent before it heard of the move", () => {
    start();
    probePath(session, AWAY, 3);
    expect(isBehind(session, 0, 2)).toBe(false, "we have not moved");
    expect(answerChallenge(AWAY)).toBe(Answered.MOVED);
    expect(isBehind(session, 0, 2)).toBe(true);
    expect(isBehind(session, 0, 3)).toBe(false, "it follows, or its NAT does");
    expect(isBehind(session, 0, 4)).toBe(false, "it moves");
    expect(isBehind(session, BEFORE, 2)).toBe(true, "of the epoch before, in which we were there");
    expect(isBehind(session, BEFORE, 200)).toBe(true);
    store<u16>(currentPath(session), 3, Path.INDEX_BEFORE);
    expect(isBehind(session, BEFORE, 2)).toBe(true);
    expect(isBehind(session, BEFORE, 3)).toBe(false, "there we moved with 3");
    resetClock(now + 3 * UNKNOWN_US - 1);
    expect(isBehind(session, 0, 2)).toBe(true);
    resetClock(now + 1);
    expect(isBehind(session, 0, 2)).toBe(false, "it does not hear us there");
  });

  test("show no index from an address of ours that belongs to the one before", () => {
    start();
    const other = packetCameFrom(session, AWAY, 2, 100);
    expect(load<u16>(other, Path.INDEX)).toBe(2);
    leaveIndices(session, 4);
    expect(load<u16>(other, Path.INDEX)).toBe(<u16>NO_INDEX);
    packetCameFrom(session, AWAY, 3, 100);
    expect(load<u16>(other, Path.INDEX)).toBe(<u16>NO_INDEX, "it went to where we were");
    packetCameFrom(session, AWAY, NO_INDEX, 100);
    expect(load<u16>(other, Path.INDEX)).toBe(<u16>NO_INDEX, "the epoch before");
    packetCameFrom(session, AWAY, 4, 100);
    expect(load<u16>(other, Path.INDEX)).toBe(4);
    packetCameFrom(session, AWAY, 3, 100);
    expect(load<u16>(other, Path.INDEX)).toBe(4, "never back");
  });

  test("are asked no more once the peer has left them and nothing depends on them", () => {
    start();
    expect(comes(AWAY, 1)).toBe(2);
    const away = currentPath(session);
    expect(load<u8>(away, Path.CHALLENGE_DUE)).toBe(1);
    expect(comes(RELAY, 2)).toBe(2);
    expect(load<u8>(away, Path.STATE)).toBe(<u8>PathState.SEEN);
    for (let i = 0; i < 6; i++) {
      for (let path = pathDue(session); path; path = pathDue(session)) {
        expect(path).not.toBe(away);
        takePathFrame(session, path, 2 + i);
      }
      expect(pathDeadline(session)).toBe(load<u64>(currentPath(session), Path.DEADLINE));
      resetClock(pathDeadline(session));
      packetCameFrom(session, RELAY, 0, 1000);
      expect(onPathTimer(session)).toBe(0);
    }
    expect(comes(AWAY, 3)).toBe(2);
    expect(load<u8>(away, Path.CHALLENGE_DUE)).toBe(1, "it has come back");
  });

  test("accept the answer to any of the challenges", () => {
    start();
    probePath(session, AWAY, 1);
    takePathFrame(session, pathDue(session), 70);
    resetClock(1000000 + UNKNOWN_US);
    onPathTimer(session);
    takePathFrame(session, pathDue(session), 71);
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
    expect(load<u16>(path, Path.INDEX)).toBe(2);
    expect(pathFrameBytes(path)).toBe(700);
    expect(takePathFrame(session, path, 1)).toBe(99);
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
  });

  test("have challenges that differ, and with the secret", () => {
    const first = challengeFor(session);
    expect(challengeFor(session)).not.toBe(first);
    const other = bareSession();
    store<u8>(other, 1, 192);
    expect(challengeFor(other)).not.toBe(first);
  });
});
