// andvari send and andvari receive of whole folders, as processes of their own, over UDP.
import { hash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { twoNodes } from './testing/two-nodes.ts';

const long = process.env['ANDVARI_LONG'] !== undefined;
const KILLS = long ? { rounds: 50, withinMs: 700 } : { rounds: 2, withinMs: 350 };
const nodes = twoNodes('send-folder');
const { folder } = nodes;

/** A folder of the sender's: path to bytes, or `folder`. */
function treeOf(name: string, tree: Record<string, Uint8Array | 'folder'>): string {
  mkdirSync(folder.at(name));
  for (const [path, bytes] of Object.entries(tree)) {
    const place = folder.at(`${name}/${path}`);
    if (bytes === 'folder') mkdirSync(place);
    else writeFileSync(place, bytes);
  }
  return folder.at(name);
}

const sha256 = (bytes: Uint8Array) => hash('sha256', bytes);

/** Everything below a folder: permissions, time in ms, and the hash of what is in the files. */
function look(top: string): Record<string, unknown> {
  const names = readdirSync(top, { recursive: true, encoding: 'utf8' });
  return Object.fromEntries(
    names.sort().map((name) => {
      const stats = lstatSync(join(top, name));
      const bytes = stats.isFile() ? sha256(readFileSync(join(top, name))) : undefined;
      return [name, { mode: stats.mode, time: Math.floor(stats.mtimeMs), bytes }];
    }),
  );
}

const small = () => ({
  'none.txt': new Uint8Array(0),
  'one.bin': randomBytes(1),
  sub: 'folder' as const,
  'sub/large.bin': randomBytes(700_001),
  'sub/deep': 'folder' as const,
  'sub/deep/\u00fcnicode \u20ac.txt': Buffer.from('x'),
  'sub/empty': 'folder' as const,
});

describe('a folder', () => {
  it('arrives as it is, with permissions and times, and without its links', async () => {
    const path = treeOf('stuff', small());
    chmodSync(join(path, 'one.bin'), 0o400);
    chmodSync(join(path, 'sub/empty'), 0o500);
    utimesSync(join(path, 'sub/deep'), 1_000_000_000, 1_000_000_000);
    symlinkSync('/etc/passwd', join(path, 'link'));
    const { receiver, peer } = await nodes.receiving();
    const sender = nodes.sending(path, peer);
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    const { link, ...sent } = look(path);
    expect(link).toBeDefined();
    expect(look(folder.at('in/stuff'))).toEqual(sent);
    expect(await sender.event('left-out')).toMatchObject({ path: 'link', what: 'a symbolic link' });
    const offered = (await receiver.event('offered')) as unknown as { entries: unknown[] };
    expect(offered.entries).toHaveLength(7);
    expect(await receiver.event('file')).toMatchObject({ of: 'stuff', path: 'one.bin', bytes: 1 });
    const { blake3 } = await sender.event('sent');
    expect(await receiver.event('received')).toMatchObject({ blake3, path: folder.at('in/stuff') });
    expect(readdirSync(folder.at('in'))).toEqual(['stuff']);
    // For whoever cleans up, and is not root.
    chmodSync(folder.at('in/stuff/sub/empty'), 0o700);
  }, 60_000);

  it('with nothing in it, and beside one of its name', async () => {
    const path = treeOf('stuff', {});
    mkdirSync(folder.at('in/stuff'));
    writeFileSync(folder.at('in/stuff/mine'), 'mine');
    const { receiver, peer } = await nodes.receiving();
    expect(await nodes.sending(path, peer).ended).toMatchObject({ code: 0 });
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    expect(readdirSync(folder.at('in')).sort()).toEqual(['stuff', 'stuff (1)']);
    expect(readdirSync(folder.at('in/stuff (1)'))).toEqual([]);
    expect(readFileSync(folder.at('in/stuff/mine'), 'utf8')).toBe('mine');
  }, 60_000);

  it(
    'killed at any time, on either side: the same commands go on',
    async () => {
      const seed = seedOfRun();
      const random = randomFrom(seed);
      const tree: Record<string, Uint8Array | 'folder'> = { many: 'folder' };
      for (let i = 0; i < (long ? 300 : 100); i++)
        tree[`many/${i}.bin`] = randomBytes(random(20_000));
      tree['zlarge.bin'] = randomBytes((long ? 40 : 15) << 20);
      const path = treeOf('stuff', tree);
      await nodes.cutOften(path, random, KILLS);
      const { receiver, peer } = await nodes.receiving();
      const sender = nodes.sending(path, peer);
      expect(await sender.ended, `seed ${seed}: ${sender.err}`).toMatchObject({ code: 0 });
      expect(await receiver.ended, `seed ${seed}: ${receiver.err}`).toMatchObject({ code: 0 });
      const names = readdirSync(folder.at('in'));
      expect(
        names.every((name) => /^stuff( \(1\))?$/.test(name)),
        `seed ${seed}: ${names}`,
      ).toBe(true);
      const sent = look(path);
      for (const name of names) {
        expect(look(folder.at(`in/${name}`)), `seed ${seed}`).toEqual(sent);
      }
    },
    long ? 600_000 : 120_000,
  );
});

describe('a folder that does not go', () => {
  it('whose own name some systems do not take', async () => {
    const sender = nodes.run('sender', ['send', treeOf('a:b', {})]);
    expect(await sender.ended).toMatchObject({ code: 1 });
    expect(sender.err).toMatch(/"a:b".*\(ANDVARI_FILE_OFFER\)\n$/);
    const error = { event: 'error', code: 'ANDVARI_FILE_OFFER' };
    expect(JSON.parse(sender.out)).toMatchObject(error);
  }, 60_000);

  it('with a file in it of more than 512 GiB; such a file alone', async () => {
    const path = treeOf('large', { few: Buffer.from('x') });
    const large = join(path, 'many');
    writeFileSync(large, '');
    truncateSync(large, 2 ** 39 + 1);
    const most = '549755813889 bytes, where 549755813888 \\(512 GiB\\) are the most';
    for (const [words, told] of [
      [[path], `"many" of ${most} \\(ANDVARI_TREE_MANIFEST\\)`],
      [[large], `a file of ${most} \\(ANDVARI_FILE_OFFER\\)`],
    ] as const) {
      const sender = nodes.run('sender', ['send', ...words]);
      expect(await sender.ended).toMatchObject({ code: 1 });
      expect(sender.err).toMatch(new RegExp(`${told}\\n$`));
    }
  }, 60_000);

  it('with a name in it that some systems do not take', async () => {
    const path = treeOf('stuff', { 'a:b': Buffer.from('x') });
    const sender = nodes.sending(path, `${nodes.receiverId}@127.0.0.1:9`);
    expect(await sender.ended).toMatchObject({ code: 1 });
    expect(sender.err).toMatch(/"a:b".*\(ANDVARI_TREE_MANIFEST\)\n$/);
  }, 60_000);

  it('when a file changes meanwhile: both say so, and nothing has its name', async () => {
    const path = treeOf('stuff', { 'large.bin': randomBytes(60 << 20) });
    const { receiver, peer } = await nodes.receiving();
    const sender = nodes.sending(path, peer);
    await receiver.event('offered');
    writeFileSync(join(path, 'large.bin'), 'shorter');
    expect(await sender.ended).toMatchObject({ code: 3 });
    expect(sender.err).toMatch(/large\.bin has changed.*\(ANDVARI_FILE_CHANGED\)/);
    expect(await receiver.ended).toMatchObject({ code: 3 });
    expect(existsSync(folder.at('in/stuff'))).toBe(false);
  }, 60_000);

  it.each<[string, string, RegExp]>([
    ['a file stands', 'stuff.andvari-part', /is no folder/],
    ['a folder of somebody’s stands', 'stuff.andvari-part/mine', /no transfer from here has begun/],
  ])(
    'where %s in the way of its part',
    async (_, name, told) => {
      const path = treeOf('stuff', small());
      mkdirSync(dirname(folder.at(`in/${name}`)), { recursive: true, mode: 0o700 });
      writeFileSync(folder.at(`in/${name}`), 'mine');
      const { receiver, peer } = await nodes.receiving();
      expect(await nodes.sending(path, peer).ended).toMatchObject({ code: 4 });
      expect(await receiver.ended).toMatchObject({ code: 4 });
      expect(receiver.err).toMatch(told);
      expect(receiver.err).toMatch(/\(ANDVARI_PART_IN_THE_WAY\)\n$/);
      expect(readFileSync(folder.at(`in/${name}`), 'utf8')).toBe('mine');
    },
    60_000,
  );
});
