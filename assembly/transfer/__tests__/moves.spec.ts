/** Sessions whose sides go elsewhere, and what an onlooker sees of it: CIDs and addresses. */
import { Status } from "../../core/status";
import { SessionState, TransferEventKind } from "../../core/transfer";
import { now } from "../clock";
import { Epoch, epochAt, openPaths, sendingEpoch } from "../epoch";
import { ping, rekey } from "../exports";
import { freeIndex, indexCame } from "../path-index";
import { currentPath, NO_INDEX, Path } from "../path-slots";
import { sessionState } from "../session";
import { sessionOf } from "../session-head";
import {
  awaits,
  carry,
  countOn,
  FAR_OTHER,
  migrateTo,
  move,
  net,
  OTHER_PORT,
  portOf,
  sentBy,
  start,
  toPort,
} from "./moving-ends";
import { FAR_THEIRS, farOf, flush, ours, senderOf, theirs, told } from "./session-ends";

const MOVES = 600;

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
  expect(net.linked).toBe(0);
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
    net.oursAt = farOf(1, ++net.port);
    ping(ours);
    expect(awaits(theirs, TransferEventKind.MIGRATED, 100)).toBe(1);
    expect(net.linked).toBeGreaterThan(0);
    expect(countOn(portOf(net.theirsAt))).toBe(1);
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
    expect(net.linked).toBe(0);
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
    expect(net.linked).toBe(0);
    expect(migrateTo(ours, FAR_THEIRS)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    expect(net.linked).toBe(0);
  });

  test("do not wait for a rekey that cannot be", () => {
    start();
    useUp(ours, 0);
    useUp(theirs, 0);
    net.dead = portOf(net.theirsAt);
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(0, "325 ms + 650 + 1300");
    expect(countOn(OTHER_PORT)).toBe(0);
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(epochNumber(ours)).toBe(0);
    expect(net.linked).toBeGreaterThan(0, "the newest CID again");
    expect(awaits(ours, TransferEventKind.REKEYED, 2000)).toBe(1, "by the new way");
  });

  test("take an index that is left meanwhile", () => {
    start();
    useUp(ours, 2);
    useUp(theirs, 2);
    net.asks = false;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 20)).toBe(1);
    expect(epochNumber(ours)).toBe(0);
    expect(migrateTo(ours, FAR_THEIRS)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 20)).toBe(0, "253 is none");
    net.asks = true;
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(epochNumber(ours)).toBe(1);
    expect(net.linked).toBe(0);
  });

  test("that nobody heard of take no index that the peer does not know", () => {
    start();
    net.allDead = true;
    for (let i = 0; i < 3; i++) {
      expect(move(ours)).toBe(Status.OK);
      awaits(ours, TransferEventKind.MIGRATED, 5);
    }
    expect(move(ours)).toBe(Status.WRONG_STATE, "the third waits");
    ping(ours);
    expect(flush()).toBe(0, "nor does anything go from where it was not seen before");
    net.allDead = false;
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
  });

  test("that wait for an index say nothing for 325 ms, and are known again then", () => {
    start();
    net.allDead = true;
    for (let i = 0; i < 3; i++) {
      move(ours);
      awaits(ours, TransferEventKind.MIGRATED, 5);
    }
    expect(net.linked).toBe(0);
    ping(ours);
    expect(sentBy(ours, 300000)).toBe(0);
    expect(sentBy(ours, 20000)).toBeGreaterThan(0, "a session that says nothing ends");
    expect(net.linked).toBeGreaterThan(0, "every CID that they know has been shown");
  });

  test("of both sides at once show no CID twice", () => {
    start();
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(move(theirs)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    ping(theirs);
    expect(awaits(theirs, TransferEventKind.PONG, 100)).toBe(1);
    expect(countOn(OTHER_PORT)).toBe(1);
    expect(countOn(net.port)).toBe(1);
    expect(net.linked).toBe(0);
  });

  test("are heard of by the acks of what showed their CIDs", () => {
    start();
    net.mute = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 50);
    expect(freeIndex(sessionOf(ours))).toBe(3, "the challenge was acked by the way before");
  });

  test("are not where nothing of them is acked", () => {
    start();
    net.dead = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 50);
    expect(freeIndex(sessionOf(ours))).toBe(NO_INDEX);
  });

  test("that fail show no CID that is shown again", () => {
    start();
    for (let i: u16 = 0; i < 5; i++) {
      expect(migrateTo(ours, farOf(9, 9000 + i))).toBe(Status.OK);
      expect(awaits(ours, TransferEventKind.PATH_FAILED, 5000)).toBe(1, i.toString());
      expect(told(ours, TransferEventKind.MIGRATED)).toBe(0, "it is where it was");
      expect(countOn(9000 + i)).toBeGreaterThan(0, "it was asked");
      // The peer knows two ahead, of which one is its own: new ones are there before they are
      // wanted.
      expect(awaits(ours, TransferEventKind.REKEYED, 100)).toBe(1, i.toString());
    }
    expect(net.linked).toBe(0);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
  });

  test("tell where the session goes on when its path has failed: the next begins there", () => {
    start();
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.MIGRATED, 100)).toBe(1);
    awaits(ours, TransferEventKind.CLOSED, 50);
    // We have another address, and to there the way carries no challenge.
    net.narrow = OTHER_PORT;
    net.oursAt = farOf(1, ++net.port);
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PATH_FAILED, 2000)).toBe(1);
    const isTold = told(ours, TransferEventKind.MIGRATED) != 0;
    expect(portOf(currentPath(sessionOf(ours)))).toBe(portOf(net.theirsAt), "the one before");
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
    // The host moves from where it knows the session to be.
    net.oursAt = farOf(1, ++net.port);
    expect(migrateTo(ours, isTold ? net.theirsAt : FAR_OTHER)).toBe(Status.OK);
    ping(ours);
    expect(awaits(ours, TransferEventKind.PONG, 100)).toBe(1);
    expect(net.linked).toBe(0);
  });
});

/** A rekey that a side asks for while we probe another way, by which `lost` packets go. */
function rekeyWhileProbing(weAsk: bool, lost: bool): void {
  start();
  const asking = weAsk ? ours : theirs;
  if (lost) net.dead = OTHER_PORT;
  else net.dead = portOf(net.theirsAt);
  expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
  // The challenge has gone, and its answer has not come.
  const count = flush();
  for (let i: u32 = 0; i < count; i++) carry(i);
  net.dead = OTHER_PORT;
  expect(countOn(OTHER_PORT)).toBe(1);
  expect(rekey(asking)).toBe(Status.OK);
  expect(awaits(asking, TransferEventKind.REKEYED, 100)).toBe(1);
  expect(sessionState(sessionOf(ours))).toBe(SessionState.MIGRATING);
  net.dead = 0;
  expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
  expect(epochNumber(ours)).toBe(1);
  for (let i = 0; i < 3; i++) {
    ping(theirs);
    expect(awaits(theirs, TransferEventKind.PONG, 100)).toBe(1);
  }
  expect(net.linked).toBe(0);
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

  test("shows its first CID on the current path before another is asked", () => {
    start();
    net.dead = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 5);
    expect(rekey(ours)).toBe(Status.OK);
    for (let i = 0; i < 50 && epochNumber(ours) == 0; i++) {
      awaits(ours, TransferEventKind.REKEYED, 1);
    }
    expect(epochNumber(ours)).toBe(1);
    const count = flush();
    let first: u16 = 0,
      asked = 0;
    for (let i: u32 = 0; i < count; i++) {
      if (senderOf(i) != ours) continue;
      if (!first) first = toPort(i);
      if (toPort(i) == OTHER_PORT) asked++;
    }
    expect(first).toBe(portOf(net.theirsAt));
    expect(asked).toBe(1, "right behind it");
  });

  test("gives an answer its way where no other is left", () => {
    start();
    net.dead = OTHER_PORT;
    expect(migrateTo(ours, FAR_OTHER)).toBe(Status.OK);
    awaits(ours, TransferEventKind.MIGRATED, 5);
    // They have switched, and what they send by the old way is lost from then on.
    expect(rekey(theirs)).toBe(Status.OK);
    for (let i = 0; i < 50 && epochNumber(theirs) == 0; i++) {
      awaits(theirs, TransferEventKind.REKEYED, 1);
    }
    net.dead = portOf(net.theirsAt);
    expect(epochNumber(ours)).toBe(0);
    expect(awaits(ours, TransferEventKind.MIGRATED, 1000)).toBe(1);
    expect(epochNumber(ours)).toBe(1);
    expect(net.linked).toBe(0);
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
    const before = net.oursAt,
      count = flush();
    expect(move(ours)).toBe(Status.OK);
    const after = net.oursAt;
    net.oursAt = before;
    for (let i: u32 = 0; i < count; i++) if (senderOf(i) == theirs) carry(i);
    net.oursAt = after;
    expect(epochNumber(ours)).toBe(1);
    expect(awaits(ours, TransferEventKind.MIGRATED, 200)).toBe(1);
    expect(net.linked).toBe(0);
  });

  test("shows one CID of its own in each epoch", () => {
    start();
    expect(rekey(ours)).toBe(Status.OK);
    expect(move(ours)).toBe(Status.OK);
    expect(awaits(ours, TransferEventKind.REKEYED, 200)).toBe(1);
    awaits(theirs, TransferEventKind.REKEYED, 20);
    expect(sessionState(sessionOf(ours))).toBe(SessionState.ESTABLISHED);
    expect(countOn(portOf(net.theirsAt))).toBe(3, "the first, the move's, the new epoch's");
    expect(net.linked).toBe(0);
  });
});
