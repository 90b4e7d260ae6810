/** Group 12, RPC: names that the operator's zone files know. Reference: RAIDA section 9. */
import { EffectKind, EffectStatus, Folder } from "../../core/layout";
import { Status } from "../../core/status";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { findRecord, RECORD_BYTES, RecordType } from "../zone";

/** Type, and a name of three bytes. */
const BYTES_LEAST: u32 = 4;
/** With ".zone" behind it a name still names a file. */
const NAME_BYTES_MAX: u32 = 250;
const ZONE_BYTES_MAX: u32 = 65536;
const DOT: u32 = 0x2e;

/**
 * 12/120: type (1 A, 2 SRV), name: 250, IPv4 address and port (0 for A). 185: no such zone; 184: no
 * such record in it.
 */
export function nslookup(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes < BYTES_LEAST) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const type = <u32>load<u8>(context.payload);
  if (!isName(context.payload + 1, context.payloadBytes - 1))
    return context.refuse(Status.INVALID_PARAMETER);
  if (type != RecordType.A && type != RecordType.SRV)
    return context.refuse(Status.INVALID_PARAMETER);
  if (effects.done == 0) return readZone();
  if (effects.status == EffectStatus.TOO_LARGE || effects.status == EffectStatus.FAILED)
    return context.refuse(Status.FILESYSTEM);
  if (effects.status != EffectStatus.OK) return context.refuse(Status.NX_DOMAIN);
  if (effects.bytes > ZONE_BYTES_MAX) return context.refuse(Status.FILESYSTEM);
  const found = findRecord(effects.result(), effects.bytes, type, context.body());
  return found ? context.answer(Status.SUCCESS, RECORD_BYTES) : context.refuse(Status.NX_RECORD);
}

/** Letters, digits, "-" and ".", with no dot at the head and no two in a row. */
function isName(name: usize, length: u32): bool {
  if (length > NAME_BYTES_MAX) return false;
  let before = DOT;
  for (; length; length--) {
    const byte = <u32>load<u8>(name++);
    if (byte == DOT ? before == DOT : !isLetterOrDigit(byte) && byte != 0x2d) return false;
    before = byte;
  }
  return true;
}

function isLetterOrDigit(byte: u32): bool {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

function readZone(): Outcome {
  if (!effects.open(0)) return effects.noFrame();
  const name = effects.nameAt(),
    length = context.payloadBytes - 1;
  memory.copy(name, context.payload + 1, length);
  // ".zone"
  store<u32>(name + length, 0x6e6f7a2e);
  store<u8>(name + length, 0x65, 4);
  effects.setFile(Folder.ZONES, name, length + 5);
  effects.limitResult(ZONE_BYTES_MAX);
  return effects.ask(EffectKind.READ_FILE);
}
