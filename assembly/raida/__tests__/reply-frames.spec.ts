import { setWord } from "../../core/__tests__/configuration";
import { Config, Wire } from "../../core/layout";
import { REPLY_FRAMES } from "../../core/memory";
import { Status } from "../../core/status";
import { releaseReplyFrame, takeReplyFrame } from "../reply-frames";
import { startNode, useWire } from "./node";

startNode(Wire.LEGACY, false);

const BYTES: usize = 1179648;

describe("reply frames", () => {
  test("are lent until there are none, and lent again when they come back", () => {
    expect(takeReplyFrame()).toBe(REPLY_FRAMES);
    expect(takeReplyFrame()).toBe(REPLY_FRAMES + BYTES);
    expect(takeReplyFrame()).toBe(0);
    expect(releaseReplyFrame(REPLY_FRAMES + BYTES)).toBe(Status.OK);
    expect(takeReplyFrame()).toBe(REPLY_FRAMES + BYTES);
    expect(releaseReplyFrame(REPLY_FRAMES)).toBe(Status.OK);
    expect(releaseReplyFrame(REPLY_FRAMES + BYTES)).toBe(Status.OK);
  });

  test("come back once, and only those that were lent", () => {
    expect(releaseReplyFrame(REPLY_FRAMES)).toBe(Status.INVALID_ARGUMENT);
    const frame = takeReplyFrame();
    expect(releaseReplyFrame(frame - 1)).toBe(Status.INVALID_ARGUMENT);
    expect(releaseReplyFrame(frame + BYTES)).toBe(Status.INVALID_ARGUMENT, "not lent");
    expect(releaseReplyFrame(frame + 2 * BYTES)).toBe(Status.INVALID_ARGUMENT, "no frame");
    expect(releaseReplyFrame(0)).toBe(Status.INVALID_ARGUMENT);
    expect(releaseReplyFrame(frame)).toBe(Status.OK);
    expect(releaseReplyFrame(frame)).toBe(Status.INVALID_ARGUMENT);
  });

  test("may be 32, or none", () => {
    // Only addresses are lent here; nothing is written to them.
    setWord(Config.REPLY_FRAMES, 32);
    useWire(Wire.LEGACY, false);
    for (let i: usize = 0; i < 32; i++) expect(takeReplyFrame()).toBe(REPLY_FRAMES + i * BYTES);
    expect(takeReplyFrame()).toBe(0);
    expect(releaseReplyFrame(REPLY_FRAMES + 31 * BYTES)).toBe(Status.OK);
    expect(takeReplyFrame()).toBe(REPLY_FRAMES + 31 * BYTES);
    for (let i: usize = 0; i < 32; i++) releaseReplyFrame(REPLY_FRAMES + i * BYTES);
    setWord(Config.REPLY_FRAMES, 0);
    useWire(Wire.LEGACY, false);
    expect(takeReplyFrame()).toBe(0);
  });
});
