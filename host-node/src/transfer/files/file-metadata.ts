/** Permissions and time of a file that has come, as its sender told them. */
import { readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { codeOf } from './file-place-error.ts';

/** From systems of files that have no permissions, or no such time. */
const NOT_KEPT: readonly (string | undefined)[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
/** What others get where the system does not say: nothing. */
const UMASK_STRICT = 0o077;

/**
 * The permissions without those that this process gives to no file.
 * @param mode of which only 0o777 are taken
 */
export function permissionsOf(mode: number): number {
  return mode & 0o777 & ~umask();
}

/** The same for many files, by what this process gives now. */
export function permissionsNow(): (mode: number) => number {
  const kept = 0o777 & ~umask();
  return (mode) => mode & kept;
}

/** process.umask() sets it to learn it: a file that a thread makes then would be open to all. */
function umask(): number {
  try {
    const found = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return found ? Number.parseInt(found[1] as string, 8) : UMASK_STRICT;
  } catch {
    return UMASK_STRICT;
  }
}

/** @throws what the system says, unless it keeps no permissions at all */
export function setMode(file: FileHandle, mode: number): Promise<void> {
  return whereKept(file.chmod(mode));
}

/** @throws what the system says, unless it keeps no such time */
export function setModified(file: FileHandle, modifiedUs: bigint): Promise<void> {
  // Node takes seconds as floating point and cuts off what is below a nanosecond: a part of a
  // second without a quarter of a microsecond more would be the microsecond before.
  const more = modifiedUs % 1_000_000n === 0n ? 0 : 0.25;
  return whereKept(file.utimes(Date.now() / 1000, (Number(modifiedUs) + more) / 1e6));
}

async function whereKept(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!NOT_KEPT.includes(codeOf(error))) throw error;
  }
}
