/**
 * Reads and writes of files straight into the engine's memory and out of it: by io_uring with that
 * memory registered, or by node:fs, which does without privilege or addon. No implementation copies
 * bytes in JavaScript; both pass the suite in file-io.compliance.ts.
 */
import { read, write } from 'node:fs';
import { FileRing, type FileRingAddon, type FileRingOptions } from '@andvari/native-io/file-ring';

export interface FileIo {
  readonly backend: 'io_uring' | 'fs';
  /**
   * Reads `bytes` bytes from `position` of the file to `memoryOffset` of the memory. Resolves with
   * the bytes that were read, fewer only at the end of the file. Rejects with a RangeError for a
   * range outside the one that this FileIo was opened for, and with the system's error (`code` as
   * node:fs has it) otherwise. The range is the kernel's until then.
   */
  read(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number>;
  /** As read(), the other way; resolves when all bytes are written (not: flushed). */
  write(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number>;
  /** Idempotent. Waits for what was asked for before; afterwards everything is refused. */
  close(): Promise<void>;
}

/** A range of the memory, the only one that is read to and written from. */
export type FileIoOptions = FileRingOptions;

/** What files are best read and written in: larger pieces gain nothing, smaller ones cost calls. */
export const FILE_CHUNK_BYTES = 262_144;

/** FileIo by io_uring; the constructor throws what FileRing throws. */
export class RingFileIo implements FileIo {
  readonly backend = 'io_uring';
  readonly #ring: FileRing;

  constructor(addon: FileRingAddon, options: FileIoOptions) {
    this.#ring = new FileRing(addon, options);
  }

  read(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number> {
    return this.#ring.transfer({ write: false, fd, position, memoryOffset, bytes });
  }

  write(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number> {
    return this.#ring.transfer({ write: true, fd, position, memoryOffset, bytes });
  }

  close(): Promise<void> {
    return this.#ring.close();
  }
}

/** FileIo by the threads of node:fs, which take a view of the memory as it is. */
export class PlainFileIo implements FileIo {
  readonly backend = 'fs';
  readonly #memory: WebAssembly.Memory;
  readonly #low: number;
  readonly #end: number;
  readonly #running = new Set<Promise<number>>();
  #closed = false;

  constructor({ memory, offset, bytes }: FileIoOptions) {
    if (!(offset >= 0 && bytes > 0 && offset + bytes <= memory.buffer.byteLength)) {
      throw new RangeError('wanted a range inside the memory');
    }
    this.#memory = memory;
    this.#low = offset;
    this.#end = offset + bytes;
  }

  read(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number> {
    return this.#track(async () => {
      const view = this.#view(position, memoryOffset, bytes);
      let done = 0;
      while (done < bytes) {
        const count = await readOnce(fd, view.subarray(done), position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  write(fd: number, position: number, memoryOffset: number, bytes: number): Promise<number> {
    return this.#track(async () => {
      const view = this.#view(position, memoryOffset, bytes);
      let done = 0;
      while (done < bytes) {
        const count = await writeOnce(fd, view.subarray(done), position + done);
        if (count === 0) throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
        done += count;
      }
      return done;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  async #track(work: () => Promise<number>): Promise<number> {
    if (this.#closed) throw new Error('the file I/O is closed');
    const promise = work();
    this.#running.add(promise);
    try {
      return await promise;
    } finally {
      this.#running.delete(promise);
    }
  }

  #view(position: number, offset: number, bytes: number): Uint8Array {
    // To node:fs, a negative position is wherever the file was read last.
    if (!(Number.isSafeInteger(position) && position >= 0)) {
      throw new RangeError(`position: wanted an integer from 0 to 2^53 - 1, not ${position}`);
    }
    if (!(offset >= this.#low && bytes >= 0 && offset + bytes <= this.#end)) {
      throw new RangeError('the range is not inside the registered memory');
    }
    return new Uint8Array(this.#memory.buffer, offset, bytes);
  }
}

function readOnce(fd: number, view: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, view, 0, view.length, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

function writeOnce(fd: number, view: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, view, 0, view.length, position, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

/**
 * The best that works here. `whyNot` is told, in one clause, why it is not io_uring.
 * @throws RangeError for a range outside the memory.
 */
export function openFileIo(
  options: FileIoOptions,
  addon: FileRingAddon | undefined,
  whyNot: (reason: string) => void = () => {},
): FileIo {
  if (!addon) {
    whyNot('the native addon is not there');
    return new PlainFileIo(options);
  }
  try {
    return new RingFileIo(addon, options);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const { message, mend } = error as Error & { mend?: string };
    whyNot(mend ? `${message} (${mend})` : message);
    return new PlainFileIo(options);
  }
}
