import { setWord } from "../../../core/__tests__/configuration";
import { ADMIN_KEY } from "../../../core/control";
import {
  Config,
  Descriptor,
  EffectKind,
  EffectStatus,
  Flag,
  Folder,
  Ring,
  Statistic,
  Wire,
  WriteMode,
} from "../../../core/layout";
import { READY, STATISTICS } from "../../../core/memory";
import { entryAt, used } from "../../../core/rings";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  content,
  fileName,
  finish,
  finishWithText,
  folder,
  framesWiped,
  giveFramesBack,
  mode,
  permissions,
  resultAt,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import {
  add16Bytes,
  add32,
  addFiller,
  addText,
  ask,
  begin,
  hand,
  message,
  messageBytes,
  noBody,
  openReplyBody,
  seal,
} from "../../__tests__/message";
import {
  clearRings,
  deliver,
  reply,
  replyBody,
  settle,
  startNode,
  useWire,
} from "../../__tests__/node";
import { releaseReplyFrame } from "../../reply-frames";

startNode(Wire.LEGACY, true);
const ADMIN: v128 = i64x2(0x7514c9349843e96d, 0x10c09f9c3c1d7469);
v128.store(ADMIN_KEY, ADMIN);
setWord(Config.HAS_ADMIN_KEY, 1);
useWire(Wire.LEGACY, true);

function put(path: string, object: string): void {
  begin(0, 13, 134);
  add16Bytes(ADMIN);
  add32(object.length);
  addText(path);
  addText("\0" + object);
}
function open(type: u32, command: u32, path: string): void {
  begin(type, 13, command);
  add16Bytes(ADMIN);
  addText(path);
}
function handOver(): void {
  hand();
  settle();
}
function accepted(): u64 {
  return load<u64>(STATISTICS + Statistic.ADMIN_ACCEPTED);
}

/** What an end means, for all three commands. */
function meaning(end: u32): u32 {
  if (end == EffectStatus.MISSING) return 202;
  if (end == EffectStatus.OUTSIDE) return 38;
  return end == EffectStatus.NOT_A_FILE ? 198 : 194;
}

describe("put object", () => {
  test("has the size of its parts", () => {
    begin(0, 13, 134);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 13, 134);
    addFiller(21);
    expect(ask()).toBe(16);
    const sizes: u32[] = [0, 2, 4, 19, 4294967295];
    for (let i = 0; i < sizes.length; i++) {
      begin(0, 13, 134);
      add16Bytes(ADMIN);
      add32(sizes[i]);
      addText("n.txt\0abc");
      expect(ask()).toBe(16);
    }
    begin(0, 13, 134);
    add16Bytes(ADMIN);
    add32(0);
    addText("path-without-end");
    expect(ask()).toBe(16);
    expect(askedKind()).toBe(0);
  });

  test("needs the admin key, before its path is looked at", () => {
    begin(0, 13, 134);
    add16Bytes(v128.not(ADMIN));
    add32(3);
    addText("../n.txt\0abcdefghij");
    expect(ask()).toBe(38);
    put("n.txt", "abc");
    seal();
    deliver(message, messageBytes, Flag.DATAGRAM);
    settle();
    expect(status()).toBe(38, "in clear text from elsewhere");
  });

  test("writes the object below Folders", () => {
    const before = accepted();
    put("a/n.txt", "abc");
    handOver();
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    expect(folder()).toBe(Folder.FOLDERS);
    expect(fileName()).toBe("a/n.txt");
    expect(mode()).toBe(WriteMode.REPLACE);
    expect(permissions()).toBe(0o644);
    expect(content()).toBe("616263");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(accepted()).toBe(before + 1, "counted once");
    put("e", "");
    handOver();
    expect(content()).toBe("");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("takes what a body can carry", () => {
    put("n", "x".repeat(65535 - 18 - 22));
    handOver();
    expect(content().length).toBe(2 * (65535 - 18 - 22));
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(framesWiped()).toBe(true);
  });

  test("refuses paths that lead outside or name nothing", () => {
    const paths: string[] = ["../n", "/n", "a/../../n", "", "n".repeat(1025)];
    const answers: u32[] = [38, 38, 38, 198, 198];
    for (let i = 0; i < paths.length; i++) {
      put(paths[i], "abc");
      expect(ask()).toBe(answers[i]);
    }
    expect(askedKind()).toBe(0);
  });

  test("tells how it ended", () => {
    for (let end: u32 = 1; end < 10; end++) {
      put("n.txt", "abc");
      handOver();
      finish(<EffectStatus>end, 0);
      expect(status()).toBe(meaning(end));
    }
    takeFrames();
    put("n.txt", "abc");
    expect(ask()).toBe(254);
    giveFramesBack();
  });
});

describe("get object", () => {
  test("has an admin key and a path", () => {
    begin(0, 13, 135);
    noBody();
    expect(ask()).toBe(36);
    open(0, 135, "");
    expect(ask()).toBe(16);
    open(0, 135, "\0");
    expect(ask()).toBe(198);
    open(0, 135, "a\0b");
    expect(ask()).toBe(198);
    open(0, 135, "../a");
    expect(ask()).toBe(38);
    begin(0, 13, 135);
    add16Bytes(v128.not(ADMIN));
    addText("hello.txt");
    expect(ask()).toBe(38);
    expect(askedKind()).toBe(0);
  });

  test("gives the object, whether its path ends with a NUL or not", () => {
    const paths: string[] = ["hello.txt", "hello.txt\0"];
    for (let i = 0; i < 2; i++) {
      open(0, 135, paths[i]);
      handOver();
      expect(askedKind()).toBe(EffectKind.READ_FILE);
      expect(folder()).toBe(Folder.FOLDERS);
      expect(fileName()).toBe("hello.txt");
      finishWithText("hello raida");
      expect(status()).toBe(250);
      expect(replyBody()).toBe("68656c6c6f207261696461");
    }
    expect(allFramesFree()).toBe(true);
  });

  test("encrypts it in types 1, 4 and 5", () => {
    for (let type: u32 = 1; type < 6; type += type == 1 ? 3 : 1) {
      open(type, 135, "hello.txt");
      handOver();
      finishWithText("hello raida");
      expect(status()).toBe(250);
      expect(toHex(openReplyBody(reply, 11), 11)).toBe("68656c6c6f207261696461");
    }
  });

  test("fits a datagram, or is 194", () => {
    open(0, 135, "large");
    handOver();
    expect(resultLimit()).toBe(65507 - 32 - 34);
    finish(EffectStatus.TOO_LARGE, 0);
    expect(status()).toBe(194);
    open(0, 135, "large");
    handOver();
    finish(EffectStatus.OK, 65507 - 32 - 34);
    expect(status()).toBe(250);
    open(0, 135, "large");
    handOver();
    finish(EffectStatus.OK, 65507 - 32 - 33);
    expect(status()).toBe(194);
    expect(allFramesFree()).toBe(true);
  });

  test("has 1 MiB over a stream", () => {
    for (let type: u32 = 0; type < 5; type += 4) {
      open(type, 135, "large");
      seal();
      deliver(message, messageBytes, Flag.LOCAL);
      settle();
      expect(resultLimit()).toBe(1048576);
      memory.fill(resultAt(), 0x5a, 1048576);
      finish(EffectStatus.OK, 1048576);
      // The frame of the request, and the reply; too large for popReply().
      const first = load<u32>(READY, Ring.TAIL);
      store<u32>(READY, first + used(READY) - 1, Ring.TAIL);
      expect(used(READY)).toBe(1);
      const entry = entryAt(READY, load<u32>(READY, Ring.TAIL));
      const at = <usize>load<u32>(entry, Descriptor.OFFSET);
      const header: u32 = type ? 48 + 32 : 32;
      expect(load<u32>(entry, Descriptor.LENGTH)).toBe(header + 1048576 + 2);
      expect(load<u8>(at, 2)).toBe(250);
      if (type == 0) expect(load<u8>(at + 32 + 1048575)).toBe(0x5a);
      expect(load<u16>(at + header + 1048576)).toBe(0x3e3e);
      releaseReplyFrame(at);
      clearRings();
    }
    expect(allFramesFree()).toBe(true);
  });

  test("tells how it ended", () => {
    for (let end: u32 = 1; end < 10; end++) {
      open(0, 135, "hello.txt");
      handOver();
      finish(<EffectStatus>end, 20);
      expect(status()).toBe(meaning(end));
    }
    takeFrames();
    open(0, 135, "hello.txt");
    expect(ask()).toBe(254);
    giveFramesBack();
  });
});

describe("remove object", () => {
  test("has an admin key and a path", () => {
    begin(0, 13, 136);
    noBody();
    expect(ask()).toBe(36);
    open(0, 136, "");
    expect(ask()).toBe(16);
    open(0, 136, "a/../b");
    expect(ask()).toBe(38);
    begin(0, 13, 136);
    add16Bytes(v128.not(ADMIN));
    addText("hello.txt");
    expect(ask()).toBe(38);
    expect(askedKind()).toBe(0);
  });

  test("removes it, and tells how it ended", () => {
    open(0, 136, "a/hello.txt\0");
    handOver();
    expect(askedKind()).toBe(EffectKind.REMOVE_FILE);
    expect(folder()).toBe(Folder.FOLDERS);
    expect(fileName()).toBe("a/hello.txt");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(replyBody()).toBe("");
    for (let end: u32 = 1; end < 10; end++) {
      open(0, 136, "hello.txt");
      handOver();
      finish(<EffectStatus>end, 0);
      expect(status()).toBe(meaning(end));
    }
    expect(allFramesFree()).toBe(true);
  });
});
