import { PACKET_WORK } from "../../core/scratch";
import { PacketVerdict } from "../../core/transfer";
import { AHEAD, KEY_CHUNK_BYTES, KEY_RECORD_BYTES, Pool } from "../../core/transfer-memory";
import { allAre, guarded } from "../../crypto/__tests__/bytes";
import { blake3Ratchet } from "../../crypto/generated/blake3-lanes";
import { aheadDeadline, expireAhead } from "../ahead";
import { resetClock, setNow } from "../clock";
import { Epoch, epochAt, retireEpoch } from "../epoch";
import { nextNumber, openedNewest, openedNumber } from "../packet";
import { entriesLeft, entryAt, giveEntry, takeEntry } from "../pool";
import { below, configureTransfer, seed } from "./configured";
import { endSession, newSession, open, PACKET, seal } from "./ends";

const K1K2H = "11".repeat(32) + "22".repeat(32) + "33".repeat(32);
const BYTES: u32 = 68;

configureTransfer();
const KEY_CHUNKS = entriesLeft(Pool.KEYS);
let a: usize = 0;
let b: usize = 0;

function start(): void {
  resetClock(1000000);
  a = newSession(K1K2H, true, false);
  b = newSession(K1K2H, false, false);
}

function end(): void {
  endSession(a);
  endSession(b);
  expect(entriesLeft(Pool.KEYS)).toBe(KEY_CHUNKS, "every chunk of keys has come back");
  expect(allAre(PACKET_WORK, 320, 0)).toBe(true, "packet keys wiped");
}

/** The next `count` packets of a, one behind the other. */
function packets(count: u32): usize {
  const at = guarded(<usize>(count * BYTES));
  for (let i: u32 = 0; i < count; i++) {
    seal(a, BYTES);
    memory.copy(at + <usize>(i * BYTES), PACKET, BYTES);
  }
  return at;
}

/** Opens a copy, so that the packet can come again. */
function deliver(packet: usize): PacketVerdict {
  memory.copy(PACKET, packet, BYTES);
  return open(b, PACKET, BYTES);
}

/** The sender leaves numbers out, as if their packets were lost. */
function leaveOut(count: u32): void {
  const epoch = epochAt(a, 0),
    chain = epoch + Epoch.SEND_CHAIN,
    key = guarded(32);
  for (let i: u32 = 0; i < count; i++) blake3Ratchet(chain, chain, key);
  store<u64>(epoch, load<u64>(epoch, Epoch.SEND_NEXT) + count, Epoch.SEND_NEXT);
}

/** A packet whose number is `n` and whose tag fits nothing. */
function forged(n: u32): usize {
  const epoch = epochAt(a, 0),
    at = guarded(BYTES);
  memory.copy(at, epoch + Epoch.CIDS, 8);
  store<u32>(at, load<u32>(at, 4) ^ bswap<u32>(n), 4);
  return at;
}

/** The key that the next packet of a will have. */
function nextKey(): usize {
  const chain = guarded(32),
    key = guarded(32);
  blake3Ratchet(epochAt(a, 0) + Epoch.SEND_CHAIN, chain, key);
  return key;
}

/** In how many places of the ring a key lies. */
function kept(key: usize): u32 {
  const end = entryAt(Pool.KEYS, KEY_CHUNKS) + KEY_CHUNK_BYTES;
  let places: u32 = 0;
  for (let at = entryAt(Pool.KEYS, 0); at < end; at += KEY_RECORD_BYTES) {
    if (memory.compare(at, key, KEY_RECORD_BYTES) == 0) places++;
  }
  return places;
}

function stepsLeft(): u64 {
  return load<u64>(b, 1024 + 1264);
}

describe("the ratchet", () => {
  test("opens each packet once, whatever order they come in (seed 41)", () => {
    start();
    seed(41);
    const count: u32 = 400,
      at = packets(count);
    const order = new StaticArray<u32>(count);
    for (let i: u32 = 0; i < count; i++) order[i] = i;
    for (let i = count - 1; i > 0; i--) {
      const other = below(i + 1),
        held = order[i];
      order[i] = order[other];
      order[other] = held;
    }
    let newest: i64 = -1,
      wrong = 0;
    for (let i: u32 = 0; i < count; i++) {
      const packet = at + <usize>(order[i] * BYTES);
      if (deliver(packet) != PacketVerdict.TAKEN || openedNumber != order[i]) wrong++;
      if (openedNewest != <i64>order[i] > newest) wrong++;
      newest = max<i64>(newest, order[i]);
      if (deliver(packet) != PacketVerdict.STALE) wrong++;
    }
    expect(wrong).toBe(0);
    expect(entriesLeft(Pool.KEYS)).toBe(KEY_CHUNKS, "no key is held when none is missing");
    end();
  });

  test("agrees with a set of what can come, through losses and repeats (seed 42)", () => {
    start();
    seed(42);
    const count: u32 = 1500,
      at = packets(count),
      used = new Set<u32>();
    let wrong = 0,
      base: u32 = 0;
    for (let i = 0; i < 2500; i++) {
      const n = min<u32>(base + below(120), count - 1);
      base = min<u32>(base + below(2), count - 1);
      const wanted = used.has(n) ? PacketVerdict.STALE : PacketVerdict.TAKEN;
      if (deliver(at + <usize>(n * BYTES)) != wanted) wrong++;
      used.add(n);
    }
    expect(wrong).toBe(0);
    end();
  });

  test("keeps keys of the newest 2048 numbers", () => {
    start();
    const first = packets(2);
    leaveOut(2046);
    const last = packets(2);
    expect(deliver(last)).toBe(PacketVerdict.TAKEN);
    expect(openedNumber).toBe(2048);
    expect(deliver(first)).toBe(PacketVerdict.STALE, "2048 behind");
    expect(deliver(first + BYTES)).toBe(PacketVerdict.TAKEN, "2047 behind");
    expect(deliver(last + BYTES)).toBe(PacketVerdict.TAKEN);
    end();
  });

  test("does without keys when there is no room for them", () => {
    start();
    const taken: u32[] = [];
    for (let entry = takeEntry(Pool.KEYS); entry; entry = takeEntry(Pool.KEYS)) taken.push(entry);
    const at = packets(3);
    expect(deliver(at + 2 * BYTES)).toBe(PacketVerdict.TAKEN);
    expect(deliver(at + BYTES)).toBe(PacketVerdict.STALE, "counts as lost");
    giveEntry(Pool.KEYS, taken.pop());
    expect(deliver(packets(1))).toBe(PacketVerdict.TAKEN);
    while (taken.length) giveEntry(Pool.KEYS, taken.pop());
    end();
  });

  test("keeps the key of a number that was overtaken until it is used, and no longer", () => {
    start();
    const key = nextKey(),
      first = packets(1),
      otherKey = nextKey(),
      rest = packets(2);
    expect(deliver(rest + BYTES)).toBe(PacketVerdict.TAKEN);
    expect(kept(key)).toBe(1);
    expect(kept(otherKey)).toBe(1);
    expect(deliver(first)).toBe(PacketVerdict.TAKEN, "it comes out of order");
    expect(kept(key)).toBe(0, "used");
    expect(kept(otherKey)).toBe(1, "its chunk is still held");
    expect(deliver(rest)).toBe(PacketVerdict.TAKEN);
    expect(kept(otherKey)).toBe(0, "used, the last one of its chunk");
    end();
  });

  test("holds no key of an epoch that is retired", () => {
    start();
    const at = packets(70);
    expect(deliver(at + 69 * BYTES)).toBe(PacketVerdict.TAKEN);
    expect(entriesLeft(Pool.KEYS)).toBe(KEY_CHUNKS - 2);
    retireEpoch(b, 0);
    expect(entriesLeft(Pool.KEYS)).toBe(KEY_CHUNKS);
    end();
  });
});

describe("gaps", () => {
  test("of 65535 numbers are the widest, and what is newest of them is kept", () => {
    start();
    leaveOut(65533);
    const late = packets(4);
    expect(deliver(late + 3 * BYTES)).toBe(PacketVerdict.STALE, "number 65536 before any other");
    expect(deliver(late + 2 * BYTES)).toBe(PacketVerdict.TAKEN, "number 65535");
    expect(allAre(AHEAD, 65536 * 32, 0)).toBe(true, "the run is wiped when it is committed");
    expect(deliver(late)).toBe(PacketVerdict.TAKEN);
    expect(deliver(late + BYTES)).toBe(PacketVerdict.TAKEN);
    expect(deliver(late + 3 * BYTES)).toBe(PacketVerdict.TAKEN, "with no gap any more");
    expect(nextNumber(a)).toBe(65537);
    end();
  });

  test("are paid for once, and not at all up to 64", () => {
    start();
    expect(deliver(forged(64))).toBe(PacketVerdict.UNCLAIMED);
    expect(stepsLeft()).toBe(65536);
    expect(deliver(forged(1000))).toBe(PacketVerdict.UNCLAIMED);
    expect(stepsLeft()).toBe(64536);
    expect(deliver(forged(1000))).toBe(PacketVerdict.UNCLAIMED);
    expect(deliver(forged(500))).toBe(PacketVerdict.UNCLAIMED);
    expect(stepsLeft()).toBe(64536, "their keys are there");
    expect(deliver(forged(1010))).toBe(PacketVerdict.UNCLAIMED);
    expect(stepsLeft()).toBe(64526);
    expect(deliver(packets(1))).toBe(PacketVerdict.TAKEN, "nothing was moved on");
    leaveOut(900);
    const genuine = packets(1);
    expect(deliver(genuine)).toBe(PacketVerdict.TAKEN);
    expect(stepsLeft()).toBe(64526, "a genuine gap uses them too");
    expect(aheadDeadline()).toBe(u64.MAX_VALUE);
    end();
  });

  test("run dry, and fill up again with time; what comes in order is never kept waiting", () => {
    start();
    expect(deliver(forged(65535))).toBe(PacketVerdict.UNCLAIMED);
    expect(aheadDeadline()).toBe(2000000);
    expect(stepsLeft()).toBe(1);
    const other = newSession(K1K2H, true, false);
    endSession(other);
    setNow(1001000);
    setNow(1999999);
    expireAhead();
    expect(allAre(AHEAD, 65536 * 32, 0)).toBe(false);
    setNow(2000000);
    expireAhead();
    expect(allAre(AHEAD, 65536 * 32, 0)).toBe(true, "wiped after a second");
    expect(aheadDeadline()).toBe(u64.MAX_VALUE);

    expect(deliver(forged(40000))).toBe(PacketVerdict.UNCLAIMED, "65536 steps a second later");
    setNow(2100000);
    retireEpoch(a, 1); // of another session: nothing of b's run goes
    expect(aheadDeadline()).toBe(3000000);
    expect(deliver(packets(1))).toBe(PacketVerdict.TAKEN);
    setNow(3000000);
    expect(deliver(forged(65536))).toBe(PacketVerdict.UNCLAIMED);
    setNow(3000001);
    expireAhead();
    expect(deliver(forged(65536))).toBe(PacketVerdict.UNCLAIMED, "kept");
    expect(deliver(forged(0xffffffff))).toBe(PacketVerdict.STALE, "too wide");
    expect(deliver(packets(1))).toBe(PacketVerdict.TAKEN);
    end();
  });

  test("leave no key behind that the session has passed, and none after a second", () => {
    start();
    // Number 0 to 299; then a forged one far ahead, before any of them has come.
    const at = packets(300);
    expect(deliver(forged(1000))).toBe(PacketVerdict.UNCLAIMED);
    expect(allAre(AHEAD, 32, 0)).toBe(false, "the chain key of number 0");
    expect(deliver(at)).toBe(PacketVerdict.TAKEN);
    expect(allAre(AHEAD, 32, 0)).toBe(true, "wiped with number 0");
    expect(allAre(AHEAD + 32, 32, 0)).toBe(false, "the next one's stays");
    expect(deliver(at + 60 * BYTES)).toBe(PacketVerdict.TAKEN, "across a gap");
    expect(allAre(AHEAD, 61 * 32, 0)).toBe(true);
    expect(allAre(AHEAD + 61 * 32, 32, 0)).toBe(false);
    expect(deliver(at + 30 * BYTES)).toBe(PacketVerdict.TAKEN, "one that was skipped");
    expect(deliver(at + 250 * BYTES)).toBe(PacketVerdict.TAKEN, "by a key of the run");
    expect(allAre(AHEAD, 65536 * 32, 0)).toBe(true, "the run is used up");
    expect(deliver(forged(400))).toBe(PacketVerdict.UNCLAIMED);
    // Passed as a whole, step by step.
    expect(deliver(forged(320))).toBe(PacketVerdict.UNCLAIMED);
    for (let i: u32 = 251; i < 300; i++) deliver(at + i * BYTES);
    const more = packets(110);
    for (let i: u32 = 0; i < 102; i++) deliver(more + i * BYTES);
    expect(allAre(AHEAD, 65536 * 32, 0)).toBe(true);
    expect(aheadDeadline()).toBe(u64.MAX_VALUE);
    end();
  });

  test("of one session take the other's place, and are then paid for again", () => {
    start();
    expect(deliver(forged(60000))).toBe(PacketVerdict.UNCLAIMED);
    // The first end takes a forged packet too: its own run replaces b's.
    memory.copy(PACKET, forged(100), BYTES);
    expect(open(a, PACKET, BYTES)).toBe(PacketVerdict.UNCLAIMED);
    expect(deliver(forged(60000))).toBe(PacketVerdict.STALE, "the bucket is too empty");
    expect(deliver(forged(5000))).toBe(PacketVerdict.UNCLAIMED);
    expect(deliver(packets(1))).toBe(PacketVerdict.TAKEN);
    setNow(1500000);
    expect(deliver(forged(30000))).toBe(PacketVerdict.UNCLAIMED, "half a second later");
    end();
  });
});
