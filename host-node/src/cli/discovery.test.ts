// andvari dht, announce, search and get: a file from two of a group, without a server.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { type CliRun, runCli } from './testing/cli-network.ts';
import { hashOf } from './testing/two-nodes.ts';

const folder = folderForTests('discovery');
const running: { stop: AbortController; ended: Promise<CliRun> }[] = [];
const env = () => ({ XDG_DATA_HOME: folder.at('data') });

beforeEach(() => {
  mkdirSync(folder.at('data'));
  mkdirSync(folder.at('in'));
});

afterEach(async () => {
  // The node of the DHT, which was first, stays until the others have taken back what they told.
  for (const { stop, ended } of running.splice(0).reverse()) {
    stop.abort(new Error('over'));
    await ended;
  }
});

/** A command that goes on; its first event. */
async function started(words: string[]): Promise<Record<string, unknown>> {
  const stop = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const around = { env: env(), signal: stop.signal, onOut: resolve };
  const ended = runCli([...words, '--json'], around);
  running.push({ stop, ended });
  void ended.then(({ err }) => reject(new Error(err)));
  return JSON.parse(await promise);
}

const run = (words: string[]) => runCli(words, { env: env() });

async function dht(): Promise<string[]> {
  const { addresses } = await started(['dht', '--listen', '/ip4/127.0.0.1/tcp/0']);
  const [address] = addresses as string[];
  expect(address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/12D3KooW/);
  return ['--bootstrap', address as string];
}

async function group(name = 'group.key'): Promise<string[]> {
  const made = await run(['keygen', '--group', folder.at(name)]);
  expect(made.code, made.err).toBe(0);
  return ['--group', folder.at(name)];
}

describe('a group', () => {
  it('gets a file from all who have announced it; others do not find it', async () => {
    const [bootstrap, members, others] = [await dht(), await group(), await group('other.key')];
    const way = [...members, ...bootstrap];
    const bytes = randomBytes(3_000_000);
    for (const holder of ['one', 'two']) {
      mkdirSync(folder.at(holder));
      writeFileSync(folder.at(`${holder}/film.bin`), bytes);
      const path = folder.at(`${holder}/film.bin`);
      const told = await started(['announce', path, '--listen', '127.0.0.1:0', ...way]);
      expect(told).toMatchObject({ event: 'announced', blake3: hashOf(bytes), copies: 1 });
    }
    const hash = hashOf(bytes);
    const found = await run(['search', hash, ...way]);
    expect(found.code, found.err).toBe(0);
    expect(found.lines).toHaveLength(2);
    expect(found.lines[0]).toMatch(/^[a-z2-7]{55}@127\.0\.0\.1:\d+$/);
    const stranger = await run(['search', hash, ...others, ...bootstrap]);
    expect([stranger.code, stranger.out]).toEqual([2, '']);
    expect(stranger.err).toContain('ANDVARI_NOBODY_HAS_IT');

    const got = await run(['get', hash, ...way, '--yes', '-o', folder.at('in'), '--json']);
    expect(got.code, got.err).toBe(0);
    const events = got.lines.map((line) => JSON.parse(line));
    expect(events.filter(({ event }) => event === 'holder')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ event: 'received', blake3: hash, way: 'direct' });
    expect(readFileSync(folder.at('in/film.bin')).equals(bytes)).toBe(true);

    const last = running.at(-1) as (typeof running)[0];
    last.stop.abort(new Error('Ctrl-C'));
    expect((await last.ended).code).toBe(0);
    const left = await run(['search', hash, ...way]);
    expect(left.lines).toHaveLength(1);
  });

  it('gets it of one who is behind a relay, and cannot be reached where he is', async () => {
    const way = [...(await group()), ...(await dht())];
    const { urls } = await started(['relay', '--plain', '--listen', '127.0.0.1:0']);
    const relay = ['--relay', (urls as string[])[0] as string, '--no-upgrade'];
    const bytes = randomBytes(100_000);
    const hash = hashOf(bytes);
    writeFileSync(folder.at('far.bin'), bytes);
    // Nobody is there.
    const place = ['--listen', '127.0.0.1:0', '--address', '127.0.0.99'];
    await started(['announce', folder.at('far.bin'), ...place, ...relay, ...way]);
    const into = ['--yes', '-o', folder.at('in'), '--no-upgrade', '--json'];
    const got = await run(['get', hash, ...way, ...into]);
    expect(got.code, got.err).toBe(0);
    const last = JSON.parse(got.lines.at(-1) as string);
    expect(last).toMatchObject({ event: 'received', blake3: hash, way: 'relayed' });
    expect(readFileSync(folder.at('in/far.bin')).equals(bytes)).toBe(true);
  });

  it('finds nobody where nobody is, in as many words', async () => {
    const members = await group();
    const nowhere = [...members, '--bootstrap', '/ip4/127.0.0.1/tcp/9'];
    const hash = '00'.repeat(32);
    for (const words of [
      ['search', hash],
      ['get', hash, '--yes', '-o', folder.at('in')],
    ]) {
      const { code, out, err } = await run([...words, ...nowhere]);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/^andvari: none of 1 nodes of the DHT .*\(ANDVARI_DHT_UNREACHABLE\)\n$/);
    }
  });

  it.each([
    [
      'a hash that is none',
      ['search', 'abc', '--group', 'x', '--bootstrap', '/ip4/127.0.0.1/tcp/1'],
      'wanted the BLAKE3',
    ],
    ['no group', ['search', '00'.repeat(32)], '--group'],
    ['a node that is none', ['dht', '--listen', '127.0.0.1:4003'], 'wanted /ip4/HOST/tcp/PORT'],
    ['a port beyond', ['dht', '--listen', '/ip4/127.0.0.1/tcp/65536'], 'wanted /ip4/'],
    ['an address of IPv6', ['dht', '--listen', '/ip4/::1/tcp/1'], 'wanted /ip4/'],
  ])('%s is wrong use', async (_, words, says) => {
    const { code, err } = await run(words);
    expect(code).toBe(1);
    expect(err).toContain(says);
  });
});

describe("a group's secret", () => {
  it('is made once, for its owner alone', async () => {
    await group();
    expect(statSync(folder.at('group.key')).mode & 0o777).toBe(0o600);
    const before = readFileSync(folder.at('group.key'));
    expect(before.toString()).toMatch(/^[0-9a-f]{64}\n$/);
    const again = await run(['keygen', '--group', folder.at('group.key')]);
    expect([again.code, again.err.includes('ANDVARI_FILE_EXISTS')]).toEqual([4, true]);
    expect(readFileSync(folder.at('group.key'))).toEqual(before);
  });

  it('is not used when others can read it, or when it is none; it is never told', async () => {
    const way = ['--group', folder.at('group.key'), '--bootstrap', '/ip4/127.0.0.1/tcp/9'];
    const searching = () => run(['search', '00'.repeat(32), ...way]);
    expect((await searching()).code).toBe(1);
    const digits = 'ab'.repeat(31);
    for (const text of ['', digits, `${digits}xy`, `${digits}cdef`, `${digits}cd\n\n`]) {
      writeFileSync(folder.at('group.key'), text, { mode: 0o600 });
      const { code, err } = await searching();
      expect([code, err.includes('ANDVARI_GROUP_FORMAT')], err).toEqual([1, true]);
      expect(err).not.toContain('abab');
    }
    chmodSync(folder.at('group.key'), 0o640);
    const { code, err } = await searching();
    expect([code, err.includes('ANDVARI_IDENTITY_MODE')], err).toEqual([4, true]);
  });
});
