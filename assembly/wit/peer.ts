/** What opens messages in the interface peer of peer.wit. */
import {
  PEER_BROADCAST_BYTES_MAX,
  PEER_REQUEST_BYTES_MAX,
  PEER_RESPONSE_BYTES_MAX,
} from "../core/limits";
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerKind, PeerVariant, PeerVerdict } from "../core/peer";
import { bytesOf, has, lengthOf, numberOf, variant } from "../peer/block";
import { openMessage as open } from "../peer/message";
import { error8, RESULT, wipeAfterCall } from "./abi";
import { peerVerdictCase } from "./generated/verdicts";

/** peer.wit, request and the first of response. */
const enum Told {
  HANDSHAKE,
  HELLO,
  PROTOCOL,
  SUCCESS,
  ERROR,
}

function mostOf(kind: PeerKind): u32 {
  if (kind == PeerKind.RESPONSE) return PEER_RESPONSE_BYTES_MAX;
  return kind == PeerKind.BROADCAST ? PEER_BROADCAST_BYTES_MAX : PEER_REQUEST_BYTES_MAX;
}

/** Reads a message of a wire from 0 on; what is too long is not looked at. */
function read(kind: PeerKind, wire: u32, message: usize, length: u32): PeerVerdict {
  const bytes = min<u32>(length, mostOf(kind));
  memory.copy(PEER + PeerBlock.IN, message, bytes);
  wipeAfterCall(PEER, PeerBlock.WORK);
  wipeAfterCall(PEER + PeerBlock.IN, bytes);
  return open(kind, wire + 1, length);
}

/** Writes a list or string at `at` of RESULT. */
function tell(field: PeerField, at: usize): void {
  store<u32>(RESULT + at, <u32>bytesOf(field));
  store<u32>(RESULT + at, lengthOf(field), 4);
}

/** The same as an option. */
function tellOption(field: PeerField, at: usize): void {
  store<u8>(RESULT + at, has(field) ? 1 : 0);
  if (has(field)) tell(field, at + 4);
}

function tellProof(): void {
  store<u8>(RESULT, Told.HANDSHAKE, 8);
  tell(PeerField.KEY, 16);
  tell(PeerField.SIGNATURE, 24);
  const isSigned = has(PeerField.SENDER);
  store<u8>(RESULT, isSigned ? 1 : 0, 32);
  if (!isSigned) return;
  tell(PeerField.SENDER, 40);
  store<u64>(RESULT, numberOf(PeerField.TIMESTAMP), 48);
  store<u64>(RESULT, numberOf(PeerField.TIMESTAMP_HIGH), 56);
}

function tellHello(): void {
  store<u8>(RESULT, Told.HELLO, 8);
  tell(PeerField.CHALLENGE, 16);
}

export function openRequest(message: usize, length: u32, wire: u32): usize {
  const verdict = read(PeerKind.REQUEST, wire, message, length);
  if (verdict != PeerVerdict.OK) return error8(peerVerdictCase(verdict));
  store<u8>(RESULT, 0);
  if (variant() == PeerVariant.HANDSHAKE) tellProof();
  else if (variant() == PeerVariant.HELLO) tellHello();
  else {
    store<u8>(RESULT, Told.PROTOCOL, 8);
    tell(PeerField.PROTOCOL, 16);
    tell(PeerField.PAYLOAD, 24);
    tellOption(PeerField.METADATA, 32);
  }
  return RESULT;
}

export function openResponse(message: usize, length: u32, wire: u32): usize {
  const verdict = read(PeerKind.RESPONSE, wire, message, length);
  if (verdict != PeerVerdict.OK) return error8(peerVerdictCase(verdict));
  store<u8>(RESULT, 0);
  switch (variant()) {
    case PeerVariant.HANDSHAKE:
      tellProof();
      break;
    case PeerVariant.HELLO:
      tellHello();
      break;
    case PeerVariant.PROTOCOL:
      store<u8>(RESULT, Told.PROTOCOL, 8);
      tell(PeerField.PAYLOAD, 16);
      break;
    case PeerVariant.SUCCESS:
      store<u8>(RESULT, Told.SUCCESS, 8);
      tellOption(PeerField.PROTOCOL, 16);
      tellOption(PeerField.PAYLOAD, 28);
      break;
    case PeerVariant.ERROR:
      store<u8>(RESULT, Told.ERROR, 8);
      store<u16>(RESULT, <u16>numberOf(PeerField.CODE), 16);
      tell(PeerField.TEXT, 20);
      break;
  }
  return RESULT;
}

export function openMessage(message: usize, length: u32, carrier: u32): usize {
  const kind: PeerKind = carrier ? PeerKind.BROADCAST : PeerKind.DIRECT;
  const verdict = read(kind, 1, message, length);
  if (verdict != PeerVerdict.OK) return error8(peerVerdictCase(verdict));
  store<u8>(RESULT, 0);
  tell(PeerField.PROTOCOL, 8);
  store<u64>(RESULT, numberOf(PeerField.MESSAGE_ID), 16);
  store<u16>(RESULT, <u16>numberOf(PeerField.ROUND_ID), 24);
  tell(PeerField.SENDER, 28);
  tellOption(PeerField.RECIPIENT, 36);
  tell(PeerField.PAYLOAD, 48);
  return RESULT;
}
