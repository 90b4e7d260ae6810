/** A folder to receive, with what its owner may not write to or not even read, for tests. */
import { readFileSync, statSync } from 'node:fs';
import {
  type ManifestEntry,
  TreeManifest,
} from '@andvari/host-common/transfer/files/tree-manifest';
import { permissionsOf } from '../file-metadata.ts';
import { PartFile } from '../part-file.ts';
import { hash, SECRET, type TestFile, testFile } from './part-world.ts';

const facts = { mode: 0o640, modifiedUs: 1_600_000_000_000_000n };
const entries: ManifestEntry[] = [
  { path: 'a', ...facts, isFolder: false, size: 300_000 },
  { path: 'b', ...facts, mode: 0o750, isFolder: true },
  { path: 'b/c', ...facts, isFolder: false, size: 0 },
  { path: 'b/d', ...facts, mode: 0o440, isFolder: false, size: 500_000 },
  { path: 'e', ...facts, mode: 0o550, isFolder: true },
  { path: 'e/f', ...facts, mode: 0o400, isFolder: false, size: 0 },
  { path: 'e/g', ...facts, mode: 0, isFolder: false, size: 70_000 },
  ...Array.from({ length: 200 }, (_, i) => ({
    ...{ path: `f${i}`, ...facts, isFolder: false as const, size: 1000 + i },
  })),
];
export const manifest = TreeManifest.of(entries);

/** The row as a sender has it; `seed`: what is in the files. */
export function rowOf(seed: number, of = manifest): TestFile & { row: Uint8Array } {
  const more = { name: 'tree', mode: 0o750, isFolder: true };
  const row = testFile(of.size, seed).bytes;
  row.set(of.bytes);
  return { ...testFile(of.size, seed, more, row), row };
}

export async function fill(
  part: PartFile,
  file: TestFile,
  indices: Iterable<number>,
): Promise<void> {
  if (!part.values) await part.keepValues(file.values);
  for (const index of indices) await part.write(index, file.chunks[index] as Uint8Array);
}

/** Whether everything is there as it was sent, `others` with these permissions. */
export function isWhole(at: string, row: Uint8Array, others: Record<string, number> = {}): boolean {
  let start = manifest.bytes.length;
  return manifest.entries.every((entry) => {
    const stats = statSync(`${at}/${entry.path}`);
    if ((stats.mode & 0o777) !== (others[entry.path] ?? permissionsOf(entry.mode))) return false;
    if (stats.mtimeMs !== Number(entry.modifiedUs / 1000n)) return false;
    if (entry.isFolder) return stats.isDirectory();
    const bytes = row.subarray(start, start + entry.size);
    start += entry.size;
    return readFileSync(`${at}/${entry.path}`).equals(bytes);
  });
}

export const all = (file: TestFile) => [...file.chunks.keys()];

export function openTree(
  folder: string,
  file: TestFile,
  secret: Uint8Array = SECRET,
): Promise<PartFile> {
  return PartFile.open({ folder, offer: file.offer, secret, hash, manifest });
}
