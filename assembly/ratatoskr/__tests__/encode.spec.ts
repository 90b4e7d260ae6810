import { RATATOSKR } from "../../core/memory";
import {
  Block,
  ConnectionResponseField,
  MessageKind,
  RequestField,
  ResponseField,
  Verdict,
} from "../../core/ratatoskr";
import { GUARD, toHex } from "../../crypto/__tests__/bytes";
import { clearBlock, fieldAt } from "../block";
import { encode } from "../encode";
import {
  configureMessages,
  layRequest,
  setEntry,
  setMetadataCount,
  setText,
  verdictOf,
} from "./messages";

configureMessages(0);

function encoded(kind: MessageKind): string {
  const out = RATATOSKR + Block.OUT;
  memory.fill(out, GUARD, 4096);
  encode(kind);
  const length = load<u32>(RATATOSKR, Block.OUT_LENGTH);
  expect(load<u8>(out + length)).toBe(GUARD, "nothing behind the message");
  return toHex(out, length);
}

describe("encode", () => {
  test("leaves default values out", () => {
    clearBlock();
    expect(encoded(MessageKind.REQUEST)).toBe("");
    expect(encoded(MessageKind.CONNECTION_RESPONSE)).toBe("");
  });

  test("writes fields in the order of their numbers", () => {
    layRequest();
    store<u32>(fieldAt(RequestField.NONCE), 0, 4);
    store<u32>(fieldAt(RequestField.SIGNATURE), 0, 4);
    setText(RequestField.PAYLOAD, "p");
    expect(encoded(MessageKind.REQUEST)).toBe("08031201721a01642201752880f2d6ca06420170");
  });

  test("writes numbers in the fewest bytes, negative ones in ten", () => {
    clearBlock();
    store<i64>(fieldAt(ResponseField.TIMESTAMP), -1);
    store<u64>(fieldAt(ResponseField.SUCCESS), 1);
    expect(encoded(MessageKind.RESPONSE)).toBe("18ffffffffffffffffff012001");
    store<i64>(fieldAt(ConnectionResponseField.EXPIRES_AT), 127);
    store<u64>(fieldAt(4), 0);
    expect(encoded(MessageKind.CONNECTION_RESPONSE)).toBe("187f");
    store<i64>(fieldAt(ConnectionResponseField.EXPIRES_AT), 128);
    expect(encoded(MessageKind.CONNECTION_RESPONSE)).toBe("188001");
  });

  test("sorts entries by the bytes of their keys, a beginning first", () => {
    clearBlock();
    setEntry(0, "b", "1");
    setEntry(1, "ab", "2");
    setEntry(2, "a", "3");
    setEntry(3, "\xe9", "4");
    setMetadataCount(4);
    expect(encoded(MessageKind.REQUEST)).toBe(
      "4a060a0161120133" + "4a070a026162120132" + "4a060a0162120131" + "4a060a01e9120134",
    );
  });

  test("leaves an empty key or value of an entry out, not the entry", () => {
    clearBlock();
    setEntry(0, "", "");
    setMetadataCount(1);
    expect(encoded(MessageKind.REQUEST)).toBe("4a00");
    setEntry(0, "", "v");
    setEntry(1, "k", "");
    setMetadataCount(2);
    expect(encoded(MessageKind.RESPONSE)).toBe("4203120176" + "42030a016b");
  });

  test("what it writes is read again, lengths of two bytes as well", () => {
    clearBlock();
    setText(RequestField.REQUEST_ID, "x".repeat(128));
    setEntry(0, "k", "v".repeat(1024));
    setMetadataCount(1);
    const message = encoded(MessageKind.REQUEST);
    expect(message.startsWith("128001")).toBe(true);
    expect(verdictOf(MessageKind.REQUEST, message)).toBe(Verdict.OK);
    expect(encoded(MessageKind.REQUEST)).toBe(message);
  });
});
