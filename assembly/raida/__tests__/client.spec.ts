import { Client } from "../../core/client";
import { Wire } from "../../core/layout";
import { AES_KEYS, CLIENT_BLOCK, COUNTER_BLOCK, HMAC_STATE, KEY, WORK } from "../../core/scratch";
import { Status } from "../../core/status";
import { allAre, GUARD, toHex } from "../../crypto/__tests__/bytes";
import { openReply, sealRequest } from "../client";
import { describeRequest, get, layReply, set, work } from "./client-block";
import { addFiller, addTrueCoin, begin, message, messageBytes, noBody, seal } from "./message";
import { anOf, answerTo, SILENCE, startNode, useWire } from "./node";

// Opening replies, with all that is refused: client-reply.spec.ts.
startNode(Wire.LEGACY, true);

/** Does the client seal a detect of `coins` coins as message.ts writes it? */
function sealsAlike(type: u32, coins: u32): bool {
  begin(type, 1, 10);
  for (let i: u32 = 0; i < coins; i++) addTrueCoin(3, i);
  seal();
  describeRequest(type, 1, 10);
  memory.fill(work, GUARD, 4096);
  for (let i: u32 = 0; i < coins; i++) {
    const coin = work + 48 + 21 * i;
    store<u8>(coin, 3);
    store<u32>(coin, bswap<u32>(i), 1);
    v128.store(coin, anOf(3, i), 5);
  }
  set(Client.LENGTH, 21 * coins);
  if (sealRequest() !== Status.OK) return false;
  if (get(Client.OUT_OFFSET) !== <u32>work || get(Client.OUT_LENGTH) !== messageBytes) return false;
  return (
    memory.compare(work, message, messageBytes) === 0 && load<u8>(work + messageBytes) === GUARD
  );
}

/** No key, counter or schedule is left behind. */
function wiped(): bool {
  return (
    allAre(KEY, 32, 0) &&
    allAre(COUNTER_BLOCK, 16, 0) &&
    allAre(WORK, 128, 0) &&
    allAre(AES_KEYS, 2688, 0) &&
    allAre(HMAC_STATE, 96, 0)
  );
}

describe("a sealed request", () => {
  test("is byte for byte what an independent writer makes (wire legacy)", () => {
    useWire(Wire.LEGACY, true);
    for (let coins: u32 = 0; coins < 12; coins++) {
      expect(sealsAlike(0, coins)).toBe(true);
      expect(sealsAlike(1, coins)).toBe(true);
      expect(sealsAlike(2, coins)).toBe(true);
      expect(sealsAlike(4, coins)).toBe(true);
      expect(sealsAlike(5, coins)).toBe(true);
    }
  });

  test("is byte for byte what an independent writer makes (wire spec)", () => {
    useWire(Wire.SPEC, true);
    for (let coins: u32 = 0; coins < 12; coins++) {
      expect(sealsAlike(0, coins)).toBe(true);
      expect(sealsAlike(1, coins)).toBe(true);
      expect(sealsAlike(2, coins)).toBe(true);
      expect(sealsAlike(4, coins)).toBe(true);
      expect(sealsAlike(5, coins)).toBe(true);
    }
  });

  test("may be a header alone", () => {
    for (let type: u32 = 0; type < 6; type++) {
      if (type === 3) continue;
      begin(type, 0, 0);
      noBody();
      seal();
      describeRequest(type, 0, 0);
      memory.fill(work, GUARD, 128);
      set(Client.NO_BODY, 1);
      expect(sealRequest()).toBe(Status.OK);
      expect(get(Client.OUT_LENGTH)).toBe(messageBytes);
      expect(toHex(work, messageBytes)).toBe(toHex(message, messageBytes));
      expect(load<u8>(work + messageBytes)).toBe(GUARD);
    }
  });

  test("carries shard and negative denominations", () => {
    describeRequest(1, 1, 10);
    set(Client.SHARD, 2);
    set(Client.DENOMINATION, <u32>-8);
    set(Client.SERIAL, 0x01020304);
    expect(sealRequest()).toBe(Status.OK);
    expect(toHex(work, 24)).toBe("01000e02010a00060000000000000101" + "01f8010203040012");
    describeRequest(5, 1, 10);
    set(Client.DENOMINATION, <u32>-8);
    set(Client.DENOMINATION_2, <u32>-1);
    expect(sealRequest()).toBe(Status.OK);
    expect(toHex(work + 16, 14)).toBe("050022f800000001ff00000002c5");
  });

  test("leaves the whole challenge in the block, and no key in the scratch", () => {
    describeRequest(1, 1, 10);
    store<u32>(CLIENT_BLOCK, 0, Client.CHALLENGE + 12);
    expect(sealRequest()).toBe(Status.OK);
    expect(toHex(CLIENT_BLOCK + Client.CHALLENGE, 16)).toBe("a0a1a2a3a4a5a6a7a8a9aaab3e18aef6");
    expect(wiped()).toBe(true);
    describeRequest(5, 1, 10);
    expect(sealRequest()).toBe(Status.OK);
    expect(wiped()).toBe(true);
  });
});

/** What seal says to a payload of that many bytes. */
function sealOf(type: u32, bytes: u32): Status {
  describeRequest(type, 0, 0);
  set(Client.LENGTH, bytes);
  return sealRequest();
}

describe("an impossible request", () => {
  test("of an unknown type is refused", () => {
    expect(sealOf(3, 0)).toBe(Status.REQUEST_INVALID);
    expect(sealOf(6, 0)).toBe(Status.REQUEST_INVALID);
    expect(sealOf(255, 0)).toBe(Status.REQUEST_INVALID);
    expect(sealOf(256, 0)).toBe(Status.REQUEST_INVALID, "not type 0 again");
    expect(sealOf(0xffffffff, 0)).toBe(Status.REQUEST_INVALID);
    expect(get(Client.OUT_LENGTH)).toBe(0);
  });

  test("with a body over 65535 bytes is refused", () => {
    expect(sealOf(0, 65535 - 18)).toBe(Status.OK);
    expect(load<u16>(work, 22)).toBe(0xffff);
    expect(sealOf(0, 65535 - 17)).toBe(Status.REQUEST_INVALID);
    expect(sealOf(4, 65535 - 34)).toBe(Status.OK);
    expect(sealOf(4, 65535 - 33)).toBe(Status.REQUEST_INVALID);
    expect(sealOf(0, 0xffffffff)).toBe(Status.REQUEST_INVALID);
  });

  test("with a field that does not fit its place is refused", () => {
    const fields: usize[] = [Client.RAIDA_ID, Client.SHARD, Client.GROUP, Client.COMMAND];
    const first: u32[] = [25, 256, 256, 256];
    for (let i = 0; i < fields.length; i++) {
      describeRequest(1, 0, 0);
      set(fields[i], first[i] - 1);
      expect(sealRequest()).toBe(Status.OK);
      set(fields[i], first[i]);
      expect(sealRequest()).toBe(Status.REQUEST_INVALID);
    }
  });

  test("names its key coins within the denominations", () => {
    const types: u32[] = [1, 4, 5];
    for (let i = 0; i < types.length; i++) {
      describeRequest(types[i], 0, 0);
      set(Client.DENOMINATION, <u32>-8);
      expect(sealRequest()).toBe(Status.OK);
      set(Client.DENOMINATION, <u32>-9);
      expect(sealRequest()).toBe(Status.REQUEST_INVALID);
      set(Client.DENOMINATION, 7);
      expect(sealRequest()).toBe(Status.REQUEST_INVALID);
    }
    describeRequest(5, 0, 0);
    set(Client.DENOMINATION_2, 7);
    expect(sealRequest()).toBe(Status.REQUEST_INVALID);
  });

  test("with a payload and no body is refused", () => {
    describeRequest(0, 0, 0);
    set(Client.NO_BODY, 1);
    set(Client.LENGTH, 1);
    expect(sealRequest()).toBe(Status.REQUEST_INVALID);
  });
});

/** Seals a version request, has the node answer it, opens the reply; the wire status. */
function versionOf(type: u32): u32 {
  describeRequest(type, 0, 1);
  memory.fill(work, 0, 128);
  assert(sealRequest() == Status.OK);
  if (answerTo(work, get(Client.OUT_LENGTH), 0) === SILENCE) return SILENCE;
  layReply();
  if (openReply() !== Status.OK) return 1000;
  return get(Client.OUT_STATUS);
}

/** The payload that open found. */
function payload(): string {
  return toHex(<usize>get(Client.OUT_OFFSET), get(Client.OUT_LENGTH));
}

describe("client and node", () => {
  test("understand each other in every wire and type", () => {
    for (let wire: u32 = 0; wire < 2; wire++) {
      useWire(wire, true);
      for (let type: u32 = 0; type < 6; type++) {
        if (type === 3) continue;
        expect(versionOf(type)).toBe(type === 2 ? 34 : 250);
        expect(payload()).toBe(type === 2 ? "" : "3230323530333233");
        expect(get(Client.OUT_EXECUTION)).toBe(7);
        expect(wiped()).toBe(true);
      }
    }
  });

  test("agree that a key is wrong: 37, or 204 with an HMAC", () => {
    useWire(Wire.SPEC, true);
    begin(1, 0, 1);
    describeRequest(1, 0, 1);
    v128.store(CLIENT_BLOCK + Client.KEY, anOf(0, 2));
    expect(sealRequest()).toBe(Status.OK);
    expect(answerTo(work, get(Client.OUT_LENGTH), 0)).toBe(37);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_STATUS)).toBe(37);
    useWire(Wire.LEGACY, true);
    describeRequest(1, 0, 1);
    v128.store(CLIENT_BLOCK + Client.KEY, anOf(0, 2));
    expect(sealRequest()).toBe(Status.OK);
    expect(answerTo(work, get(Client.OUT_LENGTH), 0)).toBe(37);
    layReply();
    expect(openReply()).toBe(Status.OK, "the proof cannot be right");
    expect(get(Client.OUT_STATUS)).toBe(37);
    describeRequest(5, 0, 1);
    v128.store(CLIENT_BLOCK + Client.KEY_2, anOf(0, 2));
    expect(sealRequest()).toBe(Status.OK);
    expect(answerTo(work, get(Client.OUT_LENGTH), 0)).toBe(204);
    layReply();
    expect(openReply()).toBe(Status.OK);
    expect(get(Client.OUT_STATUS)).toBe(204);
  });

  test("agree that a type is not spoken here: 27", () => {
    useWire(Wire.LEGACY, false);
    expect(versionOf(4)).toBe(27);
    expect(versionOf(5)).toBe(27);
    useWire(Wire.LEGACY, true);
  });

  test("carry a body of any length", () => {
    for (let bytes: u32 = 0; bytes < 400; bytes += 13) {
      begin(1, 0, 0);
      addFiller(bytes);
      seal();
      describeRequest(1, 0, 0);
      memory.fill(work, 0x11, 600);
      set(Client.LENGTH, bytes);
      expect(sealRequest()).toBe(Status.OK);
      expect(memory.compare(work, message, messageBytes)).toBe(0);
    }
  });
});
