/**
 * Which CID a path shows (section 4.9). Whoever moves takes the next index p of the epoch, and the
 * peer answers on that path with the same p, so that an onlooker sees no CID on two paths. The peer
 * knows p, p + 1 and p + 2, p being the highest that came from there: no more than two indices are
 * taken before one of them comes back. A move that finds none waits for the next epoch (move.ts).
 */
import { Epoch, epochAt, epochOf, openPaths, sendingEpoch } from "./epoch";
import { Session } from "./layout";
import {
  currentPath,
  NO_INDEX,
  Path,
  PathState,
  Paths,
  pathAt,
  probedPath,
  SLOTS,
} from "./path-slots";
import { PATHS_PER_EPOCH } from "./prefix";

/** A rekey comes before this index. */
const INDEX_MAX: u32 = 253;
/** Indices above the highest that came whose CIDs the peer knows. */
const KNOWN_AHEAD: u32 = 2;

/**
 * Of an epoch that a rekey began: what whoever asked for it takes first, and whoever answered. Each
 * leaves the other's out, for neither has heard yet of what the other does.
 */
const OF_ASKER: u8 = 1;
const OF_ANSWERER: u8 = 2;

function epochNow(session: usize): usize {
  return epochAt(session, sendingEpoch(session) & 1);
}

/** The index that may be taken next; NO_INDEX: there is none now. */
export function freeIndex(session: usize): u32 {
  const epoch = epochNow(session),
    came: u32 = load<u8>(epoch, Epoch.CAME);
  let index: u32 = load<u8>(epoch, Epoch.HIGHEST) + 1;
  if (index == load<u8>(epoch, Epoch.SKIPPED)) index++;
  return index < INDEX_MAX && index <= came + KNOWN_AHEAD ? index : NO_INDEX;
}

/** Is the next one that the other side of the last rekey leaves out? */
export function freeIndexIsOurs(session: usize): bool {
  const skipped = load<u8>(epochNow(session), Epoch.SKIPPED);
  if (!skipped) return false;
  return freeIndex(session) == (skipped == OF_ASKER ? OF_ANSWERER : OF_ASKER);
}

/** Takes it for a path of ours. */
export function takeIndex(session: usize): u32 {
  const epoch = epochNow(session),
    index = freeIndex(session);
  if (index == NO_INDEX) return NO_INDEX;
  openPaths(session, sendingEpoch(session), index);
  store<u8>(epoch, index, Epoch.TAKEN);
  return index;
}

/**
 * A rekey begins the indices anew. Who asked for it sends first: its current path has 0. Every
 * other path waits for the peer's packet from there, or takes an index of its own when something
 * has to go there, so that no two show one CID; the two sides, which know nothing of each other's
 * yet, never the same. What was asked under a CID of the epoch before may get no answer any more.
 */
export function resetPathIndices(session: usize, asked: bool): void {
  const current = currentPath(session),
    // We have just moved: what comes may have been sent before the other side heard of it.
    asking = load<u8>(current, Path.STATE) == PathState.VALIDATING,
    unheard = !asked && asking && load<u8>(current, Path.OURS) != 0;
  leaveIndices(session, unheard ? OF_ANSWERER : 0);
  store<u8>(epochNow(session), asked ? OF_ANSWERER : OF_ASKER, Epoch.SKIPPED);
  if (asked) store<u32>(current, 0, Path.INDEX);
  const probed = probedPath(session);
  if (probed) store<u8>(probed, 1, Path.CHALLENGE_DUE);
}

/**
 * What has been shown on any path is not shown again, nor what the peer shows below `least`. So it
 * is when we have another address, from which packets go with that index: what comes with a lower
 * one was sent to the address before.
 */
export function leaveIndices(session: usize, least: u32): void {
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    store<u32>(pathAt(session, slot), NO_INDEX, Path.INDEX);
  }
  store<u8>(session, least, Session.PATHS + Paths.LEAST);
}

/** Only a rekey brings new indices. */
export function indicesUsedUp(session: usize): bool {
  return <u32>load<u8>(epochNow(session), Epoch.HIGHEST) + 1 >= INDEX_MAX;
}

/** The newest index, for what must go on though there is no other. */
export function newestIndex(session: usize): u32 {
  return load<u8>(epochNow(session), Epoch.HIGHEST);
}

/** Has a path an index whose CID is listed? */
export function hasIndex(session: usize, path: usize): bool {
  const has = load<u32>(path, Path.INDEX),
    places = PATHS_PER_EPOCH - 1 - KNOWN_AHEAD;
  return has < NO_INDEX && has + places >= newestIndex(session);
}

/** It has one from now on. False: there was none left. */
export function giveIndex(session: usize, path: usize): bool {
  if (hasIndex(session, path)) return true;
  const index = takeIndex(session);
  if (index == NO_INDEX) return false;
  store<u32>(path, index, Path.INDEX);
  return true;
}

/** The same; with the newest index if there is no other, so that what has to go there can go. */
export function keepIndex(session: usize, path: usize): void {
  if (!giveIndex(session, path)) store<u32>(path, newestIndex(session), Path.INDEX);
}

/** Has nothing come from the peer in the epoch that we send in? */
export function isUnanswered(session: usize): bool {
  return load<u64>(epochNow(session), Epoch.RECEIVE_NEXT) == 0;
}

/** A valid packet under the CID of this index came: its sender knows the next two. */
export function indexCame(session: usize, number: u32, index: u32): void {
  const epoch = epochOf(session, number);
  if (epoch == 0 || index <= load<u8>(epoch, Epoch.CAME)) return;
  store<u8>(epoch, index, Epoch.CAME);
  openPaths(session, number, index);
}
