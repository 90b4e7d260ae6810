/** Which files of a folder are whole, while its chunks come. */
import type { ChunkSet } from '@andvari/host-common/transfer/files/chunk-set';
import type { FileEntry, TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';

/**
 * To be told of each chunk that has come; tells of the files that are whole with it.
 * @param have as it is now: files that are whole already are not told
 */
export function whenWhole(
  manifest: TreeManifest,
  have: ChunkSet,
  tell: (file: FileEntry) => void,
): (index: number) => void {
  /** Files that have bytes in a chunk that is missing, by the chunk. */
  const inChunk = new Map<number, number[]>();
  /** Chunks that each file waits for. */
  const missing = new Map<number, number>();
  manifest.entries.forEach((_, entry) => {
    const { first, last } = manifest.chunksOf(entry) ?? { first: 0, last: -1 };
    for (let index = first; index <= last; index++) {
      if (have.has(index)) continue;
      const others = inChunk.get(index);
      if (others) others.push(entry);
      else inChunk.set(index, [entry]);
      missing.set(entry, (missing.get(entry) ?? 0) + 1);
    }
  });
  return (index) => {
    for (const entry of inChunk.get(index) ?? []) {
      const left = (missing.get(entry) ?? 0) - 1;
      missing.set(entry, left);
      if (left === 0) tell(manifest.entries[entry] as FileEntry);
    }
    inChunk.delete(index);
  };
}
