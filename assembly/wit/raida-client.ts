/** The client's side of the interface raida of raida.wit. */
import { Client } from "../core/client";
import { CLIENT_BLOCK } from "../core/scratch";
import { Status } from "../core/status";
import { crc32 } from "../crypto/crc32";
import { openReply as open, sealRequest as seal } from "../raida/client";
import { Encryption, writeU32BE } from "../raida/header";
import { allocate, error4, okList, RESULT } from "./abi";
import { statusCase } from "./generated/verdicts";

/** The record request as the canonical ABI lays it out. */
@unmanaged
class Request {
  wire: u8;
  encryption: u8;
  raidaId: u8;
  shard: u8;
  group: u8;
  command: u8;
  coinId: u16;
  denomination: i8;
  secondDenomination: i8;
  hasBody: u8;
  serial: u32;
  secondSerial: u32;
  key: usize;
  keyLength: u32;
  nonce: usize;
  nonceLength: u32;
  challenge: usize;
  challengeLength: u32;
  payload: usize;
  payloadLength: u32;
}

/** Behind the record: the reply of open-reply. */
const REPLY: usize = offsetof<Request>();

const AN_BYTES: u32 = 16;
const NONCE_BYTES: u32 = 24;
const CHALLENGE_BYTES: u32 = 12;
/** Where a payload lies in its message before it is sealed, and what may come behind it. */
const PAYLOAD_AT: usize = 48;
const TAIL_BYTES: usize = 64;

function put(offset: usize, value: u32): void {
  store<u32>(CLIENT_BLOCK + offset, value);
}

/** Copies the request into the client's block; false: a field has an impossible length. */
function describe(request: Request): bool {
  const type = <u32>request.encryption,
    two = type == Encryption.MODERN_TWO_COINS,
    keyBytes = type == Encryption.NONE ? 0 : two ? 2 * AN_BYTES : AN_BYTES;
  if (request.keyLength != keyBytes) return false;
  if (request.nonceLength != NONCE_BYTES) return false;
  if (request.challengeLength != CHALLENGE_BYTES) return false;
  put(Client.WIRE, request.wire);
  put(Client.TYPE, type);
  put(Client.RAIDA_ID, request.raidaId);
  put(Client.SHARD, request.shard);
  put(Client.GROUP, request.group);
  put(Client.COMMAND, request.command);
  put(Client.COIN_ID, request.coinId);
  put(Client.DENOMINATION, <u32>(<i32>request.denomination));
  put(Client.SERIAL, request.serial);
  put(Client.DENOMINATION_2, <u32>(<i32>request.secondDenomination));
  put(Client.SERIAL_2, request.secondSerial);
  put(Client.NO_BODY, request.hasBody ? 0 : 1);
  memory.copy(CLIENT_BLOCK + Client.KEY, request.key, keyBytes);
  memory.copy(CLIENT_BLOCK + Client.NONCE, request.nonce, NONCE_BYTES);
  const challenge = CLIENT_BLOCK + Client.CHALLENGE;
  memory.copy(challenge, request.challenge, CHALLENGE_BYTES);
  writeU32BE(challenge + CHALLENGE_BYTES, crc32(challenge, CHALLENGE_BYTES));
  return true;
}

/** What is in the block is key and challenge. */
function forget(): void {
  memory.fill(CLIENT_BLOCK, 0, Client.BYTES);
}

export function sealRequest(at: usize): usize {
  const request = changetype<Request>(at);
  if (!describe(request)) {
    forget();
    return error4(statusCase(Status.REQUEST_INVALID));
  }
  const message = allocate(PAYLOAD_AT + request.payloadLength + TAIL_BYTES, 16);
  memory.copy(message + PAYLOAD_AT, request.payload, request.payloadLength);
  put(Client.MESSAGE, <u32>message);
  put(Client.LENGTH, request.payloadLength);
  const status = seal(),
    out = load<u32>(CLIENT_BLOCK, Client.OUT_OFFSET),
    length = load<u32>(CLIENT_BLOCK, Client.OUT_LENGTH);
  forget();
  return status == Status.OK ? okList(out, length) : error4(statusCase(status));
}

export function openReply(at: usize): usize {
  if (!describe(changetype<Request>(at))) {
    forget();
    return error4(statusCase(Status.REQUEST_INVALID));
  }
  put(Client.MESSAGE, load<u32>(at, REPLY));
  put(Client.LENGTH, load<u32>(at, REPLY + 4));
  const status = open();
  store<u8>(RESULT, 0);
  store<u8>(RESULT, load<u8>(CLIENT_BLOCK, Client.OUT_STATUS), 4);
  store<u32>(RESULT, load<u32>(CLIENT_BLOCK, Client.OUT_EXECUTION), 8);
  store<u32>(RESULT, load<u32>(CLIENT_BLOCK, Client.OUT_OFFSET), 12);
  store<u32>(RESULT, load<u32>(CLIENT_BLOCK, Client.OUT_LENGTH), 16);
  forget();
  return status == Status.OK ? RESULT : error4(statusCase(status));
}
