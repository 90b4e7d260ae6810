/**
 * `andvari receive CODE... --range`: some bytes of a file, without the others; and with `-o -` all
 * of them, or these, on standard output.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Within } from '@andvari/host-common/transfer/byte-strings';
import { sizeText, timeText } from '@andvari/host-common/transfer/files/amount-text';
import { NAME_BYTES_MAX, PART_SUFFIX } from '@andvari/host-common/transfer/files/file-names';
import { FileTransferError } from '@andvari/host-common/transfer/files/file-transfer-error';
import { FileRangeError } from '@andvari/host-common/transfer/files/remote-file';
import { HeldFolder } from '../files/held-folder.ts';
import { atPlace } from '../transfer/files/file-place-error.ts';
import { takeFreeName } from '../transfer/files/final-name.ts';
import type { OpenFile } from '../transfer/open-file.ts';
import type { CommandContext } from './command-context.ts';
import { pipeInto } from './piped-output.ts';
import { ShownRange } from './shown-range.ts';

const { O_CREAT, O_EXCL, O_WRONLY } = constants;
const SHAPE = /^(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))$/;

/** As HTTP writes it (RFC 9110, 14.1.1): FIRST-LAST, both counted from 0; FIRST-; -COUNT. */
export type WantedRange = { first: number; last: number | undefined } | { count: number };

/** Bytes that a file has, counted from 0, `last` among them. */
export interface ByteRange {
  first: number;
  last: number;
}

/** For commander's option parser. @throws FileRangeError */
export function parseRange(text: string): WantedRange {
  const [found, first, last, count] = SHAPE.exec(text) ?? [];
  const range = { first: Number(first), last: last === undefined ? undefined : Number(last) };
  const isForwards = range.last === undefined || range.last >= range.first;
  if (count !== undefined && Number(count) > 0) return { count: Number(count) };
  if (found !== undefined && count === undefined && isForwards) return range;
  const shapes = 'FIRST-LAST (from 0 on, both with it), FIRST- or -COUNT';
  throw new FileRangeError(`--range ${JSON.stringify(text)}: wanted ${shapes}`);
}

/**
 * What of it the file has; a last byte behind its end is its last one. Wanted undefined: all of
 * it, which of an empty file is 0 to -1.
 * @throws FileRangeError: none
 */
export function rangeOf(wanted: WantedRange | undefined, size: number): ByteRange {
  if (!wanted) return { first: 0, last: size - 1 };
  const first = 'count' in wanted ? Math.max(0, size - wanted.count) : wanted.first;
  const last = 'count' in wanted ? size - 1 : Math.min(size - 1, wanted.last ?? size - 1);
  if (first < size) return { first, last };
  const most = size === 0 ? 'it is empty' : `the last one is ${size - 1}`;
  throw new FileRangeError(`the file has ${size} bytes, none from ${first} on: ${most}`);
}

/**
 * Writes these bytes into the folder, under NAME.FIRST-LAST or with a number behind it; nothing
 * that is there is replaced, and nothing is left of what does not come whole.
 * @throws what OpenFile.stream() does; FilePlaceError; FileTransferError ANDVARI_TRANSFER_NO_PLACE
 */
export async function writeRange(
  file: OpenFile,
  {
    range: { first, last },
    into,
    json = false,
  }: { range: ByteRange; into: string; json?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  const started = performance.now();
  const end = `.${first}-${last}`;
  const name = `${text(utf8Within(file.name, NAME_BYTES_MAX - end.length))}${end}`;
  const place = join(into, name);
  const folder = await atPlace('write', into, () => HeldFolder.open(into));
  try {
    const pieces = file.stream(first, last - first + 1, { signal: context.signal });
    const taken = await atPlace('write', place, () => kept(folder, name, pieces));
    const durationMs = performance.now() - started;
    tell({ file, range: { first, last }, path: join(into, taken), durationMs }, json, context);
  } finally {
    await folder.close();
  }
}

/**
 * Writes these bytes to standard output, at the pace of its reader.
 * @throws what OpenFile.stream() does; FilePlaceError
 */
export async function pipeRange(
  file: OpenFile,
  {
    range: { first, last },
    output,
    json = false,
  }: { range: ByteRange; output: Parameters<typeof pipeInto>[0]; json?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  const started = performance.now();
  const { signal } = context;
  const shown = new ShownRange({ name: file.name, size: last - first + 1 }, { json }, context);
  let isAll: boolean;
  try {
    const pieces = shown.watched(file.stream(first, last - first + 1, { signal }));
    isAll = await pipeInto(output, pieces, signal);
  } finally {
    shown.stop();
  }
  const durationMs = performance.now() - started;
  const range = { first, last: isAll ? last : first + shown.doneBytes - 1 };
  tell({ file, range, durationMs }, json, context);
}

async function kept(
  folder: HeldFolder,
  name: string,
  pieces: AsyncGenerator<Uint8Array, void>,
): Promise<string> {
  const data = `.${randomBytes(6).toString('hex')}${PART_SUFFIX}`;
  const part = Buffer.from(data);
  const handle = await folder.openFile(part, O_CREAT | O_EXCL | O_WRONLY, 0o600);
  try {
    await filled(handle, pieces);
    const taken = await takeFreeName(folder, data, name);
    if (taken === undefined) {
      throw new FileTransferError('ANDVARI_TRANSFER_NO_PLACE', `no name like ${name} is left`);
    }
    return taken;
  } finally {
    // Its second name, or what has not come whole; a rename has taken it along.
    if (await folder.look(part)) await folder.remove(part);
    await folder.sync();
  }
}

async function filled(handle: FileHandle, pieces: AsyncGenerator<Uint8Array, void>): Promise<void> {
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function tell(
  {
    file,
    range: { first, last },
    path,
    durationMs,
  }: { file: OpenFile; range: ByteRange; path?: string; durationMs: number },
  json: boolean,
  context: CommandContext,
): void {
  const bytes = last - first + 1;
  const bytesPerSecond = Math.round(bytes / (durationMs / 1000));
  if (json) {
    const of = { file: file.name, of: file.size, blake3: Buffer.from(file.hash).toString('hex') };
    const range = { first, last, bytes };
    const where = path === undefined ? {} : { path };
    context.event({ event: 'received', ...where, ...range, ...of, durationMs, bytesPerSecond });
    return;
  }
  if (path !== undefined) context.result(path);
  const speed = `${timeText(durationMs / 1000)}, ${sizeText(bytesPerSecond)}/s`;
  const which = bytes === 0 ? 'no bytes' : `bytes ${first}-${last}`;
  context.note(`received: ${which} of ${file.size}, ${sizeText(bytes)} in ${speed}`);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
