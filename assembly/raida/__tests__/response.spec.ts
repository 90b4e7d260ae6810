import { Flag, Wire } from "../../core/layout";
import { guarded, toHex } from "../../crypto/__tests__/bytes";
import { hmacSha256 } from "../../crypto/hmac-sha256";
import { sha256 } from "../../crypto/sha256";
import {
  addFalseCoin,
  addTrueCoin,
  ask,
  askAgain,
  begin,
  hand,
  message,
  noBody,
  openReplyBody,
  seal,
  setByte,
  useKeyCoin,
} from "./message";
import {
  anOf,
  answerTo,
  fillRandom,
  now,
  popReply,
  reply,
  replyExecution,
  replyFlags,
  replyKind,
  replyLength,
  replySerial,
  setNow,
  settle,
  startNode,
  useWire,
} from "./node";

startNode(Wire.LEGACY, false);

const CHALLENGE: string = "a0a1a2a3a4a5a6a7a8a9aaab3e18aef6";
const ZEROS: string = "00000000000000000000000000000000";
const VERSION: string = "3230323530333233";

/** The last reply, all of it. */
function text(): string {
  return toHex(reply, replyLength);
}

/** Asks for the version; the key's pages are here, so that one nonce is drawn. */
function askVersion(type: u32): u32 {
  begin(type, 0, 1);
  ask();
  fillRandom();
  begin(type, 0, 1);
  return ask();
}

/** Sends the sealed message with one byte changed. */
function askSpoilt(at: u32, value: u32): u32 {
  fillRandom();
  seal();
  setByte(at, value);
  return askAgain();
}

describe("wire legacy", () => {
  test("answers the challenge, and no trailer when there is no body", () => {
    useWire(Wire.LEGACY, false);
    begin(0, 0, 0);
    ask();
    expect(text()).toBe("0e00fa000001c6c70000000000000007" + CHALLENGE);
    begin(0, 0, 0);
    noBody();
    ask();
    expect(text()).toBe("0e00fa000001c6c70000000000000007" + ZEROS);
  });

  test("closes a body with the trailer, which the size counts", () => {
    askVersion(0);
    expect(text()).toBe("0e00fa000001c6c70000000a00000007" + CHALLENGE + VERSION + "3e3e");
    begin(0, 1, 10);
    addTrueCoin(0, 1);
    addFalseCoin(0, 2);
    ask();
    expect(text()).toBe("0e00f3010001c6c70000000300000007" + CHALLENGE + "013e3e");
  });

  test("encrypts the body with the nonce of the request; challenge XOR key is the proof", () => {
    askVersion(1);
    expect(toHex(reply, 16)).toBe("0e00fa000001c6c70000000a00000007");
    v128.store(reply + 16, v128.xor(v128.load(reply + 16), anOf(0, 1)));
    expect(toHex(reply + 16, 16)).toBe(CHALLENGE);
    expect(toHex(reply + 32, 8)).not.toBe(VERSION);
    expect(toHex(openReplyBody(reply, 8), 10)).toBe(VERSION + "3e3e");
    begin(1, 0, 0);
    ask();
    expect(replyLength).toBe(32);
    v128.store(reply + 16, v128.xor(v128.load(reply + 16), anOf(0, 1)));
    expect(toHex(reply + 16, 16)).toBe(CHALLENGE);
  });

  test("repeats no group and no echo of a header that it refuses", () => {
    begin(0, 1, 10);
    expect(askSpoilt(0, 0)).toBe(255);
    expect(text()).toBe("0e00ff00000100000000000000000007" + ZEROS);
    begin(0, 1, 10);
    expect(askSpoilt(7, 7)).toBe(7);
    expect(text()).toBe("0e00070000010000" + "0000000000000007" + ZEROS);
  });

  test("repeats them when key or body are refused; the proof is what was read", () => {
    begin(1, 1, 10);
    expect(askSpoilt(17, 99)).toBe(34);
    expect(text()).toBe("0e0022010001c6c70000000000000007" + ZEROS);
    begin(0, 1, 10);
    expect(askSpoilt(49, 0)).toBe(33);
    expect(text()).toBe("0e0021010001c6c70000000000000007" + ZEROS);
    begin(0, 1, 10);
    expect(askSpoilt(32, 0)).toBe(37);
    expect(text()).toBe("0e0025010001c6c7000000000000000700a1a2a3a4a5a6a7a8a9aaab3e18aef6");
  });
});

const NONCE: string = "0102030405060708090a0b0c00000000";

describe("wire spec", () => {
  test("has a fresh nonce and always a trailer", () => {
    useWire(Wire.SPEC, false);
    fillRandom();
    begin(0, 0, 0);
    noBody();
    ask();
    expect(text()).toBe("0e00fa000001c6c70000000200000007" + NONCE + "3e3e");
    ask();
    expect(toHex(reply + 16, 16)).toBe("0d0e0f10111213141516171800000000");
    askVersion(0);
    expect(text()).toBe("0e00fa000001c6c70000000a00000007" + NONCE + VERSION + "3e3e");
  });

  test("encrypts the body under that nonce", () => {
    askVersion(1);
    expect(toHex(reply, 32)).toBe("0e00fa000001c6c70000000a00000007" + NONCE);
    expect(toHex(reply + 32, 8)).not.toBe(VERSION);
    expect(toHex(openReplyBody(reply, 8), 10)).toBe(VERSION + "3e3e");
    begin(1, 0, 0);
    fillRandom();
    ask();
    expect(text()).toBe("0e00fa000001c6c70000000200000007" + NONCE + "3e3e");
  });

  test("shows nothing of the longer nonce of a reply before it", () => {
    useWire(Wire.SPEC, true);
    begin(4, 0, 0);
    ask();
    fillRandom();
    begin(4, 0, 0);
    hand();
    begin(0, 0, 0);
    hand();
    settle();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(toHex(reply + 16, 16)).toBe("191a1b1c1d1e1f202122232400000000");
    useWire(Wire.SPEC, false);
  });

  test("repeats group and echo, whatever it refuses", () => {
    begin(0, 1, 10);
    expect(askSpoilt(0, 0)).toBe(255);
    expect(text()).toBe("0e00ff010001c6c70000000200000007" + NONCE + "3e3e");
    begin(0, 1, 10);
    expect(askSpoilt(49, 0)).toBe(33);
    expect(text()).toBe("0e0021010001c6c70000000200000007" + NONCE + "3e3e");
    begin(0, 1, 10);
    expect(askSpoilt(16, 3)).toBe(27);
    expect(text()).toBe("0e001b010001c6c70000000200000007" + NONCE + "3e3e");
  });
});

const LONG_NONCE: string = "0102030405060708090a0b0c0d0e0f10111213141516";

/** Is the tag at `at` the HMAC of the 8 bytes before it, and the trailer behind it? */
function rightTag(at: usize, two: bool): bool {
  const ans = guarded(32);
  const key = guarded(32);
  const tag = guarded(32);
  v128.store(ans, anOf(0, 1));
  v128.store(ans, anOf(1, 2), 16);
  sha256(ans, two ? 32 : 16, key);
  hmacSha256(key, 32, at - 8, 8, tag);
  return memory.compare(tag, at, 32) === 0 && load<u16>(at, 32) === 0x3e3e;
}

describe("types 4 and 5", () => {
  test("have 48 bytes of header, and size 0 without a body", () => {
    useWire(Wire.LEGACY, true);
    begin(4, 2, 60);
    useKeyCoin(-1, 0x0102);
    ask();
    fillRandom();
    begin(4, 2, 60);
    useKeyCoin(-1, 0x0102);
    ask();
    expect(text()).toBe(
      "0e00100200000007" + "0000000000000000" + "04ff000001020000" + LONG_NONCE + "d6d7",
    );
  });

  test("close a body with HMAC and trailer", () => {
    askVersion(4);
    expect(replyLength).toBe(48 + 8 + 34);
    expect(toHex(reply, 48)).toBe(
      "0e00fa0000000007" + "0000002a00000000" + "0400000000010000" + LONG_NONCE + "d6d7",
    );
    expect(rightTag(reply + 56, false)).toBe(true);
    expect(toHex(openReplyBody(reply, 8), 8)).toBe(VERSION);
  });

  test("name the second coin in the nonce of type 5", () => {
    askVersion(5);
    expect(toHex(reply, 48)).toBe(
      "0e00fa0000000007" +
        "0000002a00000000" +
        "0500000000010000" +
        "0100000002" +
        LONG_NONCE.substring(10) +
        "d6d7",
    );
    expect(rightTag(reply + 56, true)).toBe(true);
    expect(toHex(openReplyBody(reply, 8), 8)).toBe(VERSION);
  });

  test("say that a type is unknown in the same layout", () => {
    begin(4, 1, 10);
    expect(askSpoilt(16, 6)).toBe(27);
    expect(toHex(reply, 24)).toBe("0e001b01000000070000000000000000" + "0600000000010000");
    expect(replyLength).toBe(48);
  });
});

describe("the execution time", () => {
  test("is that from arrival to answer, never less than 0, and saturated", () => {
    useWire(Wire.LEGACY, false);
    const start = now;
    begin(0, 0, 0);
    hand();
    setNow(start + 100);
    settle();
    expect(popReply()).toBe(true);
    expect(replyExecution).toBe(107);
    expect(toHex(reply + 12, 4)).toBe("0000006b");
    setNow(start);
    hand();
    setNow(start - 8);
    settle();
    expect(popReply()).toBe(true);
    expect(replyExecution).toBe(0, "the clock went back");
    setNow(start);
    hand();
    setNow(start + ((<u64>1) << 32));
    settle();
    expect(popReply()).toBe(true);
    expect(replyExecution).toBe(0xffffffff);
    setNow(start);
  });
});

describe("what the host is told", () => {
  test("are type, key coin, group, command and where the request came from", () => {
    useWire(Wire.LEGACY, true);
    begin(1, 2, 60);
    useKeyCoin(-8, 0x0203);
    expect(ask()).toBe(16);
    expect(replyKind).toBe(0x3c02f801);
    expect(replySerial).toBe(0x0203);
    expect(replyFlags).toBe(Flag.DATAGRAM | Flag.LOCAL);
    begin(4, 0, 1);
    useKeyCoin(6, 3);
    seal();
    expect(answerTo(message, 90 - 8, 0)).toBe(250);
    expect(replyKind).toBe(0x01000604);
    expect(replySerial).toBe(3);
    expect(replyFlags).toBe(0);
    begin(0, 1, 10);
    setByte(17, 0x55);
    setByte(18, 0x55);
    ask();
    expect(replyKind).toBe(0x0a010000, "no coin in type 0");
    expect(replySerial).toBe(0);
  });
});
