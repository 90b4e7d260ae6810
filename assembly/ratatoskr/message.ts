/** The exports' side of messages: the checks in their order, and encoding within the bounds. */
import { MESSAGE_BYTES_MAX } from "../core/limits";
import { RATATOSKR } from "../core/memory";
import { Block, MessageKind, RequestField, Verdict } from "../core/ratatoskr";
import { numberOf } from "./block";
import { decode } from "./decode";
import { digestRequest } from "./digest";
import { encode } from "./encode";
import { checkSchema, checkTimestamp } from "./schema";

/**
 * Reads the message of `length` bytes at IN: size, strict decode, schema. Verdicts: OK, 1 to 63.
 */
export function openMessage(kind: MessageKind, length: u32): Verdict {
  if (length > MESSAGE_BYTES_MAX) return Verdict.MESSAGE_TOO_LARGE;
  const decoded = decode(kind, RATATOSKR + Block.IN, length);
  return decoded == Verdict.OK ? checkSchema(kind) : decoded;
}

/**
 * Reads a request, checks that it is fresh, and digests it. `now`: seconds since the epoch.
 * Verdicts: OK, 1 to 95.
 */
export function openRequest(length: u32, now: i64, skew: u32): Verdict {
  const opened = openMessage(MessageKind.REQUEST, length);
  if (opened != Verdict.OK) return opened;
  const fresh = checkTimestamp(numberOf(RequestField.TIMESTAMP), now, skew);
  if (fresh == Verdict.OK) digestRequest();
  return fresh;
}

/** Encodes the message that the block describes. Verdicts: OK, those of the schema. */
export function encodeMessage(kind: MessageKind): Verdict {
  const fits = checkSchema(kind);
  if (fits == Verdict.OK) encode(kind);
  return fits;
}
