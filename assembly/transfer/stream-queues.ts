/**
 * Queues of a session's streams that have something to do. Streams of one priority form a ring,
 * whose first goes next; the rings' first ones are linked from the highest priority down. So a
 * stream is put in within 256 steps, and taking turns is one step.
 */
import { Pool } from "../core/transfer-memory";
import { entryAt } from "./pool";
import { makeReady } from "./ready";
import { Part, partOf, Stream, sessionOfStream, streamEntry } from "./stream";

/** Queues by number; EXPEDITED and DATA share a link, since a stream has either. */
export const enum Queue {
  RETRANSMIT = 0,
  CONTROL = 1,
  EVENTS = 2,
  DATA = 3,
  EXPEDITED = 4,
}

/** A link, 12 bytes for each queue. */
const enum Link {
  NEXT = 0,
  PREVIOUS = 4,
  /** In the first of a ring: the first of the next lower ring. */
  LOWER = 8,
  BYTES = 12,
}

function at(entry: u32): usize {
  return entryAt(Pool.STREAMS, entry);
}

function linkOf(stream: usize, queue: u32): usize {
  return stream + Stream.LINKS + <usize>min(queue, Queue.DATA) * Link.BYTES;
}

function headOf(session: usize, queue: u32): usize {
  return partOf(session) + Part.QUEUES + 4 * <usize>queue;
}

/** Rank of a stream in a queue: only data go by priority. */
function rankOf(stream: usize, queue: u32): u32 {
  if (queue == Queue.CONTROL || queue == Queue.EVENTS) return 0;
  return load<u8>(stream, Stream.PRIORITY);
}

export function isQueued(stream: usize, queue: u32): bool {
  return ((load<u32>(stream, Stream.QUEUED) >> queue) & 1) != 0;
}

/** Where the number of the first of the ring with this rank, or of the next lower one, is kept. */
function ringOf(session: usize, queue: u32, rank: u32): usize {
  let holder = headOf(session, queue);
  while (load<u32>(holder) && rankOf(at(load<u32>(holder)), queue) > rank) {
    holder = linkOf(at(load<u32>(holder)), queue) + Link.LOWER;
  }
  return holder;
}

/** Puts a stream last of its priority; it may be in already. */
export function enqueue(stream: usize, queue: u32): void {
  if (isQueued(stream, queue)) return;
  store<u32>(stream, load<u32>(stream, Stream.QUEUED) | (1 << queue), Stream.QUEUED);
  const session = sessionOfStream(stream),
    entry = streamEntry(stream),
    link = linkOf(stream, queue),
    rank = rankOf(stream, queue),
    holder = ringOf(session, queue, rank),
    first = load<u32>(holder);
  if (queue != Queue.EVENTS) makeReady(session);
  if (first == 0 || rankOf(at(first), queue) != rank) {
    store<u32>(link, entry, Link.NEXT);
    store<u32>(link, entry, Link.PREVIOUS);
    store<u32>(link, first, Link.LOWER);
    store<u32>(holder, entry);
    return;
  }
  const firstLink = linkOf(at(first), queue),
    last = load<u32>(firstLink, Link.PREVIOUS);
  store<u32>(link, first, Link.NEXT);
  store<u32>(link, last, Link.PREVIOUS);
  store<u32>(linkOf(at(last), queue), entry, Link.NEXT);
  store<u32>(firstLink, entry, Link.PREVIOUS);
}

/** Makes the second of a ring its first. */
function turn(holder: usize, queue: u32): void {
  const link = linkOf(at(load<u32>(holder)), queue),
    next = load<u32>(link, Link.NEXT);
  store<u32>(linkOf(at(next), queue), load<u32>(link, Link.LOWER), Link.LOWER);
  store<u32>(holder, next);
}

/** Takes a stream out; it need not be in. */
export function dequeue(stream: usize, queue: u32): void {
  if (!isQueued(stream, queue)) return;
  store<u32>(stream, load<u32>(stream, Stream.QUEUED) & ~(1 << queue), Stream.QUEUED);
  const entry = streamEntry(stream),
    link = linkOf(stream, queue),
    next = load<u32>(link, Link.NEXT),
    previous = load<u32>(link, Link.PREVIOUS),
    holder = ringOf(sessionOfStream(stream), queue, rankOf(stream, queue));
  if (next == entry) store<u32>(holder, load<u32>(link, Link.LOWER));
  else {
    if (load<u32>(holder) == entry) turn(holder, queue);
    store<u32>(linkOf(at(next), queue), previous, Link.PREVIOUS);
    store<u32>(linkOf(at(previous), queue), next, Link.NEXT);
  }
  memory.fill(link, 0, Link.BYTES);
}

/** The stream that goes next; 0: none. */
export function firstOf(session: usize, queue: u32): usize {
  const entry = load<u32>(headOf(session, queue));
  return entry ? at(entry) : 0;
}

/** The first stream has had its turn: it goes behind its equals. */
export function rotate(session: usize, queue: u32): void {
  const holder = headOf(session, queue);
  if (load<u32>(holder)) turn(holder, queue);
}

/** Takes a stream out of every queue. */
export function dequeueAll(stream: usize): void {
  for (let queue: u32 = 0; queue <= <u32>Queue.EXPEDITED; queue++) dequeue(stream, queue);
}

/** Gives a stream another priority and puts it where that belongs. */
export function setRank(stream: usize, priority: u32): void {
  const queued = load<u32>(stream, Stream.QUEUED);
  dequeueAll(stream);
  store<u8>(stream, priority, Stream.PRIORITY);
  for (let queue: u32 = 0; queue <= <u32>Queue.EXPEDITED; queue++) {
    if ((queued >> queue) & 1) enqueue(stream, queue);
  }
}
