/** Sessions move for as long as they live, and nobody sees from where to where. */
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { firstSeed } from './first-seed.ts';
import { newMachines } from './machines.ts';
import { manyMovesOf, movingOf } from './moving-scenarios.ts';
import { Onlooker } from './onlooker.ts';
import { Run } from './run.ts';
import type { Scenario } from './scenario.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const SEEDS = LONG ? 5000 : 6;
const MOVES = 600;
const timeout = LONG ? 3_600_000 : 120_000;
const first = firstSeed(1);

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const runOf = (scenario: Scenario) =>
  new Run(newMachines(module, { x25519: nodeX25519 }), scenario);

test(`a session moves ${MOVES} times within the time of an epoch, unseen`, { timeout }, () => {
  const run = runOf(manyMovesOf(MOVES));
  const { failure, rekeys } = run.run();
  expect(failure).toBeUndefined();
  expect(run.moves).toEqual({ begun: MOVES, refused: 0 });
  expect(rekeys).toBe(10); // five, which both sides tell
  expect(run.onlooker.seen).toBeGreaterThan(MOVES);
});

test.each([
  [484646, 'an address that the peer has left is asked under a CID that the peer does not take'],
  [485124, 'the next move knows that the peer has heard, by an ack alone'],
  [485846, 'a NAT forgets while the keys change, and the way keeps its CID'],
  [910002196, 'the peer moves while the keys change: no path it has left has taken the CID'],
  [630604, 'keys change after an address that was left has been asked, before the next move'],
  [633044, 'a side that is led back to a path that has answered is told so'],
  [1303998, 'a side whose path fails is told which one it goes on by'],
  [483799, 'packets are lost on a path before its first round trip, and the window stays'],
])('seed %i: %s', (seed) => {
  const { failure } = runOf(movingOf(seed)).run();
  expect(failure, `npm run sim -- --seeds 1 --seed ${seed} --moving`).toBeUndefined();
});

test('a NAT that forgets it lets it be seen', { timeout }, () => {
  const run = runOf(manyMovesOf(20, 'rebind'));
  const onlooker = new Onlooker(); // who is not told of the NAT
  for (const node of run.nodes) onlooker.watch(node);
  expect(run.run().failure).toBeUndefined();
  expect(onlooker.linked).not.toEqual([]);
  expect(onlooker.seen).toBe(1);
});

test(`moves, rekeys and losses go together, ${SEEDS} from ${first}`, { timeout }, () => {
  const failures: string[] = [];
  let moves = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const run = runOf(movingOf(seed));
    const { failure } = run.run();
    moves += run.moves.begun;
    if (failure) failures.push(`seed ${seed}: ${failure}`);
  }
  expect(failures, `ANDVARI_SEED=${first}`).toEqual([]);
  expect(moves).toBeGreaterThan(SEEDS);
});
