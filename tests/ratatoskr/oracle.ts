/** protobufjs as an encoder and decoder that shares no code with the engine's. */
import protobuf from 'protobufjs';

// The schema of the reference (section 1), as a .proto file has it.
const PROTO = `
syntax = "proto3";
package ratatoskr;
enum MessageType {
  UNKNOWN = 0; CONNECTION_REQUEST = 1; CONNECTION_RESPONSE = 2; BUSINESS_REQUEST = 3;
  HEARTBEAT = 4; DISCONNECT = 5; ERROR = 6;
}
message RatatoskrRequest {
  MessageType message_type = 1; string request_id = 2; string device_id = 3; string user_id = 4;
  int64 timestamp = 5; bytes nonce = 6; bytes signature = 7; bytes payload = 8;
  map<string, string> metadata = 9;
}
message RatatoskrResponse {
  MessageType message_type = 1; string request_id = 2; int64 timestamp = 3; bool success = 4;
  string error_code = 5; string error_message = 6; bytes payload = 7;
  map<string, string> metadata = 8;
}
message ConnectionRequestPayload {
  string device_identity = 1; string authentication_token = 2; string version = 3;
}
message ConnectionResponsePayload {
  bool accepted = 1; string session_id = 2; int64 expires_at = 3; string server_version = 4;
}`;

const { root } = protobuf.parse(PROTO, { keepCase: true });

/** In the order of the engine's MessageKind. */
const types = [
  'RatatoskrRequest',
  'RatatoskrResponse',
  'ConnectionRequestPayload',
  'ConnectionResponsePayload',
].map((name) => root.lookupType(`ratatoskr.${name}`));

export type Values = Record<string, unknown>;

function typeOf(kind: number): protobuf.Type {
  const type = types[kind];
  if (!type) throw new RangeError(`no kind ${kind}`);
  return type;
}

/** Name and place of each field, by its number. */
export function fieldsOf(kind: number): protobuf.Field[] {
  return typeOf(kind).fieldsArray.toSorted((a, b) => a.id - b.id);
}

/** Every field by value: numbers of 64 bits as decimal text, bytes as hexadecimal. */
export function oracleDecode(kind: number, bytes: Uint8Array): Values {
  const type = typeOf(kind);
  const decoded = type.toObject(type.decode(bytes), { longs: String, defaults: true });
  for (const [name, value] of Object.entries(decoded)) {
    if (value instanceof Uint8Array) decoded[name] = Buffer.from(value).toString('hex');
    else if (Array.isArray(value)) decoded[name] = Buffer.from(value).toString('hex');
  }
  return decoded;
}

/** Encodes what `values` has; a field with a default value must be left out of it. */
export function oracleEncode(kind: number, values: Values): Uint8Array {
  const type = typeOf(kind);
  return type.encode(type.fromObject(values)).finish();
}
