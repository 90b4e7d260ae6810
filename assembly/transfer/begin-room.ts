/**
 * Room for streams that begin, ours and the peer's apart: places (Pool.STREAMS), and blocks, of
 * which each half of a stream has one of its own (blocks.ts). What lies unread, here or at the
 * peer, may take no more than leaves so many for each side as are kept for it, less those that its
 * streams hold. So neither side waits for a reader of the other's streams before it can open one.
 *
 * The spare entries of a session (pool-share.ts) are for these alone, half of them for each side:
 * a share may have shrunk to less than what lies unread.
 */
import { Pool } from "../core/transfer-memory";
import { shareHeld, shareLeft, spareOf, urgentLeft } from "./pool-share";
import { Part, partOf } from "./stream";

/** Kept for a side: for two streams, both ways. */
const PLACES_KEPT: u32 = 2;
const BLOCKS_KEPT: u32 = 4;

/** Entries that the streams of a side hold: places, or blocks of their own. */
function heldBy(session: usize, pool: Pool, local: bool): u32 {
  const part = partOf(session),
    own = part + (local ? Part.LOCAL_OWN : Part.PEER_OWN);
  if (pool == Pool.BLOCKS) return load<u32>(own);
  const ours = load<u32>(part, Part.LOCAL_COUNT);
  return local ? ours : load<u32>(part, Part.COUNT) - ours;
}

/** Entries that a session may have in all as things are, the spare ones too. */
function sizeOf(session: usize, pool: Pool): u32 {
  return shareHeld(session, pool) + urgentLeft(session, pool);
}

/**
 * Entries that are there for the streams of a side whatever else there is: for two streams, and of
 * ours, which do not have what is kept back besides, an eighth of the places and a sixteenth of
 * the blocks.
 */
function boundOf(pool: Pool, local: bool, size: u32): u32 {
  const least = pool == Pool.BLOCKS ? BLOCKS_KEPT : PLACES_KEPT,
    part = pool == Pool.BLOCKS ? size >> 4 : size >> 3;
  return min(local ? max(least, part) : least, size >> 1);
}

function missing(bound: u32, held: u32): u32 {
  return bound > held ? bound - held : 0;
}

/** Entries that others have to leave to streams of a side that may begin yet. */
function keptFor(session: usize, pool: Pool, local: bool): u32 {
  const bound = boundOf(pool, local, sizeOf(session, pool));
  return missing(bound, heldBy(session, pool, local));
}

/** Blocks that what lies in streams has to leave to those that begin, of either side. */
export function blocksKept(session: usize): u32 {
  return keptFor(session, Pool.BLOCKS, true) + keptFor(session, Pool.BLOCKS, false);
}

/** Whether so many entries may be taken for a stream of ours, or of the peer's, that begins. */
export function mayStart(session: usize, pool: Pool, local: bool, entries: u32): bool {
  const left = urgentLeft(session, pool),
    size = sizeOf(session, pool),
    after = heldBy(session, pool, local) + entries;
  // Of the spare ones the other side's half is never touched.
  if (left < entries + missing(spareOf(pool) >> 1, heldBy(session, pool, !local))) return false;
  if (after <= boundOf(pool, local, size)) return true;
  if (left < entries + keptFor(session, pool, !local)) return false;
  return !local || mayHaveMore(session, pool, after, entries);
}

/** Streams of ours beyond what is kept for them are half at the most, and leave an eighth. */
function mayHaveMore(session: usize, pool: Pool, after: u32, entries: u32): bool {
  const left = shareLeft(session, pool),
    size = sizeOf(session, pool);
  if (after > size - (size >> 1)) return false;
  return left >= entries + (pool == Pool.BLOCKS ? (shareHeld(session, pool) + left) >> 3 : 0);
}
