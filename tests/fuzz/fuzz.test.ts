/**
 * A short run of the fuzz (npm run fuzz), and that it notices what it is there for: an engine that
 * is tampered with fails.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Control, Region } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { beforeAll, describe, expect, it } from 'vitest';
import { COMMAND } from '../engine/commands.ts';
import { seedOfRun } from '../seeded-random.ts';
import { read, save } from './reproduction.ts';
import type { Round } from './round.ts';
import { type Engines, RoundRun, replay, roundOptions, shrink } from './session.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const BATCHES = LONG ? 512 : 64;
const ROUNDS = [0, 1, 2, 3];

let engines: Engines;
beforeAll(async () => {
  engines = { plain: await plainEngine(), shared: await sharedEngine() };
});

describe('inputs of every command, mutated', () => {
  it.each(ROUNDS)('round %i', { timeout: LONG ? 300_000 : 120_000 }, (number) => {
    const seed = seedOfRun();
    const run = new RoundRun(roundOptions(engines, seed, number));
    for (let i = 0; i < BATCHES; i++) {
      expect(run.next()?.message, `ANDVARI_SEED=${seed}, round ${number}`).toBeUndefined();
    }
    run.round.rest();
    const commands = new Set([...run.round.seen.keys()].map((key) => key.split(' ')[0]));
    const all = Object.entries(COMMAND).map(([, [group, command]]) => `${group}/${command}`);
    expect(all.filter((name) => !commands.has(name))).toEqual([]);
  });
});

describe('it notices', () => {
  function failureAfter(tamper: (round: Round) => void): string {
    const run = new RoundRun(roundOptions(engines, 7, 0));
    for (let i = 0; i < 4; i++) expect(run.next()?.message).toBeUndefined();
    tamper(run.round);
    for (let i = 0; i < 40; i++) {
      const failure = run.next();
      if (failure) return failure.message;
    }
    return 'nothing';
  }
  const poke = (round: Round, at: number, value: number) => {
    const { u8 } = round.harness.engine;
    u8[at] = value;
  };

  it('a byte behind a frame', () => {
    expect(
      failureAfter((round) => poke(round, round.harness.engine.region(Region.FRAMES), 1)),
    ).toMatch(/guard/);
  });
  it('a byte in a free reply frame', () => {
    const { round } = new RoundRun(roundOptions(engines, 7, 0));
    round.rest();
    poke(round, round.harness.engine.region(Region.RANDOM) - 64, 1);
    expect(() => round.rest()).toThrow(/guard/);
  });
  it('a lock that stays', () => {
    const tamper = (round: Round) => {
      poke(round, round.harness.engine.region(Region.PAGE_META) + 64 * 29, 1);
    };
    expect(failureAfter(tamper)).toMatch(/locks are held: page slot 29/);
  });
  it('a count that is not that of the coins', () => {
    expect(
      failureAfter((round) => poke(round, round.harness.engine.region(Region.COUNTS), 1)),
    ).toMatch(/denomination -8/);
  });
  it('a coin that changed without the journal', () => {
    const tamper = (round: Round) => {
      round.rest();
      const { u32 } = round.harness.engine;
      const control = round.harness.engine.region(Region.CONTROL);
      u32[(control + Control.LOCKERS + 16) >>> 2] = 999;
    };
    expect(failureAfter(tamper)).toMatch(/coins counted|differ/);
  });

  it('and finds the least that fails', () => {
    const options = roundOptions(engines, 7, 0);
    const run = new RoundRun(options);
    for (let i = 0; i < 6; i++) run.next();
    const bad = { seed: 5, inputs: [{ bytes: Buffer.alloc(70_000), flags: 0, address: 1 }] };
    const good = Array.from({ length: 6 }, (_, i) => ({ seed: i + 1, inputs: [] }));
    const batches = [...good.slice(0, 3), bad, ...good.slice(3)];
    expect(replay(options, batches)).toBeDefined();
    expect(replay(options, good)).toBeUndefined();
    const least = shrink(options, batches, 10_000);
    expect(least).toEqual([bad]);
    const folder = mkdtempSync(join(tmpdir(), 'andvari-fuzz-'));
    const path = join(folder, 'failure.json');
    save(path, { seed: 7, round: 0, message: 'as above', batches: least });
    expect(read(path).batches).toEqual(least);
    expect(replay(options, read(path).batches)).toBeDefined();
    rmSync(folder, { recursive: true });
  });
});
