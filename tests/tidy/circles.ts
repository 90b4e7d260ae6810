// Imports that lead back to where they began: files that can only be read together. Types count.
import { resolve } from './reachable.ts';
import { importsOf, type Problem } from './syntax.ts';
import { isTest, type Tree } from './tree.ts';

/** The shortest circle through each file that is in one; a file is named once. */
export function importCircles(tree: Tree): Problem[] {
  const imported = new Map<string, string[]>();
  for (const [path, text] of tree) {
    if (!/\.(?:ts|mjs|js)$/.test(path) || isTest(path)) continue;
    const targets = importsOf(path, text).map(({ specifier }) => resolve(tree, path, specifier));
    imported.set(path, [...new Set(targets.filter((target) => target !== undefined))]);
  }
  const named = new Set<string>();
  const problems: Problem[] = [];
  for (const path of imported.keys()) {
    const circle = named.has(path) ? undefined : circleThrough(path, imported);
    if (!circle) continue;
    for (const member of circle) named.add(member);
    problems.push(`${[...circle, path].join(' -> ')}: imports in a circle`);
  }
  return problems;
}

function circleThrough(
  start: string,
  imported: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const from = new Map<string, string>();
  const open = [start];
  for (const path of open) {
    for (const target of imported.get(path) ?? []) {
      if (target === start) {
        const way: string[] = [];
        for (let at: string | undefined = path; at !== undefined; at = from.get(at))
          way.unshift(at);
        return way;
      }
      if (from.has(target)) continue;
      from.set(target, path);
      open.push(target);
    }
  }
  return undefined;
}
