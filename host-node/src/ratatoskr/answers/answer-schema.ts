/** The form of an answers file: its tables, and how those of earlier releases come to it. */
import { randomInt } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { GENERATIONS } from './answer-journal.ts';

/** "AndR": the file says by itself what it is. */
const APPLICATION_ID = 0x416e6452;
export const FORMAT = 4;
const JOURNAL = `
  CREATE TABLE journal (generation INTEGER NOT NULL) STRICT;
  INSERT INTO journal VALUES (${randomInt(GENERATIONS)});
`;
const SCHEMA = `
  CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    records INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX device_bytes ON device (bytes);
  CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL,
    request TEXT NOT NULL,
    digest BLOB NOT NULL,
    beganS INTEGER NOT NULL,
    code TEXT,
    answer BLOB,
    UNIQUE (device, request)
  ) STRICT;
  CREATE INDEX answer_age ON answer (beganS);
  CREATE INDEX answer_held ON answer (device, id) WHERE length(answer) > 0;
  ${JOURNAL}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;
/** Format 1 had the device's name in each row, and no sums. */
const FROM_FORMAT_1 = `
  ALTER TABLE answer RENAME TO former;
  ${SCHEMA}
  INSERT INTO device (name, records, bytes)
    SELECT device, count(*), coalesce(sum(length(answer)), 0) FROM former GROUP BY device;
  INSERT INTO answer
    SELECT f.id, d.id, f.request, f.digest, 0, f.code, f.answer
    FROM former f JOIN device d ON d.name = f.device;
  DROP TABLE former;
`;
/** In format 2 records began by the machine's clock, which may have been wrong: all begin anew. */
const FROM_FORMAT_2 = `
  UPDATE answer SET beganS = 0;
  ${JOURNAL}
  PRAGMA user_version = ${FORMAT};
`;
/** Format 3 had no journal: all was in the tables. */
const FROM_FORMAT_3 = `
  ${JOURNAL}
  PRAGMA user_version = ${FORMAT};
`;
const FROM_FORMATS = new Map([
  [1, FROM_FORMAT_1],
  [2, FROM_FORMAT_2],
  [3, FROM_FORMAT_3],
]);
const AUTO_VACUUM_INCREMENTAL = 2;
/** SQLite's result code: somebody else has the lock. */
const SQLITE_BUSY = 5;
/** SQLite's own log is cut to this after it was written into the file. */
const WAL_BYTES = 8 * 1024 * 1024;

/** The file is no answer store. */
export class AnswerDatabaseError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_ANSWERS_FILE';
  override readonly name = 'AnswerDatabaseError';
}

/**
 * Opens the file, or makes it; `resumed`: its tables were there.
 * @throws AnswerDatabaseError
 */
export function openAnswerFile(path: string): { database: DatabaseSync; resumed: boolean } {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    return { database, resumed: openTables(path, database) };
  } catch (error) {
    database.close();
    if (error instanceof AnswerDatabaseError) throw error;
    const busy = (error as { errcode?: number }).errcode === SQLITE_BUSY;
    const why = busy ? 'another server has these answers open' : (error as Error).message;
    throw new AnswerDatabaseError(`${path}: ${why}`, { cause: error });
  }
}

/** Whether they were there. */
function openTables(path: string, database: DatabaseSync): boolean {
  // A new file takes it over at its first write; one that has tables, when it is vacuumed.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL');
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${WAL_BYTES}`);
  database.exec('PRAGMA synchronous = FULL');
  const pragma = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (tables === 0) {
    database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`);
    return false;
  }
  const format = pragma('user_version');
  const change = FROM_FORMATS.get(format);
  if (pragma('application_id') !== APPLICATION_ID || (!change && format !== FORMAT)) {
    throw new AnswerDatabaseError(`${path} holds no answers of format ${FORMAT}`);
  }
  if (change) database.exec(`BEGIN EXCLUSIVE; ${change} COMMIT`);
  if (pragma('auto_vacuum') !== AUTO_VACUUM_INCREMENTAL) {
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
  }
  return true;
}
