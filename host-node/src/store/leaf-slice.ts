/** One slice of a walk over the Merkle leaves, which every store makes alike. */
import type { LeafSlice, PageLeaf } from './coin-store.ts';
import { leafOf } from './derived.ts';
import { LEAF_ROWS_PER_SLICE, LEAVES_PER_SLICE } from './limits.ts';

/**
 * `rows`: the first LEAF_ROWS_PER_SLICE rows of the walk's rest (all, if there are fewer), pageId
 * and leaf; undefined: the leaf is stale. `read` gives a stored page, or throws.
 */
export function sliceLeaves(
  rows: readonly (readonly [pageId: number, leaf: Uint8Array | undefined])[],
  read: (pageId: number) => Uint8Array,
): LeafSlice {
  const leaves: PageLeaf[] = [];
  const computed: PageLeaf[] = [];
  for (const [pageId, known] of rows) {
    if (!known && computed.length === LEAVES_PER_SLICE) return { leaves, computed, next: pageId };
    const leaf: PageLeaf = [pageId, known ?? leafOf(read(pageId))];
    leaves.push(leaf);
    if (!known) computed.push(leaf);
  }
  const last = rows.length < LEAF_ROWS_PER_SLICE ? undefined : rows.at(-1);
  return { leaves, computed, next: last && last[0] + 1 };
}
