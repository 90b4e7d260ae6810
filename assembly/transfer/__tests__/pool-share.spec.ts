import { Pool, poolSize } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { blockCount, blocksFree, Side } from "../blocks";
import { resetClock } from "../clock";
import { grantOfSession, widenStream } from "../flow";
import { Session } from "../layout";
import { entriesLeft, giveEntry } from "../pool";
import {
  dropShares,
  giveShared,
  ownerOf,
  shareHeld,
  shareLeft,
  shareSize,
  takeShared,
  urgentLeft,
} from "../pool-share";
import { RangeSet } from "../ranges";
import { consumed, nextReadable } from "../receive-side";
import { handleEntry, sessionHandle } from "../session-head";
import { Stream } from "../stream";
import { findStream } from "../stream-table";
import { Handled } from "../verdict";
import { bareSession, below, configureTransfer, seed } from "./configured";
import { dropEvents, endEnd, handle, isClean, newEnd } from "./stream-ends";
import { data, opens } from "./stream-frames";

configureTransfer(8);
const SESSIONS: u32 = 8;
/** Blocks: 28 promised to each of 8 sessions, 4 spare ones each, 256 for all. */
const BLOCKS: u32 = 512;

function end(session: usize): void {
  dropShares(session);
  giveEntry(Pool.SESSIONS, handleEntry(sessionHandle(session)));
}

/** Takes all that a session may have of a pool; the entries. */
function takeAll(session: usize, pool: Pool): u32[] {
  const taken: u32[] = [];
  while (shareLeft(session, pool)) taken.push(takeShared(session, pool));
  return taken;
}

function giveAll(session: usize, pool: Pool, taken: u32[]): void {
  while (taken.length) giveShared(session, pool, taken.pop());
}

describe("shares", () => {
  test("are two thirds of what is common for one, and what was promised for all others", () => {
    const hog = bareSession(),
      held = takeAll(hog, Pool.BLOCKS);
    expect(<u32>held.length).toBe(28 + 170);
    const others: usize[] = [],
      theirs: u32[][] = [];
    let before: u32 = held.length;
    for (let i: u32 = 1; i < SESSIONS; i++) {
      const other = bareSession(),
        taken = takeAll(other, Pool.BLOCKS);
      expect(<u32>taken.length).toBeLessThan(before + 1);
      expect(<u32>taken.length).toBeGreaterThan(27, "what is promised");
      before = taken.length;
      others.push(other);
      theirs.push(taken);
    }
    expect(theirs[0].length).toBe(28 + 57, "beside one that has all it can");
    // Whatever they hold, a stream of each side can begin, both ways.
    for (let i = 0; i < others.length; i++) {
      expect(urgentLeft(others[i], Pool.BLOCKS)).toBe(4);
      for (let spare = 0; spare < 4; spare++) {
        const entry = takeShared(others[i], Pool.BLOCKS);
        expect(entry).not.toBe(0);
        theirs[i].push(entry);
      }
      expect(takeShared(others[i], Pool.BLOCKS)).toBe(0);
    }
    for (let i = 0; i < others.length; i++) {
      giveAll(others[i], Pool.BLOCKS, theirs[i]);
      end(others[i]);
    }
    giveAll(hog, Pool.BLOCKS, held);
    end(hog);
    expect(isClean()).toBe(true);
  });

  test("hold whatever sessions take and give back (seed 77)", () => {
    seed(77);
    const pools: Pool[] = [Pool.STREAMS, Pool.SENT, Pool.KEYS, Pool.BLOCKS, Pool.RANGES];
    for (let p = 0; p < pools.length; p++) {
      const pool = pools[p],
        sessions: usize[] = [],
        taken: u32[][] = [];
      for (let i: u32 = 0; i < SESSIONS; i++) {
        sessions.push(bareSession());
        taken.push([]);
      }
      let refused = 0;
      for (let step = 0; step < 20000; step++) {
        const i = below(below(3) ? 2 : SESSIONS),
          session = sessions[i];
        if (below(5) == 0 && taken[i].length) giveShared(session, pool, taken[i].pop());
        else {
          const left = urgentLeft(session, pool),
            entry = takeShared(session, pool);
          if ((entry != 0) != (left != 0)) refused++;
          if (entry) taken[i].push(entry);
        }
        // Whoever holds less than a sixteenth of the pool can have more.
        for (let j: u32 = 0; j < SESSIONS; j++) {
          if (shareHeld(sessions[j], pool) != <u32>taken[j].length) refused++;
          const least = poolSize(pool) / (2 * SESSIONS);
          if (<u32>taken[j].length < least && urgentLeft(sessions[j], pool) == 0) refused++;
        }
      }
      expect(refused).toBe(0, "pool " + (<u32>pool).toString());
      for (let i: u32 = 0; i < SESSIONS; i++) {
        giveAll(sessions[i], pool, taken[i]);
        end(sessions[i]);
      }
      expect(entriesLeft(pool)).toBe(poolSize(pool));
    }
  });

  test("end with their session, though an event still carries something of it", () => {
    const session = bareSession(),
      slot = takeShared(session, Pool.MESSAGES);
    end(session);
    const next = bareSession();
    expect(shareHeld(next, Pool.MESSAGES)).toBe(0);
    giveShared(0, Pool.MESSAGES, slot);
    end(next);
    expect(entriesLeft(Pool.MESSAGES)).toBe(poolSize(Pool.MESSAGES));
  });

  test("are those of the session in whose memory something lies", () => {
    const session = newEnd(false);
    handle(session, opens(1, 0, 0, 0), 0);
    expect(ownerOf(session + Session.EPOCHS + 100)).toBe(session);
    expect(ownerOf(session)).toBe(session);
    expect(ownerOf(findStream(session, 1) + Stream.READY)).toBe(session);
    expect(ownerOf(guarded(16))).toBe(0);
    endEnd(session);
    dropEvents();
  });
});

/** A peer that leaves out what a reader waits for, and sends all else that finds room. */
function fill(session: usize): u32 {
  let frames: u32 = 0;
  for (let number: u32 = 1; number < 17; number += 2) {
    if (handle(session, opens(number, 0, 0, 0), 0) != Handled.OK) break;
    for (let i: u64 = 1; i < 600; i++, frames++) {
      if (handle(session, data(number, i << 14, 1), 0) != Handled.OK) break;
    }
  }
  return frames;
}

describe("beside peers that fill all they can", () => {
  test("a session receives, and sends, and keeps the window it began with", () => {
    resetClock(1000000);
    const hogs: usize[] = [];
    for (let i: u32 = 0; i < SESSIONS - 1; i++) hogs.push(newEnd(false));
    for (let i = 0; i < hogs.length; i++) expect(fill(hogs[i])).toBeGreaterThan(20);
    const good = newEnd(false);
    handle(good, opens(1, 0, 0, 0), 0);
    const stream = findStream(good, 1);
    let read: u64 = 0;
    // A window of 64 KiB whose first packet comes last, again and again.
    for (let round = 0; round < 50; round++) {
      for (let at: u64 = 1000; at < 65000; at += 1000) {
        expect(handle(good, data(1, read + at, 1000), 0)).toBe(Handled.OK);
      }
      expect(handle(good, data(1, read, 1000), 0)).toBe(Handled.OK);
      for (let bytes = nextReadable(stream); bytes; bytes = nextReadable(stream)) {
        consumed(stream, read, bytes);
        read += bytes;
      }
      grantOfSession(good);
      store<u64>(stream, read + 65536, Stream.GRANTED);
    }
    expect(read).toBe(50 * 65000);
    expect(blockCount(stream, Side.RECEIVE)).toBeLessThan(2);
    expect(blocksFree(stream, Side.SEND, 1, false)).toBe(true);
    endEnd(good);
    for (let i = 0; i < hogs.length; i++) endEnd(hogs[i]);
    dropEvents();
    expect(isClean()).toBe(true);
  });

  test("what a session held before they came does not keep it from reading on", () => {
    const good = newEnd(false);
    // More than it may have once the others are there, all of it behind a gap.
    fill(good);
    const held = shareHeld(good, Pool.BLOCKS),
      hogs: usize[] = [];
    for (let i: u32 = 0; i < SESSIONS - 1; i++) {
      hogs.push(newEnd(false));
      fill(hogs[i]);
    }
    expect(shareLeft(good, Pool.BLOCKS)).toBe(0);
    expect(shareSize(good, Pool.BLOCKS)).toBe(held);
    const stream = findStream(good, 1);
    const bytes = load<u64>(stream + Stream.RECEIVED, RangeSet.SUM);
    expect(handle(good, data(1, (bytes + 1) << 14, 2), 0)).toBe(
      Handled.NO_ROOM,
      "not what is far on",
    );
    expect(handle(good, data(1, 0, 16385), 0)).toBe(Handled.OK, "what is waited for");
    expect(nextReadable(stream)).toBe(16384);
    endEnd(good);
    for (let i = 0; i < hogs.length; i++) endEnd(hogs[i]);
    dropEvents();
    expect(isClean()).toBe(true);
  });

  test("a window grows no further than there is room, and not below the first", () => {
    resetClock(9000000);
    const session = newEnd(false);
    handle(session, opens(1, 0, 0, 0), 0);
    const stream = findStream(session, 1);
    for (let i: u64 = 1; i < 20; i++) {
      resetClock(9000000 + i * 1000000);
      widenStream(stream);
    }
    // 198 blocks alone and 4 spare ones. Seven eighths of them are for what comes, but for what is
    // kept for streams that begin: a sixteenth for ours, and 4 for the peer's, which holds one.
    expect(grantOfSession(session)).toBe((198 - 24 - 12 - 3) << 14);
    const hog = newEnd(false);
    fill(hog);
    const other = newEnd(false);
    handle(other, opens(1, 0, 0, 0), 0);
    for (let i: u64 = 1; i < 20; i++) {
      resetClock(40000000 + i * 1000000);
      widenStream(findStream(other, 1));
    }
    expect(grantOfSession(other)).toBeLessThan((198 - 24 - 12 - 3) << 14);
    expect(grantOfSession(other)).toBeGreaterThan((4 << 16) - 1);
    expect(entriesLeft(Pool.BLOCKS)).toBeLessThan(BLOCKS);
    endEnd(session);
    endEnd(other);
    endEnd(hog);
    dropEvents();
    expect(isClean()).toBe(true);
  });
});
