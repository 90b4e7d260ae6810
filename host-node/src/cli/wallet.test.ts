import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { formatCoinFile, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalNetwork } from '../network/local-network.ts';
import { CliNetwork, runCli } from './testing/cli-network.ts';
import { fingerprintOf, readCoinFiles } from './wallet-input.ts';

const ALL = 'p'.repeat(25);
let place: CliNetwork;
let network: LocalNetwork;
let folder = '';

beforeAll(async () => {
  place = await CliNetwork.start('wallet-cli');
  ({ network } = place);
});
afterAll(() => place.remove());
beforeEach(() => {
  folder = place.folder();
});

function run(words: string[], signal?: AbortSignal) {
  return runCli(['wallet', ...words], signal ? { signal } : {});
}

/** A file with the next demo coins. */
function demoFile(name = 'demo.bin'): string {
  const path = join(folder, name);
  writeFileSync(path, network.demoCoins.take().bytes);
  return path;
}

function describeNetwork(change: (network: RaidaNetwork) => RaidaNetwork = (it) => it): string {
  const path = join(folder, `network-${readdirSync(folder).length}.json`);
  writeFileSync(path, JSON.stringify(change(structuredClone(network.network))));
  return path;
}

/** The network with some servers where nobody listens. */
function withDown(ids: readonly number[]): string {
  return describeNetwork((described) => ({
    ...described,
    servers: described.servers.map((server) =>
      ids.includes(server.raidaId) ? { ...server, url: 'ws://127.0.0.1:1/raida' } : server,
    ),
  }));
}

const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);
const files = (pattern: RegExp) => readdirSync(folder).filter((name) => pattern.test(name));

describe('wallet detect', () => {
  it('finds demo coins authentic, over WebSocket and over UDP', async () => {
    const path = demoFile();
    const page = await run(['detect', path, '--network', `${network.wallet}/network.json`]);
    expect(page.code).toBe(0);
    expect(page.lines).toHaveLength(6);
    expect(page.lines[5]).toMatch(new RegExp(`^${ALL}  authentic +1000  #\\d+ +${path}$`));
    expect(page.err).toContain('6 coins, 1111.11: 6 authentic\n');
    const udp = describeNetwork(() => network.socketNetwork);
    const json = await run(['detect', path, '--network', udp, '--json']);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.lines[0] ?? '')).toMatchObject({
      event: 'coin',
      outcome: 'authentic',
      denomination: -2,
      value: '0.01',
      lights: ALL,
      passes: 25,
      fails: 0,
      fracked: false,
      file: path,
    });
    expect(json.err).toBe('');
  });

  it('encrypts with a coin of its own', async () => {
    const [key] = parseCoinFile(readFileSync(demoFile()), 'x.bin').coins;
    const keyPath = join(folder, 'key.bin');
    writeFileSync(keyPath, formatCoinFile(key ? [key] : []).bytes);
    const words = ['detect', demoFile('other.bin'), '--network', describeNetwork()];
    expect((await run([...words, '--encrypt-with', keyPath])).code).toBe(0);
    key?.authenticationNumbers.fill(1);
    writeFileSync(keyPath, formatCoinFile(key ? [key] : []).bytes);
    const refused = await run([...words, '--encrypt-with', keyPath]);
    expect(refused.lines[0]).toMatch(/^r{25} {2}limbo/);
    expect(refused.code).toBe(3);
  });

  it('tells counterfeit coins (3), silence (2) and wrong input (1) apart', async () => {
    const path = demoFile();
    const { coins } = parseCoinFile(readFileSync(path), path);
    coins[0]?.authenticationNumbers.fill(7, 0, 16 * 3);
    coins[1]?.authenticationNumbers.fill(7);
    writeFileSync(path, formatCoinFile(coins).bytes);
    const forged = await run(['detect', path, '--network', describeNetwork()]);
    expect(forged.code).toBe(3);
    expect(forged.lines[0]).toMatch(/^fffp{22} {2}authentic, fracked/);
    expect(forged.lines[1]).toMatch(/^f{25} {2}counterfeit/);
    const silent = await run(['detect', path, '--network', withDown(from(0, 25))]);
    expect(silent.code).toBe(2);
    expect(silent.lines[0]).toMatch(/^u{25} {2}limbo/);
    writeFileSync(path, 'no coins');
    const wrong = await run(['detect', path, '--network', describeNetwork()]);
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toMatch(/^andvari: .*format 9.* \(ANDVARI_INPUT\)\n$/);
  });

  it('says why there is no network', async () => {
    const path = demoFile();
    const gone = await run(['detect', path, '--network', 'http://127.0.0.1:1/network.json']);
    expect(gone.code).toBe(2);
    expect(gone.err).toMatch(/127\.0\.0\.1:1.*\(ANDVARI_NETWORK_UNREACHABLE\)/);
    const missing = await run(['detect', path, '--network', join(folder, 'none.json')]);
    expect(missing.code).toBe(1);
    const page = await run(['detect', path, '--network', `${network.wallet}/nowhere`]);
    expect(page.err).toContain('HTTP 404');
    expect((await run(['detect', path, '--network', path])).err).toContain('(ANDVARI_NETWORK)');
  });
});

describe('wallet pown', () => {
  it('writes new coin files and leaves the old one alone', async () => {
    const path = demoFile();
    const before = readFileSync(path);
    const powned = await run(['pown', path, '--network', describeNetwork()]);
    expect(powned.err).toContain('6 coins, 1111.11: 6 owned\n');
    expect(powned.code).toBe(0);
    expect(readFileSync(path)).toEqual(before);
    expect(files(/^pending/)).toEqual([]);
    const [owned = ''] = files(/owned/);
    const now = await run(['detect', join(folder, owned), '--network', describeNetwork()]);
    expect(now.code).toBe(0);
    const old = await run(['detect', path, '--network', describeNetwork()]);
    expect(old.lines.every((line) => line.startsWith('f'.repeat(25)))).toBe(true);
    // The same command once more: nothing comes of it, and nothing is written.
    const again = await run(['pown', path, '--network', describeNetwork()]);
    expect(again.code).toBe(3);
    expect(again.err).toContain('6 refused');
    expect(files(/CloudCoin/)).toEqual([owned]);
  });

  it('never writes over a file', async () => {
    const path = demoFile();
    const tag = fingerprintOf(readCoinFiles([path], 6)).slice(0, 4);
    const taken = join(folder, `1,111.11 CloudCoin #6 'owned ${tag}'.bin`);
    writeFileSync(taken, 'mine');
    expect((await run(['pown', path, '--network', describeNetwork()])).code).toBe(0);
    expect(readFileSync(taken, 'utf8')).toBe('mine');
    const second = join(folder, `1,111.11 CloudCoin #6 'owned ${tag} 2'.bin`);
    expect((await run(['detect', second, '--network', describeNetwork()])).code).toBe(0);
  });

  it('owns what 13 servers know of, and settles the rest when they are back', async () => {
    const path = demoFile();
    const down = await run(['pown', path, '--network', withDown(from(0, 12))]);
    expect(down.code).toBe(0);
    expect(down.lines[0]).toMatch(/^u{12}p{13} {2}owned/);
    const owned = join(folder, files(/owned/)[0] ?? '');
    const back = await run(['detect', owned, '--network', describeNetwork()]);
    expect(back.lines[0]).toMatch(new RegExp(`^${ALL}  authentic`));
    const finished = await run(['pown', owned, '--network', describeNetwork()]);
    expect(finished.code).toBe(0);
  });

  it('keeps coins that too few servers know of until the same command finishes them', async () => {
    const path = demoFile();
    const { code, err } = await run(['pown', path, '--network', withDown(from(5, 13))]);
    expect(code).toBe(3);
    expect(err).toContain('6 pending');
    expect(files(/^pending-[0-9a-f]{16}\.wallet$/)).toHaveLength(1);
    expect(files(/CloudCoin/)).toEqual([]);
    const again = await run(['pown', path, '--network', describeNetwork()]);
    expect(again.err).toContain('going on with');
    expect(again.code).toBe(0);
    expect(again.lines[0]).toMatch(new RegExp(`^${ALL}  owned`));
    expect(files(/^pending/)).toEqual([]);
    const owned = join(folder, files(/owned/)[0] ?? '');
    const now = await run(['detect', owned, '--network', describeNetwork()]);
    expect(now.lines[0]).toMatch(new RegExp(`^${ALL}  authentic`));
  });

  it('finds its own coin file again when it was cut before the pending file went', async () => {
    const path = demoFile();
    const tag = fingerprintOf(readCoinFiles([path], 6)).slice(0, 4);
    const target = join(folder, `1,111.11 CloudCoin #6 'owned ${tag}'.bin`);
    // Settled, but with no way to write the coin file.
    mkdirSync(target);
    expect((await run(['pown', path, '--network', describeNetwork()])).err).toContain('EISDIR');
    rmSync(target, { recursive: true });
    const [name = ''] = files(/^pending/);
    const pending = readFileSync(join(folder, name));
    for (let round = 0; round < 2; round++) {
      writeFileSync(join(folder, name), pending);
      const finished = await run(['pown', path, '--network', describeNetwork()]);
      expect(finished.code).toBe(0);
      expect(finished.lines[0]).toMatch(new RegExp(`^${ALL}  owned`));
    }
    expect(files(/owned/)).toHaveLength(1);
    expect(files(/^pending/)).toEqual([]);
  });

  it('can be interrupted and resolved from its pending file', async () => {
    const path = demoFile();
    const stop = new AbortController();
    // A server that takes connections and never answers keeps the command waiting.
    const hole = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => hole.once('listening', resolve));
    const { port } = hole.address() as { port: number };
    const holed = describeNetwork((described) => {
      for (const server of described.servers.slice(0, 13)) {
        server.url = `ws://127.0.0.1:${port}/raida`;
      }
      return described;
    });
    setTimeout(() => stop.abort(), 400);
    const cut = await run(['pown', path, '--network', holed], stop.signal);
    hole.close();
    expect(cut.code).toBe(2);
    expect(cut.err).toMatch(/interrupted; .*pending-.*\(ANDVARI_INTERRUPTED\)/);
    const [pending = ''] = files(/^pending/);
    const resolved = await run(['resolve', join(folder, pending), '--network', describeNetwork()]);
    expect(resolved.code).toBe(0);
    expect(files(/^pending/)).toEqual([]);
    expect(files(/owned/)).toHaveLength(1);
  });

  it('refuses coins twice, and its own key coin', async () => {
    const path = demoFile();
    const copy = join(folder, 'copy.bin');
    writeFileSync(copy, readFileSync(path));
    const twice = await run(['pown', path, copy, '--network', describeNetwork()]);
    expect(twice.code).toBe(1);
    expect(twice.err).toContain('6 problems (ANDVARI_INPUT)');
    const [key] = parseCoinFile(readFileSync(path), path).coins;
    const keyPath = join(folder, 'key.bin');
    writeFileSync(keyPath, formatCoinFile(key ? [key] : []).bytes);
    const words = ['pown', path, '--network', describeNetwork(), '--encrypt-with', keyPath];
    expect((await run(words)).err).toContain('encrypts the requests');
    expect(files(/^pending/)).toEqual([]);
  });
});
