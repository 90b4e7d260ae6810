import { claim, recordAt } from "../../../core/journal";
import { Journal, JournalKind, Page, Wire } from "../../../core/layout";
import { CELLS } from "../../../core/memory";
import { toHex } from "../../../crypto/__tests__/bytes";
import { askedKind, status } from "../../__tests__/effect-host";
import { addFiller, ask, begin, noBody, setByte } from "../../__tests__/message";
import {
  commit,
  head,
  now,
  replyPosition,
  setAutoCommit,
  setNow,
  settle,
  startNode,
} from "../../__tests__/node";
import { metaOf, pageKey } from "../../coins";
import { parkedCount } from "../../parked";
import { rollbackTo } from "../../rollback";
import { clearDurableTables } from "../../tables";
import { handOver, keyHex, RECEIPT, reserve, reserveAs } from "./payments";

startNode(Wire.LEGACY, true);

function entry(index: u32): usize {
  return CELLS + <usize>index * 128;
}

/** What the entry of reserve(first, address) holds behind the time. */
function entryHex(first: u32, address: i32): string {
  return (
    keyHex(first) +
    "425443" +
    "00000000000003e8" +
    address.toString(16) +
    "41".repeat(address) +
    "00".repeat(62 - address) +
    RECEIPT +
    "00".repeat(14)
  );
}

describe("reserve crossover", () => {
  test("has the sizes of its parts", () => {
    begin(0, 11, 110);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 11, 110);
    addFiller(76);
    expect(ask()).toBe(16);
    reserve(0, 26, 6);
    expect(ask()).toBe(16, "76 bytes");
    const addresses: u32[] = [0, 25, 63, 255];
    for (let i = 0; i < addresses.length; i++) {
      reserve(0, addresses[i], 60);
      expect(ask()).toBe(198);
    }
    reserve(0, 62, 0);
    expect(ask()).toBe(250);
    reserve(0, 40, 0);
    setByte(48 + 27, 41);
    expect(ask()).toBe(16, "its receipt ends outside");
  });

  test("keeps the entry in eight cells of one group", () => {
    clearDurableTables();
    const start = head();
    reserve(0, 62, 1);
    expect(ask()).toBe(250);
    expect(load<u64>(entry(0))).toBe(now);
    expect(toHex(entry(0) + 8, 120)).toBe(entryHex(0, 62));
    expect(head() - start).toBe(9);
    expect(replyPosition).toBe(start + 9);
    for (let i: u32 = 1; i < 9; i++) {
      const record = recordAt(start + i);
      expect(load<u8>(record)).toBe(<u8>JournalKind.CELL);
      expect(load<u32>(record, Journal.CELL)).toBe(i - 1);
    }
    reserve(1, 33, 300);
    expect(ask()).toBe(250);
    expect(toHex(entry(1) + 8, 120)).toBe(entryHex(1, 33), "no memo is kept");
  });

  test("of the same key replaces the entry; of another one never does", () => {
    clearDurableTables();
    reserve(0, 40, 1);
    expect(ask()).toBe(250);
    reserve(1, 40, 1);
    expect(ask()).toBe(250);
    reserve(0, 35, 10);
    expect(ask()).toBe(250);
    expect(toHex(entry(0) + 8, 120)).toBe(entryHex(0, 35));
    expect(toHex(entry(1) + 8, 120)).toBe(entryHex(1, 40));
    expect(load<u64>(entry(2))).toBe(0);
  });

  test("finds a full table: 49; after an hour there is room", () => {
    clearDurableTables();
    for (let i: u32 = 0; i < 1000; i++) {
      store<u64>(entry(i), now);
      store<u32>(entry(i), i + 1000, 8);
    }
    const start = head();
    reserve(0, 40, 1);
    expect(ask()).toBe(49);
    expect(head()).toBe(start);
    setNow(now + 3600000001);
    reserve(0, 40, 1);
    expect(ask()).toBe(250);
    expect(toHex(entry(0) + 8, 120)).toBe(entryHex(0, 40));
    clearDurableTables();
  });

  test("works under the key of a coin, whose page it leaves alone", () => {
    clearDurableTables();
    for (let type: u32 = 1; type < 6; type += type == 1 ? 3 : 1) {
      clearDurableTables();
      reserveAs(type, 0, 40, 1);
      expect(ask()).toBe(250);
      expect(toHex(entry(0) + 8, 120)).toBe(entryHex(0, 40));
      expect(load<u32>(metaOf(pageKey(0, 1)), Page.LOCK)).toBe(0);
    }
  });

  test("waits for room in the journal", () => {
    clearDurableTables();
    setAutoCommit(false);
    commit();
    claim(8184);
    reserve(0, 40, 1);
    handOver();
    expect(parkedCount()).toBe(1);
    expect(load<u64>(entry(0))).toBe(0);
    commit();
    settle();
    commit();
    expect(status()).toBe(250);
    expect(load<u64>(entry(0))).toBe(now);
    setAutoCommit(true);
  });

  test("is undone by a rollback", () => {
    clearDurableTables();
    setAutoCommit(false);
    commit();
    const start = head();
    reserve(0, 40, 1);
    handOver();
    expect(load<u64>(entry(0))).toBe(now);
    rollbackTo(start);
    expect(status()).toBe(252);
    expect(toHex(entry(0), 128)).toBe("00".repeat(128));
    setAutoCommit(true);
    expect(askedKind()).toBe(0);
  });
});
