/** A process that receives, killed at any time: what is claimed is there. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { folderForTests } from '../../testing/folder.ts';
import { until } from '../../testing/until.ts';
import type { PartFile } from './part-file.ts';
import { decodePartState, stateKey } from './part-state.ts';
import {
  chunksOf,
  isFile,
  openPart,
  SECRET,
  type TestFile,
  testFile,
  writeChunks,
} from './testing/part-world.ts';

const ROUNDS = process.env['ANDVARI_LONG'] === '1' ? 50 : 5;
const CHUNK = 262_144;
/** The last one is short. */
const CHUNKS = 120;
const SIZE = CHUNKS * CHUNK - 1000;
const PROGRAM = fileURLToPath(new URL('./testing/part-writer.ts', import.meta.url));
const folder = folderForTests('part-killed');

interface Writer {
  child: ChildProcess;
  /** Chunks that it has written, in the order of its words. */
  told: number[];
}

/** It has opened the part, and had these chunks. */
async function start(seed: number, order: number[]): Promise<Writer & { had: number[] }> {
  const words = [folder.path, String(SIZE), String(seed), JSON.stringify(order)];
  const child = fork(PROGRAM, words, { execArgv: [] });
  const messages: unknown[] = [];
  child.on('message', (message) => messages.push(message));
  await until(() => messages.length > 0);
  const [had] = messages.splice(0, 1) as [number[]];
  return { child, told: messages as number[], had };
}

function shuffled(random: (below: number) => number): number[] {
  const order = Array.from({ length: CHUNKS }, (_, index) => index);
  for (let i = CHUNKS - 1; i > 0; i--) {
    const j = random(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

async function kill({ child }: Writer): Promise<void> {
  // Its last words come before this.
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** What is claimed by the state on the disk. */
function claimed(): number[] {
  const path = folder.at('a.bin.andvari-part.state');
  if (!existsSync(path)) return [];
  const state = decodePartState(readFileSync(path), stateKey(SECRET));
  if (!state) throw new Error('a state that is not whole');
  return Array.from({ length: CHUNKS }, (_, index) => index).filter((i) => state.have.has(i));
}

function checkChunks(part: PartFile, file: TestFile): void {
  const data = readFileSync(folder.at('a.bin.andvari-part'));
  for (const index of chunksOf(part)) {
    const chunk = file.chunks[index] as Uint8Array;
    const there = data.subarray(index * CHUNK, index * CHUNK + chunk.length);
    expect(there.equals(chunk), `chunk ${index}`).toBe(true);
  }
}

it(`has every chunk that was saved, and none that is not there: ${ROUNDS} rounds`, async () => {
  const seed = seedOfRun();
  console.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const file = testFile(SIZE, seed);
  for (let round = 0; round < ROUNDS; round++) {
    const writer = await start(seed, shuffled(random));
    await expect(openPart(folder.path, file.offer)).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_IN_USE',
    });
    const wanted = Math.min(random(40), CHUNKS - writer.had.length);
    await until(() => writer.told.length >= wanted);
    await sleep(random(5));
    await kill(writer);
    const saved = claimed();
    const part = await openPart(folder.path, file.offer);
    const have = chunksOf(part);
    expect(have).toEqual(saved);
    expect(have).toEqual(expect.arrayContaining(writer.had));
    const toldAndHad = new Set([...writer.had, ...writer.told]).size;
    expect(have.length).toBeGreaterThan(toldAndHad - 16);
    expect(part.values).toEqual(file.values);
    checkChunks(part, file);
    if (part.have.isFull) await part.discard();
    else await part.close();
  }
  const part = await openPart(folder.path, file.offer);
  await writeChunks(part, file, file.chunks.keys());
  expect(isFile(await part.finish(), file.bytes)).toBe(true);
});
