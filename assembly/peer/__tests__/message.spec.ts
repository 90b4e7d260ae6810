import { PEER } from "../../core/memory";
import {
  PeerBlock,
  PeerField,
  PeerKind,
  PeerVariant,
  PeerVerdict,
  PeerWire,
} from "../../core/peer";
import { fromHex, GUARD } from "../../crypto/__tests__/bytes";
import { clearBlock, setBytes, setNumber, setVariant } from "../block";
import { checkHandshake, encodeMessage, makeSigningBytes } from "../message";
import { ask, configurePeer, field, verdictOf, written } from "./messages";

configurePeer();

const ID_A = "002408011220" + "aa".repeat(32);
const ID_B = "002408011220" + "bb".repeat(32);
const NOW: u64 = 1767225600000;

function set(number: PeerField, hex: string): void {
  setBytes(number, fromHex(hex), hex.length >> 1);
}

function layHandshake(): void {
  clearBlock();
  setVariant(PeerVariant.HANDSHAKE);
  set(PeerField.KEY, "40".repeat(32));
  setNumber(PeerField.KEY_KIND, 1);
  set(PeerField.SIGNATURE, "50".repeat(64));
  set(PeerField.SENDER, ID_A);
  set(PeerField.RECIPIENT, ID_B);
  set(PeerField.CONNECTION, ID_A);
  setNumber(PeerField.TIMESTAMP, NOW);
}

describe("encode", () => {
  test("what was opened comes out as it came, bytes as integers", () => {
    memory.fill(PEER + PeerBlock.OUT, GUARD, 512);
    expect(verdictOf(PeerKind.REQUEST, ask("84001718ff1818"))).toBe(PeerVerdict.OK);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    expect(written()).toBe(ask("84001718ff1818"));
    expect(verdictOf(PeerKind.REQUEST, ask("420118"))).toBe(PeerVerdict.OK);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    expect(written()).toBe(ask("82011818"));
  });

  test("nothing that the kind or the wire has not, nothing over its bound", () => {
    layHandshake();
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    setVariant(PeerVariant.SUCCESS);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.VARIANT);
    setVariant(<PeerVariant>9);
    expect(encodeMessage(PeerKind.RESPONSE, PeerWire.MESSAGE)).toBe(PeerVerdict.VARIANT);
    setVariant(PeerVariant.HELLO);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.VARIANT);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.CHALLENGE)).toBe(PeerVerdict.CHALLENGE_LENGTH);
    expect(written()).toBe("");
    clearBlock();
    setVariant(PeerVariant.PROTOCOL);
    setBytes(PeerField.PAYLOAD, PEER + PeerBlock.IN, 1048577);
    memory.fill(PEER + PeerBlock.IN, 0, 1048577);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.MESSAGE_TOO_LARGE);
    setBytes(PeerField.PAYLOAD, PEER + PeerBlock.IN, 1048576 - 256);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    store<u8>(PEER + PeerBlock.IN, 24);
    expect(encodeMessage(PeerKind.REQUEST, PeerWire.MESSAGE)).toBe(PeerVerdict.MESSAGE_TOO_LARGE);
  });
});

const message = "0170" + "fbfb00" + "02" + "26" + ID_A + "0126" + ID_B + "020304";

describe("inner message", () => {
  test("opened and written again", () => {
    expect(verdictOf(PeerKind.DIRECT, message)).toBe(PeerVerdict.OK);
    expect(field(PeerField.RECIPIENT)).toBe(ID_B);
    expect(field(PeerField.PAYLOAD)).toBe("0304");
    expect(encodeMessage(PeerKind.DIRECT, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    expect(written()).toBe(message);
    setNumber(PeerField.MESSAGE_ID, u64.MAX_VALUE);
    expect(encodeMessage(PeerKind.BROADCAST, PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    expect(verdictOf(PeerKind.BROADCAST, written())).toBe(PeerVerdict.OK);
    setNumber(PeerField.ROUND_ID, 65536);
    expect(encodeMessage(PeerKind.DIRECT, PeerWire.MESSAGE)).toBe(PeerVerdict.VARIANT);
  });
  test("cut anywhere, it is refused", () => {
    for (let i = 0; i < message.length; i += 2) {
      expect(verdictOf(PeerKind.DIRECT, message.substring(0, i))).not.toBe(PeerVerdict.OK);
    }
  });
});

describe("handshake", () => {
  test("signing bytes of wires 1 and 2; ids that are none", () => {
    layHandshake();
    expect(makeSigningBytes(PeerWire.BARE)).toBe(PeerVerdict.OK);
    expect(written()).toBe(ID_B);
    expect(makeSigningBytes(PeerWire.MESSAGE)).toBe(PeerVerdict.OK);
    expect(written()).toBe(ID_A + ID_B + "0000000000000000" + "0000019b76daa800");
    expect(makeSigningBytes(PeerWire.CHALLENGE)).toBe(PeerVerdict.CHALLENGE_LENGTH);
    set(PeerField.RECIPIENT, ID_B + "00");
    expect(makeSigningBytes(PeerWire.MESSAGE)).toBe(PeerVerdict.PEER_ID);
    expect(written()).toBe("");
  });

  test("the sender is the connection's, the timestamp fresh", () => {
    layHandshake();
    expect(checkHandshake(PeerWire.MESSAGE, NOW)).toBe(PeerVerdict.OK);
    expect(checkHandshake(PeerWire.MESSAGE, NOW + 30000)).toBe(PeerVerdict.OK);
    expect(checkHandshake(PeerWire.MESSAGE, NOW + 30001)).toBe(PeerVerdict.TIMESTAMP_STALE);
    expect(checkHandshake(PeerWire.MESSAGE, NOW - 5000)).toBe(PeerVerdict.OK);
    expect(checkHandshake(PeerWire.MESSAGE, NOW - 5001)).toBe(PeerVerdict.TIMESTAMP_FUTURE);
    setNumber(PeerField.TIMESTAMP, 0);
    expect(checkHandshake(PeerWire.MESSAGE, 1000)).toBe(PeerVerdict.OK, "a clock at its start");
    setNumber(PeerField.TIMESTAMP_HIGH, 1);
    expect(checkHandshake(PeerWire.MESSAGE, 1000)).toBe(PeerVerdict.TIMESTAMP_FUTURE);
    set(PeerField.CONNECTION, ID_B);
    expect(checkHandshake(PeerWire.MESSAGE, NOW)).toBe(PeerVerdict.SENDER);
  });

  test("wire 1 takes the key of the peer id, no other", () => {
    layHandshake();
    expect(checkHandshake(PeerWire.BARE, NOW)).toBe(PeerVerdict.KEY_NOT_IDENTITY);
    set(PeerField.KEY, "aa".repeat(32));
    expect(checkHandshake(PeerWire.BARE, NOW)).toBe(PeerVerdict.OK);
    expect(written()).toBe(ID_B);
  });
});
