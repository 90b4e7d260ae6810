/** Healing, lockers and change on the command line, against 25 servers. */
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { type FileCoin, formatCoinFile, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import { Wallet } from '@andvari/host-common/raida/wallet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalNetwork } from '../network/local-network.ts';
import { SocketTransport } from '../raida/socket-transport.ts';
import { WalletFile } from '../raida/wallet-file.ts';
import { CliNetwork, runCli } from './testing/cli-network.ts';
import { fingerprintOf, readCoinFiles } from './wallet-input.ts';

const ALL = 'p'.repeat(25);
const CODE = /^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/;
let place: CliNetwork;
let network: LocalNetwork;
let folder = '';

beforeAll(async () => {
  place = await CliNetwork.start('wallet-operations');
  ({ network } = place);
});
afterAll(() => place.remove());
beforeEach(() => {
  folder = place.folder();
});

function run(words: string[], wanted: RaidaNetwork = network.socketNetwork) {
  return runCli(['wallet', ...words, '--network', place.describe(folder, wanted)]);
}

/** A file with the next demo coins, after `change`. */
function demoFile(change: (coins: FileCoin[]) => FileCoin[] = (coins) => coins): string {
  const path = join(folder, 'demo.bin');
  const { coins } = parseCoinFile(network.demoCoins.take().bytes, path);
  writeFileSync(path, formatCoinFile(change(coins)).bytes);
  return path;
}

async function connection() {
  const codec = new EngineCodec(await plainEngine(), network.socketNetwork);
  return { codec, sockets: new SocketTransport(network.socketNetwork.servers) };
}

const named = (pattern: RegExp) =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
const only = (pattern: RegExp) => named(pattern)[0] ?? `no file ${pattern}`;
const coinsIn = (path: string) => parseCoinFile(readFileSync(path), path).coins;

async function isWhole(path: string): Promise<void> {
  const { code, lines } = await run(['detect', path]);
  expect(lines.filter((line) => !line.startsWith(`${ALL}  authentic `))).toEqual([]);
  expect(code).toBe(0);
}

describe('wallet heal', () => {
  it('makes coins whole that 1 to 12 servers do not know; one of 13 stays as it is', async () => {
    const path = demoFile((coins) => {
      for (const [index, count] of [1, 3, 6, 9, 12, 13].entries()) {
        coins[index]?.authenticationNumbers.fill(7, 16 * (25 - count));
      }
      return coins;
    });
    const { code, lines, err } = await run(['heal', path]);
    expect(err).toContain('heal: asked for tickets: 25 servers, 5 coins\n');
    expect(err).toContain('heal: asked to take the tickets for proof: 12 servers, 5 coins\n');
    expect(code).toBe(3);
    expect(lines.map((line) => line.split(/ +/)[1]).sort()).toEqual([
      'counterfeit',
      ...new Array(5).fill('healed'),
    ]);
    await isWhole(only(/healed/));
    expect(coinsIn(only(/counterfeit/))).toHaveLength(1);
    expect(named(/\.wallet$/)).toEqual([]);
  });

  it('does without five servers, which are healed when they are back', async () => {
    const path = demoFile((coins) => {
      for (const coin of coins) coin.authenticationNumbers.fill(7, 0, 16 * 6);
      return coins;
    });
    const servers = network.socketNetwork.servers.map((server) =>
      server.raidaId < 5 ? { ...server, url: 'udp://127.0.0.1:1' } : server,
    );
    const first = await run(['heal', path], { ...network.socketNetwork, servers });
    expect(first.lines[0]).toMatch(/^u{5}p{20} {2}healed/);
    const out = join(folder, 'again');
    expect((await run(['heal', only(/healed/), '--out', out])).code).toBe(0);
    await isWhole(join(out, readdirSync(out)[0] ?? ''));
  });

  it('says so with events on stdout, and changes nothing of whole coins', async () => {
    const { code, lines, err } = await run(['heal', demoFile(), '--json']);
    expect(code).toBe(0);
    expect(err).toBe('');
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(new Array(6).fill('coin'));
    await isWhole(only(/healed/));
  });
});

describe('wallet lock, peek and unlock', () => {
  it('moves an amount from one to another, and the rest to a new file', async () => {
    const path = demoFile();
    const locked = await run(['lock', path, '--amount', '101']);
    expect(locked.code).toBe(0);
    const [code = ''] = locked.lines;
    expect(code).toMatch(CODE);
    expect(coinsIn(only(/rest/))).toHaveLength(4);
    await isWhole(only(/rest/));
    const again = await run(['lock', path, '--amount', '101']);
    expect(again.lines[0]).toBe(code);
    const peeked = await run(['peek', code]);
    expect(peeked.code).toBe(0);
    expect(peeked.lines).toHaveLength(2);
    expect(peeked.lines[0]).toMatch(/^(1|100) {2}#\d+ {2}on 25 servers$/);
    const codeFile = join(folder, 'code.txt');
    writeFileSync(codeFile, `${code.toLowerCase()}\n`);
    const taken = await run(['unlock', '--code-file', codeFile, '--out', folder]);
    expect(taken.code).toBe(0);
    expect(coinsIn(only(/owned/))).toHaveLength(2);
    await isWhole(only(/owned/));
    const empty = await run(['unlock', code, '--out', folder]);
    expect(empty.code).toBe(4);
    expect(empty.err).toContain('(ANDVARI_WALLET_LOCKER)');
    expect(empty.err, 'names the file that has the coins').toContain(only(/owned/));
    expect((await run(['peek', code])).code).toBe(4);
    expect(named(/unlock.*wallet$/)).toEqual([]);
  });

  it('tells a code only to who wants what is behind it', async () => {
    const path = demoFile();
    const first = await run(['lock', path, '--amount', '101']);
    for (const words of [['--amount', '1'], ['--amount', '1110'], []]) {
      const other = await run(['lock', path, ...words]);
      expect([other.code, other.out]).toEqual([1, '']);
      expect(other.err).toContain(only(/^locker-.*wallet$/));
      expect(other.err).toMatch(/its code can take 101: .*\(ANDVARI_INPUT\)/);
    }
    const again = await run(['lock', path, '--amount', '101.00']);
    expect([again.code, again.lines[0]]).toEqual([0, first.lines[0]]);
  });

  it('tells the code again when servers took less than was wanted', async () => {
    const path = demoFile();
    const words = ['lock', path, '--amount', '101'];
    const first = await run(words);
    const [file = ''] = named(/^locker-/);
    // As after a put that too few servers took: one coin is back in a file of its own.
    const store = WalletFile.open(file, { create: false });
    const { entries, nextId } = await store.load();
    await store.save({ put: [], remove: [entries[0]?.id ?? 0], nextId });
    store.close();
    const again = await run(words);
    expect([again.code, again.lines[0]]).toEqual([0, first.lines[0]]);
  });

  it('reads a code from regular files only', async () => {
    const zero = join(folder, 'zero');
    symlinkSync('/dev/zero', zero);
    for (const words of [
      ['peek', '--code-file', zero],
      ['detect', zero],
    ]) {
      const { code, err } = await run(words);
      expect([code, err]).toEqual([1, expect.stringContaining('is no regular file')]);
    }
  });

  it('takes back what was cut off before the servers heard of it', async () => {
    const path = demoFile();
    const { codec, sockets } = await connection();
    const stop = new AbortController();
    const client = new RaidaClient({
      codec,
      transport: {
        exchange: (raidaId, request, options) => {
          // The header is in clear: group and command.
          if (request[4] === 8 && request[5] === 82) stop.abort();
          return sockets.exchange(raidaId, request, options);
        },
        close: () => sockets.close(),
      },
    });
    const files = readCoinFiles([path], 6);
    const store = WalletFile.open(join(folder, `locker-${fingerprintOf(files)}.wallet`), {
      create: true,
    });
    const wallet = await Wallet.open({ store, client });
    const { added } = await wallet.importCoins({ coins: coinsIn(path) });
    await expect(wallet.lock(added, { signal: stop.signal })).rejects.toThrow();
    store.close();
    await sockets.close();
    const again = await run(['lock', path]);
    expect(again.err).toContain('going on with');
    expect(again.lines.filter((line) => !line.startsWith(`${ALL}  returned `))).toEqual([]);
    await isWhole(only(/returned/));
    expect(named(/\.wallet$/)).toEqual([]);
    expect(coinsIn(only(/returned/))).toHaveLength(6);
  });

  it('refuses a mistyped code, and coins that make no such amount', async () => {
    const typo = await run(['peek', '0000-0000-0000-0000-0001']);
    expect([typo.code, typo.err]).toEqual([1, expect.stringContaining('(ANDVARI_WALLET_CODE)')]);
    const amount = await run(['lock', demoFile(), '--amount', '5']);
    expect(amount.err).toContain('break a coin first (ANDVARI_WALLET_AMOUNT)');
    expect(amount.code).toBe(1);
    expect(named(/\.wallet$/)).toEqual([]);
  });
});

describe('wallet change', () => {
  it('breaks a coin into ten and joins them again', async () => {
    const path = demoFile();
    const [coin] = coinsIn(path).filter(({ denomination }) => denomination === 2);
    writeFileSync(path, formatCoinFile(coin ? [coin] : []).bytes);
    const broken = await run(['change', path, '--break']);
    expect([broken.code, broken.err]).toEqual([0, expect.stringContaining('10 changed')]);
    const ten = only(/changed/);
    expect(coinsIn(ten).map(({ denomination }) => denomination)).toEqual(new Array(10).fill(1));
    await isWhole(ten);
    expect((await run(['detect', path])).code).toBe(3);
    const out = join(folder, 'joined');
    expect((await run(['change', ten, '--join', '1', '--out', out])).code).toBe(0);
    const [name = ''] = readdirSync(out);
    expect(coinsIn(join(out, name))).toMatchObject([{ denomination: 2 }]);
    await isWhole(join(out, name));
  });

  it('refuses what it cannot do, and leaves nothing behind', async () => {
    for (const option of ['--break', '--join']) {
      const swapped = await run(['change', option, demoFile()]);
      expect([swapped.code, swapped.err]).toEqual([1, expect.stringContaining(`FILE ${option}`)]);
    }
    const none = await run(['change', demoFile()]);
    expect(none.err).toContain('wanted --break or --join (ANDVARI_INPUT)');
    // The six demo coins have one serial number: it takes the value to name one.
    const path = demoFile();
    const many = await run(['change', path, '--break']);
    expect(many.err).toContain('wanted one coin to break, got 6');
    const [, coinName = ''] = /--break (0\.01:(\d+))/.exec(many.err) ?? [];
    const serial = coinName.split(':')[1] ?? '';
    expect((await run(['change', path, '--break', serial])).err).toContain('got 6');
    const nobody = await run(['change', path, '--break', `7:${serial}`]);
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining('100:1029')]);
    const out = join(folder, 'named');
    const broken = await run(['change', path, '--break', `100:${serial}`, '--out', out]);
    expect([broken.code, broken.lines.length]).toEqual([0, 15]);
    const few = await run(['change', demoFile(), '--join', '0']);
    expect([few.code, few.err]).toEqual([3, expect.stringContaining('(ANDVARI_WALLET_UNFIT)')]);
    expect(named(/\.wallet$/)).toEqual([]);
  });
});
