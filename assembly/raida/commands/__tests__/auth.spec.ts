import { recordAt } from "../../../core/journal";
import { Journal, JournalKind, Wire } from "../../../core/layout";
import {
  add16Bytes,
  addCoin,
  addFalseCoin,
  addFiller,
  addTrueCoin,
  ask,
  begin,
  noBody,
  setByte,
} from "../../__tests__/message";
import {
  anOf,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  replyBody,
  replyHeld,
  replyPosition,
  resetCoin,
  setAbsentPage,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";

startNode(Wire.LEGACY, false);
/** The store has only one page of denomination 6. */
setAbsentPage(pageKey(6, 1024));

const ZERO: v128 = i64x2.splat(0);
const FIRST_PAN: v128 = i8x16.splat(0x31);
const SECOND_PAN: v128 = i8x16.splat(0x32);

function detect(): void {
  begin(0, 1, 10);
}
function detectSum(): void {
  begin(0, 1, 11);
}
function pown(): void {
  begin(0, 1, 20);
}
function pownSum(): void {
  begin(0, 1, 21);
}

/** The status that a command gives to a payload of `bytes` bytes. */
function statusOfSize(command: u32, bytes: u32): u32 {
  begin(0, 1, command);
  addFiller(bytes);
  return ask();
}
function statusOfNoBody(command: u32): u32 {
  begin(0, 1, command);
  noBody();
  return ask();
}

describe("detect", () => {
  test("passes a coin with its AN, and fails one with a changed byte", () => {
    detect();
    addTrueCoin(0, 5);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    let passed = 0;
    for (let byte: u32 = 0; byte < 16; byte++) {
      detect();
      addTrueCoin(0, 5);
      // The AN is the last of the payload: behind header, challenge, denomination and serial.
      setByte(53 + byte, 0xee);
      if (ask() !== 242) passed++;
    }
    expect(passed).toBe(0);
    expect(replyBody()).toBe("");
  });

  test("answers a bitmap, least significant bit first, when some pass", () => {
    detect();
    for (let i: u32 = 0; i < 9; i++) {
      if (i === 0 || i === 3 || i === 8) addTrueCoin(1, i);
      else addFalseCoin(1, i);
    }
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("0901");
    detect();
    for (let i: u32 = 0; i < 8; i++) {
      if (i === 7) addTrueCoin(1, i);
      else addFalseCoin(1, i);
    }
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("80");
  });

  test("knows every denomination and the last serial number, and none beyond", () => {
    detect();
    addTrueCoin(-8, 0);
    addTrueCoin(6, 511);
    addTrueCoin(5, 1024 + 511);
    expect(ask()).toBe(241);
    detect();
    addTrueCoin(-9, 0);
    addTrueCoin(7, 0);
    addTrueCoin(0, 2048);
    addTrueCoin(0, 0xffffffff);
    expect(ask()).toBe(242);
    // The peer cuts sn / 1024 to 16 bits (section 11, point 8).
    detect();
    addCoin(0, 5 + (1 << 26));
    add16Bytes(anOf(0, 5));
    addTrueCoin(0, 5);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("02");
  });

  test("fails a coin on a page that the store has not", () => {
    detect();
    addTrueCoin(6, 1024);
    addTrueCoin(6, 0);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("02");
  });

  test("passes no free record, though the AN be right", () => {
    detect();
    addTrueCoin(0, 511);
    expect(ask()).toBe(241);
    detect();
    addTrueCoin(0, 512);
    expect(ask()).toBe(242);
  });

  test("takes whole coins only", () => {
    expect(statusOfNoBody(10)).toBe(36);
    expect(statusOfSize(10, 0)).toBe(16);
    expect(statusOfSize(10, 20)).toBe(16);
    expect(statusOfSize(10, 21)).toBe(242);
    expect(statusOfSize(10, 22)).toBe(39);
    expect(statusOfSize(10, 41)).toBe(39);
    expect(statusOfSize(10, 42)).toBe(242);
  });

  test("leaves shards 1 and 2 to legacy servers", () => {
    for (let shard: u32 = 0; shard < 4; shard++) {
      detect();
      setByte(3, shard);
      addTrueCoin(0, 5);
      expect(ask()).toBe(shard === 1 || shard === 2 ? 48 : 241);
    }
    detect();
    setByte(3, 1);
    expect(ask()).toBe(16, "the size is looked at first");
  });
});

describe("detect sum", () => {
  test("passes when the XOR of all ANs is right, and fails for one changed byte", () => {
    detectSum();
    addCoin(0, 5);
    addCoin(-8, 1030);
    addCoin(6, 1);
    add16Bytes(v128.xor(v128.xor(anOf(0, 5), anOf(-8, 1030)), anOf(6, 1)));
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    let passed = 0;
    for (let byte: u32 = 0; byte < 16; byte++) {
      detectSum();
      addCoin(0, 5);
      add16Bytes(anOf(0, 5));
      setByte(53 + byte, 0xee);
      if (ask() !== 242) passed++;
    }
    expect(passed).toBe(0);
  });

  test("fails a list that names a coin twice: its AN would cancel out", () => {
    detectSum();
    addCoin(0, 5);
    addCoin(0, 5);
    add16Bytes(ZERO);
    expect(ask()).toBe(242);
    detectSum();
    addCoin(0, 7);
    addCoin(0, 5);
    addCoin(0, 5);
    add16Bytes(anOf(0, 7));
    expect(ask()).toBe(242);
    detectSum();
    addCoin(0, 7);
    addCoin(0, 5);
    addCoin(1, 5);
    add16Bytes(v128.xor(v128.xor(anOf(0, 7), anOf(0, 5)), anOf(1, 5)));
    expect(ask()).toBe(241, "another denomination is another coin");
  });

  test("fails with a free record, answers 40 for one that does not exist", () => {
    detectSum();
    addCoin(0, 5);
    addCoin(0, 512);
    add16Bytes(v128.xor(anOf(0, 5), anOf(0, 512)));
    expect(ask()).toBe(242);
    detectSum();
    addCoin(0, 5);
    addCoin(0, 2048);
    add16Bytes(anOf(0, 5));
    expect(ask()).toBe(40);
    detectSum();
    addCoin(0, 5);
    addCoin(6, 1024);
    add16Bytes(anOf(0, 5));
    expect(ask()).toBe(40, "a page that the store has not");
  });

  test("takes whole coins, 4096 of them", () => {
    expect(statusOfNoBody(11)).toBe(36);
    expect(statusOfSize(11, 20)).toBe(16);
    expect(statusOfSize(11, 22)).toBe(39);
    expect(statusOfSize(11, 25)).toBe(39);
    expect(statusOfSize(11, 16 + 5 * 4097 + 1)).toBe(39);
    expect(statusOfSize(11, 16 + 5 * 4097)).toBe(45);
    let sum = ZERO;
    detectSum();
    for (let i: u32 = 0; i < 4096; i++) {
      // 512 coins in use on each first page.
      addCoin(<i32>(i >> 9) - 8, i & 511);
      sum = v128.xor(sum, anOf(<i32>(i >> 9) - 8, i & 511));
    }
    add16Bytes(sum);
    expect(ask()).toBe(241);
  });
});

describe("pown", () => {
  test("gives a coin its new AN and today's MFS; the old AN is worth nothing then", () => {
    pown();
    addTrueCoin(2, 9);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    expect(replyHeld).toBe(true, "the store has it before anyone is told");
    expect(replyPosition).toBe(head());
    expect(holds(2, 9, FIRST_PAN, MFS_TODAY)).toBe(true);
    expect(holds(2, 8, anOf(2, 8), MFS_OLD)).toBe(true);
    expect(holds(2, 10, anOf(2, 10), MFS_OLD)).toBe(true);
    pown();
    addTrueCoin(2, 9);
    add16Bytes(SECOND_PAN);
    expect(ask()).toBe(242, "a replay");
    expect(holds(2, 9, FIRST_PAN, MFS_TODAY)).toBe(true);
    resetCoin(2, 9);
  });

  test("changes the right ones of a list, and writes them into one group", () => {
    const start = head();
    pown();
    addFalseCoin(2, 20);
    add16Bytes(FIRST_PAN);
    addTrueCoin(2, 21);
    add16Bytes(SECOND_PAN);
    addTrueCoin(9, 21);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("02");
    expect(holds(2, 20, anOf(2, 20), MFS_OLD)).toBe(true);
    expect(holds(2, 21, SECOND_PAN, MFS_TODAY)).toBe(true);
    expect(head()).toBe(start + 4, "space for each coin that was named");
    expect(load<u32>(recordAt(start), Journal.USED)).toBe(1);
    expect(load<u8>(recordAt(start + 1), Journal.KIND)).toBe(<u8>JournalKind.COIN);
    expect(load<u8>(recordAt(start + 1), Journal.DENOMINATION)).toBe(10);
    expect(load<u32>(recordAt(start + 1), Journal.SERIAL)).toBe(21);
    expect(load<u8>(recordAt(start + 1), Journal.OLD_MFS)).toBe(MFS_OLD);
    expect(load<u8>(recordAt(start + 1), Journal.NEW_MFS)).toBe(MFS_TODAY);
    expect(load<u8>(recordAt(start + 2), Journal.KIND)).toBe(<u8>JournalKind.PAD);
    resetCoin(2, 21);
  });

  test("lets a coin that is listed twice see its new AN", () => {
    pown();
    addTrueCoin(2, 30);
    add16Bytes(FIRST_PAN);
    addCoin(2, 30);
    add16Bytes(FIRST_PAN);
    add16Bytes(SECOND_PAN);
    expect(ask()).toBe(241);
    expect(holds(2, 30, SECOND_PAN, MFS_TODAY)).toBe(true);
    resetCoin(2, 30);
    pown();
    addTrueCoin(2, 30);
    add16Bytes(FIRST_PAN);
    addTrueCoin(2, 30);
    add16Bytes(SECOND_PAN);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("01");
    expect(holds(2, 30, FIRST_PAN, MFS_TODAY)).toBe(true);
    resetCoin(2, 30);
  });

  test("changes nothing and claims no journal space when none is right", () => {
    const start = head();
    pown();
    addFalseCoin(2, 31);
    add16Bytes(FIRST_PAN);
    addTrueCoin(2, 512);
    add16Bytes(FIRST_PAN);
    addTrueCoin(6, 1024);
    add16Bytes(FIRST_PAN);
    addTrueCoin(0, 2048);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242);
    expect(head()).toBe(start);
    expect(replyHeld).toBe(false);
    expect(holds(2, 31, anOf(2, 31), MFS_OLD)).toBe(true);
    expect(holds(2, 512, anOf(2, 512), 0)).toBe(true, "a free record stays free");
  });

  test("takes whole coins only", () => {
    expect(statusOfNoBody(20)).toBe(36);
    expect(statusOfSize(20, 0)).toBe(16);
    expect(statusOfSize(20, 36)).toBe(16);
    expect(statusOfSize(20, 37)).toBe(242);
    expect(statusOfSize(20, 38)).toBe(39);
  });
});

describe("pown sum", () => {
  test("moves every AN by the delta when the XOR is right", () => {
    const start = head();
    const sum = v128.xor(anOf(3, 1), anOf(3, 1030));
    pownSum();
    addCoin(3, 1);
    addCoin(3, 1030);
    add16Bytes(sum);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    expect(holds(3, 1, v128.xor(anOf(3, 1), FIRST_PAN), MFS_TODAY)).toBe(true);
    expect(holds(3, 1030, v128.xor(anOf(3, 1030), FIRST_PAN), MFS_TODAY)).toBe(true);
    expect(head()).toBe(start + 3);
    expect(replyPosition).toBe(head());
    pownSum();
    addCoin(3, 1);
    add16Bytes(anOf(3, 1));
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242, "a replay");
    resetCoin(3, 1);
    resetCoin(3, 1030);
  });

  test("changes nothing when it is wrong, free, named twice or unknown", () => {
    const start = head();
    pownSum();
    addCoin(3, 2);
    add16Bytes(anOf(3, 1));
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242);
    pownSum();
    addCoin(3, 2);
    addCoin(3, 512);
    add16Bytes(v128.xor(anOf(3, 2), anOf(3, 512)));
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242);
    pownSum();
    addCoin(3, 2);
    addCoin(3, 2);
    add16Bytes(ZERO);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242);
    pownSum();
    addCoin(3, 2);
    addCoin(-9, 2);
    add16Bytes(anOf(3, 2));
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(40);
    pownSum();
    addCoin(3, 2);
    addCoin(6, 1024);
    add16Bytes(anOf(3, 2));
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(40, "a page that the store has not");
    expect(holds(3, 2, anOf(3, 2), MFS_OLD)).toBe(true);
    expect(holds(3, 512, anOf(3, 512), 0)).toBe(true);
    expect(head()).toBe(start);
  });

  test("takes whole coins, 4096 of them", () => {
    expect(statusOfNoBody(21)).toBe(36);
    expect(statusOfSize(21, 36)).toBe(16);
    expect(statusOfSize(21, 38)).toBe(39);
    expect(statusOfSize(21, 32 + 5 * 4097)).toBe(45);
    pownSum();
    for (let i: u32 = 0; i < 4096; i++) addCoin(<i32>(i >> 9) - 8, i & 511);
    add16Bytes(ZERO);
    add16Bytes(FIRST_PAN);
    expect(ask()).toBe(242);
  });
});
