import { Client } from "../../core/client";
import { Wire } from "../../core/layout";
import { CLIENT_BLOCK } from "../../core/scratch";
import { Status } from "../../core/status";
import { toHex } from "../../crypto/__tests__/bytes";
import { openReply } from "../client";
import { describeRequest, get, layReply, set, work } from "./client-block";
import { ask, begin, noBody } from "./message";
import { reply, replyLength, startNode, useWire } from "./node";

startNode(Wire.LEGACY, true);

const VERSION: string = "3230323530333233";

/** Has the node answer a version request of this type; the client knows the request. */
function askVersion(type: u32): void {
  begin(type, 0, 1);
  assert(ask() == 250);
  describeRequest(type, 0, 1);
  layReply();
}

/** As askVersion, for an echo, whose reply has no payload. */
function askEcho(type: u32): void {
  begin(type, 0, 0);
  assert(ask() == 250);
  describeRequest(type, 0, 0);
  layReply();
}

/** What open says to the reply with one byte set to another value. */
function openWith(at: u32, value: u32): Status {
  layReply();
  assert(load<u8>(work + at) != <u8>value, "nothing changed");
  store<u8>(work + at, value);
  return openReply();
}

/** What open says to the reply when one bit of the byte is another. */
function openFlipped(at: u32): Status {
  return openWith(at, load<u8>(reply + at) ^ 0x20);
}

/** What open says to the first `length` bytes. */
function openCut(length: u32): Status {
  layReply();
  set(Client.LENGTH, length);
  return openReply();
}

/** Sets the status byte of the laid reply, and the 16 bytes of its challenge hash. */
function forge(status: u32, hash: i8): Status {
  layReply();
  store<u8>(work, status, 2);
  v128.store(work + 16, i8x16.splat(hash));
  return openReply();
}

function payload(): string {
  return toHex(<usize>get(Client.OUT_OFFSET), get(Client.OUT_LENGTH));
}

/** Every byte from `first` to `last` counts: how many pass when they are changed? */
function passing(first: u32, last: u32, refusal: Status): u32 {
  let count: u32 = 0;
  for (let at = first; at <= last; at++) if (openFlipped(at) !== refusal) count++;
  return count;
}

describe("a plain reply", () => {
  test("is opened: status, payload, time", () => {
    useWire(Wire.LEGACY, true);
    askVersion(0);
    expect(openReply()).toBe(Status.OK);
    expect(payload()).toBe(VERSION);
    expect(get(Client.OUT_STATUS)).toBe(250);
    expect(get(Client.OUT_EXECUTION)).toBe(7);
    expect(get(Client.OUT_OFFSET)).toBe(<u32>work + 32);
  });

  test("is refused when size and length disagree", () => {
    askVersion(0);
    expect(openCut(0)).toBe(Status.REPLY_SIZE);
    expect(openCut(31)).toBe(Status.REPLY_SIZE);
    expect(openCut(32)).toBe(Status.REPLY_SIZE);
    expect(openCut(replyLength - 1)).toBe(Status.REPLY_SIZE);
    expect(openCut(replyLength + 1)).toBe(Status.REPLY_SIZE);
    expect(passing(9, 11, Status.REPLY_SIZE)).toBe(0);
    expect(get(Client.OUT_LENGTH)).toBe(0, "nothing is handed out");
    expect(openWith(8, 1)).toBe(Status.OK, "the size has 24 bits");
    askEcho(0);
    layReply();
    store<u8>(work, 1, 11);
    set(Client.LENGTH, 33);
    expect(openReply()).toBe(Status.REPLY_SIZE, "half a trailer");
  });

  test("is taken with a trailer alone, as wire spec sends it, and without", () => {
    askEcho(0);
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_LENGTH)).toBe(0);
    layReply();
    store<u8>(work, 2, 11);
    store<u16>(work, 0x3e3e, 32);
    set(Client.LENGTH, 34);
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_LENGTH)).toBe(0);
    useWire(Wire.SPEC, true);
    askEcho(1);
    expect(openReply()).toBe(Status.OK);
    layReply();
    store<u8>(work, 0, 11);
    set(Client.LENGTH, 32);
    expect(openReply()).toBe(Status.OK);
    useWire(Wire.LEGACY, true);
  });

  test("is refused from another RAIDA, to another request, or cut off", () => {
    askVersion(1);
    expect(openFlipped(0)).toBe(Status.REPLY_RAIDA);
    expect(openFlipped(3)).toBe(Status.REPLY_ECHO, "the group");
    expect(passing(6, 7, Status.REPLY_ECHO)).toBe(0);
    expect(passing(40, 41, Status.REPLY_TRAILER)).toBe(0);
    expect(openFlipped(1)).toBe(Status.OK, "a byte that means nothing");
    expect(payload()).toBe(VERSION);
  });

  test("is refused with the first of two faults", () => {
    askVersion(1);
    layReply();
    store<u8>(work, 13);
    set(Client.LENGTH, replyLength - 1);
    expect(openReply()).toBe(Status.REPLY_SIZE);
    layReply();
    store<u8>(work, 13);
    store<u8>(work, 1, 6);
    expect(openReply()).toBe(Status.REPLY_RAIDA);
    layReply();
    store<u8>(work, 1, 6);
    store<u8>(work, 1, 41);
    expect(openReply()).toBe(Status.REPLY_ECHO);
    layReply();
    store<u8>(work, 1, 41);
    store<u8>(work, load<u8>(work, 16) ^ 1, 16);
    expect(openReply()).toBe(Status.REPLY_TRAILER);
  });
});

describe("the proof of wire legacy", () => {
  test("is the challenge, for types 1 and 2 XOR the key", () => {
    useWire(Wire.LEGACY, true);
    askVersion(0);
    expect(passing(16, 31, Status.REPLY_CHALLENGE)).toBe(0);
    askVersion(1);
    expect(passing(16, 31, Status.REPLY_CHALLENGE)).toBe(0);
    expect(openReply()).not.toBe(Status.OK);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(payload()).toBe(VERSION);
    layReply();
    store<u8>(CLIENT_BLOCK, 0, Client.KEY);
    expect(openReply()).toBe(Status.REPLY_CHALLENGE, "another key");
  });

  test("may be missing on errors that come before the body is open, and on no others", () => {
    askEcho(1);
    expect(forge(16, 0)).toBe(Status.OK);
    expect(get(Client.OUT_STATUS)).toBe(16);
    expect(forge(33, 0)).toBe(Status.OK);
    expect(forge(34, 0)).toBe(Status.OK);
    expect(forge(27, 0)).toBe(Status.OK);
    expect(forge(252, 0)).toBe(Status.OK);
    expect(forge(250, 0)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(241, 0)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(242, 0)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(36, 0)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(16, 1)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(33, 1)).toBe(Status.REPLY_CHALLENGE);
    expect(forge(37, 1)).toBe(Status.OK, "what another key has made of it");
  });

  test("is missing when the request had no body", () => {
    begin(1, 0, 1);
    noBody();
    expect(ask()).toBe(250);
    describeRequest(1, 0, 1);
    set(Client.NO_BODY, 1);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(payload()).toBe(VERSION);
    expect(forge(37, 1)).toBe(Status.REPLY_CHALLENGE, "there was nothing to check");
    set(Client.NO_BODY, 0);
    layReply();
    expect(openReply()).toBe(Status.REPLY_CHALLENGE);
  });
});

describe("a header that was refused", () => {
  test("comes back without group and echo on wire legacy", () => {
    useWire(Wire.LEGACY, true);
    begin(0, 1, 99);
    expect(ask()).toBe(6);
    describeRequest(0, 1, 99);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_STATUS)).toBe(6);
    expect(openWith(2, 1)).toBe(Status.REPLY_ECHO, "no status of a header");
    expect(openWith(2, 2)).toBe(Status.OK);
    expect(openWith(2, 7)).toBe(Status.OK);
    expect(openWith(2, 8)).toBe(Status.REPLY_ECHO);
    expect(openWith(2, 250)).toBe(Status.REPLY_ECHO);
    expect(openWith(2, 255)).toBe(Status.OK);
    expect(openWith(6, 1)).toBe(Status.REPLY_ECHO);
    expect(openWith(0, 13)).toBe(Status.REPLY_RAIDA);
    layReply();
    store<u8>(work, 2, 11);
    store<u16>(work, 0x3e3e, 32);
    set(Client.LENGTH, 34);
    expect(openReply()).toBe(Status.REPLY_SIZE, "such an answer has no body");
  });

  test("does not, on wire spec", () => {
    useWire(Wire.SPEC, true);
    begin(0, 1, 99);
    expect(ask()).toBe(6);
    describeRequest(0, 1, 99);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_STATUS)).toBe(6);
    layReply();
    store<u16>(work, 0, 6);
    expect(openReply()).toBe(Status.REPLY_ECHO);
    useWire(Wire.LEGACY, true);
  });
});

describe("the nonce of wire spec", () => {
  test("must be there and not be the request's, when a body is encrypted", () => {
    useWire(Wire.SPEC, true);
    askVersion(1);
    expect(openReply()).toBe(Status.OK);
    expect(payload()).toBe(VERSION);
    layReply();
    memory.fill(work + 16, 0, 12);
    expect(openReply()).toBe(Status.REPLY_NONCE);
    expect(get(Client.OUT_LENGTH)).toBe(0);
    layReply();
    for (let i: u32 = 0; i < 8; i++) store<u8>(work + 20 + i, 0xc0 + i);
    expect(openReply()).toBe(Status.REPLY_NONCE);
    layReply();
    for (let i: u32 = 0; i < 8; i++) store<u8>(work + 20 + i, 0xc0 + i);
    store<u8>(work, 0xc8, 27);
    expect(openReply()).toBe(Status.OK);
    expect(payload()).not.toBe(VERSION);
  });

  test("does not matter when nothing is encrypted", () => {
    askVersion(0);
    memory.fill(work + 16, 0, 12);
    expect(openReply()).toBe(Status.OK);
    expect(payload()).toBe(VERSION);
    askEcho(1);
    memory.fill(work + 16, 0, 12);
    expect(openReply()).toBe(Status.OK);
  });
});

describe("a reply of types 4 and 5", () => {
  test("is opened: status, payload, time", () => {
    for (let type: u32 = 4; type < 6; type++) {
      askVersion(type);
      expect(openReply()).toBe(Status.OK);
      expect(payload()).toBe(VERSION);
      expect(get(Client.OUT_STATUS)).toBe(250);
      expect(get(Client.OUT_EXECUTION)).toBe(7);
      expect(get(Client.OUT_OFFSET)).toBe(<u32>work + 48);
    }
  });

  test("is refused for its size, RAIDA, echo, group and trailer", () => {
    askVersion(5);
    expect(openCut(47)).toBe(Status.REPLY_SIZE);
    expect(openCut(48)).toBe(Status.REPLY_SIZE);
    expect(openCut(replyLength - 1)).toBe(Status.REPLY_SIZE);
    expect(openCut(replyLength + 1)).toBe(Status.REPLY_SIZE);
    expect(passing(9, 11, Status.REPLY_SIZE)).toBe(0);
    layReply();
    store<u8>(work, 33, 11);
    set(Client.LENGTH, 48 + 33);
    expect(openReply()).toBe(Status.REPLY_SIZE, "no room for HMAC and trailer");
    expect(openFlipped(0)).toBe(Status.REPLY_RAIDA);
    expect(openFlipped(3)).toBe(Status.REPLY_ECHO);
    expect(passing(46, 47, Status.REPLY_ECHO)).toBe(0);
    expect(passing(88, 89, Status.REPLY_TRAILER)).toBe(0);
  });

  test("is refused for every byte of ciphertext and HMAC, and for another key", () => {
    askVersion(4);
    expect(passing(48, 87, Status.REPLY_HMAC)).toBe(0);
    layReply();
    store<u8>(CLIENT_BLOCK, load<u8>(CLIENT_BLOCK, Client.KEY) ^ 1, Client.KEY);
    expect(openReply()).toBe(Status.REPLY_HMAC);
    askVersion(4);
    store<u8>(CLIENT_BLOCK, load<u8>(CLIENT_BLOCK, Client.KEY_2) ^ 1, Client.KEY_2);
    expect(openReply()).toBe(Status.OK, "type 4 has one key");
    askVersion(5);
    store<u8>(CLIENT_BLOCK, load<u8>(CLIENT_BLOCK, Client.KEY_2) ^ 1, Client.KEY_2);
    expect(openReply()).toBe(Status.REPLY_HMAC);
  });

  test("may have no body, but then proves nothing", () => {
    askEcho(4);
    expect(replyLength).toBe(48);
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_LENGTH)).toBe(0);
    layReply();
    memory.fill(work + 48, 0, 32);
    store<u16>(work, 0x3e3e, 80);
    store<u8>(work, 34, 11);
    set(Client.LENGTH, 82);
    expect(openReply()).toBe(Status.REPLY_HMAC);
  });
});
