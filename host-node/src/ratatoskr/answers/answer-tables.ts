/**
 * The tables of an answers file. What a device holds is summed up with every change, so that no
 * bound needs a look at more than the rows it is about. All of it runs inside an open transaction,
 * which ends when answer-file.ts says so.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { FleetingMap } from '../fleeting-map.ts';
import { CALLS_MAX } from '../limits.ts';
import { failedOutcome, type ServiceOutcome } from '../service-bus.ts';
import { FORMAT, openAnswerFile } from './answer-schema.ts';
import {
  ANSWER_GONE,
  type AnswerKey,
  type AnswerLimits,
  type AnswerRecord,
  nameOf,
} from './answer-store.ts';
import { KeptTime } from './kept-time.ts';

/** Code of a row whose outcome had to go; that it was executed stays. */
const GONE = 'GONE';
/** Free pages (of 4 KiB) that wait in the file for the next answers; more are given back. */
const FREE_PAGES_MAX = 2048;
/** And so many with one commit: a millisecond. */
const FREED_PAGES_MAX = 256;
/** Rows that are remembered as open: twice what may be under way. */
const OPEN_MAX = 2 * CALLS_MAX;
/** Rows that go with one batch because they are too old: more at least than come with it. */
const EXPIRED_MAX = 256;

/** What a device has, and whether its row says so yet. */
interface Sums {
  id: number;
  records: number;
  bytes: number;
  changed: boolean;
}

interface Row {
  id: number;
  device: number;
  bytes: number;
}

export class AnswerTables {
  /** Whether they were there before. */
  readonly resumed: boolean;
  readonly #database: DatabaseSync;
  readonly #limits: AnswerLimits;
  readonly #statements: ReturnType<typeof prepare>;
  /** Devices that were met since the last commit, by name and by id: written with the next. */
  #met = new Map<string | number, Sums>();
  /**
   * Rows of calls that have begun here and not ended, so that nobody has to look for them; one that
   * is no longer there, or somebody else's, is not found under its id.
   */
  #open = new FleetingMap<string, Row>();
  /** Of all answers; undefined: to be summed up from the devices. */
  #bytes: number | undefined;
  /** What has passed in all processes (KeptTime), as of this batch. */
  #nowS: number;
  readonly #time: KeptTime;
  /** No record began before; undefined: to be looked up. */
  #oldestS: number | undefined;
  /** Rows or answers went, now or before this opened: there may be pages to give back. */
  #gone = true;

  /** Throws AnswerDatabaseError. */
  constructor(path: string, limits: AnswerLimits) {
    this.#limits = limits;
    const { database, resumed } = openAnswerFile(path);
    this.#database = database;
    this.resumed = resumed;
    this.#statements = prepare(database);
    this.#nowS = Number(this.#statements.newestS.get()?.['newestS'] ?? 0);
    this.#time = new KeptTime(this.#nowS);
  }

  /** Which journal goes on from these tables, as of the last commit (answer-journal.ts). */
  get generation(): number {
    return Number(this.#statements.generation.get()?.['generation']);
  }

  /** What was done since the last commit is still there. */
  get isOpen(): boolean {
    return this.#database.isTransaction;
  }

  /** What `change` does lasts when `commit` has returned; if it throws, `rollback` comes next. */
  batch(change: () => void): void {
    if (!this.isOpen) this.#statements.enterTransaction.run();
    change();
  }

  /** On the disk when it returns; if it throws nobody knows, and `rollback` comes next. */
  commit(generation: number): void {
    this.batch(() => {
      this.#writeSums();
      for (const { id, records } of this.#met.values()) {
        if (records === 0) this.#statements.leave.run(id);
      }
      if (this.#gone) this.#gone = this.#giveBack();
      this.#statements.follow.run(generation);
    });
    this.#statements.commit.run();
    this.#met = new Map();
  }

  /** As it was at the last commit. */
  rollback(): void {
    // What memory has may be of rows that do not exist then, or of others in their places.
    this.#met = new Map();
    this.#open = new FleetingMap();
    [this.#bytes, this.#oldestS, this.#gone] = [undefined, undefined, true];
    if (this.isOpen) this.#database.exec('ROLLBACK');
  }

  find({ deviceId, requestId }: AnswerKey): AnswerRecord | undefined {
    const row = this.#statements.find.get(deviceId, requestId);
    return row && recordOf(row);
  }

  /**
   * What is known of a call that began before; 'full': the device has as many records as it may
   * have; undefined: it begins.
   * @param again it has begun, whatever the limits are now
   */
  begin(key: AnswerKey, digest: Uint8Array, again = false): AnswerRecord | 'full' | undefined {
    const { deviceId, requestId } = key;
    const sums =
      this.#met.get(deviceId) ?? this.#meet(this.#statements.enter.get(deviceId), deviceId);
    const full = sums.records >= this.#limits.recordsPerDeviceMax;
    if (full && !again) return this.find(key) ?? 'full';
    const { changes, lastInsertRowid } = this.#statements.begin.run(
      sums.id,
      requestId,
      digest,
      this.#nowS,
    );
    if (changes === 0) return this.find(key);
    if (this.#oldestS !== undefined) this.#oldestS = Math.min(this.#oldestS, this.#nowS);
    this.#add(sums, 1, 0);
    const name = nameOf(key);
    this.#open.delete(name);
    if (this.#open.size < OPEN_MAX) {
      this.#open.set(name, { id: Number(lastInsertRowid), device: sums.id, bytes: 0 });
    }
    return undefined;
  }

  /** Too many bytes: the oldest answers of this device go, then those of one that has most. */
  finish(key: AnswerKey, outcome: ServiceOutcome): void {
    const code = outcome.ok ? 'OK' : outcome.code;
    const answer = outcome.ok ? outcome.payload : new TextEncoder().encode(outcome.message);
    const write = ({ id, device }: Row) =>
      this.#statements.finish.run(code, answer, id, device, key.requestId).changes === 1;
    const open = this.#takeOpen(key);
    const row = open && write(open) ? open : this.#rowOf(key);
    if (!row) return;
    if (row !== open) write(row);
    const sums = this.#sumsOf(row.device);
    this.#add(sums, 0, answer.length - row.bytes);
    const { bytesPerDeviceMax, bytesMax } = this.#limits;
    if (sums.bytes > bytesPerDeviceMax) this.#shorten(sums, sums.bytes - bytesPerDeviceMax);
    while (this.#total() > bytesMax) {
      this.#writeSums();
      const most = this.#statements.most.get() as { id: number };
      if (!this.#shorten(this.#sumsOf(most.id), 1)) break;
    }
  }

  forget(key: AnswerKey): void {
    this.#open.delete(nameOf(key));
    const row = this.#rowOf(key);
    if (!row) return;
    this.#statements.forget.run(row.id);
    this.#gone = true;
    this.#add(this.#sumsOf(row.device), -1, -row.bytes);
  }

  #rowOf({ deviceId, requestId }: AnswerKey): Row | undefined {
    return this.#statements.row.get(deviceId, requestId) as Row | undefined;
  }

  #takeOpen(key: AnswerKey): Row | undefined {
    const name = nameOf(key);
    const row = this.#open.get(name);
    this.#open.delete(name);
    return row;
  }

  /**
   * Time has passed. @param steadyS by a clock that nobody sets; undefined: nothing says so
   * @returns the kept time (kept-time.ts)
   */
  pass(steadyS: number | undefined): number {
    if (steadyS !== undefined) this.#nowS = this.#time.pass(steadyS);
    return this.#nowS;
  }

  /** What comes now came at this kept time, and is done again. */
  resume(nowS: number): void {
    this.#nowS = nowS;
    this.#time.reach(nowS);
  }

  /**
   * What is too old goes, by and by.
   * @param coming records that begin in this batch
   */
  expire(coming: number): void {
    const last = this.#nowS - this.#limits.keptS;
    this.#oldestS ??= Number(this.#statements.oldestS.get()?.['oldestS'] ?? Infinity);
    if (this.#oldestS > last) return;
    const rows = this.#statements.expire.all(last, EXPIRED_MAX + 2 * coming) as unknown as Row[];
    for (const { device, bytes } of rows) this.#add(this.#sumsOf(device), -1, -bytes);
    this.#oldestS = undefined;
    this.#gone = true;
  }

  /** Throws if nothing can be written. */
  try(): void {
    this.#database.exec(`PRAGMA user_version = ${FORMAT}`);
  }

  close(): void {
    this.#database.close();
  }

  /** Take the answers of a device, oldest first, until these bytes are free. False: it has none. */
  #shorten(sums: Sums, bytes: number): boolean {
    const ids: number[] = [];
    let freed = 0;
    for (const row of this.#statements.oldest.iterate(sums.id)) {
      ids.push(Number(row['id']));
      freed += Number(row['bytes']);
      if (freed >= bytes) break;
    }
    for (const id of ids) this.#statements.shorten.run(id);
    this.#add(sums, 0, -freed);
    this.#gone = true;
    return freed > 0;
  }

  #sumsOf(id: number): Sums {
    const met = this.#met.get(id);
    if (met) return met;
    const row = this.#statements.sums.get(id);
    return this.#meet(row, row?.['name'] as string);
  }

  #meet(row: Record<string, unknown> | undefined, name: string): Sums {
    const { id, records, bytes } = row as unknown as Sums;
    const sums = { id, records, bytes, changed: false };
    this.#met.set(name, sums).set(id, sums);
    return sums;
  }

  #add(sums: Sums, records: number, bytes: number): void {
    sums.records += records;
    sums.bytes += bytes;
    sums.changed = true;
    if (this.#bytes !== undefined) this.#bytes += bytes;
  }

  #writeSums(): void {
    for (const sums of new Set(this.#met.values())) {
      const { id, records, bytes } = sums;
      if (sums.changed) this.#statements.write.run(records, bytes, id);
      sums.changed = false;
    }
  }

  #total(): number {
    if (this.#bytes === undefined) {
      this.#writeSums();
      this.#bytes = Number(this.#statements.total.get()?.['bytes']);
    }
    return this.#bytes;
  }

  /** Some of the pages that are too many for the next answers. Whether there may be more. */
  #giveBack(): boolean {
    const free = Number(this.#statements.freePages.get()?.['freelist_count']);
    if (free <= FREE_PAGES_MAX) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${FREED_PAGES_MAX})`);
    return true;
  }
}

function prepare(database: DatabaseSync) {
  const statement = (sql: string): StatementSync => database.prepare(sql);
  const where = 'WHERE device = (SELECT id FROM device WHERE name = ?) AND request = ?';
  const bytes = 'coalesce(length(answer), 0) AS bytes';
  return {
    enterTransaction: statement('BEGIN IMMEDIATE'),
    commit: statement('COMMIT'),
    generation: statement('SELECT generation FROM journal'),
    follow: statement('UPDATE journal SET generation = ?'),
    find: statement(`SELECT digest, code, answer FROM answer ${where}`),
    row: statement(`SELECT id, device, ${bytes} FROM answer ${where}`),
    enter: statement(
      'INSERT INTO device (name, records, bytes) VALUES (?, 0, 0) ' +
        'ON CONFLICT (name) DO UPDATE SET records = records RETURNING id, records, bytes',
    ),
    sums: statement('SELECT id, name, records, bytes FROM device WHERE id = ?'),
    write: statement('UPDATE device SET records = ?, bytes = ? WHERE id = ?'),
    begin: statement(
      'INSERT INTO answer (device, request, digest, beganS) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT DO NOTHING',
    ),
    finish: statement(
      'UPDATE answer SET code = ?, answer = ? WHERE id = ? AND device = ? AND request = ?',
    ),
    forget: statement('DELETE FROM answer WHERE id = ?'),
    newestS: statement('SELECT max(beganS) AS newestS FROM answer'),
    oldestS: statement('SELECT min(beganS) AS oldestS FROM answer'),
    expire: statement(
      'DELETE FROM answer WHERE id IN ' +
        '(SELECT id FROM answer WHERE beganS <= ? ORDER BY beganS LIMIT ?) ' +
        `RETURNING id, device, ${bytes}`,
    ),
    oldest: statement(
      'SELECT id, length(answer) AS bytes FROM answer ' +
        'WHERE device = ? AND length(answer) > 0 ORDER BY id',
    ),
    shorten: statement(`UPDATE answer SET code = '${GONE}', answer = NULL WHERE id = ?`),
    leave: statement('DELETE FROM device WHERE records = 0 AND id = ?'),
    most: statement('SELECT id FROM device ORDER BY bytes DESC LIMIT 1'),
    total: statement('SELECT coalesce(sum(bytes), 0) AS bytes FROM device'),
    freePages: statement('PRAGMA freelist_count'),
  };
}

function recordOf(row: Record<string, unknown>): AnswerRecord {
  const digest = row['digest'] as Uint8Array;
  const code = row['code'] as string | null;
  const answer = (row['answer'] ?? new Uint8Array()) as Uint8Array;
  if (code === null) return { digest, outcome: undefined };
  if (code === GONE) return { digest, outcome: ANSWER_GONE };
  if (code === 'OK') return { digest, outcome: { ok: true, payload: answer } };
  const message = new TextDecoder().decode(answer);
  return { digest, outcome: failedOutcome(code, message) };
}
