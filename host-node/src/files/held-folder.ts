/**
 * A folder that is held open by its descriptor. What is in it is reached through
 * /proc/self/fd/N/NAME, so a folder or link that someone swaps on the way there changes nothing:
 * the way is gone once, part by part, and never again by name.
 */
import { constants, type Dir, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, opendir, rename, unlink } from 'node:fs/promises';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** A symbolic link stands where a file or folder of our own was wanted. */
export class LinkInTheWayError extends Error {
  readonly code = 'ANDVARI_LINK_IN_THE_WAY';
  override readonly name = 'LinkInTheWayError';
}

/**
 * Parts are single names (file-name.ts). Unless said otherwise, methods reject with the system's
 * errors.
 */
export class HeldFolder {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** The folder at a path of the operator's, who may use links. Call close(). */
  static async open(path: string): Promise<HeldFolder> {
    return new HeldFolder(await open(path, O_RDONLY | O_DIRECTORY));
  }

  /** A folder in this one; rejects with LinkInTheWayError for a symbolic link. Call close(). */
  async enter(part: Uint8Array): Promise<HeldFolder> {
    try {
      return new HeldFolder(await open(this.pathOf(part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    } catch (error) {
      // The kernel says "not a directory" of a link as well.
      if ((await this.look(part))?.isSymbolicLink()) throw linkInTheWay(error);
      throw error;
    }
  }

  /** A file in this folder; rejects with LinkInTheWayError for a symbolic link. */
  async openFile(part: Uint8Array, flags: number, mode?: number): Promise<FileHandle> {
    try {
      return await open(this.pathOf(part), flags | O_NOFOLLOW, mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw linkInTheWay(error);
      throw error;
    }
  }

  /** What has that name, a link itself and not what it points to; undefined: nothing. */
  async look(part: Uint8Array): Promise<Stats | undefined> {
    try {
      return await lstat(this.pathOf(part));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A second name for a file; rejects with EEXIST when it is taken. */
  link(part: Uint8Array, second: Uint8Array): Promise<void> {
    return link(this.pathOf(part), this.pathOf(second));
  }

  /** Another name for a file; what had it before goes. */
  rename(part: Uint8Array, other: Uint8Array): Promise<void> {
    return rename(this.pathOf(part), this.pathOf(other));
  }

  remove(part: Uint8Array): Promise<void> {
    return unlink(this.pathOf(part));
  }

  /** Everything in the folder; names are bytes. */
  entries(): Promise<Dir> {
    return opendir(this.pathOf(Buffer.of()), { encoding: 'buffer' as BufferEncoding });
  }

  stat(): Promise<Stats> {
    return this.#handle.stat();
  }

  /** Makes what was named and unnamed here last through a power cut. */
  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** By which the system reaches it while this folder is held. */
  pathOf(part: Uint8Array): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#handle.fd}/`), part]);
  }
}

function linkInTheWay(cause: unknown): LinkInTheWayError {
  return new LinkInTheWayError('a symbolic link is in the way', { cause });
}
