/**
 * What the store thread and its client say to each other. Sessions are named by the client's id.
 */
import type { StoreTables } from '@andvari/host-common/engine/store-tables';
import type { StoreErrorRecord, StoreIdentity } from './coin-store.ts';
import type { JournalPlace } from './journal-reader.ts';

export interface SessionOptions extends StoreIdentity, JournalPlace {
  url: string;
  create: boolean;
  /** Words that both sides see; Shared says which. */
  shared: SharedArrayBuffer;
}

/** Word indexes of SessionOptions.shared. */
export const Shared = {
  /** 1: a wake message is on its way, another one would say nothing new. */
  WAKE: 0,
  /** Fifteen counts, as committed. */
  COUNTS: 1,
  WORDS: 16,
} as const;

/** Words of one load in a load message: slot, page key, offset of the page slot, sequence. */
export const LOAD_WORDS = 4;
/** Words of one load in a loaded message: slot, sequence. */
export const LOADED_WORDS = 2;

export type ToStoreThread =
  | {
      kind: 'open';
      id: number;
      options: SessionOptions;
      /**
       * Events that stop a session are numbered from here, so that a restart names the one it
       * answers.
       */
      epoch: number;
      /** Set after the thread died: try until it works, then report this as an unknown outcome. */
      recover: StoreErrorRecord | undefined;
    }
  | { kind: 'load'; id: number; loads: Uint32Array }
  | { kind: 'wake'; id: number }
  | { kind: 'tables' | 'leaves'; id: number }
  | { kind: 'restart'; id: number; epoch: number; position: bigint }
  | { kind: 'close'; id: number };

export type FromStoreThread =
  | { kind: 'opened'; id: number }
  | { kind: 'openFailed'; id: number; error: StoreErrorRecord }
  | { kind: 'loaded'; id: number; loads: Uint32Array }
  | { kind: 'committed'; id: number; position: bigint }
  | {
      kind: 'refused' | 'unknown';
      id: number;
      epoch: number;
      position: bigint;
      error: StoreErrorRecord;
    }
  | { kind: 'tables'; id: number; tables: StoreTables }
  | { kind: 'leaves'; id: number; leaves: Uint8Array }
  | { kind: 'ready'; id: number; ready: boolean }
  | { kind: 'trouble'; id: number; error: StoreErrorRecord }
  | { kind: 'closed'; id: number };

/** What a store thread is started with. */
export interface StoreThreadData {
  /** URL of a module that exports openStore (open-store.ts unless a test wants faults). */
  factory: string;
}
