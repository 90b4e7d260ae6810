/** Two ends of a session, for the specs of packets. */
import { FrameType, PacketVerdict } from "../../core/transfer";
import { Pool, SESSION_BYTES, SESSIONS } from "../../core/transfer-memory";
import { fromHex, guarded } from "../../crypto/__tests__/bytes";
import { startEpochs, wipeEpochs } from "../epoch";
import { writeFrameHead } from "../frame";
import { openPacket, sealPacket } from "../packet";
import { entryAt, giveEntry, takeEntry } from "../pool";
import { firstPrefix, nextPrefix, prefixSession } from "../prefix";

/** A packet's room. */
export const PACKET: usize = guarded(9216);

/** A new session from k1, k2 and h as hexadecimal text. */
export function newSession(k1k2h: string, initiator: bool, headerProtection: bool): usize {
  const session = entryAt(Pool.SESSIONS, takeEntry(Pool.SESSIONS));
  startEpochs(session, fromHex(k1k2h), initiator, headerProtection);
  return session;
}

/** Wipes a session's keys and gives it back. */
export function endSession(session: usize): void {
  wipeEpochs(session);
  giveEntry(Pool.SESSIONS, <u32>((session - SESSIONS) / SESSION_BYTES));
}

/** Seals a PING of `total` bytes at PACKET. */
export function seal(session: usize, total: u32): u32 {
  writeFrameHead(PACKET + 8, FrameType.PING, 0, 0, 0, 16);
  return sealPacket(session, PACKET, total);
}

/** What `session`, listed for a packet's prefix, says of the packet. */
export function open(session: usize, at: usize, length: u32): PacketVerdict {
  for (let node = firstPrefix(load<u32>(at)); node; node = nextPrefix(node)) {
    if (prefixSession(node) != session) continue;
    const verdict = openPacket(session, node, at, length);
    if (verdict != PacketVerdict.UNCLAIMED) return verdict;
  }
  return PacketVerdict.UNCLAIMED;
}
