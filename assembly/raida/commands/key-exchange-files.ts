/**
 * Group 4, Key exchange: keys that clients leave for each other, a file each. Seed 001 sections 4.4
 * to 4.6; reference: RAIDA sections 9 and 11, point 30.
 */
import { EffectKind, EffectStatus, Folder, WriteMode } from "../../core/layout";
import { Status } from "../../core/status";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { Encryption, KEY_DENOMINATION, KEY_SERIAL } from "../header";
import { COIN_BYTES } from "../pages-of-request";
import { writeHex } from "../text";

/** The identifier of a key; its file is named with these bytes in hex. */
const ID_BYTES: u32 = 16;
/** 4/41: identifier, 16 bytes without a use, coin, 128 bytes of data, start, length. */
const POST_BYTES: u32 = 167;
const COIN: usize = 32;
const DATA: usize = 37;
const START: usize = 165;
const LENGTH: usize = 166;
/** Start and length together. */
const SEGMENT_END_MAX: u32 = 127;
/** 4/43: identifier, and 21 bytes that nobody looks at. */
const GET_BYTES: u32 = 37;
/** Seed 001 section 3.1: CHAT_KEY_BUFFER_SIZE. */
const FILE_BYTES_MAX: u32 = 512;
/** Seed 001 section 3.3. */
const PERMISSIONS: u32 = 0o640;

/**
 * 4/41: keeps coin and data[start, start + length) under the identifier: 250. A key that exists is
 * replaced only by a request of type 1 whose coin is the one in the file: else 194.
 */
export function postKey(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != POST_BYTES) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const start = <u32>load<u8>(context.payload, START),
    length = <u32>load<u8>(context.payload, LENGTH);
  if (start + length > SEGMENT_END_MAX) return context.refuse(Status.INVALID_KEY_LENGTH);
  const mayReplace = context.type == Encryption.COIN;
  if (effects.done == 0) return mayReplace ? readKey(0) : writeKey(WriteMode.CREATE);
  if (effects.done == 1 && mayReplace) {
    if (effects.status == EffectStatus.MISSING) return writeKey(WriteMode.CREATE);
    return isOwner() ? writeKey(WriteMode.REPLACE) : context.refuse(Status.FILESYSTEM);
  }
  return context.refuse(effects.status == EffectStatus.OK ? Status.SUCCESS : Status.FILESYSTEM);
}

/** Does the file name the coin under which the request came? */
function isOwner(): bool {
  if (effects.status != EffectStatus.OK || effects.bytes < COIN_BYTES) return false;
  const file = effects.result(),
    message = context.message;
  return (
    load<u8>(file) == load<u8>(message, KEY_DENOMINATION) &&
    load<u32>(file, 1) == load<u32>(message, KEY_SERIAL)
  );
}

function nameKey(): void {
  const name = effects.nameAt();
  effects.setFile(Folder.KEYS, name, <u32>(writeHex(name, context.payload, ID_BYTES) - name));
}

function writeKey(mode: WriteMode): Outcome {
  // Above a file that was read, so that it is wiped with the rest.
  if (!effects.open(FILE_BYTES_MAX)) return effects.noFrame();
  nameKey();
  const content = effects.contentAt(),
    length = <u32>load<u8>(context.payload, LENGTH);
  memory.copy(content, context.payload + COIN, COIN_BYTES);
  const data = context.payload + DATA + load<u8>(context.payload, START);
  memory.copy(content + COIN_BYTES, data, length);
  effects.setContent(COIN_BYTES + length);
  effects.setMode(mode, PERMISSIONS);
  return effects.ask(EffectKind.WRITE_FILE);
}

/** Asks for the key's file, to lie `offset` bytes behind the start of the request's frame. */
function readKey(offset: u32): Outcome {
  if (!effects.open(offset)) return effects.noFrame();
  nameKey();
  effects.limitResult(FILE_BYTES_MAX);
  return effects.ask(EffectKind.READ_FILE);
}

/** 4/43: identifier (16), 21 bytes that do not matter: 250 and the file, or 194. */
export function getKey(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes != GET_BYTES) return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (effects.done == 0) return readKey(context.headerBytes);
  if (effects.status != EffectStatus.OK || effects.bytes > FILE_BYTES_MAX)
    return context.refuse(Status.FILESYSTEM);
  return effects.answerFromFrame(Status.SUCCESS, effects.bytes);
}

/** 4/42: anything: 250. */
export function keyAlert(_pinning: bool): Outcome {
  return context.refuse(Status.SUCCESS);
}
