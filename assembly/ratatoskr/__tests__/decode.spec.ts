import { MessageKind, RequestField, Verdict } from "../../core/ratatoskr";
import { toHex } from "../../crypto/__tests__/bytes";
import { bytesOf, metadataAt, metadataCount, numberOf } from "../block";
import { configureMessages, field, ofRequest, verdictOf } from "./messages";

configureMessages(0);

/** A length-delimited field of at most 127 bytes, in hexadecimal. */
function delimited(tag: string, content: string): string {
  const length = (content.length >> 1).toString(16);
  return tag + (length.length == 1 ? "0" + length : length) + content;
}

function keyText(index: u32): string {
  const entry = metadataAt(index);
  return toHex(<usize>load<u32>(entry), load<u32>(entry, 4));
}
function valueText(index: u32): string {
  const entry = metadataAt(index);
  return toHex(<usize>load<u32>(entry, 8), load<u32>(entry, 12));
}

describe("decode", () => {
  test("finds every field in place, in any order; an empty message has none", () => {
    expect(ofRequest("")).toBe(Verdict.OK);
    expect(numberOf(RequestField.MESSAGE_TYPE)).toBe(0);
    expect(bytesOf(RequestField.PAYLOAD)).toBe(0);
    expect(ofRequest("42020708" + "08031202" + "c3a4" + "28ac02")).toBe(Verdict.OK);
    expect(numberOf(RequestField.MESSAGE_TYPE)).toBe(3);
    expect(field(RequestField.REQUEST_ID)).toBe("c3a4");
    expect(numberOf(RequestField.TIMESTAMP)).toBe(300);
    expect(field(RequestField.PAYLOAD)).toBe("0708");
  });

  test("forgets the message before", () => {
    expect(ofRequest("0803420107" + delimited("4a", "0a0161") + "42")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("0803420107" + delimited("4a", "0a0161"))).toBe(Verdict.OK);
    expect(metadataCount()).toBe(1);
    expect(ofRequest("")).toBe(Verdict.OK);
    expect(metadataCount()).toBe(0);
    expect(field(RequestField.PAYLOAD)).toBe("");
  });

  test("varints: 64 bits in the fewest bytes", () => {
    expect(ofRequest("28ffffffffffffffffff01")).toBe(Verdict.OK);
    expect(numberOf(RequestField.TIMESTAMP)).toBe(-1);
    expect(ofRequest("2880808080808080808001")).toBe(Verdict.OK);
    expect(numberOf(RequestField.TIMESTAMP)).toBe(i64.MIN_VALUE);
    expect(ofRequest("28ffffffffffffffffff02")).toBe(Verdict.VARINT_OVERFLOW);
    expect(ofRequest("28ffffffffffffffffff8100")).toBe(Verdict.VARINT_OVERFLOW);
    expect(ofRequest("28ffffffffffffffffffff01")).toBe(Verdict.VARINT_OVERFLOW);
    expect(ofRequest("288000")).toBe(Verdict.NON_MINIMAL_VARINT);
    expect(ofRequest("28ffffffffffffffffff00")).toBe(Verdict.NON_MINIMAL_VARINT);
    expect(ofRequest("2800")).toBe(Verdict.OK, "zero, written out");
    expect(ofRequest("2880")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("28")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("a880808000")).toBe(Verdict.NON_MINIMAL_VARINT, "a tag, too");
  });

  test("a bool is 0 or 1", () => {
    expect(verdictOf(MessageKind.RESPONSE, "2001")).toBe(Verdict.OK);
    expect(verdictOf(MessageKind.RESPONSE, "2000")).toBe(Verdict.OK);
    expect(verdictOf(MessageKind.RESPONSE, "2002")).toBe(Verdict.VARINT_OVERFLOW);
    expect(verdictOf(MessageKind.CONNECTION_RESPONSE, "0802")).toBe(Verdict.VARINT_OVERFLOW);
    expect(ofRequest("2002")).toBe(Verdict.WIRE_TYPE, "user_id there");
  });

  test("lengths end where the message ends", () => {
    expect(ofRequest("4203010203")).toBe(Verdict.OK);
    expect(ofRequest("42030102")).toBe(Verdict.LENGTH);
    expect(ofRequest("4201")).toBe(Verdict.LENGTH);
    expect(ofRequest("42ffffffff07")).toBe(Verdict.LENGTH);
    expect(ofRequest("42ffffffffffffffffff01")).toBe(Verdict.LENGTH);
    expect(ofRequest("4280")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("7a0201")).toBe(Verdict.LENGTH, "of an unknown field");
  });

  test("numbers and wire types that exist", () => {
    expect(ofRequest("0200")).toBe(Verdict.FIELD_NUMBER);
    expect(ofRequest("8080808010")).toBe(Verdict.FIELD_NUMBER, "33 bits");
    expect(ofRequest("f8ffffff0f01")).toBe(Verdict.OK, "2^29 - 1");
    expect(ofRequest("0b")).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest("7b7c")).toBe(Verdict.WIRE_TYPE, "a group");
    expect(ofRequest("7c")).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest("7e")).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest("7f")).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest("2d00000000")).toBe(Verdict.WIRE_TYPE, "timestamp as fixed32");
    expect(ofRequest("0a00")).toBe(Verdict.WIRE_TYPE, "message_type as bytes");
    expect(ofRequest("1005")).toBe(Verdict.WIRE_TYPE);
  });

  test("a field once, and whole the second time before it is refused", () => {
    expect(ofRequest("12016112016142010a")).toBe(Verdict.DUPLICATE_FIELD);
    expect(field(RequestField.REQUEST_ID)).toBe("61");
    expect(ofRequest("120161120162")).toBe(Verdict.DUPLICATE_FIELD);
    expect(field(RequestField.REQUEST_ID)).toBe("61", "the first stays");
    expect(ofRequest("28012880")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("12016112ff")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("08000801")).toBe(Verdict.DUPLICATE_FIELD, "also after a default");
  });

  test("UTF-8 in strings, anything in bytes", () => {
    expect(ofRequest("1202c328")).toBe(Verdict.UTF8);
    expect(ofRequest("2203eda080")).toBe(Verdict.UTF8);
    expect(ofRequest("4202c328")).toBe(Verdict.OK);
    expect(ofRequest(delimited("4a", "0a02c328"))).toBe(Verdict.UTF8);
    expect(ofRequest(delimited("4a", "1202c328"))).toBe(Verdict.UTF8);
  });

  test("at most 64 unknown fields, each whole", () => {
    expect(ofRequest("7801" + "a2060102" + "7d01020304" + "790102030405060708")).toBe(Verdict.OK);
    expect(ofRequest("7d010203")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("7901020304050607")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("7801".repeat(64))).toBe(Verdict.OK);
    expect(ofRequest("7801".repeat(65))).toBe(Verdict.TOO_MANY_UNKNOWN_FIELDS);
    const inside = delimited("4a", "1801".repeat(32));
    expect(ofRequest(inside + "7801".repeat(32))).toBe(Verdict.OK);
    expect(ofRequest(inside + "7801".repeat(33))).toBe(Verdict.TOO_MANY_UNKNOWN_FIELDS);
    expect(ofRequest("50007800")).toBe(Verdict.OK, "numbers 10 and 15");
  });

  test("payload messages have their own fields", () => {
    expect(verdictOf(MessageKind.CONNECTION_REQUEST, "0a0161120162" + "1a0163")).toBe(Verdict.OK);
    expect(field(3)).toBe("63");
    expect(verdictOf(MessageKind.CONNECTION_REQUEST, "0801")).toBe(Verdict.WIRE_TYPE);
    expect(verdictOf(MessageKind.CONNECTION_RESPONSE, "0801120162180522017a")).toBe(Verdict.OK);
    expect(numberOf(3)).toBe(5);
    expect(verdictOf(MessageKind.CONNECTION_RESPONSE, "4a00")).toBe(Verdict.OK, "unknown here");
  });
});

describe("metadata", () => {
  test("entries in their order, key or value left out or written out", () => {
    const message =
      delimited("4a", "0a01611201" + "62") + delimited("4a", "0a0163") + delimited("4a", "1200");
    expect(ofRequest(message)).toBe(Verdict.OK);
    expect(metadataCount()).toBe(3);
    expect(keyText(0) + valueText(0) + keyText(1) + valueText(1) + keyText(2)).toBe("616263");
  });

  test("no key twice, the empty one neither", () => {
    const a = delimited("4a", "0a0161");
    expect(ofRequest(a + delimited("4a", "0a01611201" + "62"))).toBe(Verdict.DUPLICATE_MAP_KEY);
    expect(ofRequest("4a00" + "4a021200")).toBe(Verdict.DUPLICATE_MAP_KEY);
    expect(ofRequest(a + delimited("4a", "0a026161"))).toBe(Verdict.OK);
    const long = delimited("4a", "0a41" + "61".repeat(65));
    expect(ofRequest(long + long)).toBe(Verdict.OK, "too long: refused for that, by the schema");
    const longest = delimited("4a", "0a40" + "61".repeat(64));
    expect(ofRequest(longest + longest)).toBe(Verdict.DUPLICATE_MAP_KEY);
  });

  test("strict inside an entry, which nothing leaves", () => {
    expect(ofRequest(delimited("4a", "0a01610a0162"))).toBe(Verdict.DUPLICATE_FIELD);
    expect(ofRequest(delimited("4a", "12016212" + "0163"))).toBe(Verdict.DUPLICATE_FIELD);
    expect(ofRequest(delimited("4a", "0801"))).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest(delimited("4a", "0b"))).toBe(Verdict.WIRE_TYPE);
    expect(ofRequest("4a040a0561616161" + "61")).toBe(Verdict.LENGTH, "past the entry");
    expect(ofRequest("4a010a" + "0161")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("4a020a80" + "01")).toBe(Verdict.TRUNCATED);
    expect(ofRequest("4a050a0161")).toBe(Verdict.LENGTH);
    expect(ofRequest("4801")).toBe(Verdict.WIRE_TYPE);
  });

  test("32 entries, not one more", () => {
    let message = "";
    for (let i: u32 = 0; i < 32; i++) message += delimited("4a", "0a01" + (64 + i).toString(16));
    expect(ofRequest(message)).toBe(Verdict.OK);
    expect(metadataCount()).toBe(32);
    expect(ofRequest(message + "4a00")).toBe(Verdict.TOO_MANY_METADATA);
    expect(ofRequest(message + "4aff")).toBe(Verdict.TOO_MANY_METADATA, "told before it is read");
  });
});
