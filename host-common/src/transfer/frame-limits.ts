/**
 * Bytes that a frame holds which is never cut in two: it goes in one packet, and that has to fit
 * the smallest that the way here may come down to. What is longer would wait for ever.
 */
import {
  TRANSFER_MESSAGE_BYTES,
  TRANSFER_METADATA_BYTES_MAX,
  TRANSFER_PACKET_BYTES_MIN,
} from '../engine/generated/limits.ts';
import { FrameHead } from '../engine/generated/transfer.ts';
import { checkBytes } from './argument-checks.ts';

/** CID before a frame, tag behind it. */
const OVERHEAD = 8 + FrameHead.BYTES + 16;
/** In front of the application's own: the type of a CONTROL, and what begins the others. */
const CONTROL_HEAD = 2;
const OPEN_HEAD = 8;
const GOAWAY_HEAD = 10;
const GOAWAY_REASON_MAX = 256;
const CLOSE_HEAD = 6;
const CLOSE_REASON_MAX = 1024;

export interface FrameLimits {
  extension: number;
  control: number;
  metadata: number;
  goAwayReason: number;
  closeReason: number;
}

/** `datagramBytesMax`: the largest that the transport takes. */
export function frameLimits(datagramBytesMax: number): FrameLimits {
  const payload = Math.max(datagramBytesMax, TRANSFER_PACKET_BYTES_MIN) - OVERHEAD;
  const extension = Math.min(payload, TRANSFER_MESSAGE_BYTES);
  return {
    extension,
    control: extension - CONTROL_HEAD,
    metadata: Math.min(payload - OPEN_HEAD, TRANSFER_METADATA_BYTES_MAX),
    goAwayReason: Math.min(payload - GOAWAY_HEAD, GOAWAY_REASON_MAX),
    closeReason: Math.min(payload - CLOSE_HEAD, CLOSE_REASON_MAX),
  };
}

/** @throws TypeError: no Uint8Array; RangeError: more than `most` bytes */
export function checkFits(name: string, bytes: unknown, most: number): void {
  checkBytes(name, bytes);
  const { length } = bytes as Uint8Array;
  if (length > most) throw new RangeError(`${name}: wanted at most ${most} bytes, got ${length}`);
}
