/**
 * What a message must be besides well-formed: its type, the fields that have to be there, and the
 * bounds of each. Reference: Ratatoskr sections 3 and 10.
 */
import {
  AUTHENTICATION_TOKEN_BYTES_MAX,
  ED25519_SIGNATURE_BYTES,
  ERROR_CODE_BYTES_MAX,
  ERROR_MESSAGE_BYTES_MAX,
  MESSAGE_AGE_S_MAX,
  MESSAGE_ID_BYTES_MAX,
  MESSAGE_NONCE_BYTES_MAX,
  MESSAGE_NONCE_BYTES_MIN,
  MESSAGE_PAYLOAD_BYTES_MAX,
  METADATA_ENTRIES_MAX,
  METADATA_KEY_BYTES_MAX,
  METADATA_VALUE_BYTES_MAX,
  VERSION_BYTES_MAX,
} from "../core/limits";
import {
  ConnectionRequestField,
  ConnectionResponseField,
  MessageKind,
  MessageType,
  RequestField,
  ResponseField,
  Verdict,
} from "../core/ratatoskr";
import { lengthOf, metadataAt, metadataCount, numberOf } from "./block";

/** Verdicts: OK, MESSAGE_TYPE to SIGNATURE_LENGTH, TOO_MANY_METADATA. */
export function checkSchema(kind: MessageKind): Verdict {
  if (kind == MessageKind.REQUEST) return checkRequest();
  if (kind == MessageKind.RESPONSE) return checkResponse();
  return kind == MessageKind.CONNECTION_REQUEST
    ? checkConnectionRequest()
    : checkConnectionResponse();
}

function checkRequest(): Verdict {
  const type = numberOf(RequestField.MESSAGE_TYPE);
  const known =
    type == MessageType.CONNECTION_REQUEST ||
    (type >= MessageType.BUSINESS_REQUEST && type <= MessageType.DISCONNECT);
  if (!known) return Verdict.MESSAGE_TYPE;
  const ids = firstWrong(
    checkId(RequestField.REQUEST_ID),
    checkId(RequestField.DEVICE_ID),
    checkId(RequestField.USER_ID),
  );
  if (ids != Verdict.OK) return ids;
  const nonce = lengthOf(RequestField.NONCE);
  if (nonce < MESSAGE_NONCE_BYTES_MIN) return Verdict.NONCE_TOO_SHORT;
  if (nonce > MESSAGE_NONCE_BYTES_MAX) return Verdict.NONCE_TOO_LONG;
  if (lengthOf(RequestField.SIGNATURE) != ED25519_SIGNATURE_BYTES) return Verdict.SIGNATURE_LENGTH;
  return firstWrong(
    atMost(RequestField.PAYLOAD, MESSAGE_PAYLOAD_BYTES_MAX),
    checkMetadata(),
    Verdict.OK,
  );
}

function checkResponse(): Verdict {
  const type = numberOf(ResponseField.MESSAGE_TYPE);
  const known =
    type == MessageType.CONNECTION_RESPONSE ||
    type == MessageType.BUSINESS_REQUEST ||
    type == MessageType.ERROR;
  if (!known) return Verdict.MESSAGE_TYPE;
  const texts = firstWrong(
    checkId(ResponseField.REQUEST_ID),
    atMost(ResponseField.ERROR_CODE, ERROR_CODE_BYTES_MAX),
    atMost(ResponseField.ERROR_MESSAGE, ERROR_MESSAGE_BYTES_MAX),
  );
  const payload = atMost(ResponseField.PAYLOAD, MESSAGE_PAYLOAD_BYTES_MAX);
  return firstWrong(texts, payload, checkMetadata());
}

function checkConnectionRequest(): Verdict {
  return firstWrong(
    atMost(ConnectionRequestField.DEVICE_IDENTITY, MESSAGE_ID_BYTES_MAX),
    atMost(ConnectionRequestField.AUTHENTICATION_TOKEN, AUTHENTICATION_TOKEN_BYTES_MAX),
    atMost(ConnectionRequestField.VERSION, VERSION_BYTES_MAX),
  );
}

function checkConnectionResponse(): Verdict {
  return firstWrong(
    atMost(ConnectionResponseField.SESSION_ID, MESSAGE_ID_BYTES_MAX),
    atMost(ConnectionResponseField.SERVER_VERSION, VERSION_BYTES_MAX),
    Verdict.OK,
  );
}

function firstWrong(a: Verdict, b: Verdict, c: Verdict): Verdict {
  if (a != Verdict.OK) return a;
  return b != Verdict.OK ? b : c;
}

function checkId(number: u32): Verdict {
  return lengthOf(number) == 0 ? Verdict.MISSING_FIELD : atMost(number, MESSAGE_ID_BYTES_MAX);
}

function atMost(number: u32, bytes: u32): Verdict {
  return lengthOf(number) > bytes ? Verdict.FIELD_TOO_LONG : Verdict.OK;
}

function checkMetadata(): Verdict {
  const count = metadataCount();
  if (count > METADATA_ENTRIES_MAX) return Verdict.TOO_MANY_METADATA;
  for (let i: u32 = 0; i < count; i++) {
    const entry = metadataAt(i);
    if (load<u32>(entry, 4) > METADATA_KEY_BYTES_MAX) return Verdict.FIELD_TOO_LONG;
    if (load<u32>(entry, 12) > METADATA_VALUE_BYTES_MAX) return Verdict.FIELD_TOO_LONG;
  }
  return Verdict.OK;
}

/**
 * Is a message of `timestamp` fresh at `now`, both in seconds since the epoch? The remote value is
 * only compared: subtracting it could overflow. Reference: Ratatoskr section 3.
 */
export function checkTimestamp(timestamp: i64, now: i64, skew: u32): Verdict {
  if (timestamp > now + skew) return Verdict.TIMESTAMP_FUTURE;
  return timestamp < now - MESSAGE_AGE_S_MAX ? Verdict.TIMESTAMP_STALE : Verdict.OK;
}
