#!/usr/bin/env node
// Starts the program. Its sources are TypeScript, which Node runs by itself from 22.18 on; an older
// one starts again with the Node that the project's lock file names, or, from 22.13, with a flag.
// A server is started again too where Node was not given the flags of a server, or others, before.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveFlags } from './serve-flags.mjs';

// What V8 has compiled of some hundred modules is kept for the next start, which takes half as long
// then. In a folder of our own: what others may write, as in /tmp, we must not execute. An old Node
// has no such cache, a folder that cannot be written gets none: then it only starts slower.
nodeModule.enableCompileCache?.(
  fileURLToPath(new URL('../node_modules/.cache/andvari', import.meta.url)),
);

const main = new URL('../src/cli/main.ts', import.meta.url);
const words = process.argv.slice(2);
const isServer = words[0] === 'serve' || (words[0] === 'network' && words[1] === 'up');
/** What somebody has chosen for the heap stays. */
const isChosen = /space-size|memory-reducer/.test(
  `${process.execArgv} ${process.env.NODE_OPTIONS ?? ''}`,
);
const flags = isServer && !isChosen ? serveFlags(availableParallelism()) : [];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 22 || (major === 22 && minor >= 13);

if (isNewEnough && process.features.typescript) {
  if (flags.length === 0) await (await import(main.href)).main();
  // Replaced by itself, not a parent that waits; an open channel to its own parent would break.
  else if (process.execve && !process.channel) {
    const again = [...process.execArgv, ...flags, fileURLToPath(import.meta.url), ...words];
    process.execve(process.execPath, [process.execPath, ...again], process.env);
  } else startAgain(process.execPath, [...process.execArgv, ...flags]);
} else {
  const bundled = bundledNode();
  if (bundled) startAgain(bundled, flags);
  else if (isNewEnough) {
    const strip = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'];
    startAgain(process.execPath, [...flags, ...strip]);
  } else {
    console.error(
      `andvari: wanted Node 22.13 or newer, this is ${process.versions.node}; ` +
        '"npm install" brings one along (ANDVARI_NODE_TOO_OLD)',
    );
    process.exitCode = 1;
  }
}

/** The Node of the project's own platform package (node_modules/.bin/node), if it is installed. */
function bundledNode() {
  const require = createRequire(import.meta.url);
  const suffix = process.platform === 'win32' ? 'node.exe' : 'bin/node';
  try {
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const path = join(dirname(manifest), suffix);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The same command line under another Node; this process only passes signals and the exit code.
 * @param {string} node
 * @param {string[]} itsFlags
 */
function startAgain(node, itsFlags) {
  const line = [...itsFlags, fileURLToPath(main), ...words];
  // The channel ends with this process, however it ends: the child stops then.
  const child = spawn(node, line, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // From the terminal a Ctrl-C reaches the child twice, which takes that for one.
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`andvari: cannot start ${node}: ${error.message} (ANDVARI_NODE_NOT_STARTED)`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
