import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptPorts } from '../testing/ports.ts';
import { CommandContext } from './command-context.ts';
import { runProgram } from './program.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function run(
  words: string[],
  options: { env?: Record<string, string>; stop?: AbortSignal } = {},
) {
  let out = '';
  let err = '';
  const context = new CommandContext({
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: options.env ?? {},
    signal: options.stop ?? new AbortController().signal,
  });
  const code = await runProgram(words, context);
  return { code, out, err };
}

describe('andvari', () => {
  it('tells its version and its help', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n', err: '' });
    for (const words of [['--help'], ['serve', '--help'], ['network', 'up', '--help']]) {
      const { code, out } = await run(words);
      expect(code).toBe(0);
      expect(out).toContain('Usage: andvari');
    }
    expect((await run(['wallet', 'pown', '--help'])).out).toContain('--encrypt-with');
  });

  it.each([
    [[]],
    [['nonsense']],
    [['network', 'upp']],
    [['network', 'up', '--base-port', 'x']],
    [['network', 'up', '--base-port', '65520']],
    [['network', 'up', '--wire', 'modern']],
    [['network', 'up', '--connect', 'example.org']],
    [['network', 'up', '--connect', 'ws://example.org/']],
    [['network', 'up', '--connect', 'wss://*.example.org/']],
    [['network', 'up', '--connect', 'wss://name:word@example.org/']],
    [['network', 'up', '--connect', 'wss://example.org/#part']],
    [['network', 'up', '--connect', 'wss://example.org/', '--connect', 'http://127.0.0.1/']],
    [['network', 'up', '--log-level', 'loud']],
    [['wallet', 'detect']],
    [['wallet', 'detect', 'x.bin', '--timeout', '0']],
    [['serve', '--unknown']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, out, err } = await run(words);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(
      words.length === 0 ? /^Usage: andvari/ : /^andvari: .* \(ANDVARI_USAGE\)\n$/,
    );
  });

  it('tells an error to machines too, as the last event, and only to them', async () => {
    const usage = await run(['wallet', 'detect', '--json']);
    expect(usage).toMatchObject({ code: 1, err: expect.stringMatching(/\(ANDVARI_USAGE\)\n$/) });
    expect(JSON.parse(usage.out)).toEqual({
      ...{ event: 'error', code: 'ANDVARI_USAGE' },
      message: expect.stringContaining('missing required argument'),
    });
    const path = join(directory, 'none', 'x.key');
    const words = ['ratatoskr', 'keygen', path];
    const message = `${path}: no such file or directory`;
    const err = `andvari: ${message} (ENOENT)\n`;
    expect(await run(words)).toEqual({ code: 1, out: '', err });
    const told = await run([...words, '--json']);
    expect(told).toMatchObject({ code: 1, err });
    expect(JSON.parse(told.out)).toEqual({ event: 'error', code: 'ENOENT', message });
    // A file of that name.
    expect(await run(['wallet', 'detect', '--', '--json'])).toMatchObject({ out: '' });
  });

  it('checks a configuration and shows where each value comes from', async () => {
    const path = join(directory, 'node.toml');
    writeFileSync(path, '[raida]\nnumber = 3\nwire = "legacy"\n');
    const words = ['serve', '--config', path, '--check-config', '--http-listen', '127.0.0.1:0'];
    const { code, out } = await run(words, { env: { ANDVARI_LOG_LEVEL: 'warn' } });
    expect(code).toBe(0);
    expect(out).toMatch(/number = 3 +# .*node\.toml:2\n/);
    expect(out).toMatch(/level = "warn" +# ANDVARI_LOG_LEVEL\n/);
    expect(out).toMatch(/listen = "127\.0\.0\.1:0" +# --http-listen\n/);
    const json = await run([...words, '--json']);
    const values = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(values).toContainEqual({ key: 'raida.wire', value: '"legacy"', source: `${path}:3` });
  });

  it('lists everything that is wrong with a configuration, without a stack', async () => {
    const path = join(directory, 'node.toml');
    writeFileSync(path, '[raida]\nnumber = 99\ncolour = "red"\n');
    const { code, err } = await run(['serve', '--config', path]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^andvari: 2 problems \(ANDVARI_CONFIG\)\n {2}.*:3: .*colour.*\n {2}.*:2: /,
    );
    expect(err).not.toContain(' at ');
  });

  it('serves until it is told to stop', async () => {
    const stop = new AbortController();
    const words = ['serve', '--raida-number', '7', '--json', '--log-level', 'fatal'];
    words.push('--node-data-dir', directory);
    words.push('--raida-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0');
    setTimeout(() => stop.abort(), 300);
    const { code, out } = await run(words, { stop: stop.signal });
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map((event) => event.event)).toEqual(['ready', 'stopping', 'stopped']);
    expect(events[0]).toMatchObject({
      raidaId: 7,
      raida: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(code).toBe(0);
  });

  it('names a port that is in use (2) and a store of another server (4)', async () => {
    const port = await keptPorts();
    const taken = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const words = ['serve', '--node-data-dir', directory, '--log-level', 'fatal'];
    words.push('--http-listen', '127.0.0.1:0', '--raida-listen', `127.0.0.1:${port}`);
    const inUse = await run([...words, '--raida-number', '7']);
    expect(inUse.code).toBe(2);
    expect(inUse.err).toMatch(
      new RegExp(`^andvari: .*port ${port}.* \\(ANDVARI_PORT_IN_USE\\)\n$`),
    );
    await new Promise((resolve) => taken.close(resolve));
    const other = await run([...words, '--raida-number', '8']);
    expect(other.code).toBe(4);
    expect(other.err).toContain('(ANDVARI_STORE_MISMATCH)');
  });

  it('runs a network with events for machines', async () => {
    const stop = new AbortController();
    const zero = [
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
      '--peer-port',
      '0',
    ];
    const words = ['network', 'up', ...zero, '--data', join(directory, 'net'), '--json'];
    setTimeout(() => stop.abort(), 1500);
    const { code, out } = await run(words, { stop: stop.signal });
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.filter((event) => event.event === 'node')).toHaveLength(25);
    expect(events.at(-3)).toMatchObject({
      event: 'ready',
      wallet: expect.stringContaining('http://'),
    });
    expect(events.at(-3).network.servers).toHaveLength(25);
    expect(events.at(-3).peers).toHaveLength(25);
    expect(events.at(-1)).toEqual({ event: 'stopped' });
    expect(code).toBe(0);
  });
});
