// Dead files: every source file is loaded, directly or through others, by something that is
// started.
import { posix } from 'node:path';
import { targetOf } from './layers.ts';
import { importsOf, type Problem, stringsOf } from './syntax.ts';
import { isTest, stemOf, type Tree } from './tree.ts';

/** What is started by itself: programs, pages, tests, scripts and the configuration of tools. */
const started = [
  /^assembly\/(?:index|wit\/component)\.ts$/,
  /^host-node\/src\/cli\/main\.ts$/,
  /\.html$/,
  /\.(?:test|spec)\.ts$/,
  /^scripts\/[^/]+\.mjs$/,
  // Compilers are given folders of them; a header has to be included.
  /\.cc$/,
  /^\.ci\/run$/,
  /\.config\.(?:ts|js)$/,
  /\.d\.ts$/,
];

const endings = ['', '.ts', '/index.ts'];

/**
 * The file of the tree that a name means, seen from `path`: relative, as a package, or from the
 * root.
 */
export function resolve(tree: Tree, path: string, name: string): string | undefined {
  const places = [targetOf(path, name), posix.normalize(name)];
  if (name.startsWith('/')) places.push(`${path.split('/')[0]}${name}`); // in a page: its own root
  for (const place of places) {
    for (const ending of endings) {
      if (place !== undefined && tree.has(place + ending)) return place + ending;
    }
  }
  return undefined;
}

function namesIn(path: string, text: string): string[] {
  if (/\.(?:ts|mjs|js)$/.test(path)) {
    return [...importsOf(path, text).map(({ specifier }) => specifier), ...stringsOf(path, text)];
  }
  if (/\.(?:cc|h)$/.test(path)) {
    return [...text.matchAll(/^#include "(.+)"$/gm)].map(([, name]) => `./${name}`);
  }
  return text.split(/["'\s()]+/);
}

/**
 * x.test.ts and __tests__/x.spec.ts keep nothing alive but themselves: x.ts must be used by someone
 * else too.
 */
function isOwnTest(test: string, tested: string): boolean {
  return isTest(test) && stemOf(test) === stemOf(tested) && roomOf(test) === roomOf(tested);
}

function roomOf(path: string): string {
  return posix.dirname(path).replace(/\/__tests__$/, '');
}

/**
 * Files that nothing started leads to.
 * @param commands further text in which a program may be named (the scripts of package.json)
 */
export function deadFiles(tree: Tree, commands: string): Problem[] {
  const alive = new Set<string>();
  const open: string[] = [];
  const reach = (path: string) => {
    if (alive.has(path)) return;
    alive.add(path);
    open.push(path);
  };
  for (const path of tree.keys()) {
    if (started.some((pattern) => pattern.test(path))) reach(path);
  }
  for (const name of commands.split(/["'\s]+/)) {
    if (tree.has(name)) reach(name);
  }
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const name of namesIn(path, tree.get(path) ?? '')) {
      const target = resolve(tree, path, name);
      if (target !== undefined && !isOwnTest(path, target)) reach(target);
    }
  }
  return [...tree.keys()].filter((path) => !alive.has(path)).map((path) => `${path}: dead file`);
}
