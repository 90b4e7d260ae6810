/** Group 0, Status: echo, version, show stats, audit. Reference: RAIDA section 9. */
import { load64 } from "../../core/atomics";
import { VERSION } from "../../core/control";
import { Statistic } from "../../core/layout";
import { DENOMINATIONS } from "../../core/limits";
import { STATISTICS } from "../../core/memory";
import { Status } from "../../core/status";
import { isAdmin } from "../admin";
import * as context from "../context";
import { Outcome } from "../context";
import { writeU32BE } from "../header";
import { countInUse, inUsePosition } from "../in-use";
import { countEcho, flushStatistics } from "../statistics";

/** 0/0: any body or none; 250, empty. */
export function echo(_pinning: bool): Outcome {
  countEcho();
  return context.answer(Status.SUCCESS, 0);
}

/** 0/1: any body or none; 250 and eight ASCII bytes yyyymmdd. */
export function version(_pinning: bool): Outcome {
  store<u64>(context.body(), load<u64>(VERSION));
  return context.answer(Status.SUCCESS, 8);
}

/**
 * 0/2: admin key (16); 250 and four u64, little-endian as public clients read them (section 11,
 * point 34).
 */
export function showStats(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes < 16) return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (!isAdmin(context.payload)) return context.refuse(Status.ADMIN_AUTH);
  flushStatistics();
  const out = context.body();
  store<u64>(out, load64(STATISTICS + Statistic.ECHO));
  store<u64>(out, load64(STATISTICS + Statistic.POWN_COUNT), 8);
  store<u64>(out, load64(STATISTICS + Statistic.POWN_VALUE), 16);
  store<u64>(out, load64(STATISTICS + Statistic.DATAGRAMS), 24);
  return context.answer(Status.SUCCESS, 32);
}

/**
 * 0/3: no body needed; 250 and 15 x (denomination, count of coins in use u32), ascending from -8.
 */
export function audit(_pinning: bool): Outcome {
  let out = context.body();
  for (let index: u32 = 0; index < DENOMINATIONS; index++, out += 5) {
    store<u8>(out, index - 8);
    writeU32BE(out + 1, countInUse(index));
  }
  context.raisePosition(inUsePosition());
  return context.answer(Status.SUCCESS, DENOMINATIONS * 5);
}
