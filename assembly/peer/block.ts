/** The block through which peer messages pass (core/peer.ts, PeerBlock). */
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerVariant } from "../core/peer";

/** Value of a number's field, or address and length of a field of bytes. */
function fieldAt(field: PeerField): usize {
  return PEER + PeerBlock.FIELDS + ((<usize>field) << 3);
}
export function numberOf(field: PeerField): u64 {
  return load<u64>(fieldAt(field));
}
export function bytesOf(field: PeerField): usize {
  return <usize>load<u32>(fieldAt(field));
}
export function lengthOf(field: PeerField): u32 {
  return load<u32>(fieldAt(field), 4);
}

/** Whether the message has the field, be it empty. */
export function has(field: PeerField): bool {
  return (present() & (1 << field)) != 0;
}
export function present(): u32 {
  return load<u32>(PEER, PeerBlock.PRESENT);
}
export function setNumber(field: PeerField, value: u64): void {
  store<u64>(fieldAt(field), value);
  mark(field);
}
export function setBytes(field: PeerField, address: usize, length: u32): void {
  store<u32>(fieldAt(field), <u32>address);
  store<u32>(fieldAt(field), length, 4);
  mark(field);
}
export function mark(field: PeerField): void {
  store<u32>(PEER, present() | (1 << field), PeerBlock.PRESENT);
}

export function variant(): PeerVariant {
  return <PeerVariant>load<u32>(PEER, PeerBlock.VARIANT);
}
export function setVariant(value: PeerVariant): void {
  store<u32>(PEER, value, PeerBlock.VARIANT);
}
export function setOutLength(bytes: usize): void {
  store<u32>(PEER, <u32>bytes, PeerBlock.OUT_LENGTH);
}

/** Whether two fields have the same bytes. */
export function sameBytes(a: PeerField, b: PeerField): bool {
  return lengthOf(a) == lengthOf(b) && memory.compare(bytesOf(a), bytesOf(b), lengthOf(a)) == 0;
}

/** Forgets what the block told of the last message. */
export function clearBlock(): void {
  memory.fill(PEER, 0, PeerBlock.IN);
}
