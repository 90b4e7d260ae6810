/**
 * Where an audit log stands: PATH, the files that it was rotated to, what is kept beside it, and
 * the lock of the one server that writes there.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { FileLock, FileLockedError } from '../../files/file-lock.ts';
import { whyNot } from '../../files/why-not.ts';

/** As the kernel follows: a circle is told by whoever opens it. */
const LINKS_MAX = 40;

/** An audit log, or what is kept beside it, cannot be opened. The message names the file. */
export class AuditFileError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_AUDIT';
  override readonly name = 'AuditFileError';
}

/** Another server writes this audit log. */
export class AuditInUseError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_AUDIT_IN_USE';
  override readonly name = 'AuditInUseError';
}

/** Held while a log is open for writing; who only reads needs none. */
export class AuditLock {
  /** Where the log is: its own lock would not be the same by another link to it. */
  readonly path: string;
  readonly #lock: FileLock;

  /** Changes nothing but PATH.lock, which is made. @throws AuditInUseError, AuditFileError */
  constructor(path: string) {
    this.path = auditPlace(path);
    try {
      this.#lock = FileLock.take(this.path, 'another server has it');
    } catch (cause) {
      const problem = `${this.path}: ${(cause as Error).message}`;
      if (cause instanceof FileLockedError) throw new AuditInUseError(problem, { cause });
      throw new AuditFileError(problem, { cause });
    }
  }

  /** Once or more often. */
  release(): void {
    this.#lock.release();
  }
}

/** A link to a log is followed first, so that what is beside the log is beside the log itself. */
export function auditPlace(path: string): string {
  let place = path;
  for (let links = 0; links < LINKS_MAX; links++) {
    try {
      // Not realpath: where the link leads there may be no file yet.
      const target = readlinkSync(place);
      place = resolve(realpathSync(dirname(place)), target);
    } catch {
      return place;
    }
  }
  return place;
}

/** The rotated files of a log, the oldest first. Throws Node's errors. */
export function rotatedFiles(path: string): string[] {
  const start = `${basename(path)}.`;
  const names = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(start) && /^[0-9]{6}$/.test(name.slice(start.length)),
  );
  return names.sort().map((name) => join(dirname(path), name));
}

/** The name of the next rotated file. Throws Node's errors. */
export function nextName(path: string): string {
  const [youngest] = rotatedFiles(path).slice(-1);
  const number = youngest === undefined ? 1 : Number(youngest.slice(-6)) + 1;
  return `${path}.${String(number).padStart(6, '0')}`;
}

/** Undefined: there is none. @throws AuditFileError */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AuditFileError(`${path}: ${whyNot(cause)}`, { cause });
  }
}

/** What is in those that have records, read as it is asked for. @throws AuditFileError */
export function* textsOf(files: Iterable<string>): Generator<string> {
  for (const file of files) {
    const text = readIfThere(file);
    if (text) yield text;
  }
}
