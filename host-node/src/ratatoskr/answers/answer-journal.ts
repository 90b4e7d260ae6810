/**
 * What is ahead of the tables of an answers file, so that a transaction of a few changes costs one
 * small write in place of a dozen pages: records in a file of fixed size, each on the disk when
 * `append` returns, until a transaction of the tables has them all and the file begins anew.
 *
 *   length 4 · CRC-32 of the rest 4 · generation 8 · index 4 · content      all little-endian
 *
 * The tables say which generation follows them (answer-schema.ts): what an earlier one has left
 * behind its end is not read, and neither is what a crash has cut off.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { makePrivateFile } from '../../files/private-file.ts';

/** Of a file: at 2,000 requests a second more than a second. */
export const JOURNAL_BYTES = 1_048_576;
/** First generations are drawn below this: another file, or a later time, has hardly the same. */
export const GENERATIONS = 2 ** 47;
const HEADER_BYTES = 20;
/** What the CRC does not cover: the length and itself. A wrong length fails it too. */
const UNCOVERED_BYTES = 8;

export class AnswerJournal {
  readonly #path: string;
  readonly #file: number;
  #generation: number;
  /** Where the next record comes, and how many are before it. */
  #end = 0;
  #count = 0;

  /**
   * Opens the file, or makes it with mode 0600; what it has of this generation stays in it.
   * @param generation a safe integer that no other state of the tables has had
   * @throws Node's errors
   */
  constructor(path: string, generation: number) {
    this.#path = path;
    this.#generation = generation;
    makePrivateFile(path);
    this.#file = openSync(path, 'r+');
    try {
      this.#makeRoom();
      for (const _ of this.#valid(JOURNAL_BYTES)) this.#count++;
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get usedBytes(): number {
    return this.#end;
  }

  hasRoom(contentBytes: number): boolean {
    return this.#end + HEADER_BYTES + contentBytes <= JOURNAL_BYTES;
  }

  /**
   * On the disk when this returns. The next record takes the place of one that could not be
   * written.
   * @throws Node's errors, and RangeError where there is no room
   */
  append(content: Uint8Array): void {
    this.note(content, () => fdatasyncSync(this.#file));
  }

  /** With the system when this returns: a process that is killed leaves it. @throws as `append` */
  note(content: Uint8Array, flush: () => void = () => {}): void {
    if (!this.hasRoom(content.length)) throw new RangeError('the journal is full');
    const record = this.#record(content);
    writeWhole(this.#file, record, this.#end);
    flush();
    this.#end += record.length;
    this.#count++;
  }

  /** The records of this generation, in their order. @throws Node's errors */
  read(): Uint8Array[] {
    return [...this.#valid(this.#end)];
  }

  /** The tables have what is in it, and are on the disk. */
  restart(generation: number): void {
    this.#generation = generation;
    [this.#end, this.#count] = [0, 0];
  }

  /** As `restart`, and whoever opens the file finds nothing. @throws Node's errors */
  erase(generation: number): void {
    writeWhole(this.#file, new Uint8Array(HEADER_BYTES), 0);
    this.restart(generation);
  }

  /** Of the first record, which is the newest there is. 0: it has none. @throws Node's errors */
  static generationOf(path: string): number {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
    try {
      const head = Buffer.alloc(HEADER_BYTES);
      readSync(file, head, 0, HEADER_BYTES, 0);
      const generation = Number(head.readBigUInt64LE(8));
      return Number.isSafeInteger(generation) ? generation : 0;
    } finally {
      closeSync(file);
    }
  }

  /** Also removes the file, if nothing is in it. */
  close(): void {
    closeSync(this.#file);
    if (this.isEmpty) unlinkSync(this.#path);
  }

  /** Zeros to the end, so that no later write changes anything of the file but its bytes. */
  #makeRoom(): void {
    const { size } = fstatSync(this.#file);
    if (size >= JOURNAL_BYTES) return;
    writeWhole(this.#file, new Uint8Array(JOURNAL_BYTES - size), size);
    fsyncSync(this.#file);
    const folder = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }

  #record(content: Uint8Array): Buffer {
    const record = Buffer.alloc(HEADER_BYTES + content.length);
    record.writeUInt32LE(content.length, 0);
    record.writeBigUInt64LE(BigInt(this.#generation), 8);
    record.writeUInt32LE(this.#count, 16);
    record.set(content, HEADER_BYTES);
    record.writeUInt32LE(crc32(record.subarray(UNCOVERED_BYTES)), 4);
    return record;
  }

  /** Contents of the records up to the first that is none, whose place is then the end. */
  *#valid(until: number): Generator<Uint8Array> {
    const bytes = Buffer.alloc(until);
    for (let at = 0, count = 1; at < until && count > 0; at += count) {
      count = readSync(this.#file, bytes, at, until - at, at);
    }
    this.#end = 0;
    for (let index = 0; ; index++) {
      const rest = bytes.subarray(this.#end);
      if (rest.length < HEADER_BYTES) return;
      const whole = HEADER_BYTES + rest.readUInt32LE(0);
      if (whole > rest.length) return;
      const isNext =
        rest.readBigUInt64LE(8) === BigInt(this.#generation) && rest.readUInt32LE(16) === index;
      if (!isNext || crc32(rest.subarray(UNCOVERED_BYTES, whole)) !== rest.readUInt32LE(4)) return;
      this.#end += whole;
      yield rest.subarray(HEADER_BYTES, whole);
    }
  }
}

function writeWhole(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
  }
}
