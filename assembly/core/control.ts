/**
 * The control region: one 64-byte line for each shared word or lock, then the configuration words
 * that the host writes before configure() and that stay.
 */
import { Config, Control } from "./layout";
import { CONFIG_WORDS, SCRATCH_BYTES, WORKERS_MAX } from "./limits";
import { BASE } from "./scratch";

export const CONTROL: usize = BASE + <usize>WORKERS_MAX * SCRATCH_BYTES;
export const HEAD: usize = CONTROL + Control.HEAD;
export const COMMITTED: usize = CONTROL + Control.COMMITTED;
export const LOADS: usize = CONTROL + Control.LOADS;
export const CLOCK_HAND: usize = CONTROL + Control.CLOCK_HAND;
export const PIN_TOKEN: usize = CONTROL + Control.PIN_TOKEN;
export const ALLOCATION: usize = CONTROL + Control.ALLOCATION;
export const STOP: usize = CONTROL + Control.STOP;
export const LOCKERS: usize = CONTROL + Control.LOCKERS;
export const TALLY: usize = CONTROL + Control.TALLY;
export const RESERVATIONS: usize = CONTROL + Control.RESERVATIONS;
export const CROSSOVER: usize = CONTROL + Control.CROSSOVER;
export const MERKLE_READY: usize = CONTROL + Control.MERKLE;
export const REPLAY_LOCK: usize = CONTROL + Control.REPLAY;
const CONFIG: usize = CONTROL + 1024;
export const CONTROL_END: usize = CONFIG + 4 * CONFIG_WORDS;

export const ADMIN_KEY: usize = CONFIG + 4 * Config.ADMIN_KEY;
export const VERSION: usize = CONFIG + 4 * Config.VERSION_0;
export const HASH_KEY: usize = CONFIG + 4 * Config.HASH_KEY;

/** Where the host writes the configuration words before configure(). */
export function configBlock(): usize {
  return CONFIG;
}

/** A configuration word (core/layout.ts, Config). */
export function word(index: u32): u32 {
  return load<u32>(CONFIG + ((<usize>index) << 2));
}
