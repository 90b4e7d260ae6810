/**
 * What makes messages in the interface peer of peer.wit. A variant comes as the number of its case
 * and as many words as the longest case has; each case reads its own.
 */
import { PEER } from "../core/memory";
import {
  PeerBlock,
  PeerField,
  PeerKeyKind,
  PeerKind,
  PeerVariant,
  PeerVerdict,
  PeerWire,
} from "../core/peer";
import { clearBlock, setBytes, setNumber, setVariant } from "../peer/block";
import { encodeMessage as encode, makeSigningBytes } from "../peer/message";
import { error4, okList, wipeAfterCall } from "./abi";
import { peerVerdictCase } from "./generated/verdicts";

function begin(variant: PeerVariant): void {
  clearBlock();
  setVariant(variant);
  wipeAfterCall(PEER, PeerBlock.IN);
}

function done(verdict: PeerVerdict): usize {
  if (verdict != PeerVerdict.OK) return error4(peerVerdictCase(verdict));
  const length = load<u32>(PEER, PeerBlock.OUT_LENGTH);
  wipeAfterCall(PEER + PeerBlock.OUT, length);
  return okList(PEER + PeerBlock.OUT, length);
}

function layOutProof(
  key: u32,
  keyLength: u32,
  signature: u32,
  signatureLength: u32,
  isSigned: u32,
  sender: u32,
  senderLength: u32,
  low: u64,
  high: u64,
  wire: u32,
): void {
  begin(PeerVariant.HANDSHAKE);
  setBytes(PeerField.KEY, key, keyLength);
  setBytes(PeerField.SIGNATURE, signature, signatureLength);
  if (wire == PeerWire.BARE) return;
  setNumber(PeerField.KEY_KIND, PeerKeyKind.INSTANCE_PUBLIC_KEY);
  setBytes(PeerField.SENDER, isSigned ? sender : 0, isSigned ? senderLength : 0);
  setNumber(PeerField.TIMESTAMP, isSigned ? low : 0);
  setNumber(PeerField.TIMESTAMP_HIGH, isSigned ? high : 0);
}

function layOutHello(challenge: u32, length: u32): void {
  begin(PeerVariant.HELLO);
  setBytes(PeerField.CHALLENGE, challenge, length);
}

export function encodeRequest(
  which: u32,
  a: u32,
  b: u32,
  c: u32,
  d: u32,
  e: u32,
  f: u32,
  g: u32,
  low: u64,
  high: u64,
  wireCase: u32,
): usize {
  const wire = wireCase + 1;
  if (which == 0) layOutProof(a, b, c, d, e, f, g, low, high, wire);
  else if (which == 1) layOutHello(a, b);
  else {
    begin(PeerVariant.PROTOCOL);
    setBytes(PeerField.PROTOCOL, a, b);
    setBytes(PeerField.PAYLOAD, c, d);
    if (e) setBytes(PeerField.METADATA, f, g);
  }
  return done(encode(PeerKind.REQUEST, wire));
}

export function encodeResponse(
  which: u32,
  a: u32,
  b: u32,
  c: u32,
  d: u32,
  e: u32,
  f: u32,
  g: u32,
  low: u64,
  high: u64,
  wireCase: u32,
): usize {
  const wire = wireCase + 1;
  if (which == 0) layOutProof(a, b, c, d, e, f, g, low, high, wire);
  else if (which == 1) layOutHello(a, b);
  else if (which == 2) {
    begin(PeerVariant.PROTOCOL);
    setBytes(PeerField.PAYLOAD, a, b);
  } else if (which == 3) {
    begin(PeerVariant.SUCCESS);
    if (a) setBytes(PeerField.PROTOCOL, b, c);
    if (d) setBytes(PeerField.PAYLOAD, e, f);
  } else {
    begin(PeerVariant.ERROR);
    setNumber(PeerField.CODE, a);
    setBytes(PeerField.TEXT, b, c);
  }
  return done(encode(PeerKind.RESPONSE, wire));
}

export function encodeMessage(
  protocol: u32,
  protocolLength: u32,
  messageId: u64,
  roundId: u32,
  sender: u32,
  senderLength: u32,
  hasRecipient: u32,
  recipient: u32,
  recipientLength: u32,
  payload: u32,
  payloadLength: u32,
  carrier: u32,
): usize {
  begin(0);
  setBytes(PeerField.PROTOCOL, protocol, protocolLength);
  setNumber(PeerField.MESSAGE_ID, messageId);
  setNumber(PeerField.ROUND_ID, roundId);
  setBytes(PeerField.SENDER, sender, senderLength);
  if (hasRecipient) setBytes(PeerField.RECIPIENT, recipient, recipientLength);
  setBytes(PeerField.PAYLOAD, payload, payloadLength);
  return done(encode(carrier ? PeerKind.BROADCAST : PeerKind.DIRECT, PeerWire.MESSAGE));
}

export function signingBytes(
  wireCase: u32,
  sender: u32,
  senderLength: u32,
  recipient: u32,
  recipientLength: u32,
  timestamp: u64,
  hasChallenges: u32,
  isConnecting: u32,
  challenge: u32,
  challengeLength: u32,
  answer: u32,
  answerLength: u32,
  protocol: u32,
  protocolLength: u32,
): usize {
  begin(0);
  setBytes(PeerField.SENDER, sender, senderLength);
  setBytes(PeerField.RECIPIENT, recipient, recipientLength);
  setNumber(PeerField.TIMESTAMP, timestamp);
  setNumber(PeerField.TIMESTAMP_HIGH, 0);
  if (hasChallenges) {
    setNumber(PeerField.ROLE, isConnecting ? 0 : 1);
    setBytes(PeerField.CHALLENGE, challenge, challengeLength);
    setBytes(PeerField.ANSWER_CHALLENGE, answer, answerLength);
    setBytes(PeerField.PROTOCOL, protocol, protocolLength);
  }
  return done(makeSigningBytes(wireCase + 1));
}
