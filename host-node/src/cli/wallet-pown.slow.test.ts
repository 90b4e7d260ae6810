import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalNetwork } from '../network/local-network.ts';
import { ChildProgram } from './child-program.ts';
import { CliNetwork } from './testing/cli-network.ts';
import { fingerprintOf, readCoinFiles } from './wallet-input.ts';

const ROUNDS = process.env.ANDVARI_LONG === '1' ? 50 : 3;
let place: CliNetwork;
let directory = '';
let network: LocalNetwork;

beforeEach(async () => {
  place = await CliNetwork.start('kill');
  ({ directory, network } = place);
  place.describe(directory, place.network.network);
});
afterEach(() => place.remove());

function start(words: string[]): ChildProgram {
  return new ChildProgram(['wallet', ...words, '--network', join(directory, 'network.json')]);
}

/** Ends the command some time after its pending file has appeared: it saves, sends or writes. */
async function killSoonAfter(program: ChildProgram, pending: string, delayMs: number) {
  while (!existsSync(pending) && program.child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  program.child.kill('SIGKILL');
  return (await program.ended).signal === 'SIGKILL';
}

describe('wallet pown and kill -9', () => {
  it('loses no coin, whenever it is cut', { timeout: 600_000 }, async () => {
    let cuts = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const out = join(directory, `round-${round}`);
      const path = join(directory, `demo-${round}.bin`);
      writeFileSync(path, network.demoCoins.take().bytes);
      const pending = join(out, `pending-${fingerprintOf(readCoinFiles([path], 6))}.wallet`);
      const words = ['pown', path, '--out', out];
      const delayMs = Math.floor(Math.random() * 120);
      if (await killSoonAfter(start(words), pending, delayMs)) cuts++;
      await start(words).ended;
      const context = `round ${round}, killed ${delayMs} ms after the pending file was there`;
      const owned = readdirSync(out).filter((name) => name.includes('owned'));
      expect(owned, `${context}: ${owned.join(', ')}`).toHaveLength(1);
      const ownedPath = join(out, owned[0] ?? '');
      expect(parseCoinFile(readFileSync(ownedPath), ownedPath).coins).toHaveLength(6);
      const detect = start(['detect', ownedPath]);
      expect((await detect.ended).code, context).toBe(0);
      expect(detect.out.match(/p{25} {2}authentic /g), context).toHaveLength(6);
    }
    expect(cuts).toBeGreaterThan(0);
  });
});
