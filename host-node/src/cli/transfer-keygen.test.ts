import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parsePeerId, peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { openIdentity } from '../transfer/node-identity.ts';
import { runCli } from './testing/cli-network.ts';

const folder = folderForTests('keygen');
const modeOf = (path: string) => statSync(path).mode & 0o777;
const run = (words: string[], env: Record<string, string> = {}) =>
  runCli(['keygen', ...words], { env: { HOME: folder.path, ...env } });

describe('andvari keygen', () => {
  it('makes an identity in the data folder, and tells its peer ID', async () => {
    const made = await run([]);
    const file = folder.at('.local/share/andvari/identity.key');
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining(file) });
    expect([modeOf(file), modeOf(folder.at('.local/share/andvari'))]).toEqual([0o600, 0o700]);
    const { peerId } = await openIdentity(file);
    expect(made.lines).toEqual([peerIdText(peerId)]);
    expect(await run(['--show'])).toMatchObject({ code: 0, out: made.out, err: '' });
  });

  it('goes by XDG_DATA_HOME, unless it is relative, or to the file that is named', async () => {
    expect(await run([], { XDG_DATA_HOME: folder.at('data') })).toMatchObject({ code: 0 });
    expect(existsSync(folder.at('data/andvari/identity.key'))).toBe(true);
    expect(await run([], { XDG_DATA_HOME: 'data' })).toMatchObject({ code: 0 });
    expect(existsSync(folder.at('.local/share/andvari/identity.key'))).toBe(true);
    const made = await run([folder.at('own.key'), '--json']);
    const { peerId } = await openIdentity(folder.at('own.key'));
    const event = { file: folder.at('own.key'), peer: peerIdText(peerId) };
    expect(JSON.parse(made.out)).toEqual({ event: 'identity-made', sealed: false, ...event });
    const shown = await run([folder.at('own.key'), '--show', '--json']);
    expect(JSON.parse(shown.out)).toEqual({ event: 'identity', ...event });
  });

  it('replaces nothing (4)', async () => {
    const file = folder.at('own.key');
    writeFileSync(file, 'something else');
    const refused = { code: 4, out: '', err: expect.stringContaining('(ANDVARI_FILE_EXISTS)') };
    expect(await run([file])).toMatchObject(refused);
    expect(readFileSync(file, 'utf8')).toBe('something else');
    expect(readdirSync(folder.path)).toEqual(['own.key']);
  });

  it('seals it by a passphrase of the environment or of a file', async () => {
    const [one, two, word] = [folder.at('one.key'), folder.at('two.key'), folder.at('word')];
    writeFileSync(word, 'correct horse\n');
    const env = { ANDVARI_PASSPHRASE: 'correct horse' };
    const first = await run([one, '--json'], env);
    expect(JSON.parse(first.out)).toMatchObject({ sealed: true });
    const second = await run([two, '--passphrase-file', word]);
    expect(second).toMatchObject({ code: 0, err: expect.stringContaining('sealed') });
    expect((await run([one, '--show', '--passphrase-file', word, '--json'])).out).toContain(
      JSON.parse(first.out).peer,
    );
    expect(await run([two, '--show'], env)).toMatchObject({ code: 0, out: second.out });
    // A file is asked before the environment.
    const wrong = { ANDVARI_PASSPHRASE: 'wrong' };
    expect(await run([two, '--show', '--passphrase-file', word], wrong)).toMatchObject({ code: 0 });
    const other = { code: 4, out: '', err: expect.stringMatching(/^andvari: .*PASSPHRASE\)\n$/) };
    expect(await run([two, '--show'], wrong)).toMatchObject(other);
    const none = { code: 4, out: '', err: expect.stringContaining('(ANDVARI_IDENTITY_SEALED)') };
    expect(await run([two, '--show'])).toMatchObject(none);
  });

  it('takes no passphrase that is none (1), and makes no file then', async () => {
    const file = folder.at('own.key');
    const cases: [string, string | Uint8Array, string][] = [
      ['empty', '\n', 'it is empty'],
      ['lines', 'one\ntwo\n', 'in one line'],
      ['long', 'x'.repeat(4097), 'larger than 4096 bytes'],
      ['binary', Uint8Array.of(0xff, 0xfe), 'not UTF-8'],
    ];
    for (const [name, content, why] of cases) {
      writeFileSync(folder.at(name), content);
      const refused = { code: 1, out: '', err: expect.stringContaining(why) };
      expect(await run([file, '--passphrase-file', folder.at(name)])).toMatchObject(refused);
    }
    for (const name of ['', 'missing']) {
      const words = [file, '--passphrase-file', folder.at(name)];
      expect((await run(words)).err).toMatch(/^andvari: .*\(ANDVARI_PASSPHRASE\)\n$/);
    }
    const empty = { code: 1, err: expect.stringContaining('ANDVARI_PASSPHRASE is empty') };
    expect(await run([file], { ANDVARI_PASSPHRASE: '' })).toMatchObject(empty);
    expect(existsSync(file)).toBe(false);
  });

  it('takes a passphrase of stdin', async () => {
    const file = folder.at('own.key');
    const main = fileURLToPath(new URL('./main.ts', import.meta.url));
    const words = [main, 'keygen', file, '--passphrase-file', '-', '--json'];
    const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (text) => (out += text));
    child.stdin.end('correct horse');
    expect(await once(child, 'close')).toEqual([0, null]);
    const { peerId } = await openIdentity(file, 'correct horse');
    expect(parsePeerId(JSON.parse(out).peer)).toEqual(peerId);
  });

  it('shows no identity that is not there (1), is none (1), or is open to others (4)', async () => {
    const file = folder.at('own.key');
    const missing = {
      code: 1,
      out: '',
      err: expect.stringContaining('(ANDVARI_IDENTITY_MISSING)'),
    };
    expect(await run([file, '--show'])).toMatchObject(missing);
    mkdirSync(folder.at('new'));
    expect(await run([folder.at('new'), '--show'])).toMatchObject({ code: 1, out: '' });
    writeFileSync(folder.at('other'), 'x'.repeat(40), { mode: 0o600 });
    const format = { code: 1, err: expect.stringContaining('(ANDVARI_IDENTITY_FORMAT)') };
    expect(await run([folder.at('other'), '--show'])).toMatchObject(format);
    expect(await run([file])).toMatchObject({ code: 0 });
    chmodSync(file, 0o644);
    const open = { code: 4, out: '', err: expect.stringContaining('(ANDVARI_IDENTITY_MODE)') };
    expect(await run([file, '--show'])).toMatchObject(open);
  });

  it('makes no folder above a file that is named, and has no word for a passphrase', async () => {
    const noFolder = { code: 1, out: '', err: expect.stringContaining('(ANDVARI_INPUT)') };
    expect(await run([folder.at('none/own.key')])).toMatchObject(noFolder);
    expect(existsSync(folder.at('none'))).toBe(false);
    const usage = { code: 1, err: expect.stringContaining('(ANDVARI_USAGE)') };
    expect(await run(['--passphrase', 'x'])).toMatchObject(usage);
  });
});
