/**
 * The command table: a function index for each (group, command), filled once in configure().
 * Indices are those of the module, so they hold in every instance of it. 0: no such command.
 */
import { COMMANDS } from "../core/memory";

export function commandIndex(group: u32, command: u32): u32 {
  return <u32>load<u16>(COMMANDS + ((<usize>((group << 8) | command)) << 1));
}

/** Enters a command; configure() only. */
export function enterCommand(group: u32, command: u32, functionIndex: u32): void {
  store<u16>(COMMANDS + ((<usize>((group << 8) | command)) << 1), functionIndex);
}
