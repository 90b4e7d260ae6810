import { LOCKER_COINS, setWord } from "../../../core/__tests__/configuration";
import { claim } from "../../../core/journal";
import { Config, EffectKind, EffectStatus, Folder, Wire } from "../../../core/layout";
import { fromHex } from "../../../crypto/__tests__/bytes";
import { ctr128, ctrWipe } from "../../../crypto/ctr";
import {
  allFramesFree,
  askedKind,
  fileName,
  finish,
  folder,
  framesWiped,
  giveFramesBack,
  resultAt,
  resultLimit,
  status,
  takeFrames,
} from "../../__tests__/effect-host";
import {
  add16Bytes,
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  hand,
  noBody,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  commit,
  head,
  holds,
  MFS_OLD,
  MFS_TODAY,
  recordInMemory,
  replyBody,
  resetCoin,
  setAutoCommit,
  settle,
  startNode,
  useWire,
} from "../../__tests__/node";
import { clearLockers, enterCoin, findLocker } from "../../lockers";
import { parkedCount } from "../../parked";

startNode(Wire.LEGACY, true);
setOpen(true);

/** Whether a record may replace the AN of any coin. */
function setOpen(open: bool): void {
  setWord(Config.OPEN_KEY_RECORDS, open ? 1 : 0);
  useWire(Wire.LEGACY, true);
}

const plain = fromHex("00000000000000000000000000000000");
const sealed = fromHex("00000000000000000000000000000000");
const counter = fromHex("00000000000000000000000000000000");
const key = fromHex("00000000000000000000000000000000");

/** The AN that the encryption coin has on a server. */
function keyOf(raida: u32): v128 {
  return i8x16.splat(<i8>(0x40 + raida));
}

/** A request with the encryption coin 0, 100. */
function beginDecrypt(type: u32): void {
  begin(type, 4, 45);
  v128.store(counter, i64x2.splat(0));
  addCoin(0, 100);
}

/** A record whose key was sealed by `raida` for the coin, half `half` 8 times over. */
function addRecord(split: u32, raida: u32, serial: u32, half: u8): void {
  addSealed(split, raida, serial, half, 0xff, 0, serial);
}

function addSealed(
  split: u32,
  raida: u32,
  serial: u32,
  half: u8,
  marker: u32,
  sealedDenomination: i32,
  sealedSerial: u32,
): void {
  memory.fill(plain, half, 8);
  store<u8>(plain, sealedDenomination, 8);
  store<u32>(plain, bswap<u32>(sealedSerial), 9);
  store<u16>(plain, 0x1234, 13);
  store<u8>(plain, marker, 15);
  v128.store(key, keyOf(raida));
  ctr128(key, counter, plain, sealed, 16);
  ctrWipe();
  addByte(0);
  addByte(6);
  addByte(split);
  addByte(raida);
  addByte(0);
  addCoin(0, serial);
  add16Bytes(v128.load(sealed));
}

function handAndSettle(): void {
  hand();
  settle();
}

/** The host gives the coin file. */
function giveFile(): void {
  const file = resultAt();
  memory.fill(file, 0x77, 440);
  store<u16>(file, 0x0600, 2);
  for (let r: u32 = 0; r < 25; r++) v128.store(file + 40 + <usize>r * 16, keyOf(r));
  finish(EffectStatus.OK, 440);
}

/** The coin's AN with its lower and its upper half replaced. */
function lower(serial: u32, half: i8): v128 {
  return i64x2.replace_lane(anOf(0, serial), 0, i64x2.extract_lane(i8x16.splat(half), 0));
}
function upper(serial: u32, half: i8): v128 {
  return i64x2.replace_lane(anOf(0, serial), 1, i64x2.extract_lane(i8x16.splat(half), 0));
}

describe("decrypt RAIDA key", () => {
  test("has a coin and whole records", () => {
    begin(0, 4, 45);
    noBody();
    expect(ask()).toBe(36);
    const sizes: u32[] = [0, 5, 30, 32, 56, 58];
    const answers: u32[] = [16, 16, 16, 39, 39, 39];
    for (let i = 0; i < sizes.length; i++) {
      begin(0, 4, 45);
      addFiller(sizes[i]);
      expect(ask()).toBe(answers[i]);
    }
    expect(askedKind()).toBe(0);
  });

  test("reads the encryption coin's file", () => {
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    handAndSettle();
    expect(askedKind()).toBe(EffectKind.READ_FILE);
    expect(folder()).toBe(Folder.COINS);
    expect(fileName()).toBe("00.100.bin");
    expect(resultLimit()).toBe(440);
    finish(EffectStatus.MISSING, 0);
    expect(status()).toBe(197);
    begin(0, 4, 45);
    addCoin(-8, 4294967295);
    addRecord(0, 3, 200, 0x21);
    handAndSettle();
    expect(fileName()).toBe("f8.4294967295.bin");
    finish(EffectStatus.OUTSIDE, 0);
    expect(status()).toBe(197);
  });

  test("has no use for a file that is none: any end but OK, another size, another coin", () => {
    for (let end: u32 = 1; end < 9; end++) {
      beginDecrypt(0);
      addRecord(0, 3, 200, 0x21);
      handAndSettle();
      store<u16>(resultAt(), 0x0600, 2);
      finish(<EffectStatus>end, 440);
      expect(status()).toBe(197);
    }
    const sizes: u32[] = [0, 439, 441, 1048576];
    for (let i = 0; i < sizes.length; i++) {
      beginDecrypt(0);
      addRecord(0, 3, 200, 0x21);
      handAndSettle();
      store<u16>(resultAt(), 0x0600, 2);
      finish(EffectStatus.OK, sizes[i]);
      expect(status()).toBe(197);
    }
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    handAndSettle();
    store<u16>(resultAt(), 0x0700, 2);
    finish(EffectStatus.OK, 440);
    expect(status()).toBe(197);
    expect(allFramesFree()).toBe(true);
  });

  test("replaces the half that the split names, with the key of the server that it names", () => {
    const start = head();
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    addRecord(1, 24, 201, 0x22);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0101");
    expect(holds(0, 200, lower(200, 0x21), MFS_TODAY)).toBe(true);
    expect(holds(0, 201, upper(201, 0x22), MFS_TODAY)).toBe(true);
    expect(head() - start).toBe(3, "one group");
    expect(framesWiped()).toBe(true);
    expect(allFramesFree()).toBe(true);
    resetCoin(0, 200);
    resetCoin(0, 201);
  });

  test("replaces both halves of a coin in one request", () => {
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    addRecord(1, 4, 200, 0x21);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(holds(0, 200, i8x16.splat(0x21), MFS_TODAY)).toBe(true);
    resetCoin(0, 200);
  });

  test("says no to a record with a wrong number, split, marker or coin, and to free coins", () => {
    const start = head();
    beginDecrypt(0);
    addRecord(0, 25, 200, 0x21);
    addRecord(2, 3, 200, 0x21);
    addSealed(0, 3, 200, 0x21, 0xfe, 0, 200);
    addSealed(0, 3, 200, 0x21, 0xff, 1, 200);
    addSealed(0, 3, 200, 0x21, 0xff, 0, 201);
    addRecord(0, 3, 600, 0x21);
    addRecord(0, 3, 2048, 0x21);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(replyBody()).toBe("00000000000000");
    expect(head()).toBe(start);
    expect(holds(0, 200, anOf(0, 200), MFS_OLD)).toBe(true);
    expect(holds(0, 600, anOf(0, 600), 0)).toBe(true);
    expect(framesWiped()).toBe(true);
  });

  test("takes the good ones of a mixed list, in any order", () => {
    beginDecrypt(0);
    addRecord(0, 25, 200, 0x21);
    addRecord(0, 5, 201, 0x23);
    addRecord(0, 5, 600, 0x23);
    addRecord(1, 6, 1025, 0x24);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(replyBody()).toBe("00010001");
    expect(holds(0, 201, lower(201, 0x23), MFS_TODAY)).toBe(true);
    expect(holds(0, 1025, upper(1025, 0x24), MFS_TODAY)).toBe(true);
    resetCoin(0, 201);
    resetCoin(0, 1025);
  });

  test("opens with the nonce of a request of type 1, and fits types 4 and 5", () => {
    for (let type: u32 = 1; type < 6; type += type == 1 ? 3 : 1) {
      beginDecrypt(type);
      if (type == 1) useKeyCoin(0, 1);
      const nonce = type == 1 ? 8 : 16;
      for (let i = 0; i < nonce; i++) store<u8>(counter + i, 0xc0 + i);
      if (type == 5) memory.copy(counter, fromHex("0100000002"), 5);
      addRecord(0, 3, 200, 0x21);
      handAndSettle();
      giveFile();
      expect(status()).toBe(250);
      expect(holds(0, 200, lower(200, 0x21), MFS_TODAY)).toBe(true);
      resetCoin(0, 200);
    }
  });

  test("takes as many records as a body has", () => {
    beginDecrypt(0);
    for (let i: u32 = 0; i < 2519; i++) addRecord(i & 1, i % 25, (i >>> 1) & 511, 0x31);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(holds(0, 511, i8x16.splat(0x31), MFS_TODAY)).toBe(true);
    for (let i: u32 = 0; i < 512; i++) resetCoin(0, i);
    expect(framesWiped()).toBe(true);
  });
});

describe("a key that makes a locker of a coin", () => {
  test("enters it in the index", () => {
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    addRecord(1, 3, 200, 0xff);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    const an = recordInMemory(0, 200);
    expect(findLocker(an)).not.toBe(0);
    resetCoin(0, 200);
    clearLockers();
  });

  test("finds no room in a full index: 254, and nothing has changed", () => {
    const full = fromHex("313131313131313131313131ffffffff");
    for (let i: u32 = 0; i < LOCKER_COINS; i++) assert(enterCoin((7 << 20) | i, full));
    beginDecrypt(0);
    addRecord(0, 3, 201, 0x21);
    addRecord(1, 3, 200, 0xff);
    handAndSettle();
    giveFile();
    expect(status()).toBe(254);
    expect(holds(0, 200, anOf(0, 200), MFS_OLD)).toBe(true);
    expect(holds(0, 201, anOf(0, 201), MFS_OLD)).toBe(true);
    clearLockers();
  });
});

describe("a key that waits", () => {
  test("for a commit is not read again", () => {
    setAutoCommit(false);
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    handAndSettle();
    claim(8190);
    giveFile();
    expect(parkedCount()).toBe(1);
    commit();
    settle();
    commit();
    expect(status()).toBe(250);
    expect(askedKind()).toBe(0);
    setAutoCommit(true);
    resetCoin(0, 200);
  });

  test("for a frame does not: 254", () => {
    takeFrames();
    beginDecrypt(0);
    addRecord(0, 3, 200, 0x21);
    expect(ask()).toBe(254);
    giveFramesBack();
    expect(holds(0, 200, anOf(0, 200), MFS_OLD)).toBe(true);
  });
});

describe("a node that is not open to all", () => {
  test("replaces the AN of a coin that encrypts the request, and no other", () => {
    setOpen(false);
    for (let type: u32 = 4; type < 6; type++) {
      beginDecrypt(type);
      for (let i = 0; i < 16; i++) store<u8>(counter + i, 0xc0 + i);
      if (type == 5) memory.copy(counter, fromHex("0100000002"), 5);
      addRecord(0, 3, 1, 0x21);
      addRecord(0, 3, 200, 0x21);
      handAndSettle();
      giveFile();
      expect(status()).toBe(250);
      expect(holds(0, 1, lower(1, 0x21), MFS_TODAY)).toBe(true);
      expect(holds(0, 200, anOf(0, 200), MFS_OLD)).toBe(true);
      resetCoin(0, 1);
    }
    setOpen(true);
  });

  test("takes type 1 for a proof in the wire that does not repeat key streams, only", () => {
    setOpen(false);
    beginDecrypt(1);
    useKeyCoin(0, 1);
    for (let i = 0; i < 8; i++) store<u8>(counter + i, 0xc0 + i);
    addRecord(0, 3, 1, 0x21);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(holds(0, 1, anOf(0, 1), MFS_OLD)).toBe(true);
    setOpen(true);
  });

  test("replaces none for a request in clear", () => {
    setOpen(false);
    const start = head();
    beginDecrypt(0);
    addRecord(0, 3, 0, 0x21);
    addRecord(0, 3, 200, 0x21);
    handAndSettle();
    giveFile();
    expect(status()).toBe(250);
    expect(replyBody()).toBe("0000");
    expect(head()).toBe(start);
    setOpen(true);
  });
});
