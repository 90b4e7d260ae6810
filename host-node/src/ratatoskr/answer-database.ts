/**
 * Answers in a SQLite file, so that a call that began before a crash is known after it. What began
 * in one turn of the event loop is committed together, before any of it is executed.
 */
import { closeSync, openSync } from 'node:fs';
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
import { AnswerTables } from './answer-tables.ts';
import { FleetingMap } from './fleeting-map.ts';
import type { ServiceOutcome } from './service-bus.ts';

interface Pending {
  /** What it gives is an error of this change alone; what it throws undoes the whole commit. */
  run(): AnswerStoreError | undefined;
  done(error?: unknown): void;
}

export class AnswerDatabase implements AnswerStore {
  readonly durable = true;
  /** Whether the file was there before: a process before this one may have taken messages. */
  readonly resumed: boolean;
  readonly #tables: AnswerTables;
  /** What is not committed yet, for find(); undefined: forgotten. */
  readonly #fresh = new FleetingMap<string, AnswerRecord | undefined>();
  #pending: Pending[] = [];
  #timer: NodeJS.Immediate | undefined;
  /** When the latest call began. */
  #nowS: number | undefined;
  #closed = false;
  #failing = false;

  /** Opens the file, or makes it with mode 0600. Throws AnswerDatabaseError and Node's errors. */
  constructor(path: string, limits: Partial<AnswerLimits> = {}) {
    // SQLite would make it readable by everybody; its journal takes the mode of the file.
    closeSync(openSync(path, 'a', 0o600));
    this.#tables = new AnswerTables(path, { ...answerLimits, ...limits });
    this.resumed = this.#tables.resumed;
  }

  /** The last commit failed: until one succeeds no request is taken. */
  get failing(): boolean {
    return this.#failing;
  }

  find(key: AnswerKey): AnswerRecord | undefined {
    const name = nameOf(key);
    if (this.#fresh.has(name) || this.#closed) return this.#fresh.get(name);
    return this.#tables.find(key);
  }

  begin(key: AnswerKey, digest: Uint8Array, nowS: number): Promise<void> {
    const name = nameOf(key);
    const record = { digest, outcome: undefined };
    this.#fresh.set(name, record);
    this.#nowS = nowS;
    return new Promise((resolve, reject) => {
      this.#enter({
        run: () => (this.#tables.begin(key, digest, nowS) ? undefined : deviceFull()),
        done: (error) => {
          if (this.#fresh.get(name) === record) this.#fresh.delete(name);
          if (error === undefined) return resolve();
          if (error instanceof AnswerStoreError) return reject(error);
          reject(new AnswerStoreError('the answers cannot be saved', { cause: error }));
        },
      });
    });
  }

  finish(key: AnswerKey, outcome: ServiceOutcome): Promise<void> {
    const known = this.find(key);
    if (!known) return Promise.resolve();
    const record = { ...known, outcome };
    return this.#change(key, record, () => this.#tables.finish(key, outcome));
  }

  forget(key: AnswerKey): void {
    void this.#change(key, undefined, () => this.#tables.forget(key));
  }

  close(): void {
    if (this.#closed) return;
    clearImmediate(this.#timer);
    this.#commit();
    this.#closed = true;
    this.#tables.close();
  }

  /** Until it is committed, or for good if it cannot be, memory knows. Never rejects. */
  #change(key: AnswerKey, record: AnswerRecord | undefined, run: () => void): Promise<void> {
    const name = nameOf(key);
    this.#fresh.set(name, record);
    return new Promise((resolve) => {
      this.#enter({
        run: () => {
          run();
          return undefined;
        },
        done: (error) => {
          if (error === undefined && this.#fresh.get(name) === record) this.#fresh.delete(name);
          resolve();
        },
      });
    });
  }

  #enter(pending: Pending): void {
    if (this.#closed) {
      pending.done(new Error('closed'));
      return;
    }
    this.#pending.push(pending);
    this.#timer ??= setImmediate(() => this.#commit());
  }

  #commit(): void {
    this.#timer = undefined;
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    const refused = new Map<Pending, AnswerStoreError>();
    let failure: unknown;
    try {
      this.#tables.transaction(() => {
        if (this.#nowS !== undefined) this.#tables.expire(this.#nowS, pending.length);
        for (const change of pending) {
          const error = change.run();
          if (error) refused.set(change, error);
        }
      });
    } catch (error) {
      failure = error;
    }
    this.#failing = failure !== undefined;
    for (const change of pending) change.done(failure ?? refused.get(change));
  }
}
