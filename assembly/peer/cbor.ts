/**
 * The head of a CBOR item (RFC 8949 section 3), strict: the fewest bytes, no length that comes only
 * at the end, no additional information that means nothing yet.
 */
import { PeerVerdict } from "../core/peer";
import { at, end, fail, fitting, isFine, readBE, readU8 } from "./cursor";

export const enum Major {
  UNSIGNED = 0,
  NEGATIVE = 1,
  BYTES = 2,
  TEXT = 3,
  ARRAY = 4,
  MAP = 5,
  TAG = 6,
  SIMPLE = 7,
}
/** null, as a whole. */
export const NULL: u8 = 0xf6;
/** The tag of an unsigned integer of more than 64 bits, which is in bytes. */
export const TAG_BIG: u64 = 2;
export const TAG_BIG_NEGATIVE: u64 = 3;

/** Additional information from which on bytes follow, and that of an end which comes later. */
const FOLLOWED: u32 = 24;
const LATER: u32 = 31;

/** Of the head that was read last: its additional information, what it says (value or length). */
export let information: u32 = 0;
export let value: u64 = 0;

/** Reads a head; after a fault what it returns means nothing. */
export function readHead(): Major {
  const first = <u32>readU8(),
    major = <Major>(first >> 5);
  information = first & 31;
  value = information;
  if (information < FOLLOWED) return major;
  if (information == LATER && major != Major.UNSIGNED && major != Major.NEGATIVE) {
    fail(major == Major.TAG ? PeerVerdict.TYPE : PeerVerdict.INDEFINITE);
  } else if (information > FOLLOWED + 3) {
    fail(PeerVerdict.TYPE);
  } else {
    value = readBE(1 << (information - FOLLOWED));
    if (isFine() && major != Major.SIMPLE && value < leastOf(information)) {
      fail(PeerVerdict.NON_MINIMAL);
    }
  }
  return major;
}

/** The least number that needs as many bytes behind its head. */
function leastOf(information: u32): u64 {
  if (information == FOLLOWED) return FOLLOWED;
  return (<u64>1) << (8 << (information - FOLLOWED - 1));
}

/** A head of this type; anything else is a fault. */
export function expect(major: Major): void {
  if (readHead() != major) fail(PeerVerdict.TYPE);
}

/** An array or a map: how many items or pairs, never more than the rest can hold. */
export function readCount(major: Major): u32 {
  expect(major);
  return isFine() ? fitting(value, major == Major.MAP ? 2 : 1) : 0;
}

/** The length of a text or of bytes that are there. */
export function readLength(major: Major): u32 {
  expect(major);
  return isFine() ? fitting(value, 1) : 0;
}

/** Whether null is next; then it is taken. */
export function takesNull(): bool {
  if (at == end || load<u8>(at) != NULL) return false;
  readU8();
  return true;
}
