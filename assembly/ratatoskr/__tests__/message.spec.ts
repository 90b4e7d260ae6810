import { MESSAGE_BYTES_MAX } from "../../core/limits";
import { RATATOSKR } from "../../core/memory";
import { Block, MessageKind, RequestField, Verdict } from "../../core/ratatoskr";
import { toHex } from "../../crypto/__tests__/bytes";
import { fieldAt } from "../block";
import { digestRequest } from "../digest";
import { encodeMessage, openMessage, openRequest } from "../message";
import { configureMessages, lay, layRequest, setText } from "./messages";

configureMessages(0);

/** The vector heartbeat_valid and the digest it names. */
const HEARTBEAT =
  "0804120c7265712d7368617265642d331a0a6465766963652d3435362208757365722d3738392880f2d6ca06" +
  "3210ccb51ad4645bbfdee33d54a04d00d0ac3a4029796ff6433727664a1700bf9ecbb14c48d334405a8bc315" +
  "4b36f7d3ea220136528ae568f18d760c8fe6e238d8830dd48e5c7f3f30ab47daba81b6da851b500e";
const NOW: i64 = 1767225600;

function digest(): string {
  return toHex(RATATOSKR + Block.DIGEST, 32);
}

describe("open", () => {
  test("decode, then schema, then timestamp: the first refusal answers", () => {
    expect(openRequest(lay(HEARTBEAT), NOW, 0)).toBe(Verdict.OK);
    expect(digest()).not.toBe("0".repeat(64));
    expect(openRequest(lay(HEARTBEAT), NOW - 1, 0)).toBe(Verdict.TIMESTAMP_FUTURE);
    expect(digest()).toBe("0".repeat(64), "no digest of what is refused");
    expect(openRequest(lay(HEARTBEAT), NOW + 301, 0)).toBe(Verdict.TIMESTAMP_STALE);
    expect(openRequest(lay(HEARTBEAT + "08"), NOW + 301, 0)).toBe(Verdict.TRUNCATED);
    expect(openRequest(lay("0807"), NOW, 0)).toBe(Verdict.MESSAGE_TYPE);
    expect(openRequest(lay("0804"), NOW, 0)).toBe(Verdict.MISSING_FIELD);
    expect(openMessage(MessageKind.RESPONSE, lay(HEARTBEAT))).toBe(Verdict.WIRE_TYPE);
  });

  test("the size comes before all", () => {
    lay("0807");
    expect(openRequest(MESSAGE_BYTES_MAX + 1, NOW, 0)).toBe(Verdict.MESSAGE_TOO_LARGE);
    expect(openMessage(MessageKind.RESPONSE, u32.MAX_VALUE)).toBe(Verdict.MESSAGE_TOO_LARGE);
    expect(Block.OUT - Block.IN).toBe(MESSAGE_BYTES_MAX);
    expect(Block.BYTES - Block.OUT).toBe(MESSAGE_BYTES_MAX);
  });
});

describe("encode", () => {
  test("what was opened, and nothing that would be refused", () => {
    expect(openRequest(lay(HEARTBEAT), NOW, 0)).toBe(Verdict.OK);
    expect(encodeMessage(MessageKind.REQUEST)).toBe(Verdict.OK);
    const length = load<u32>(RATATOSKR, Block.OUT_LENGTH);
    expect(toHex(RATATOSKR + Block.OUT, length)).toBe(HEARTBEAT);
    layRequest();
    store<u64>(fieldAt(RequestField.MESSAGE_TYPE), 2);
    expect(encodeMessage(MessageKind.REQUEST)).toBe(Verdict.MESSAGE_TYPE);
    expect(load<u32>(RATATOSKR, Block.OUT_LENGTH)).toBe(0);
  });
});

describe("digest", () => {
  test("is of the fields without lengths, the timestamp big-endian", () => {
    layRequest();
    setText(RequestField.REQUEST_ID, "ab");
    setText(RequestField.DEVICE_ID, "c");
    setText(RequestField.USER_ID, "d");
    setText(RequestField.NONCE, "nonce---");
    setText(RequestField.PAYLOAD, "pq");
    digestRequest();
    const one = digest();
    setText(RequestField.REQUEST_ID, "a");
    setText(RequestField.DEVICE_ID, "bc");
    digestRequest();
    expect(digest()).toBe(one, "borders are not in it (section 9)");
    setText(RequestField.NONCE, "nonce---p");
    setText(RequestField.PAYLOAD, "q");
    digestRequest();
    expect(digest()).toBe(one);
    store<u64>(fieldAt(RequestField.MESSAGE_TYPE), 5);
    digestRequest();
    expect(digest()).toBe(one, "nor the type");
    store<u64>(fieldAt(RequestField.TIMESTAMP), 1767225601);
    digestRequest();
    expect(digest()).not.toBe(one);
  });
});
