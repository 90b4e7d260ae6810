import { Wire } from "../../../core/layout";
import { startNode } from "../../__tests__/node";
import { commandIndex } from "../../dispatch";
import { fillCommandTable } from "../table";

startNode(Wire.LEGACY, false);

describe("the command table", () => {
  test("knows the commands of groups 0 to 2", () => {
    const known = [0x000, 0x001, 0x002, 0x003, 0x10a, 0x10b, 0x114, 0x115, 0x228, 0x232, 0x23c];
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
    expect(before).toBe(11);
    expect(after).toBe(11);
  });
});
