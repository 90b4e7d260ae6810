/** What receives files, from all who call an endpoint (seed 002 section 9). */
import { nameOf } from '@andvari/host-common/transfer/byte-strings';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { Way } from '@andvari/host-common/transfer/far-end';
import {
  type IncomingFile,
  incomingFiles,
} from '@andvari/host-common/transfer/files/file-exchange';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { FileTransferError } from '@andvari/host-common/transfer/files/file-transfer-error';
import type { InspectedFolder } from '@andvari/host-common/transfer/files/inspect-folder';
import type { FileEntry, TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { beginDownload, type Coming, type Keeping, type Taken } from './begin-download.ts';

/** Offers that wait for somebody to decide; more are refused. */
const OFFERS_MAX = 64;
/** Folders whose lists are held while nobody has decided; more are refused. */
const FOLDERS_MAX = 4;

export interface FileReceiverOptions extends Keeping {
  endpoint: TransferEndpoint;
}

/** A file or a folder that somebody offers, until it is accepted or refused. */
export interface OfferedFile {
  readonly offer: FileOffer;
  /** What is in the folder, verified; undefined: it is a file. */
  readonly manifest: TreeManifest | undefined;
  readonly peerId: Uint8Array;
  /** Of the session, for two people to compare. */
  readonly authenticationString: string;
  readonly way: Way;
  /**
   * Takes it into a folder. A file that comes already has one source more then.
   * @param onEntry told of each file of a folder that has come whole; not of one with no bytes,
   *   nor when the folder comes already
   * @throws what PartFile.open() does: then the sender is told that there is no place
   */
  accept(folder: string, onEntry?: (file: FileEntry) => void): Promise<FileTransfer>;
  refuse(): Promise<void>;
}

export class FileReceiver {
  /** What peers offer. */
  readonly offers: ReadableStream<OfferedFile>;
  readonly #options: FileReceiverOptions;
  /** Files that come now, by folder and hash. */
  readonly #coming = new Map<string, Promise<Coming>>();
  /** What senders are still to be told. */
  readonly #words = new Set<Promise<unknown>>();
  #hasEnded = false;
  /** Folders that are looked through, or wait for somebody to decide. */
  #undecided = 0;
  #controller!: ReadableStreamDefaultController<OfferedFile>;

  constructor(options: FileReceiverOptions) {
    this.#options = options;
    const room = { highWaterMark: OFFERS_MAX };
    this.offers = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
      },
      room,
    );
    void this.#takeSessions();
  }

  /**
   * What a peer offers on a session that we have opened; with it the offers end, with an error if
   * it offers a folder that is none.
   */
  takeFrom(session: TransferSession): void {
    // Whoever is asked may take his time.
    session.keepalive(true);
    const over = () => this.#endOffers();
    this.#takeFiles(session, (error) => this.#endOffers(error)).then(over, over);
  }

  /** Ends all that comes, then the endpoint; what has come in part is kept. */
  async close(): Promise<void> {
    const ends = [...this.#coming.values()].map(async (it) => (await it).download.cancel());
    await Promise.allSettled(ends);
    await Promise.allSettled(this.#words);
    await this.#options.endpoint.close();
  }

  async #takeSessions(): Promise<void> {
    const reader = this.#options.endpoint.incoming.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      this.#takeFiles(next.value).catch(() => {}); // with the session
    }
    this.#endOffers();
  }

  #endOffers(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (error === undefined) this.#controller.close();
    else this.#controller.error(error);
  }

  /** What a peer offers, until the session ends. @param bad told of a folder that is none */
  async #takeFiles(session: TransferSession, bad?: (error: unknown) => void): Promise<void> {
    let folders: Promise<unknown> = Promise.resolve();
    let waiting = 0;
    for await (const file of incomingFiles(session)) {
      const isRoom = (this.#controller.desiredSize ?? 0) > waiting;
      if (!isRoom) this.#say(file.refuse(RejectCode.REFUSED));
      else if (!file.offer.isFolder) this.#offer(file, undefined);
      else {
        // Of one peer one at a time, until it is decided: each may have a long list.
        waiting++;
        folders = folders.then(() => this.#inspect(file, bad)).finally(() => waiting--);
      }
    }
  }

  /** Nobody is asked about a folder whose list is not in order. Resolves when it is decided. */
  async #inspect(file: IncomingFile, bad?: (error: unknown) => void): Promise<void> {
    if (this.#undecided >= FOLDERS_MAX) {
      this.#say(file.refuse(RejectCode.REFUSED));
      return;
    }
    this.#undecided++;
    try {
      const inspected = await file.inspect(this.#options.hash);
      await new Promise<void>((decided) => this.#offer(file, inspected, decided));
    } catch (error) {
      const isOther = (error as { code?: unknown }).code === 'ANDVARI_TRANSFER_INTEGRITY';
      this.#say(file.refuse(isOther ? RejectCode.INTEGRITY : RejectCode.PROTOCOL));
      bad?.(isOther ? error : noFolder(error));
    } finally {
      this.#undecided--;
    }
  }

  #offer(file: IncomingFile, inspected: InspectedFolder | undefined, decided = () => {}): void {
    // Who offers when nobody is asked any more is told by the end of the session.
    if (this.#hasEnded) {
      decided();
      return;
    }
    this.#controller.enqueue({
      offer: file.offer,
      manifest: inspected?.manifest,
      peerId: file.peerId,
      authenticationString: file.authenticationString,
      way: file.way,
      accept: (folder, onEntry) => {
        decided();
        return this.#accept({ file, inspected, folder, onEntry });
      },
      refuse: async () => {
        decided();
        this.#say(file.refuse(RejectCode.REFUSED));
      },
    });
  }

  async #accept(taken: Taken): Promise<FileTransfer> {
    const { file, folder } = taken;
    const { name, size, hash, isFolder } = file.offer;
    const key = [folder, name, size, nameOf(hash), isFolder].join('\0');
    const known = this.#coming.get(key);
    const coming = known ?? beginDownload(taken, this.#options);
    if (!known) this.#coming.set(key, coming);
    try {
      const { download, transfer } = await coming;
      if (!known) {
        // Not finally(): its promise would be rejected, heard by nobody.
        const over = () => {
          this.#coming.delete(key);
          this.#say(download.over());
        };
        download.completion.then(over, over);
      }
      download.add(file.take(), peerIdText(file.peerId));
      return transfer;
    } catch (error) {
      if (!known) this.#coming.delete(key);
      this.#say(file.refuse(RejectCode.NO_PLACE));
      throw error;
    }
  }

  /** close() waits for it. */
  #say(word: Promise<void>): void {
    this.#words.add(word);
    void word.finally(() => this.#words.delete(word));
  }
}

function noFolder(cause: unknown): FileTransferError {
  const message = `what is offered is no folder: ${(cause as Error).message}`;
  return new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', message, cause);
}
