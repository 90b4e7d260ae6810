/** What makes messages in the interface ratatoskr of ratatoskr.wit. */
import { METADATA_ENTRIES_MAX } from "../core/limits";
import { RATATOSKR } from "../core/memory";
import {
  Block,
  ConnectionRequestField,
  ConnectionResponseField,
  MessageKind,
  RequestField,
  ResponseField,
  Verdict,
} from "../core/ratatoskr";
import { clearBlock, fieldAt, metadataAt, sameKey } from "../ratatoskr/block";
import { digestRequest as digest } from "../ratatoskr/digest";
import { encodeMessage } from "../ratatoskr/message";
import { error4, listOf, okList, wipeAfterCall } from "./abi";
import { verdictCase } from "./generated/verdicts";

function setNumber(number: u32, value: i64): void {
  store<i64>(fieldAt(number), value);
}

function setBytes(number: u32, at: usize, length: u32): void {
  store<u32>(fieldAt(number), <u32>at);
  store<u32>(fieldAt(number), length, 4);
}

/**
 * Entries lie in a list as the block has them. Verdicts: OK, TOO_MANY_METADATA, DUPLICATE_MAP_KEY.
 */
function setMetadata(entries: usize, count: u32): Verdict {
  if (count > METADATA_ENTRIES_MAX) return Verdict.TOO_MANY_METADATA;
  memory.copy(RATATOSKR + Block.METADATA, entries, (<usize>count) << 4);
  store<u32>(RATATOSKR, count, Block.METADATA_COUNT);
  for (let i: u32 = 1; i < count; i++) {
    for (let j: u32 = 0; j < i; j++) {
      if (sameKey(metadataAt(i), metadataAt(j))) return Verdict.DUPLICATE_MAP_KEY;
    }
  }
  return Verdict.OK;
}

function begin(): void {
  clearBlock();
  wipeAfterCall(RATATOSKR, Block.IN);
}

function encoded(kind: MessageKind, entries: usize, count: u32): usize {
  // As the schema has it: the entries are what is looked at last.
  let verdict: Verdict = encodeMessage(kind);
  if (verdict == Verdict.OK) {
    verdict = setMetadata(entries, count);
    if (verdict == Verdict.OK && count) verdict = encodeMessage(kind);
  }
  if (verdict != Verdict.OK) return error4(verdictCase(verdict));
  const length = load<u32>(RATATOSKR, Block.OUT_LENGTH);
  wipeAfterCall(RATATOSKR + Block.OUT, length);
  return okList(RATATOSKR + Block.OUT, length);
}

function layOutRequest(
  messageType: u32,
  requestId: usize,
  requestIdLength: u32,
  deviceId: usize,
  deviceIdLength: u32,
  userId: usize,
  userIdLength: u32,
  timestamp: i64,
  nonce: usize,
  nonceLength: u32,
  payload: usize,
  payloadLength: u32,
): void {
  begin();
  setNumber(RequestField.MESSAGE_TYPE, messageType);
  setBytes(RequestField.REQUEST_ID, requestId, requestIdLength);
  setBytes(RequestField.DEVICE_ID, deviceId, deviceIdLength);
  setBytes(RequestField.USER_ID, userId, userIdLength);
  setNumber(RequestField.TIMESTAMP, timestamp);
  setBytes(RequestField.NONCE, nonce, nonceLength);
  setBytes(RequestField.PAYLOAD, payload, payloadLength);
}

export function encodeRequest(
  messageType: u32,
  requestId: usize,
  requestIdLength: u32,
  deviceId: usize,
  deviceIdLength: u32,
  userId: usize,
  userIdLength: u32,
  timestamp: i64,
  nonce: usize,
  nonceLength: u32,
  signature: usize,
  signatureLength: u32,
  payload: usize,
  payloadLength: u32,
  metadata: usize,
  count: u32,
): usize {
  layOutRequest(
    messageType,
    requestId,
    requestIdLength,
    deviceId,
    deviceIdLength,
    userId,
    userIdLength,
    timestamp,
    nonce,
    nonceLength,
    payload,
    payloadLength,
  );
  setBytes(RequestField.SIGNATURE, signature, signatureLength);
  return encoded(MessageKind.REQUEST, metadata, count);
}

export function digestRequest(
  messageType: u32,
  requestId: usize,
  requestIdLength: u32,
  deviceId: usize,
  deviceIdLength: u32,
  userId: usize,
  userIdLength: u32,
  timestamp: i64,
  nonce: usize,
  nonceLength: u32,
  _signature: usize,
  _signatureLength: u32,
  payload: usize,
  payloadLength: u32,
  _metadata: usize,
  _count: u32,
): usize {
  layOutRequest(
    messageType,
    requestId,
    requestIdLength,
    deviceId,
    deviceIdLength,
    userId,
    userIdLength,
    timestamp,
    nonce,
    nonceLength,
    payload,
    payloadLength,
  );
  digest();
  return listOf(RATATOSKR + Block.DIGEST, 32);
}

export function encodeResponse(
  messageType: u32,
  requestId: usize,
  requestIdLength: u32,
  timestamp: i64,
  success: u32,
  errorCode: usize,
  errorCodeLength: u32,
  errorMessage: usize,
  errorMessageLength: u32,
  payload: usize,
  payloadLength: u32,
  metadata: usize,
  count: u32,
): usize {
  begin();
  setNumber(ResponseField.MESSAGE_TYPE, messageType);
  setBytes(ResponseField.REQUEST_ID, requestId, requestIdLength);
  setNumber(ResponseField.TIMESTAMP, timestamp);
  setNumber(ResponseField.SUCCESS, success);
  setBytes(ResponseField.ERROR_CODE, errorCode, errorCodeLength);
  setBytes(ResponseField.ERROR_MESSAGE, errorMessage, errorMessageLength);
  setBytes(ResponseField.PAYLOAD, payload, payloadLength);
  return encoded(MessageKind.RESPONSE, metadata, count);
}

export function encodeConnectionRequest(
  identity: usize,
  identityLength: u32,
  token: usize,
  tokenLength: u32,
  version: usize,
  versionLength: u32,
): usize {
  begin();
  setBytes(ConnectionRequestField.DEVICE_IDENTITY, identity, identityLength);
  setBytes(ConnectionRequestField.AUTHENTICATION_TOKEN, token, tokenLength);
  setBytes(ConnectionRequestField.VERSION, version, versionLength);
  return encoded(MessageKind.CONNECTION_REQUEST, 0, 0);
}

export function encodeConnectionResponse(
  accepted: u32,
  sessionId: usize,
  sessionIdLength: u32,
  expiresAt: i64,
  version: usize,
  versionLength: u32,
): usize {
  begin();
  setNumber(ConnectionResponseField.ACCEPTED, accepted);
  setBytes(ConnectionResponseField.SESSION_ID, sessionId, sessionIdLength);
  setNumber(ConnectionResponseField.EXPIRES_AT, expiresAt);
  setBytes(ConnectionResponseField.SERVER_VERSION, version, versionLength);
  return encoded(MessageKind.CONNECTION_RESPONSE, 0, 0);
}
