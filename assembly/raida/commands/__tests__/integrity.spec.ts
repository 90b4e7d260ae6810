import { Wire } from "../../../core/layout";
import { add32, addByte, addFiller, ask, begin, noBody } from "../../__tests__/message";
import { replyBody, startNode, useWire } from "../../__tests__/node";
import { setReady, writeTrees } from "../../__tests__/trees";

startNode(Wire.LEGACY, true);

function branch(denomination: i32, level: u32, index: u32): u32 {
  begin(0, 14, 2);
  addByte(denomination);
  add32(level);
  add32(index);
  return ask();
}

function roots(): u32 {
  begin(0, 14, 5);
  addFiller(480);
  return ask();
}

/** A node of 32 times this byte. */
function node(byte: i32): string {
  return (byte < 16 ? "0" : "").concat(byte.toString(16)).repeat(32);
}

describe("merkle branch", () => {
  test("has one size", () => {
    begin(0, 14, 2);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 14, 2);
    addFiller(8);
    expect(ask()).toBe(16);
    begin(0, 14, 2);
    addFiller(10);
    expect(ask()).toBe(16);
  });

  test("gives a node, once the trees are there", () => {
    expect(branch(0, 0, 0)).toBe(202);
    writeTrees();
    expect(branch(0, 0, 0)).toBe(250);
    expect(replyBody()).toBe(node(0x80));
    expect(branch(-8, 0, 1)).toBe(250);
    expect(replyBody()).toBe(node(0x01));
    expect(branch(6, 1, 0)).toBe(250);
    expect(replyBody()).toBe(node(0xe2));
    setReady(false);
    expect(branch(0, 0, 0)).toBe(202);
  });

  test("knows no node outside the trees", () => {
    writeTrees();
    expect(branch(-9, 0, 0)).toBe(202);
    expect(branch(7, 0, 0)).toBe(202);
    expect(branch(0, 0, 2)).toBe(202);
    expect(branch(0, 1, 1)).toBe(202);
    expect(branch(0, 2, 0)).toBe(202);
    expect(branch(0, 4294967295, 4294967295)).toBe(202);
  });
});

describe("all roots", () => {
  test("has one size", () => {
    begin(0, 14, 5);
    noBody();
    expect(ask()).toBe(36);
    begin(0, 14, 5);
    addFiller(479);
    expect(ask()).toBe(16);
    begin(0, 14, 5);
    addFiller(481);
    expect(ask()).toBe(16);
  });

  test("gives the roots, and zeros while there are none", () => {
    writeTrees();
    expect(roots()).toBe(250);
    let wanted = "";
    for (let index = 0; index < 15; index++) wanted += node(16 * index + 2);
    expect(replyBody()).toBe(wanted);
    setReady(false);
    expect(roots()).toBe(250);
    expect(replyBody()).toBe("00".repeat(480));
    writeTrees();
    begin(4, 14, 5);
    addFiller(480);
    expect(ask()).toBe(250);
  });
});

describe("group 14", () => {
  test("has no page data, and is no group of wire spec", () => {
    begin(0, 14, 4);
    addFiller(5);
    expect(ask()).toBe(6);
    useWire(Wire.SPEC, true);
    expect(branch(0, 0, 0)).toBe(5);
    expect(roots()).toBe(5);
    useWire(Wire.LEGACY, true);
  });
});
