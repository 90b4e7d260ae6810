/**
 * The store thread: all stores of the process, one transaction at a time. Every turn serves the
 * page loads of all stores and then one transaction of the next store in line, so that none of 25
 * starves another; between turns messages are taken.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { emitStoreError } from './coin-store.ts';
import type { OpenStore } from './open-store.ts';
import type { FromStoreThread, StoreThreadData, ToStoreThread } from './store-messages.ts';
import { type SessionHost, StoreSession } from './store-session.ts';

if (!parentPort) throw new Error('store-thread.ts is the entry of a worker thread');
const port = parentPort;
const { factory } = workerData as StoreThreadData;
const { openStore } = (await import(factory)) as { openStore: OpenStore };

const sessions = new Map<number, StoreSession>();
/** Sessions with something to do, in the order of their turns. */
const line = new Set<number>();
let scheduled = false;

function schedule(): void {
  if (scheduled || line.size === 0) return;
  scheduled = true;
  setImmediate(turn);
}

function turn(): void {
  scheduled = false;
  for (const id of line) sessions.get(id)?.serveLoads();
  const [next] = line;
  if (next !== undefined) {
    line.delete(next);
    const session = sessions.get(next);
    if (session?.turn()) line.add(next);
    if (session?.closed) sessions.delete(next);
  }
  schedule();
}

function open(message: ToStoreThread & { kind: 'open' }): void {
  const { id, options, epoch, recover } = message;
  const host: SessionHost = {
    openStore,
    send: (reply: FromStoreThread) => port.postMessage(reply),
    busy: () => {
      line.add(id);
      schedule();
    },
  };
  try {
    const session = new StoreSession(id, epoch, options, host);
    if (recover) session.recover(recover);
    else session.open();
    sessions.set(id, session);
  } catch (error) {
    host.send({ kind: 'openFailed', id, error: emitStoreError(error) });
  }
}

port.on('message', (message: ToStoreThread) => {
  if (message.kind === 'open') {
    open(message);
    return;
  }
  const session = sessions.get(message.id);
  if (message.kind === 'load') session?.load(message.loads);
  else if (message.kind === 'wake') session?.wake();
  else if (message.kind === 'restart') session?.restart(message.epoch, message.position);
  else session?.close();
});
