import { setWord } from "../../../core/__tests__/configuration";
import { Config, EffectKind, EffectStatus, Folder, Wire } from "../../../core/layout";
import {
  allFramesFree,
  askedKind,
  content,
  fileName,
  finish,
  finishWith,
  folder,
  framesWiped,
  giveFramesBack,
  mode,
  resultAt,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import { addFiller, addText, ask, begin, noBody } from "../../__tests__/message";
import { now, replyBody, setNow, startNode, useWire } from "../../__tests__/node";
import { clearDurableTables } from "../../tables";
import { check, handOver, keyHex, RECEIPT, reserve, withdrawal } from "./payments";

startNode(Wire.LEGACY, true);
setWord(Config.BTC_CONFIRMATIONS, 3);
useWire(Wire.LEGACY, true);

// Answers of the proxy: its status (u32, little-endian), and a payload.
const SEEN: string = "b7000000";
const DONE: string = "fa000000";
const AMOUNT: string = "00000000000003e8";

function reserved(): void {
  clearDurableTables();
  reserve(0, 40, 1);
  assert(ask() == 250);
}

function handCheck(): void {
  check(0, "BTC", 0xdf, 2);
  handOver();
}

function rate(ticker: string): void {
  begin(0, 11, 114);
  addText(ticker);
}

describe("check depository", () => {
  test("has the sizes of its parts", () => {
    begin(0, 11, 111);
    noBody();
    expect(ask()).toBe(36);
    check(0, "BTC", 0xdf, 0);
    expect(ask()).toBe(16);
    check(0, "BTC", 0xdf, 255);
    expect(ask()).toBe(16);
  });

  test("needs an entry with the same receipt and ticker", () => {
    reserved();
    check(1, "BTC", 0xdf, 1);
    expect(ask()).toBe(193);
    check(0, "BTC", 0xde, 1);
    expect(ask()).toBe(198);
    check(0, "BTX", 0xdf, 1);
    expect(ask()).toBe(198);
    check(0, "CTC", 0xdf, 1);
    expect(ask()).toBe(198);
    setNow(now + 3600000001);
    check(0, "BTC", 0xdf, 1);
    expect(ask()).toBe(193);
    expect(askedKind()).toBe(0);
  });

  test("asks the proxy to watch for the transaction", () => {
    reserved();
    check(0, "BTC", 0xdf, 254);
    handOver();
    expect(askedKind()).toBe(EffectKind.ASK_PROXY);
    expect(mode()).toBe(115);
    const asked = "425443" + AMOUNT + keyHex(0) + "03" + RECEIPT + "99".repeat(32);
    expect(content()).toBe(asked + "11".repeat(254));
    finishWith(DONE + AMOUNT + "00".repeat(16));
    expect(status()).toBe(250);
    expect(replyBody()).toBe("");
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("compares the amount, also of a transaction that is only seen", () => {
    reserved();
    handCheck();
    finishWith(SEEN + AMOUNT + "00".repeat(16));
    expect(status()).toBe(183);
    handCheck();
    finishWith(SEEN);
    expect(status()).toBe(183);
    handCheck();
    finishWith(SEEN + "00000000000003e9" + "00".repeat(16));
    expect(status()).toBe(192);
    handCheck();
    finishWith(DONE + "01000000000003e8" + "00".repeat(16));
    expect(status()).toBe(192);
  });

  test("is 180 without a proxy, and 187 when that answers nonsense", () => {
    reserved();
    handCheck();
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(180);
    const nonsense: string[] = [
      "",
      "fa0000",
      "00000000",
      "fa010000",
      "ffffffff",
      DONE,
      DONE + AMOUNT,
      SEEN + AMOUNT,
      DONE + AMOUNT + "00".repeat(15),
    ];
    for (let i = 0; i < nonsense.length; i++) {
      handCheck();
      finishWith(nonsense[i]);
      expect(status()).toBe(187, nonsense[i]);
    }
    for (let end: u32 = 1; end < 10; end++) {
      handCheck();
      store<u32>(resultAt(), 250);
      finish(<EffectStatus>end, 28);
      expect(status()).toBe(end == EffectStatus.UNREACHABLE ? 180 : 187);
    }
    expect(allFramesFree()).toBe(true);
  });

  test("passes other answers on", () => {
    reserved();
    const answers: string[] = ["b1000000", "be000000", "96000000", "01000000"];
    const statuses: u32[] = [177, 190, 150, 1];
    for (let i = 0; i < answers.length; i++) {
      handCheck();
      finishWith(answers[i] + "1234");
      expect(status()).toBe(statuses[i]);
    }
  });

  test("looks again when the answer is here", () => {
    reserved();
    handCheck();
    clearDurableTables();
    finishWith(DONE + AMOUNT + "00".repeat(16));
    expect(status()).toBe(193);
  });

  test("finds half of the frames with the proxy: 254", () => {
    reserved();
    handCheck();
    check(0, "BTC", 0xdf, 1);
    expect(ask()).toBe(254);
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(180);
    handCheck();
    expect(askedKind()).toBe(EffectKind.ASK_PROXY, "there is room again");
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(180);
  });
});

describe("withdraw", () => {
  test("has the sizes of its parts, and one ticker", () => {
    begin(0, 11, 112);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 11, 112);
    addFiller(69);
    expect(ask()).toBe(16);
    withdrawal("BTC", 25, 10);
    expect(ask()).toBe(198);
    withdrawal("BTC", 63, 10);
    expect(ask()).toBe(198);
    withdrawal("BTC", 26, 255);
    expect(ask()).toBe(16);
    withdrawal("BTX", 26, 1);
    expect(ask()).toBe(198);
    withdrawal("XTC", 26, 1);
    expect(ask()).toBe(198);
    expect(askedKind()).toBe(0);
  });

  test("reads the private key, and asks the proxy to send", () => {
    withdrawal("BTC", 26, 0);
    handOver();
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.FOLDERS);
    expect(fileName()).toBe("BTC");
    expect(resultLimit()).toBe(3000);
    finishWith("0a0b0c");
    expect(askedKind()).toBe(EffectKind.ASK_PROXY);
    expect(mode()).toBe(113);
    const asked = "425443" + RECEIPT + "0a0b0c" + AMOUNT + keyHex(0) + "1a";
    expect(content()).toBe(asked + "41".repeat(26));
    finishWith(DONE + "5555");
    expect(status()).toBe(250);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("passes the largest parts on, and what the proxy says", () => {
    withdrawal("BTC", 62, 254);
    handOver();
    memory.fill(resultAt(), 0x33, 3000);
    finish(EffectStatus.OK, 3000);
    const asked = "425443" + RECEIPT + "33".repeat(3000) + AMOUNT + keyHex(0) + "3e";
    expect(content()).toBe(asked + "41".repeat(62) + "11".repeat(254));
    finishWith("96000000");
    expect(status()).toBe(150);
    expect(framesWiped()).toBe(true);
    const ends: EffectStatus[] = [EffectStatus.UNREACHABLE, EffectStatus.FAILED];
    const answers: u32[] = [180, 187];
    for (let i = 0; i < ends.length; i++) {
      withdrawal("BTC", 26, 1);
      handOver();
      finishWith("0a0b0c");
      finish(ends[i], 0);
      expect(status()).toBe(answers[i]);
    }
  });

  test("is 52 without a private key, 194 when it cannot be read", () => {
    for (let end: u32 = 1; end < 10; end++) {
      withdrawal("BTC", 26, 1);
      handOver();
      finish(<EffectStatus>end, 3);
      expect(status()).toBe(end == EffectStatus.FAILED ? 194 : 52);
    }
    withdrawal("BTC", 26, 1);
    handOver();
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(52);
    withdrawal("BTC", 26, 1);
    handOver();
    finish(EffectStatus.OK, 3001);
    expect(status()).toBe(52);
    expect(allFramesFree()).toBe(true);
  });
});

describe("exchange rate", () => {
  test("is that of one ticker", () => {
    begin(0, 11, 114);
    noBody();
    expect(ask()).toBe(36);
    rate("BT");
    expect(ask()).toBe(16);
    rate("BTCX");
    expect(ask()).toBe(16);
    rate("XMR");
    expect(ask()).toBe(198);
    rate("btc");
    expect(ask()).toBe(198);
    rate("BTC");
    handOver();
    expect(mode()).toBe(114);
    expect(content()).toBe("425443");
    finishWith(DONE + "0102030405060708");
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0102030405060708");
  });

  test("is what the proxy says", () => {
    const answers: string[] = [
      DONE,
      DONE + "01020304050607",
      DONE + "010203040506070809",
      "b5000000",
    ];
    const statuses: u32[] = [187, 187, 187, 181];
    for (let i = 0; i < answers.length; i++) {
      rate("BTC");
      handOver();
      finishWith(answers[i]);
      expect(status()).toBe(statuses[i]);
    }
    rate("BTC");
    handOver();
    finish(EffectStatus.UNREACHABLE, 0);
    expect(status()).toBe(180);
    takeFrames();
    rate("BTC");
    expect(ask()).toBe(254);
    giveFramesBack();
  });
});
