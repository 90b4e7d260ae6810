import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveFlags } from '../../bin/serve-flags.mjs';
import { ChildProgram } from './child-program.ts';

const launcher = fileURLToPath(new URL('../../bin/andvari.mjs', import.meta.url));
const ZERO_PORTS = [
  '--base-port',
  '0',
  '--http-base-port',
  '0',
  '--page-port',
  '0',
  '--ratatoskr-port',
  '0',
  '--relay-port',
  '0',
  '--no-peers',
];

/** One network for the file, started anew each time: to stock 25 servers is most of a start. */
const net = mkdtempSync(join(tmpdir(), 'andvari-main-net-'));
afterAll(() => rmSync(net, { recursive: true }));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-main-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A server, which takes a fraction of the start of a network. */
function oneServer(): string[] {
  const words = ['serve', '--json', '--raida-number', '0', '--raida-listen', '127.0.0.1:0'];
  words.push('--http-listen', '127.0.0.1:0', '--log-level', 'fatal');
  return [...words, '--node-data-dir', join(directory, 'data')];
}

describe('the process andvari', () => {
  it('starts by its launcher and tells errors without a stack', async () => {
    const help = new ChildProgram(['--help'], launcher);
    expect(await help.ended).toEqual({ code: 0, signal: null });
    expect(help.out).toContain('Usage: andvari');
    const wrong = new ChildProgram(['serve', '--config', join(directory, 'none.toml')], launcher);
    expect(await wrong.ended).toEqual({ code: 1, signal: null });
    expect(wrong.err).toMatch(/^andvari: .*none\.toml.* \(ANDVARI_CONFIG\)\n$/);
  });

  it('keeps what was compiled in a folder of its own, unless told not to', async () => {
    const ask = "import m from 'node:module'; import { writeSync } from 'node:fs';".concat(
      "process.on('exit', () => writeSync(2, String(m.getCompileCacheDir())));",
    );
    const preload = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(ask)}` };
    const kept = new ChildProgram(['--version'], launcher, { ...preload, NODE_COMPILE_CACHE: '' });
    expect(await kept.ended).toMatchObject({ code: 0 });
    const own = fileURLToPath(new URL('../../node_modules/.cache/andvari/', import.meta.url));
    expect(kept.err.startsWith(own), kept.err).toBe(true);
    const without = { ...preload, NODE_DISABLE_COMPILE_CACHE: '1' };
    const disabled = new ChildProgram(['--version'], launcher, without);
    expect(await disabled.ended).toMatchObject({ code: 0 });
    expect(disabled.err).toBe('undefined');
  });

  it('ends a server whose worker has died, in one line', async () => {
    const now = join(directory, 'now');
    const crash = join(directory, 'crash.mjs');
    writeFileSync(
      crash,
      `import { existsSync } from 'node:fs';
       import { workerData } from 'node:worker_threads';
       const now = ${JSON.stringify(now)};
       const look = () => { if (existsSync(now)) throw new Error('made to die'); };
       if (workerData?.worker === 2) setInterval(look, 5);`,
    );
    const words = [...oneServer(), '--io-workers', '3'];
    const server = new ChildProgram(words, launcher, { NODE_OPTIONS: `--import ${crash}` });
    await server.event('ready');
    writeFileSync(now, '');
    expect(await server.ended).toEqual({ code: 1, signal: null });
    const [logged = '', ...told] = server.err.split('\n');
    expect(JSON.parse(logged)).toMatchObject({ msg: 'the node stops' });
    expect(told).toEqual(['andvari: worker 2 died: made to die (ANDVARI_WORKER_DIED)', '']);
  });

  it('gives a server the flags of one, unless somebody has chosen others', async () => {
    const network = ['network', 'up', ...ZERO_PORTS, '--json', '--data', net];
    const flagsOf = async (words: string[], env: Record<string, string>) => {
      const server = new ChildProgram(words, launcher, env);
      await server.event('ready');
      const line = readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8').split('\0');
      server.child.kill('SIGTERM');
      expect(await server.ended).toEqual({ code: 0, signal: null });
      return line.slice(1, line.indexOf(launcher));
    };
    expect(await flagsOf(network, {})).toEqual(serveFlags(availableParallelism()));
    expect(await flagsOf(oneServer(), {})).toEqual(serveFlags(availableParallelism()));
    const chosen = { NODE_OPTIONS: '--max-semi-space-size=4' };
    expect(await flagsOf(oneServer(), chosen)).toEqual([]);
  });

  it('runs a preload in the server itself, and once alone if its flags are given', async () => {
    const [runs, preload] = [join(directory, 'runs'), join(directory, 'preload.cjs')];
    writeFileSync(
      preload,
      `const { isMainThread } = require('node:worker_threads');
       const line = process.pid + ' ' + process.execArgv.includes('--no-memory-reducer') + '\\n';
       if (isMainThread) require('node:fs').appendFileSync(${JSON.stringify(runs)}, line);`,
    );
    const words = oneServer();
    const runsOf = async (...line: string[]) => {
      writeFileSync(runs, '');
      const [first = launcher, ...rest] = line;
      const network = new ChildProgram(
        line.length > 0 ? [...rest, launcher, ...words] : words,
        first,
        {
          NODE_OPTIONS: `--require ${preload}`,
        },
      );
      await network.event('ready');
      network.child.kill('SIGTERM');
      expect(await network.ended).toEqual({ code: 0, signal: null });
      return readFileSync(runs, 'utf8').replaceAll(`${network.child.pid} `, '').split('\n');
    };
    // In the launcher, which cannot know that it runs, and in what it becomes.
    expect(await runsOf()).toEqual(['false', 'true', '']);
    expect(await runsOf(...serveFlags(availableParallelism()))).toEqual(['true', '']);
  });

  const toLauncher = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;
  it.each(toLauncher)('stops cleanly when only the launcher gets %s', async (signal) => {
    // As under a Node that does not run TypeScript: it starts the one that does.
    const server = new ChildProgram([launcher, ...oneServer()], '--no-strip-types');
    await server.event('ready');
    server.child.kill(signal);
    const killed = signal === 'SIGKILL';
    const wanted = killed ? { code: null, signal } : { code: 0, signal: null };
    // Not before the program itself has ended: its output is the launcher's.
    expect(await server.ended).toEqual(wanted);
    await server.event('stopped');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops a network cleanly on %s', async (signal) => {
    const words = ['network', 'up', ...ZERO_PORTS, '--data', net, '--json'];
    const network = new ChildProgram(words);
    const { wallet } = await network.event('ready');
    expect((await fetch(`${wallet}/network.json`)).status).toBe(200);
    // A Ctrl-C under npm arrives twice.
    network.child.kill(signal);
    network.child.kill(signal);
    expect(await network.ended).toEqual({ code: 0, signal: null });
    await network.event('stopped');
    expect(network.err).toBe('');
    expect(readdirSync(net).filter((name) => /-(wal|shm)$/.test(name))).toEqual([]);
  });
});
