/**
 * Answers in a SQLite file, so that a call that began before a crash is known after it. What began
 * in one turn of the event loop is committed together, before any of it is executed.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type AnswerKey,
  type AnswerLimits,
  type AnswerRecord,
  type AnswerStore,
  AnswerStoreError,
  answerLimits,
  nameOf,
} from './answer-store.ts';
import type { ServiceCode, ServiceOutcome } from './service-bus.ts';

/** "AndR": the file says by itself what it is. */
const APPLICATION_ID = 0x416e6452;
const FORMAT = 1;
const SCHEMA = `
  CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    request TEXT NOT NULL,
    digest BLOB NOT NULL,
    beganS INTEGER NOT NULL,
    code TEXT,
    answer BLOB,
    UNIQUE (device, request)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;
/** What a deletion tells of each row that goes. */
const DELETED = 'RETURNING coalesce(length(answer), 0) AS bytes';
/** Commits between two looks at what is too old or too much. */
const TIDY_EVERY = 256;

interface Pending {
  run(): void;
  done(error?: unknown): void;
}

/** The file is no answer store. */
export class AnswerDatabaseError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_ANSWERS_FILE';
  override readonly name = 'AnswerDatabaseError';
}

export class AnswerDatabase implements AnswerStore {
  readonly durable = true;
  /** Whether the file was there before: a process before this one may have taken messages. */
  readonly resumed: boolean;
  readonly #database: DatabaseSync;
  readonly #limits: AnswerLimits;
  readonly #statements: ReturnType<typeof prepare>;
  /** What is not committed yet, for find(); undefined: forgotten. */
  readonly #fresh = new Map<string, AnswerRecord | undefined>();
  #pending: Pending[] = [];
  #timer: NodeJS.Immediate | undefined;
  #commits = 0;
  /** Rows and their answers' bytes; undefined: to be counted, which reads the whole table. */
  #size: { count: number; bytes: number } | undefined;
  #closed = false;
  #failing = false;

  /** Opens the file, or makes it with mode 0600. Throws AnswerDatabaseError and Node's errors. */
  constructor(path: string, limits: Partial<AnswerLimits> = {}) {
    this.#limits = { ...answerLimits, ...limits };
    // SQLite would make it readable by everybody; its journal takes the mode of the file.
    closeSync(openSync(path, 'a', 0o600));
    this.#database = new DatabaseSync(path, { timeout: 0 });
    try {
      this.resumed = openTables(path, this.#database);
      this.#statements = prepare(this.#database);
    } catch (error) {
      this.#database.close();
      if (error instanceof AnswerDatabaseError) throw error;
      throw new AnswerDatabaseError(`${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** The last commit failed: until one succeeds no request is taken. */
  get failing(): boolean {
    return this.#failing;
  }

  find(key: AnswerKey): AnswerRecord | undefined {
    const name = nameOf(key);
    if (this.#fresh.has(name) || this.#closed) return this.#fresh.get(name);
    const row = this.#statements.find.get(key.deviceId, key.requestId);
    return row && recordOf(row);
  }

  begin(key: AnswerKey, digest: Uint8Array, nowS: number): Promise<void> {
    const name = nameOf(key);
    const record = { digest, outcome: undefined };
    this.#fresh.set(name, record);
    return new Promise((resolve, reject) => {
      this.#enter({
        run: () => {
          this.#statements.begin.run(key.deviceId, key.requestId, digest, nowS);
          this.#grow(1, 0);
          if (this.#commits++ % TIDY_EVERY === 0) this.#tidy(nowS);
        },
        done: (error) => {
          if (this.#fresh.get(name) === record) this.#fresh.delete(name);
          if (error === undefined) return resolve();
          reject(new AnswerStoreError('the answers cannot be saved', { cause: error }));
        },
      });
    });
  }

  finish(key: AnswerKey, outcome: ServiceOutcome): Promise<void> {
    const known = this.find(key);
    if (!known) return Promise.resolve();
    const record = { ...known, outcome };
    const code = outcome.ok ? 'OK' : outcome.code;
    const answer = outcome.ok ? outcome.payload : new TextEncoder().encode(outcome.message);
    return this.#change(key, record, () => {
      this.#statements.finish.run(code, answer, key.deviceId, key.requestId);
      this.#grow(0, answer.length);
    });
  }

  forget(key: AnswerKey): void {
    void this.#change(key, undefined, () => {
      this.#shrink(this.#statements.forget.all(key.deviceId, key.requestId));
    });
  }

  close(): void {
    if (this.#closed) return;
    clearImmediate(this.#timer);
    this.#commit();
    this.#closed = true;
    this.#database.close();
  }

  /** Until it is committed, or for good if it cannot be, memory knows. Never rejects. */
  #change(key: AnswerKey, record: AnswerRecord | undefined, run: () => void): Promise<void> {
    const name = nameOf(key);
    this.#fresh.set(name, record);
    return new Promise((resolve) => {
      this.#enter({
        run,
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
    let failure: unknown;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { run } of pending) run();
      this.#database.exec('COMMIT');
    } catch (error) {
      failure = error;
      this.#size = undefined;
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    }
    this.#failing = failure !== undefined;
    for (const { done } of pending) done(failure);
  }

  /** Outcomes that are too old or too many go; what has none stays until it is too old as well. */
  #tidy(nowS: number): void {
    const { keptS, answersMax, bytesMax } = this.#limits;
    this.#size ??= this.#statements.size.get() as { count: number; bytes: number };
    this.#shrink(this.#statements.forgetOlder.all(nowS - keptS));
    const { count, bytes } = this.#size;
    const perAnswer = count === 0 ? 1 : Math.max(1, bytes / count);
    const over = Math.ceil(Math.max(count - answersMax, (bytes - bytesMax) / perAnswer));
    if (over > 0) this.#shrink(this.#statements.forgetOldest.all(over));
  }

  #grow(count: number, bytes: number): void {
    if (!this.#size) return;
    this.#size.count += count;
    this.#size.bytes += bytes;
  }

  #shrink(deleted: Record<string, unknown>[]): void {
    for (const { bytes } of deleted) this.#grow(-1, -Number(bytes));
  }
}

function prepare(database: DatabaseSync) {
  const statement = (sql: string): StatementSync => database.prepare(sql);
  return {
    find: statement('SELECT digest, code, answer FROM answer WHERE device = ? AND request = ?'),
    begin: statement('INSERT INTO answer (device, request, digest, beganS) VALUES (?, ?, ?, ?)'),
    finish: statement('UPDATE answer SET code = ?, answer = ? WHERE device = ? AND request = ?'),
    forget: statement(`DELETE FROM answer WHERE device = ? AND request = ? ${DELETED}`),
    // Up to the first that is young enough, which spares reading them all: ids are in the order of
    // time, but for a clock that was set.
    forgetOlder: statement(
      'DELETE FROM answer WHERE id < coalesce(' +
        `(SELECT id FROM answer WHERE beganS >= ? ORDER BY id LIMIT 1), 1 << 62) ${DELETED}`,
    ),
    forgetOldest: statement(
      'DELETE FROM answer WHERE id IN ' +
        `(SELECT id FROM answer WHERE code IS NOT NULL ORDER BY id LIMIT ?) ${DELETED}`,
    ),
    size: statement(
      'SELECT count(*) AS count, coalesce(sum(length(answer)), 0) AS bytes FROM answer',
    ),
  };
}

/** Whether the tables were there. */
function openTables(path: string, database: DatabaseSync): boolean {
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (tables === 0) {
    database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`);
    return false;
  }
  if (pragma('application_id') === APPLICATION_ID && pragma('user_version') === FORMAT) return true;
  throw new AnswerDatabaseError(`${path} holds no answers of format ${FORMAT}`);
}

function recordOf(row: Record<string, unknown>): AnswerRecord {
  const digest = row['digest'] as Uint8Array;
  const code = row['code'] as string | null;
  const answer = (row['answer'] ?? new Uint8Array()) as Uint8Array;
  if (code === null) return { digest, outcome: undefined };
  if (code === 'OK') return { digest, outcome: { ok: true, payload: answer } };
  const message = new TextDecoder().decode(answer);
  return { digest, outcome: { ok: false, code: code as ServiceCode, message } };
}
