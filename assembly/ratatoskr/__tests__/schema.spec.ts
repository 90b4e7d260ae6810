import { MessageKind, RequestField, ResponseField, Verdict } from "../../core/ratatoskr";
import { clearBlock, fieldAt } from "../block";
import { checkSchema, checkTimestamp } from "../schema";
import {
  configureMessages,
  layRequest,
  setEntry,
  setLength,
  setMetadataCount,
  setText,
} from "./messages";

configureMessages(0);

/** The verdict on a good request with a field of another length. */
function withLength(number: u32, length: u32): Verdict {
  layRequest();
  setLength(number, length);
  return checkSchema(MessageKind.REQUEST);
}

function withType(kind: MessageKind, type: i64): Verdict {
  layRequest();
  store<i64>(fieldAt(1), type);
  if (kind == MessageKind.RESPONSE) layResponse(type);
  return checkSchema(kind);
}

function layResponse(type: i64): void {
  clearBlock();
  store<i64>(fieldAt(ResponseField.MESSAGE_TYPE), type);
  setText(ResponseField.REQUEST_ID, "r");
}

function responseWith(number: u32, length: u32): Verdict {
  layResponse(3);
  setLength(number, length);
  return checkSchema(MessageKind.RESPONSE);
}

describe("schema", () => {
  test("the types of each direction, and no other", () => {
    for (let type: i64 = -1; type < 9; type++) {
      const fromClient = type == 1 || type == 3 || type == 4 || type == 5;
      const fromServer = type == 2 || type == 3 || type == 6;
      expect(withType(MessageKind.REQUEST, type) == Verdict.OK).toBe(fromClient);
      expect(withType(MessageKind.RESPONSE, type) == Verdict.OK).toBe(fromServer);
    }
    expect(withType(MessageKind.REQUEST, 0x100000003)).toBe(Verdict.MESSAGE_TYPE, "64 bits");
    expect(withType(MessageKind.RESPONSE, 0x100000003)).toBe(Verdict.MESSAGE_TYPE);
  });

  test("ids: 1 to 256 bytes", () => {
    for (let number: u32 = RequestField.REQUEST_ID; number <= <u32>RequestField.USER_ID; number++) {
      expect(withLength(number, 0)).toBe(Verdict.MISSING_FIELD);
      expect(withLength(number, 1)).toBe(Verdict.OK);
      expect(withLength(number, 256)).toBe(Verdict.OK);
      expect(withLength(number, 257)).toBe(Verdict.FIELD_TOO_LONG);
    }
  });

  test("nonce, signature, payload", () => {
    expect(withLength(RequestField.NONCE, 0)).toBe(Verdict.NONCE_TOO_SHORT);
    expect(withLength(RequestField.NONCE, 7)).toBe(Verdict.NONCE_TOO_SHORT);
    expect(withLength(RequestField.NONCE, 8)).toBe(Verdict.OK);
    expect(withLength(RequestField.NONCE, 64)).toBe(Verdict.OK);
    expect(withLength(RequestField.NONCE, 65)).toBe(Verdict.NONCE_TOO_LONG);
    expect(withLength(RequestField.SIGNATURE, 63)).toBe(Verdict.SIGNATURE_LENGTH);
    expect(withLength(RequestField.SIGNATURE, 65)).toBe(Verdict.SIGNATURE_LENGTH);
    expect(withLength(RequestField.PAYLOAD, 1048576)).toBe(Verdict.OK);
    expect(withLength(RequestField.PAYLOAD, 1048577)).toBe(Verdict.FIELD_TOO_LONG);
  });

  test("metadata", () => {
    layRequest();
    setEntry(0, "k".repeat(64), "v".repeat(1024));
    setMetadataCount(1);
    expect(checkSchema(MessageKind.REQUEST)).toBe(Verdict.OK);
    setEntry(0, "k".repeat(65), "");
    expect(checkSchema(MessageKind.REQUEST)).toBe(Verdict.FIELD_TOO_LONG);
    setEntry(0, "", "v".repeat(1025));
    expect(checkSchema(MessageKind.REQUEST)).toBe(Verdict.FIELD_TOO_LONG);
    setMetadataCount(33);
    expect(checkSchema(MessageKind.REQUEST)).toBe(Verdict.TOO_MANY_METADATA);
  });

  test("responses: an id, and the bounds of their texts", () => {
    expect(responseWith(ResponseField.REQUEST_ID, 0)).toBe(Verdict.MISSING_FIELD);
    expect(responseWith(ResponseField.REQUEST_ID, 257)).toBe(Verdict.FIELD_TOO_LONG);
    expect(responseWith(ResponseField.ERROR_CODE, 64)).toBe(Verdict.OK);
    expect(responseWith(ResponseField.ERROR_CODE, 65)).toBe(Verdict.FIELD_TOO_LONG);
    expect(responseWith(ResponseField.ERROR_MESSAGE, 1024)).toBe(Verdict.OK);
    expect(responseWith(ResponseField.ERROR_MESSAGE, 1025)).toBe(Verdict.FIELD_TOO_LONG);
    expect(responseWith(ResponseField.PAYLOAD, 1048576)).toBe(Verdict.OK);
    expect(responseWith(ResponseField.PAYLOAD, 1048577)).toBe(Verdict.FIELD_TOO_LONG);
  });

  test("payload messages: every field may be empty, none too long", () => {
    const most: u32[] = [256, 4096, 32];
    for (let number: u32 = 1; number <= 3; number++) {
      clearBlock();
      expect(checkSchema(MessageKind.CONNECTION_REQUEST)).toBe(Verdict.OK);
      setLength(number, most[number - 1]);
      expect(checkSchema(MessageKind.CONNECTION_REQUEST)).toBe(Verdict.OK);
      setLength(number, most[number - 1] + 1);
      expect(checkSchema(MessageKind.CONNECTION_REQUEST)).toBe(Verdict.FIELD_TOO_LONG);
    }
    clearBlock();
    setLength(2, 256);
    setLength(4, 32);
    expect(checkSchema(MessageKind.CONNECTION_RESPONSE)).toBe(Verdict.OK);
    setLength(4, 33);
    expect(checkSchema(MessageKind.CONNECTION_RESPONSE)).toBe(Verdict.FIELD_TOO_LONG);
    setLength(4, 0);
    setLength(2, 257);
    expect(checkSchema(MessageKind.CONNECTION_RESPONSE)).toBe(Verdict.FIELD_TOO_LONG);
  });
});

describe("timestamp", () => {
  test("300 seconds old is fresh, 301 is not; the future only within the skew", () => {
    expect(checkTimestamp(700, 1000, 0)).toBe(Verdict.OK);
    expect(checkTimestamp(699, 1000, 0)).toBe(Verdict.TIMESTAMP_STALE);
    expect(checkTimestamp(699, 1000, 60)).toBe(Verdict.TIMESTAMP_STALE);
    expect(checkTimestamp(1000, 1000, 0)).toBe(Verdict.OK);
    expect(checkTimestamp(1001, 1000, 0)).toBe(Verdict.TIMESTAMP_FUTURE);
    expect(checkTimestamp(1060, 1000, 60)).toBe(Verdict.OK);
    expect(checkTimestamp(1061, 1000, 60)).toBe(Verdict.TIMESTAMP_FUTURE);
  });

  test("nothing overflows", () => {
    expect(checkTimestamp(i64.MIN_VALUE, 1767225600, 0)).toBe(Verdict.TIMESTAMP_STALE);
    expect(checkTimestamp(i64.MAX_VALUE, 1767225600, 3600)).toBe(Verdict.TIMESTAMP_FUTURE);
    expect(checkTimestamp(-1, 0, 0)).toBe(Verdict.OK);
    expect(checkTimestamp(0x100000000 + 5, 5, 0)).toBe(Verdict.TIMESTAMP_FUTURE, "64 bits");
  });
});
