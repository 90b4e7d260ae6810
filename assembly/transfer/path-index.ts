/**
 * Which CID a path shows (section 4.9). Whoever moves takes the next index p of the epoch, and the
 * peer answers on that path with the same p, so that an onlooker sees no CID on two paths. Whoever
 * called takes the next odd one, whoever was called the next even one: two sides that know nothing
 * of each other's yet never take the same. The peer knows p, p + 1 and p + 2, p being the highest
 * that came from there or was acked: so one is taken before it comes back. A move that finds none
 * waits for the next epoch (move.ts).
 */
import { Epoch, epochAt, epochOf, hasCalled, openPaths, sendingEpoch } from "./epoch";
import { Session } from "./layout";
import {
  currentPath,
  isElsewhere,
  NO_INDEX,
  Path,
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

/** Of an epoch that a rekey began: what is neither 0 nor what the two sides take first. */
const FIRST_HEARD: u32 = 3;

function epochNow(session: usize): usize {
  return epochAt(session, sendingEpoch(session) & 1);
}

/** An index, if the peer knows its CID. */
function ifKnown(session: usize, index: u32): u32 {
  const came: u32 = load<u8>(epochNow(session), Epoch.CAME);
  return index < INDEX_MAX && index <= came + KNOWN_AHEAD ? index : NO_INDEX;
}

function nextOfOurs(session: usize): u32 {
  const next = newestIndex(session) + 1;
  return (next & 1) == u32(hasCalled(session)) ? next : next + 1;
}

/** The index that may be taken next; NO_INDEX: there is none now. */
export function freeIndex(session: usize): u32 {
  return ifKnown(session, nextOfOurs(session));
}

/** Takes it for a path of ours. */
export function takeIndex(session: usize): u32 {
  return take(session, freeIndex(session));
}

/**
 * The same; where there is none one of the peer's, which it takes at the same moment perhaps: that
 * is better than one that was shown for certain.
 */
export function borrowIndex(session: usize): u32 {
  const index = takeIndex(session);
  return index == NO_INDEX ? take(session, ifKnown(session, newestIndex(session) + 1)) : index;
}

function take(session: usize, index: u32): u32 {
  if (index == NO_INDEX) return NO_INDEX;
  openPaths(session, sendingEpoch(session), index);
  store<u8>(epochNow(session), index, Epoch.TAKEN);
  return index;
}

/**
 * A rekey begins the indices anew. Who asked for it sends first: its current path has 0. Every
 * other path waits for the peer's packet from there, or takes an index of its own when something
 * has to go there, so that no two show one CID. What was asked under a CID of the epoch before may
 * get no answer any more.
 */
export function resetPathIndices(session: usize, asked: bool): void {
  // We have just moved: what comes may have been sent before the other side heard of it.
  const unheard = !asked && isElsewhere(session);
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const path = pathAt(session, slot);
    store<u16>(path, load<u16>(path, Path.INDEX), Path.INDEX_BEFORE);
    store<u16>(path, NO_INDEX, Path.INDEX);
  }
  store<u8>(session, unheard ? FIRST_HEARD : 0, Session.PATHS + Paths.LEAST);
  if (asked) store<u16>(currentPath(session), 0, Path.INDEX);
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
    store<u16>(pathAt(session, slot), NO_INDEX, Path.INDEX);
    store<u16>(pathAt(session, slot), NO_INDEX, Path.INDEX_BEFORE);
  }
  store<u8>(session, least, Session.PATHS + Paths.LEAST);
}

/** Only a rekey brings new indices. */
export function indicesUsedUp(session: usize): bool {
  return nextOfOurs(session) >= INDEX_MAX;
}

/** The newest index, for what must go on though there is no other. */
export function newestIndex(session: usize): u32 {
  return load<u8>(epochNow(session), Epoch.HIGHEST);
}

/** Has a path an index whose CID is listed? */
export function hasIndex(session: usize, path: usize): bool {
  const has: u32 = load<u16>(path, Path.INDEX),
    places = PATHS_PER_EPOCH - 1 - KNOWN_AHEAD;
  return has < NO_INDEX && has + places >= newestIndex(session);
}

/** It has one from now on. False: there was none left. */
export function giveIndex(session: usize, path: usize): bool {
  if (hasIndex(session, path) || sharesIndex(session, path)) return true;
  const index = takeIndex(session);
  if (index == NO_INDEX) return false;
  store<u16>(path, index, Path.INDEX);
  return true;
}

/**
 * Is it the same way as another path that has an index, behind another mapping of a NAT? So it is
 * if both showed one CID in the epoch before, in which alone something has come from here: then
 * they show one in this (section 4.9).
 */
export function sharesIndex(session: usize, path: usize): bool {
  const before: u32 = load<u16>(path, Path.INDEX_BEFORE);
  if (before >= NO_INDEX) return false;
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    const other = pathAt(session, slot);
    if (!load<u8>(other, Path.STATE) || !hasIndex(session, other)) continue;
    if (load<u16>(other, Path.INDEX_BEFORE) != before) continue;
    store<u16>(path, load<u16>(other, Path.INDEX), Path.INDEX);
    return true;
  }
  return false;
}

/** The same; with the newest index if there is no other, so that what has to go there can go. */
export function keepIndex(session: usize, path: usize): void {
  if (giveIndex(session, path)) return;
  const index = borrowIndex(session);
  store<u16>(path, index == NO_INDEX ? newestIndex(session) : index, Path.INDEX);
}

/** Has nothing come from the peer in the epoch that we send in? */
export function isUnanswered(session: usize): bool {
  return load<u64>(epochNow(session), Epoch.RECEIVE_NEXT) == 0;
}

/** A packet under the CID of this index came or was acked: its other side knows the next two. */
export function indexCame(session: usize, number: u32, index: u32): void {
  const epoch = epochOf(session, number);
  if (epoch == 0 || index <= load<u8>(epoch, Epoch.CAME)) return;
  store<u8>(epoch, index, Epoch.CAME);
  openPaths(session, number, index);
}
