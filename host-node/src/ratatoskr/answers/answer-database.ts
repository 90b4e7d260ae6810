/**
 * Answers in a SQLite file, so that a call that began before a crash is known after it. A thread of
 * its own (answer-thread.ts) waits for the disk; what comes meanwhile is committed together, in the
 * next transaction.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { makePrivateFile } from '../../files/private-file.ts';
import { RetryTimer } from '../../store/retry-timer.ts';
import type { ServiceOutcome } from '../service-bus.ts';
import {
  type AnswerChange,
  type AnswerResult,
  type AnswerThreadData,
  type FromAnswerThread,
  packChanges,
  type ToAnswerThread,
} from './answer-messages.ts';
import { AnswerDatabaseError } from './answer-schema.ts';
import {
  type AnswerKey,
  type AnswerLimits,
  type AnswerRecord,
  type AnswerStore,
  AnswerStoreError,
  answerLimits,
  deviceFull,
  nameOf,
} from './answer-store.ts';
import { CommitPace } from './commit-pace.ts';
import { type ToldOutcome, ToldOutcomes } from './told-outcomes.ts';

interface Pending {
  change: AnswerChange;
  done(result: AnswerResult): void;
  failed(error: AnswerStoreError): void;
}

/** What a call has come to; without a record it is forgotten. */
interface Unsaved {
  key: AnswerKey;
  record?: AnswerRecord;
}

/** A thread that has the file open. */
type Start = () => Promise<{ worker: Worker; resumed: boolean }>;

export class AnswerDatabase implements AnswerStore {
  readonly durable = true;
  /** Whether the file was there before: a process before this one may have taken messages. */
  readonly resumed: boolean;
  readonly #start: Start;
  /** What could not be committed: until it can be, memory knows. Undefined: forgotten. */
  readonly #unsaved = new Map<string, Unsaved>();
  readonly #told: ToldOutcomes;
  /** How many are told and not committed yet. */
  #ahead = 0;
  readonly #restart = new RetryTimer(() => void this.#startAgain());
  readonly #retry = new RetryTimer(() => void this.#tryAgain());
  /** Undefined: it has died, and another one is not there yet. */
  #worker: Worker | undefined;
  /** What the thread works on: one transaction, and the last one behind it when this closes. */
  readonly #underWay: Pending[][] = [];
  /** For the next transaction. */
  #waiting: Pending[] = [];
  #planned = false;
  readonly #pace = new CommitPace();
  /** Until the next transaction has waited for company. */
  #rest: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #failing = false;

  /**
   * Opens the file, or makes it with mode 0600. Rejects with AnswerDatabaseError and Node's errors.
   * @param entry another thread, for tests
   */
  static async open(
    path: string,
    limits: Partial<AnswerLimits> = {},
    entry = new URL('./answer-thread.ts', import.meta.url),
  ): Promise<AnswerDatabase> {
    try {
      makePrivateFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
      throw new AnswerDatabaseError(`${path}: it is a folder`, { cause: error });
    }
    const data = { path, limits: { ...answerLimits, ...limits } };
    const start = () => startThread(entry, data);
    const { worker, resumed } = await start();
    let told: ToldOutcomes;
    try {
      told = new ToldOutcomes(`${path}.told`);
    } catch (error) {
      await worker.terminate();
      throw error;
    }
    const database = new AnswerDatabase(start, { worker, resumed }, told);
    await Promise.all(told.read().map((before) => database.#save(before)));
    if (!database.#needsTold()) told.clear();
    return database;
  }

  private constructor(
    start: Start,
    { worker, resumed }: Awaited<ReturnType<Start>>,
    told: ToldOutcomes,
  ) {
    this.#start = start;
    this.resumed = resumed;
    this.#told = told;
    this.#adopt(worker);
  }

  /** The last commit failed. It is tried again by and by, whether requests come or not. */
  get failing(): boolean {
    return this.#failing;
  }

  async find(key: AnswerKey): Promise<AnswerRecord | undefined> {
    const unsaved = this.#unsaved.get(nameOf(key));
    if (unsaved) return unsaved.record;
    const record = (await this.#ask({ kind: 'find', key })) as AnswerRecord | undefined;
    return record && this.#newest(key, record);
  }

  /** It may have ended meanwhile, and that could not be saved. */
  #newest(key: AnswerKey, record: AnswerRecord): AnswerRecord {
    return record.outcome ? record : (this.#unsaved.get(nameOf(key))?.record ?? record);
  }

  async begin(
    key: AnswerKey,
    digest: Uint8Array,
    steadyS: number,
  ): Promise<AnswerRecord | undefined> {
    const name = nameOf(key);
    const unsaved = this.#unsaved.get(name);
    if (unsaved?.record) return unsaved.record;
    if (unsaved) {
      // In the same transaction: neither is done without the other.
      this.#unsaved.delete(name);
      this.forget(key);
    }
    const result = await this.#ask({ kind: 'begin', key, digest, steadyS });
    if (result === 'full') throw deviceFull();
    return result && this.#newest(key, result);
  }

  /** Resolves at once when a process that is killed leaves it (told-outcomes.ts). */
  finish(key: AnswerKey, outcome: ServiceOutcome, digest: Uint8Array): Promise<void> {
    const told = { key, outcome, digest };
    const saved = this.#save(told);
    if (this.#closing !== undefined || !this.#told.note(told)) return saved;
    this.#ahead++;
    void saved.then(() => {
      this.#ahead--;
      if (!this.#needsTold()) this.#told.settled(() => this.#needsTold());
    });
    return Promise.resolve();
  }

  async #save({ key, outcome, digest }: ToldOutcome): Promise<void> {
    const name = nameOf(key);
    try {
      await this.#ask({ kind: 'finish', key, outcome });
      this.#unsaved.delete(name);
    } catch {
      this.#unsaved.set(name, { record: { digest, outcome }, key });
    }
  }

  /** The tables have not everything. */
  #needsTold(): boolean {
    return this.#ahead > 0 || this.#unsaved.size > 0;
  }

  /** If it cannot be written now, that is done when the call begins again, and not before. */
  forget(key: AnswerKey): void {
    this.#ask({ kind: 'forget', key }).catch(() => this.#unsaved.set(nameOf(key), { key }));
  }

  /** Resolves when all that was asked is committed. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    this.#restart.stop();
    this.#retry.stop();
    this.#post();
    this.#postUnsaved();
    if (this.#worker) {
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'close' } satisfies ToAnswerThread);
      await this.#closed.promise;
    }
    // What may not be saved is left to the next process.
    if (!this.#needsTold()) this.#told.clear();
    this.#told.close();
  }

  /** What memory knows is written now or never. */
  #postUnsaved(): void {
    const nothing = { done: () => {}, failed: () => {} };
    for (const { key, record } of this.#unsaved.values()) {
      const change: AnswerChange = record?.outcome
        ? { kind: 'finish', key, outcome: record.outcome }
        : { kind: 'forget', key };
      this.#waiting = [{ change, ...nothing }];
      this.#post();
    }
  }

  /** Rejects with AnswerStoreError: nothing was done. */
  #ask(change: AnswerChange): Promise<AnswerResult> {
    if (this.#closing !== undefined || !this.#worker) {
      return Promise.reject(new AnswerStoreError('the answers are not open'));
    }
    return new Promise((done, failed) => {
      this.#waiting.push({ change, done, failed });
      if (change.kind === 'begin') this.#pace.called(performance.now());
      this.#plan();
    });
  }

  /** The next transaction, when the thread is free and it has waited for company. */
  #plan(): void {
    if (this.#underWay.length > 0 || this.#waiting.length === 0 || this.#planned) return;
    const restMs = this.#pace.restMs(performance.now(), this.#waiting.length);
    if (restMs > 0) {
      this.#rest ??= setTimeout(() => this.#post(), Math.ceil(restMs));
      return;
    }
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#post();
    });
  }

  /** What has come in this turn of the event loop, or while the thread was at work. */
  #post(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    if (this.#waiting.length === 0 || !this.#worker) return;
    const changes = packChanges(this.#waiting.map(({ change }) => change));
    this.#underWay.push(this.#waiting);
    this.#pace.posted(performance.now());
    this.#waiting = [];
    // Only what waits for the disk keeps the process alive.
    this.#worker.ref();
    const message: ToAnswerThread = { kind: 'commit', changes };
    this.#worker.postMessage(message, [changes.bytes.buffer]);
  }

  #receive(worker: Worker, message: FromAnswerThread): void {
    if (worker !== this.#worker) return;
    if (message.kind === 'closed') {
      this.#closed.resolve();
      return;
    }
    const done = this.#underWay.shift() ?? [];
    // What closes waits for the thread's last word.
    if (this.#underWay.length === 0 && this.#closing === undefined) worker.unref();
    if (message.kind === 'committed') this.#committed(done, message.results);
    else if (message.kind === 'failed') this.#failed(done, new Error(message.message));
    // What those who wait for this ask for now goes with what has waited.
    this.#plan();
  }

  #committed(pending: Pending[], results: [number, AnswerResult][]): void {
    if (this.#failing && pending.some(({ change }) => change.kind !== 'find')) {
      this.#failing = false;
      this.#retry.reset();
    }
    let next = 0;
    pending.forEach(({ done }, index) => {
      const [at, result] = results[next] ?? [-1, undefined];
      if (at === index) next++;
      done(at === index ? result : undefined);
    });
  }

  #failed(pending: Pending[], cause: Error): void {
    this.#failing = true;
    if (this.#closing === undefined) this.#retry.start();
    for (const { failed } of pending) {
      failed(new AnswerStoreError('the answers cannot be saved', { cause }));
    }
  }

  /** Something that tells whether anything can be written, then what memory knows, bit by bit. */
  async #tryAgain(): Promise<void> {
    try {
      await this.#ask({ kind: 'try' });
    } catch {
      // Its failure has planned the next try, unless there is no thread.
      if (this.#closing === undefined) this.#retry.start();
      return;
    }
    for (const { key, record } of [...this.#unsaved.values()]) {
      if (!record?.outcome) continue;
      await this.#save({ key, outcome: record.outcome, digest: record.digest });
      if (this.#failing) return;
    }
  }

  #adopt(worker: Worker): void {
    this.#worker = worker;
    worker.on('message', (message: FromAnswerThread) => this.#receive(worker, message));
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', (code) => this.#died(worker, new Error(`its thread ended with ${code}`)));
    worker.unref();
  }

  /** Whether its last transaction was committed nobody knows; begun calls stay begun. */
  #died(worker: Worker, error: Error): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#failed([...this.#underWay.splice(0).flat(), ...this.#waiting.splice(0)], error);
    this.#closed.resolve();
    if (this.#closing === undefined) this.#restart.start();
  }

  async #startAgain(): Promise<void> {
    try {
      const { worker } = await this.#start();
      this.#restart.reset();
      if (this.#closing !== undefined) await worker.terminate();
      else this.#adopt(worker);
    } catch {
      this.#restart.start();
    }
  }
}

async function startThread(entry: URL, data: AnswerThreadData): ReturnType<Start> {
  const worker = new Worker(entry, { workerData: data, name: 'andvari-answers' });
  const [opened] = (await once(worker, 'message')) as [FromAnswerThread];
  if (opened.kind === 'opened') return { worker, resumed: opened.resumed };
  await worker.terminate();
  const { message, code, format } = opened as FromAnswerThread & { kind: 'openFailed' };
  if (format) throw new AnswerDatabaseError(message);
  throw Object.assign(new Error(message), code === undefined ? {} : { code });
}
