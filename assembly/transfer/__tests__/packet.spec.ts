import { PACKET_WORK, SCHEDULE_WORK } from "../../core/scratch";
import { FrameFlag, FrameHead, FrameType, PacketVerdict } from "../../core/transfer";
import { Pool } from "../../core/transfer-memory";
import {
  allAre,
  flipBit,
  fromHex,
  GUARD,
  guarded,
  pseudoRandom,
  toHex,
} from "../../crypto/__tests__/bytes";
import { hchacha20 } from "../../crypto/chacha20";
import { blake3Ratchet } from "../../crypto/generated/blake3-lanes";
import { chachaSeal } from "../../crypto/xchacha20-poly1305";
import { resetClock } from "../clock";
import {
  deriveNextEpoch,
  Epoch,
  epochAt,
  epochOf,
  openPaths,
  pathCid,
  retireEpoch,
  sendingEpoch,
  sendOnPath,
  switchEpoch,
} from "../epoch";
import { writeFrameHead } from "../frame";
import {
  openedEpoch,
  openedHeadFits,
  openedNewest,
  openedNumber,
  openedPath,
  sealPacket,
} from "../packet";
import { entriesLeft } from "../pool";
import { firstPrefix } from "../prefix";
import { below, configureTransfer, seed } from "./configured";
import { endSession, newSession, open, PACKET, seal } from "./ends";

// Case 2 of tests/vectors/transfer_profile_r1.json.
const K1K2H =
  "6061daa9cba76d2898969adc50b177168e54ff3dbf8183d7c4d30094c47489653369f82c3e79c84bcfd20f81" +
  "688b6b1e6df1eeeacc75bea1f363db5f746aacf0d7a17e626af8c725086c40d334a5f64646bdff5a5a4a2c93" +
  "3b3e55faf8ab2b7f";
const DH = "8f740b64c8b85a9b50fb3a39cef3315283b744df03347d60ac629cdcf0b9d97c";
/** r2i 0 without header protection, i2r 6 on path 1 with it. */
const FIRST =
  "a9a9f0d2fe5cbc772a33dd66194e9d2cd5318a0f83c0b178bf5764276add5316cd44ecdc90a8b9d54db97125" +
  "d934b7445b9c9a94dea58afc1888fae4e31a6fbe";
const ON_PATH_1 =
  "2553be11fbb9f10968a4415885d5b589cb1f5b7555678620e385e988952ac72b75470fb2f45017d82dc81309" +
  "85f98f4bc6d74fff24f8318c1dc59cf4ed37df63a6cfba45369a4be39a3bbee023187b0811e87f4c";
/** REKEY r2i 301 and its answer i2r 7, then number 0 of epoch 1 both ways. */
const REKEY =
  "a9a9f0d2a71d7da2bee2957592c7b3a4b38e94f183bfd7581d3ed75ca45fc2e3eb6818c821b85f47148ec423" +
  "27366bce02e9ae7d76df8e7c53a15a63510a3e6de65e48db799dea7efccb6015c5e8dee7204d064ac9ea44a0" +
  "e53599e231ec6feae8886b7a5a6eb2da";
const ANSWER =
  "a9a9f0d229c2e5507b9c68cbba1fb4a91be9e878aef8bc264f428043774399d35e4afd6ff663f4b51779353a" +
  "832c4ba64266651a27d4654f387a9825155f576778654da184088f5b9b5dfdfe9de455efe622a4c938888539" +
  "1b78762b8d6c11d22564bc047db5d4da";
const NEXT_R2I =
  "07c92c2d606e6fc006627e5700067e1839a1423328d51103740e6b69bec4a73590b8b572731694b5a0622bde" +
  "c82d2b7f8f3d144c7a3f8821634d047274b1a2b0fd382e6673074f175f1f2c1a72f0b9ca82edd49e";
const NEXT_I2R =
  "07c92c2d78ad8d876f09acd8e1aa13eeb936c5c57e402623307f555c8ae1143c13c24b0da2445d2fa6654e64" +
  "6eabc83e5eac10031532f0e5069e858255b82097";
const REPRESENTATIVE = "a50ea2517879a362b2255e1f44bc57a1f0c73afa9a3c3bc40a5ee9b1da867d40";
const ANSWERED = "4827f9986501cc99c142f20a48d2383636bfc58f9bbfc6653c55d3e715b692c3";

configureTransfer();
const KEY_CHUNKS = entriesLeft(Pool.KEYS);
let a: usize = 0;
let b: usize = 0;

function start(headerProtection: bool): void {
  resetClock(1000000);
  a = newSession(K1K2H, true, headerProtection);
  b = newSession(K1K2H, false, headerProtection);
}

function end(): void {
  endSession(a);
  endSession(b);
  expect(entriesLeft(Pool.KEYS)).toBe(KEY_CHUNKS, "every chunk of keys has come back");
  expect(allAre(PACKET_WORK, 320, 0)).toBe(true, "packet keys wiped");
}

/** Opens the packet that `hex` spells; gives its frame. */
function openHex(session: usize, hex: string): string {
  const at = fromHex(hex),
    length = <u32>(hex.length >> 1);
  if (open(session, at, length) != PacketVerdict.TAKEN) return "refused";
  return toHex(at + 8, length - 24);
}

function sealRekey(session: usize, flags: u32, representative: string): string {
  const frame = PACKET + 8;
  writeFrameHead(frame, FrameType.REKEY, flags, 0, 0, 52);
  memory.fill(frame + 28, 0, 52);
  memory.copy(frame + 28, fromHex(representative), 32);
  store<u8>(frame + 28 + 35, 1);
  return toHex(PACKET, sealPacket(session, PACKET, 104));
}

/** Packet 0 of a by hand, with one bit of a field of its head turned over; -1: of none. */
function sealWrong(field: i32): void {
  const epoch = epochAt(a, 0),
    frame = PACKET + 8,
    keys = guarded(96),
    nonce = guarded(12);
  memory.fill(PACKET, 0, 68);
  writeFrameHead(frame, FrameType.PING, 0, 0, 0, 16);
  store<u32>(frame, load<u32>(epoch, Epoch.SEND_SALT));
  if (field >= 0) flipBit(frame + field, 0);
  memory.copy(PACKET, epoch + Epoch.CIDS, 8);
  blake3Ratchet(epoch + Epoch.SEND_CHAIN, keys + 32, keys);
  memory.fill(nonce, 0, 12);
  hchacha20(keys, guardedZeros(), keys + 64);
  store<u32>(nonce, load<u32>(epoch, Epoch.SEND_SALT), 4);
  chachaSeal(keys + 64, nonce, PACKET, 8, frame, 44, PACKET + 52);
}

function guardedZeros(): usize {
  const at = guarded(16);
  memory.fill(at, 0, 16);
  return at;
}

describe("the key schedule of profile R1", () => {
  test("is that of the vectors, and leaves nothing behind", () => {
    start(false);
    const epoch = epochAt(a, 0);
    expect(toHex(epoch + Epoch.SEND_CHAIN, 32)).toBe(
      "07e631941260e39fd593e64d2890b32a5f5f345d1c3ec4e9753ef2dee6ce5524",
    );
    expect(toHex(epoch + Epoch.RECEIVE_CHAIN, 32)).toBe(
      "dd2d7b658cd66912f22934f112c7e705a2c28796c635350a7613e6f5cbbed2ad",
    );
    expect(toHex(epochAt(b, 0) + Epoch.RECEIVE_CHAIN, 32)).toBe(
      "07e631941260e39fd593e64d2890b32a5f5f345d1c3ec4e9753ef2dee6ce5524",
    );
    expect(toHex(epoch + Epoch.ROOT, 32)).toBe(
      "7993dc0c60e5b6bf17fde6bfea7ba62de9ab1700baa158aace2ea16bb23b5b1e",
    );
    expect(toHex(epoch + Epoch.SEND_SALT, 4)).toBe("1ed86c99");
    expect(toHex(epoch + Epoch.RECEIVE_SALT, 4)).toBe("c2a788c0");
    expect(toHex(pathCid(epoch, 0), 8)).toBe("a9a9f0d2fe5cbc77");
    expect(toHex(pathCid(epoch, 1), 8)).toBe("2553be11952f1136");
    expect(toHex(pathCid(epoch, 2), 8)).toBe("3c0e5c2edafb5d15");
    expect(toHex(epoch + Epoch.HP, 32)).toBe(
      "7f7d1ee64a726f07bc95224b3d6fdfc858f32de63741027488ce8bdb2c1f6f6e",
    );
    expect(allAre(SCHEDULE_WORK, 192, 0)).toBe(true, "key material wiped");
    end();
  });
});

describe("packets of profile R1", () => {
  test("open as in the vectors: in order, overtaking, on another path", () => {
    start(false);
    expect(openHex(a, FIRST)).toBe(
      "c2a788c00000000002000000000000000000000000000000000b00000000000103e800000000010f",
    );
    expect(openedNumber).toBe(0);
    expect(openedEpoch).toBe(0);
    expect(openedHeadFits).toBe(true);
    expect(openHex(a, FIRST)).toBe("refused", "a second time");
    expect(openHex(b, FIRST)).toBe("refused", "its own");
    end();
    start(true);
    expect(openHex(b, ON_PATH_1)).toBe(
      "1ed86c99000000060e000000000000060000000000000000000800004b63bbdf957370bfb0b29add7f279ae7" +
        "56e62f6f74f8d2bcc4ff268405ec6018",
    );
    expect(openedNumber).toBe(6);
    expect(openedPath).toBe(1);
    expect(openedNewest).toBe(true);
    end();
  });

  test("rekey as in the vectors, under header protection", () => {
    start(true);
    for (let i = 0; i < 7; i++) seal(a, 68);
    for (let i = 0; i < 301; i++) seal(b, 68);
    expect(sealRekey(b, FrameFlag.SYN, REPRESENTATIVE)).toBe(REKEY);
    expect(sealRekey(a, FrameFlag.SYN | FrameFlag.ACK, ANSWERED)).toBe(ANSWER);
    expect(openHex(a, REKEY).substring(56, 120)).toBe(REPRESENTATIVE);
    expect(openedNumber).toBe(301);
    expect(openHex(b, ANSWER).substring(56, 120)).toBe(ANSWERED);
    expect(openHex(b, NEXT_I2R)).toBe("refused", "there is no such epoch yet");

    const dh = fromHex(DH);
    expect(deriveNextEpoch(a, dh, 2)).toBe(false, "not the next");
    expect(deriveNextEpoch(a, dh, 1)).toBe(true);
    expect(deriveNextEpoch(b, dh, 1)).toBe(true);
    expect(deriveNextEpoch(b, dh, 2)).toBe(false, "two epochs at the most");
    const next = epochOf(a, 1);
    expect(toHex(next + Epoch.ROOT, 32)).toBe(
      "bfca40312c08593c3a28c54f3c51e2b6eb299937c2979b9c6db0eef8aab1a525",
    );
    expect(toHex(next + Epoch.HP, 32)).toBe(
      "db456b8f1214887db3988fed09f62cc304c9f48c3e86ccfecc1502e763c6f3b7",
    );
    expect(allAre(epochOf(a, 0) + Epoch.ROOT, 32, 0)).toBe(true, "the old root is wiped");
    expect(openHex(a, NEXT_R2I).substring(0, 8)).toBe("703f0c71");
    expect(openedEpoch).toBe(1);
    expect(openHex(b, NEXT_I2R).substring(0, 8)).toBe("1e81a723");
    end();
  });

  test("switch epochs without a pause, and are nobody's when theirs is retired", () => {
    start(true);
    const dh = fromHex(DH);
    deriveNextEpoch(a, dh, 1);
    deriveNextEpoch(b, dh, 1);
    expect(sendingEpoch(a)).toBe(0);
    const late = guarded(68);
    seal(a, 68);
    memory.copy(late, PACKET, 68);
    switchEpoch(a);
    expect(sendingEpoch(a)).toBe(1);
    expect(allAre(epochOf(a, 0) + Epoch.SEND_CHAIN, 32, 0)).toBe(true, "old chain wiped");
    seal(a, 68);
    expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
    expect(openedEpoch).toBe(1);
    expect(open(b, late, 68)).toBe(PacketVerdict.TAKEN, "of the epoch before");
    expect(openedEpoch).toBe(0);
    seal(b, 68);
    memory.copy(late, PACKET, 68);
    retireEpoch(a, 0);
    expect(open(a, late, 68)).toBe(PacketVerdict.UNCLAIMED);
    expect(firstPrefix(load<u32>(late)) != 0).toBe(true, "the other session's is still listed");
    expect(epochOf(a, 0)).toBe(0);
    end();
  });

  test("carry the CID of the path they go on, and three more are listed", () => {
    start(false);
    for (let path: u32 = 1; path < 40; path++) {
      const before = guarded(68);
      seal(a, 68);
      memory.copy(before, PACKET, 68);
      openPaths(a, 0, path);
      openPaths(b, 0, path);
      sendOnPath(a, path);
      seal(a, 68);
      expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
      expect(openedPath).toBe(path);
      expect(open(b, before, 68)).toBe(PacketVerdict.TAKEN, "still on its way");
      expect(openedPath).toBe(path - 1);
      expect(openedNewest).toBe(false);
    }
    sendOnPath(a, 41);
    seal(a, 68);
    expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN, "two ahead");
    end();
  });

  test("of any length come back as they went, with zeros as padding", () => {
    start(true);
    for (let total: u32 = 68; total < 1500; total += total < 330 ? 1 : 113) {
      memory.fill(PACKET, GUARD, 1600);
      expect(seal(a, total)).toBe(total);
      expect(allAre(PACKET + total, 16, GUARD)).toBe(true, "nothing behind it");
      if (open(b, PACKET, total) != PacketVerdict.TAKEN) expect(total).toBe(0);
      if (!openedHeadFits || !allAre(PACKET + 8 + 44, total - 68, 0)) expect(total).toBe(0);
      if (!allAre(PACKET + 8 + 28, 16, GUARD)) expect(total).toBe(0);
    }
    expect(seal(a, 67)).toBe(0, "no room for the payload");
    end();
  });

  test("are refused with any bit changed, and then change nothing", () => {
    for (let protection = 0; protection < 2; protection++) {
      start(protection != 0);
      seal(a, 68);
      const sealed = toHex(PACKET, 68),
        before = toHex(b, 2560);
      for (let bit: u32 = 0; bit < 68 * 8; bit++) {
        flipBit(PACKET, bit);
        const changed = toHex(PACKET, 68);
        if (open(b, PACKET, 68) == PacketVerdict.TAKEN) expect(bit).toBe(0);
        if (toHex(PACKET, 68) != changed) expect(bit).toBe(1);
        flipBit(PACKET, bit);
      }
      for (let length: u32 = 0; length < 68; length++) {
        if (open(b, PACKET, length) == PacketVerdict.TAKEN) expect(length).toBe(68, "cut off");
      }
      // Gaps that the changed numbers made have only cost steps.
      const bucket = 2 * (1024 + 1264);
      expect(toHex(b, 2560).substring(0, bucket)).toBe(before.substring(0, bucket));
      expect(toHex(PACKET, 68)).toBe(sealed);
      expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
      end();
    }
  });

  test("whose head does not repeat salt and number are taken, and told from others", () => {
    const fields: StaticArray<u32> = [FrameHead.SALT, FrameHead.COUNTER, FrameHead.SEQUENCE];
    for (let i = -1; i < fields.length; i++) {
      start(false);
      sealWrong(i < 0 ? -1 : fields[i]);
      expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
      expect(openedHeadFits).toBe(i < 0);
      end();
    }
  });

  test("that are noise behind a known prefix are never taken (seed 19)", () => {
    for (let protection = 0; protection < 2; protection++) {
      start(protection != 0);
      seed(19);
      const noise = guarded(9216),
        cid = epochAt(b, 0) + Epoch.CIDS;
      let taken = 0;
      for (let i: u32 = 0; i < 400; i++) {
        const length = i < 200 ? i : below(9000);
        pseudoRandom(noise, 600);
        memory.copy(noise, cid, (i & 1) != 0 ? 4 : 7);
        if (open(b, noise, length) == PacketVerdict.TAKEN) taken++;
      }
      expect(taken).toBe(0);
      expect(load<u64>(epochAt(b, 0), Epoch.RECEIVE_NEXT)).toBe(0);
      seal(a, 68);
      expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
      end();
    }
  });

  test("are numbered up to 2^32 - 1 and no further", () => {
    start(true);
    const last: u64 = 0xffffffff;
    store<u64>(epochAt(a, 0), last - 70, Epoch.SEND_NEXT);
    store<u64>(epochAt(b, 0), last - 70, Epoch.RECEIVE_NEXT);
    seal(a, 68);
    const late = guarded(68);
    memory.copy(late, PACKET, 68);
    for (let i = 0; i < 70; i++) expect(seal(a, 68)).toBe(68);
    expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
    expect(openedNumber).toBe(<u32>last);
    expect(open(b, PACKET, 68)).not.toBe(PacketVerdict.TAKEN);
    expect(open(b, late, 68)).toBe(PacketVerdict.TAKEN);
    expect(seal(a, 68)).toBe(0);
    end();
  });

  test("go on through many epochs, each with keys of its own", () => {
    start(true);
    const dh = guarded(32),
      seen = new Set<string>();
    for (let number: u32 = 1; number < 12; number++) {
      store<u8>(dh, number);
      expect(deriveNextEpoch(a, dh, number)).toBe(true);
      expect(deriveNextEpoch(b, dh, number)).toBe(true);
      switchEpoch(a);
      switchEpoch(b);
      seal(a, 68);
      expect(open(b, PACKET, 68)).toBe(PacketVerdict.TAKEN);
      expect(openedEpoch).toBe(number);
      expect(openedNumber).toBe(0);
      seen.add(toHex(epochOf(a, number) + Epoch.SEND_CHAIN, 32));
      seen.add(toHex(epochOf(a, number) + Epoch.CIDS, 8));
      expect(deriveNextEpoch(a, dh, number + 1)).toBe(false, "the one before is still held");
      retireEpoch(a, (number - 1) & 1);
      retireEpoch(b, (number - 1) & 1);
    }
    expect(seen.size).toBe(22);
    end();
  });
});
