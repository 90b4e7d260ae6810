import { Wire } from "../../core/layout";
import { COMMAND_TABLE_BYTES, COMMANDS, PAGE_INDEX } from "../../core/memory";
import { GUARD } from "../../crypto/__tests__/bytes";
import { commandIndex, enterCommand } from "../dispatch";
import { startNode } from "./node";

startNode(Wire.LEGACY, false);

describe("the table of function indices", () => {
  test("has a place for each command of 16 groups, and no more", () => {
    memory.fill(COMMANDS, 0, COMMAND_TABLE_BYTES);
    enterCommand(0, 0, 7);
    enterCommand(15, 255, 0xffff);
    expect(commandIndex(0, 0)).toBe(7);
    expect(commandIndex(15, 255)).toBe(0xffff);
    expect(commandIndex(0, 1)).toBe(0);
    expect(commandIndex(15, 254)).toBe(0);
    expect(commandIndex(1, 0)).toBe(0);
    expect(load<u16>(COMMANDS + COMMAND_TABLE_BYTES - 2)).toBe(0xffff);
    expect(COMMANDS + COMMAND_TABLE_BYTES).toBeLessThanOrEqual(PAGE_INDEX);
  });

  test("keeps neighbours apart", () => {
    memory.fill(COMMANDS, GUARD, COMMAND_TABLE_BYTES);
    enterCommand(2, 40, 0);
    expect(commandIndex(2, 40)).toBe(0);
    expect(commandIndex(2, 39)).toBe(0xa5a5);
    expect(commandIndex(2, 41)).toBe(0xa5a5);
  });
});
