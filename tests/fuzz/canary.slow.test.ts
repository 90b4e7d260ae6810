/**
 * The fuzz has to fail when the engine does something wrong; else its silence would mean nothing.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { expect, it } from 'vitest';
import type { CommandName } from '../engine/commands.ts';
import { seedOfRun } from '../seeded-random.ts';
import { buildMutant, type Patch } from '../stress/build-mutant.ts';
import { RoundRun, roundOptions } from './session.ts';

const long = process.env.ANDVARI_LONG === '1';
const BATCHES = 512;
/** Rounds 2 and 3 are of the shared build, which a mutant is. */
const ROUNDS = [2, 3, 6, 7];

const MUTANTS: Record<string, Patch[]> = {
  'a list of coins is written without room for it': [
    {
      file: 'raida/commands/healing.ts',
      find: /const room = makeRoom\(bytes\);/,
      replace: 'const room = bytes ? Room.FOUND : makeRoom(bytes);',
    },
  ],
  'a refused claim keeps its ticket locked': [
    {
      file: 'raida/commands/healing.ts',
      find: /if \(ticket\) tickets\.releaseTicket\(ticket\);\s*return context\.refuse\(status\);/,
      replace: 'return context.refuse(status);',
    },
  ],
  'an effect that was answered falsely ends its request twice': [
    {
      file: 'raida/commands/filesystem.ts',
      find: /(import \* as effects from "\.\.\/effects";)/,
      replace: '$1\nimport { sendReply } from "../response";',
    },
    {
      file: 'raida/commands/filesystem.ts',
      find: /(export function getObject\(.*\{)/,
      replace: '$1\n  if (effects.done != 0 && effects.status != 0) sendReply();',
    },
  ],
  'a deleted coin stays in the in-use map': [
    {
      file: 'raida/changes.ts',
      find: /if \(wasInUse != \(mfs != 0\)\) setInUse/,
      replace: 'if (!wasInUse && mfs != 0) setInUse',
    },
  ],
};
/** Of all that it could be, the requests that lead there soonest. */
const COMMANDS: Record<string, CommandName[]> = {
  'a list of coins is written without room for it': ['getTicket', 'validateTicket'],
};
const SHORT = ['a list of coins is written without room for it'];

const names = Object.keys(MUTANTS).filter((name) => long || SHORT.includes(name));
it.each(names)('it notices when %s', { timeout: 120_000 }, async (name) => {
  const engines = { plain: await plainEngine(), shared: await buildMutant(MUTANTS[name] ?? []) };
  const seed = seedOfRun();
  let message: string | undefined;
  for (const number of ROUNDS) {
    const commands = COMMANDS[name];
    const only = commands ? { commands, sound: true, manyOf: 4 } : {};
    const run = new RoundRun(roundOptions(engines, seed, number), only);
    for (let i = 0; i < BATCHES && message === undefined; i++) message = run.next()?.message;
  }
  console.log(`mutant "${name}": ${message?.split('\n')[0] ?? 'NOT NOTICED'}`);
  expect(message).toBeDefined();
});
