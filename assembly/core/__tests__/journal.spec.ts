import { fromHex, GUARD, toHex } from "../../crypto/__tests__/bytes";
import { COMMITTED, HEAD } from "../control";
import { claim, NO_ROOM, publish, recordAt, recordCoin } from "../journal";
import { Journal, JournalKind } from "../layout";
import { JOURNAL } from "../memory";
import { configureCore, JOURNAL_RECORDS } from "./configuration";

configureCore();

/** An empty journal whose next position is `position`. */
function startAt(position: u64): void {
  store<u64>(HEAD, position);
  store<u64>(COMMITTED, position);
}

/** As the committer asks: is there a whole group at `position`? */
function published(position: u64): bool {
  return load<u32>(recordAt(position), Journal.PUBLISHED) === <u32>position + 1;
}

/** A coin as it lies on a page: AN 00..0f, MFS 30. */
const coin = fromHex("000102030405060708090a0b0c0d0e0f1e");
const newAn = fromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");

/** Claims a group of `records`, fills `used` of them with coins; the caller publishes. */
function fillGroup(records: u32, used: u32): u64 {
  const start = claim(records);
  for (let i: u32 = 1; i <= used; i++) recordCoin(start + i, 9, i, coin, v128.load(newAn), 45);
  return start;
}

describe("claim", () => {
  test("gives space until the ring is full, head included, and takes it back with a commit", () => {
    startAt(0);
    expect(claim(4095)).toBe(0);
    expect(claim(4096)).toBe(NO_ROOM, "one too many");
    expect(claim(4095)).toBe(4096);
    expect(claim(0)).toBe(NO_ROOM);
    expect(load<u64>(HEAD)).toBe(8192, "a refused claim moves nothing");
    store<u64>(COMMITTED, 1);
    expect(claim(1)).toBe(NO_ROOM);
    expect(claim(0)).toBe(8192);
    store<u64>(COMMITTED, 4097);
    expect(claim(4096)).toBe(NO_ROOM);
    expect(claim(4095)).toBe(8193);
  });

  test("counts positions beyond 2^32 and never uses one again", () => {
    startAt(0xfffffffe);
    expect(claim(3)).toBe(0xfffffffe);
    expect(claim(3)).toBe(0x100000002);
    store<u64>(COMMITTED, 0x100000006);
    expect(claim(4096)).toBe(0x100000006);
    expect(load<u64>(HEAD)).toBe(0x100001007);
  });
});

describe("recordAt", () => {
  test("is a place in the ring", () => {
    expect(recordAt(0)).toBe(JOURNAL);
    expect(recordAt(8191)).toBe(JOURNAL + 8191 * 48);
    expect(recordAt(8192)).toBe(JOURNAL);
    expect(recordAt(0x100000001)).toBe(JOURNAL + 48);
  });
});

describe("a group", () => {
  test("has the records of its coins, old and new", () => {
    startAt(0);
    const start = claim(1);
    memory.fill(recordAt(1), GUARD, Journal.RECORD_BYTES);
    recordCoin(start + 1, 9, 0x01020304, coin, v128.load(newAn), 45);
    expect(toHex(recordAt(1), Journal.PUBLISHED)).toBe(
      "011e2d09" +
        "04030201" +
        "000102030405060708090a0b0c0d0e0f" +
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
    );
    expect(published(1)).toBe(false);
    expect(load<u32>(recordAt(1), Journal.SIZE)).toBe(0);
  });

  test("is published when it is filled, with pads for what it did not use", () => {
    startAt(0);
    memory.fill(JOURNAL, GUARD, 5 * Journal.RECORD_BYTES);
    const start = fillGroup(3, 1);
    expect(published(start)).toBe(false);
    expect(publish(start, 1, 3)).toBe(4);
    expect(published(start)).toBe(true);
    expect(load<u8>(recordAt(0), Journal.KIND)).toBe(<u8>JournalKind.HEAD);
    expect(load<u32>(recordAt(0), Journal.USED)).toBe(1);
    expect(load<u32>(recordAt(0), Journal.SIZE)).toBe(4);
    expect(load<u8>(recordAt(1), Journal.KIND)).toBe(<u8>JournalKind.COIN);
    for (let i: u64 = 2; i < 4; i++) {
      expect(load<u8>(recordAt(i), Journal.KIND)).toBe(<u8>JournalKind.PAD);
      expect(published(i)).toBe(false);
      expect(load<u32>(recordAt(i), Journal.SIZE)).toBe(0);
    }
    expect(load<u8>(recordAt(4))).toBe(GUARD, "nothing behind the group");
  });

  test("does not hide one that is published later in front of it", () => {
    startAt(100);
    const first = fillGroup(2, 2);
    const second = fillGroup(1, 1);
    expect(publish(second, 1, 1)).toBe(105);
    expect(published(first)).toBe(false);
    expect(published(second)).toBe(true);
    publish(first, 2, 2);
    expect(published(first)).toBe(true);
  });
});

describe("after the ring went round", () => {
  test("no old publish word is believed, whatever the sizes of the groups", () => {
    // Positions that no test above has used, as an engine never uses one again.
    startAt(4 * JOURNAL_RECORDS);
    let believed = 0;
    let unpublished = 0;
    let size: u32 = 1;
    while (load<u64>(HEAD) < 8 * JOURNAL_RECORDS) {
      size = (size * 7 + 3) % 61;
      const next = load<u64>(HEAD);
      if (published(next)) believed++;
      const start = fillGroup(size, size >> 1);
      if (start !== next || published(start)) believed++;
      const end = publish(start, size >> 1, size);
      if (!published(start) || end !== start + size + 1) unpublished++;
      // Nothing inside a group passes for a head of its own.
      for (let i = start + 1; i < end; i++) if (published(i)) believed++;
      store<u64>(COMMITTED, end);
    }
    expect(believed).toBe(0);
    expect(unpublished).toBe(0);
  });

  test("none is believed where the publish word itself is 0", () => {
    // Groups of three lead to the position 2^32 - 1, whose successor's low word is 0; what stood
    // there in the rounds before were a coin and a pad.
    const last: u64 = 0xffffffff;
    startAt(last - 3 * JOURNAL_RECORDS);
    let believed = 0;
    while (load<u64>(HEAD) <= last) {
      if (published(load<u64>(HEAD))) believed++;
      const start = fillGroup(2, 1);
      if (published(start)) believed++;
      store<u64>(COMMITTED, publish(start, 1, 2));
      if (!published(start) || published(start + 1) || published(start + 2)) believed++;
    }
    expect(load<u64>(HEAD)).toBe(last + 3);
    expect(believed).toBe(0);
  });
});
