import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCoin } from '../store/compliance.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { parseRecord } from './coin-records.ts';
import { createCoins, importCoins, registerCoinsCommands } from './coins.ts';
import type { CoinsConfig } from './coins-store.ts';
import { CommandContext } from './command-context.ts';
import { FileOutput } from './record-output.ts';

let folder: string;
let config: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-coins-'));
  config = join(folder, 'node.toml');
  writeFileSync(config, '[raida]\nnumber = 3\npages_per_denomination = 10\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(at(name), 'utf8');
const identity = { raidaId: 3, coinId: 6, pagesPerDenomination: 10 };
const openIt = () => openSqliteStore({ ...identity, path: at('data/coins.db') });
const coinsConfig = (): CoinsConfig => ({
  node: { dataDir: at('data') },
  raida: {
    ...{ number: 3, coinId: 6, pagesPerDenomination: 10, wire: 'spec', modern: false },
    ...{ adminKey: undefined, adminClear: false, servers: [], listen: { host: '::1', port: 0 } },
    ...{
      proxy: undefined,
      btcConfirmations: 2,
      integrityFreqS: 3600,
      lockerCoins: 131_072,
      openKeyRecords: false,
    },
  },
  store: { url: 'sqlite:coins.db' },
});

const hex = (value: number) => value.toString(16).padStart(32, '0');
const line = (den: number, sn: number, value: number, mfs = 30) =>
  `{"den":${den},"sn":${sn},"an":"${hex(value)}","mfs":${mfs}}\n`;

/** Runs `andvari coins ...` and gives what it wrote. */
async function run(words: string[], input = '') {
  let [stdout, stderr] = ['', ''];
  const context = new CommandContext({
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    signal: new AbortController().signal,
  });
  const output = new Writable({
    write(chunk, _encoding, done) {
      stdout += chunk;
      done();
    },
  });
  const program = new Command('andvari').exitOverride();
  program.configureOutput({ writeErr: () => undefined });
  const streams = { input: Readable.from([Buffer.from(input)]), output };
  registerCoinsCommands(program, context, streams);
  const [verb = '', ...rest] = words;
  await program.parseAsync(['coins', verb, '--config', config, ...rest], { from: 'user' });
  return { stdout, stderr };
}

/** The coins in circulation, as exported. */
const exported = async () => (await run(['export', '-'])).stdout;

describe('import and export', () => {
  test('what goes in comes out, in order', async () => {
    const lines = [
      line(0, 5, 1),
      line(6, 0, 2),
      line(-8, 10239, 3),
      line(0, 4, 4),
      line(0, 1024, 5),
    ];
    const first = await run(['import', '-'], lines.join(''));
    expect(first.stderr).toBe('5 records: 5 written, 0 were there\n');
    const sorted = [lines[2], lines[3], lines[0], lines[4], lines[1]].join('');
    const out = await run(['export', at('out')]);
    expect(out.stdout).toBe('');
    expect(read('out')).toBe(sorted);
    expect(statSync(at('out')).mode & 0o777).toBe(0o600);
    expect(await exported()).toBe(sorted);
  });

  test('importing again changes nothing; a cut import is brought to its end', async () => {
    const lines = Array.from({ length: 10000 }, (_, sn) => line(0, sn, sn + 1));
    writeFileSync(
      at('broken'),
      `${lines.slice(0, 9000).join('')}oops\n${lines.slice(9000).join('')}`,
    );
    await expect(run(['import', at('broken')])).rejects.toMatchObject({
      code: 'ANDVARI_COIN_INPUT',
      line: 9001,
    });
    expect((await exported()).split('\n')).toHaveLength(8192 + 1);
    writeFileSync(at('whole'), lines.join(''));
    const second = await run(['import', '--json', at('whole')]);
    const events = second.stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(events).toEqual([
      { event: 'progress', records: 4096 },
      { event: 'progress', records: 8192 },
      { event: 'progress', records: 10000 },
      { event: 'done', records: 10000, changed: 1808, unchanged: 8192 },
    ]);
    expect(await exported()).toBe(lines.join(''));
  });

  test('a coin in circulation is not taken from whoever holds it', async () => {
    await run(['import', '-'], line(0, 1, 1) + line(0, 2, 2));
    const old = line(0, 3, 3) + line(0, 1, 9);
    await expect(run(['import', '-'], old)).rejects.toMatchObject({
      code: 'ANDVARI_COIN_IN_USE',
      line: 2,
      message: expect.stringContaining('denomination 0, serial number 1'),
    });
    await expect(run(['import', '-'], line(0, 2, 2, 0))).rejects.toThrow('line 1');
    await expect(run(['import', '-'], line(0, 4, 1) + line(0, 4, 2))).rejects.toThrow('line 2');
    expect(await exported()).toBe(line(0, 1, 1) + line(0, 2, 2));
    await run(['import', '--replace', '-'], old);
    expect(await exported()).toBe(line(0, 1, 9) + line(0, 2, 2) + line(0, 3, 3));
    await run(['import', '--replace', '-'], line(0, 1, 7, 0));
    expect(await exported()).toBe(line(0, 2, 2) + line(0, 3, 3));
    const all = (await run(['export', '--all', '-'])).stdout;
    expect(all.split('\n')).toHaveLength(1024 + 1);
    expect(all).toContain(line(0, 1, 7, 0));
    const store = openIt();
    expect(store.counts()[8]).toBe(2);
    store.close();
  });

  test('a server that holds the store, or a store of another one, is a refusal', async () => {
    const store = openIt();
    const busy = { code: 'ANDVARI_STORE_BUSY' };
    await expect(run(['import', '-'], line(0, 1, 1))).rejects.toMatchObject(busy);
    await expect(run(['export', '-'])).rejects.toMatchObject(busy);
    await expect(run(['create', '--den', '0', '--count', '1', at('new')])).rejects.toMatchObject(
      busy,
    );
    expect(readdirSync(folder).sort()).toEqual(['data', 'node.toml']);
    store.close();
    writeFileSync(config, 'raida.number = 4\nraida.pages_per_denomination = 10');
    const mismatch = { code: 'ANDVARI_STORE_MISMATCH' };
    await expect(run(['export', '-'])).rejects.toMatchObject(mismatch);
  });

  test('what is not there is an error and stays so', async () => {
    await expect(run(['export', at('out')])).rejects.toMatchObject({ code: 'ANDVARI_STORE_OPEN' });
    await expect(run(['import', at('none')])).rejects.toMatchObject({ code: 'ENOENT' });
    openIt().close();
    await expect(run(['export', at('none/out')])).rejects.toMatchObject({ code: 'ENOENT' });
    writeFileSync(config, 'raida.number = 3\nstore.url = "memory:"');
    await expect(run(['export', at('out')])).rejects.toThrow('only in a running server');
    expect(existsSync(at('out'))).toBe(false);
  });

  test('an interrupted import keeps whole batches', async () => {
    const lines = Array.from({ length: 5000 }, (_, sn) => line(0, sn, sn + 1)).join('');
    const stop = new AbortController();
    const importing = importCoins(coinsConfig(), Readable.from([Buffer.from(lines)]), {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(importing).rejects.toMatchObject({ code: 'ANDVARI_INTERRUPTED' });
    expect((await exported()).split('\n')).toHaveLength(4096 + 1);
  });
});

describe('create', () => {
  const records = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((row, index) => parseRecord(row, index + 1, 10));

  test('takes free serial numbers, and the file holds what is in the store', async () => {
    await run(['import', '-'], line(0, 1, 1) + line(0, 3, 3));
    const { stderr } = await run(['create', '--den', '0', '--count', '2000', at('new')]);
    expect(stderr).toBe('2000 coins of denomination 0 made, serial numbers 0 to 2001\n');
    const made = records(read('new'));
    expect(made.slice(0, 3).map((record) => record.serialNumber)).toEqual([0, 2, 4]);
    expect(new Set(made.map((record) => record.authenticationNumber.join())).size).toBe(2000);
    expect(statSync(at('new')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['data', 'new', 'node.toml']);
    const store = openIt();
    for (const { serialNumber, authenticationNumber: an, mfs } of made) {
      expect(mfs).toBeGreaterThan(30);
      expect(readCoin(store, 8, serialNumber)).toEqual({ an, mfs });
    }
    expect(readCoin(store, 8, 1).an[15]).toBe(1);
    expect(store.counts()[8]).toBe(2002);
    store.close();
  });

  test('from a serial number on, to standard output', async () => {
    const words = ['create', '--den', '-8', '--count', '2', '--first-sn', '10238', '--json', '-'];
    const { stdout, stderr } = await run(words);
    expect(records(stdout).map((record) => record.serialNumber)).toEqual([10238, 10239]);
    expect(JSON.parse(stderr)).toEqual({
      event: 'done',
      ...{ records: 2, firstSerialNumber: 10238, lastSerialNumber: 10239, denomination: -8 },
    });
    expect(await exported()).toBe(stdout);
    await expect(run(words)).rejects.toMatchObject({ code: 'ANDVARI_NO_FREE_COINS' });
  });

  test.each([
    ['--den', '7'],
    ['--den', '-9'],
    ['--count', '0'],
    ['--count', '1.5'],
    ['--first-sn', '-1'],
  ])('%s %s is refused', async (flag, value) => {
    const words = ['create', '--den', '0', '--count', '1', flag, value, at('new')];
    await expect(run(words)).rejects.toMatchObject({ code: 'commander.invalidArgument' });
    expect(existsSync(at('new'))).toBe(false);
  });

  test('too many are refused and none is made', async () => {
    const words = ['create', '--den', '0', '--count', '10240', '--first-sn', '1', at('new')];
    await expect(run(words)).rejects.toMatchObject({
      code: 'ANDVARI_NO_FREE_COINS',
      message: expect.stringContaining('wanted 10240 free serial numbers, there are 10239'),
    });
    expect(await exported()).toBe('');
    expect(readdirSync(folder).sort()).toEqual(['data', 'node.toml']);
  });

  test('no file is replaced, not even one that a crash has left', async () => {
    for (const name of ['new', 'new.uncommitted']) {
      writeFileSync(at(name), 'coins of before');
      const words = ['create', '--den', '0', '--count', '1', at('new')];
      await expect(run(words)).rejects.toMatchObject({
        code: 'ANDVARI_FILE_EXISTS',
        path: at(name),
      });
      expect(read(name)).toBe('coins of before');
      rmSync(at(name));
    }
    expect(await exported()).toBe('');
  });

  test('a reader who has gone gets no coins, and none is made', async () => {
    const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    output.on('error', () => undefined);
    const { StreamOutput } = await import('./record-output.ts');
    const making = createCoins(coinsConfig(), () => new StreamOutput(output), {
      denomination: 0,
      count: 1,
    });
    await expect(making).rejects.toThrow('EPIPE');
    expect(await exported()).toBe('');
  });

  /** A power cut: nothing after it happens, not even tidying up. */
  class CutOutput extends FileOutput {
    readonly #cut: 'flush' | 'finish';
    constructor(cut: 'flush' | 'finish') {
      super(at('new'), { replace: false, temporary: at('new.uncommitted') });
      this.#cut = cut;
    }
    override async flush() {
      await super.flush();
      if (this.#cut === 'flush') throw new Error('cut');
    }
    override async finish() {
      if (this.#cut === 'finish') throw new Error('cut');
    }
    override discard() {
      // Nobody is there to do it.
    }
  }

  test.each([
    ['flush', 'before the commit', 3],
    ['finish', 'after the commit', 0],
  ] as const)(
    'cut at %s, %s: importing what is left behind ends it',
    async (cut, _when, written) => {
      const options = { denomination: 0, count: 3 };
      const making = createCoins(coinsConfig(), () => new CutOutput(cut), options);
      await expect(making).rejects.toThrow(cut === 'finish' ? 'new.uncommitted' : 'cut');
      expect((await exported()) === '').toBe(written === 3);
      expect(existsSync(at('new'))).toBe(false);
      const { stderr } = await run(['import', at('new.uncommitted')]);
      expect(stderr).toBe(`3 records: ${written} written, ${3 - written} were there\n`);
      expect(await exported()).toBe(read('new.uncommitted'));
    },
  );
});
