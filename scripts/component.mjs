// The component: the core module that asc made of assembly/wit (build/component/engine.core.wasm),
// with the types of assembly/wit/*.wit, and its JavaScript binding. Run by scripts/build.mjs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { root } from './run.mjs';

const witFolder = 'assembly/wit';
export const coreModule = 'build/component/engine.core.wasm';
export const componentFolder = 'host-common/src/component/generated';
/** The artefacts, and how many bytes each may have under gzip -9: a limit, not a size. */
export const artefacts = {
  'andvari.component.wasm': 90_000,
  'andvari.js': 130_000,
};
/** The last of them says that the others are whole. */
export const componentFiles = [...Object.keys(artefacts), 'andvari.wit', 'andvari.d.ts'];

/** Loaded only when there is something to make: it costs half a second. */
const jco = () => import('@bytecodealliance/jco');

/** The WIT of the whole package: world.wit names it, so it stands first. */
export function witSource() {
  const files = readdirSync(join(root, witFolder)).filter((name) => name.endsWith('.wit'));
  files.sort((a, b) => Number(b === 'world.wit') - Number(a === 'world.wit') || (a < b ? -1 : 1));
  return files.map((name) => readFileSync(join(root, witFolder, name), 'utf8')).join('\n');
}

/**
 * The component of a core module.
 * @param {Uint8Array} core
 */
export async function componentOf(core) {
  const { componentEmbed, componentNew } = await jco();
  const embedded = await componentEmbed({ binary: core, witSource: witSource(), world: 'engine' });
  return componentNew(embedded, []);
}

/**
 * The binding of a component: file names and contents. The module is in the JavaScript itself, so
 * that Node and browsers load it alike, without a fetch.
 * @param {Uint8Array} component
 */
export async function bindingOf(component) {
  const { transpile } = await jco();
  // jco's own types take the cutoff, a number of bytes, for a boolean.
  const options = { name: 'andvari', base64Cutoff: /** @type {any} */ (1 << 30) };
  const { files } = await transpile(component, options);
  return files;
}

/** @param {string} name @param {string | Uint8Array} content */
function write(name, content) {
  const file = join(root, componentFolder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** What is larger than it may be; '' nothing is. */
function overLimit() {
  return Object.entries(artefacts)
    .map(([name, limit]) => {
      const bytes = gzipSync(readFileSync(join(root, componentFolder, name)), { level: 9 }).length;
      return bytes > limit ? `${name}: ${bytes} bytes under gzip, at most ${limit}` : '';
    })
    .filter(Boolean)
    .join('\n');
}

/** Makes all of it; gives what is too large, or ''. */
export async function makeComponent() {
  rmSync(join(root, componentFolder), { recursive: true, force: true });
  const component = await componentOf(readFileSync(join(root, coreModule)));
  for (const [name, content] of Object.entries(await bindingOf(component))) write(name, content);
  write('andvari.component.wasm', component);
  write('andvari.wit', witSource());
  return overLimit();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const tooLarge = await makeComponent();
  if (tooLarge) console.error(tooLarge);
  process.exitCode = tooLarge ? 1 : 0;
}
