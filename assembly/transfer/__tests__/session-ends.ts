/**
 * Two sessions, one of each side, in one memory: their packets find both by their prefix, and only
 * the other's key fits. Packets go by hand, through TransferBlock.SENT and RECEIVED.
 */
import { Ring } from "../../core/layout";
import { TRANSFER } from "../../core/memory";
import {
  OpenArgument,
  PacketVerdict,
  PathField,
  TransferBlock,
  TransferEvent,
  TransferEventKind,
  TransferPacket,
} from "../../core/transfer";
import { TRANSFER_EVENTS, transferEvents } from "../../core/transfer-memory";
import { guarded } from "../../crypto/__tests__/bytes";
import { now } from "../clock";
import { at, open, receive, send, step } from "../exports";
import { releaseBytes } from "../messages";

/** Packets under way: where each lies, its length, the handle of whoever sent it. */
const AREA: usize = guarded(1 << 20);
const AREA_BYTES: u32 = 200000;
const KEPT: usize = AREA + 262144;
export const PACKET_SLOT: usize = 2048;

export let ours: u32 = 0;
export let theirs: u32 = 0;
/** Packets that the last flush() took out. */
export let flying: u32 = 0;

/** Where the far end of a side is. */
export function farOf(side: u32, port: u32): usize {
  const far = guarded(PathField.BYTES);
  memory.fill(far, 0, PathField.BYTES);
  store<u32>(far, 0xffff0000, 8);
  store<u8>(far, 10, 12);
  store<u8>(far, side, 15);
  store<u16>(far, port, PathField.PORT);
  return far;
}
export const FAR_OURS = farOf(1, 4000);
export const FAR_THEIRS = farOf(2, 4000);

export function setTime(us: u64): void {
  at(<u32>us, <u32>(us >> 32));
}

function openSide(initiator: bool, secret: u8): u32 {
  const block = TRANSFER + TransferBlock.ARGUMENTS;
  memory.fill(block, 0, OpenArgument.BYTES);
  memory.fill(block, 9, 96);
  store<u32>(block, initiator ? 1 : 0, OpenArgument.INITIATOR);
  store<u32>(block, 8, OpenArgument.PEER_MAX_STREAMS);
  store<u32>(block, 8, OpenArgument.MAX_STREAMS);
  store<u32>(block, 1472, OpenArgument.MTU_MAX);
  memory.copy(block + OpenArgument.PATH, initiator ? FAR_THEIRS : FAR_OURS, PathField.BYTES);
  memory.fill(block + OpenArgument.SECRET, secret, 32);
  return open(<u32>now, <u32>(now >> 32));
}

/** Opens both sides; ours called. */
export function openBoth(): void {
  ours = openSide(true, 1);
  theirs = openSide(false, 2);
}

/** Takes out the packets that both sides send now; their entries stay in SENT. */
export function flush(): u32 {
  flying = send(AREA, AREA_BYTES, <u32>now, <u32>(now >> 32));
  return flying;
}

function sentEntry(index: u32): usize {
  return TRANSFER + TransferBlock.SENT + <usize>index * TransferPacket.BYTES;
}

export function senderOf(index: u32): u32 {
  return load<u32>(sentEntry(index), TransferPacket.SESSION);
}
export function lengthOf(index: u32): u32 {
  return load<u32>(sentEntry(index), TransferPacket.LENGTH);
}
export function packetOf(index: u32): usize {
  return <usize>load<u32>(sentEntry(index), TransferPacket.OFFSET);
}

/** Hands a packet of the last flush() to the other side, as from `far`; 0: from where it is. */
export function deliver(index: u32, far: usize): PacketVerdict {
  const from = far ? far : senderOf(index) == ours ? FAR_OURS : FAR_THEIRS;
  return arrive(packetOf(index), lengthOf(index), from);
}

/** A packet arrives; it is opened in a copy. */
export function arrive(packet: usize, length: u32, far: usize): PacketVerdict {
  const entry = TRANSFER + TransferBlock.RECEIVED;
  memory.copy(KEPT, packet, length);
  store<u32>(entry, <u32>KEPT, TransferPacket.OFFSET);
  store<u32>(entry, length, TransferPacket.LENGTH);
  memory.copy(entry + TransferPacket.PATH, far, PathField.BYTES);
  receive(1, <u32>now, <u32>(now >> 32));
  return load<u32>(entry, TransferPacket.VERDICT);
}

/** Delivers everything both sides send until neither has more; `us` pass with each round. */
export function settleDown(us: u64): void {
  for (let round = 0; round < 200; round++) {
    const count = flush();
    for (let i: u32 = 0; i < count; i++) deliver(i, 0);
    if (count == 0 && round > 8) return;
    setTime(now + us);
    step(<u32>now, <u32>(now >> 32));
  }
}

/** Lets both sides do what is due, and loses what they send. */
export function settleNothing(): void {
  step(<u32>now, <u32>(now >> 32));
  while (flush()) {}
}

/** Events since the last call: how many of a kind of one session; the last one's fields. */
export let eventNumber: u32 = 0;
export let eventCode: u32 = 0;
/** The stream that STREAM_OPENED told of last. */
export let openedStream: u32 = 0;
export let eventLength: u32 = 0;
export let eventOffset: usize = 0;
const KINDS: usize = 64;
const counts: usize = guarded(2 * KINDS);

export function drain(): void {
  memory.fill(counts, 0, 2 * KINDS);
  let tail = load<u32>(TRANSFER_EVENTS, Ring.TAIL);
  for (; tail != load<u32>(TRANSFER_EVENTS, Ring.HEAD); tail++) {
    const index = <usize>(tail & (transferEvents - 1)),
      event = TRANSFER_EVENTS + Ring.ENTRIES + index * Ring.ENTRY_BYTES,
      kind = load<u32>(event),
      side: usize = load<u32>(event, TransferEvent.SESSION) == ours ? 0 : KINDS,
      counter = counts + side + <usize>kind;
    store<u8>(counter, load<u8>(counter) + 1);
    eventNumber = load<u32>(event, TransferEvent.NUMBER);
    eventCode = load<u32>(event, TransferEvent.CODE);
    if (kind == TransferEventKind.STREAM_OPENED)
      openedStream = load<u32>(event, TransferEvent.STREAM);
    eventLength = load<u32>(event, TransferEvent.LENGTH);
    eventOffset = <usize>load<u32>(event, TransferEvent.OFFSET);
    const slot = load<u32>(event, TransferEvent.SLOT);
    if (slot) releaseBytes(slot);
  }
  store<u32>(TRANSFER_EVENTS, tail, Ring.TAIL);
}
export function told(side: u32, kind: u32): u32 {
  return load<u8>(counts + (side == ours ? 0 : KINDS) + <usize>kind);
}
