/**
 * How much of a pool a session may have, so that one whose peer fills all it can does not stop the
 * others. Half of each pool is shared out: a session can always have its part of that. Of the other
 * half a session may hold twice what is left of it, so that one alone has two thirds, and whoever
 * comes later still finds room, however many there are before.
 *
 * Some entries more are kept for each session: a share grows smaller as others take theirs, and
 * what a session holds then must not keep it from going on. Nor may its parts wait for each other.
 * Of ranges and slots there are two. What comes waits for our host alone, what goes waits for what
 * comes at the peer: so what comes may have both, and what goes one if it has no other.
 * Of blocks and places there are four, two for streams of ours that begin and two for the peer's
 * (begin-room.ts).
 */
import {
  Pool,
  poolHead,
  poolSize,
  SESSION_BYTES,
  SESSIONS,
  STREAM_BYTES,
  STREAMS,
} from "../core/transfer-memory";
import { Session } from "./layout";
import { entriesLeft, giveEntry, takeEntry } from "./pool";
import { sessionOfStream } from "./stream";

/** Session.SHARES: entries held of each pool; behind them, of those, the ones beyond the share. */
const BEYOND: usize = 32;
/** In a pool's head: how much of what is promised to sessions they have taken. */
const KEPT_USED: usize = 12;
const SPARE: u32 = 2;
const SPARE_TO_BEGIN: u32 = 4;

function heldAt(session: usize, pool: Pool): usize {
  return session + Session.SHARES + ((<usize>pool) << 2);
}

/** Entries that a session may take beyond its share. */
export function spareOf(pool: Pool): u32 {
  if (pool == Pool.SENT || pool == Pool.KEYS) return 0;
  if (pool == Pool.STREAMS || pool == Pool.BLOCKS) {
    return min(SPARE_TO_BEGIN, poolSize(pool) / (2 * poolSize(Pool.SESSIONS)));
  }
  return min(SPARE, poolSize(pool) / (4 * poolSize(Pool.SESSIONS)));
}

/** Entries that a session can have in any case, besides the spare ones. */
function promised(pool: Pool): u32 {
  const sessions = poolSize(Pool.SESSIONS);
  return poolSize(pool) / (sessions == 1 ? 1 : 2 * sessions) - spareOf(pool);
}

/** Entries that a session holds. */
export function shareHeld(session: usize, pool: Pool): u32 {
  return load<u32>(heldAt(session, pool));
}

/** Entries that a session may take now, without the spare ones. */
export function shareLeft(session: usize, pool: Pool): u32 {
  const least = promised(pool),
    spare = spareOf(pool),
    beyond = load<u32>(heldAt(session, pool) + BEYOND),
    held = load<u32>(heldAt(session, pool)) - beyond,
    left = entriesLeft(pool),
    kept = poolSize(Pool.SESSIONS) * (least + spare) - load<u32>(poolHead(pool) + KEPT_USED),
    twice: u32 = left > kept ? (left - kept) << 1 : 0;
  if (held < least) return min(left, least - held + twice / 3);
  const used = held - least;
  return twice > used ? min(left, (twice - used) / 3) : 0;
}

/** Entries that a session may have in all as things are. */
export function shareSize(session: usize, pool: Pool): u32 {
  return shareHeld(session, pool) + shareLeft(session, pool);
}

/** Entries that may be taken for what has to have one: the spare ones too. */
export function urgentLeft(session: usize, pool: Pool): u32 {
  const spare = spareOf(pool) - load<u32>(heldAt(session, pool) + BEYOND);
  return min(shareLeft(session, pool) + spare, entriesLeft(pool));
}

/** Whether what goes and holds none may take an entry: another stays for what comes. */
export function mayGoOn(session: usize, pool: Pool): bool {
  return urgentLeft(session, pool) > 1;
}

/** Whether what may find no room at the peer may take an entry: a quarter of the share is left. */
export function mayWait(session: usize, pool: Pool): bool {
  return shareLeft(session, pool) > shareSize(session, pool) >> 2;
}

/** Takes an entry for a session; 0: it may have no more. Of no session (0): of the pool alone. */
export function takeShared(session: usize, pool: Pool): u32 {
  if (session == 0) return takeEntry(pool);
  const at = heldAt(session, pool),
    within = shareLeft(session, pool) != 0;
  if (!within && urgentLeft(session, pool) == 0) return 0;
  const entry = takeEntry(pool);
  if (entry == 0) return 0;
  const beyond = load<u32>(at + BEYOND),
    held = load<u32>(at);
  store<u32>(at, held + 1);
  if (!within) store<u32>(at + BEYOND, beyond + 1);
  if (!within || held - beyond < promised(pool)) addKeptUsed(pool, 1);
  return entry;
}

/** Gives an entry of a session back: one beyond the share, if it has any. */
export function giveShared(session: usize, pool: Pool, entry: u32): void {
  giveEntry(pool, entry);
  if (session == 0) return;
  const at = heldAt(session, pool),
    beyond = load<u32>(at + BEYOND),
    held = load<u32>(at);
  store<u32>(at, held - 1);
  if (beyond) store<u32>(at + BEYOND, beyond - 1);
  if (beyond != 0 || held <= promised(pool)) addKeptUsed(pool, -1);
}

function addKeptUsed(pool: Pool, change: i32): void {
  const at = poolHead(pool) + KEPT_USED;
  store<i32>(at, load<i32>(at) + change);
}

/** The session is gone; what events still carry of it is nobody's share. */
export function dropShares(session: usize): void {
  for (let pool: u32 = 0; pool < <u32>Pool.COUNT; pool++) {
    const at = heldAt(session, pool),
      beyond = load<u32>(at + BEYOND),
      held = load<u32>(at);
    addKeptUsed(pool, -(<i32>(beyond + min(held - beyond, promised(pool)))));
    store<u32>(at, 0);
    store<u32>(at + BEYOND, 0);
  }
}

/** The session in whose memory, or in one of whose streams, an address lies; 0: in none. */
export function ownerOf(at: usize): usize {
  const streams = at - STREAMS;
  if (streams < (<usize>poolSize(Pool.STREAMS) + 1) * STREAM_BYTES) {
    return sessionOfStream(at - (streams % STREAM_BYTES));
  }
  const sessions = at - SESSIONS;
  if (sessions >= (<usize>poolSize(Pool.SESSIONS) + 1) * SESSION_BYTES) return 0;
  return at - (sessions % SESSION_BYTES);
}
