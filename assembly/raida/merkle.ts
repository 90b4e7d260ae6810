/**
 * The Merkle trees of the wire legacy, one for each denomination, as the host writes them
 * (core/layout.ts, Region.MERKLE): leaves first, the root last. Reference: RAIDA sections 5 and 9.
 */
import { load32 } from "../core/atomics";
import { MERKLE_READY } from "../core/control";
import { DENOMINATIONS } from "../core/limits";
import { MERKLE, MERKLE_NODE_BYTES, merkleNodes, pagesPerDenomination } from "../core/memory";

/** The roots of all denominations in a row. */
export const ROOTS_BYTES: u32 = DENOMINATIONS * <u32>MERKLE_NODE_BYTES;

/** Has the host written the trees? They may be written anew at any time, so it is asked twice. */
export function treesReady(): bool {
  return load32(MERKLE_READY) == 1;
}

function nodeAt(denominationIndex: u32, node: u32): usize {
  const first = denominationIndex * merkleNodes(pagesPerDenomination);
  return MERKLE + <usize>(first + node) * MERKLE_NODE_BYTES;
}

/** Node `index` of level `level` (0: leaves), or 0: there is no such node. */
export function treeNode(denominationIndex: u32, level: u32, index: u32): usize {
  if (denominationIndex >= DENOMINATIONS) return 0;
  let nodes = pagesPerDenomination,
    first: u32 = 0;
  for (; level && nodes > 1; level--) {
    first += nodes;
    nodes = (nodes + 1) >> 1;
  }
  return level == 0 && index < nodes ? nodeAt(denominationIndex, first + index) : 0;
}

export function rootOf(denominationIndex: u32): usize {
  return nodeAt(denominationIndex, merkleNodes(pagesPerDenomination) - 1);
}
