import { Descriptor, Flag, Ring, Statistic, Wire } from "../../core/layout";
import { READY, STATISTICS } from "../../core/memory";
import { entryAt, used } from "../../core/rings";
import { flipBit, guarded, toHex } from "../../crypto/__tests__/bytes";
import { rootOf } from "../merkle";
import { deliver, popReply, processNow, replyLength, startNode, useWire } from "./node";
import { setReady, writeTrees } from "./trees";

startNode(Wire.LEGACY, false);
writeTrees();

const vote: usize = guarded(512);
const NONCE: string = "e0e1e2e3e4e5e6e7e8e9eaebecedeeef";

/** 7, our own roots, a nonce. */
function writeVote(): void {
  store<u8>(vote, 7);
  for (let i: u32 = 0; i < 15; i++) memory.copy(vote + 1 + <usize>i * 32, rootOf(i), 32);
  for (let i: u32 = 0; i < 16; i++) store<u8>(vote + 481 + i, 0xe0 + i);
}

/** What is answered to the first `length` bytes of it, in hex; "": something else. */
function answerTo(length: u32, flags: u32): string {
  const peer = deliver(vote, length, flags);
  processNow(8);
  const entry = entryAt(READY, load<u32>(READY, Ring.TAIL));
  const isVote = used(READY) == 1 && load<u32>(entry, Descriptor.LENGTH) == 17;
  if (!isVote) {
    while (popReply()) {}
    return "";
  }
  expect(load<u32>(entry, Descriptor.PEER)).toBe(peer);
  expect(load<u32>(entry, Descriptor.FLAGS)).toBe(Flag.DATAGRAM);
  expect(load<u32>(entry, Descriptor.STATUS)).toBe(250);
  expect(load<u32>(entry, Descriptor.FRAME)).not.toBe(0, "the frame goes back with it");
  store<u32>(READY, load<u32>(READY, Ring.TAIL) + 1, Ring.TAIL);
  return toHex(<usize>load<u32>(entry, Descriptor.OFFSET), 17);
}

describe("a vote", () => {
  test("is 1 and the nonce when all roots are ours", () => {
    writeVote();
    const counted = load<u64>(STATISTICS + Statistic.DATAGRAMS);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("01" + NONCE);
    expect(load<u64>(STATISTICS + Statistic.DATAGRAMS)).toBe(counted + 1);
  });

  test("is 0 when any of them is not", () => {
    for (let root: u32 = 0; root < 15; root++) {
      writeVote();
      flipBit(vote + 1, root * 256 + root * 17);
      expect(answerTo(497, Flag.DATAGRAM)).toBe("00" + NONCE);
    }
    writeVote();
    flipBit(vote + 1, 480 * 8 - 1);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("00" + NONCE);
  });

  test("is 0 while there are no trees", () => {
    writeVote();
    setReady(false);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("00" + NONCE);
    memory.fill(vote + 1, 0, 480);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("00" + NONCE);
    setReady(true);
  });

  test("has 497 bytes, the first of them 7, and is a datagram of the wire legacy", () => {
    writeVote();
    expect(answerTo(496, Flag.DATAGRAM)).toBe("");
    expect(answerTo(498, Flag.DATAGRAM)).toBe("");
    expect(answerTo(497, 0)).toBe("");
    store<u8>(vote, 6);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("");
    writeVote();
    useWire(Wire.SPEC, false);
    expect(answerTo(497, Flag.DATAGRAM)).toBe("");
    expect(replyLength).not.toBe(17);
    useWire(Wire.LEGACY, false);
  });
});
