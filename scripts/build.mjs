// npm run build [-- --force]: generated constants -> both engines -> modules that carry them ->
// native addon -> component -> wallet page. Each step is done only when the content of its inputs
// changed since it last succeeded (steps.mjs).
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { componentFiles, componentFolder, makeComponent } from './component.mjs';
import { generateVerdicts, verdictTables } from './component-verdicts.mjs';
import {
  borderFiles,
  embedded,
  embedEngine,
  GenerateError,
  generatedFolder,
  generateLanes,
  generateNumbers,
  numberSources,
} from './generate.mjs';
import { lanes } from './lanes.mjs';
import {
  compileAddon,
  compiled,
  isOfTheseSources,
  platform,
  prebuilt,
  whyNotCompile,
} from './native.mjs';
import { report, root, run } from './run.mjs';
import { contentOf, forget, isDone, note } from './steps.mjs';

const packages = 'package-lock.json';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} inputs files and folders whose content decides
 * @property {string[]} outputs files and folders that must exist
 * @property {() => Promise<string> | string} work gives '' or the message of its failure
 */

/** Does a step if it is due; gives '' or why it failed. @param {Step} step */
async function perform({ name, inputs, outputs, work }) {
  const content = contentOf(inputs);
  if (outputs.every((path) => existsSync(join(root, path))) && isDone(name, content)) return '';
  const startedMs = performance.now();
  note(name);
  const failure = await work();
  if (failure) return failure;
  note(name, content);
  report(name, startedMs);
  return '';
}

/** @param {() => void} work @returns {string} */
function messageOf(work) {
  try {
    work();
    return '';
  } catch (error) {
    if (error instanceof GenerateError) return error.message;
    throw error;
  }
}

/**
 * Runs a compiler; gives its message, without its own stack, if it fails.
 * @param {string[]} args
 */
async function compile(args) {
  const { code, output } = await run(args, { quiet: true });
  if (code === 0) return '';
  const message = output.replaceAll(/^ +at .*\n?/gm, '').trim();
  return message || `${args[0]} ended with exit code ${code}`;
}

const asc = 'node_modules/assemblyscript/bin/asc.js';
const engineSources = [
  'assembly/index.ts',
  'assembly/engine.ts',
  ...['core', 'crypto', 'raida', 'ratatoskr', 'transfer', 'peer'].map((room) => `assembly/${room}`),
];
const transform = 'scripts/component-transform.mjs';
const componentScripts = ['scripts/component.mjs', 'scripts/component-verdicts.mjs', transform];
const generator = ['scripts/generate.mjs', 'scripts/lanes.mjs', 'scripts/build.mjs'];

/** @param {'plain' | 'shared'} target @param {string} wasm @returns {Step} */
function engineStep(target, wasm) {
  return {
    name: `engine ${target}`,
    inputs: [...engineSources, 'asconfig.json', packages],
    outputs: [wasm],
    work: () => compile([asc, 'assembly/index.ts', '--target', target]),
  };
}

/** @type {Step} */
const componentStep = {
  name: 'component',
  inputs: [...engineSources, 'assembly/wit', 'asconfig.json', packages, ...componentScripts],
  outputs: componentFiles.map((name) => `${componentFolder}/${name}`),
  work: async () => {
    const entry = 'assembly/wit/component.ts';
    const options = ['--target', 'component', '--transform', join(root, transform)];
    return (await compile([asc, entry, ...options])) || makeComponent();
  },
};

/** @type {Step} */
const numbersStep = {
  name: 'generate',
  inputs: [...numberSources, 'assembly/wit', ...generator, ...componentScripts],
  outputs: [
    verdictTables,
    ...numberSources.map((path) => path.replace('assembly/core', generatedFolder)),
    ...borderFiles,
    ...Object.keys(lanes()),
  ],
  work: () =>
    messageOf(() => {
      generateNumbers();
      generateLanes();
      generateVerdicts();
    }),
};

/** @type {Step} */
const embedStep = {
  name: 'embed',
  inputs: [...Object.keys(embedded), ...generator],
  outputs: Object.values(embedded).map(({ module }) => `${generatedFolder}/${module}.ts`),
  work: () =>
    messageOf(() => {
      embedEngine('build/engine.wasm');
      embedEngine('build/engine-shared.wasm');
    }),
};

/** @type {Step} */
const pageStep = {
  name: 'wallet page',
  inputs: ['host-browser', 'host-common/src', packages],
  outputs: ['host-browser/dist'],
  work: () =>
    compile(['node_modules/vite/bin/vite.js', 'build', 'host-browser', '--logLevel', 'warn']),
};

const fromPackage = `prebuilt for ${platform}`;
const fromHere = 'compiled';

/** Why a binary does not load on the Node that will use it; '': it does. @param {string} binary */
async function whyNotLoad(binary) {
  const { code, output } = await run(['--eval', `require(${JSON.stringify(binary)})`], {
    quiet: true,
  });
  return code === 0 ? '' : (/Error: .*/.exec(output)?.[0] ?? `exit code ${code}`);
}

/**
 * The native addon: the prebuilt one when it is of these sources, else compiled, else none, and the
 * server runs without it. It is never a failure of the build; gives what to say.
 */
async function makeNative() {
  if (process.env.ANDVARI_NATIVE === 'off') return 'off (ANDVARI_NATIVE=off)';
  const isOfUs = isOfTheseSources(prebuilt);
  const why = isOfUs ? await whyNotLoad(prebuilt) : '';
  if (isOfUs && !why) {
    // The loader takes a compiled one first.
    rmSync(compiled, { force: true });
    return fromPackage;
  }
  const reasons = why ? [`the prebuilt one does not load: ${why}`] : [];
  const cannot = whyNotCompile() ?? (await compileAddon());
  const failure = cannot || (await whyNotLoad(compiled));
  if (!failure) return fromHere;
  rmSync(compiled, { force: true });
  reasons.push(failure.split('\n')[0] ?? '');
  // An addon that reads other offsets than this engine is refused by the loader, not here.
  if (existsSync(prebuilt) && !isOfUs && !(await whyNotLoad(prebuilt))) {
    return `${fromPackage}, of other sources (${reasons.join('; ')})`;
  }
  return `none, the server uses its portable backend (${reasons.join('; ')})`;
}

/** Says its one line whenever there was something to do, and when there is no addon. */
async function native() {
  const name = 'native addon';
  const content = contentOf(['native-io/src', 'scripts/native.mjs', packages]);
  const isThere = existsSync(compiled) || isOfTheseSources(prebuilt);
  if (process.env.ANDVARI_NATIVE !== 'off' && isThere && isDone(name, content)) return;
  const said = await makeNative();
  note(name, said === fromHere || said === fromPackage ? content : undefined);
  console.log(`${name.padEnd(14)} ${said}`);
}

/**
 * Everything, in order; gives '' or the message of the first failure.
 * @returns {Promise<string>}
 */
async function build() {
  if (!existsSync(join(root, asc))) return 'packages are missing: `npm run build` installs them';
  if (process.argv.includes('--force')) forget();
  const numbers = await perform(numbersStep);
  if (numbers) return numbers;
  // Side by side: they share nothing but their source, so a fault in it shows in both and is told
  // once.
  const [plain, shared] = await Promise.all([
    perform(engineStep('plain', 'build/engine.wasm')),
    perform(engineStep('shared', 'build/engine-shared.wasm')),
  ]);
  const engines = plain || shared || (await perform(embedStep));
  if (!engines) await native();
  const made = engines || (await perform(componentStep));
  if (made || !existsSync(join(root, 'host-browser/vite.config.ts'))) return made;
  return perform(pageStep);
}

const failure = await build();
if (failure) {
  console.error(failure.trimEnd());
  process.exitCode = 1;
}
