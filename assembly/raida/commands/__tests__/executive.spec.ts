import { setWord } from "../../../core/__tests__/configuration";
import { Config, Flag, Statistic, Wire } from "../../../core/layout";
import { STATISTICS } from "../../../core/memory";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  add32,
  addByte,
  addCoin,
  addFalseCoin,
  addFiller,
  addTrueCoin,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  noBody,
} from "../../__tests__/message";
import {
  anOf,
  answerTo,
  commit,
  dryRandom,
  fillRandom,
  head,
  holds,
  PAGES,
  popReply,
  recordInMemory,
  reply,
  replyBody,
  replyLength,
  setAutoCommit,
  settle,
  useWire,
} from "../../__tests__/node";
import { countInUse } from "../../in-use";
import { ADMIN, CLIENT, detect, fillJournal, handFrom, mapSays, restore, startMint } from "./mint";

startMint();

function beginDelete(): void {
  begin(0, 3, 140);
  add16Bytes(ADMIN);
}
function beginFree(): void {
  begin(0, 3, 150);
  add32(0);
  add16Bytes(ADMIN);
}

/** Status of a request with nothing but the admin key behind `before` bytes, and `after` more. */
function statusOfSize(command: u32, before: u32, after: u32): u32 {
  begin(0, 3, command);
  addFiller(before);
  add16Bytes(ADMIN);
  addFiller(after);
  return ask();
}
function statusOfNoBody(command: u32): u32 {
  begin(0, 3, command);
  noBody();
  return ask();
}

/** Is the record free, and its AN not what it was? */
function isGone(denomination: i32, serial: u32): bool {
  const record = recordInMemory(denomination, serial);
  const same = !v128.any_true(v128.xor(v128.load(record), anOf(denomination, serial)));
  return !same && load<u8>(record, 16) === 0 && !mapSays(denomination, serial);
}

describe("an executive command", () => {
  test("wants the admin key, in clear from this machine only", () => {
    const commands = [120, 130, 140, 150, 160];
    const before = [4, 4, 0, 4, 0];
    const after = [16, 5, 21, 5, 1];
    for (let i = 0; i < 5; i++) {
      begin(0, 3, commands[i]);
      addFiller(before[i]);
      add16Bytes(v128.xor(ADMIN, i64x2(0, 1)));
      addFiller(after[i]);
      expect(ask()).toBe(38);
      begin(0, 3, commands[i]);
      addFiller(before[i]);
      add16Bytes(ADMIN);
      addFiller(after[i]);
      handFrom(CLIENT, Flag.DATAGRAM);
      settle();
      expect(popReply()).toBe(true);
      expect(load<u8>(reply, 2)).toBe(38);
      expect(statusOfSize(commands[i], before[i], after[i])).not.toBe(38);
    }
  });

  test("whose key is right is counted once, however often it runs", () => {
    const accepted = load<u64>(STATISTICS, Statistic.ADMIN_ACCEPTED);
    const refused = load<u64>(STATISTICS, Statistic.ADMIN_REFUSED);
    beginFree();
    // A page that nobody has read yet.
    addCoin(-7, 1024);
    expect(ask()).toBe(250);
    expect(load<u64>(STATISTICS, Statistic.ADMIN_ACCEPTED)).toBe(accepted + 1);
    expect(load<u64>(STATISTICS, Statistic.ADMIN_REFUSED)).toBe(refused);
  });

  test("has its size", () => {
    for (let command = 120; command <= 160; command += 10) expect(statusOfNoBody(command)).toBe(36);
    expect(statusOfSize(120, 4, 15)).toBe(16);
    expect(statusOfSize(120, 4, 17)).toBe(16);
    expect(statusOfSize(130, 4, 4)).toBe(16);
    expect(statusOfSize(130, 4, 6)).toBe(39);
    expect(statusOfSize(130, 4, 4097 * 5)).toBe(45);
    expect(statusOfSize(140, 0, 20)).toBe(16);
    expect(statusOfSize(140, 0, 22)).toBe(39);
    expect(statusOfSize(150, 4, 4)).toBe(16);
    expect(statusOfSize(150, 4, 6)).toBe(39);
    expect(statusOfSize(150, 4, 4097 * 5)).toBe(45);
    expect(statusOfSize(160, 0, 0)).toBe(16);
    expect(statusOfSize(160, 0, 2)).toBe(16);
  });
});

describe("delete", () => {
  beforeEach(() => restore());

  test("ends the coins whose AN is known", () => {
    const start = head();
    beginDelete();
    addTrueCoin(0, 5);
    addTrueCoin(1, 1030);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    expect(isGone(0, 5)).toBe(true);
    expect(isGone(1, 1030)).toBe(true);
    expect(countInUse(8)).toBe(1023);
    expect(countInUse(9)).toBe(1023);
    expect(head()).toBe(start + 3, "one group");
    expect(detect(0, 5, v128.load(recordInMemory(0, 5)))).toBe(242, "whatever its AN");
  });

  test("passes over the others, and tells which", () => {
    beginDelete();
    addFalseCoin(0, 6);
    addTrueCoin(0, 7);
    addTrueCoin(0, 600);
    addTrueCoin(0, 2048);
    addTrueCoin(0, 7);
    for (let i: u32 = 0; i < 4; i++) addTrueCoin(0, 8 + i);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("e201", "a coin named twice ends once");
    expect(holds(0, 6, anOf(0, 6), 30)).toBe(true);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(countInUse(8)).toBe(1019);
  });

  test("takes no journal space when none is known", () => {
    const start = head();
    beginDelete();
    addFalseCoin(0, 6);
    addTrueCoin(0, 600);
    expect(ask()).toBe(242);
    expect(head()).toBe(start);
    expect(countInUse(8)).toBe(1024);
  });

  test("answers 252 without random bytes", () => {
    dryRandom();
    beginDelete();
    addTrueCoin(0, 5);
    expect(ask()).toBe(252);
    beginFree();
    addCoin(0, 5);
    expect(ask()).toBe(252);
    expect(holds(0, 5, anOf(0, 5), 30)).toBe(true);
    fillRandom();
    beginDelete();
    addTrueCoin(0, 5);
    expect(ask()).toBe(241);
  });

  test("waits for the journal, as free does, and changes nothing before", () => {
    fillJournal(2);
    beginDelete();
    addTrueCoin(0, 5);
    addTrueCoin(0, 6);
    hand();
    beginFree();
    addCoin(0, 7);
    addCoin(0, 8);
    hand();
    settle();
    expect(holds(0, 5, anOf(0, 5), 30)).toBe(true);
    expect(holds(0, 7, anOf(0, 7), 30)).toBe(true);
    expect(countInUse(8)).toBe(1024);
    commit();
    settle();
    commit();
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(241);
    expect(popReply() ? <u32>load<u8>(reply, 2) : 0).toBe(250);
    expect(countInUse(8)).toBe(1020);
  });
});

describe("free", () => {
  beforeEach(() => restore());

  test("ends coins whatever their AN; what is free or unknown is passed over", () => {
    const start = head();
    beginFree();
    addCoin(0, 5);
    addCoin(0, 2048);
    addCoin(0, 600);
    addCoin(0, 5);
    addCoin(7, 0);
    addCoin(-8, 1024);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
    expect(isGone(0, 5)).toBe(true);
    expect(isGone(-8, 1024)).toBe(true);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(countInUse(8)).toBe(1023);
    expect(countInUse(0)).toBe(1023);
    expect(head()).toBe(start + 7);
  });

  test("takes no journal space when there is nothing to do", () => {
    const start = head();
    beginFree();
    addCoin(0, 600);
    addCoin(7, 0);
    expect(ask()).toBe(250);
    expect(head()).toBe(start);
  });
});

describe("get all serial numbers", () => {
  beforeEach(() => restore());

  test("answers a bit a coin, 1 = in use", () => {
    beginFree();
    addCoin(-8, 0);
    addCoin(-8, 1034);
    expect(ask()).toBe(250);
    begin(0, 3, 160);
    add16Bytes(ADMIN);
    addByte(-8);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe(
      "f800000100" +
        ("fe" + "ff".repeat(63) + "00".repeat(64)) +
        ("fffb" + "ff".repeat(62) + "00".repeat(64)),
    );
  });

  test("knows the denominations -8 to 6", () => {
    for (let denomination = -9; denomination <= 7; denomination++) {
      begin(0, 3, 160);
      add16Bytes(ADMIN);
      addByte(denomination);
      expect(ask()).toBe(denomination === -9 || denomination === 7 ? 40 : 250);
    }
  });

  test("answers over a stream what fits no datagram", () => {
    // As many pages as would make 66560 bytes; the map of this node is shorter, and only read.
    setWord(Config.PAGES_PER_DENOMINATION, 520);
    useWire(Wire.LEGACY, false);
    begin(0, 3, 160);
    add16Bytes(ADMIN);
    addByte(-8);
    expect(ask()).toBe(254);
    expect(replyBody()).toBe("");
    expect(answerTo(message, messageBytes, Flag.LOCAL)).toBe(250);
    expect(replyLength).toBe(32 + 5 + 66560 + 2);
    expect(toHex(reply + 32, 5)).toBe("f800010400");
    setWord(Config.PAGES_PER_DENOMINATION, PAGES);
    useWire(Wire.LEGACY, false);
  });

  test("waits for the change that it shows", () => {
    setAutoCommit(false);
    beginFree();
    addCoin(0, 5);
    hand();
    begin(0, 3, 160);
    add16Bytes(ADMIN);
    addByte(0);
    hand();
    settle();
    expect(popReply()).toBe(false);
    commit();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(toHex(reply + 37, 1)).toBe("df");
  });
});
