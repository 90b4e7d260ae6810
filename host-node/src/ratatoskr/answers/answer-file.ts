/**
 * An answers file: tables in SQLite, and a journal of what is ahead of them (answer-journal.ts).
 * A transaction of the tables writes all pages that it touches, twice, a dozen for three requests;
 * so what comes goes into an open transaction and the journal, and the transaction ends when it
 * has company. After a crash it is done again from the journal.
 */
import { deserialize, serialize } from 'node:v8';
import { AnswerJournal } from './answer-journal.ts';
import {
  type AnswerChange,
  type AnswerResult,
  type PackedChanges,
  packChanges,
  unpackChanges,
} from './answer-messages.ts';
import type { AnswerLimits } from './answer-store.ts';
import { AnswerTables } from './answer-tables.ts';

/** What is larger goes to the tables at once: the journal would only write it once more. */
const LARGE_BYTES = 65_536;

/** What the journal has of one batch: all that the tables need to do the same again. */
interface JournalRecord {
  /** Kept time (kept-time.ts) as of it. */
  nowS: number;
  /** How many calls it was asked to begin: by that old ones go. */
  coming: number;
  changes: PackedChanges;
}

type Begin = AnswerChange & { kind: 'begin' };

export class AnswerFile {
  readonly #tables: AnswerTables;
  readonly #journal: AnswerJournal;
  #generation: number;
  /**
   * The last commit of the tables failed, and nobody knows whether it is on the disk: if it is,
   * what the journal has is not read after a crash. So nothing more goes into it until one is.
   */
  #inDoubt = false;

  /** Throws AnswerDatabaseError, and errors of SQLite and Node. */
  constructor(path: string, limits: AnswerLimits) {
    this.#tables = new AnswerTables(path, limits);
    try {
      this.#generation = this.#tables.generation;
      this.#journal = new AnswerJournal(`${path}.ahead`, this.#generation);
      this.#restore();
    } catch (error) {
      this.#tables.close();
      throw error;
    }
  }

  /** Whether it was there before. */
  get resumed(): boolean {
    return this.#tables.resumed;
  }

  /** The journal has what the tables have not. */
  get isAhead(): boolean {
    return !this.#journal.isEmpty;
  }

  /**
   * Results by the place of their change. All is on the disk when this returns; when it throws,
   * nothing was done.
   */
  commit(packed: PackedChanges): [number, AnswerResult][] {
    this.#restore();
    const changes = [...unpackChanges(packed)];
    try {
      if (changes.every(({ kind }) => kind === 'find')) return this.#applyAll(changes);
      return this.#write(changes, packed);
    } catch (error) {
      this.#tables.rollback();
      throw error;
    }
  }

  /** The tables have everything on the disk, and the journal nothing; or it throws. */
  keep(): void {
    this.#restore();
    const next = this.#generation + 1;
    try {
      this.#tables.commit(next);
    } catch (error) {
      this.#inDoubt = true;
      this.#tables.rollback();
      throw error;
    }
    this.#follow(next);
  }

  /** What the tables cannot take now is left to the next process. */
  close(): void {
    try {
      if (this.isAhead) this.keep();
    } catch {
      // It is in the journal.
    }
    this.#journal.close();
    this.#tables.close();
  }

  #write(changes: AnswerChange[], packed: PackedChanges): [number, AnswerResult][] {
    const begun = changes.filter(({ kind }) => kind === 'begin') as Begin[];
    const nowS = this.#tables.pass(begun.at(-1)?.steadyS);
    const record: JournalRecord = { nowS, coming: begun.length, changes: packed };
    const content = serialize(record);
    const isForTables = this.#isForTables(changes, content.length);
    const results = this.#applyAll(changes, begun.length);
    if (isForTables) this.keep();
    else this.#journal.append(contentOf(record, results) ?? content);
    return results;
  }

  #applyAll(changes: readonly AnswerChange[], coming = 0): [number, AnswerResult][] {
    const results: [number, AnswerResult][] = [];
    this.#tables.batch(() => {
      if (coming > 0) this.#tables.expire(coming);
      changes.forEach((change, index) => {
        const result = this.#apply(change);
        if (result !== undefined) results.push([index, result]);
      });
    });
    return results;
  }

  /** Whether it goes to the tables at once. Makes room in the journal for what does not. */
  #isForTables(changes: readonly AnswerChange[], recordBytes: number): boolean {
    if (this.#inDoubt || recordBytes > LARGE_BYTES) return true;
    if (changes.some(({ kind }) => kind === 'try')) return true;
    if (!this.#journal.hasRoom(recordBytes)) this.keep();
    return false;
  }

  /** The tables have what the journal had. */
  #follow(generation: number): void {
    this.#inDoubt = false;
    this.#generation = generation;
    this.#journal.restart(generation);
  }

  /** What the tables have lost, in a crash or by a failure, is done again from the journal. */
  #restore(): void {
    if (this.#tables.isOpen || this.#journal.isEmpty) return;
    const { generation } = this.#tables;
    if (generation !== this.#generation) {
      // The commit that failed is there all the same.
      this.#follow(generation);
      return;
    }
    for (const content of this.#journal.read()) {
      const { nowS, coming, changes } = deserialize(content) as JournalRecord;
      this.#tables.resume(nowS);
      this.#tables.batch(() => {
        if (coming > 0) this.#tables.expire(coming);
        for (const change of unpackChanges(changes)) this.#apply(change, true);
      });
    }
  }

  #apply(change: AnswerChange, again = false): AnswerResult {
    const tables = this.#tables;
    if (change.kind === 'begin') return tables.begin(change.key, change.digest, again);
    if (change.kind === 'find') return tables.find(change.key);
    if (change.kind === 'finish') tables.finish(change.key, change.outcome);
    else if (change.kind === 'forget') tables.forget(change.key);
    else tables.try();
    return undefined;
  }
}

/**
 * Where calls were refused: the record without them. They have not begun, whatever the limits of
 * the next process are.
 */
function contentOf(
  record: JournalRecord,
  results: readonly [number, AnswerResult][],
): Uint8Array | undefined {
  const refused = results.flatMap(([at, result]) => (result === 'full' ? [at] : []));
  if (refused.length === 0) return undefined;
  const begun = [...unpackChanges(record.changes)].filter((_, index) => !refused.includes(index));
  return serialize({ ...record, changes: packChanges(begun) });
}
