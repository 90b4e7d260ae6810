import { EffectKind, EffectStatus, Folder, Wire, WriteMode } from "../../../core/layout";
import { toHex } from "../../../crypto/__tests__/bytes";
import {
  allFramesFree,
  askedKind,
  content,
  effectNumber,
  fileName,
  finish,
  finishWith,
  folder,
  framesWiped,
  giveFramesBack,
  mode,
  permissions,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import {
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  noBody,
  openReplyBody,
  useKeyCoin,
} from "../../__tests__/message";
import { reply, replyBody, settle, startNode, useWire } from "../../__tests__/node";

startNode(Wire.LEGACY, true);

/** The post of data[start, start + length), data 00 to 7f, for the coin 1, 0x0834. */
function post(type: u32, start: u32, length: u32): void {
  begin(type, 4, 41);
  if (type == 1) useKeyCoin(0, 5);
  for (let i: u32 = 0; i < 16; i++) addByte(0xf0 + i);
  addFiller(16);
  addCoin(1, 0x834);
  for (let i: u32 = 0; i < 128; i++) addByte(i);
  addByte(start);
  addByte(length);
}

function handPost(type: u32, start: u32, length: u32): void {
  post(type, start, length);
  hand();
  settle();
}

function get(type: u32): void {
  begin(type, 4, 43);
  for (let i: u32 = 0; i < 16; i++) addByte(0xf0 + i);
  addFiller(21);
  hand();
  settle();
}

const NAME: string = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

describe("post key", () => {
  test("has one size", () => {
    begin(0, 4, 41);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 4, 41);
    addFiller(166);
    expect(ask()).toBe(16);
    begin(0, 4, 41);
    addFiller(168);
    expect(ask()).toBe(16);
  });

  test("keeps at most 127 bytes", () => {
    post(0, 0, 128);
    expect(ask()).toBe(196);
    post(0, 100, 28);
    expect(ask()).toBe(196);
    post(0, 255, 255);
    expect(ask()).toBe(196);
    expect(askedKind()).toBe(0);
    handPost(0, 100, 27);
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
  });

  test("makes the file of the identifier, and never replaces one", () => {
    handPost(0, 3, 4);
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    expect(folder()).toBe(Folder.KEYS);
    expect(fileName()).toBe(NAME);
    expect(mode()).toBe(WriteMode.CREATE);
    expect(permissions()).toBe(0o640);
    expect(content()).toBe("010000083403040506");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    handPost(0, 127, 0);
    expect(content()).toBe("0100000834");
    finish(EffectStatus.EXISTS, 0);
    expect(status()).toBe(194);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("is 194 however the writing fails", () => {
    for (let end: u32 = 1; end < 10; end++) {
      handPost(0, 3, 4);
      finish(<EffectStatus>end, 0);
      expect(status()).toBe(194);
    }
    handPost(4, 3, 4);
    finish(EffectStatus.EXISTS, 0);
    expect(status()).toBe(194, "type 4 shows a coin, too, but may not replace");
  });

  test("under a coin looks first, and makes what is missing", () => {
    handPost(1, 3, 4);
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.KEYS);
    expect(fileName()).toBe(NAME);
    expect(resultLimit()).toBe(512);
    finish(EffectStatus.MISSING, 0);
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    expect(effectNumber()).toBe(1);
    expect(fileName()).toBe(NAME);
    expect(mode()).toBe(WriteMode.CREATE);
    expect(content()).toBe("010000083403040506");
    finish(EffectStatus.EXISTS, 0);
    expect(status()).toBe(194, "another one was faster");
  });

  test("under the coin of the file replaces it", () => {
    handPost(1, 3, 4);
    finishWith("0000000005" + "aabbcc");
    expect(askedKind()).toBe(EffectKind.WRITE_FILE);
    expect(mode()).toBe(WriteMode.REPLACE);
    expect(permissions()).toBe(0o640);
    expect(content()).toBe("010000083403040506");
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
  });

  test("under another coin does not, nor over a file that is none", () => {
    const files: string[] = ["0000000006aabb", "0100000005aabb", "00000000", ""];
    for (let i = 0; i < files.length; i++) {
      handPost(1, 3, 4);
      finishWith(files[i]);
      expect(status()).toBe(194);
      expect(askedKind()).toBe(0);
    }
    for (let end: u32 = 2; end < 9; end++) {
      handPost(1, 3, 4);
      finish(<EffectStatus>end, 5);
      expect(status()).toBe(194);
    }
    expect(allFramesFree()).toBe(true);
  });

  test("finds no frame: 254", () => {
    takeFrames();
    post(0, 3, 4);
    expect(ask()).toBe(254);
    giveFramesBack();
  });
});

describe("get key", () => {
  test("has one size", () => {
    begin(0, 4, 43);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 4, 43);
    addFiller(36);
    expect(ask()).toBe(16);
    begin(0, 4, 43);
    addFiller(38);
    expect(ask()).toBe(16);
  });

  test("gives the file as it is", () => {
    get(0);
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.KEYS);
    expect(fileName()).toBe(NAME);
    expect(resultLimit()).toBe(512);
    finishWith("0000000834030405");
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0000000834030405");
    expect(allFramesFree()).toBe(true);
  });

  test("gives an empty one and one of 512 bytes, but none that is larger", () => {
    get(0);
    finish(EffectStatus.OK, 0);
    expect(status()).toBe(250);
    expect(replyBody()).toBe("");
    get(0);
    finish(EffectStatus.OK, 512);
    expect(status()).toBe(250);
    expect(replyBody().length).toBe(1024);
    const sizes: u32[] = [513, 1048576];
    for (let i = 0; i < sizes.length; i++) {
      get(0);
      finish(EffectStatus.OK, sizes[i]);
      expect(status()).toBe(194);
    }
    expect(allFramesFree()).toBe(true);
  });

  test("is 194 without one", () => {
    for (let end: u32 = 1; end < 10; end++) {
      get(0);
      finish(<EffectStatus>end, 8);
      expect(status()).toBe(194);
    }
  });

  test("encrypts it in types 1, 4 and 5 and in either wire", () => {
    const wires: u32[] = [Wire.LEGACY, Wire.SPEC, Wire.LEGACY, Wire.LEGACY];
    const types: u32[] = [1, 1, 4, 5];
    for (let i = 0; i < types.length; i++) {
      useWire(wires[i], true);
      get(types[i]);
      finishWith("0000000834030405");
      expect(status()).toBe(250);
      expect(toHex(openReplyBody(reply, 8), 8)).toBe("0000000834030405");
    }
    useWire(Wire.LEGACY, true);
  });
});

describe("key alert", () => {
  test("is 250 whatever it says, also nothing", () => {
    begin(0, 4, 42);
    noBody();
    expect(ask()).toBe(250);
    begin(0, 4, 42);
    addFiller(100);
    expect(ask()).toBe(250);
    expect(replyBody()).toBe("");
  });
});
