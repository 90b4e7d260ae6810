import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { runCli } from './testing/cli-network.ts';

const folder = folderForTests('trust');
const textOf = (name: number) => peerIdText(identityOf(new Uint8Array(32).fill(name)).peerId);
const run = (...words: string[]) =>
  runCli(['trust', ...words], { env: { XDG_DATA_HOME: folder.at('data') } });
const known = () => folder.at('data/andvari/known_peers');

describe('andvari trust', () => {
  it('adds, lists and removes peers', async () => {
    expect(await run('list')).toMatchObject({ code: 0, out: '' });
    expect(existsSync(folder.at('data'))).toBe(false);
    const added = { code: 0, out: '', err: 'the laptop: trusted from now on\n' };
    expect(await run('add', textOf(1), '--name', 'the laptop')).toMatchObject(added);
    expect(statSync(folder.at('data/andvari')).mode & 0o777).toBe(0o700);
    expect(await run('add', textOf(2).toUpperCase())).toMatchObject({ code: 0 });
    expect((await run('list')).lines).toEqual([`${textOf(1)}  the laptop`, textOf(2)]);
    expect(await run('add', textOf(2), '--name', 'Ann')).toMatchObject({ code: 0 });
    expect(await run('remove', 'ann')).toMatchObject({ code: 0, err: 'Ann: trusted no more\n' });
    expect(await run('remove', textOf(1))).toMatchObject({ code: 0 });
    expect(readFileSync(known(), 'utf8')).toBe('');
  });

  it('tells machines as well', async () => {
    const said = async (...words: string[]) => JSON.parse((await run(...words, '--json')).out);
    const peer = textOf(1);
    expect(await said('add', peer)).toEqual({ event: 'added', peer });
    expect(await said('add', peer, '--name', 'a')).toEqual({ event: 'named', peer, name: 'a' });
    expect(await said('add', peer)).toEqual({ event: 'known', peer, name: 'a' });
    expect(await said('list')).toEqual({ peer, name: 'a' });
    expect(await said('remove', 'a')).toEqual({ event: 'removed', peer, name: 'a' });
    expect(await run('list', '--json')).toMatchObject({ code: 0, out: '', err: '' });
  });

  it('refuses what is no peer ID (1) and no name (1), and makes nothing', async () => {
    const slip = textOf(1).replace(/^./, 'a');
    const wrongId = { code: 1, out: '', err: expect.stringContaining('(ANDVARI_PEER_ID)') };
    for (const text of ['', 'ann', slip, `${textOf(1)}a`]) {
      expect(await run('add', text)).toMatchObject(wrongId);
    }
    expect(existsSync(folder.at('data'))).toBe(false);
    const wrongName = { code: 1, out: '', err: expect.stringContaining('(ANDVARI_PEER_NAME)') };
    for (const name of ['', 'a\u202eb', 'x'.repeat(65), textOf(2)]) {
      expect(await run('add', textOf(1), '--name', name)).toMatchObject(wrongName);
    }
    expect(existsSync(known())).toBe(false);
    expect(await run('remove', slip)).toMatchObject(wrongId);
  });

  it('refuses a name that another has, and to remove who is not there (4)', async () => {
    await run('add', textOf(1), '--name', 'Ann');
    const refused = { code: 4, out: '', err: expect.stringContaining('(ANDVARI_REFUSED)') };
    expect(await run('add', textOf(2), '--name', 'ann')).toMatchObject(refused);
    expect(await run('remove', 'Bob')).toMatchObject(refused);
    expect(await run('remove', textOf(2))).toMatchObject(refused);
    expect((await run('list')).lines).toEqual([`${textOf(1)}  Ann`]);
  });

  it('changes nothing of a damaged file, and names the line', async () => {
    mkdirSync(folder.at('data/andvari'), { recursive: true });
    writeFileSync(known(), `# mine\n${textOf(1)} a\nrubbish\n`, { mode: 0o600 });
    const damaged = { code: 1, out: '', err: expect.stringContaining('known_peers:3: ') };
    for (const words of [['list'], ['add', textOf(2)], ['remove', 'a']]) {
      const said = await run(...words);
      expect(said).toMatchObject(damaged);
      expect(said.err).toMatch(/^andvari: .* \(ANDVARI_KNOWN_PEERS\)\n$/);
    }
    expect(readFileSync(known(), 'utf8')).toBe(`# mine\n${textOf(1)} a\nrubbish\n`);
  });
});
