/** What every FileIo must do. Run with each implementation by its test file. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FILE_CHUNK_BYTES, type FileIo, type FileIoOptions } from './file-io.ts';

const PAGE = 65_536;
/** The range that is registered, in a memory of 96 pages. */
const OFFSET = 3 * PAGE + 128;
const BYTES = 5 * 1024 * 1024;
const PAGES = 96;
const FILL = 0xa5;
/** Behind 4 GiB, where 32 bits of a position would not do. */
const FAR = 2 ** 32 + 12_345;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Bytes that differ from place to place. */
function pattern(bytes: number, seed: number): Uint8Array {
  const result = new Uint8Array(bytes);
  let state = seed | 1;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    result[i] = state >>> 24;
  }
  return result;
}

/** A memory, a folder and the FileIo under test; `file` makes a file and gives its descriptor. */
class Place {
  readonly memory: WebAssembly.Memory;
  readonly all: Uint8Array;
  readonly range: Uint8Array;
  readonly io: FileIo;
  readonly folder = mkdtempSync(join(tmpdir(), 'andvari-file-io-'));
  readonly #descriptors: number[] = [];

  constructor(open: (options: FileIoOptions) => FileIo, shared: boolean) {
    this.memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared });
    this.all = new Uint8Array(this.memory.buffer).fill(FILL);
    this.range = this.all.subarray(OFFSET, OFFSET + BYTES);
    this.io = open({ memory: this.memory, offset: OFFSET, bytes: BYTES });
  }

  open(path: string, flags: string): number {
    const fd = openSync(path, flags);
    this.#descriptors.push(fd);
    return fd;
  }

  file(content: Uint8Array, flags = 'r'): number {
    const path = join(this.folder, `${this.#descriptors.length}`);
    writeSync(this.open(path, 'w'), content);
    return this.open(path, flags);
  }

  async end(): Promise<void> {
    await this.io.close();
    for (const fd of this.#descriptors) closeSync(fd);
    rmSync(this.folder, { recursive: true });
  }
}

export function fileIoCompliance(open: (options: FileIoOptions) => FileIo): void {
  describe.each([
    ['a memory of its own', false],
    ['a shared memory', true],
  ])('%s', (_, shared) => {
    let place: Place;
    beforeEach(() => {
      place = new Place(open, shared);
    });
    afterEach(() => place.end());
    reading(() => place);
    writing(() => place);
    refusing(() => place);
    closing(() => place);
  });
}

function reading(now: () => Place): void {
  it('reads to where it was told to, and nowhere else', async () => {
    const { io, range, all, file } = bound(now());
    const content = pattern(1000, 1);
    expect(await io.read(file(content), 100, OFFSET + 7, 300)).toBe(300);
    expect(sha256(range.subarray(7, 307))).toBe(sha256(content.subarray(100, 400)));
    expect(range.subarray(0, 7).every((byte) => byte === FILL)).toBe(true);
    expect(all.subarray(OFFSET + 307).every((byte) => byte === FILL)).toBe(true);
  });

  it.each([1, FILE_CHUNK_BYTES - 1, FILE_CHUNK_BYTES, FILE_CHUNK_BYTES + 1, 3_000_001, BYTES])(
    'reads %i bytes in one piece',
    async (bytes) => {
      const { io, range, file } = bound(now());
      const content = pattern(bytes, bytes);
      expect(await io.read(file(content), 0, OFFSET, bytes)).toBe(bytes);
      expect(sha256(range.subarray(0, bytes))).toBe(sha256(content));
    },
  );

  it.each([0, 1, FILE_CHUNK_BYTES - 1, FILE_CHUNK_BYTES, 2 * FILE_CHUNK_BYTES + 17])(
    'reads short at the end of a file of %i bytes',
    async (bytes) => {
      const { io, range, file } = bound(now());
      const content = pattern(bytes, 7);
      const fd = file(content);
      expect(await io.read(fd, 0, OFFSET, 3 * FILE_CHUNK_BYTES)).toBe(bytes);
      expect(sha256(range.subarray(0, bytes))).toBe(sha256(content));
      expect(range[bytes]).toBe(FILL);
      expect(await io.read(fd, bytes, OFFSET, 100)).toBe(0);
      expect(await io.read(fd, bytes + 10_000_000, OFFSET, 100)).toBe(0);
    },
  );

  it('reads and writes behind 4 GiB', async () => {
    const { io, range, file } = bound(now());
    const fd = file(new Uint8Array(0), 'r+');
    ftruncateSync(fd, FAR + 1000);
    expect(await io.read(fd, FAR, OFFSET, 2000)).toBe(1000);
    expect(range.subarray(0, 1000).every((byte) => byte === 0)).toBe(true);
    range.set(pattern(300_000, 5));
    expect(await io.write(fd, FAR + 500, OFFSET, 300_000)).toBe(300_000);
    const back = new Uint8Array(300_000);
    readSync(fd, back, 0, back.length, FAR + 500);
    expect(sha256(back)).toBe(sha256(pattern(300_000, 5)));
  });

  it('takes many at once, each to its place', async () => {
    const { io, range, file } = bound(now());
    const content = pattern(4 * 1024 * 1024, 3);
    const fd = file(content);
    const piece = 8192;
    const places = Array.from({ length: content.length / piece }, (_, index) => index * piece);
    const counts = await Promise.all(places.map((at) => io.read(fd, at, OFFSET + at, piece)));
    expect(counts.every((count) => count === piece)).toBe(true);
    expect(sha256(range.subarray(0, content.length))).toBe(sha256(content));
  });

  it('reads nothing when asked for nothing', async () => {
    const { io, file } = bound(now());
    expect(await io.read(file(pattern(10, 1)), 0, OFFSET, 0)).toBe(0);
  });
}

function writing(now: () => Place): void {
  it.each([1, FILE_CHUNK_BYTES, 2_500_003])('writes %i bytes', async (bytes) => {
    const { io, range, file } = bound(now());
    const content = pattern(bytes, 9);
    range.set(content, 11);
    const fd = file(new Uint8Array(0), 'r+');
    expect(await io.write(fd, 5, OFFSET + 11, bytes)).toBe(bytes);
    const back = new Uint8Array(bytes + 10);
    expect(readSync(fd, back, 0, back.length, 0)).toBe(bytes + 5);
    expect(sha256(back.subarray(5, 5 + bytes))).toBe(sha256(content));
  });

  it('writes and reads at the same time', async () => {
    const { io, range, file } = bound(now());
    const content = pattern(FILE_CHUNK_BYTES, 21);
    const source = file(content);
    const target = file(new Uint8Array(0), 'r+');
    range.set(content, 2 * 1024 * 1024);
    const work: Promise<number>[] = [];
    for (let i = 0; i < 20; i++) {
      work.push(io.write(target, i * FILE_CHUNK_BYTES, OFFSET + 2 * 1024 * 1024, FILE_CHUNK_BYTES));
      work.push(io.read(source, 0, OFFSET + (i % 4) * FILE_CHUNK_BYTES, FILE_CHUNK_BYTES));
    }
    expect(new Set(await Promise.all(work))).toEqual(new Set([FILE_CHUNK_BYTES]));
    const back = new Uint8Array(20 * FILE_CHUNK_BYTES);
    expect(readSync(target, back, 0, back.length, 0)).toBe(back.length);
    for (let i = 0; i < 20; i++) {
      const piece = back.subarray(i * FILE_CHUNK_BYTES, (i + 1) * FILE_CHUNK_BYTES);
      expect(sha256(piece)).toBe(sha256(content));
    }
  });
}

function refusing(now: () => Place): void {
  it('gives the error of the system', async () => {
    const place = now();
    const { io, file } = bound(place);
    const readable = file(pattern(10, 1));
    const full = place.open('/dev/full', 'w');
    const folder = place.open(place.folder, 'r');
    const codes = await Promise.all(
      [
        io.read(1_000_000, 0, OFFSET, 10),
        io.write(readable, 0, OFFSET, 10),
        io.read(folder, 0, OFFSET, 10),
        io.write(full, 0, OFFSET, 10),
        io.write(full, 0, OFFSET, 3 * FILE_CHUNK_BYTES),
      ].map((promise) => promise.catch((error: NodeJS.ErrnoException) => error.code)),
    );
    expect(codes).toEqual(['EBADF', 'EBADF', 'EISDIR', 'ENOSPC', 'ENOSPC']);
    // An error is of its own operation only.
    expect(await io.read(readable, 0, OFFSET, 10)).toBe(10);
  });

  it.each([
    ['before the range', OFFSET - 1, 10],
    ['over its end', OFFSET + BYTES - 9, 10],
    ['behind it', OFFSET + BYTES, 1],
    ['outside the memory', PAGES * PAGE, 1],
    ['with a length that wraps 32 bits', OFFSET, 2 ** 32 + 1],
    ['with a sum that wraps 32 bits', 2 ** 32 - 1, 2],
    ['with a negative length', OFFSET, -1],
    ['at no number', Number.NaN, 1],
  ])('refuses memory %s', async (_, memoryOffset, bytes) => {
    const { io, all, file } = bound(now());
    const fd = file(pattern(100, 1), 'r+');
    await expect(io.read(fd, 0, memoryOffset, bytes)).rejects.toThrow(RangeError);
    await expect(io.write(fd, 0, memoryOffset, bytes)).rejects.toThrow(RangeError);
    expect(all.every((byte) => byte === FILL)).toBe(true);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the position %d', async (position) => {
    const { io, file } = bound(now());
    await expect(io.read(file(pattern(100, 1)), position, OFFSET, 1)).rejects.toThrow(RangeError);
  });
}

function closing(now: () => Place): void {
  it('ends what is under way before it closes, and then refuses', async () => {
    const { io, range, file } = bound(now());
    const content = pattern(BYTES, 4);
    const fd = file(content);
    const reads = Array.from({ length: 100 }, () => io.read(fd, 0, OFFSET, BYTES));
    let open = reads.length;
    for (const each of reads) each.then(() => open--);
    const closed = io.close();
    await expect(io.read(fd, 0, OFFSET, 1)).rejects.toThrow('closed');
    await closed;
    expect(open).toBe(0);
    expect(new Set(await Promise.all(reads))).toEqual(new Set([BYTES]));
    expect(sha256(range)).toBe(sha256(content));
    await io.close();
  });
}

/** The parts of a place, with `file` still its own. */
function bound(place: Place) {
  const { io, range, all } = place;
  return { io, range, all, file: place.file.bind(place) };
}
