/** A file of peers that is read where it lies: nothing of it is kept here. */

import type { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import { FileTransferError } from '@andvari/host-common/transfer/files/file-transfer-error';
import { type ReadOptions, RemoteFile } from '@andvari/host-common/transfer/files/remote-file';
import type { SourceState } from '@andvari/host-common/transfer/files/source-state';
import type { CalledSources } from './called-sources.ts';
import { type FetchSource, sourcesOf, usedBy } from './offered-sources.ts';

/** What all of them offer. */
export interface OpenOffer {
  /** As the first of them calls it. */
  name: string;
  /** Bytes. */
  size: number;
  /** BLAKE3, 32 bytes. */
  hash: Uint8Array;
  /** Those that have offered it by now; others may join. */
  sources: FetchSource[];
}

/** What is offered cannot be read at an offset: it is a folder. */
export class FolderOfferedError extends Error {
  override readonly name = 'FolderOfferedError';
  readonly code = 'ANDVARI_IS_A_FOLDER';
}

/** A file that can be read. Whoever has it closes it. */
export class OpenFile implements AsyncDisposable {
  readonly #file: RemoteFile;
  readonly #sources: CalledSources;
  #closing: Promise<void> | undefined;

  constructor(file: RemoteFile, sources: CalledSources) {
    this.#file = file;
    this.#sources = sources;
  }

  /** As the first source calls it; no folder is named in it. */
  get name(): string {
    return this.#file.offer.name;
  }

  /** Bytes. */
  get size(): number {
    return this.#file.offer.size;
  }

  /** BLAKE3 of the whole file, 32 bytes: what each byte that is read has been held against. */
  get hash(): Uint8Array {
    return Uint8Array.from(this.#file.offer.hash);
  }

  /** Whom it comes from, and what each has brought; those that have gone too. */
  get sources(): SourceState[] {
    return this.#file.sources;
  }

  /** Resolves when it is closed; rejects with why the last source has gone. */
  get completion(): Promise<void> {
    return this.#file.completion;
  }

  /**
   * Up to `length` bytes from `offset` on, fewer where the file ends, none at its end: as the
   * system's pread does. Several may read at once.
   * @throws FileRangeError: no whole number, or an offset behind the end; FileTransferError: the
   * file is closed, or what the last source has ended with; the reason of the signal
   */
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    return this.#file.read(offset, length, options);
  }

  /**
   * The same bytes piece by piece, of 256 KiB at the most, for `for await`; without `length` all to
   * the end. Four pieces from each source come while one is worked on.
   * @throws as read()
   */
  stream(
    offset?: number,
    length?: number,
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array, void> {
    return this.#file.stream(offset, length, options);
  }

  /**
   * What still reads is told ANDVARI_TRANSFER_CANCELLED. Resolves when the sources have heard of
   * it, or do not hear it, and sessions that were begun for it are closed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#file.close();
    await this.#file.over();
    await this.#sources.close();
  }
}

/**
 * Opens what the sources offer. Those that come later join.
 * @throws FolderOfferedError; FileTransferError ANDVARI_TRANSFER_REFUSED: accept said no. Then all
 * have been refused
 */
export async function openFrom(
  sources: CalledSources,
  accept: ((offer: OpenOffer) => boolean | Promise<boolean>) | undefined,
  hash: FileHash,
): Promise<OpenFile> {
  try {
    const { offer } = (sources.offers[0] as CalledSources['offers'][0]).file;
    const { name, size, isFolder } = offer;
    if (isFolder) throw new FolderOfferedError(`${JSON.stringify(name)} is a folder`);
    const about = { name, size, hash: Uint8Array.from(offer.hash) };
    if (accept && (await accept({ ...about, sources: sourcesOf(sources.offers) })) !== true) {
      throw new FileTransferError('ANDVARI_TRANSFER_REFUSED', 'not taken');
    }
    const file = new RemoteFile({ offer, hash });
    sources.useFor(usedBy(file));
    return new OpenFile(file, sources);
  } catch (error) {
    await sources.refuse(RejectCode.REFUSED);
    throw error;
  }
}
