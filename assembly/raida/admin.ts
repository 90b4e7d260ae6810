/**
 * The admin key of groups 0, 3 and 13: compared in constant time, counted, and taken in clear text
 * only from this machine or when the operator allows it (reference: RAIDA section 11, point 29).
 */
import { add64 } from "../core/atomics";
import { ADMIN_KEY } from "../core/control";
import { Statistic } from "../core/layout";
import { hasAdminKey, STATISTICS } from "../core/memory";
import { equal16 } from "../crypto/equal";
import * as context from "./context";

/** Are the 16 bytes at `key` the admin key, shown as it may be? */
export function isAdmin(key: usize): bool {
  const right = equal16(key, ADMIN_KEY) && hasAdminKey && context.mayShowAdminKey();
  add64(STATISTICS + (right ? Statistic.ADMIN_ACCEPTED : Statistic.ADMIN_REFUSED), 1);
  return right;
}
