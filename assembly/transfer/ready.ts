/**
 * The sessions that may have something to send, in the order in which they said so. Each stands in
 * the list once.
 */
import { Head, handleEntry, sessionHandle, sessionOfEntry } from "./session-head";

let first: u32 = 0;
let last: u32 = 0;

/** Whoever changes what a session could send says so here. */
export function makeReady(session: usize): void {
  if (load<u8>(session, Head.READY)) return;
  const entry = handleEntry(sessionHandle(session));
  store<u8>(session, 1, Head.READY);
  store<u32>(session, 0, Head.READY_NEXT);
  if (last) store<u32>(sessionOfEntry(last), entry, Head.READY_NEXT);
  else first = entry;
  last = entry;
}

/** Takes the session that has waited longest out of the list; 0: there is none. */
export function takeReady(): usize {
  if (!first) return 0;
  const session = sessionOfEntry(first);
  first = load<u32>(session, Head.READY_NEXT);
  if (!first) last = 0;
  store<u8>(session, 0, Head.READY);
  return session;
}

export function anyReady(): bool {
  return first != 0;
}

/** Takes a session out that is about to end. */
export function dropReady(session: usize): void {
  if (!load<u8>(session, Head.READY)) return;
  const entry = handleEntry(sessionHandle(session));
  let before: u32 = 0;
  for (let e = first; e && e != entry; e = load<u32>(sessionOfEntry(e), Head.READY_NEXT))
    before = e;
  const next = load<u32>(session, Head.READY_NEXT);
  if (before) store<u32>(sessionOfEntry(before), next, Head.READY_NEXT);
  else first = next;
  if (last == entry) last = before;
  store<u8>(session, 0, Head.READY);
}

export function resetReady(): void {
  first = 0;
  last = 0;
}
