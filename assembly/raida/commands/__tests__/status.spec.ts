import { setWord } from "../../../core/__tests__/configuration";
import { ADMIN_KEY } from "../../../core/control";
import { Config, Flag, Wire } from "../../../core/layout";
import { COUNTS } from "../../../core/memory";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add16Bytes,
  addFiller,
  addTrueCoin,
  ask,
  begin,
  message,
  messageBytes,
  noBody,
  openReplyBody,
  seal,
} from "../../__tests__/message";
import { answerTo, reply, replyBody, replyLength, startNode, useWire } from "../../__tests__/node";

startNode(Wire.LEGACY, false);

const KEY: v128 = i8x16(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
/** A datagram from another machine. */
const AFAR: u32 = Flag.DATAGRAM;

/** Sets the admin key; attach reads whether there is one. */
function setAdminKey(present: u32, clear: u32): void {
  v128.store(ADMIN_KEY, KEY);
  setWord(Config.HAS_ADMIN_KEY, present);
  setWord(Config.ADMIN_CLEAR, clear);
  useWire(Wire.LEGACY, false);
}

function askStats(type: u32, key: v128, flags: u32): u32 {
  begin(type, 0, 2);
  add16Bytes(key);
  seal();
  return answerTo(message, messageBytes, flags);
}

describe("echo", () => {
  test("answers success, empty, with any body or none", () => {
    begin(0, 0, 0);
    noBody();
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
    expect(replyLength).toBe(32);
    begin(0, 0, 0);
    addFiller(600);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
  });
});

describe("version", () => {
  test("answers eight digits, with any body or none", () => {
    begin(0, 0, 1);
    noBody();
    expect(ask()).toBe(250);
    // "20250323"
    expect(replyBody()).toBe("3230323530333233");
    begin(0, 0, 1);
    addFiller(3);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("3230323530333233");
  });
});

describe("show stats", () => {
  test("wants the admin key", () => {
    setAdminKey(1, 0);
    expect(askStats(0, KEY, Flag.LOCAL)).toBe(250);
    expect(askStats(0, i8x16.replace_lane(KEY, 15, 17), Flag.LOCAL)).toBe(38);
    expect(askStats(0, i8x16.replace_lane(KEY, 0, 0), Flag.LOCAL)).toBe(38);
    expect(replyBody()).toBe("");
    setAdminKey(0, 0);
    expect(askStats(0, KEY, Flag.LOCAL)).toBe(38, "no key is set");
    v128.store(ADMIN_KEY, i64x2.splat(0));
    expect(askStats(0, i64x2.splat(0), Flag.LOCAL)).toBe(38);
  });

  test("takes the key in clear from this machine only, unless the operator allows it", () => {
    setAdminKey(1, 0);
    expect(askStats(0, KEY, AFAR)).toBe(38);
    expect(askStats(1, KEY, AFAR)).toBe(250, "encrypted");
    expect(askStats(0, KEY, AFAR | Flag.LOCAL)).toBe(250);
    setAdminKey(1, 1);
    expect(askStats(0, KEY, AFAR)).toBe(250);
    expect(askStats(0, i64x2.splat(0), AFAR)).toBe(38);
  });

  test("wants 16 bytes at least", () => {
    setAdminKey(1, 0);
    begin(0, 0, 2);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 0, 2);
    addFiller(15);
    expect(ask()).toBe(16);
    begin(0, 0, 2);
    add16Bytes(KEY);
    addFiller(4);
    expect(ask()).toBe(250);
  });

  test("answers four little-endian counters: echoes, powns, their value, datagrams", () => {
    setAdminKey(1, 0);
    askStats(0, KEY, Flag.LOCAL);
    const echoes = load<u64>(reply, 32);
    const powns = load<u64>(reply, 40);
    const value = load<u64>(reply, 48);
    const datagrams = load<u64>(reply, 56);
    expect(replyLength).toBe(66);
    begin(0, 0, 0);
    ask();
    // Two coins of 100 and one of 0.1; a coin that fails counts for nothing.
    begin(0, 1, 20);
    addTrueCoin(2, 1);
    add16Bytes(KEY);
    addTrueCoin(2, 2);
    add16Bytes(KEY);
    addTrueCoin(-1, 2);
    add16Bytes(KEY);
    addTrueCoin(6, 512);
    add16Bytes(KEY);
    expect(ask()).toBe(243);
    askStats(0, KEY, Flag.LOCAL);
    expect(load<u64>(reply, 32)).toBe(echoes + 1);
    expect(load<u64>(reply, 40)).toBe(powns + 3);
    expect(load<u64>(reply, 48)).toBe(value + 20010000000);
    expect(load<u64>(reply, 56)).toBe(datagrams + 2);
  });

  test("counts what came before it in the same batch, and encrypts the answer", () => {
    setAdminKey(1, 0);
    expect(askStats(1, KEY, Flag.LOCAL)).toBe(250);
    const body = openReplyBody(reply, 32);
    const echoes = load<u64>(body);
    expect(load<u64>(body, 8)).toBe(3);
    begin(0, 0, 0);
    ask();
    expect(askStats(1, KEY, Flag.LOCAL)).toBe(250);
    expect(load<u64>(openReplyBody(reply, 32))).toBe(echoes + 1);
  });
});

describe("audit", () => {
  test("answers denomination and count, ascending, as the host has set them", () => {
    for (let i: u32 = 0; i < 15; i++) store<u32>(COUNTS + (i << 2), 0x01020300 + i);
    begin(0, 0, 3);
    noBody();
    expect(ask()).toBe(250);
    expect(replyLength).toBe(32 + 75 + 2);
    expect(toHex(reply + 32, 10)).toBe("f801020300f901020301");
    expect(toHex(reply + 32 + 40, 5)).toBe("0001020308");
    expect(toHex(reply + 32 + 70, 7)).toBe("060102030e3e3e");
    begin(0, 0, 3);
    addFiller(100);
    expect(ask()).toBe(250);
    expect(replyLength).toBe(109);
  });
});
