/** Where records are written: a file that is there whole or not at all, or standard output. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { FileExistsError } from '../files/durable-file.ts';

/** For the owner alone: the records are the coins. */
const PRIVATE_MODE = 0o600;

export interface RecordOutput {
  /** Where the records are before finish(), for messages. */
  readonly place: string;
  write(text: string): Promise<void>;
  /**
   * Everything that was written outlives a power cut (a file), or has left this process (a stream).
   */
  flush(): Promise<void>;
  /** After flush(): under its final name. */
  finish(): Promise<void>;
  /** Nothing remains of it, where that is possible. */
  discard(): void;
}

export class FileOutput implements RecordOutput {
  readonly place: string;
  readonly #path: string;
  readonly #replace: boolean;
  #file: number | undefined;

  /**
   * Writes beside `path`, with mode 0600, until finish(). `replace` false: an existing file is
   * never replaced. Throws FileExistsError and what the file system says.
   */
  constructor(path: string, { replace, temporary }: { replace: boolean; temporary?: string }) {
    this.#path = path;
    this.#replace = replace;
    this.place = temporary ?? `${path}.${randomBytes(6).toString('hex')}.tmp`;
    this.#file = create(this.place);
  }

  async write(text: string): Promise<void> {
    if (this.#file === undefined) throw new Error(`${this.#path}: written after flush()`);
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
  }

  async flush(): Promise<void> {
    if (this.#file === undefined) return;
    fsyncSync(this.#file);
    closeSync(this.#file);
    this.#file = undefined;
    flushFolder(this.#path);
  }

  async finish(): Promise<void> {
    await this.flush();
    if (this.#replace) {
      renameSync(this.place, this.#path);
    } else {
      // A link, unlike a rename, fails when its name is taken.
      link(this.place, this.#path);
      unlinkSync(this.place);
    }
    flushFolder(this.#path);
  }

  discard(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.place, { force: true });
  }
}

export class StreamOutput implements RecordOutput {
  readonly place = 'standard output';
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Waits until the bytes have been taken; rejects when the reader has gone. */
  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  async flush(): Promise<void> {
    // Every write has waited for itself.
  }

  async finish(): Promise<void> {
    // Standard output is ended by the end of the process.
  }

  discard(): void {
    // What has left cannot be called back.
  }
}

function create(path: string): number {
  try {
    return openSync(path, 'wx', PRIVATE_MODE);
  } catch (error) {
    throw existing(path, error);
  }
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    throw existing(to, error);
  }
}

function existing(path: string, error: unknown): unknown {
  const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
  return exists ? new FileExistsError(path, error) : error;
}

function flushFolder(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
