// The files that people of this project write, with their text: what the tidy rules look at.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Path relative to the root (with /) -> text. */
export type Tree = ReadonlyMap<string, string>;

const skippedFolders = new Set(['node_modules', 'dist', 'generated']);
const skippedPlaces = new Set(['build', 'data', 'tests/vectors']);
for (const name of ['build', 'build-asan', 'prebuilds']) skippedPlaces.add(`native-io/${name}`);
const written = /\.(?:ts|mjs|js|css|html|cc|h)$/;

/**
 * Every source file of the project; generated files, vectors and what git ignores are not among
 * them.
 */
export function readTree(): Tree {
  const tree = new Map<string, string>();
  const read = (path: string) => tree.set(path, readFileSync(join(root, path), 'utf8'));
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        const skipped = skippedFolders.has(entry.name) || skippedPlaces.has(path);
        if (!skipped && !entry.name.startsWith('.')) walk(path);
      } else if (written.test(entry.name)) {
        read(path);
      }
    }
  };
  walk('');
  read('.ci/run');
  return tree;
}

/** x.test.ts (x.slow.test.ts, x.browser.test.ts) or an as-pect spec. */
export function isTest(path: string): boolean {
  return /\.(?:test|spec)\.ts$/.test(path);
}

/** The name without its endings: `grading` of grading.slow.test.ts. */
export function stemOf(path: string): string {
  return basename(path).split('.')[0] ?? '';
}
