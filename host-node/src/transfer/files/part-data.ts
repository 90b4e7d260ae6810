/** Where the bytes of something that comes lie until all of it is there: a file, or a folder. */
import type { FileHandle } from 'node:fs/promises';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import { type Beneath, readAll, writeAroundZeros } from './around-zeros.ts';
import { permissionsOf, setMode, setModified } from './file-metadata.ts';
import { atPlace } from './file-place-error.ts';
import type { PartPlace } from './part-place.ts';

/** Of a part: its owner has to be able to open it again. */
const OWNER_MODE = 0o600;

/** Methods reject with FilePlaceError, and with what is named besides. */
export interface PartData {
  /** For people. */
  readonly path: string;
  /** Whether a state that speaks of so many bytes can be that of what is there. */
  fits(size: number): Promise<boolean>;
  /** Where no state of ours is left: rejects with PartInTheWayError if the data are not ours. */
  checkOwn(): Promise<void>;
  /** Makes room for all, and has nothing. */
  clear(): Promise<void>;
  /** False: there is less. */
  read(at: number, into: Uint8Array): Promise<boolean>;
  write(at: number, bytes: Uint8Array): Promise<void>;
  /** What was written lasts through a power cut. When it rejects, it may be gone. */
  flush(): Promise<void>;
  /**
   * All is there: it gets its permissions and times, durably, then its name, or one with a number.
   * What its owner has to keep until then stays for settle().
   * Can be called again when it was rejected. Resolves with the path.
   * @throws PartInTheWayError, NoNameLeftError
   */
  finish(): Promise<string>;
  /** Behind finish(), when nothing else is left of the part: the rest of its permissions. */
  settle(): Promise<void>;
  /** Takes away what is there, or of what has been finished the name that it had before. */
  remove(): Promise<void>;
  close(): Promise<void>;
}

/** A single file, in holes what has not come and what is zeros. */
export class FileData implements PartData {
  readonly #place: PartPlace;
  readonly #file: FileHandle;
  readonly #offer: FileOffer;
  #beneath: Beneath = 'unknown';

  private constructor(place: PartPlace, file: FileHandle, offer: FileOffer) {
    this.#place = place;
    this.#file = file;
    this.#offer = offer;
  }

  /** @throws PartInTheWayError, FilePlaceError */
  static async open(place: PartPlace, offer: FileOffer): Promise<FileData> {
    return new FileData(place, await place.openData(), offer);
  }

  get path(): string {
    return this.#place.dataPath;
  }

  async fits(size: number): Promise<boolean> {
    const { size: there } = await atPlace('read', this.path, () => this.#file.stat());
    return there === size;
  }

  /** A file of that name and our own that nobody can say more of is begun anew. */
  async checkOwn(): Promise<void> {}

  clear(): Promise<void> {
    return atPlace('write', this.path, async () => {
      await this.#file.truncate(0);
      await this.#file.truncate(this.#offer.size);
      this.#beneath = 'zeros';
    });
  }

  read(at: number, into: Uint8Array): Promise<boolean> {
    return atPlace('read', this.path, () => readAll(this.#file, at, into));
  }

  write(at: number, bytes: Uint8Array): Promise<void> {
    const beneath = this.#beneath;
    return atPlace('write', this.path, () => writeAroundZeros(this.#file, { at, bytes, beneath }));
  }

  async flush(): Promise<void> {
    try {
      await atPlace('write', this.path, () => this.#file.datasync());
    } catch (error) {
      this.#beneath = 'lost';
      throw error;
    }
  }

  async finish(): Promise<string> {
    // If this ends half way, somebody has to be able to open the part again.
    await this.#setMetadata(this.#mode | OWNER_MODE);
    return this.#place.giveName(this.#file);
  }

  async settle(): Promise<void> {
    if (this.#mode !== (this.#mode | OWNER_MODE)) await this.#setMetadata(this.#mode);
  }

  get #mode(): number {
    return permissionsOf(this.#offer.mode);
  }

  #setMetadata(mode: number): Promise<void> {
    return atPlace('write', this.#place.path, async () => {
      await setMode(this.#file, mode);
      await setModified(this.#file, this.#offer.modifiedUs);
      await this.#file.sync();
    });
  }

  remove(): Promise<void> {
    return this.#place.remove('data');
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
