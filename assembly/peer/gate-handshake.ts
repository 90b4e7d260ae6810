/**
 * Handshakes at the gate: begun before the host verifies the signature, concluded after. Between
 * the two anything may happen, so whatever may have changed is looked at again. Crossing ones need
 * no tie-break: each side is verified by the first valid message of the other. Reference: peer
 * sections 3 to 6.
 */
import { PEER_AGE_MS_MAX, PEER_ID_BYTES } from "../core/limits";
import { PEER } from "../core/memory";
import {
  PeerBlock,
  PeerClosing,
  PeerField,
  PeerGateVerdict,
  PeerKind,
  PeerVerdict,
  PeerWire,
} from "../core/peer";
import { bytesOf, numberOf, setBytes } from "./block";
import { banName, failPeer, openConnection } from "./gate";
import { UNLISTED_MS } from "./gate-bans";
import * as connections from "./gate-connections";
import { after, FOREVER, localId, same32 } from "./gate-memory";
import * as peers from "./gate-peers";
import { countOfPeer } from "./gate-requests";
import { remember } from "./gate-seen";
import { indexOf } from "./gate-whitelist";
import { checkHandshake } from "./message";
import { checkHandshakeFields } from "./schema";

/**
 * A handshake of the block came as `kind` (REQUEST or RESPONSE) on a connection. OK: what it has to
 * be signed over is at OUT, and concludeHandshake() has to follow.
 */
export function beginHandshake(handle: u32, kind: PeerKind, wire: PeerWire, now: u64): u32 {
  const place = openConnection(handle, now);
  if (place < 0) return PeerGateVerdict.UNKNOWN_CONNECTION;
  if (connections.isChecking(place, kind)) return PeerGateVerdict.BUSY;
  const peer = connections.peerOf(place),
    may = kind == PeerKind.RESPONSE ? mayAnswer(place, peer) : mayAsk(peer, now);
  if (may) return may;
  const verdict = check(peer, wire, now);
  if (verdict == PeerGateVerdict.OK) {
    const time = wire == PeerWire.BARE ? FOREVER : numberOf(PeerField.TIMESTAMP),
      digest = PEER + PeerBlock.DIGEST;
    connections.beginCheck(place, kind, bytesOf(PeerField.KEY), digest, time);
  } else if (verdict == PeerGateVerdict.UNLISTED) {
    banName(peers.nameOf(peer), after(now, UNLISTED_MS), now);
  } else peers.noteInvalid(peer);
  return verdict;
}

function mayAnswer(place: u32, peer: u32): u32 {
  if (!connections.isAwaited(place)) return PeerGateVerdict.NOT_PENDING;
  connections.setAwaited(place, false);
  return peers.isVerified(peer) ? PeerGateVerdict.ALREADY_VERIFIED : PeerGateVerdict.OK;
}

/** A verified peer may ask again, as often as anything else; one that is not, a few times. */
function mayAsk(peer: u32, now: u64): u32 {
  if (peers.isVerified(peer)) return countOfPeer(peer, now);
  if (peers.countTry(peer)) return PeerGateVerdict.OK;
  peers.noteInvalid(peer);
  failPeer(peer, PeerClosing.HANDSHAKES, now);
  return PeerGateVerdict.TOO_MANY_HANDSHAKES;
}

/** Key on the list, then sender and age. */
function check(peer: u32, wire: PeerWire, now: u64): u32 {
  const fits = checkHandshakeFields(wire);
  if (fits != PeerVerdict.OK) return fits;
  if (indexOf(bytesOf(PeerField.KEY)) < 0) return PeerGateVerdict.UNLISTED;
  setBytes(PeerField.CONNECTION, peers.idOf(peer), PEER_ID_BYTES);
  setBytes(PeerField.RECIPIENT, localId(), PEER_ID_BYTES);
  if (wire == PeerWire.BARE) setBytes(PeerField.SENDER, peers.idOf(peer), PEER_ID_BYTES);
  return checkHandshake(wire, now);
}

/** The host has verified the signature. OK: the peer is verified (of a request: answer it). */
export function concludeHandshake(handle: u32, kind: PeerKind, isGood: bool, now: u64): u32 {
  const place = openConnection(handle, now);
  if (place < 0) return PeerGateVerdict.UNKNOWN_CONNECTION;
  if (!connections.isChecking(place, kind)) return PeerGateVerdict.NOT_PENDING;
  connections.endCheck(place, kind);
  const peer = connections.peerOf(place),
    verdict = isGood ? judge(place, peer, kind, now) : PeerGateVerdict.SIGNATURE;
  if (verdict == PeerGateVerdict.OK) peers.verify(peer, connections.checkedKey(place, kind), now);
  const isInvalid = verdict == PeerGateVerdict.SIGNATURE || verdict == PeerGateVerdict.REPLAYED;
  if (isInvalid) peers.noteInvalid(peer);
  return verdict;
}

/** What may have changed since the check began, and then, last of all, whether it is seen anew. */
function judge(place: u32, peer: u32, kind: PeerKind, now: u64): u32 {
  const key = connections.checkedKey(place, kind),
    time = connections.checkedTime(place, kind);
  if (indexOf(key) < 0) return PeerGateVerdict.UNLISTED;
  const holder = peers.findKey(key);
  if (holder >= 0 && <u32>holder != peer) return PeerGateVerdict.KEY_IN_USE;
  if (peers.isVerified(peer) && !same32(peers.keyOf(peer), key)) return PeerGateVerdict.KEY_IN_USE;
  // The bare signature has no time; its key is the connection's own, which was proved just now.
  if (time == FOREVER) return PeerGateVerdict.OK;
  if (after(time, PEER_AGE_MS_MAX) < now) return PeerVerdict.TIMESTAMP_STALE;
  const digest = connections.checkedDigest(place, kind);
  return remember(peers.nameOf(peer), digest, time, now);
}
