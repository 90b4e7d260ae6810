/**
 * Bytes of path challenges: a keyed BLAKE3 over a counter, under a secret that only this process
 * has. The peer knows every key of the session, and must not foresee them either: it could answer
 * for an address that is not its own.
 */
import { TRANSFER_DIGEST } from "../core/scratch";
import { blake3Keyed } from "../crypto/blake3";
import { Head } from "./session-head";

/** The next challenge, 8 bytes as they stand in the frame. */
export function challengeFor(session: usize): u64 {
  const counter = load<u64>(session, Head.CHALLENGES) + 1;
  store<u64>(session, counter, Head.CHALLENGES);
  store<u64>(TRANSFER_DIGEST, counter);
  blake3Keyed(session + Head.SECRET, TRANSFER_DIGEST, 8, TRANSFER_DIGEST);
  const fresh = load<u64>(TRANSFER_DIGEST);
  memory.fill(TRANSFER_DIGEST, 0, 32);
  return fresh;
}
