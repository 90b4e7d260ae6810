/**
 * Which command answers which (group, command): the one place that knows them all. Reference: RAIDA
 * section 8.
 */
import { enterCommand } from "../dispatch";
import { detect, detectSum, pown, pownSum } from "./auth";
import { find, getTicket, validateTicket } from "./healing";
import { audit, echo, showStats, version } from "./status";

const STATUS: u32 = 0;
const AUTH: u32 = 1;
const HEALING: u32 = 2;

/** Fills the command table; configure() only. */
export function fillCommandTable(): void {
  enterCommand(STATUS, 0, echo.index);
  enterCommand(STATUS, 1, version.index);
  enterCommand(STATUS, 2, showStats.index);
  enterCommand(STATUS, 3, audit.index);
  enterCommand(AUTH, 10, detect.index);
  enterCommand(AUTH, 11, detectSum.index);
  enterCommand(AUTH, 20, pown.index);
  enterCommand(AUTH, 21, pownSum.index);
  enterCommand(HEALING, 40, getTicket.index);
  enterCommand(HEALING, 50, validateTicket.index);
  enterCommand(HEALING, 60, find.index);
}
