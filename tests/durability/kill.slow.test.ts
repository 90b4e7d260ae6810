/**
 * A server is killed (SIGKILL) at random moments of mixed traffic and started again: every
 * acknowledged change is there, no change is half done, key files are whole, and the audit counts
 * what all changes together have made. ANDVARI_SEED repeats the moments.
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
import { MixedTraffic, mixedCoins } from './mixed-traffic.ts';
import { PownClient } from './pown-client.ts';
import { coinsOf, createCoins, KEY_COIN, type ServerSetup, setupOf } from './server-setup.ts';

const long = process.env.ANDVARI_LONG === '1';
const ROUNDS = long ? 200 : 6;
/** One round in so many is killed at rest. */
const REST_EVERY = 3;
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

it(`${ROUNDS} kills in mixed traffic lose nothing`, { timeout: ROUNDS * 20_000 }, async () => {
  const seed = seedOfRun();
  const random = randomFrom(seed);
  const setup = setupOf(folder);
  const coins = coinsOf(COINS);
  const mixed = mixedCoins();
  const [key = new Uint8Array(16), ...ans] = createCoins(setup, [KEY_COIN, ...coins, ...mixed]);
  const ledger = new Ledger(coins, ans, random);
  const others = new MixedTraffic({ ans: ans.slice(COINS), key, random });
  const rounds = { doubts: 0, made: 0, withDoubt: 0, mixedDoubts: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const port = await start(setup);
    const client = await PownClient.open(port, { ledger, random, key });
    await others.connect(port);
    rounds.made += await client.ask();
    await others.resolve();
    expect(ledger.errors.concat(others.errors), `seed ${seed}, round ${round}`).toEqual([]);
    const traffic = Promise.all([client.run(LANES), others.run()]);
    const forMs = TRAFFIC_MS.least + random(TRAFFIC_MS.most - TRAFFIC_MS.least);
    await new Promise((resolve) => setTimeout(resolve, forMs));
    // What is under way stays under way; the dead are not asked again.
    client.stop();
    others.stop();
    if (round % REST_EVERY === REST_EVERY - 1) {
      await traffic;
      await others.resolve();
    }
    await kill();
    await client.close();
    await others.close();
    await traffic;
    rounds.mixedDoubts += others.doubts;
    rounds.doubts += ledger.doubts;
    rounds.withDoubt += ledger.doubts > 0 ? 1 : 0;
  }
  const port = await start(setup);
  const client = await PownClient.open(port, { ledger, random, key });
  await others.connect(port);
  rounds.made += await client.ask();
  await others.resolve();
  expect(ledger.errors.concat(others.errors), `seed ${seed}`).toEqual([]);
  // And the server goes on as if nothing had been.
  setTimeout(() => {
    client.stop();
    others.stop();
  }, 200);
  await Promise.all([client.run(LANES), others.run()]);
  await client.ask();
  await others.resolve();
  await client.close();
  await others.close();
  expect(ledger.errors.concat(others.errors), `seed ${seed}`).toEqual([]);
  expect(client.count('none')).toBe(0);
  const { doubts, made, withDoubt, mixedDoubts } = rounds;
  console.log(
    `kill, seed ${seed}: ${ROUNDS} rounds, ${ledger.acknowledged} changes acknowledged; ` +
      `${doubts} in doubt in ${withDoubt} rounds, ${made} of them made; of lockers, change, ` +
      `coins and keys ${others.acknowledged} acknowledged, ${mixedDoubts} in doubt`,
  );
  expect(ledger.acknowledged).toBeGreaterThan(ROUNDS * 20);
  expect(withDoubt).toBeGreaterThan(ROUNDS / 3);
  expect(others.acknowledged).toBeGreaterThan(ROUNDS * 10);
});
