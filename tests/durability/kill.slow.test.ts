/**
 * A server is killed (SIGKILL) at random moments of pown traffic and started again: every
 * acknowledged change is there, and no coin holds anything but its old or its new AN. ANDVARI_SEED
 * repeats the moments.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { Ledger } from './ledger.ts';
import { PownClient } from './pown-client.ts';
import { coinsOf, createCoins, KEY_COIN, type ServerSetup, setupOf } from './server-setup.ts';

const long = process.env.ANDVARI_LONG === '1';
const ROUNDS = long ? 50 : 6;
const COINS = 600;
const LANES = 32;
/** Traffic of a round, from the first request to the kill. */
const TRAFFIC_MS = { least: 20, most: 500 };

const entry = fileURLToPath(new URL('./node-process.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'andvari-kill-'));
let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts the server; gives its port. */
async function start(setup: ServerSetup): Promise<number> {
  child = spawn(process.execPath, [entry, JSON.stringify(setup)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { stdout } = child;
  if (!stdout) throw new Error('no standard output');
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${code}`);
  });
  ended.catch(() => undefined);
  const [line] = await Promise.race([once(createInterface(stdout), 'line'), ended]);
  return Number(line);
}

async function kill(): Promise<void> {
  const ended = child && once(child, 'exit');
  child?.kill('SIGKILL');
  await ended;
}

it(`${ROUNDS} kills under load lose nothing`, { timeout: ROUNDS * 20_000 }, async () => {
  const seed = seedOfRun();
  const random = randomFrom(seed);
  const setup = setupOf(`sqlite:${join(folder, 'coins.db')}`);
  const coins = coinsOf(COINS);
  const [key = new Uint8Array(16), ...ans] = createCoins(setup, [KEY_COIN, ...coins]);
  const ledger = new Ledger(coins, ans, random);
  const rounds = { doubts: 0, made: 0, withDoubt: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const port = await start(setup);
    const client = await PownClient.open(port, { ledger, random, key });
    rounds.made += await client.ask();
    expect(ledger.errors, `seed ${seed}, round ${round}`).toEqual([]);
    const traffic = client.run(LANES);
    const forMs = TRAFFIC_MS.least + random(TRAFFIC_MS.most - TRAFFIC_MS.least);
    await new Promise((resolve) => setTimeout(resolve, forMs));
    // What is under way stays under way; the dead are not asked again.
    client.stop();
    await kill();
    await client.close();
    await traffic;
    rounds.doubts += ledger.doubts;
    rounds.withDoubt += ledger.doubts > 0 ? 1 : 0;
  }
  const client = await PownClient.open(await start(setup), { ledger, random, key });
  rounds.made += await client.ask();
  expect(ledger.errors, `seed ${seed}`).toEqual([]);
  // And the server goes on as if nothing had been.
  setTimeout(() => client.stop(), 200);
  await client.run(LANES);
  await client.ask();
  await client.close();
  expect(ledger.errors, `seed ${seed}`).toEqual([]);
  expect(client.count('none')).toBe(0);
  const { doubts, made, withDoubt } = rounds;
  console.log(
    `kill, seed ${seed}: ${ROUNDS} rounds, ${ledger.acknowledged} changes acknowledged; ` +
      `${doubts} in doubt in ${withDoubt} rounds, ${made} of them made`,
  );
  expect(ledger.acknowledged).toBeGreaterThan(ROUNDS * 20);
  expect(withDoubt).toBeGreaterThan(ROUNDS / 2);
});
