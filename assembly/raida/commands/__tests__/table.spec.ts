import { Wire } from "../../../core/layout";
import { startNode } from "../../__tests__/node";
import { commandIndex } from "../../dispatch";
import { fillCommandTable } from "../table";

startNode(Wire.LEGACY, false);
// The node was configured for the other wire, which has no group 14.
fillCommandTable();

/** Group 14 included, which only the wire legacy has. */
const COMMANDS_LEGACY = 49;

describe("the command table", () => {
  test("knows every command of the reference, each its own", () => {
    const known = [
      0x000, 0x001, 0x002, 0x003, 0x10a, 0x10b, 0x114, 0x115, 0x228, 0x232, 0x23c, 0x250, 0x378,
      0x382, 0x38c, 0x396, 0x3a0, 0x429, 0x42a, 0x42b, 0x42c, 0x42d, 0x851, 0x852, 0x853, 0x854,
      0x855, 0x856, 0x857, 0x858, 0x859, 0x95b, 0x95c, 0x95d, 0xaaa, 0xaab, 0xaac, 0xaad, 0xaae,
      0xb6e, 0xb6f, 0xb70, 0xb72, 0xc78, 0xd86, 0xd87, 0xd88, 0xe02, 0xe05,
    ];
    expect(known.length).toBe(COMMANDS_LEGACY);
    for (let i = 0; i < known.length; i++) {
      const index = commandIndex(known[i] >> 8, known[i] & 255);
      expect(index).not.toBe(0);
      for (let other = 0; other < i; other++) {
        expect(commandIndex(known[other] >> 8, known[other] & 255)).not.toBe(index);
      }
    }
  });

  test("knows no others, and a second fill changes nothing", () => {
    let before = 0;
    let after = 0;
    for (let code: u32 = 0; code < 4096; code++) if (commandIndex(code >> 8, code & 255)) before++;
    fillCommandTable();
    for (let code: u32 = 0; code < 4096; code++) if (commandIndex(code >> 8, code & 255)) after++;
    expect(before).toBe(COMMANDS_LEGACY);
    expect(after).toBe(COMMANDS_LEGACY);
  });
});
