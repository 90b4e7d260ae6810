/** What passes the gate besides handshakes: of verified peers only. Reference: peer 4 and 5.7. */
import { PeerField, PeerGateVerdict, PeerVerdict } from "../core/peer";
import { bytesOf, sameBytes } from "./block";
import { banName, openConnection } from "./gate";
import { FAILURE_MS } from "./gate-bans";
import * as connections from "./gate-connections";
import { after, localId, same32, tellingPart } from "./gate-memory";
import * as peers from "./gate-peers";
import { isPeerId } from "./schema";

/** Counts a request. OK; RATE_LIMITED; BANNED: three times too many, the peer is gone. */
export function countOfPeer(peer: u32, now: u64): u32 {
  return judgeRate(peer, peers.countRequest(peer, now), now);
}

function judgeRate(peer: u32, rate: peers.Rate, now: u64): u32 {
  if (rate == peers.Rate.FINE) return PeerGateVerdict.OK;
  if (rate == peers.Rate.TOO_MANY) return PeerGateVerdict.RATE_LIMITED;
  banName(peers.nameOf(peer), after(now, FAILURE_MS), now);
  return PeerGateVerdict.BANNED;
}

/** A Protocol request came. NOT_VERIFIED: Error 403; RATE_LIMITED: Error 429. */
export function receiveRequest(handle: u32, now: u64): u32 {
  const place = openConnection(handle, now);
  if (place < 0) return PeerGateVerdict.UNKNOWN_CONNECTION;
  const peer = connections.peerOf(place),
    counted = countOfPeer(peer, now);
  if (counted) return counted;
  return peers.isVerified(peer) ? PeerGateVerdict.OK : PeerGateVerdict.NOT_VERIFIED;
}

/** We want to send a request. OK: now; QUEUED: when the peer is verified, if it will be. */
export function sendRequest(handle: u32, now: u64): u32 {
  const place = openConnection(handle, now);
  if (place < 0) return PeerGateVerdict.UNKNOWN_CONNECTION;
  const peer = connections.peerOf(place);
  if (peers.isVerified(peer)) return PeerGateVerdict.OK;
  return peers.queueRequest(peer) ? PeerGateVerdict.QUEUED : PeerGateVerdict.QUEUE_FULL;
}

function verifiedConnection(handle: u32, now: u64): i32 {
  const place = openConnection(handle, now);
  return place >= 0 && peers.isVerified(connections.peerOf(place)) ? place : -1;
}

/** The message inside of a request: SENDER is the connection's peer, RECIPIENT is us. */
export function receiveDirect(handle: u32, now: u64): u32 {
  const place = verifiedConnection(handle, now);
  if (place < 0) return PeerGateVerdict.NOT_VERIFIED;
  const name = peers.nameOf(connections.peerOf(place));
  if (!isNamed(PeerField.SENDER, name)) return PeerVerdict.SENDER;
  return isNamed(PeerField.RECIPIENT, tellingPart(localId()))
    ? PeerVerdict.OK
    : PeerVerdict.RECIPIENT;
}

/**
 * Counts a broadcast that a neighbour sent, of CONNECTION, who signed it: his own, or passed on.
 * OK; RATE_LIMITED: drop it; BANNED: three times too many of his own, the neighbour is gone.
 */
export function countGossip(handle: u32, now: u64): u32 {
  const place = verifiedConnection(handle, now);
  if (place < 0) return PeerGateVerdict.NOT_VERIFIED;
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  const neighbour = connections.peerOf(place),
    isOwn = isNamed(PeerField.CONNECTION, peers.nameOf(neighbour));
  const rate = isOwn ? peers.countBroadcast(neighbour, now) : peers.countPassedOn(neighbour, now);
  return judgeRate(neighbour, rate, now);
}

/**
 * A broadcast that was counted: SENDER is what is told inside, CONNECTION whoever signed it
 * (message.from). Both are one, and he is verified here, too.
 */
export function receiveGossip(handle: u32, now: u64): u32 {
  if (verifiedConnection(handle, now) < 0) return PeerGateVerdict.NOT_VERIFIED;
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  if (!sameBytes(PeerField.SENDER, PeerField.CONNECTION)) return PeerVerdict.SENDER;
  const from = tellingPart(bytesOf(PeerField.CONNECTION));
  if (same32(from, tellingPart(localId()))) return PeerGateVerdict.OWN_ID;
  const peer = peers.findPeer(from);
  return peer >= 0 && peers.isVerified(peer) ? PeerVerdict.OK : PeerGateVerdict.NOT_VERIFIED;
}

function isNamed(field: PeerField, name: usize): bool {
  return isPeerId(field) && same32(tellingPart(bytesOf(field)), name);
}
