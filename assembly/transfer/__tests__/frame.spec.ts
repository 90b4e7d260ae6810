import { PACKET_WORK } from "../../core/scratch";
import { FrameError, FrameHead, PathField } from "../../core/transfer";
import { allAre, flipBit, fromHex, GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import { checkFrame, fitFrame, frameLength, writeFrameHead } from "../frame";
import { frameOffset, frameStream, viewFrame } from "../frame-view";
import { checkPayload } from "../payload";
import { isReset, resetBytes, resetToken, writeReset } from "../reset";
import { below, seed } from "./configured";

/** Whether the payload that `hex` spells is one of a type. */
function fits(type: u32, hex: string, flags: u32 = 0): bool {
  return checkPayload(type, flags, fromHex(hex), <u32>(hex.length >> 1));
}

/** Accepts the payload, and neither one byte less nor one more. */
function exact(type: u32, hex: string): void {
  expect(fits(type, hex)).toBe(true);
  expect(fits(type, hex.substring(0, hex.length - 2))).toBe(false, "short by one");
  expect(fits(type, hex + "00")).toBe(false, "long by one");
  expect(fits(type, "")).toBe(false, "empty");
}

describe("a frame", () => {
  test("of the seed's example goes and comes: 13 bytes on stream 42, 128 in all", () => {
    const at = guarded(144);
    expect(fitFrame(128, 13)).toBe(FrameError.NONE);
    writeFrameHead(at, 1, 0, 42, 0, 13);
    expect(toHex(at + 8, 4)).toBe("0100002a");
    expect(allAre(at, 8, GUARD) && allAre(at + 12, 4, GUARD)).toBe(true, "numbers are the seal's");
    expect(checkFrame(at, 128)).toBe(FrameError.NONE);
    expect(frameLength(at)).toBe(13);
    expect(checkFrame(at, 41)).toBe(FrameError.NONE, "no padding");
    expect(checkFrame(at, 40)).toBe(FrameError.PAYLOAD_OVERFLOW);
    expect(checkFrame(at, 27)).toBe(FrameError.TOO_SHORT);
    expect(checkFrame(at, 0)).toBe(FrameError.TOO_SHORT);
    expect(fitFrame(41, 13)).toBe(FrameError.NONE);
    expect(fitFrame(40, 13)).toBe(FrameError.PAYLOAD_OVERFLOW);
    expect(fitFrame(0, 0)).toBe(FrameError.PAYLOAD_OVERFLOW);
  });

  test("has one of 47 types", () => {
    const at = guarded(28);
    let good = 0;
    for (let type: u32 = 0; type < 256; type++) {
      writeFrameHead(at, type, 0, 0, 0, 0);
      let wanted = FrameError.NONE;
      if (type == 0 || (type >= 0x10 && type < 0x20)) wanted = FrameError.RESERVED_TYPE;
      if (type >= 0x40) wanted = FrameError.INVALID_TYPE;
      const found = checkFrame(at, 28);
      if (found != wanted) expect(type).toBe(999);
      if (found == FrameError.NONE) good++;
    }
    expect(good).toBe(47);
  });

  test("has five flags", () => {
    const at = guarded(28);
    for (let flags: u32 = 0; flags < 256; flags++) {
      writeFrameHead(at, 5, flags, 0, 0, 0);
      const wanted = flags < 32 ? FrameError.NONE : FrameError.INVALID_FLAGS;
      if (checkFrame(at, 28) != wanted) expect(flags).toBe(999);
    }
  });

  test("comes back as it was written (seed 3)", () => {
    seed(3);
    const at = guarded(28);
    for (let i = 0; i < 200; i++) {
      const stream = below(0x10000),
        payload = below(0x10000),
        offset = ((<u64>below(u32.MAX_VALUE)) << 32) | below(u32.MAX_VALUE);
      writeFrameHead(at, 1, 0, stream, offset, payload);
      viewFrame(at);
      if (frameStream != stream || frameOffset != offset) expect(i).toBe(-1);
      if (frameLength(at) != payload) expect(i).toBe(-2);
      if (checkFrame(at, 28 + payload) != FrameError.NONE) expect(i).toBe(-3);
      if (payload && checkFrame(at, 27 + payload) != FrameError.PAYLOAD_OVERFLOW)
        expect(i).toBe(-4);
    }
    expect(<u32>FrameHead.BYTES).toBe(28);
  });
});

describe("a payload", () => {
  test("of a fixed length has it", () => {
    exact(0x04, "00".repeat(52));
    exact(0x05, "00".repeat(16));
    exact(0x06, "00".repeat(16));
    exact(0x0a, "00".repeat(12));
    exact(0x0b, "00".repeat(12));
    exact(0x0c, "00".repeat(8));
    exact(0x0e, "00".repeat(8));
    exact(0x0f, "00".repeat(8));
  });

  test("with a length inside has that", () => {
    exact(0x07, "00000001" + "0002" + "6f6b");
    exact(0x07, "00000000" + "0000");
    exact(0x09, "01" + "80" + "00100000" + "0003" + "010203");
    exact(0x0d, "0000ffff" + "00000001" + "0002" + "6f6b");
    expect(fits(0x09, "02" + "80" + "00100000" + "0000")).toBe(false, "no such stream type");
    expect(fits(0x0d, "00010000" + "00000001" + "0000")).toBe(false, "no such stream");
    expect(fits(0x07, "00000063" + "0000")).toBe(true, "an error that nobody knows");
  });

  test("has a reason of UTF-8", () => {
    expect(fits(0x07, "00000001" + "0002" + "c3a4")).toBe(true);
    expect(fits(0x07, "00000001" + "0002" + "c328")).toBe(false);
    expect(fits(0x0d, "00000001" + "00000001" + "0001" + "ff")).toBe(false);
  });

  test("of DATA begins with a hash if SYN is set", () => {
    expect(fits(0x01, "")).toBe(true);
    expect(fits(0x01, "00".repeat(16), 1)).toBe(true);
    expect(fits(0x01, "00".repeat(15), 1)).toBe(false);
  });

  test("of ACK has as many ranges as it counts, and no other block before it", () => {
    exact(0x02, "00000009" + "0000" + "00" + "00000000");
    exact(0x02, "00000009" + "0000" + "02" + "00000000" + "00010001".repeat(2));
    exact(0x02, "00000fff" + "0000" + "ff" + "00000000" + "00010001".repeat(255));
    expect(fits(0x02, "00".repeat(14))).toBe(false, "three bytes more");
    expect(fits(0x02, "00".repeat(11), 4)).toBe(false);
  });

  test("of CONTROL has what its type carries", () => {
    exact(0x03, "0003" + "00000005");
    exact(0x03, "0004" + "00000005");
    exact(0x03, "0001" + "0000000000100000");
    exact(0x03, "0002" + "0000000000100000");
    exact(0x03, "0005" + "09");
    exact(0x03, "0010" + "00".repeat(20));
    expect(fits(0x03, "0003" + "00".repeat(88))).toBe(false);
  });

  test("of CONTROL may leave out what blocks", () => {
    for (let type = 0; type < 6; type++) {
      const blank = fits(0x03, "000" + type.toString());
      expect(blank).toBe(type != 3 && type != 5, type.toString());
    }
  });

  test("of CONTROL may be anything where nobody knows the type", () => {
    expect(fits(0x03, "01")).toBe(false, "it has a type");
    expect(fits(0x03, "0006" + "00".repeat(77))).toBe(true);
    expect(fits(0x03, "0100")).toBe(true);
    expect(fits(0x03, "ffff" + "00".repeat(1110))).toBe(true);
  });

  test("has no size above 2^62 - 1", () => {
    expect(fits(0x0a, "00000000" + "3fffffffffffffff")).toBe(true);
    expect(fits(0x0b, "00000000" + "ffffffffffffffff")).toBe(false);
  });

  test("of WINDOW_UPDATE has any increment", () => {
    expect(fits(0x0c, "4000000000000000")).toBe(true);
    expect(fits(0x0c, "ffffffffffffffff")).toBe(true);
    expect(fits(0x0c, "ffffffffffffff")).toBe(false);
  });

  test("of PAD and of extensions may be anything", () => {
    expect(fits(0x08, "")).toBe(true);
    expect(fits(0x08, "ff".repeat(99))).toBe(true);
    expect(fits(0x20, "")).toBe(true);
    expect(fits(0x3f, "ff")).toBe(true);
  });
});

describe("a reset", () => {
  test("has the token of the vectors, and only for its own prefix, address and port", () => {
    // tests/vectors/transfer_profile_r1.json, case 2: 192.0.2.7, port 40000.
    const key = fromHex("bc76a620e3285bf592cebca3cfd095cd247ac7ca4ff84324e2e61503feac7b7a"),
      prefix = fromHex("a9a9f0d2"),
      path = fromHex("00000000000000000000ffffc0000207" + "409c" + "0000" + "00000000"),
      token = guarded(32);
    resetToken(key, prefix, path, token);
    const wanted = "b1d7b9b31da186d6ddc02c3270fc5967";
    expect(toHex(token, 16)).toBe(wanted);
    expect(allAre(token + 16, 16, GUARD)).toBe(true);
    expect(allAre(PACKET_WORK, 32, 0)).toBe(true, "scratch wiped");
    const other = guarded(16);
    for (let bit: u32 = 0; bit < 144; bit++) {
      flipBit(path, bit);
      resetToken(key, prefix, path, other);
      if (toHex(other, 16) == wanted) expect(bit).toBe(999);
      flipBit(path, bit);
    }
    flipBit(prefix, 0);
    resetToken(key, prefix, path, other);
    expect(toHex(other, 16)).not.toBe(wanted);
    flipBit(path, 8 * PathField.HANDLE);
    flipBit(prefix, 0);
    resetToken(key, prefix, path, other);
    expect(toHex(other, 16)).toBe(wanted, "the host's own number is not in it");
  });

  test("is known by its last 16 bytes, from 21 on", () => {
    const packet = guarded(100),
      token = fromHex("000102030405060708090a0b0c0d0e0f");
    for (let length: u32 = 21; length < 90; length++) {
      writeReset(packet, length, token);
      if (!isReset(packet, length, token)) expect(length).toBe(0);
      if (isReset(packet, length - 1, token)) expect(length).toBe(1);
    }
    writeReset(packet, 20, token);
    expect(isReset(packet, 20, token)).toBe(false, "too short");
    writeReset(packet, 40, token);
    flipBit(packet, 8 * 39);
    expect(isReset(packet, 40, token)).toBe(false);
  });

  test("is shorter than what asks for it, and no answer to a short packet", () => {
    expect(resetBytes(42)).toBe(0);
    expect(resetBytes(43)).toBe(42);
    expect(resetBytes(1472)).toBe(42, "nobody answers it");
    expect(resetBytes(0)).toBe(0);
  });
});
