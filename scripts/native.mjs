// node scripts/native.mjs [--asan | --prebuild] [--force] [--without NAME,...] [--into FOLDER]
//
// Compiles native-io/src with g++ straight to native-io/build/andvari_native.node, only what
// changed. The headers of Node-API and libuv come with the Node of the lock file, those of
// node-addon-api from npm: nothing is downloaded.
//
// --prebuild  writes native-io/prebuilds/<platform>/node.napi.node, stripped, with the hash of the
//             sources inside, by which scripts/build.mjs knows whether it is theirs
// --asan      writes native-io/build-asan/andvari_native.node with AddressSanitizer and
//             UndefinedBehaviorSanitizer; scripts/asan.mjs says how to load it into Node
// --without   leaves these files (names without .cc) out, --into builds in another folder
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from './run.mjs';

const room = join(root, 'native-io');
const sourceFolder = join(room, 'src');
/** Folder of prebuilt binaries of this platform, as prebuildify lays them out. */
export const platform = `${process.platform}-${process.arch}`;
export const prebuilt = join(room, 'prebuilds', platform, 'node.napi.node');
export const compiled = join(room, 'build', 'andvari_native.node');
const compiler = process.env.CXX || 'g++';
/** Compilers at once. */
const JOBS = 2;

const flags = ['-std=c++17', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-Werror'];
const definitions = [
  'NAPI_VERSION=8',
  'NAPI_CPP_EXCEPTIONS',
  'NODE_GYP_MODULE_NAME=andvari_native',
  // A thread may be terminated inside a call: nothing can be thrown there any more.
  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
];
const optimized = ['-O2', '-g1'];
const sanitized = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'];

/** Folders of headers that are not ours; their warnings are not ours either. */
const headers = [
  join(root, 'node_modules', `node-linux-${process.arch}`, 'include', 'node'),
  join(root, 'node_modules', 'node-addon-api'),
];

/** The sources of the addon, in a fixed order. @param {string} ending */
function filesEnding(ending) {
  return readdirSync(sourceFolder)
    .filter((name) => name.endsWith(ending))
    .sort();
}

/**
 * Hash of all that the binary is made from: sources, border, flags. The generated header counts by
 * the hash that it carries, so that a comment in the layout does not outdate a binary.
 */
export function sourcesHash() {
  const hash = createHash('sha256');
  for (const name of [...filesEnding('.cc'), ...filesEnding('.h')]) {
    hash.update(`${name}\0`).update(readFileSync(join(sourceFolder, name)));
  }
  const border = readFileSync(join(sourceFolder, 'generated', 'border.h'), 'utf8');
  hash.update(/HASH\[\] = "(\w+)"/.exec(border)?.[1] ?? '');
  hash.update([...flags, ...definitions, ...optimized].join(' '));
  return hash.digest('hex').slice(0, 32);
}

/** Whether a binary was made from the sources that are here. @param {string} binary */
export function isOfTheseSources(binary) {
  return existsSync(binary) && readFileSync(binary).includes(`andvari-sources:${sourcesHash()}`);
}

/** Why the addon cannot be compiled here; undefined: it can. @returns {string | undefined} */
export function whyNotCompile() {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  if (spawnSync(compiler, ['--version']).status !== 0) return `no compiler (${compiler})`;
  const missing = headers.find((folder) => !existsSync(folder));
  return missing && `no headers in ${missing.slice(root.length)}`;
}

/**
 * Runs the compiler; gives its complaints, '' when it has none.
 * @param {string[]} args
 * @returns {Promise<string>}
 */
function compile(args) {
  return new Promise((done) => {
    const child = spawn(compiler, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => done(error.message));
    child.on('close', (code) => done(code === 0 ? '' : output.trim() || `${compiler}: ${code}`));
  });
}

/**
 * Whether an object file is younger than all it was made from, and was made with this command.
 * @param {string} object
 * @param {string} command
 */
function isFresh(object, command) {
  if (!existsSync(object) || !existsSync(`${object}.command`)) return false;
  if (readFileSync(`${object}.command`, 'utf8') !== command) return false;
  const made = statSync(object).mtimeMs;
  // "object: source header \ header": what -MMD wrote.
  const names = readFileSync(`${object}.d`, 'utf8')
    .replace(/^.*?:/, '')
    .split(/[\s\\]+/);
  return names
    .filter((name) => name !== '')
    .every((name) => existsSync(name) && statSync(name).mtimeMs < made);
}

/**
 * @typedef {object} Build
 * @property {string} folder where objects and binary go
 * @property {string[]} modeFlags
 * @property {string[]} [without]
 * @property {boolean} [force]
 */

/** @param {string} source @param {Build} build */
function objectOf(source, { folder, modeFlags }) {
  const object = join(folder, source.replace(/\.cc$/, '.o'));
  const own = source === 'addon.cc' ? [`ANDVARI_SOURCES="${sourcesHash()}"`] : [];
  const args = [...flags, ...modeFlags, ...[...definitions, ...own].map((name) => `-D${name}`)];
  args.push(...headers.flatMap((place) => ['-isystem', place]), '-MMD');
  return { source, object, args, command: [compiler, ...args].join(' ') };
}

/**
 * Compiles what is due and links; gives '' or the complaints. Files are written beside and renamed,
 * so that a build that is cut off leaves nothing half written.
 * @param {Build} build
 */
export async function buildAddon(build) {
  mkdirSync(build.folder, { recursive: true });
  const left = (build.without ?? []).map((name) => `${name}.cc`);
  const objects = filesEnding('.cc')
    .filter((name) => !left.includes(name))
    .map((name) => objectOf(name, build));
  const due = objects.filter(({ object, command }) => build.force || !isFresh(object, command));
  /** @type {string[]} */
  const complaints = [];
  const work = async () => {
    for (let job = due.shift(); job; job = due.shift()) {
      const { source, object, args, command } = job;
      const partial = `${object}.${process.pid}`;
      const own = ['-MF', `${object}.d`, '-c', join(sourceFolder, source), '-o', partial];
      const complaint = await compile([...args, ...own]);
      if (complaint) {
        complaints.push(complaint);
        rmSync(partial, { force: true });
        continue;
      }
      writeFileSync(`${object}.command`, command);
      renameSync(partial, object);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, work));
  if (complaints.length > 0) return complaints.join('\n');
  const binary = join(build.folder, basename(compiled));
  const args = ['-shared', ...build.modeFlags, ...objects.map(({ object }) => object)];
  // The C++ library goes inside: no system's version of it is wanted, none of Node's is met.
  args.push('-static-libstdc++', '-static-libgcc', '-Wl,--exclude-libs,ALL', '-Wl,-z,now');
  const complaint = await compile([...args, '-o', `${binary}.${process.pid}`]);
  if (!complaint) renameSync(`${binary}.${process.pid}`, binary);
  return complaint;
}

/** Compiles into native-io/build; gives '' or the complaints. */
export function compileAddon() {
  return buildAddon({ folder: join(room, 'build'), modeFlags: optimized });
}

/** @param {string} binary */
function writePrebuilt(binary) {
  mkdirSync(join(prebuilt, '..'), { recursive: true });
  const { status } = spawnSync('strip', ['--strip-unneeded', '-o', prebuilt, binary], {
    stdio: 'inherit',
  });
  return status === 0 ? '' : 'strip failed';
}

async function main() {
  const { values } = parseArgs({
    options: {
      asan: { type: 'boolean', default: false },
      prebuild: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      without: { type: 'string', default: '' },
      into: { type: 'string' },
    },
  });
  const cannot = whyNotCompile();
  if (cannot) return `native addon: ${cannot}`;
  const folder = values.into ?? join(room, values.asan ? 'build-asan' : 'build');
  const failure = await buildAddon({
    folder: resolve(folder),
    modeFlags: values.asan ? sanitized : optimized,
    without: values.without.split(',').filter((name) => name !== ''),
    force: values.force,
  });
  if (failure || !values.prebuild) return failure;
  return writePrebuilt(join(folder, basename(compiled)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const failure = await main();
  if (failure) console.error(failure);
  process.exitCode = failure ? 1 : 0;
}
