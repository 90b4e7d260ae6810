/**
 * A session that is nothing but its epochs, so that every host can check sealing and opening
 * against the vectors of profile R1, and measure both alone. An entry of the pool names it; nothing
 * else of transfer knows it.
 */
import { TRANSFER } from "../core/memory";
import { PacketVerdict } from "../core/transfer";
import { Pool, poolSize } from "../core/transfer-memory";
import { wipe } from "../crypto/wipe";
import {
  deriveNextEpoch,
  Epoch,
  EpochState,
  epochAt,
  newestEpoch,
  openPaths,
  retireEpoch,
  sendingEpoch,
  sendOnPath,
  startEpochs,
  switchEpoch,
  wipeEpochs,
} from "./epoch";
import { openPacket, sealPacket } from "./packet";
import { entryAt, giveEntry, takeEntry } from "./pool";
import { firstPrefix, nextPrefix, prefixSession } from "./prefix";

/** The session of an entry that packetsStart() gave; 0: there is none. */
function sessionAt(entry: u32): usize {
  if (TRANSFER == 0 || entry == 0 || entry > poolSize(Pool.SESSIONS)) return 0;
  const session = entryAt(Pool.SESSIONS, entry);
  const epoch = epochAt(session, sendingEpoch(session) & 1);
  return load<u8>(epoch, Epoch.STATE) & EpochState.SENDS ? session : 0;
}

/**
 * Begins epoch 0 from k1, k2 and handshake hash (96 bytes, wiped). The entry; 0: there is no room.
 */
export function packetsStart(keys: u32, initiator: u32, headerProtection: u32): u32 {
  if (TRANSFER == 0) return 0;
  const entry = takeEntry(Pool.SESSIONS);
  if (entry) {
    const session = entryAt(Pool.SESSIONS, entry);
    startEpochs(session, keys, initiator != 0, headerProtection != 0);
  } else wipe(keys, 96);
  return entry;
}

/** Seals the frame at `at` + 8 into a packet of `total` bytes (sealPacket()): `total`, or 0. */
export function packetsSeal(entry: u32, at: u32, total: u32): u32 {
  const session = sessionAt(entry);
  return session ? sealPacket(session, at, total) : 0;
}

/** Opens a packet in place (openPacket()): a PacketVerdict. */
export function packetsOpen(entry: u32, at: u32, length: u32): u32 {
  const session = sessionAt(entry);
  if (session == 0 || length < 4) return PacketVerdict.UNCLAIMED;
  for (let node = firstPrefix(load<u32>(at)); node; node = nextPrefix(node)) {
    if (prefixSession(node) != session) continue;
    const verdict = openPacket(session, node, at, length);
    if (verdict != PacketVerdict.UNCLAIMED) return verdict;
  }
  return PacketVerdict.UNCLAIMED;
}

/**
 * Derives epoch `number` from a shared secret of 32 bytes and seals in it. The one two before it,
 * whose place it takes, is wiped; packets of the one before are opened as they were.
 */
export function packetsRekey(entry: u32, dh: u32, number: u32): bool {
  const session = sessionAt(entry);
  if (session == 0 || number != newestEpoch(session) + 1) return false;
  if (number > 1) retireEpoch(session, number & 1);
  if (!deriveNextEpoch(session, dh, number)) return false;
  switchEpoch(session);
  return true;
}

/** Seals on path `path` (to 253) from now on. */
export function packetsMove(entry: u32, path: u32): bool {
  const session = sessionAt(entry);
  if (session == 0 || path > 253) return false;
  openPaths(session, sendingEpoch(session), path);
  sendOnPath(session, path);
  return true;
}

/** Wipes the keys and gives the entry back. */
export function packetsEnd(entry: u32): bool {
  const session = sessionAt(entry);
  if (session == 0) return false;
  wipeEpochs(session);
  giveEntry(Pool.SESSIONS, entry);
  return true;
}
