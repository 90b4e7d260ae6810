/** All timers of the gate. The host calls tick() when the deadline that it was given has come. */
import { PEER } from "../core/memory";
import { PeerBlock, PeerClosing } from "../core/peer";
import { failPeer, setHandle } from "./gate";
import * as bans from "./gate-bans";
import * as connections from "./gate-connections";
import { ConnectionState } from "./gate-connections";
import { after, CONNECTIONS_MAX, FOREVER, TIMEOUT_MS } from "./gate-memory";
import * as peers from "./gate-peers";
import { forgetStale, nextStale } from "./gate-seen";

/** Ends what is over at `now`; then UNTIL is when the next thing is due (FOREVER: nothing). */
export function tick(now: u64): void {
  let next = FOREVER;
  bans.sweep(now);
  forgetStale(now);
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    next = min(next, tickConnection(i, now));
    next = min(next, tickPeer(i, now));
  }
  next = min(next, min(bans.nextEnd(now), nextStale()));
  store<u64>(PEER, next, PeerBlock.UNTIL);
}

function tickConnection(place: u32, now: u64): u64 {
  if (connections.connectionState(place) != ConnectionState.PENDING) return FOREVER;
  // A clock that was set back makes it wait no longer.
  const deadline = min(connections.openDeadline(place), after(now, TIMEOUT_MS));
  connections.setOpenDeadline(place, deadline);
  if (deadline > now) return deadline;
  connections.closePlace(place, PeerClosing.TIMEOUT);
  return FOREVER;
}

function tickPeer(peer: u32, now: u64): u64 {
  if (!peers.isAlive(peer)) return FOREVER;
  const deadline = peers.deadlineOf(peer, now);
  if (deadline > now) return min(deadline, peers.nextHandshake(peer, now));
  failPeer(peer, PeerClosing.TIMEOUT, now);
  return FOREVER;
}

/**
 * Whether our handshake is to be sent to a peer now: on the connection HANDLE, whose response is
 * awaited from here on. At first, and then every 3 s until it is verified.
 */
export function nextHandshake(now: u64): bool {
  for (let i: u32 = 0; i < CONNECTIONS_MAX; i++) {
    if (connections.connectionState(i) != ConnectionState.OPEN) continue;
    const peer = connections.peerOf(i);
    if (peers.nextHandshake(peer, now) > now || peers.deadlineOf(peer, now) <= now) continue;
    peers.noteHandshake(peer, now);
    connections.setAwaited(i, true);
    setHandle(connections.handleOf(i));
    return true;
  }
  return false;
}
