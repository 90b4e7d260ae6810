/**
 * The thread of an answers file with faults: dies at the next commit when PATH.die is there (and
 * takes that away), cannot commit while PATH.full is, and takes 300 ms for it while PATH.slow is.
 */
import { existsSync, rmSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { AnswerJournal } from '../answers/answer-journal.ts';
import type { AnswerThreadData } from '../answers/answer-messages.ts';
import { AnswerTables } from '../answers/answer-tables.ts';

const { path } = workerData as AnswerThreadData;

parentPort?.on('message', () => {
  if (!existsSync(`${path}.die`)) return;
  rmSync(`${path}.die`);
  process.exit(3);
});
function fail(): void {
  if (existsSync(`${path}.full`)) throw new Error('database or disk is full');
  const never = new Int32Array(new SharedArrayBuffer(4));
  if (existsSync(`${path}.slow`)) Atomics.wait(never, 0, 0, 300);
}
const { append } = AnswerJournal.prototype;
AnswerJournal.prototype.append = function (content) {
  fail();
  append.call(this, content);
};
const { commit } = AnswerTables.prototype;
AnswerTables.prototype.commit = function (generation) {
  fail();
  commit.call(this, generation);
};
await import('../answers/answer-thread.ts');
