/**
 * What the threads of the table stress share: the coin pages as the store has them, and words. A
 * page with changes is never loaded, so nobody reads what is being written.
 */
import type { EngineIdentity } from '@andvari/host-common/engine/configuration';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import type { PageSource } from '../engine/derived-store.ts';
import { pageOf } from '../engine/rig.ts';
import { IDENTITY } from '../engine/vector-state.ts';
import { PAGES } from '../fuzz/payloads.ts';

export const Word = {
  /** 1: the committer ends when nothing is left to commit. */
  FINISH: 0,
  /** 1: something went wrong, everybody stops. */
  ABORT: 1,
  /** For Atomics.wait: nobody ever changes it. */
  NEVER: 2,
} as const;

export interface TablesState {
  words: SharedArrayBuffer;
  pages: SharedArrayBuffer;
}

/** Of the servers that the stress stands for. */
export const WIRE = 'legacy';
export const TABLES_IDENTITY: EngineIdentity = { ...IDENTITY, wire: WIRE, modern: true };

export function newTablesState(): TablesState {
  const state = {
    words: new SharedArrayBuffer(64),
    pages: new SharedArrayBuffer(15 * PAGES * PAGE_BYTES),
  };
  const pages = pagesIn(state);
  for (let denomination = -8; denomination <= 6; denomination++) {
    for (let page = 0; page < PAGES; page++) {
      pages(denomination, page)?.set(pageOf(denomination, page));
    }
  }
  return state;
}

/** The pages as a source; undefined: no such page. */
export function pagesIn({ pages }: TablesState): PageSource {
  const bytes = new Uint8Array(pages);
  return (denomination: number, page: number) => {
    if (denomination < -8 || denomination > 6 || page >= PAGES) return undefined;
    const at = ((denomination + 8) * PAGES + page) * PAGE_BYTES;
    return bytes.subarray(at, at + PAGE_BYTES);
  };
}
