import { fromHex, guarded, toHex } from "../../crypto/__tests__/bytes";
import { findRecord, RecordType } from "../zone";

/** The record of that type in the file, in hex; "": none. */
function find(text: string, type: u32): string {
  const file = fromHex("");
  const at = guarded(text.length + 16);
  for (let i = 0; i < text.length; i++) store<u8>(at + i, text.charCodeAt(i));
  const found = findRecord(at, text.length, type, file);
  return found ? toHex(file, 6) : "";
}

function a(text: string): string {
  return find(text, RecordType.A);
}
function srv(text: string): string {
  return find(text, RecordType.SRV);
}

describe("a zone file", () => {
  test("has lines of two kinds, and comments", () => {
    const zone = "# zone\nA 10.1.2.3 xx\nSRV 10.9.8.7:50001\n";
    expect(a(zone)).toBe("0a0102030000");
    expect(srv(zone)).toBe("0a090807c351");
    expect(a("#A 1.2.3.4\n")).toBe("");
    expect(a("  # A 1.2.3.4\nSRV 1.2.3.4:5\n")).toBe("");
    expect(srv("A 1.2.3.4\n")).toBe("");
    expect(a("")).toBe("");
    expect(a("\n\n")).toBe("");
  });

  test("tells the first of a kind", () => {
    expect(a("A 1.1.1.1\nA 2.2.2.2\n")).toBe("010101010000");
    expect(a("A 1.1.1\nA 2.2.2.2\n")).toBe("020202020000", "that is one");
  });

  test("may have blanks, tabs and returns, and no end to its last line", () => {
    expect(a("  A \t 1.2.3.4")).toBe("010203040000");
    expect(a("\tA 1.2.3.4\r\n")).toBe("010203040000");
    expect(srv("SRV 1.2.3.4:80\r\n")).toBe("010203040050");
    expect(srv("SRV\t1.2.3.4:80 more")).toBe("010203040050");
  });

  test("has words, not parts of words", () => {
    expect(a("AAAA 1.2.3.4\n")).toBe("");
    expect(a("A1.2.3.4\n")).toBe("");
    expect(a("A 1.2.3.4x\n")).toBe("");
    expect(a("A 1.2.3.4:5\n")).toBe("");
    expect(a("a 1.2.3.4\n")).toBe("");
    expect(srv("SRV1.2.3.4:80\n")).toBe("");
    expect(srv("SR 1.2.3.4:80\n")).toBe("");
    expect(a("A\n1.2.3.4\n")).toBe("", "over the end of the line");
  });

  test("has addresses of four numbers up to 255", () => {
    expect(a("A 0.0.0.0\n")).toBe("000000000000");
    expect(a("A 255.255.255.255\n")).toBe("ffffffff0000");
    const wrong: string[] = [
      "A 256.1.1.1",
      "A 1.1.1.256",
      "A 1.2.3",
      "A 1.2.3.4.5",
      "A 1..2.3",
      "A .1.2.3",
      "A 1.2.3.",
      "A 01.2.3.4",
      "A 1.2.3.00",
      "A -1.2.3.4",
      "A 1,2.3.4",
      "A 4294967297.1.1.1",
      "A 0x1.2.3.4",
      "A",
      "A ",
    ];
    for (let i = 0; i < wrong.length; i++) expect(a(wrong[i])).toBe("", wrong[i]);
  });

  test("has ports up to 65535", () => {
    expect(srv("SRV 1.2.3.4:0\n")).toBe("010203040000");
    expect(srv("SRV 1.2.3.4:65535\n")).toBe("01020304ffff");
    const wrong: string[] = [
      "SRV 1.2.3.4:65536",
      "SRV 1.2.3.4:4294967376",
      "SRV 1.2.3.4:",
      "SRV 1.2.3.4",
      "SRV 1.2.3.4 80",
      "SRV 1.2.3.4:-1",
      "SRV 1.2.3.4:080",
      "SRV 1.2.3.4:80x",
      "SRV 1.2.3:80",
    ];
    for (let i = 0; i < wrong.length; i++) expect(srv(wrong[i])).toBe("", wrong[i]);
  });
});
