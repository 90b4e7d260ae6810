/** `wallet change` that is cut off at every save and every file: one change, and all the money. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatCoinFile, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WalletFile } from '../raida/wallet-file.ts';
import { CliNetwork, runCli } from './testing/cli-network.ts';

const durable = vi.hoisted(() => ({ before: () => {}, after: () => {} }));
vi.mock('../files/durable-file.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../files/durable-file.ts')>();
  return {
    ...original,
    createFileDurably: (path: string, bytes: Uint8Array) => {
      durable.before();
      original.createFileDurably(path, bytes);
      durable.after();
    },
  };
});

let place: CliNetwork;
let described = '';
/** By how much the clock of the servers is ahead. */
let aheadMs = 0;
/** Reservations of serial numbers end after 16 s, also those of a client that has died. */
const RESERVATIONS_MS = 17_000;

beforeAll(async () => {
  place = await CliNetwork.start('wallet-change');
  setClock();
  described = place.describe(place.directory);
});
afterAll(() => place.remove());
afterEach(() => {
  revive();
});

function setClock() {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
}

const run = (words: string[]) => runCli([...words, '--network', described]);

/** A file with new coins in a folder of its own, and the folder for what comes of them. */
async function newCoins(denomination: number, count: number) {
  const folder = place.folder();
  const key = ['--admin-key-file', place.adminKeyFile];
  const what = ['--denomination', String(denomination), '--count', String(count)];
  const { lines } = await run(['admin', 'create', ...what, ...key, '--out', folder]);
  aheadMs += RESERVATIONS_MS;
  return { path: lines[0] ?? '', out: join(folder, 'out') };
}

/** Denominations of the coins in the files of a folder, by the first word of their tags. */
function outcomesIn(out: string): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  for (const name of readdirSync(out)) {
    const tag = /'(\w+) [^']*'\.bin$/.exec(name)?.[1] ?? name;
    const path = join(out, name);
    const { coins } = parseCoinFile(readFileSync(path), path);
    found[tag] = [...(found[tag] ?? []), ...coins.map(({ denomination }) => denomination)];
  }
  return found;
}

const times = (count: number, denomination: number) => new Array(count).fill(denomination);

/** After it: no step fails, and no serial number is reserved. */
function revive() {
  vi.restoreAllMocks();
  durable.before = () => {};
  durable.after = () => {};
  aheadMs += RESERVATIONS_MS;
  setClock();
}

/** Dies at step `at`: from then on nothing is saved, written or removed. Counts the steps. */
function cutAt(at: number): { steps: number } {
  const life = { steps: 0 };
  const step = () => {
    if (life.steps++ >= at) throw new Error('dead');
  };
  const { save, destroy } = WalletFile.prototype;
  vi.spyOn(WalletFile.prototype, 'save').mockImplementation(async function (
    this: WalletFile,
    change,
  ) {
    step();
    await save.call(this, change);
    step();
  });
  vi.spyOn(WalletFile.prototype, 'destroy').mockImplementation(function (this: WalletFile) {
    step();
    destroy.call(this);
  });
  durable.before = step;
  durable.after = step;
  return life;
}

describe('wallet change, cut off', () => {
  it.each([
    { count: 1, denomination: 1, wish: ['--break'], wanted: { changed: times(10, 0) } },
    { count: 10, denomination: -1, wish: ['--join'], wanted: { changed: [0] } },
    {
      count: 20,
      denomination: -1,
      wish: ['--join', '-1'],
      wanted: { changed: [0], rest: times(10, -1) },
    },
  ])(
    'at any step: $count coins, $wish, are changed once',
    {
      timeout: 60_000,
    },
    async ({ count, denomination, wish, wanted }) => {
      for (let at = 0; ; at++) {
        const { path, out } = await newCoins(denomination, count);
        const words = ['wallet', 'change', path, ...wish, '--out', out];
        const life = cutAt(at);
        const first = await run(words);
        revive();
        if (life.steps <= at) {
          expect(at).toBeGreaterThan(8);
          expect(first.code).toBe(0);
          return;
        }
        const { code, err } = await run(words);
        const found = outcomesIn(out);
        // Cut before the servers heard of it: then the coins are as they were.
        const kept = { unchanged: times(count, denomination) };
        const ended = 'unchanged' in found ? [3, kept] : [0, wanted];
        expect([code, found], `step ${at}: ${err}`).toEqual(ended);
        const files = readdirSync(out).map((name) => join(out, name));
        expect((await run(['wallet', 'detect', ...files])).code, `step ${at}`).toBe(0);
      }
    },
  );

  it('says which file could not be written and where its coins are', async () => {
    const { path, out } = await newCoins(1, 1);
    durable.before = () => {
      throw new Error('ENOSPC: no space left on device, write');
    };
    const full = await run(['wallet', 'change', path, '--break', '--out', out]);
    expect(full.code).toBe(1);
    expect(full.err).toMatch(/'changed \w+'\.bin could not be written: ENOSPC.*; .*\/change-\w+\./);
    expect(full.err).toContain('(ANDVARI_COIN_FILE)');
  });

  it('starts anew when nothing came of it', async () => {
    const { path, out } = await newCoins(1, 2);
    const [coin] = parseCoinFile(readFileSync(path), path).coins;
    const words = ['wallet', 'change', path, '--out', out];
    // No such serial number: nothing is changed, and the next wish is another.
    const wrong = await run([...words, '--break', '4294967295']);
    expect([wrong.code, readdirSync(out)]).toEqual([1, []]);
    const right = await run([...words, '--break', String(coin?.serialNumber)]);
    expect(right.code).toBe(0);
    expect(outcomesIn(out)).toEqual({ changed: times(10, 0), rest: [1] });
    writeFileSync(path, formatCoinFile(coin ? [coin] : []).bytes);
    const gone = await run([...words, '--break']);
    expect([gone.code, gone.err]).toEqual([3, expect.stringContaining('(ANDVARI_WALLET_UNFIT)')]);
  });
});
