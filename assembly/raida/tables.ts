/**
 * The tables that are durable with the coins, as the host loads them from the store: lockers,
 * in-use map, counts, cells. Before the first request, or with all workers stopped.
 */
import { CELL_BYTES, CELLS as CELL_COUNT, DENOMINATIONS, SERIAL_BITS } from "../core/limits";
import { CELLS } from "../core/memory";
import { Status } from "../core/status";
import { NO_PAGE, pageKey } from "./coins";
import { clearInUse } from "./in-use";
import { clearLockers, enterCoin, isKept } from "./lockers";

export function clearDurableTables(): void {
  clearLockers();
  clearInUse();
  memory.fill(CELLS, 0, <usize>(CELL_COUNT * CELL_BYTES));
}

/**
 * Enters a coin whose AN, the 16 bytes at `an`, is that of a locker. Statuses: OK; MEMORY: the
 * index is full; INVALID_ARGUMENT: no such coin, or no such form.
 */
export function enterLockerCoin(denominationIndex: u32, serial: u32, an: usize): Status {
  if (denominationIndex >= DENOMINATIONS) return Status.INVALID_ARGUMENT;
  if (pageKey(<i32>denominationIndex - 8, serial) == NO_PAGE || !isKept(v128.load(an)))
    return Status.INVALID_ARGUMENT;
  const coin = (denominationIndex << SERIAL_BITS) | serial;
  return enterCoin(coin, an) ? Status.OK : Status.MEMORY;
}
