// andvari send and andvari receive, as processes of their own, over UDP on loopback.
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { hashOf, type TwoNodes, twoNodes } from './testing/two-nodes.ts';

const CHUNK_BYTES = 262_144;
const long = process.env['ANDVARI_LONG'] !== undefined;
/** Of each of the files that go side by side. */
const SIDE_BYTES = (long ? 8 : 3) << 20;
/** Of the file whose transfer is killed. */
const KILLED_BYTES = (long ? 60 : 20) << 20;
const KILLS = long ? { rounds: 50, withinMs: 700 } : { rounds: 2, withinMs: 250 };
const nodes = twoNodes('send');
const { folder } = nodes;
const run: TwoNodes['run'] = (...words) => nodes.run(...words);
const receiving: TwoNodes['receiving'] = (...more) => nodes.receiving(...more);
const sending: TwoNodes['sending'] = (path, peer) => nodes.sending(path, peer);
const fileOf: TwoNodes['fileOf'] = (name, bytes) => nodes.fileOf(name, bytes);

describe('andvari send and receive', () => {
  it.each(long ? [0, 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 77] : [0, 3 * CHUNK_BYTES + 77])(
    'a file of %i bytes',
    async (size) => {
      const bytes = randomBytes(size);
      const path = fileOf('a file.txt', bytes);
      chmodSync(path, 0o750);
      const { receiver, peer } = await receiving();
      const sender = sending(path, peer);
      expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
      expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
      const target = folder.at('in/a file.txt');
      expect(readFileSync(target)).toEqual(bytes);
      expect(statSync(target).mode & 0o700).toBe(0o700);
      expect(statSync(target).mtimeMs).toBeCloseTo(statSync(path).mtimeMs, -1);
      const told = { blake3: hashOf(bytes), bytes: size };
      expect(await sender.event('sent')).toMatchObject({ ...told, path });
      expect(await receiver.event('received')).toMatchObject({ ...told, path: target });
      expect(readdirSync(folder.at('in'))).toEqual(['a file.txt']);
    },
    60_000,
  );

  it('one that goes on takes files side by side, and one file from two as one', async () => {
    const { receiver, peer } = await receiving('--keep');
    const [first, second] = [randomBytes(SIDE_BYTES), randomBytes(SIDE_BYTES)];
    const [one, two] = [fileOf('one.bin', first), fileOf('two.bin', second)];
    const senders = [one, two, one].map((path) => sending(path, peer));
    for (const sender of senders) expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    receiver.child.kill('SIGTERM');
    expect(await receiver.ended).toMatchObject({ code: 0 });
    expect(receiver.err).toBe('');
    for (const name of readdirSync(folder.at('in'))) {
      const like = name.startsWith('one') ? first : second;
      expect(readFileSync(folder.at(`in/${name}`)).equals(like), name).toBe(true);
    }
  }, 60_000);

  it.each<[string, Uint8Array]>([
    ['a text', Buffer.from('the same line again\n'.repeat(50_000))],
    ['what gains nothing', randomBytes(500_000)],
    ...(long ? [['nothing', Buffer.alloc(0)] as [string, Uint8Array]] : []),
  ])(
    '--compress: %s',
    async (_, bytes) => {
      const path = fileOf('a.txt', bytes);
      const { receiver, peer } = await receiving();
      const sender = run('sender', ['send', path, peer, '--compress']);
      expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
      expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
      expect(readFileSync(folder.at('in/a.txt'))).toEqual(bytes);
    },
    60_000,
  );

  it('never over a file that is there', async () => {
    writeFileSync(folder.at('in/notes.txt'), 'mine');
    const path = fileOf('notes.txt', Buffer.from('theirs'));
    const { receiver, peer } = await receiving();
    expect(await sending(path, peer).ended).toMatchObject({ code: 0 });
    await receiver.ended;
    expect(readFileSync(folder.at('in/notes.txt'), 'utf8')).toBe('mine');
    expect(readFileSync(folder.at('in/notes (1).txt'), 'utf8')).toBe('theirs');
  }, 60_000);

  it(
    'killed at any time, on either side: the same commands go on',
    async () => {
      const seed = seedOfRun();
      const random = randomFrom(seed);
      const bytes = randomBytes(KILLED_BYTES);
      const path = fileOf('large.bin', bytes);
      await nodes.cutOften(path, random, KILLS);
      const { receiver, peer } = await receiving();
      const sender = sending(path, peer);
      expect(await sender.ended, `seed ${seed}: ${sender.err}`).toMatchObject({ code: 0 });
      expect(await receiver.ended, `seed ${seed}: ${receiver.err}`).toMatchObject({ code: 0 });
      const names = readdirSync(folder.at('in'));
      expect(
        names.every((name) => /^large( \(1\))?\.bin$/.test(name)),
        `seed ${seed}`,
      ).toBe(true);
      for (const name of names)
        expect(readFileSync(folder.at(`in/${name}`)).equals(bytes), name).toBe(true);
    },
    long ? 600_000 : 120_000,
  );
});

describe('what does not go', () => {
  async function failing(path: string, peer: string) {
    const sender = sending(path, peer);
    const { code } = await sender.ended;
    return { code, err: sender.err };
  }

  it.each([
    ['a device', '/dev/null', /is no regular file \(ANDVARI_NOT_A_FILE\)/],
    ['a file that is not there', 'nothing', /nothing.*\(ANDVARI_FILE_UNREADABLE\)/],
  ])('%s', async (_, name, told) => {
    const { code, err } = await failing(
      resolve(folder.path, name),
      `${nodes.receiverId}@127.0.0.1:9`,
    );
    expect(code).toBe(1);
    expect(err).toMatch(told);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('to one who does not trust us', async () => {
    const file = folder.at('receiver/andvari/known_peers');
    writeFileSync(file, '');
    const { receiver, peer } = await receiving();
    const path = fileOf('x', Buffer.from('x'));
    const sender = run('sender', ['send', path, peer, '--timeout', '1500']);
    expect(await sender.ended).toMatchObject({ code: 2 });
    expect(sender.err).toMatch(/no answer within 1500 ms.*\(ANDVARI_UNREACHABLE\)/);
    receiver.child.kill('SIGTERM');
    expect(await receiver.ended).toMatchObject({ code: 2 });
    expect(readdirSync(folder.at('in'))).toEqual([]);
  }, 60_000);

  it('into a folder that cannot be written: both say so', async () => {
    const { receiver, peer } = await receiving();
    const path = fileOf('x.txt', Buffer.from('x'));
    mkdirSync(folder.at('in/x.txt.andvari-part'));
    const sender = sending(path, peer);
    expect(await sender.ended).toMatchObject({ code: 4 });
    expect(sender.err).toMatch(/no place for it \(ANDVARI_TRANSFER_NO_PLACE\)/);
    expect(await receiver.ended).toMatchObject({ code: 4 });
    expect(receiver.err).toMatch(/^andvari: .*\(ANDVARI_\w+\)\n$/);
  }, 60_000);

  it('to one whose list of peers is damaged meanwhile: nobody is let in', async () => {
    const { receiver, peer } = await receiving('--keep');
    const list = folder.at('receiver/andvari/known_peers');
    const good = readFileSync(list, 'utf8');
    writeFileSync(list, 'nonsense\n');
    const path = fileOf('x', Buffer.from('x'));
    const refused = run('sender', ['send', path, peer, '--timeout', '1500']);
    expect(await refused.ended).toMatchObject({ code: 2 });
    expect(receiver.err).toMatch(/^(andvari: .*known_peers.*\(ANDVARI_KNOWN_PEERS\)\n)+$/);
    writeFileSync(list, good);
    expect(await sending(path, peer).ended).toMatchObject({ code: 0 });
    receiver.child.kill('SIGINT');
    expect(await receiver.ended).toMatchObject({ code: 0 });
    writeFileSync(list, 'nonsense\n');
    const next = run('receiver', ['receive', '--yes', '-o', folder.at('in')]);
    expect(await next.ended).toMatchObject({ code: 1 });
  }, 60_000);

  it('a file that changes while it goes: both say so, and nothing has its name', async () => {
    const path = fileOf('log.txt', randomBytes(100 << 20));
    const { receiver, peer } = await receiving();
    const sender = sending(path, peer);
    await sender.event('offered');
    appendFileSync(path, 'more');
    truncateSync(path, 100 << 20);
    expect(await sender.ended).toMatchObject({ code: 3 });
    expect(sender.err).toMatch(/has changed.*\(ANDVARI_FILE_CHANGED\)/);
    expect(await receiver.ended).toMatchObject({ code: 3 });
    expect(receiver.err).toMatch(/changed at its sender.*\(ANDVARI_FILE_CHANGED\)/);
    expect(existsSync(folder.at('in/log.txt'))).toBe(false);
  }, 60_000);

  it('where nobody can be asked, and nobody is trusted beforehand', async () => {
    const receiver = run('receiver', ['receive', '-o', folder.at('in')]);
    expect(await receiver.ended).toMatchObject({ code: 1 });
    expect(receiver.err).toMatch(/--yes.*\(ANDVARI_NOBODY_TO_ASK\)\n$/);
  });
});
