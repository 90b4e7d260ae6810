/** The resource packets of transfer.wit: transfer/packet-session.ts with its arguments checked. */
import { FrameHead, PacketVerdict } from "../core/transfer";
import { frameLength } from "../transfer/frame";
import { PACKET_OVERHEAD } from "../transfer/packet";
import {
  packetsEnd,
  packetsMove,
  packetsOpen,
  packetsRekey,
  packetsSeal,
  packetsStart,
} from "../transfer/packet-session";
import { allocate, error1, error4, okList, okNothing, RESULT } from "./abi";
import { newPackets } from "./imports";
import { generation } from "./instance";

/** transfer.wit, packet-fault. */
const enum Fault {
  KEY_LENGTH,
  NO_ROOM,
  LENGTH,
  UNCLAIMED,
  STALE,
  EPOCH,
  PATH,
  ENDED,
}

const START_BYTES: u32 = 96;
const SECRET_BYTES: u32 = 32;
const PACKET_BYTES_MAX: u32 = 65535;
const CID_BYTES: usize = 8;
const PATHS: u32 = 254;

/** A handle is a generation of the instance, and in 8 bits the entry of a session of it. */
const ENTRY_BITS: u32 = 8;

/** The entry that a handle names; 0: another engine was begun since. */
function entryOf(handle: u32): u32 {
  return handle >> ENTRY_BITS == generation() ? handle & 0xff : 0;
}

export function start(keys: usize, length: u32, initiator: u32, headerProtection: u32): usize {
  if (length != START_BYTES) return error4(Fault.KEY_LENGTH);
  const entry = packetsStart(<u32>keys, initiator, headerProtection);
  if (entry == 0) return error4(Fault.NO_ROOM);
  store<u8>(RESULT, 0);
  store<u32>(RESULT, newPackets((generation() << ENTRY_BITS) | entry), 4);
  return RESULT;
}

export function seal(handle: u32, frame: usize, frameBytes: u32, length: u32): usize {
  const isFrame =
    frameBytes >= <u32>FrameHead.BYTES && frameLength(frame) <= frameBytes - FrameHead.BYTES;
  const fits = length <= PACKET_BYTES_MAX && length >= frameBytes + PACKET_OVERHEAD;
  if (!isFrame || frameBytes > PACKET_BYTES_MAX || !fits) return error4(Fault.LENGTH);
  const at = allocate(length, 16);
  memory.copy(at + CID_BYTES, frame, frameBytes);
  const sealed = packetsSeal(entryOf(handle), <u32>at, length);
  return sealed ? okList(at, sealed) : error4(Fault.ENDED);
}

export function open(handle: u32, packet: usize, length: u32): usize {
  const entry = entryOf(handle);
  if (entry == 0) return error4(Fault.ENDED);
  const verdict = packetsOpen(entry, <u32>packet, length);
  if (verdict == PacketVerdict.TAKEN) return okList(packet + CID_BYTES, length - PACKET_OVERHEAD);
  return error4(verdict == PacketVerdict.STALE ? Fault.STALE : Fault.UNCLAIMED);
}

export function rekey(handle: u32, secret: usize, length: u32, epoch: u32): usize {
  const entry = entryOf(handle);
  if (entry == 0) return error1(Fault.ENDED);
  if (length != SECRET_BYTES) return error1(Fault.KEY_LENGTH);
  return packetsRekey(entry, <u32>secret, epoch) ? okNothing() : error1(Fault.EPOCH);
}

export function moveTo(handle: u32, path: u32): usize {
  if (path >= PATHS) return error1(Fault.PATH);
  return packetsMove(entryOf(handle), path) ? okNothing() : error1(Fault.ENDED);
}

export function end(handle: u32): void {
  packetsEnd(entryOf(handle));
}
