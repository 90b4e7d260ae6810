import { EffectKind, EffectStatus, Folder, Wire } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  fileName,
  finish,
  finishWithText,
  folder,
  framesWiped,
  giveFramesBack,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import { addByte, addText, ask, begin, hand, noBody, openReplyBody } from "../../__tests__/message";
import { reply, replyBody, settle, startNode } from "../../__tests__/node";

startNode(Wire.LEGACY, true);

const ZONE: string = "# zone\nA 10.1.2.3 xx\nSRV 10.9.8.7:50001\n";

function lookUp(type: u32, name: string): void {
  begin(0, 12, 120);
  addByte(type);
  addText(name);
}

function handLookUp(type: u32, name: string): void {
  lookUp(type, name);
  hand();
  settle();
}

describe("nslookup", () => {
  test("has a type and a name of three bytes", () => {
    begin(0, 12, 120);
    noBody();
    expect(ask()).toBe(36);
    lookUp(1, "");
    expect(ask()).toBe(16);
    lookUp(1, "ab");
    expect(ask()).toBe(16);
    lookUp(1, "abc");
    hand();
    settle();
    finish(EffectStatus.MISSING, 0);
    expect(status()).toBe(185);
  });

  test("reads the zone of the name, and tells address and port", () => {
    handLookUp(1, "a.test");
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.ZONES);
    expect(fileName()).toBe("a.test.zone");
    expect(resultLimit()).toBe(65536);
    finishWithText(ZONE);
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0a0102030000");
    handLookUp(2, "a.test");
    finishWithText(ZONE);
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0a090807c351");
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("knows two types", () => {
    const types: u32[] = [0, 3, 255];
    for (let i = 0; i < types.length; i++) {
      lookUp(types[i], "a.test");
      expect(ask()).toBe(198);
    }
  });

  test("takes names of letters, digits, hyphens and single dots, up to 250 bytes", () => {
    const wrong: string[] = [
      ".test",
      "..a",
      "a..b",
      "a/b",
      "../a",
      "a_b",
      "a b",
      "a\0b",
      "ab\0",
      "a\x80b",
      "a@b",
      "a[b",
      "a`b",
      "a{b",
      "a".repeat(251),
    ];
    for (let i = 0; i < wrong.length; i++) {
      lookUp(1, wrong[i]);
      expect(ask()).toBe(198, wrong[i]);
    }
    expect(askedKind()).toBe(0);
    const right: string[] = ["A-z.0-9", "-a-", "a.b.", "Z".repeat(250)];
    for (let i = 0; i < right.length; i++) {
      handLookUp(1, right[i]);
      expect(fileName()).toBe(right[i] + ".zone");
      finish(EffectStatus.MISSING, 0);
      expect(status()).toBe(185);
    }
  });

  test("is 185 without a zone, 184 without a record, 194 when it cannot be read", () => {
    const ends: EffectStatus[] = [
      EffectStatus.MISSING,
      EffectStatus.EXISTS,
      EffectStatus.OUTSIDE,
      EffectStatus.NOT_A_FILE,
      EffectStatus.TOO_LARGE,
      EffectStatus.FAILED,
    ];
    const answers: u32[] = [185, 185, 185, 185, 194, 194];
    for (let i = 0; i < ends.length; i++) {
      handLookUp(1, "a.test");
      finish(ends[i], 40);
      expect(status()).toBe(answers[i]);
    }
    handLookUp(2, "a.test");
    finishWithText("A 1.2.3.4\n");
    expect(status()).toBe(184);
    handLookUp(2, "a.test");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(184);
    handLookUp(2, "a.test");
    finish(EffectStatus.OK, 65537);
    expect(status()).toBe(194, "more than was asked for");
    expect(allFramesFree()).toBe(true);
  });

  test("answers type 4 under its key", () => {
    begin(4, 12, 120);
    addByte(2);
    addText("a.test");
    hand();
    settle();
    finishWithText(ZONE);
    expect(status()).toBe(250);
    expect(toHex(openReplyBody(reply, 6), 6)).toBe("0a090807c351");
  });

  test("finds no frame: 254", () => {
    takeFrames();
    lookUp(1, "a.test");
    expect(ask()).toBe(254);
    giveFramesBack();
  });
});
