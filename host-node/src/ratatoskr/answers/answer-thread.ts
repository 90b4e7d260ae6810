/**
 * The thread of an answers file: it commits what its client sends, and says so when that is on the
 * disk. It waits for the disk so that nobody else has to.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  type AnswerChange,
  type AnswerResult,
  type AnswerThreadData,
  type FromAnswerThread,
  type PackedChanges,
  type ToAnswerThread,
  unpackChanges,
} from './answer-messages.ts';
import { AnswerDatabaseError } from './answer-schema.ts';
import { AnswerTables } from './answer-tables.ts';

if (!parentPort) throw new Error('answer-thread.ts is the entry of a worker thread');
const port = parentPort;
const { path, limits } = workerData as AnswerThreadData;

type Begin = AnswerChange & { kind: 'begin' };

const send = (message: FromAnswerThread) => port.postMessage(message);

function open(): AnswerTables | undefined {
  try {
    const tables = new AnswerTables(path, limits);
    send({ kind: 'opened', resumed: tables.resumed });
    return tables;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    send({ kind: 'openFailed', format: error instanceof AnswerDatabaseError, message, code });
    return undefined;
  }
}

function commit(tables: AnswerTables, packed: PackedChanges): void {
  const results: [number, AnswerResult][] = [];
  const changes = [...unpackChanges(packed)];
  try {
    tables.transaction(() => {
      const begun = changes.filter(({ kind }) => kind === 'begin') as Begin[];
      const last = begun.at(-1);
      if (last) tables.expire(last.steadyS, begun.length);
      changes.forEach((change, index) => {
        const result = apply(tables, change);
        if (result !== undefined) results.push([index, result]);
      });
    });
  } catch (error) {
    send({ kind: 'failed', message: (error as Error).message });
    return;
  }
  send({ kind: 'committed', results });
}

function apply(tables: AnswerTables, change: AnswerChange): AnswerResult {
  if (change.kind === 'begin') return tables.begin(change.key, change.digest);
  if (change.kind === 'find') return tables.find(change.key);
  if (change.kind === 'finish') tables.finish(change.key, change.outcome);
  else if (change.kind === 'forget') tables.forget(change.key);
  else tables.try();
  return undefined;
}

const tables = open();
if (tables) {
  port.on('message', (message: ToAnswerThread) => {
    if (message.kind === 'commit') return commit(tables, message.changes);
    tables.close();
    send({ kind: 'closed' });
    port.close();
  });
}
