/** What a node sends: a file or a folder, hashed, as its receiver is offered it. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { nameProblem } from '@andvari/host-common/transfer/files/file-names';
import { FileOfferError } from '@andvari/host-common/transfer/files/file-offer';
import { hashFile, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { loadNative } from '@andvari/native-io';
import { nativeTransferOf } from '../native-transfer.ts';
import { atPlace } from './file-place-error.ts';
import { NodeFileSource } from './node-file-source.ts';
import { type LeftOut, TreeSource } from './tree-source.ts';

type Hashed = Awaited<ReturnType<typeof hashFile>>;

export class OutgoingFile {
  /** As it was given. */
  readonly path: string;
  /** What the receiver sees; no folder is named in it. */
  readonly name: string;
  readonly #source: NodeFileSource | TreeSource;
  #hashed: Hashed | undefined;

  private constructor(path: string, source: NodeFileSource | TreeSource) {
    this.path = path;
    this.name = nameOf(path);
    this.#source = source;
  }

  /**
   * Whoever opens it closes it.
   * @throws FilePlaceError, NotAFileError, TreeManifestError; FileOfferError: its own name; the
   * reason of the signal
   */
  static async open(path: string, signal: AbortSignal): Promise<OutgoingFile> {
    const isFolder = (await atPlace('read', path, () => stat(path))).isDirectory();
    const name = nameOf(path);
    const problem = nameProblem(name);
    if (problem) throw new FileOfferError(`the name ${JSON.stringify(name)}: ${problem}`);
    const opened = isFolder ? TreeSource.open(path, signal) : NodeFileSource.open(path);
    return new OutgoingFile(path, await opened);
  }

  /** Bytes, of a folder those of its list too. */
  get size(): number {
    return this.#source.size;
  }

  /** What of it does not travel. */
  get leftOut(): readonly LeftOut[] {
    return this.#source instanceof TreeSource ? this.#source.leftOut : [];
  }

  /**
   * As one peer is offered it: the same to the same peer has the same transfer id. The first call
   * reads it whole.
   * @throws FileChangedError, FilePlaceError; the reason of the signal
   */
  async offeredTo(peerId: Uint8Array, signal: AbortSignal): Promise<SentFile> {
    const { hash, values } = await this.hashed(signal);
    const id = createHash('sha256').update('andvari-transfer-id').update(peerId).update(hash);
    const { size, mode, modifiedUs } = this.#source;
    const isFolder = this.#source instanceof TreeSource;
    const offer = {
      ...{ transferId: id.digest(), name: this.name, size, hash },
      ...{ mode, modifiedUs, compressed: false, isFolder },
    };
    return { offer, source: this.#source, values };
  }

  /** Its hash, and the values of its chunks; it is read once. Rejects as offeredTo() does. */
  async hashed(signal: AbortSignal): Promise<Hashed> {
    this.#hashed ??= await hashFile(
      this.#source,
      FileHash.create(await plainEngine(), nativeTransferOf(loadNative())),
      { signal },
    );
    return this.#hashed;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

function nameOf(path: string): string {
  return basename(resolve(path));
}
