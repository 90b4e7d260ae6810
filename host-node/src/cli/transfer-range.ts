/** `andvari receive CODE... --range`: some bytes of a file, without the others. */
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
 * What of it the file has; a last byte behind its end is its last one.
 * @throws FileRangeError: none
 */
export function rangeOf(wanted: WantedRange, size: number): ByteRange {
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
  }: { file: OpenFile; range: ByteRange; path: string; durationMs: number },
  json: boolean,
  context: CommandContext,
): void {
  const bytes = last - first + 1;
  const bytesPerSecond = Math.round(bytes / (durationMs / 1000));
  if (json) {
    const of = { file: file.name, of: file.size, blake3: Buffer.from(file.hash).toString('hex') };
    const range = { first, last, bytes };
    context.event({ event: 'received', path, ...range, ...of, durationMs, bytesPerSecond });
    return;
  }
  context.result(path);
  const speed = `${timeText(durationMs / 1000)}, ${sizeText(bytesPerSecond)}/s`;
  context.note(`received: bytes ${first}-${last} of ${file.size}, ${sizeText(bytes)} in ${speed}`);
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
