/** What may not be found in memory once it has been used, or refused. */

import { SCRATCH_BYTES } from "../../core/limits";
import { TRANSFER } from "../../core/memory";
import { SCRATCH } from "../../core/scratch";
import { Status } from "../../core/status";
import { OpenArgument, PathField, TransferBlock } from "../../core/transfer";
import { AHEAD, AHEAD_BYTES, Pool } from "../../core/transfer-memory";
import { allAre, guarded, pseudoRandom, seed } from "../../crypto/__tests__/bytes";
import { now } from "../clock";
import { Epoch, epochAt } from "../epoch";
import { open, rekey, rekeyKey, rekeySecret, step, wake } from "../exports";
import { entriesLeft, giveEntry, takeEntry } from "../pool";
import { firstPrefix } from "../prefix";
import { sessionOf } from "../session-head";
import { configureTransfer } from "./configured";
import {
  arrive,
  drain,
  FAR_OURS,
  FAR_THEIRS,
  openBoth,
  ours,
  setTime,
  settleDown,
  theirs,
} from "./session-ends";

configureTransfer();
const ARGUMENTS: usize = TRANSFER + TransferBlock.ARGUMENTS;
const secret = guarded(32);
seed(99);
pseudoRandom(secret, 32);

/** Is the secret, or half of it, anywhere in the area? */
function lies(area: usize, bytes: usize): bool {
  for (let at = area; at + 16 <= area + bytes; at += 4) {
    if (load<u32>(at) == load<u32>(secret) && memory.compare(at, secret, 16) == 0) return true;
    if (load<u32>(at) == load<u32>(secret, 16) && memory.compare(at, secret + 16, 16) == 0) {
      return true;
    }
  }
  return false;
}

/** In what host and engine share, or in scratch? */
function isLeft(): bool {
  return lies(TRANSFER, TransferBlock.BYTES) || lies(SCRATCH, SCRATCH_BYTES);
}

function give(handle: u32): Status {
  memory.copy(ARGUMENTS, secret, 32);
  assert(isLeft());
  return rekeySecret(handle);
}

function start(): void {
  setTime(now + 100000000);
  openBoth();
  settleDown(5000);
  drain();
}

describe("secrets", () => {
  test("made ahead of a forged gap are gone after a second, though no packet comes", () => {
    start();
    const epoch = epochAt(sessionOf(ours), 1),
      old = epochAt(sessionOf(ours), 0),
      live = load<u8>(epoch, Epoch.STATE) ? epoch : old,
      packet = guarded(68),
      next = load<u64>(live, Epoch.RECEIVE_NEXT);
    memory.copy(packet, live + Epoch.CIDS, 8);
    const forged = bswap<u32>(<u32>next + 5000);
    store<u32>(packet, load<u32>(packet, 4) ^ forged, 4);
    expect(firstPrefix(load<u32>(packet))).not.toBe(0);
    arrive(packet, 68, FAR_OURS);
    expect(allAre(AHEAD, AHEAD_BYTES, 0)).toBe(false);
    const until = now + 1000000;
    wake();
    expect(load<u64>(ARGUMENTS)).toBeLessThan(until + 1, "the host is to call again by then");
    setTime(until - 1);
    step(<u32>now, <u32>(now >> 32));
    expect(allAre(AHEAD, AHEAD_BYTES, 0)).toBe(false, "the same gap costs nothing within it");
    setTime(until);
    step(<u32>now, <u32>(now >> 32));
    expect(allAre(AHEAD, AHEAD_BYTES, 0)).toBe(true);
  });

  test("of a rekey are wiped whether they were wanted or not", () => {
    expect(give(12345)).toBe(Status.INVALID_ARGUMENT);
    expect(isLeft()).toBe(false, "of no session");
    start();
    expect(give(ours)).toBe(Status.WRONG_STATE);
    expect(isLeft()).toBe(false, "nobody asked");
    rekey(ours);
    expect(give(ours)).toBe(Status.WRONG_STATE);
    expect(isLeft()).toBe(false, "the key is wanted first");
    rekeyKey(ours);
    settleDown(2000);
    rekeyKey(theirs);
    expect(give(theirs)).toBe(Status.OK);
    expect(isLeft()).toBe(false, "taken");
    settleDown(2000);
    expect(give(ours)).toBe(Status.OK);
    expect(isLeft()).toBe(false, "taken by the other side");
    expect(give(ours)).toBe(Status.WRONG_STATE);
    expect(isLeft()).toBe(false, "again");
  });

  test("of a handshake are wiped, whether there is room for the session or not", () => {
    const taken: u32[] = [];
    for (let round = 0; round < 2; round++) {
      for (let field = 0; field < 5; field++) {
        memory.fill(ARGUMENTS, 0, OpenArgument.BYTES);
        store<u32>(ARGUMENTS, 1, OpenArgument.RESET);
        const fields: u32[] = [
          OpenArgument.K1,
          OpenArgument.K2,
          OpenArgument.HANDSHAKE_HASH,
          OpenArgument.RESET_KEY,
          OpenArgument.SECRET,
        ];
        memory.copy(ARGUMENTS + fields[field], secret, 32);
        memory.copy(ARGUMENTS + OpenArgument.PATH, FAR_THEIRS, PathField.BYTES);
        const opened = open(<u32>now, <u32>(now >> 32));
        expect(opened != 0).toBe(round == 0);
        // The process's own key for resets stays, in the one place that is its.
        if (field == 3) memory.fill(TRANSFER + TransferBlock.WORK, 0, 32);
        expect(isLeft()).toBe(false, "field " + field.toString());
      }
      for (let entry = takeEntry(Pool.SESSIONS); entry; entry = takeEntry(Pool.SESSIONS)) {
        taken.push(entry);
      }
    }
    while (taken.length) giveEntry(Pool.SESSIONS, taken.pop());
    expect(entriesLeft(Pool.SESSIONS)).toBeGreaterThan(8);
  });
});
