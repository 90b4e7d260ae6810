/**
 * Which CID a path shows (section 4.9). Whoever moves takes the next index p of the epoch, and the
 * peer answers on that path with the same p, so that an onlooker sees no CID on two paths. The peer
 * knows p, p + 1 and p + 2, p being the highest that came from there: no more than two indices are
 * taken before one of them comes back. A move that finds none waits for the next epoch (move.ts).
 */
import { Epoch, epochAt, epochOf, openPaths, sendingEpoch } from "./epoch";
import { currentPath, NO_INDEX, Path, pathAt, probedPath, SLOTS } from "./path-slots";
import { PATHS_PER_EPOCH } from "./prefix";

/** A rekey comes before this index. */
const INDEX_MAX: u32 = 253;
/** Indices above the highest that came whose CIDs the peer knows. */
const KNOWN_AHEAD: u32 = 2;

/**
 * Of an epoch that a rekey began: what whoever answered takes for a path that was in use before,
 * and the other side never takes.
 */
const OF_ANSWERER: u32 = 2;

function epochNow(session: usize): usize {
  return epochAt(session, sendingEpoch(session) & 1);
}

/** The index that may be taken next, `least` or more; NO_INDEX: there is none now. */
export function freeIndex(session: usize, least: u32): u32 {
  const epoch = epochNow(session),
    came: u32 = load<u8>(epoch, Epoch.CAME);
  let index = max<u32>(<u32>load<u8>(epoch, Epoch.HIGHEST) + 1, least);
  if (index == load<u8>(epoch, Epoch.SKIPPED)) index++;
  return index < INDEX_MAX && index <= came + KNOWN_AHEAD ? index : NO_INDEX;
}

/** Takes it for a path of ours. */
export function takeIndex(session: usize, least: u32): u32 {
  const epoch = epochNow(session),
    index = freeIndex(session, least);
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
  const none = NO_INDEX + (asked ? 0 : OF_ANSWERER);
  for (let slot: u32 = 1; slot <= SLOTS; slot++) {
    store<u32>(pathAt(session, slot), none, Path.INDEX);
  }
  if (asked) {
    store<u32>(currentPath(session), 0, Path.INDEX);
    store<u8>(epochNow(session), OF_ANSWERER, Epoch.SKIPPED);
  }
  const probed = probedPath(session);
  if (probed) store<u8>(probed, 1, Path.CHALLENGE_DUE);
}

/** Only a rekey brings new indices. */
export function indicesUsedUp(session: usize): bool {
  return <u32>load<u8>(epochNow(session), Epoch.HIGHEST) + 1 >= INDEX_MAX;
}

/** The newest index, for what must go on though there is no other. */
export function newestIndex(session: usize): u32 {
  return load<u8>(epochNow(session), Epoch.HIGHEST);
}

/** A path has an index from now on whose CID is listed. False: it has none, and none was left. */
export function hasIndex(session: usize, path: usize): bool {
  const has = load<u32>(path, Path.INDEX),
    places = PATHS_PER_EPOCH - 1 - KNOWN_AHEAD;
  if (has < NO_INDEX && has + places >= newestIndex(session)) return true;
  const index = takeIndex(session, has < NO_INDEX ? 0 : has - NO_INDEX);
  if (index == NO_INDEX) return false;
  store<u32>(path, index, Path.INDEX);
  return true;
}

/** The same; with the newest index if there is no other, so that what has to go there can go. */
export function keepIndex(session: usize, path: usize): void {
  if (!hasIndex(session, path)) store<u32>(path, newestIndex(session), Path.INDEX);
}

/** A valid packet under the CID of this index came: its sender knows the next two. */
export function indexCame(session: usize, number: u32, index: u32): void {
  const epoch = epochOf(session, number);
  if (epoch == 0 || index <= load<u8>(epoch, Epoch.CAME)) return;
  store<u8>(epoch, index, Epoch.CAME);
  openPaths(session, number, index);
}
