import { PrefixChange } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { takeEntry } from "../pool";
import {
  addPrefix,
  firstPrefix,
  nextPrefix,
  PATHS_PER_EPOCH,
  prefixEpoch,
  prefixLow,
  prefixPath,
  prefixSession,
  removePrefixes,
  takePrefixChanges,
} from "../prefix";
import { sessionOfEntry } from "../session-head";
import { below, configureTransfer, seed } from "./configured";

configureTransfer();
const SESSIONS: u32 = 64;
const sessions = new StaticArray<usize>(SESSIONS);
for (let i: u32 = 0; i < SESSIONS; i++) sessions[i] = sessionOfEntry(takeEntry(Pool.SESSIONS));
const cid = guarded(8);

function add(session: usize, epoch: u32, path: u32, prefix: u32): void {
  store<u32>(cid, prefix);
  store<u32>(cid, prefix ^ path, 4);
  addPrefix(session, epoch, path, cid);
}

/** What a host holds to be listed, by place. */
const PLACES: u32 = SESSIONS * 2 * PATHS_PER_EPOCH;
const told = new StaticArray<u32>(PLACES + 1);
const changes = guarded(5 * PrefixChange.BYTES);

/** Follows until there is nothing new; gives how much there was. */
function follow(): u32 {
  let all: u32 = 0;
  for (let came = takePrefixChanges(changes, 5); came; came = takePrefixChanges(changes, 5)) {
    all += came;
    for (let i: u32 = 0; i < came; i++) {
      const change = changes + <usize>i * PrefixChange.BYTES,
        prefix = bswap<u32>(load<u32>(change, PrefixChange.PREFIX));
      told[load<u32>(change, PrefixChange.PLACE)] = prefix;
    }
  }
  return all;
}

function toldOf(prefix: u32): u32 {
  let found: u32 = 0;
  for (let place: u32 = 1; place <= PLACES; place++) if (told[place] == prefix) found++;
  return found;
}

function count(prefix: u32): u32 {
  let found: u32 = 0;
  for (let node = firstPrefix(prefix); node; node = nextPrefix(node)) found++;
  return found;
}

describe("prefixes", () => {
  test("tell session, epoch and path, and no one else's", () => {
    add(sessions[3], 1, 7, 0xaabbccdd);
    const node = firstPrefix(0xaabbccdd);
    expect(prefixSession(node)).toBe(sessions[3]);
    expect(prefixEpoch(node)).toBe(1);
    expect(prefixPath(node)).toBe(7);
    expect(prefixLow(node)).toBe(0xaabbccdd ^ 7);
    expect(nextPrefix(node)).toBe(0);
    expect(firstPrefix(0xaabbccde)).toBe(0);
    removePrefixes(sessions[3], 0);
    expect(count(0xaabbccdd)).toBe(1, "another epoch's");
    removePrefixes(sessions[3], 1);
    expect(count(0xaabbccdd)).toBe(0);
    removePrefixes(sessions[3], 1);
  });

  test("that are equal come one after the other, those of all sessions", () => {
    for (let i: u32 = 0; i < SESSIONS; i++) {
      for (let path: u32 = 0; path < PATHS_PER_EPOCH; path++) add(sessions[i], 0, path, 0x01020304);
    }
    expect(count(0x01020304)).toBe(SESSIONS * PATHS_PER_EPOCH);
    add(sessions[9], 0, PATHS_PER_EPOCH, 5);
    expect(count(0x01020304)).toBe(SESSIONS * PATHS_PER_EPOCH - 1, "a path took another's place");
    for (let i: u32 = 0; i < SESSIONS; i++) removePrefixes(sessions[i], 0);
    expect(count(0x01020304)).toBe(0);
    expect(count(5)).toBe(0);
  });

  test("tell a host what changed: each place once, however often it did", () => {
    follow();
    for (let i: u32 = 0; i < 100; i++) add(sessions[1], 0, 0, 1 + i);
    expect(follow()).toBe(1);
    expect(toldOf(100)).toBe(1);
    expect(follow()).toBe(0, "nothing new");
    add(sessions[1], 0, 1, 100);
    add(sessions[2], 1, 3, 100);
    expect(follow()).toBe(2);
    expect(toldOf(100)).toBe(3);
    removePrefixes(sessions[1], 0);
    removePrefixes(sessions[1], 0);
    expect(follow()).toBe(2);
    expect(toldOf(100)).toBe(1, "the other session's");
    removePrefixes(sessions[2], 1);
    add(sessions[2], 1, 3, 100);
    expect(follow()).toBe(1, "gone and there again");
    expect(toldOf(100)).toBe(1);
    removePrefixes(sessions[2], 1);
    expect(follow()).toBe(1);
    expect(toldOf(100)).toBe(0);
  });

  test("fit the queue of what changed, all of them, for a host that never asked", () => {
    for (let round: u32 = 0; round < 3; round++) {
      for (let i: u32 = 0; i < SESSIONS; i++) {
        for (let path: u32 = 0; path < 2 * PATHS_PER_EPOCH; path++) {
          add(sessions[i], path & 1, path >> 1, 7 + round);
        }
      }
    }
    expect(follow()).toBe(PLACES);
    expect(toldOf(9)).toBe(PLACES);
    for (let i: u32 = 0; i < SESSIONS; i++) {
      removePrefixes(sessions[i], 0);
      removePrefixes(sessions[i], 1);
    }
    expect(follow()).toBe(PLACES);
    expect(toldOf(0)).toBe(PLACES);
  });

  test("agree with a list through any changes (seed 9)", () => {
    seed(9);
    const places = SESSIONS * 2 * PATHS_PER_EPOCH,
      model = new StaticArray<u32>(places);
    let wrong = 0;
    for (let step = 0; step < 3000; step++) {
      const i = below(SESSIONS),
        epoch = below(2),
        row = (i * 2 + epoch) * PATHS_PER_EPOCH;
      if (below(5) == 0) {
        removePrefixes(sessions[i], epoch);
        for (let p: u32 = 0; p < PATHS_PER_EPOCH; p++) model[row + p] = 0;
      } else {
        const path = below(256),
          prefix = 1 + below(20);
        add(sessions[i], epoch, path, prefix);
        model[row + (path % PATHS_PER_EPOCH)] = prefix;
      }
      const asked = 1 + below(20);
      let wanted: u32 = 0;
      for (let p: u32 = 0; p < places; p++) if (model[p] == asked) wanted++;
      if (count(asked) != wanted) wrong++;
      if (below(10)) continue;
      follow();
      if (toldOf(asked) != wanted) wrong++;
    }
    expect(wrong).toBe(0);
  });
});
