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
  'andvari.component.wasm': 66_000,
  'andvari.js': 102_000,
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
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => {
      if (name.endsWith('.d.ts')) return [name, withEnds(textOf(content))];
      return [name, name.endsWith('.js') ? withMarks(textOf(content)) : content];
    }),
  );
}

/** @param {string | Uint8Array} content */
const textOf = (content) =>
  typeof content === 'string' ? content : new TextDecoder().decode(content);

const decoder = 'new TextDecoder()';

/**
 * The binding with texts as they are: jco's decoder would drop a byte order mark before them, three
 * bytes that a signature covers.
 * @param {string} text
 */
function withMarks(text) {
  if (text.split(decoder).length !== 2) throw new Error(`wanted one ${decoder} in the binding`);
  return text.replace(decoder, "new TextDecoder('utf-8', { ignoreBOM: true })");
}

const classHead = /^export class \w+(?: implements \w+)? \{$/gm;

/** The types of resources with the end that jco gives them but does not declare. */
function withEnds(/** @type {string} */ text) {
  const end = '  /** Ends it; what it held is wiped. */\n  [Symbol.dispose](): void;';
  return text.replaceAll(classHead, (head) => `${head}\n${end}`);
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

/** The component; what jco says of a WIT that does not fit, without its stack. */
async function tried() {
  try {
    return { component: await componentOf(readFileSync(join(root, coreModule))), failure: '' };
  } catch (error) {
    // Its own class, which it does not export: a fault of the WIT comes as the payload.
    if (error instanceof Error && 'payload' in error) return { failure: String(error.payload) };
    throw error;
  }
}

/** Makes all of it; gives what is wrong or too large, or ''. */
export async function makeComponent() {
  rmSync(join(root, componentFolder), { recursive: true, force: true });
  const { component, failure } = await tried();
  if (!component) return failure;
  for (const [name, content] of Object.entries(await bindingOf(component))) write(name, content);
  write('andvari.component.wasm', component);
  write('andvari.wit', witSource());
  return overLimit();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const failure = await makeComponent();
  if (failure) console.error(failure);
  process.exitCode = failure ? 1 : 0;
}
