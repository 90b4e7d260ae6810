/**
 * Group 14, Integrity, of the wire legacy: nodes of the Merkle trees. Page data (14/4) stays out:
 * it would tell every AN to anyone. Reference: RAIDA sections 9 and 11, point 13.
 */
import { DENOMINATIONS } from "../../core/limits";
import { MERKLE_NODE_BYTES } from "../../core/memory";
import { Status } from "../../core/status";
import * as context from "../context";
import { Outcome } from "../context";
import { readU32BE } from "../header";
import { ROOTS_BYTES, rootOf, treeNode, treesReady } from "../merkle";

const BRANCH_BYTES: u32 = 9;

/** 14/2: denomination, level (u32), index (u32): 250 and the node (32); 202: there is none. */
export function merkleBranch(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != BRANCH_BYTES) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const payload = context.payload;
  const index = <u32>(<i32>load<i8>(payload) + 8);
  const node = treesReady() ? treeNode(index, readU32BE(payload + 1), readU32BE(payload + 5)) : 0;
  if (!node) return context.refuse(Status.FILE_DOES_NOT_EXIST);
  memory.copy(context.body(), node, MERKLE_NODE_BYTES);
  return treesReady()
    ? context.answer(Status.SUCCESS, <u32>MERKLE_NODE_BYTES)
    : context.refuse(Status.FILE_DOES_NOT_EXIST);
}

/** 14/5: the asker's roots (480 bytes, not looked at): 250 and ours; zeros while there are none. */
export function allRoots(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != ROOTS_BYTES) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const ready = treesReady();
  let out = context.body();
  for (let i: u32 = 0; ready && i < DENOMINATIONS; i++, out += MERKLE_NODE_BYTES)
    memory.copy(out, rootOf(i), MERKLE_NODE_BYTES);
  if (!ready || !treesReady()) memory.fill(context.body(), 0, ROOTS_BYTES);
  return context.answer(Status.SUCCESS, ROOTS_BYTES);
}
