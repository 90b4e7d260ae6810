/** What opens messages in the interface ratatoskr of ratatoskr.wit. */
import { MESSAGE_BYTES_MAX } from "../core/limits";
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
import { bytesOf, lengthOf, metadataCount, numberOf } from "../ratatoskr/block";
import { checkSignature as check, checkPoint } from "../ratatoskr/ed25519";
import { openRequest as open, openMessage } from "../ratatoskr/message";
import { error1, error4, error8, okNothing, RESULT, wipeAfterCall } from "./abi";
import { verdictCase } from "./generated/verdicts";

const KEY_BYTES: u32 = 32;
const SIGNATURE_BYTES: u32 = 64;

/** Puts a message where the engine reads it; what is too long is not looked at. */
function put(message: usize, length: u32): void {
  const bytes = min<u32>(length, MESSAGE_BYTES_MAX);
  memory.copy(RATATOSKR + Block.IN, message, bytes);
  wipeAfterCall(RATATOSKR, <u32>Block.IN + bytes);
}

/** Writes list or string `number` of the message at `at` of RESULT. */
function tell(number: u32, at: usize): void {
  store<u32>(RESULT + at, <u32>bytesOf(number));
  store<u32>(RESULT + at, lengthOf(number), 4);
}

function tellMetadata(at: usize): void {
  store<u32>(RESULT + at, <u32>(RATATOSKR + Block.METADATA));
  store<u32>(RESULT + at, metadataCount(), 4);
}

export function openRequest(message: usize, length: u32, now: i64, skew: u32): usize {
  put(message, length);
  const verdict = open(length, now, skew);
  if (verdict != Verdict.OK) return error8(verdictCase(verdict));
  store<u8>(RESULT, 0);
  store<u32>(RESULT, <u32>numberOf(RequestField.MESSAGE_TYPE), 8);
  tell(RequestField.REQUEST_ID, 12);
  tell(RequestField.DEVICE_ID, 20);
  tell(RequestField.USER_ID, 28);
  store<i64>(RESULT, numberOf(RequestField.TIMESTAMP), 40);
  tell(RequestField.NONCE, 48);
  tell(RequestField.SIGNATURE, 56);
  tell(RequestField.PAYLOAD, 64);
  tellMetadata(72);
  store<u32>(RESULT, <u32>(RATATOSKR + Block.DIGEST), 80);
  store<u32>(RESULT, 32, 84);
  return RESULT;
}

export function openResponse(message: usize, length: u32): usize {
  put(message, length);
  const verdict = openMessage(MessageKind.RESPONSE, length);
  if (verdict != Verdict.OK) return error8(verdictCase(verdict));
  store<u8>(RESULT, 0);
  store<u32>(RESULT, <u32>numberOf(ResponseField.MESSAGE_TYPE), 8);
  tell(ResponseField.REQUEST_ID, 12);
  store<i64>(RESULT, numberOf(ResponseField.TIMESTAMP), 24);
  store<u8>(RESULT, <u8>numberOf(ResponseField.SUCCESS), 32);
  tell(ResponseField.ERROR_CODE, 36);
  tell(ResponseField.ERROR_MESSAGE, 44);
  tell(ResponseField.PAYLOAD, 52);
  tellMetadata(60);
  return RESULT;
}

export function openConnectionRequest(payload: usize, length: u32): usize {
  put(payload, length);
  const verdict = openMessage(MessageKind.CONNECTION_REQUEST, length);
  if (verdict != Verdict.OK) return error4(verdictCase(verdict));
  store<u8>(RESULT, 0);
  tell(ConnectionRequestField.DEVICE_IDENTITY, 4);
  tell(ConnectionRequestField.AUTHENTICATION_TOKEN, 12);
  tell(ConnectionRequestField.VERSION, 20);
  return RESULT;
}

export function openConnectionResponse(payload: usize, length: u32): usize {
  put(payload, length);
  const verdict = openMessage(MessageKind.CONNECTION_RESPONSE, length);
  if (verdict != Verdict.OK) return error8(verdictCase(verdict));
  store<u8>(RESULT, 0);
  store<u8>(RESULT, <u8>numberOf(ConnectionResponseField.ACCEPTED), 8);
  tell(ConnectionResponseField.SESSION_ID, 12);
  store<i64>(RESULT, numberOf(ConnectionResponseField.EXPIRES_AT), 24);
  tell(ConnectionResponseField.SERVER_VERSION, 32);
  return RESULT;
}

export function checkKey(key: usize, length: u32): usize {
  if (length != KEY_BYTES) return error1(verdictCase(Verdict.POINT_ENCODING));
  const verdict = checkPoint(key);
  return verdict == Verdict.OK ? okNothing() : error1(verdictCase(verdict));
}

export function checkSignature(key: usize, keyLength: u32, signature: usize, length: u32): usize {
  if (keyLength != KEY_BYTES) return error1(verdictCase(Verdict.POINT_ENCODING));
  if (length != SIGNATURE_BYTES) return error1(verdictCase(Verdict.SIGNATURE_LENGTH));
  const verdict = check(key, signature);
  return verdict == Verdict.OK ? okNothing() : error1(verdictCase(verdict));
}
