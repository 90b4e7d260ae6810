/**
 * The workers of a server as its main thread sees them: engine instances 1 to N, each on a thread
 * with its own socket (worker-thread.ts). All share one port. Whatever a worker needs of the store
 * and of the world outside goes through here; whatever it may wait for is told by news().
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { EffectStatus } from '@andvari/host-common/engine/generated/layout';
import { WORKERS_MAX } from '@andvari/host-common/engine/generated/limits';
import { type Backend, BackendError, type IoOptions } from '../io/choose-backend.ts';
import type { PacketRequest } from '../io/open-packets.ts';
import { AddressError, PortInUseError, type SocketAddress } from '../io/packet-io.ts';
import {
  type FromWorker,
  type OpenFailure,
  type ToWorker,
  WorkerCount,
  type WorkerThreadData,
  WorkerWord,
} from './worker-messages.ts';

/**
 * How many threads `io.workers` means; 1: none, the main thread does it. One for each core is no
 * more than one for each queue, where every worker has a queue of its own.
 */
export function workerCount(io: IoOptions, backend: Backend): number {
  const { workers = 1 } = io;
  const queues = backend === 'af_xdp' ? (io.queues ?? receiveQueues(io.interface)) : undefined;
  const cores = Math.min(availableParallelism(), queues ?? Number.POSITIVE_INFINITY);
  // Instance 0 is the main thread's.
  return Math.min(workers === 0 ? cores : workers, WORKERS_MAX - 1);
}

/** Undefined: the system does not say; opening a queue that is not there then says so. */
function receiveQueues(name = ''): number | undefined {
  try {
    const entries = readdirSync(`/sys/class/net/${name}/queues`);
    return entries.filter((entry) => entry.startsWith('rx-')).length || undefined;
  } catch {
    return undefined;
  }
}

export interface WorkerPoolOptions {
  count: number;
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  hostFrames: number | undefined;
  /** The threads' entry, for tests that want faults [worker-thread.ts]. */
  entry?: URL | undefined;
}

/** What the pool asks of its server. */
export interface WorkerPoolHost {
  load(slot: number, pageKey: number, offset: number): void;
  wake(): void;
  /** An effect of the kinds 3 to 8 of that worker; `entry` may be kept. */
  effect(entry: Uint32Array, worker: number): void;
  /** A thread has ended by itself: no engine instance may be called any more. */
  died(error: Error): void;
}

/** A worker thread ended by itself. */
export class WorkerDeathError extends Error {
  readonly code = 'ANDVARI_WORKER_DIED';
  override readonly name = 'WorkerDeathError';
}

type Answer = 'attached' | 'opened' | 'shut' | 'drained';

interface Thread {
  worker: Worker;
  /** First byte of its Region.REQUESTS. */
  requests: number;
  waiting: { answer: Answer; done: PromiseWithResolvers<FromWorker> } | undefined;
  ended: boolean;
}

/** How long a thread may take to end by itself. */
const END_MS = 2000;

export class WorkerPool {
  readonly #host: WorkerPoolHost;
  readonly #threads: Thread[] = [];
  readonly #words: Int32Array;
  readonly #counts: Float64Array;
  #ending = false;
  #dead = false;

  private constructor(host: WorkerPoolHost, count: number) {
    this.#host = host;
    const instances = count + 1;
    this.#words = new Int32Array(new SharedArrayBuffer(4 * WorkerWord.WORDS * instances));
    this.#counts = new Float64Array(new SharedArrayBuffer(8 * WorkerCount.NUMBERS * instances));
  }

  /** Starts the threads; rejects with WorkerDeathError when one cannot. */
  static async start(options: WorkerPoolOptions, host: WorkerPoolHost): Promise<WorkerPool> {
    const pool = new WorkerPool(host, options.count);
    try {
      for (let worker = 1; worker <= options.count; worker++) pool.#start(worker, options);
      const all = await Promise.all(
        pool.#threads.map((thread) => pool.#answer(thread, 'attached')),
      );
      for (const [i, message] of all.entries()) {
        const thread = pool.#threads[i];
        if (thread && message.kind === 'attached') thread.requests = message.requests;
      }
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /** First byte of Region.REQUESTS of each worker. */
  get requestRegions(): number[] {
    return this.#threads.map(({ requests }) => requests);
  }

  /** Datagrams of each worker. */
  get counts(): { received: number; dropped: number }[] {
    return this.#threads.map((_, i) => {
      const at = (i + 1) * WorkerCount.NUMBERS;
      return {
        received: this.#counts[at + WorkerCount.RECEIVED] ?? 0,
        dropped: this.#counts[at + WorkerCount.DROPPED] ?? 0,
      };
    });
  }

  /**
   * Opens a socket in each worker, one after the other; with port 0 the first one's port is that
   * of all. Rejects with PortInUseError, AddressError or BackendError; none is then left open.
   */
  async open(requestOf: (worker: number) => PacketRequest): Promise<SocketAddress> {
    let bound: SocketAddress | undefined;
    for (const [i, thread] of this.#threads.entries()) {
      const request = { ...requestOf(i + 1), ...bound };
      const answer = this.#answer(thread, 'opened');
      this.#post(thread, { kind: 'open', request });
      const message = await answer;
      if (message.kind === 'openFailed') {
        await this.shut();
        throw errorOf(message.failure, request);
      }
      if (message.kind === 'opened') bound ??= message.address;
    }
    if (!bound) throw new RangeError('worker pool: no workers');
    return bound;
  }

  /** Closes the sockets; open() may be called again. */
  async shut(): Promise<void> {
    await this.#askAll('shut', { kind: 'shut' });
  }

  /** Something that requests may wait for has happened. */
  news(): void {
    for (const [i, thread] of this.#threads.entries()) {
      const word = (i + 1) * WorkerWord.WORDS + WorkerWord.NEWS;
      if (Atomics.exchange(this.#words, word, 1) === 0) this.#post(thread, { kind: 'news' });
    }
  }

  /** An effect of that worker has ended. */
  complete(worker: number, slot: number, status: number, bytes: number): void {
    const thread = this.#threads[worker - 1];
    if (thread) this.#post(thread, { kind: 'complete', slot, status, bytes });
  }

  /** Ends an effect that nobody will see to. */
  refuse(worker: number, slot: number): void {
    this.complete(worker, slot, EffectStatus.FAILED, 0);
  }

  /** The workers take nothing more; resolves when they have answered what they took. */
  async drain(withinMs: number): Promise<void> {
    await this.#askAll('drained', { kind: 'drain', withinMs });
  }

  /** Ends the threads and their sockets. */
  async close(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#threads.map(async (thread) => {
        if (thread.ended) return;
        const { worker } = thread;
        const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        // A dead instance may leave others waiting inside the engine: they are cut off.
        const timer = setTimeout(() => void worker.terminate(), this.#dead ? 0 : END_MS);
        this.#post(thread, { kind: 'end' });
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  #start(number: number, { module, memory, hostFrames, entry }: WorkerPoolOptions): void {
    const data: WorkerThreadData = {
      ...{ worker: number, module, memory, hostFrames },
      words: this.#words.buffer as SharedArrayBuffer,
      counts: this.#counts.buffer as SharedArrayBuffer,
    };
    const worker = new Worker(entry ?? new URL('./worker-thread.ts', import.meta.url), {
      workerData: data,
      name: `andvari-raida-${number}`,
    });
    const thread: Thread = { worker, requests: 0, waiting: undefined, ended: false };
    this.#threads.push(thread);
    worker.on('message', (message: FromWorker) => this.#receive(number, thread, message));
    worker.on('error', (error) =>
      this.#died(`worker ${number} died: ${error.message}`, error.stack),
    );
    worker.on('exit', (code) => {
      thread.ended = true;
      if (!this.#ending) this.#died(`worker ${number} ended with code ${code}`);
    });
  }

  #receive(number: number, thread: Thread, message: FromWorker): void {
    switch (message.kind) {
      case 'loads':
        if (this.#dead) return;
        for (let i = 0; i + 3 <= message.words.length; i += 3) {
          const [slot = 0, pageKey = 0, offset = 0] = message.words.slice(i, i + 3);
          this.#host.load(slot, pageKey, offset);
        }
        break;
      case 'wake':
        Atomics.store(this.#words, number * WorkerWord.WORDS + WorkerWord.WAKE, 0);
        this.#host.wake();
        break;
      case 'effect':
        this.#host.effect(message.entry, number);
        break;
      case 'died': {
        this.#died(message.message, message.stack);
        const word = number * WorkerWord.WORDS + WorkerWord.DEATH_KNOWN;
        Atomics.store(this.#words, word, 1);
        Atomics.notify(this.#words, word);
        break;
      }
      default:
        thread.waiting?.done.resolve(message);
        thread.waiting = undefined;
    }
  }

  #died(message: string, stack?: string): void {
    if (this.#dead || this.#ending) return;
    this.#dead = true;
    const error = new WorkerDeathError(message);
    // Where it died, not where it was heard of.
    if (stack) error.stack = stack;
    for (const { waiting } of this.#threads) waiting?.done.reject(error);
    this.#host.died(error);
  }

  /** The next answer of that kind, or its refusal. */
  #answer(thread: Thread, answer: Answer): Promise<FromWorker> {
    const done = Promise.withResolvers<FromWorker>();
    thread.waiting = { answer, done };
    return done.promise;
  }

  async #askAll(answer: Answer, message: ToWorker): Promise<void> {
    if (this.#dead) return;
    const answers = this.#threads.map((thread) => {
      const promise = this.#answer(thread, answer);
      this.#post(thread, message);
      return promise;
    });
    await Promise.all(answers).catch(() => undefined);
  }

  #post(thread: Thread, message: ToWorker): void {
    if (!thread.ended) thread.worker.postMessage(message);
  }
}

/** The error that the worker had, as one of this thread. */
function errorOf({ code, why }: OpenFailure, request: PacketRequest): Error {
  const cause = new Error(why);
  if (code === 'ANDVARI_PORT_IN_USE') return new PortInUseError('UDP', request, cause);
  if (code === 'ANDVARI_ADDRESS') return new AddressError('UDP', request, cause);
  return new BackendError(request.backend, why, code || undefined);
}
