// andvari completion, in the shells themselves; zsh and fish where they are there.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { beforeAll, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { CommandContext } from './command-context.ts';
import { completionTree } from './completion-tree.ts';
import { runProgram } from './program.ts';

const folder = folderForTests('completion');
const scripts: Record<string, string> = {};

async function run(...words: string[]) {
  let [out, err] = ['', ''];
  const context = new CommandContext({
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  return { code: await runProgram(words, context), out, err };
}

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run('completion', shell);
    expect(code).toBe(0);
    scripts[shell] = out;
  }
});

/** What bash offers for the last of the words. */
function bash(...words: string[]): string[] {
  writeFileSync(folder.at('script'), scripts['bash'] ?? '');
  const program = `set -u; cd "$1"; source ./script; shift
    COMP_WORDS=(andvari "$@"); COMP_CWORD=$#; _andvari
    if [ "\${#COMPREPLY[@]}" -gt 0 ]; then printf '%s\\n' "\${COMPREPLY[@]}"; fi`;
  const line = ['--norc', '-c', program, 'bash', folder.path, ...words];
  const env = { PATH: process.env['PATH'], HOME: folder.path };
  const { stdout, stderr } = spawnSync('bash', line, { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return stdout.split('\n').slice(0, -1).sort();
}

it('completes commands, and below them their own', () => {
  expect(bash('wal')).toEqual(['wallet']);
  expect(bash('')).toEqual(expect.arrayContaining(['serve', 'config', 'completion', 'help']));
  expect(bash('config', '')).toEqual(['check', 'help', 'show']);
  expect(bash('config', 'wal')).toEqual([]);
  expect(bash('nonsense', 'x')).toEqual([]);
});

it('completes options, those of the command alone', () => {
  expect(bash('wallet', 'pown', '--o')).toEqual(['--out']);
  expect(bash('wallet', 'detect', '--o')).toEqual([]);
  expect(bash('receive', '-o')).toEqual(['-o']);
  expect(bash('config', 'show', '--no')).toEqual(['--no-defaults', '--node-data-dir']);
});

it('completes the values of an option, and not after a flag', () => {
  expect(bash('serve', '--raida-wire', '')).toEqual(['legacy', 'spec']);
  expect(bash('serve', '--raida-wire', '=', 'l')).toEqual(['legacy']);
  expect(bash('serve', '--raida-wire', '=')).toEqual(['legacy', 'spec']);
  expect(bash('network', 'up', '--wire', 's')).toEqual(['spec']);
  expect(bash('serve', '--json', 'l')).toEqual([]);
  expect(bash('completion', '')).toEqual(['bash', 'fish', 'zsh']);
  expect(bash('completion', 'bash', '')).toEqual([]);
});

it('completes paths where there are some to be', () => {
  mkdirSync(folder.at('a folder'));
  writeFileSync(folder.at('a file'), '');
  expect(bash('serve', '--config', 'a')).toEqual(['a file', 'a folder']);
  expect(bash('wallet', 'pown', 'x', 'a')).toEqual(['a file', 'a folder']);
  expect(bash('wallet', 'pown', '--out', 'a')).toEqual(['a folder']);
  expect(bash('send', '--timeout', '5', 'a')).toEqual(['a file', 'a folder']);
  expect(bash('serve', '--raida-number', 'a')).toEqual([]);
});

it('completes the names of peers, none that a shell would read', () => {
  expect(bash('ping', '')).toEqual([]);
  mkdirSync(folder.at('.local/share/andvari'), { recursive: true });
  const lines = ['# comment bob', '', 'ID1 alice', 'ID2', 'ID3 $(touch x)', 'ID4 al-2', 'ID5 a b'];
  writeFileSync(folder.at('.local/share/andvari/known_peers'), `${lines.join('\n')}\n`);
  expect(bash('ping', 'al')).toEqual(['al-2', 'alice']);
  expect(bash('send', 'file', 'ali')).toEqual(['alice']);
  expect(bash('send', '--json', 'ali')).toEqual([]);
  expect(bash('trust', 'remove', '')).toEqual(['al-2', 'alice']);
  expect(bash('trust', 'add', '')).toEqual([]);
});

it.each(['bash', 'zsh', 'fish'])('%s can read its script', (shell) => {
  writeFileSync(folder.at('script'), scripts[shell] ?? '');
  const { error, status, stderr } = spawnSync(shell, ['-n', folder.at('script')], {
    encoding: 'utf8',
  });
  // It is not on this machine.
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return;
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  writeFileSync(folder.at('script'), `${scripts[shell]}\nif (((\n`);
  expect(spawnSync(shell, ['-n', folder.at('script')]).status).not.toBe(0);
});

it('refuses another shell', async () => {
  const { code, out, err } = await run('completion', 'tcsh');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/Allowed choices are bash, zsh, fish\. \(ANDVARI_USAGE\)\n$/);
});

it('reads commands as commander has them, and not those that are hidden', () => {
  const program = new Command('andvari');
  program.command('one <code> [files...]').option('-o, --out <dir>', 'where');
  program.command('two', { hidden: true });
  const [root, one, ...more] = completionTree(program);
  expect(root?.commands.map(({ name }) => name)).toEqual(['one', 'help']);
  expect(one).toMatchObject({ path: 'one', arguments: ['any', 'file'], repeats: true });
  expect(one?.options[0]).toEqual({
    ...{ names: ['--out', '-o'], description: 'where', value: 'folder' },
  });
  expect(more.map(({ path }) => path)).toEqual(['help']);
});
