import { Flag } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  add32,
  addByte,
  addFiller,
  ask,
  begin,
  hand,
  noBody,
  openReplyBody,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  now,
  popReply,
  reply,
  replyBody,
  replyFlags,
  replyLength,
  setAutoCommit,
  setNow,
  settle,
} from "../../__tests__/node";
import {
  beginBreak,
  CLIENT,
  detect,
  handFrom,
  reserveForChange,
  reserveToCreate,
  restore,
  SESSION,
  setMap,
  startMint,
} from "./mint";

startMint();

function statusOfSize(bytes: u32): u32 {
  begin(0, 9, 91);
  addFiller(bytes);
  return ask();
}

function statusOf(operation: u32, denomination: i32): u32 {
  begin(0, 9, 91);
  add32(SESSION);
  addByte(operation);
  addByte(denomination);
  return ask();
}

/** The denomination and the first serial number of the last answer. */
function firstOffered(): string {
  return toHex(reply + 32, 5);
}

describe("available change", () => {
  beforeEach(() => restore());

  test("is 64 free serial numbers of the coins that will be made", () => {
    expect(reserveForChange(SESSION, false, 1, CLIENT)).toBe(250);
    expect(replyLength).toBe(32 + 1 + 64 * 4 + 2);
    expect(firstOffered()).toBe("0000000200");
    expect(toHex(reply + 32 + 1 + 63 * 4, 4)).toBe("0000023f");
    expect(reserveForChange(SESSION, true, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0200000200", "join makes larger ones");
    expect(reserveForChange(SESSION, false, -7, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("f800000200");
  });

  test("is all there is when that is less", () => {
    setMap(0, 0, 2048, true);
    expect(reserveForChange(SESSION, false, 1, CLIENT)).toBe(250);
    expect(replyBody()).toBe("00");
    setMap(0, 700, 2, false);
    setMap(0, 2047, 1, false);
    expect(reserveForChange(SESSION, false, 1, CLIENT)).toBe(250);
    expect(replyBody()).toBe("00" + "000002bc" + "000002bd" + "000007ff");
  });

  test("wants an operation, and a denomination with a neighbour", () => {
    expect(statusOf(0, 1)).toBe(198);
    expect(statusOf(3, 99)).toBe(198, "the operation first");
    expect(statusOf(1, -8)).toBe(40);
    expect(statusOf(1, -9)).toBe(40);
    expect(statusOf(1, 7)).toBe(40);
    expect(statusOf(2, 6)).toBe(40);
    expect(statusOf(2, -9)).toBe(40);
    expect(statusOf(1, 6)).toBe(250);
    expect(statusOf(2, -8)).toBe(250);
    expect(statusOf(2, 5)).toBe(250);
  });

  test("takes six bytes", () => {
    begin(0, 9, 91);
    noBody();
    expect(ask()).toBe(36);
    expect(statusOfSize(5)).toBe(16);
    expect(statusOfSize(7)).toBe(16);
  });

  test("leaves out what others have reserved, and nothing of its own", () => {
    reserveForChange(SESSION, false, 1, CLIENT);
    expect(reserveForChange(SESSION + 1, false, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0000000600");
    expect(reserveForChange(SESSION + 2, false, 1, CLIENT)).toBe(250);
    expect(replyBody()).toBe("00");
    expect(reserveForChange(SESSION, false, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0000000200");
    reserveToCreate(SESSION, 3);
    expect(reserveForChange(SESSION, false, 4, CLIENT)).toBe(250);
    expect(replyBody()).toBe("03", "what it has to create on is not for change");
  });

  test("is offered to session 0 too, which reserves nothing", () => {
    expect(reserveForChange(0, false, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0000000200");
    expect(reserveForChange(SESSION, false, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0000000200");
    expect(reserveForChange(0, false, 1, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0000000600");
  });

  test("is reserved for 16 seconds from the last question", () => {
    reserveForChange(SESSION, false, 1, CLIENT);
    setNow(now + 10000000);
    reserveForChange(SESSION, false, 1, CLIENT);
    setNow(now + 15999999);
    reserveForChange(SESSION + 1, false, 1, CLIENT);
    expect(firstOffered()).toBe("0000000600");
    setNow(now + 1);
    reserveForChange(SESSION + 2, false, 1, CLIENT);
    expect(firstOffered()).toBe("0000000200");
  });

  test("is eight pages for each client address", () => {
    for (let i = 0; i < 8; i++) {
      expect(reserveForChange(SESSION + i, false, i - 3, CLIENT)).toBe(250);
      expect(replyLength).toBe(32 + 1 + 64 * 4 + 2);
    }
    expect(reserveForChange(SESSION, false, 5, CLIENT)).toBe(250);
    expect(replyBody()).toBe("04");
    expect(reserveForChange(SESSION + 3, false, 0, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("ff00000200", "a page that it holds is renewed");
    expect(reserveForChange(SESSION, false, 5, CLIENT + 1)).toBe(250);
    expect(firstOffered()).toBe("0400000200", "another address");
    // What another address renews still counts for the one that reserved it.
    expect(reserveForChange(SESSION + 3, false, 0, CLIENT + 1)).toBe(250);
    expect(reserveForChange(SESSION, true, 5, CLIENT)).toBe(250);
    expect(replyBody()).toBe("06");
    expect(reserveForChange(0, true, 5, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0600000200", "session 0 only looks");
    setNow(now + 16000000);
    expect(reserveForChange(SESSION, true, 5, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0600000200");
  });

  test("leaves out what would be a ninth page", () => {
    for (let i = 0; i < 7; i++) reserveForChange(SESSION, false, i - 3, CLIENT);
    setMap(4, 0, 2048, true);
    setMap(4, 5, 1, false);
    setMap(4, 1030, 1, false);
    expect(reserveForChange(SESSION, false, 5, CLIENT)).toBe(250);
    expect(replyBody()).toBe("04" + "00000005");
    expect(reserveForChange(SESSION + 1, false, 5, CLIENT + 1)).toBe(250);
    expect(replyBody()).toBe("04" + "00000406", "which another address may have");
  });

  test("follows what break does, when that is durable", () => {
    reserveForChange(SESSION, false, 1, CLIENT);
    // Loads the pages of the break.
    detect(0, 0, anOf(0, 0));
    detect(1, 0, anOf(1, 0));
    setAutoCommit(false);
    beginBreak(1, 5, 512);
    hand();
    begin(0, 9, 91);
    add32(SESSION);
    addByte(1);
    addByte(1);
    handFrom(CLIENT, Flag.DATAGRAM);
    settle();
    expect(popReply()).toBe(false);
    commit();
    expect(popReply()).toBe(true);
    expect(popReply()).toBe(true);
    expect(firstOffered()).toBe("000000020a", "ten are in use now");
    setAutoCommit(true);
    expect(reserveForChange(SESSION, true, 0, CLIENT)).toBe(250);
    expect(firstOffered()).toBe("0100000005", "and the broken coin's is free");
  });

  test("of a question that waited in its small copy goes into a reply frame", () => {
    begin(1, 9, 91);
    // The page of this coin has to be loaded first.
    useKeyCoin(-3, 1025);
    add32(SESSION);
    addByte(1);
    addByte(1);
    expect(ask()).toBe(250);
    expect(replyFlags & Flag.REPLY_FRAME).toBe(Flag.REPLY_FRAME);
    expect(toHex(openReplyBody(reply, 257), 5)).toBe("0000000200");
  });
});
