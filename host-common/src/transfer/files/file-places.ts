/** Where the bytes of a file come from and go to: what a host has for it. */
import type { ChunkSet } from './chunk-set.ts';

/** A file that is sent. */
export interface FileSource {
  /** Bytes. */
  readonly size: number;
  /**
   * Fills `into` with the bytes from `offset` on. Rejects with FileChangedError when the file is
   * no longer what it was, with the host's error when it cannot be read.
   */
  read(offset: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A file that comes, as far as it has come. Calls of one sink are made one after the other. */
export interface FileSink {
  /** Chunks that are there and are the file's. */
  readonly have: ChunkSet;
  /** The values of all chunks, one behind the other, 32 bytes each; undefined: not known yet. */
  readonly values: Uint8Array | undefined;
  /** Keeps the values, which are the file's. `have` may lose chunks whose value is another. */
  keepValues(values: Uint8Array): Promise<void>;
  /**
   * Writes a chunk whose bytes have been verified; then `have` has it. Rejects with the host's
   * error (disk full, not permitted): what is there stays.
   */
  write(index: number, bytes: Uint8Array): Promise<void>;
  /** All is there: the file gets its name, durably. Resolves with its path or name. */
  finish(): Promise<string>;
  /** Keeps what is there for another time. */
  close(): Promise<void>;
  /** Throws away what is there. */
  discard(): Promise<void>;
}

/** A file was written to, or another one has its name, since it was offered. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
  readonly code = 'ANDVARI_FILE_CHANGED';

  /** @param path as its user knows it */
  constructor(path: string) {
    super(`${path} has changed while it was sent`);
  }
}
