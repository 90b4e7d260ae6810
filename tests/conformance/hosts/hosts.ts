/** The hosts of the matrix, and how each is asked: case lines in, result lines out. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Case, emitLines, parseLines, type Result } from '../case.ts';
import type { HostRun } from '../report/compare.ts';
import { NOT_SUPPORTED } from './lines.ts';

export interface Host {
  name: string;
  title: string;
  /** Program and arguments. */
  command: readonly string[];
}

/** `file`: a runner in this folder. */
const own = (name: string, title: string, file: string): Host => {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return { name, title, command: [process.execPath, path] };
};

export const HOSTS: readonly Host[] = [
  own('node-direct', 'Node, the engine called directly', './node-direct.ts'),
  own('node-worker', 'Node, the shared build in a worker thread', './node-worker.ts'),
  own('node-component', 'Node, the component by jco', './node-component.ts'),
  own('chromium', 'Chromium', './chromium.ts'),
  own('firefox', 'Firefox', './firefox.ts'),
  own('webkit', 'WebKit (WebKitGTK)', './webkit.ts'),
  own('wasm-interp', "The component's module in wabt's interpreter", './wasm-interp.ts'),
  own('node-native', 'Node, AES, ChaCha20 and BLAKE3 by native-io', './node-native.ts'),
];

/** Those that `npm test` runs. */
export const QUICK = ['node-direct', 'node-worker', 'node-component', 'chromium'];

/** Longer than any host takes; it only ends a hang. */
const PATIENCE_MS = 300_000;

/** Runs a host over the cases. Whatever it does wrong stands in what this gives. */
export async function runHost(host: Host, cases: readonly Case[]): Promise<HostRun> {
  const [file = '', ...args] = host.command;
  const child = spawn(file, args, { stdio: 'pipe', timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? `ended by ${signal}`));
  });
  // A host that ends early closes its end: what it says of that is in its exit code.
  child.stdin.on('error', () => {}).end(emitLines(cases));
  const [lines, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  const { name } = host;
  if (code === NOT_SUPPORTED) return { name, missing: said.trim() || 'not supported' };
  if (code !== 0) return { name, broken: said.trim() || `it ended with ${code}` };
  try {
    return { name, results: parseLines<Result>(lines) };
  } catch {
    return { name, broken: 'its lines are not JSON' };
  }
}
