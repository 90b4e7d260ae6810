import { PEER_REQUEST_BYTES_MAX, PEER_RESPONSE_BYTES_MAX } from "../../core/limits";
import { PEER } from "../../core/memory";
import { PeerBlock, PeerField, PeerKind, PeerVerdict, PeerWire } from "../../core/peer";
import { has, numberOf } from "../block";
import { openMessage } from "../message";
import { ask, configurePeer, field, text, verdictOf } from "./messages";

configurePeer();

function payloadOf(payload: string): PeerVerdict {
  return verdictOf(PeerKind.REQUEST, ask(payload));
}

describe("decode", () => {
  test("integers become bytes in place, bytes stay", () => {
    expect(payloadOf("84001718ff1818")).toBe(PeerVerdict.OK);
    expect(field(PeerField.PAYLOAD)).toBe("0017ff18");
    expect(payloadOf("430102ff")).toBe(PeerVerdict.OK);
    expect(field(PeerField.PAYLOAD)).toBe("0102ff");
    expect(payloadOf("80")).toBe(PeerVerdict.OK);
    expect(has(PeerField.PAYLOAD)).toBe(true);
    expect(has(PeerField.METADATA)).toBe(false);
    expect(field(PeerField.PROTOCOL)).toBe("70");
  });

  test("the fewest bytes, and no integer over 255", () => {
    expect(payloadOf("811817")).toBe(PeerVerdict.NON_MINIMAL);
    expect(payloadOf("811900ff")).toBe(PeerVerdict.NON_MINIMAL);
    expect(payloadOf("81190100")).toBe(PeerVerdict.RANGE);
    expect(payloadOf("811b0000000100000000")).toBe(PeerVerdict.RANGE);
    expect(payloadOf("980100")).toBe(PeerVerdict.NON_MINIMAL);
    expect(payloadOf("5900050102030405")).toBe(PeerVerdict.NON_MINIMAL);
    expect(payloadOf("8120")).toBe(PeerVerdict.TYPE);
    expect(payloadOf("811c")).toBe(PeerVerdict.TYPE);
    expect(payloadOf("811f")).toBe(PeerVerdict.TYPE);
    expect(payloadOf("8181")).toBe(PeerVerdict.TYPE);
  });

  test("a length is looked at before anything is read behind it", () => {
    expect(payloadOf("9bffffffffffffffff")).toBe(PeerVerdict.LENGTH);
    expect(payloadOf("5bffffffffffffffff")).toBe(PeerVerdict.LENGTH);
    expect(payloadOf("9a00100000")).toBe(PeerVerdict.LENGTH);
    expect(payloadOf("9f00ff")).toBe(PeerVerdict.INDEFINITE);
    expect(payloadOf("5f4100ff")).toBe(PeerVerdict.INDEFINITE);
    const request = openMessage(PeerKind.REQUEST, PeerWire.MESSAGE, PEER_REQUEST_BYTES_MAX + 1);
    expect(request).toBe(PeerVerdict.MESSAGE_TOO_LARGE);
    const response = openMessage(PeerKind.RESPONSE, PeerWire.MESSAGE, PEER_RESPONSE_BYTES_MAX + 1);
    expect(response).toBe(PeerVerdict.MESSAGE_TOO_LARGE);
    expect(PeerBlock.OUT - PeerBlock.IN).toBe(PEER_RESPONSE_BYTES_MAX);
    expect(PeerBlock.GATE - PeerBlock.OUT).toBe(PEER_RESPONSE_BYTES_MAX);
  });

  test("an array never reads past the end", () => {
    const start = "a1" + text("Protocol") + "a3" + text("payload");
    expect(verdictOf(PeerKind.REQUEST, start + "820018")).toBe(PeerVerdict.TRUNCATED);
    expect(verdictOf(PeerKind.REQUEST, start + "821818" + "18")).toBe(PeerVerdict.TRUNCATED);
    expect(verdictOf(PeerKind.REQUEST, start + "83181818")).toBe(PeerVerdict.TRUNCATED);
    expect(verdictOf(PeerKind.REQUEST, start + "8400")).toBe(PeerVerdict.LENGTH);
  });

  test("what nobody knows is skipped, six deep, each key once", () => {
    const start = "a1" + text("Error") + "a3" + text("code") + "07" + text("message") + "60";
    const more = start + text("x");
    expect(verdictOf(PeerKind.RESPONSE, more + "a20102616182f5fb3ff0000000000000")).toBe(
      PeerVerdict.OK,
    );
    expect(numberOf(PeerField.CODE)).toBe(7);
    expect(verdictOf(PeerKind.RESPONSE, more + "81818180")).toBe(PeerVerdict.OK);
    expect(verdictOf(PeerKind.RESPONSE, more + "8181818180")).toBe(PeerVerdict.DEPTH);
    expect(verdictOf(PeerKind.RESPONSE, more + "818181c249010000000000000000")).toBe(
      PeerVerdict.OK,
    );
    expect(verdictOf(PeerKind.RESPONSE, more + "81818181c249010000000000000000")).toBe(
      PeerVerdict.DEPTH,
    );
    expect(verdictOf(PeerKind.RESPONSE, more + "a201000100")).toBe(PeerVerdict.DUPLICATE_KEY);
    expect(verdictOf(PeerKind.RESPONSE, more + "82a10100a10100")).toBe(PeerVerdict.OK);
    expect(verdictOf(PeerKind.RESPONSE, more + "a18000")).toBe(PeerVerdict.TYPE);
    expect(verdictOf(PeerKind.RESPONSE, more + "c100")).toBe(PeerVerdict.TYPE, "a tag");
    expect(verdictOf(PeerKind.RESPONSE, more + "f818")).toBe(PeerVerdict.TYPE);
    expect(verdictOf(PeerKind.RESPONSE, more + "ff")).toBe(PeerVerdict.INDEFINITE);
    expect(verdictOf(PeerKind.RESPONSE, more + "81")).toBe(PeerVerdict.LENGTH);
    expect(verdictOf(PeerKind.RESPONSE, more)).toBe(PeerVerdict.TRUNCATED);
  });

  test("forgets the message before", () => {
    expect(payloadOf("8107")).toBe(PeerVerdict.OK);
    expect(verdictOf(PeerKind.REQUEST, "")).toBe(PeerVerdict.TRUNCATED);
    expect(field(PeerField.PAYLOAD)).toBe("");
    expect(load<u32>(PEER, PeerBlock.PRESENT)).toBe(0);
  });
});
