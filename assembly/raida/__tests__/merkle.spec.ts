import { setWord } from "../../core/__tests__/configuration";
import { Config, Wire } from "../../core/layout";
import { MERKLE, merkleNodes } from "../../core/memory";
import { rootOf, treeNode, treesReady } from "../merkle";
import { startNode, useWire } from "./node";
import { setReady } from "./trees";

startNode(Wire.LEGACY, false);

/** Lets the trees have so many leaves. */
function leaves(count: u32): void {
  setWord(Config.PAGES_PER_DENOMINATION, count);
  useWire(Wire.LEGACY, false);
}

describe("a Merkle tree", () => {
  test("is there when the host says so", () => {
    expect(treesReady()).toBe(false);
    setReady(true);
    expect(treesReady()).toBe(true);
    setReady(false);
  });

  test("has its levels in a row, leaves first, half as many on each", () => {
    const counts: u32[] = [1, 2, 3, 5, 1000, 1024];
    for (let i = 0; i < counts.length; i++) {
      leaves(counts[i]);
      const nodes = merkleNodes(counts[i]);
      for (let index: u32 = 0; index < 15; index += 14) {
        let at = MERKLE + <usize>(index * nodes) * 32,
          level: u32 = 0;
        for (let width = counts[i]; ; width = (width + 1) >> 1, level++) {
          expect(treeNode(index, level, 0)).toBe(at);
          expect(treeNode(index, level, width - 1)).toBe(at + <usize>(width - 1) * 32);
          expect(treeNode(index, level, width)).toBe(0);
          at += <usize>width * 32;
          if (width == 1) break;
        }
        expect(treeNode(index, level + 1, 0)).toBe(0);
        expect(treeNode(index, u32.MAX_VALUE, 0)).toBe(0);
        expect(treeNode(index, 0, u32.MAX_VALUE)).toBe(0);
        expect(rootOf(index)).toBe(treeNode(index, level, 0));
        expect(rootOf(index)).toBe(at - 32);
      }
      expect(treeNode(15, 0, 0)).toBe(0);
    }
    leaves(2);
  });
});
