import { Wire } from "../../../core/layout";
import { fromHex, toHex } from "../../../crypto/__tests__/bytes";
import { ctr128, ctrWipe } from "../../../crypto/ctr";
import {
  addByte,
  addCoin,
  addFiller,
  ask,
  begin,
  message,
  noBody,
  openReplyBody,
  useKeyCoin,
} from "../../__tests__/message";
import {
  anOf,
  dryRandom,
  fillRandom,
  recordInMemory,
  reply,
  replyBody,
  resetCoin,
  setAbsentPage,
  startNode,
  useWire,
} from "../../__tests__/node";
import { NO_PAGE, pageKey } from "../../coins";

startNode(Wire.LEGACY, true);

const zeros = fromHex("00000000000000000000000000000000");
const opened = fromHex("a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
const an = fromHex("a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");

/** Half a key, c0 to c7. */
function addHalf(): void {
  for (let i: u32 = 0; i < 8; i++) addByte(0xc0 + i);
}

/** The 16 bytes at `body`, opened with the coin's AN. */
function openedBody(body: usize, serial: u32, counter: usize): string {
  v128.store(an, anOf(0, serial));
  ctr128(an, counter, body, opened, 16);
  ctrWipe();
  return toHex(opened, 16);
}

describe("encrypt key", () => {
  test("has a body of one of two sizes", () => {
    begin(0, 4, 44);
    noBody();
    expect(ask()).toBe(36);
    const sizes: u32[] = [0, 4, 6, 12, 14];
    for (let i = 0; i < sizes.length; i++) {
      begin(0, 4, 44);
      addFiller(sizes[i]);
      expect(ask()).toBe(16);
    }
  });

  test("gives a random key XOR the recipient's AN, and wipes it from the pool", () => {
    fillRandom();
    begin(0, 4, 44);
    addCoin(0, 77);
    expect(ask()).toBe(0);
    expect(replyBody().length).toBe(32);
    v128.store(opened, v128.xor(v128.load(reply + 32), anOf(0, 77)));
    expect(toHex(opened, 16)).toBe("0102030405060708090a0b0c0d0e0f10");
    begin(0, 4, 44);
    addCoin(0, 77);
    expect(ask()).toBe(0);
    v128.store(opened, v128.xor(v128.load(reply + 32), anOf(0, 77)));
    expect(toHex(opened, 16)).toBe("1112131415161718191a1b1c1d1e1f20");
  });

  test("needs random bytes", () => {
    dryRandom();
    begin(0, 4, 44);
    addCoin(0, 77);
    expect(ask()).toBe(252);
    fillRandom();
  });

  test("is for coins in use", () => {
    setAbsentPage(pageKey(6, 1024));
    const denominations: i32[] = [7, -9, 0, 0, 6];
    const serials: u32[] = [1, 1, 2048, 600, 1024];
    for (let i = 0; i < serials.length; i++) {
      for (let half = 0; half < 2; half++) {
        begin(0, 4, 44);
        addCoin(denominations[i], serials[i]);
        if (half) addHalf();
        expect(ask()).toBe(40);
      }
    }
    setAbsentPage(NO_PAGE);
  });

  test("seals half a key as the public servers do", () => {
    v128.store(recordInMemory(0, 77), v128.load(fromHex("5882763aed8c94e534bdfed2fb5a4ec1")));
    fillRandom();
    begin(0, 4, 44);
    addCoin(0, 77);
    addHalf();
    expect(ask()).toBe(0);
    const body = replyBody();
    expect(body.substring(0, 26)).toBe("a75d5f489e420f455518677370");
    expect(body.substring(30)).toBe("b2");
    resetCoin(0, 77);
  });

  test("uses the counter block of the request: zeros for one in clear", () => {
    fillRandom();
    begin(0, 4, 44);
    addCoin(0, 77);
    addFiller(8);
    expect(ask()).toBe(0);
    const plain = "1111111111111111" + "000000004d" + "0102" + "ff";
    expect(openedBody(reply + 32, 77, zeros)).toBe(plain);
  });

  test("uses the nonce of types 1, 4 and 5, in either wire", () => {
    const wires: u32[] = [Wire.LEGACY, Wire.SPEC, Wire.LEGACY, Wire.LEGACY];
    const types: u32[] = [1, 1, 4, 5];
    for (let i = 0; i < types.length; i++) {
      useWire(wires[i], true);
      begin(types[i], 4, 44);
      if (types[i] == 1) useKeyCoin(0, 1);
      addCoin(0, 77);
      addFiller(8);
      expect(ask()).toBe(0);
      const body = openReplyBody(reply, 16);
      const counter = fromHex("00000000000000000000000000000000");
      if (types[i] > 1) memory.copy(counter, message + 24, 16);
      else if (wires[i] == Wire.SPEC) memory.copy(counter, message + 20, 12);
      else memory.copy(counter, message + 24, 8);
      const plain = openedBody(body, 77, counter);
      expect(plain.substring(0, 26)).toBe("1111111111111111000000004d");
      expect(plain.substring(30)).toBe("ff");
    }
    useWire(Wire.LEGACY, true);
  });
});
