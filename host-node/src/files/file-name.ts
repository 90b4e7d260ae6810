/**
 * Names of files as requests from outside give them: bytes, not text. A name has parts divided by
 * "/"; a backslash, a blank or a byte above 7f is a byte like others.
 */
import { randomBytes } from 'node:crypto';

const NAME_BYTES_MAX = 1024;
/** The most that Linux file systems take. */
const PART_BYTES_MAX = 255;
const SLASH = 0x2f;
/** Names of temporary files: no request can read, write or remove a file of such a name. */
const TEMPORARY = /^\.andvari-[0-9a-f]{16}\.tmp$/;

/** `outside`: it leads elsewhere; `impossible`: there can be no such file. */
export type NameProblem = 'outside' | 'impossible';

/**
 * The parts of a name, each a name in its folder. `outside`: no name, a NUL, an absolute path, an
 * empty part, "." or "..", several parts where only one may be. `impossible`: over 1024 bytes in
 * all, over 255 in a part, or a temporary file.
 */
export function partsOf(name: Uint8Array, mayHaveFolders: boolean): Buffer[] | NameProblem {
  if (name.length > NAME_BYTES_MAX) return 'impossible';
  if (name.includes(0)) return 'outside';
  const bytes = Buffer.from(name);
  const parts: Buffer[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const slash = bytes.indexOf(SLASH, start);
    const end = slash < 0 ? bytes.length : slash;
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (parts.some(leadsElsewhere) || (parts.length > 1 && !mayHaveFolders)) return 'outside';
  const impossible = parts.some((part) => part.length > PART_BYTES_MAX || isTemporary(part));
  return impossible ? 'impossible' : parts;
}

function leadsElsewhere(part: Buffer): boolean {
  const text = part.toString('latin1');
  return text === '' || text === '.' || text === '..';
}

export function isTemporary(part: Uint8Array): boolean {
  return TEMPORARY.test(Buffer.from(part).toString('latin1'));
}

/** A name that nothing else has. */
export function temporaryName(): Buffer {
  return Buffer.from(`.andvari-${randomBytes(8).toString('hex')}.tmp`);
}
