/**
 * The Merkle trees of the wire legacy, a tree a denomination over its pages: SHA-256 leaves from
 * the store, SHA-256(left || right) above, an odd node paired with itself. Written into the engine
 * (Region.MERKLE), which answers 14/2, 14/5 and votes from there. Reference: RAIDA sections 5, 9.
 */
import { createHash } from 'node:crypto';
import type { Engine } from '@andvari/host-common/engine/engine';
import { Control, Region } from '@andvari/host-common/engine/generated/layout';
import { DENOMINATIONS, PAGE_RECORDS } from '@andvari/host-common/engine/generated/limits';
import type { StoreHandle } from '../store/store-client.ts';

const HASH_BYTES = 32;
/** A leaf as the store tells it: page key, hash. */
const ROW_BYTES = 36;
/** Leaf of a page of which no record is in use: every AN counts as zeros. */
const BLANK_LEAF = createHash('sha256')
  .update(new Uint8Array(PAGE_RECORDS * 16))
  .digest();

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

/** All nodes of a tree over `leaves` (a multiple of 32 bytes), level by level, the root last. */
export function treeOver(leaves: Uint8Array): Uint8Array {
  const levels = [leaves];
  let level = leaves;
  while (level.length > HASH_BYTES) {
    const nodes = Math.ceil(level.length / HASH_BYTES / 2);
    const above = new Uint8Array(nodes * HASH_BYTES);
    for (let node = 0; node < nodes; node++) {
      const pair = level.subarray(2 * node * HASH_BYTES, 2 * (node + 1) * HASH_BYTES);
      const whole = pair.length > HASH_BYTES ? pair : Buffer.concat([pair, pair]);
      above.set(sha256(whole), node * HASH_BYTES);
    }
    levels.push(above);
    level = above;
  }
  return Buffer.concat(levels);
}

export class MerkleTrees {
  readonly #engine: Engine;
  readonly #store: Pick<StoreHandle, 'leaves'>;
  readonly #timer: NodeJS.Timeout;
  #building = false;
  /** By denomination index, as last written. */
  readonly #trees: Uint8Array[] = [];

  /** Builds the trees at once, and again every `seconds`. */
  constructor(engine: Engine, store: Pick<StoreHandle, 'leaves'>, seconds: number) {
    this.#engine = engine;
    this.#store = store;
    this.#timer = setInterval(() => void this.build(), seconds * 1000).unref();
    void this.build();
  }

  /** Asks the store for the leaves and writes the trees. One at a time. */
  async build(): Promise<void> {
    if (this.#building) return;
    this.#building = true;
    // A store that closes or cannot be read leaves the trees as they are.
    const rows = await this.#store.leaves().catch(() => undefined);
    if (rows) await this.#write(rows);
    this.#building = false;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #write(rows: Uint8Array): Promise<void> {
    const { u8, u32, pagesPerDenomination: pages } = this.#engine;
    const leaves = Array.from({ length: DENOMINATIONS }, () => blankLeaves(pages));
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let row = 0; row < rows.length; row += ROW_BYTES) {
      const id = view.getUint32(row, true);
      const place = (id & 0xffff) * HASH_BYTES;
      leaves[id >>> 16]?.set(rows.subarray(row + 4, row + ROW_BYTES), place);
    }
    const ready = (this.#engine.region(Region.CONTROL) + Control.MERKLE) >>> 2;
    // The engine answers from whole trees or not at all.
    Atomics.store(u32, ready, 0);
    let at = this.#engine.region(Region.MERKLE);
    for (const [index, level] of leaves.entries()) {
      const before = this.#trees[index];
      const tree = before && isTreeOver(before, level) ? before : treeOver(level);
      this.#trees[index] = tree;
      u8.set(tree, at);
      at += tree.length;
      // A tree is 1000 hashes or so: requests come in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(u32, ready, 1);
  }
}

function isTreeOver(tree: Uint8Array, leaves: Uint8Array): boolean {
  return Buffer.compare(tree.subarray(0, leaves.length), leaves) === 0;
}

function blankLeaves(pages: number): Uint8Array {
  const leaves = new Uint8Array(pages * HASH_BYTES);
  for (let page = 0; page < pages; page++) leaves.set(BLANK_LEAF, page * HASH_BYTES);
  return leaves;
}
