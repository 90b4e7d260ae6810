/** Names of a file that has not come whole yet, and of the one that it becomes. */
import { createHash } from 'node:crypto';
import { extname } from 'node:path';
import { utf8Within } from '@andvari/host-common/transfer/byte-strings';
import {
  NAME_BYTES_MAX,
  nameProblem,
  PART_SUFFIX,
} from '@andvari/host-common/transfer/files/file-names';
import { FileOfferError } from '@andvari/host-common/transfer/files/file-offer';

/** Single names, all in one folder; `state`, `values` and `lock` begin with `data`. */
export interface PartNames {
  data: string;
  state: string;
  values: string;
  lock: string;
}

/** While a file of that name is written, before it takes the place of the old one. */
export const TEMPORARY_SUFFIX = '.tmp';
const LONGEST_SUFFIX = `${PART_SUFFIX}.values${TEMPORARY_SUFFIX}`;
/** Hexadecimal digits of the hash that stands for the end of a long name: nobody finds two. */
const HASH_DIGITS = 32;
/** A longer one is no kind of file that anybody knows. */
const EXTENSION_BYTES_MAX = 32;

/**
 * A name too long to have suffixes is cut, and ends with its hash.
 * @throws FileOfferError: no name of a single file, or one that another file's part could have
 */
export function partNames(name: string): PartNames {
  const problem = nameProblem(name);
  if (problem) throw new FileOfferError(`the name ${JSON.stringify(name)}: ${problem}`);
  const data = `${shortened(name)}${PART_SUFFIX}`;
  return { data, state: `${data}.state`, values: `${data}.values`, lock: `${data}.lock` };
}

function shortened(name: string): string {
  const room = NAME_BYTES_MAX - LONGEST_SUFFIX.length;
  if (Buffer.byteLength(name) <= room) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${within(name, room - 1 - HASH_DIGITS)}~${hash}`;
}

/** `a.txt`, `a (1).txt`, `a (2).txt`: what a file is called when so many others have its name. */
export function numberedName(name: string, number: number): string {
  if (number === 0) return name;
  const found = extname(name);
  const extension = Buffer.byteLength(found) > EXTENSION_BYTES_MAX ? '' : found;
  const stem = name.slice(0, name.length - extension.length);
  const end = ` (${number})${extension}`;
  return `${within(stem, NAME_BYTES_MAX - Buffer.byteLength(end))}${end}`;
}

function within(text: string, bytesMax: number): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8Within(text, bytesMax));
}
