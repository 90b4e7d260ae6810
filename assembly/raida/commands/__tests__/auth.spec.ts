import { Wire } from "../../../core/layout";
import {
  add16Bytes,
  addCoin,
  addFalseCoin,
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
  replyBody,
  setAbsentPage,
  startNode,
} from "../../__tests__/node";
import { pageKey } from "../../coins";

// What a pown changes: pown.spec.ts.
startNode(Wire.LEGACY, false);
/** Denomination 6 has but one page in the store. */
setAbsentPage(pageKey(6, 1024));

function detect(): void {
  begin(0, 1, 10);
}

describe("detect", () => {
  test("passes a coin with its AN, and fails one with a changed bit", () => {
    detect();
    addTrueCoin(0, 5);
    expect(ask()).toBe(241);
    expect(replyBody()).toBe("");
    let passed = 0;
    for (let bit: i32 = 0; bit < 128; bit += 5) {
      detect();
      addCoin(0, 5);
      const an = anOf(0, 5);
      const flip = i64x2.splat((<i64>1) << (bit & 63));
      const none = i64x2.splat(0);
      // One bit of the low or of the high half.
      add16Bytes(v128.xor(an, i8x16.shuffle(flip, none, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)));
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

  test("counts a coin on a page that the store has not as failed", () => {
    detect();
    addTrueCoin(6, 1024);
    addTrueCoin(6, 0);
    expect(ask()).toBe(243);
    expect(replyBody()).toBe("02");
    detect();
    addTrueCoin(6, 1024);
    expect(ask()).toBe(242);
  });

  test("passes no free record, though the AN be right", () => {
    detect();
    addTrueCoin(0, 511);
    expect(ask()).toBe(241);
    detect();
    addTrueCoin(0, 512);
    expect(ask()).toBe(242);
  });

  test("checks the size first", () => {
    detect();
    noBody();
    expect(ask()).toBe(36);
    detect();
    expect(ask()).toBe(16);
    detect();
    add16Bytes(anOf(0, 0));
    addCoin(0, 0).remove(1);
    expect(ask()).toBe(16);
    detect();
    addTrueCoin(0, 5).remove(1);
    expect(ask()).toBe(16);
  });

  test("leaves shards 1 and 2 to legacy servers", () => {
    for (let shard: u32 = 0; shard < 4; shard++) {
      detect();
      setByte(3, shard);
      addTrueCoin(0, 5);
      expect(ask()).toBe(shard === 1 || shard === 2 ? 48 : 241);
    }
  });
});
