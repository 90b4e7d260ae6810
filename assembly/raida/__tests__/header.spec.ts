import { Wire } from "../../core/layout";
import { fromHex, GUARD, guarded, toHex } from "../../crypto/__tests__/bytes";
import * as header from "../header";
import { startNode, useWire } from "./node";

startNode(Wire.LEGACY, false);

describe("numbers on the wire", () => {
  test("are big-endian, at any address", () => {
    const bytes = fromHex("fff1f2f3f4f5");
    expect(header.readU16BE(bytes + 1)).toBe(0xf1f2);
    expect(header.readU32BE(bytes + 1)).toBe(0xf1f2f3f4);
    const out = guarded(16);
    header.writeU32BE(out + 1, 0x01020304);
    header.writeU16BE(out + 7, 0x9990506);
    expect(toHex(out, 10)).toBe("a501020304a5a50506a5");
    expect(load<u8>(out, 10)).toBe(GUARD);
  });
});

describe("the fields", () => {
  test("lie where the reference puts them (sections 1 and 4)", () => {
    expect(header.TYPE).toBe(16);
    expect(header.KEY_DENOMINATION).toBe(17);
    expect(header.KEY_SERIAL).toBe(18);
    expect(header.BODY_SIZE).toBe(22);
    expect(header.SPEC_NONCE + 12).toBe(32);
    expect(header.LEGACY_NONCE + 8).toBe(32);
    expect(header.ECHO + 2).toBe(32);
    expect(header.MODERN_BODY_SIZE).toBe(17);
    expect(header.MODERN_DENOMINATION).toBe(19);
    expect(header.MODERN_SERIAL).toBe(20);
    expect(header.MODERN_NONCE + 24).toBe(48);
    expect(header.MODERN_ECHO + 2).toBe(48);
    expect(header.BODY_LEAST).toBe(18);
  });
});

/** Header bytes of the types 0 to 6 and 255, as they are now. */
function headers(): string {
  let all = "";
  for (let type: u32 = 0; type < 7; type++) all += header.headerBytesOf(type).toString() + " ";
  return all + header.headerBytesOf(255).toString();
}

describe("the header that a type announces", () => {
  test("is long for all but 0 to 2 where types 4 and 5 can be known", () => {
    useWire(Wire.LEGACY, false);
    expect(headers()).toBe("32 32 32 48 48 48 48 48");
    useWire(Wire.LEGACY, true);
    expect(headers()).toBe("32 32 32 48 48 48 48 48");
    useWire(Wire.SPEC, true);
    expect(headers()).toBe("32 32 32 48 48 48 48 48");
  });

  test("is short for every type where the wire has no other", () => {
    useWire(Wire.SPEC, false);
    expect(headers()).toBe("32 32 32 32 32 32 32 32");
  });
});

describe("a message", () => {
  test("has a header when it is as long as its type says, and 17 bytes at least", () => {
    useWire(Wire.LEGACY, false);
    const message = guarded(64);
    store<u8>(message, 0, 16);
    expect(header.hasHeader(message, 16)).toBe(false);
    expect(header.hasHeader(message, 31)).toBe(false);
    expect(header.hasHeader(message, 32)).toBe(true);
    store<u8>(message, 3, 16);
    expect(header.hasHeader(message, 47)).toBe(false);
    expect(header.hasHeader(message, 48)).toBe(true);
    useWire(Wire.SPEC, false);
    expect(header.hasHeader(message, 31)).toBe(false);
    expect(header.hasHeader(message, 32)).toBe(true);
  });
});
