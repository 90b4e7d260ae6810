/** A file that the person has picked, read piece by piece where it lies. */
import { checkBytes, checkWhole } from '@andvari/host-common/transfer/argument-checks';
import { nameProblem } from '@andvari/host-common/transfer/files/file-names';
import { FileOfferError } from '@andvari/host-common/transfer/files/file-offer';
import { FileChangedError, type FileSource } from '@andvari/host-common/transfer/files/file-places';

export class PickedFile implements FileSource {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** When it was changed last: microseconds since 1970, not before. */
  readonly modifiedUs: bigint;
  readonly #file: Blob;

  /** @throws FileOfferError: a name that some systems do not take */
  constructor(file: File) {
    const problem = nameProblem(file.name);
    if (problem) throw new FileOfferError(`the name ${JSON.stringify(file.name)}: ${problem}`);
    this.name = file.name;
    this.size = file.size;
    this.modifiedUs = BigInt(Math.max(0, Math.trunc(file.lastModified))) * 1000n;
    this.#file = file;
  }

  /**
   * A browser reads a picked file no more once it has changed or is gone.
   * @throws FileChangedError; TypeError, RangeError: not a range of the file
   */
  async read(offset: number, into: Uint8Array): Promise<void> {
    checkBytes('into', into);
    checkWhole('offset', offset, 0, this.size);
    checkWhole('offset + into.length', offset + into.length, 0, this.size);
    let bytes: ArrayBuffer;
    try {
      bytes = await this.#file.slice(offset, offset + into.length).arrayBuffer();
    } catch {
      throw new FileChangedError(this.name);
    }
    if (bytes.byteLength !== into.length) throw new FileChangedError(this.name);
    into.set(new Uint8Array(bytes));
  }

  async close(): Promise<void> {}
}
