/**
 * The vote of the wire legacy: a datagram without a header by which a public server asks whether
 * its coins are ours: 7, 15 Merkle roots, a nonce of 16 bytes; answered 1 or 0, and the nonce.
 * Reference: RAIDA section 5.
 */
import { Descriptor, Flag, Wire } from "../core/layout";
import { DENOMINATIONS } from "../core/limits";
import { MERKLE_NODE_BYTES, wire } from "../core/memory";
import { placeReply, pushReply } from "../core/rings";
import { Status } from "../core/status";
import { equalBytes } from "../crypto/equal";
import * as context from "./context";
import { ROOTS_BYTES, rootOf, treesReady } from "./merkle";
import { recordReply } from "./request-log";

const FIRST_BYTE: u32 = 7;
const NONCE_BYTES: u32 = 16;
const VOTE_BYTES: u32 = 1 + ROOTS_BYTES + NONCE_BYTES;
/** The host counts it where the roots are asked for with a header: group 14, command 5. */
const KIND: u32 = (14 << 16) | (5 << 24);

/** Answers the message of the context if it is a vote. False: it is none. */
export function answerVote(): bool {
  const message = context.message;
  if (wire != Wire.LEGACY || context.length != VOTE_BYTES) return false;
  if ((context.flags & Flag.DATAGRAM) == 0 || load<u8>(message) != FIRST_BYTE) return false;
  // Trees that nobody has made yet confirm nothing.
  const same = treesReady() && sameRoots(message + 1) && treesReady();
  store<u8>(message, u32(same));
  memory.copy(message + 1, message + 1 + ROOTS_BYTES, NONCE_BYTES);
  const entry = placeReply(context.frame, message, 1 + NONCE_BYTES, 0);
  store<u32>(entry, context.peer, Descriptor.PEER);
  store<u32>(entry, context.flags & (Flag.DATAGRAM | Flag.LOCAL), Descriptor.FLAGS);
  store<u32>(entry, Status.SUCCESS, Descriptor.STATUS);
  store<u64>(entry, context.arrival, Descriptor.ARRIVAL);
  store<u32>(entry, KIND, Descriptor.KIND);
  store<u32>(entry, 0, Descriptor.SERIAL);
  store<u32>(entry, 0, Descriptor.EXECUTION);
  recordReply(entry, true, context.address, context.flags);
  pushReply();
  return true;
}

/** All roots are compared, whichever differ. */
function sameRoots(roots: usize): bool {
  let same: u32 = 1;
  for (let i: u32 = 0; i < DENOMINATIONS; i++, roots += MERKLE_NODE_BYTES)
    same &= u32(equalBytes(roots, rootOf(i), <u32>MERKLE_NODE_BYTES));
  return same != 0;
}
