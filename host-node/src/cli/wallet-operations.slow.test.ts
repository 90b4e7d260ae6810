/** Lockers and change on the command line, ended with kill -9 at any moment: no coin is lost. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatCoinFile, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalNetwork } from '../network/local-network.ts';
import { ChildProgram } from './child-program.ts';
import { CliNetwork } from './testing/cli-network.ts';

const ROUNDS = process.env.ANDVARI_LONG === '1' ? 50 : 2;
/** About the time that a command takes from its wallet file on. */
const DELAY_MS_MAX = 150;
const CODE = /^([0-9A-Z]{4}-){4}[0-9A-Z]{4}$/;
let place: CliNetwork;
let directory = '';
let network: LocalNetwork;

beforeEach(async () => {
  place = await CliNetwork.start('kill-operations');
  ({ directory, network } = place);
  place.describe(directory);
});
afterEach(() => place.remove());

function start(words: string[]): ChildProgram {
  return new ChildProgram(['wallet', ...words, '--network', join(directory, 'network.json')]);
}

async function finished(words: string[]): Promise<ChildProgram> {
  const program = start(words);
  await program.ended;
  return program;
}

/** Ends the command some time after its wallet file has appeared in `out`. */
async function killed(words: string[], out: string, delayMs: number): Promise<void> {
  const program = start(words);
  const begun = () => readdirSync(out).some((name) => name.endsWith('.wallet'));
  while (!begun() && program.child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  program.child.kill('SIGKILL');
  await program.ended;
}

/** A coin of 100 in a file of its own, in a folder for this round. */
function coinOf(round: string): { path: string; out: string } {
  const out = join(directory, round);
  mkdirSync(out);
  const { bytes } = network.demoCoins.take();
  const coins = parseCoinFile(bytes, 'demo.bin').coins;
  const path = join(directory, `${round}.bin`);
  writeFileSync(path, formatCoinFile(coins.filter((coin) => coin.denomination === 2)).bytes);
  return { path, out };
}

/** What is authentic in the coin files of a folder, as detect says it. */
async function authentic(out: string): Promise<string> {
  const files = readdirSync(out).filter((name) => name.endsWith('.bin'));
  const detect = await finished(['detect', ...files.map((name) => join(out, name)), '--json']);
  const coins = detect.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((event) => event.event === 'coin' && event.outcome === 'authentic');
  return String(coins.reduce((sum, { value }) => sum + Number(value), 0));
}

describe('kill -9', () => {
  it('change: the coin or its ten, never both, never neither', { timeout: 600_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { path, out } = coinOf(`change-${round}`);
      const words = ['change', path, '--break', '--out', out];
      const delayMs = Math.floor(Math.random() * DELAY_MS_MAX);
      await killed(words, out, delayMs);
      await finished(words);
      const context = `round ${round}, killed ${delayMs} ms after the wallet file was there`;
      expect(await authentic(out), context).toBe('100');
      const names = readdirSync(out).filter((name) => name.endsWith('.wallet'));
      expect(names, context).toEqual([]);
    }
  });

  it('lock and unlock: the code opens what was locked', { timeout: 600_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { path, out } = coinOf(`lock-${round}`);
      const lockMs = Math.floor(Math.random() * DELAY_MS_MAX);
      const unlockMs = Math.floor(Math.random() * DELAY_MS_MAX);
      await killed(['lock', path, '--out', out], out, lockMs);
      const second = await finished(['lock', path, '--out', out]);
      const context = `round ${round}, killed after ${lockMs} and ${unlockMs} ms: ${second.err}`;
      const [code = ''] = second.out.split('\n');
      if (!CODE.test(code)) {
        // Cut before the servers heard of the locker: then the coin is back, in a file of its own.
        expect(await authentic(out), context).toBe('100');
        continue;
      }
      const taken = join(out, 'taken');
      mkdirSync(taken);
      const words = ['unlock', code, '--out', taken];
      await killed(words, taken, unlockMs);
      await finished(words);
      expect(await authentic(taken), context).toBe('100');
    }
  });
});
