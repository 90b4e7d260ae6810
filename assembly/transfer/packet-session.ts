/**
 * A session that is nothing but its epochs, so that every host can check sealing and opening
 * against the vectors of profile R1, and measure both alone. An entry of the pool names it; nothing
 * else of transfer knows it.
 */
import { PacketVerdict } from "../core/transfer";
import { Pool, poolSize } from "../core/transfer-memory";
import {
  deriveNextEpoch,
  Epoch,
  EpochState,
  epochAt,
  openPaths,
  sendingEpoch,
  sendOnPath,
  startEpochs,
  switchEpoch,
  wipeEpochs,
} from "./epoch";
import { openPacket, sealPacket } from "./packet";
import { entryAt, giveEntry, takeEntry } from "./pool";
import { firstPrefix, nextPrefix, prefixSession } from "./prefix";

/** The session of an entry that startPackets() gave; 0: there is none. */
function sessionAt(entry: u32): usize {
  if (entry == 0 || entry > poolSize(Pool.SESSIONS)) return 0;
  const session = entryAt(Pool.SESSIONS, entry);
  const epoch = epochAt(session, sendingEpoch(session) & 1);
  return load<u8>(epoch, Epoch.STATE) & EpochState.SENDS ? session : 0;
}

/** Epoch 0 from k1, k2, h (96 bytes, wiped). The entry; 0: there is no room. */
export function startPackets(k1k2h: usize, initiator: bool, headerProtection: bool): u32 {
  const entry = takeEntry(Pool.SESSIONS);
  if (entry) startEpochs(entryAt(Pool.SESSIONS, entry), k1k2h, initiator, headerProtection);
  return entry;
}

/** sealPacket(); 0 also if there is no such session. */
export function sealBare(entry: u32, at: usize, total: u32): u32 {
  const session = sessionAt(entry);
  return session ? sealPacket(session, at, total) : 0;
}

/** openPacket() with what is listed for the packet's prefix of this session. */
export function openBare(entry: u32, at: usize, length: u32): PacketVerdict {
  const session = sessionAt(entry);
  if (session == 0 || length < 4) return PacketVerdict.UNCLAIMED;
  for (let node = firstPrefix(load<u32>(at)); node; node = nextPrefix(node)) {
    if (prefixSession(node) != session) continue;
    const verdict = openPacket(session, node, at, length);
    if (verdict != PacketVerdict.UNCLAIMED) return verdict;
  }
  return PacketVerdict.UNCLAIMED;
}

/** Derives the next epoch from a shared secret and seals in it. */
export function rekeyBare(entry: u32, dh: usize, number: u32): bool {
  const session = sessionAt(entry);
  if (session == 0 || !deriveNextEpoch(session, dh, number)) return false;
  switchEpoch(session);
  return true;
}

/** Seals on another path from now on. */
export function moveBare(entry: u32, path: u32): bool {
  const session = sessionAt(entry);
  if (session == 0 || path > 253) return false;
  openPaths(session, sendingEpoch(session), path);
  sendOnPath(session, path);
  return true;
}

/** Wipes the keys and gives the entry back. */
export function endPackets(entry: u32): bool {
  const session = sessionAt(entry);
  if (session == 0) return false;
  wipeEpochs(session);
  giveEntry(Pool.SESSIONS, entry);
  return true;
}
