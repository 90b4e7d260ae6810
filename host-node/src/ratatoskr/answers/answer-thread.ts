/**
 * The thread of an answers file: it commits what its client sends, and says so when that is on the
 * disk. It waits for the disk so that nobody else has to.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { AnswerFile } from './answer-file.ts';
import type {
  AnswerThreadData,
  FromAnswerThread,
  PackedChanges,
  ToAnswerThread,
} from './answer-messages.ts';
import { AnswerDatabaseError } from './answer-schema.ts';

/**
 * A transaction of the tables has company for so long: pages that many changes share are written
 * once. Twice as long saves little more, and holds the next commits up for longer.
 */
const KEEP_AFTER_MS = 100;
const KEEP_AGAIN_MS = 1_000;

if (!parentPort) throw new Error('answer-thread.ts is the entry of a worker thread');
const port = parentPort;
const { path, limits } = workerData as AnswerThreadData;

const send = (message: FromAnswerThread) => port.postMessage(message);

function open(): AnswerFile | undefined {
  try {
    const file = new AnswerFile(path, limits);
    send({ kind: 'opened', resumed: file.resumed });
    return file;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    send({ kind: 'openFailed', format: error instanceof AnswerDatabaseError, message, code });
    return undefined;
  }
}

let keeping: NodeJS.Timeout | undefined;

/** Its tables get what the journal has, by and by, also when nobody asks any more. */
function plan(file: AnswerFile, waitMs = KEEP_AFTER_MS): void {
  if (!file.isAhead) return;
  keeping ??= setTimeout(() => {
    keeping = undefined;
    try {
      file.keep();
    } catch {
      // The next commit tells of it.
      plan(file, KEEP_AGAIN_MS);
    }
  }, waitMs);
}

function commit(file: AnswerFile, changes: PackedChanges): void {
  try {
    const results = file.commit(changes);
    send({ kind: 'committed', results });
  } catch (error) {
    send({ kind: 'failed', message: (error as Error).message });
  }
  plan(file);
}

const file = open();
if (file) {
  plan(file);
  port.on('message', (message: ToAnswerThread) => {
    if (message.kind === 'commit') return commit(file, message.changes);
    clearTimeout(keeping);
    file.close();
    send({ kind: 'closed' });
    port.close();
  });
}
