/** Sessions whose sides go elsewhere, and what an onlooker sees of it: CIDs and addresses. */
import { TRANSFER } from "../../core/memory";
import { Status } from "../../core/status";
import { PathField, SessionState, TransferBlock, TransferEventKind } from "../../core/transfer";
import { now } from "../clock";
import { Epoch, epochAt, openPaths, sendingEpoch } from "../epoch";
import { close, migrate, ping, rekey, rekeyKey, rekeySecret, step } from "../exports";
import { freeIndex, indexCame } from "../path-index";
import { currentPath, NO_INDEX, Path } from "../path-slots";
import { sessionState } from "../session";
import { sessionOf } from "../session-head";
import { configureTransfer } from "./configured";
import {
  deliver,
  drain,
  FAR_OURS,
  FAR_THEIRS,
  farOf,
  flush,
  openBoth,
  ours,
  packetOf,
  senderOf,
  setTime,
  settleDown,
  theirs,
  told,
} from "./session-ends";

configureTransfer();
const MOVES = 600;
const ROUND_US: u64 = 2000;
const ARGUMENTS = TRANSFER + TransferBlock.ARGUMENTS;
/** Their second address, which is number 2 there. */
const OTHER_PORT: u16 = 4002;
const FAR_OTHER = farOf(2, OTHER_PORT);

let time: u64 = 1000000000;
let port: u16 = 0;
let oursAt = FAR_OURS;
let theirsAt = FAR_THEIRS;
/** Ports of theirs at which nothing arrives, and from which nothing comes; 0: none. */
let dead: u16 = 0;
let allDead = false;
/** Port of theirs from which nothing comes; 0: none. */
let mute: u16 = 0;
let asks = true;

/** Prefixes that were seen, and between which ports first. */
const SEEN_MAX = 8192;
const prefixes = new StaticArray<u32>(SEEN_MAX);
const ways = new StaticArray<u32>(SEEN_MAX);
let seen = 0;
/** Packets whose prefix had been seen on another way. */
let linked = 0;

function portOf(far: usize): u16 {
  return load<u16>(far, PathField.PORT);
}

function look(prefix: u32, way: u32): void {
  for (let i = 0; i < seen; i++) {
    if (prefixes[i] != prefix) continue;
    if (ways[i] != way) linked++;
    return;
  }
  prefixes[seen] = prefix;
  ways[seen++] = way;
}

/** Prefixes that were seen between our port and a port of theirs. */
function countOn(theirPort: u16): u32 {
  let count: u32 = 0;
  for (let i = 0; i < seen; i++) if (<u16>ways[i] == theirPort) count++;
  return count;
}

/** All sessions have the same keys, so that there must be no other ones. */
function start(): void {
  close(ours, 0, 0);
  close(theirs, 0, 0);
  for (let i = 0; i < 40 && (sessionOf(ours) || sessionOf(theirs)); i++) settleDown(1000000);
  time = max(time, now) + 100000000;
  setTime(time);
  oursAt = FAR_OURS;
  theirsAt = FAR_THEIRS;
  port = 5000;
  dead = 0;
  allDead = false;
  mute = 0;
  asks = true;
  openBoth();
  settleDown(1000);
  drain();
  seen = 0;
  linked = 0;
}

/** A packet goes its way, if somebody is where it goes. */
function carry(i: u32): void {
  const path = TRANSFER + TransferBlock.SENT + <usize>i * 64 + 8,
    isOurs = senderOf(i) == ours,
    local = load<u16>(path, PathField.LOCAL),
    here = isOurs ? portOf(oursAt) : portOf(path),
    there = isOurs ? portOf(path) : local == 2 ? OTHER_PORT : portOf(theirsAt);
  look(load<u32>(packetOf(i)), ((<u32>here) << 16) | there);
  if (allDead || there == dead) return;
  if (isOurs) {
    if (there != OTHER_PORT && there != portOf(theirsAt)) return;
    const from = farOf(0, 0);
    memory.copy(from, oursAt, PathField.BYTES);
    store<u16>(from, there == OTHER_PORT ? 2 : 0, PathField.LOCAL);
    deliver(i, from);
  } else if (there != mute && here == portOf(oursAt))
    deliver(i, there == OTHER_PORT ? FAR_OTHER : theirsAt);
}

/** Both hosts answer what a rekey asks of them, if they were asked. */
function answer(side: u32): void {
  memory.fill(ARGUMENTS, <u8>side, 32);
  rekeyKey(side);
  memory.fill(ARGUMENTS, 7, 32);
  rekeySecret(side);
}

/** Events of a kind that `side` was told within so many rounds, which end with the first. */
function awaits(side: u32, kind: u32, rounds: u32): u32 {
  for (let round: u32 = 0; round < rounds; round++) {
    const count = flush();
    for (let i: u32 = 0; i < count; i++) carry(i);
    if (asks) answer(ours);
    if (asks) answer(theirs);
    setTime(now + ROUND_US);
    step(<u32>now, <u32>(now >> 32));
    drain();
    if (told(side, kind)) return told(side, kind);
  }
  return 0;
}

function migrateTo(side: u32, far: usize): Status {
  memory.copy(ARGUMENTS, far, PathField.BYTES);
  return migrate(side);
}

/** A side has another address, and knows it. */
function move(side: u32): Status {
  const far = farOf(side == ours ? 1 : 2, ++port);
  if (side == ours) oursAt = far;
  else theirsAt = far;
  return migrateTo(side, side == ours ? theirsAt : oursAt);
}

function epochNumber(side: u32): u32 {
  return sendingEpoch(sessionOf(side));
}

/** All indices of the epoch before the last but `left` have been used and have come. */
function useUp(side: u32, left: u32): void {
  const session = sessionOf(side);
  openPaths(session, 0, 252 - left);
  indexCame(session, 0, 252 - left);
  store<u16>(currentPath(session), 252 - left, Path.INDEX);
  store<u8>(epochAt(session, 0), <u8>(252 - left), Epoch.TAKEN);
}

function manyMoves(isOurs: bool): void {
  start();
  const side = isOurs ? ours : theirs;
  const began = now;
  for (let i = 0; i < MOVES; i++) {
    if (move(side) != Status.OK) expect(i).toBe(-1, "refused");
    if (awaits(side, TransferEventKind.MIGRATED, 100) == 0) expect(i).toBe(-1, "never came");
    // No rekey begins while keys from before are held: 3 PTO, in which no epoch is used up.
    awaits(side, TransferEventKind.CLOSED, 3);
  }
  expect(now - began).toBeLessThan(60000000, "within the time of an epoch");
  expect(epochNumber(side)).toBe(5, "a rekey for each 202 indices, of which every other is ours");
  expect(linked).toBe(0);
}

describe("moves", () => {
  test("go on for as long as the session does, ours under a CID each", () => {
    manyMoves(true);
  });

  test("go on for as long as the session does, theirs under a CID each", () => {
    manyMoves(false);
  });

  test("that are a NAT's keep the CID, which is seen", () => {
    start();
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 20)).toBe(1);
    oursAt = farOf(1, ++port);
    ping(ours);
    expect(awaits(theirs, TransferEventKind.MIGRATED, 100)).toBe(1);
    expect(linked).toBeGreaterThan(0);
    expect(countOn(portOf(theirsAt))).toBe(1);
  });

  test("are not undone by what was on its way", () => {
    start();
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    for (let i = 0; i < 20; i++) {
      ping(theirs);
      ping(ours);
      if (awaits(ours, TransferEventKind.MIGRATED, 1)) break;
    }
    expect(portOf(currentPath(sessionOf(ours)))).toBe(OTHER_PORT);
    // It goes by the old path.
    ping(theirs);
    for (let i = 0; i < 20; i++) {
      ping(ours);
      awaits(ours, TransferEventKind.MIGRATED, 1);
      expect(portOf(currentPath(sessionOf(ours)))).toBe(OTHER_PORT);
    }
    expect(linked).toBe(0);
    expect(sessionState(sessionOf(theirs))).toBe(SessionState.ESTABLISHED);
  });

  test("that find no index left wait for the next epoch", () => {
    start();
    useUp(ours, 0);
    useUp(theirs, 0);
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(sessionState(sessionOf(ours))).toBe(SessionState.MIGRATING);
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.WRONG_STATE, "one move at a time");
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    expect(epochNumber(ours)).toBe(1);
    expect(linked).toBe(0);
    expect(migrateTo(ours, FAR_THEIRS)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    expect(linked).toBe(0);
  });

  test("do not wait for a rekey that cannot be", () => {
    start();
    useUp(ours, 0);
    useUp(theirs, 0);
    dead = portOf(theirsAt);
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(0, "325 ms + 650 + 1300");
    expect(countOn(OTHER_PORT)).toBe(0);
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(epochNumber(ours)).toBe(0);
    expect(linked).toBeGreaterThan(0, "the newest CID again");
    expect(awaits(ours, TransferEventKind.REKEYED, 2000)).toBe(1, "by the new way");
  });

  test("take an index that is left meanwhile", () => {
    start();
    useUp(ours, 2);
    useUp(theirs, 2);
    asks = false;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 20)).toBe(1);
    expect(epochNumber(ours)).toBe(0);
    expect(migrateTo(ours, FAR_THEIRS)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 20)).toBe(0, "253 is none");
    asks = true;
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(epochNumber(ours)).toBe(1);
    expect(linked).toBe(0);
  });

  test("that nobody heard of take no index that the peer does not know", () => {
    start();
    allDead = true;
    for (let i = 0; i < 3; i++) {
      expect(move(ours)).toBe(Status.OK);
      awaits(ours, TransferEventKind.MIGRATED, 5);
    }
    expect(move(ours)).toBe(Status.WRONG_STATE, "the third waits");
    ping(ours);
    expect(flush()).toBe(0, "nor does anything go from where it was not seen before");
    allDead = false;
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
  });

  test("of both sides at once show no CID twice", () => {
    start();
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(move(theirs)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    ping(theirs);
    expect(awaits(theirs, TransferEventKind.PONG, 100)).toBe(1);
    expect(countOn(OTHER_PORT)).toBe(1);
    expect(countOn(port)).toBe(1);
    expect(linked).toBe(0);
  });

  test("are heard of by the acks of what showed their CIDs", () => {
    start();
    mute = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 50);
    expect(freeIndex(sessionOf(ours))).toBe(3, "the challenge was acked by the way before");
  });

  test("are not where nothing of them is acked", () => {
    start();
    dead = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 50);
    expect(freeIndex(sessionOf(ours))).toBe(NO_INDEX);
  });

  test("that fail show no CID that is shown again", () => {
    start();
    for (let i: u16 = 0; i < 5; i++) {
      expect(migrateTo(ours, farOf(9, 9000 + i))).toBe(Status.OK);
      expect(awaits(ours, TransferEventKind.PATH_FAILED, 5000)).toBe(1, i.toString());
      expect(countOn(9000 + i)).toBeGreaterThan(0, "it was asked");
      // The peer knows two ahead, of which one is its own: new ones are there before they are
      // wanted.
      expect(awaits(ours, TransferEventKind.REKEYED, 100)).toBe(1, i.toString());
    }
    expect(linked).toBe(0);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
  });
});

/** A rekey that a side asks for while we probe another way, by which `lost` packets go. */
function rekeyWhileProbing(weAsk: bool, lost: bool): void {
  start();
  const asking = weAsk ? ours : theirs;
  if (lost) dead = OTHER_PORT;
  else dead = portOf(theirsAt);
  expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
  // The challenge has gone, and its answer has not come.
  const count = flush();
  for (let i: u32 = 0; i < count; i++) carry(i);
  dead = OTHER_PORT;
  expect(countOn(OTHER_PORT)).toBe(1);
  expect(rekey(asking)).toBe(Status.OK);
  expect(awaits(asking, TransferEventKind.REKEYED, 100)).toBe(1);
  expect(sessionState(sessionOf(ours))).toBe(SessionState.MIGRATING);
  dead = 0;
  expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
  expect(epochNumber(ours)).toBe(1);
  for (let i = 0; i < 3; i++) {
    ping(theirs);
    expect(awaits(theirs, TransferEventKind.PONG, 100)).toBe(1);
  }
  expect(linked).toBe(0);
  expect(countOn(OTHER_PORT)).toBeGreaterThan(1, "one of each epoch");
}

describe("a rekey during a probe", () => {
  test("that we ask for shows a CID of its own on each way", () => {
    rekeyWhileProbing(true, true);
    rekeyWhileProbing(true, false);
  });

  test("that they ask for shows a CID of its own on each way", () => {
    rekeyWhileProbing(false, true);
    rekeyWhileProbing(false, false);
  });

  test("gives an answer its way where no other is left", () => {
    start();
    dead = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 5);
    // They have switched, and what they send by the old way is lost from then on.
    expect(rekey(theirs)).toBe(Status.OK);
    for (let i = 0; i < 50 && epochNumber(theirs) == 0; i++) {
      awaits(theirs, TransferEventKind.REKEYED, 1);
    }
    dead = portOf(theirsAt);
    expect(epochNumber(ours)).toBe(0);
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
    expect(epochNumber(ours)).toBe(1);
    expect(linked).toBe(0);
  });
});

describe("a move during a rekey", () => {
  test("takes no CID over that was for the address before", () => {
    start();
    expect(rekey(theirs)).toBe(Status.OK);
    for (let i = 0; i < 50 && epochNumber(theirs) == 0; i++) {
      awaits(theirs, TransferEventKind.REKEYED, 1);
    }
    expect(epochNumber(ours)).toBe(0);
    // Their first packet of the new epoch arrives where we are no more.
    const before = oursAt,
      count = flush();
    expect(move(ours)).toBe(Status.OK);
    const after = oursAt;
    oursAt = before;
    for (let i: u32 = 0; i < count; i++) if (senderOf(i) == theirs) carry(i);
    oursAt = after;
    expect(epochNumber(ours)).toBe(1);
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(linked).toBe(0);
  });

  test("shows one CID of its own in each epoch", () => {
    start();
    expect(rekey(ours)).toBe(Status.OK);
    expect(move(ours)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.REKEYED, 200)).toBe(1);
    awaits(theirs, TransferEventKind.REKEYED, 20);
    expect(sessionState(sessionOf(ours))).toBe(SessionState.ESTABLISHED);
    expect(countOn(portOf(theirsAt))).toBe(3, "the first, the move's, the new epoch's");
    expect(linked).toBe(0);
  });
});
