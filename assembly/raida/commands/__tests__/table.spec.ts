import { Wire } from "../../../core/layout";
import { startNode } from "../../__tests__/node";
import { commandIndex } from "../../dispatch";
import { fillCommandTable } from "../table";

startNode(Wire.LEGACY, false);

/** Group and the commands of it, for every group (reference: RAIDA section 8). */
const KNOWN: u32[][] = [
  [0, 0, 1, 2, 3],
  [1, 10, 11, 20, 21],
  [2, 40, 50, 60, 80],
  [3, 120, 130, 140, 150, 160],
  [4, 41, 42, 43, 44, 45],
  [8, 81, 82, 83, 84, 85, 86, 87, 88, 89],
  [9, 91, 92, 93],
  [10, 170, 171, 172, 173, 174],
  [11, 110, 111, 112, 114],
  [12, 120],
  [13, 134, 135, 136],
  [14, 2, 5],
];

function isKnown(group: u32, command: u32): bool {
  for (let i = 0; i < KNOWN.length; i++) {
    if (KNOWN[i][0] == group) return KNOWN[i].indexOf(command, 1) > 0;
  }
  return false;
}

describe("the command table", () => {
  test("knows the commands of the reference, a function each, and no others", () => {
    const seen = new Set<u32>();
    let count = 0;
    let wrong = "";
    for (let code: u32 = 0; code < 4096; code++) {
      const index = commandIndex(code >> 8, code & 255);
      if ((index != 0) != isKnown(code >> 8, code & 255)) wrong += " " + code.toString(16);
      if (index == 0) continue;
      seen.add(index);
      count++;
    }
    expect(wrong).toBe("");
    expect(seen.size).toBe(count);
  });

  test("is the same after a second fill", () => {
    const before: u32[] = [];
    for (let code: u32 = 0; code < 4096; code++) before.push(commandIndex(code >> 8, code & 255));
    fillCommandTable();
    let changed = 0;
    for (let code: u32 = 0; code < 4096; code++)
      changed += i32(commandIndex(code >> 8, code & 255) != before[code]);
    expect(changed).toBe(0);
  });
});
