/**
 * The four messages, as the decoder and the encoder see them: for each field number the type of its
 * value. Reference: Ratatoskr section 1.
 */
import { MessageKind } from "../core/ratatoskr";

export const enum Type {
  /** Nobody knows this number. */
  NONE = 0,
  /** int64 and enum: a plain varint of 64 bits, not zigzag. */
  VARINT = 1,
  BOOL = 2,
  STRING = 3,
  BYTES = 4,
  /** map<string, string>: the only nesting there is. */
  MAP = 5,
}

/** A Type a digit, the lowest that of field 0, in the order of MessageKind. */
const TYPES: usize = memory.data<u64>([0x5444133310, 0x543321310, 0x3330, 0x31320]);
/** Digits of a u64: field numbers that a message can have. */
const FIELDS: u64 = 16;

/** The type of field `number` of a message; NONE for a number that nobody knows. */
export function typeOf(kind: MessageKind, number: u64): Type {
  if (number >= FIELDS) return Type.NONE;
  const types = load<u64>(TYPES + ((<usize>kind) << 3));
  return <Type>((types >> (number << 2)) & 15);
}
