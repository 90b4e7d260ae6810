import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatCoinFile, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LocalNetwork } from '../network/local-network.ts';
import { CliNetwork, runCli } from './testing/cli-network.ts';

let place: CliNetwork;
let network: LocalNetwork;
let folder = '';

beforeAll(async () => {
  place = await CliNetwork.start('admin');
  ({ network } = place);
});
afterAll(() => place.remove());
beforeEach(() => {
  folder = place.folder();
});

function run(words: string[], env: Record<string, string> = {}) {
  return runCli([...words, '--network', place.describe(folder)], { env });
}

const admin = (...words: string[]) =>
  run(['admin', ...words, '--admin-key-file', place.adminKeyFile]);

describe('andvari admin', () => {
  it('makes coins that are authentic, and deletes them', async () => {
    const made = await admin('create', '--denomination', '3', '--count', '5', '--out', folder);
    expect([made.code, made.err]).toEqual([0, expect.stringContaining('made on 25 of 25')]);
    const [path = ''] = made.lines;
    const { coins } = parseCoinFile(readFileSync(path), path);
    expect(coins.map(({ denomination }) => denomination)).toEqual(new Array(5).fill(3));
    const detected = await run(['wallet', 'detect', path]);
    expect([detected.code, detected.err]).toEqual([0, '5 coins, 5000: 5 authentic\n']);
    // One coin that a server does not know as it is in the file.
    coins[0]?.authenticationNumbers.fill(9, 0, 16);
    writeFileSync(path, formatCoinFile(coins).bytes);
    const deleted = await admin('delete', path);
    expect(deleted.code).toBe(3);
    expect(deleted.lines).toHaveLength(1);
    expect(deleted.lines[0]).toContain('deleted on 24 of 25 servers');
    expect((await run(['wallet', 'detect', path])).err).toContain('5 counterfeit');
    const twelve = await admin('delete', path, '--servers', '0-11');
    expect(twelve.err).toContain('0 of 5 coins deleted on the 12 servers that were asked\n');
    expect(deleted.err).toContain('4 of 5 coins deleted on all servers\n');
    const again = await admin('delete', path, '--json');
    const events = again.lines.map((line) => JSON.parse(line));
    expect(events.map(({ servers }) => servers)).toEqual([0, 0, 0, 0, 0]);
    expect((await admin('free', path)).code).toBe(0);
  });

  it('encrypts with a coin, and asks one server alone', async () => {
    const { bytes } = network.demoCoins.take();
    const [coin] = parseCoinFile(bytes, 'demo.bin').coins;
    const coinPath = join(folder, 'key.bin');
    writeFileSync(coinPath, formatCoinFile(coin ? [coin] : []).bytes);
    const words = ['create', '--denomination', '0', '--servers', '7', '--coin', coinPath];
    const made = await admin(...words, '--out', folder, '--json');
    expect(JSON.parse(made.lines[0] ?? '')).toMatchObject({ event: 'created', servers: 1 });
    expect(readdirSync(folder).filter((name) => /created/.test(name))).toHaveLength(1);
    const audit = await admin('stats', '--servers', '7', '--json');
    expect(JSON.parse(audit.lines[0] ?? '')).toMatchObject({ event: 'stats', raidaId: 7 });
    const [serial] = parseCoinFile(
      readFileSync(JSON.parse(made.lines[0] ?? '').file),
      'x.bin',
    ).coins;
    const named = ['--denomination', '0', '--serials', String(serial?.serialNumber)];
    const freed = await admin('free', ...named, '--servers', '7');
    expect([freed.code, freed.err]).toEqual([
      0,
      '1 coin: 1 of 1 servers have none of them in circulation now\n',
    ]);
  });

  it('shows a table of all servers', async () => {
    const { code, lines } = await admin('stats');
    expect(code).toBe(0);
    expect(lines).toHaveLength(26);
    expect(lines[0]).toMatch(/^server +echoes +powns +powned +datagrams +coins +value$/);
    expect(lines[25]).toMatch(/^ {4}24 /);
  });

  it('is refused without the right key (4), and asks for one (1)', async () => {
    const env = { ANDVARI_ADMIN_KEY: '00'.repeat(16) };
    const wrong = await run(['admin', 'stats'], env);
    expect([wrong.code, wrong.err]).toEqual([4, expect.stringContaining('(ANDVARI_REFUSED)')]);
    const made = await run(['admin', 'create', '--denomination', '0', '--out', folder], env);
    expect(made.code).toBe(4);
    expect(readdirSync(folder)).toEqual(['network.json']);
    const none = await run(['admin', 'stats']);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('ANDVARI_ADMIN_KEY')]);
    const server = await admin('stats', '--servers', '3,25');
    expect([server.code, server.err]).toEqual([1, expect.stringContaining('from 0 to 24')]);
  });
});
