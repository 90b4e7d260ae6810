// Completes package-lock.json. A registry that serves only some platforms' optional packages leaves
// the others out of the lock, and `npm ci` then stops on those platforms with "Missing: ... from
// lock file". Run it after every `npm install`: each optional dependency without an entry gets {
// version, os, cpu, libc, optional }; npm keeps them.
import { readFileSync, writeFileSync } from 'node:fs';

const systems = ['android', 'darwin', 'freebsd', 'linux', 'win32', 'openharmony', 'openbsd'];
systems.push('netbsd', 'sunos', 'aix');
const processors = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64'];
processors.push('mips64el', 'wasm32');

/**
 * @typedef {{ version?: string, os?: string[], cpu?: string[], libc?: string[], dev?: boolean,
 *   optional?: boolean, extraneous?: boolean, optionalDependencies?: Record<string, string> }}
 *   Entry
 */

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
/** @type {Record<string, Entry>} */
const entries = lock.packages;

/** The folder that holds the package at `path`: '' for one at the top. @param {string} path */
function parentOf(path) {
  const at = path.lastIndexOf('/node_modules/');
  return at < 0 ? '' : path.slice(0, at);
}

/**
 * The entry that `name` means to the package at `path`.
 * @param {string} path
 * @param {string} name
 */
function resolve(path, name) {
  for (let from = path; ; from = parentOf(from)) {
    const key = `${from ? `${from}/` : ''}node_modules/${name}`;
    if (entries[key]) return key;
    if (!from) return undefined;
  }
}

let added = 0;
for (const [path, entry] of Object.entries(entries)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const version = range.replace(/^[\^~]/, '');
    const found = resolve(path, name);
    // A range is satisfied by what is there; an exact version only by itself.
    if (found && (entries[found]?.version === version || range !== version)) continue;
    const words = name.replace('@', '').split(/[/-]/);
    const os = systems.find((system) => words.includes(system));
    const cpu = processors.find((processor) => words.includes(processor));
    if (!os && !cpu) {
      console.error(
        `cannot tell the platform of ${name} ${range} (wanted by ${path || 'the root'})`,
      );
      process.exitCode = 1;
      continue;
    }
    const libc = words.includes('musl') ? 'musl' : words.includes('gnu') ? 'glibc' : undefined;
    entries[`${found ? `${path}/` : ''}node_modules/${name}`] = {
      version,
      ...(cpu && { cpu: [cpu] }),
      ...(entry.dev && { dev: true }),
      ...(libc && os === 'linux' && { libc: [libc] }),
      optional: true,
      ...(os && { os: [os] }),
    };
    added++;
  }
}
const kept = Object.entries(entries).filter(([, entry]) => !entry.extraneous);
lock.packages = Object.fromEntries(kept.sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.error(`package-lock.json: ${added} entries added`);
