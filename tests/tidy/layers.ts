// Which room may import which (design: native-io <- host-node -> host-common <- host-browser;
// assembly by itself).
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import { importsOf, type Problem, parse, problemAt, walk } from './syntax.ts';
import { isTest } from './tree.ts';

/**
 * Rooms that a room may import besides itself. Tests may import anything; nothing imports tests.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  assembly: [],
  scripts: [],
  'native-io': [],
  'host-common': [],
  'host-node': ['host-common', 'native-io'],
  'host-browser': ['host-common'],
};

/** Names that Node has and browsers have not. */
const nodeGlobals = new Set(['Buffer', 'process', 'setImmediate', '__dirname', '__filename']);
const nodeModules = new Set(builtinModules);

/**
 * Storeys of assembly/: a file imports from its own or a lower one; rooms on one storey do not know
 * each other.
 */
const storeys: Readonly<Record<string, number>> = {
  core: 0,
  crypto: 1,
  raida: 2,
  ratatoskr: 2,
  transfer: 2,
  peer: 2,
  wit: 4,
};

/**
 * The file (or folder) that a specifier names, relative to the root; undefined for a package from
 * elsewhere.
 */
export function targetOf(path: string, specifier: string): string | undefined {
  const plain = specifier.replace(/[?#].*$/, '');
  if (plain.startsWith('.')) return posix.normalize(posix.join(posix.dirname(path), plain));
  const own = /^@andvari\/([^/]+)(?:\/(.+))?$/.exec(plain);
  if (!own) return undefined;
  // In native-io, src/ is C++ and lib/ its TypeScript face.
  const folder = own[1] === 'native-io' ? 'lib' : 'src';
  return posix.join(own[1] ?? '', folder, own[2] ?? '');
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** Imports against the direction. */
export function importDirection(path: string, text: string): Problem[] {
  const room = roomOf(path);
  const rooms = allowed[room];
  if (!rooms) return []; // tests and the configuration at the root
  return importsOf(path, text).flatMap(({ specifier, position }) => {
    const target = targetOf(path, specifier);
    if (target === undefined) return [];
    const wanted = roomOf(target);
    if (wanted === room || rooms.includes(wanted)) return [];
    if (isTest(path) && wanted === 'tests') return [];
    if (/\.config\.ts$/.test(path) && wanted === 'scripts') return [];
    return [problemAt(path, text, position, `${room} imports ${wanted} (${specifier})`)];
  });
}

function storeyOf(path: string): { name: string; height: number } {
  const [, name = '', inside] = path.split('/');
  if (inside !== undefined) return { name, height: storeys[name] ?? -1 };
  return { name, height: name === 'index.ts' || name === 'index' ? 4 : 3 };
}

/**
 * assembly/: core < crypto < raida (and the other protocols) < engine.ts and its like < index.ts.
 */
export function assemblyStoreys(path: string, text: string): Problem[] {
  if (roomOf(path) !== 'assembly' || isTest(path)) return [];
  const own = storeyOf(path);
  if (own.height < 0)
    return [`${path}:1: assembly/${own.name} has no storey (tests/tidy/layers.ts)`];
  // Specs and what they share reach up to the engine that they drive.
  if (path.includes('/__tests__/')) return [];
  return importsOf(path, text).flatMap(({ specifier, position }) => {
    const target = targetOf(path, specifier);
    const wrong = (what: string) => [problemAt(path, text, position, `${what} (${specifier})`)];
    if (target === undefined) return wrong('assembly imports a package');
    if (target.includes('__tests__')) return wrong('imports a test');
    const other = storeyOf(target);
    if (other.height > own.height) return wrong(`${own.name} imports upward`);
    const sameStorey = other.height === own.height && own.height < 3;
    return sameStorey && other.name !== own.name ? wrong(`${own.name} imports its neighbour`) : [];
  });
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || nodeModules.has(specifier.split('/')[0] ?? '');
}

/**
 * `process` as the name of a value; not in `engine.process`, `{ process: 1 }` or a declaration of
 * that name.
 */
function usesGlobal(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return parent.expression.getText() === 'globalThis';
  }
  const isName = 'name' in parent && parent.name === node;
  return !isName && !ts.isImportSpecifier(parent) && !ts.isTypeElement(parent);
}

/** host-common: no Node module and no Node global, so that a browser can run every file of it. */
export function webStandardOnly(path: string, text: string): Problem[] {
  if (!path.startsWith('host-common/src/') || isTest(path)) return [];
  const problems = importsOf(path, text)
    .filter(({ specifier }) => isNodeModule(specifier))
    .map(({ specifier, position }) =>
      problemAt(path, text, position, `host-common imports the Node module ${specifier}`),
    );
  walk(parse(path, text), (node) => {
    if (ts.isIdentifier(node) && nodeGlobals.has(node.text) && usesGlobal(node)) {
      problems.push(problemAt(path, text, node.getStart(), `host-common uses Node's ${node.text}`));
    }
  });
  return problems;
}
