/**
 * Which session a packet may belong to: by bytes 0 to 4 of its CID, which are one of an epoch and
 * path's own (section 4.4). Nodes are not handed out: each session has its own places for two
 * epochs with eight paths each, the three that section 4.9 keeps and five before them, which may
 * still be in use (path-index.ts). Equal prefixes are tried one after the other. Outsiders can
 * choose prefixes, so buckets are by a secret multiplier.
 *
 * A host may follow what is listed (a program in the kernel finds our packets by it). A node that
 * changes is queued once, however often it changes before the host asks: so the queue has room for
 * all, and costs nothing where nobody ever asks.
 */
import { HASH_KEY } from "../core/control";
import { PrefixChange } from "../core/transfer";
import {
  Pool,
  PREFIX_BUCKETS,
  PREFIX_CHANGES,
  PREFIX_NODE_BYTES,
  PREFIX_NODES,
  PREFIXES_PER_SESSION,
  prefixBuckets,
  SESSION_BYTES,
  SESSIONS,
} from "../core/transfer-memory";
import { entryAt } from "./pool";

/** A node; words of the CID as they lie on the wire. */
const enum Node {
  PREFIX = 0,
  /** CID bytes 4 to 8, with which n is XORed. */
  LOW = 4,
  /** Number of the next of its bucket; 0: none. */
  NEXT = 8,
  /** Epoch index (0, 1) and path index. */
  EPOCH = 12,
  PATH = 13,
  /** 1: it is in a bucket. */
  LISTED = 14,
  /** 1: the host has not been told what it is now. */
  CHANGED = 15,
}

/** Paths of an epoch that can be listed; path p has place p & 7. */
export const PATHS_PER_EPOCH: u32 = PREFIXES_PER_SESSION / 2;

function entryOf(session: usize): u32 {
  return <u32>((session - SESSIONS) / SESSION_BYTES);
}

function nodeNumber(session: usize, epochIndex: u32, path: u32): u32 {
  const place = epochIndex * PATHS_PER_EPOCH + (path & (PATHS_PER_EPOCH - 1));
  return (entryOf(session) - 1) * PREFIXES_PER_SESSION + place + 1;
}

function nodeAt(number: u32): usize {
  return PREFIX_NODES + <usize>number * PREFIX_NODE_BYTES;
}

function bucketOf(prefix: u32): usize {
  const hash = (<u64>prefix + 1) * (load<u64>(HASH_KEY) | 1);
  return PREFIX_BUCKETS + ((<usize>((hash >> 40) & (prefixBuckets - 1))) << 2);
}

/** Whether bytes 0 to 4 can be those of a session's CID: zeros and ones are markers (1.1, 4.2). */
export function isPrefix(prefix: u32): bool {
  return prefix != 0 && prefix != u32.MAX_VALUE;
}

/** Lists an epoch's path under the 8 CID bytes at `cid`; what had its place is taken off. */
export function addPrefix(session: usize, epochIndex: u32, path: u32, cid: usize): void {
  const number = nodeNumber(session, epochIndex, path),
    node = nodeAt(number);
  unlist(number);
  const prefix = load<u32>(cid),
    bucket = bucketOf(prefix);
  store<u32>(node, prefix, Node.PREFIX);
  store<u32>(node, load<u32>(cid, 4), Node.LOW);
  store<u32>(node, load<u32>(bucket), Node.NEXT);
  store<u8>(node, epochIndex, Node.EPOCH);
  store<u8>(node, path, Node.PATH);
  store<u8>(node, 1, Node.LISTED);
  store<u32>(bucket, number);
  noteChange(number);
}

function noteChange(number: u32): void {
  const node = nodeAt(number);
  if (load<u8>(node, Node.CHANGED)) return;
  store<u8>(node, 1, Node.CHANGED);
  const count = load<u32>(PREFIX_CHANGES) + 1;
  store<u32>(PREFIX_CHANGES, count);
  store<u32>(PREFIX_CHANGES + ((<usize>count) << 2), number);
}

/** Writes up to `most` PrefixChanges to `out`, and forgets them; gives how many. */
export function takePrefixChanges(out: usize, most: u32): u32 {
  const waiting = load<u32>(PREFIX_CHANGES),
    count = min(waiting, most);
  for (let i: u32 = 0; i < count; i++, out += PrefixChange.BYTES) {
    const number = load<u32>(PREFIX_CHANGES + ((<usize>(waiting - i)) << 2)),
      node = nodeAt(number);
    store<u8>(node, 0, Node.CHANGED);
    store<u32>(out, number, PrefixChange.PLACE);
    store<u32>(out, bswap<u32>(load<u32>(node, Node.PREFIX)), PrefixChange.PREFIX);
  }
  store<u32>(PREFIX_CHANGES, waiting - count);
  return count;
}

function unlist(number: u32): void {
  const node = nodeAt(number);
  if (load<u8>(node, Node.LISTED) == 0) return;
  let link = bucketOf(load<u32>(node, Node.PREFIX));
  // As many steps as there are nodes at the most: chains have no rings.
  while (load<u32>(link) != number) link = nodeAt(load<u32>(link)) + Node.NEXT;
  store<u32>(link, load<u32>(node, Node.NEXT));
  memory.fill(node, 0, Node.CHANGED);
  noteChange(number);
}

/** Takes all paths of an epoch off. */
export function removePrefixes(session: usize, epochIndex: u32): void {
  for (let path: u32 = 0; path < PATHS_PER_EPOCH; path++) {
    unlist(nodeNumber(session, epochIndex, path));
  }
}

/** The first node of a packet whose bytes 0 to 4, loaded as a word, are `prefix`; 0: none. */
export function firstPrefix(prefix: u32): usize {
  return search(load<u32>(bucketOf(prefix)), prefix);
}

/** The next node with the same prefix; 0: none. */
export function nextPrefix(node: usize): usize {
  return search(load<u32>(node, Node.NEXT), load<u32>(node, Node.PREFIX));
}

function search(number: u32, prefix: u32): usize {
  while (number) {
    const node = nodeAt(number);
    if (load<u32>(node, Node.PREFIX) == prefix) return node;
    number = load<u32>(node, Node.NEXT);
  }
  return 0;
}

/** The session, epoch index, path and CID bytes 4 to 8 (as they lie there) of a node. */
export function prefixSession(node: usize): usize {
  const number = <u32>((node - PREFIX_NODES) / PREFIX_NODE_BYTES);
  return entryAt(Pool.SESSIONS, (number - 1) / PREFIXES_PER_SESSION + 1);
}
export function prefixEpoch(node: usize): u32 {
  return load<u8>(node, Node.EPOCH);
}
export function prefixPath(node: usize): u32 {
  return load<u8>(node, Node.PATH);
}
export function prefixLow(node: usize): u32 {
  return load<u32>(node, Node.LOW);
}
