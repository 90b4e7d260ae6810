import { Flag, Wire } from "../../core/layout";
import { allAre } from "../../crypto/__tests__/bytes";
import { requestBytes } from "../request";
import {
  addFiller,
  addTrueCoin,
  ask,
  askAgain,
  begin,
  message,
  messageBytes,
  noBody,
  seal,
  setByte,
  useKeyCoin,
} from "./message";
import {
  answerTo,
  dryRandom,
  fillRandom,
  fillsAsked,
  framesOut,
  reply,
  replyLength,
  SILENCE,
  startNode,
  useWire,
} from "./node";

startNode(Wire.LEGACY, false);

/** What the checks of the header answer, in their order. */
const HEADER_ERRORS: StaticArray<u32> = [255, 2, 3, 5, 4, 6, 7, 27];

/** Makes the message at hand fail the header check of that number. */
function spoil(check: u32): void {
  if (check === 0) setByte(0, 2);
  if (check === 1) setByte(1, 1);
  if (check === 2) setByte(2, 13);
  if (check === 3) setByte(4, 16);
  if (check === 4) setByte(3, 4);
  if (check === 5) setByte(5, 99);
  if (check === 6) setByte(7, 5);
  if (check === 7) setByte(16, 3);
}

function beginEcho(type: u32): void {
  begin(type, 0, 0);
  addFiller(60);
  seal();
}

/** How many of all pairs of header errors are not answered with the first one's status. */
function misordered(type: u32): u32 {
  let wrong: u32 = 0;
  for (let first: u32 = 0; first < 8; first++) {
    for (let second = first; second < 8; second++) {
      beginEcho(type);
      spoil(second);
      spoil(first);
      if (askAgain() !== HEADER_ERRORS[first]) wrong++;
    }
  }
  return wrong;
}

describe("the checks of a header", () => {
  test("come in their order, the first failure wins (wire legacy)", () => {
    useWire(Wire.LEGACY, false);
    expect(misordered(0)).toBe(0);
    expect(misordered(1)).toBe(0);
    useWire(Wire.LEGACY, true);
    expect(misordered(4)).toBe(0);
    beginEcho(0);
    expect(askAgain()).toBe(250);
  });

  test("come in their order, the first failure wins (wire spec)", () => {
    useWire(Wire.SPEC, false);
    expect(misordered(0)).toBe(0);
    useWire(Wire.SPEC, true);
    expect(misordered(0)).toBe(0);
    expect(misordered(5)).toBe(0);
    beginEcho(0);
    expect(askAgain()).toBe(250);
  });

  test("know groups to 13 on wire spec and to 15 on wire legacy", () => {
    useWire(Wire.SPEC, false);
    beginEcho(0);
    setByte(4, 13);
    expect(askAgain()).toBe(6, "in range, no such command");
    setByte(4, 14);
    expect(askAgain()).toBe(5);
    useWire(Wire.LEGACY, false);
    setByte(4, 15);
    expect(askAgain()).toBe(6);
    setByte(4, 16);
    expect(askAgain()).toBe(5);
    setByte(4, 255);
    expect(askAgain()).toBe(5);
  });

  test("compare the coin id as 16 bits, and take shards 0 to 3", () => {
    useWire(Wire.LEGACY, false);
    beginEcho(0);
    setByte(6, 1);
    expect(askAgain()).toBe(7);
    setByte(6, 0);
    setByte(3, 3);
    expect(askAgain()).toBe(250);
    setByte(3, 255);
    expect(askAgain()).toBe(4);
  });

  test("know types 4 and 5 only where they are allowed, and no others", () => {
    useWire(Wire.LEGACY, false);
    beginEcho(4);
    expect(askAgain()).toBe(27);
    beginEcho(5);
    expect(askAgain()).toBe(27);
    useWire(Wire.SPEC, false);
    beginEcho(4);
    expect(askAgain()).toBe(27);
    expect(replyLength).toBe(34);
    useWire(Wire.LEGACY, true);
    beginEcho(4);
    expect(askAgain()).toBe(250);
    beginEcho(5);
    expect(askAgain()).toBe(250);
    for (let type: u32 = 3; type < 256; type += 84) {
      beginEcho(4);
      setByte(16, type === 87 ? 6 : type);
      expect(askAgain()).toBe(27);
      expect(replyLength).toBe(48);
    }
  });

  test("ignore presentation, application and the bytes to 15", () => {
    beginEcho(0);
    for (let i: u32 = 8; i < 16; i++) setByte(i, 0xee);
    expect(askAgain()).toBe(250);
  });
});

/** An encrypted detect of one coin, to be damaged; 39 + 32 bytes. */
function detect(): void {
  begin(1, 1, 10);
  addTrueCoin(0, 5);
  seal();
}

describe("after the header", () => {
  test("key, length, size, trailer, CRC and command are checked in this order", () => {
    useWire(Wire.LEGACY, false);
    detect();
    expect(askAgain()).toBe(241);
    // Each message has two faults: the one that is answered and the next.
    detect();
    setByte(16, 3);
    setByte(17, 99);
    expect(askAgain()).toBe(27);
    detect();
    setByte(17, 99);
    expect(answerTo(message, messageBytes - 1, 0)).toBe(34);
    detect();
    setByte(messageBytes - 1, 0);
    setByte(23, 17);
    expect(answerTo(message, 32, 0)).toBe(16);
    detect();
    setByte(23, 17);
    expect(askAgain()).toBe(16);
    detect();
    setByte(messageBytes - 1, 0);
    setByte(40, 0x5a);
    expect(askAgain()).toBe(33);
    begin(1, 1, 10);
    seal();
    setByte(40, 0x5a);
    expect(askAgain()).toBe(37, "before the command sees an empty list");
    begin(1, 1, 10);
    expect(ask()).toBe(16);
  });

  test("types 4 and 5 check size, trailer, HMAC and command in this order", () => {
    useWire(Wire.LEGACY, true);
    begin(4, 1, 10);
    addTrueCoin(0, 5);
    expect(ask()).toBe(241);
    begin(4, 1, 10);
    addTrueCoin(0, 5);
    seal();
    setByte(17, 0);
    setByte(18, 33);
    expect(askAgain()).toBe(16);
    setByte(18, 34);
    setByte(50, 0xee);
    expect(askAgain()).toBe(33, "no trailer there");
    begin(4, 1, 10);
    seal();
    setByte(50, load<u8>(message, 50) ^ 1);
    expect(askAgain()).toBe(204);
    setByte(50, load<u8>(message, 50) ^ 1);
    expect(askAgain()).toBe(16, "an empty list");
    setByte(messageBytes - 1, 0);
    expect(askAgain()).toBe(33);
  });

  test("an HMAC is refused for a bit of text or tag, and under another key", () => {
    useWire(Wire.LEGACY, true);
    let taken = 0;
    for (let at: u32 = 48; at < 48 + 21 + 32; at += 3) {
      begin(5, 1, 10);
      addTrueCoin(0, 5);
      seal();
      setByte(at, load<u8>(message + at) ^ 0x10);
      if (askAgain() !== 204) taken++;
    }
    expect(taken).toBe(0);
    begin(4, 1, 10);
    addTrueCoin(0, 5);
    seal();
    setByte(23, 2);
    expect(askAgain()).toBe(204);
    begin(4, 0, 0);
    noBody();
    expect(ask()).toBe(250, "no body, nothing to prove");
  });
});

describe("the size of a body", () => {
  test("may be 0; from 18 on there is room for challenge and trailer", () => {
    useWire(Wire.LEGACY, false);
    for (let size: u32 = 0; size < 18; size++) {
      begin(0, 0, 0);
      addFiller(30);
      seal();
      setByte(23, size);
      // A right trailer at the end of so small a body.
      if (size >= 2) {
        setByte(32 + size - 1, 0x3e);
        setByte(32 + size - 2, 0x3e);
      }
      expect(askAgain()).toBe(size === 0 ? 250 : 16);
    }
    begin(0, 0, 0);
    expect(ask()).toBe(250);
    expect(messageBytes).toBe(32 + 18);
    begin(0, 0, 0);
    addFiller(65535 - 18);
    expect(ask()).toBe(250);
    expect(messageBytes).toBe(32 + 65535);
  });

  test("must have come; more is ignored", () => {
    begin(0, 0, 0);
    addFiller(4);
    seal();
    expect(answerTo(message, messageBytes - 1, 0)).toBe(16);
    expect(answerTo(message, 32, 0)).toBe(16);
    expect(answerTo(message, messageBytes + 9, 0)).toBe(250);
  });

  test("wants both bytes of the trailer", () => {
    begin(0, 0, 0);
    seal();
    setByte(48, 0x3f);
    expect(askAgain()).toBe(33);
    setByte(48, 0x3e);
    setByte(49, 0xe3);
    expect(askAgain()).toBe(33);
  });

  test("wants every bit of the challenge", () => {
    let taken = 0;
    for (let at: u32 = 32; at < 48; at++) {
      begin(0, 0, 0);
      seal();
      setByte(at, load<u8>(message + at) ^ 4);
      if (askAgain() !== 37) taken++;
    }
    expect(taken).toBe(0);
  });
});

describe("silence", () => {
  test("is what a message without a header gets; its frame comes back", () => {
    useWire(Wire.LEGACY, false);
    begin(0, 0, 0);
    noBody();
    seal();
    for (let length: u32 = 0; length < 32; length++) {
      expect(answerTo(message, length, Flag.DATAGRAM)).toBe(SILENCE);
    }
    expect(answerTo(message, 32, 0)).toBe(250);
    setByte(16, 4);
    expect(answerTo(message, 47, 0)).toBe(SILENCE);
    expect(answerTo(message, 48, 0)).toBe(27);
    expect(framesOut).toBe(0);
  });
});

describe("without random bytes", () => {
  test("wires that need a nonce answer 252, with a nonce of zeros, and ask once", () => {
    useWire(Wire.SPEC, true);
    fillRandom();
    begin(1, 0, 1);
    expect(ask()).toBe(250);
    dryRandom();
    const asked = fillsAsked;
    begin(1, 0, 1);
    expect(ask()).toBe(252);
    expect(replyLength).toBe(34);
    expect(allAre(reply + 16, 16, 0)).toBe(true);
    begin(4, 0, 1);
    expect(ask()).toBe(252);
    expect(replyLength).toBe(48);
    expect(allAre(reply + 24, 22, 0)).toBe(true);
    expect(fillsAsked).toBe(asked + 1);
    useWire(Wire.LEGACY, true);
    begin(1, 0, 1);
    expect(ask()).toBe(250, "no nonce is needed here");
    begin(4, 0, 1);
    expect(ask()).toBe(252);
    fillRandom();
    expect(ask()).toBe(250);
  });
});

describe("what a stream has to collect", () => {
  test("is the shortest message, the header, then header and body", () => {
    useWire(Wire.LEGACY, true);
    begin(1, 0, 0);
    useKeyCoin(99, 1);
    addFiller(300);
    seal();
    expect(requestBytes(message, 0)).toBe(17);
    expect(requestBytes(message, 16)).toBe(17);
    expect(requestBytes(message, 17)).toBe(32);
    expect(requestBytes(message, 31)).toBe(32);
    expect(requestBytes(message, 32)).toBe(32 + 318);
    expect(requestBytes(message, 5000)).toBe(32 + 318);
    begin(5, 0, 0);
    addFiller(300);
    seal();
    expect(requestBytes(message, 17)).toBe(48);
    expect(requestBytes(message, 47)).toBe(48);
    expect(requestBytes(message, 48)).toBe(48 + 334);
    setByte(17, 0xff);
    setByte(18, 0xff);
    expect(requestBytes(message, 48)).toBe(48 + 65535);
  });

  test("ends with the header when that is refused", () => {
    beginEcho(0);
    for (let check: u32 = 0; check < 7; check++) {
      beginEcho(0);
      spoil(check);
      expect(requestBytes(message, 32)).toBe(32);
    }
    beginEcho(0);
    spoil(7);
    expect(requestBytes(message, 32)).toBe(48);
    expect(requestBytes(message, 48)).toBe(48);
  });
});
