/** Whether an engine can be one that transfers: told before it is made, and before it is used. */
import type { TransferSizes } from '../engine/configuration.ts';
import type { Engine } from '../engine/engine.ts';
import { Config, Region } from '../engine/generated/layout.ts';
import {
  RING_ENTRIES_MAX,
  TRANSFER_BLOCKS_MAX,
  TRANSFER_CHUNKS_MAX,
  TRANSFER_RANGES_MAX,
  TRANSFER_SESSIONS_MAX,
  TRANSFER_STREAMS_MAX,
} from '../engine/generated/limits.ts';
import { checkKnown, checkWhole } from './argument-checks.ts';

/** Large frames in which packets come, and in which they go: a batch of 64 of any size. */
export const FRAMES_EACH_WAY = 9;
const EVENTS_MIN = 64;

/** The most of each; all but the events go from 1 on. */
const MOST: Record<keyof TransferSizes, number> = {
  sessions: TRANSFER_SESSIONS_MAX,
  streams: TRANSFER_STREAMS_MAX,
  sentChunks: TRANSFER_CHUNKS_MAX,
  keyChunks: TRANSFER_CHUNKS_MAX,
  blocks: TRANSFER_BLOCKS_MAX,
  ranges: TRANSFER_RANGES_MAX,
  messages: TRANSFER_CHUNKS_MAX,
  events: RING_ENTRIES_MAX,
};

/**
 * @throws TypeError: no number, or a size that there is not; RangeError: out of its range (the
 * events no power of two)
 */
export function checkTransferSizes(sizes: TransferSizes): void {
  checkKnown('sizes', sizes, Object.keys(MOST));
  checkWhole('sessions', sizes.sessions, 1, MOST.sessions);
  for (const [name, value] of Object.entries(sizes) as [keyof TransferSizes, number][]) {
    if (value === undefined) continue;
    checkWhole(name, value, name === 'events' ? EVENTS_MIN : 1, MOST[name]);
  }
  const { events = EVENTS_MIN } = sizes;
  if (!Number.isInteger(Math.log2(events))) {
    throw new RangeError(`events: wanted a power of two, got ${events}`);
  }
}

/** @throws RangeError: the engine has no room for transfer, or none for its packets */
export function checkEngineTransfers(engine: Engine): void {
  const words = engine.exports.configBlock() >>> 2;
  const frames = engine.u32[words + Config.LARGE_FRAMES] ?? 0;
  if (engine.region(Region.TRANSFER) !== 0 && frames >= 2 * FRAMES_EACH_WAY) return;
  throw new RangeError('engine: wanted one that has transferSizes(), got one without');
}
