/**
 * The store thread: all stores of the process, one transaction at a time. Every turn serves the
 * page loads of all stores and then one transaction of the next store in line, so that none of 25
 * starves another; between turns messages are taken. What may wait, the slices of Merkle leaves,
 * has turns of its own when no store is in line, or after many turns in which one was.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { emitStoreError } from './coin-store.ts';
import { TURNS_PER_SPARE_TURN } from './limits.ts';
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
/** Sessions with something to do that may wait. */
const spareLine = new Set<number>();
let turnsSinceSpare = 0;
let scheduled = false;

function schedule(): void {
  if (scheduled || line.size + spareLine.size === 0) return;
  scheduled = true;
  setImmediate(turn);
}

function turn(): void {
  scheduled = false;
  for (const id of line) sessions.get(id)?.serveLoads();
  if (line.size === 0 || (spareLine.size > 0 && turnsSinceSpare >= TURNS_PER_SPARE_TURN)) {
    turnsSinceSpare = 0;
    serveNext(spareLine, (session) => session.spareTurn());
  } else {
    turnsSinceSpare++;
    serveNext(line, (session) => session.turn());
  }
  schedule();
}

/** A turn of the next session in line, which goes to its end if there is more to do. */
function serveNext(waiting: Set<number>, serve: (session: StoreSession) => boolean): void {
  const [next] = waiting;
  if (next === undefined) return;
  waiting.delete(next);
  const session = sessions.get(next);
  if (session && serve(session)) waiting.add(next);
  if (session?.closed) sessions.delete(next);
}

function open(message: ToStoreThread & { kind: 'open' }): void {
  const { id, options, epoch, recover } = message;
  const host: SessionHost = {
    openStore,
    send: (reply: FromStoreThread, transfer = []) => port.postMessage(reply, transfer),
    busy: () => {
      line.add(id);
      schedule();
    },
    spare: () => {
      spareLine.add(id);
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
  else if (message.kind === 'tables') session?.tables();
  else if (message.kind === 'leaves') session?.leaves();
  else if (message.kind === 'restart') session?.restart(message.epoch, message.position);
  else session?.close();
});
