/**
 * The exports of the gate (gate.ts). Each answers a PeerGateVerdict or PeerVerdict, or
 * Status.WRONG_STATE: Config.PEER is 0. `now` and `until`: milliseconds since the epoch, as two
 * words, low first; `handle`: a connection. Peer ids, keys and handshakes stand in the block.
 */
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerGateVerdict, PeerKind } from "../core/peer";
import { Status } from "../core/status";
import { setBytes } from "./block";
import * as gate from "./gate";
import { banEnd, banKey } from "./gate-bans";
import { beginHandshake, concludeHandshake } from "./gate-handshake";
import { BANNED, word } from "./gate-memory";
import * as requests from "./gate-requests";
import * as timers from "./gate-timers";
import { indexOf } from "./gate-whitelist";

function time(low: u32, high: u32): u64 {
  return ((<u64>high) << 32) | low;
}

/**
 * Empties the gate: 1 to 256 `target` peers, each of which may send 1 to 1,000,000 `requests` and
 * `broadcasts` in 10 s; our id is RECIPIENT. Status.INVALID_ARGUMENT.
 */
export function gateStart(target: u32, requests: u32, broadcasts: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  const isStarted = gate.startGate(target, requests, broadcasts);
  return isStarted ? PeerGateVerdict.OK : Status.INVALID_ARGUMENT;
}
export function gateDial(nowLow: u32, nowHigh: u32): u32 {
  return PEER ? gate.dial(time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
/** `address`: as Descriptor.ADDRESS. */
export function gateAccept(address: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? gate.accept(address, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateOpen(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? gate.open(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateClose(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? gate.close(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
/** 1: HANDLE is to be closed, for REASON; 0: none. */
export function gateNextClosing(nowLow: u32, nowHigh: u32): u32 {
  return PEER && gate.nextClosing(time(nowLow, nowHigh)) ? 1 : 0;
}
/** 1: send our handshake on HANDLE; 0: none is due. */
export function gateNextHandshake(nowLow: u32, nowHigh: u32): u32 {
  return PEER && timers.nextHandshake(time(nowLow, nowHigh)) ? 1 : 0;
}
/** `kind`: PeerKind.REQUEST or RESPONSE; else Status.INVALID_ARGUMENT. */
export function gateBegin(handle: u32, kind: u32, wire: u32, nowLow: u32, nowHigh: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  if (kind > <u32>PeerKind.RESPONSE) return Status.INVALID_ARGUMENT;
  return beginHandshake(handle, kind, wire, time(nowLow, nowHigh));
}
/** `good`: 1, the signature is; 0, it is not. */
export function gateConclude(handle: u32, kind: u32, good: u32, nowLow: u32, nowHigh: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  if (kind > <u32>PeerKind.RESPONSE) return Status.INVALID_ARGUMENT;
  return concludeHandshake(handle, kind, good == 1, time(nowLow, nowHigh));
}
export function gateReceive(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? requests.receiveRequest(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateSend(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? requests.sendRequest(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateDirect(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? requests.receiveDirect(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateCountGossip(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? requests.countGossip(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
export function gateGossip(handle: u32, nowLow: u32, nowHigh: u32): u32 {
  return PEER ? requests.receiveGossip(handle, time(nowLow, nowHigh)) : Status.WRONG_STATE;
}
/** Ends what is over; UNTIL tells when to come again (u64.MAX_VALUE: never). */
export function gateTick(nowLow: u32, nowHigh: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  timers.tick(time(nowLow, nowHigh));
  return PeerGateVerdict.OK;
}
/** PeerState of the peer at CONNECTION. */
export function gateState(): u32 {
  return PEER ? gate.stateOfPeer() : 0;
}
/** Bans the peer at CONNECTION; u64.MAX_VALUE: for ever. */
export function gateBan(untilLow: u32, untilHigh: u32, nowLow: u32, nowHigh: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  return gate.banPeer(time(untilLow, untilHigh), time(nowLow, nowHigh));
}
export function gateUnban(): u32 {
  return PEER ? gate.unbanPeer() : Status.WRONG_STATE;
}
/** 1: KEY is the last 32 bytes of a banned peer's id, UNTIL its end (0: failures only); 0: none. */
export function gateBanAt(index: u32): u32 {
  if (!PEER || index >= word(BANNED)) return 0;
  setBytes(PeerField.KEY, banKey(index), 32);
  store<u64>(PEER, banEnd(index), PeerBlock.UNTIL);
  return 1;
}
/** `count` keys of 32 bytes at IN. Status.INVALID_ARGUMENT: too many, the old list stays. */
export function gateAllow(count: u32, nowLow: u32, nowHigh: u32): u32 {
  if (!PEER) return Status.WRONG_STATE;
  const isReplaced = gate.replaceWhitelist(count, time(nowLow, nowHigh));
  return isReplaced ? PeerGateVerdict.OK : Status.INVALID_ARGUMENT;
}
/** Place of KEY in the order of the list; u32.MAX_VALUE: it is not on it. */
export function gateParticipant(key: u32): u32 {
  return PEER ? indexOf(key) : u32.MAX_VALUE;
}
