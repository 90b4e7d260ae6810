/**
 * A node that sends files and receives them (seed 002 section 9), over an endpoint that is open.
 * Sessions are shared: all files between two nodes go over one.
 */
import { nameOf } from '@andvari/host-common/transfer/byte-strings';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import {
  type IncomingFile,
  incomingFiles,
  offerFile,
} from '@andvari/host-common/transfer/files/file-exchange';
import type { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import type { SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { Identity } from '@andvari/host-common/transfer/identity';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { PartFile } from './part-file.ts';

/** Offers that wait for somebody to decide; more are refused. */
const OFFERS_MAX = 64;

export interface FileNodeOptions {
  endpoint: TransferEndpoint;
  /** The endpoint's. */
  identity: Identity;
  /** Of this node alone, 32 bytes: what it keeps beside a part of a file is believed by it. */
  secret: Uint8Array;
  hash: FileHash;
}

/** Who is called, and where. */
export interface PeerPlace {
  /** An Ed25519 key. */
  peerId: Uint8Array;
  /** As the endpoint's transport takes it. */
  farEnd: Uint8Array;
}

/** A file that somebody offers, until it is accepted or refused. */
export interface OfferedFile {
  readonly offer: FileOffer;
  readonly peerId: Uint8Array;
  /**
   * Takes it into a folder. A file that comes already has one source more then.
   * @throws what PartFile.open() does: then the sender is told that there is no place
   */
  accept(folder: string): Promise<FileTransfer>;
  refuse(): Promise<void>;
}

interface Coming {
  download: FileDownload;
  transfer: FileTransfer;
}

export class FileNode {
  /** What peers offer. */
  readonly offers: ReadableStream<OfferedFile>;
  readonly #options: FileNodeOptions;
  readonly #sessions = new Map<string, Promise<TransferSession>>();
  /** Files that come now, by folder and hash. */
  readonly #coming = new Map<string, Promise<Coming>>();
  #controller!: ReadableStreamDefaultController<OfferedFile>;

  constructor(options: FileNodeOptions) {
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

  /** This node: an Ed25519 key. */
  get publicKey(): Uint8Array {
    return this.#options.identity.peerId;
  }

  /** The session with a peer, ours or theirs; a new one if there is none. */
  connect({ peerId, farEnd }: PeerPlace, signal?: AbortSignal): Promise<TransferSession> {
    const name = nameOf(peerId);
    const known = this.#sessions.get(name);
    if (known) return known;
    const calling = this.#options.endpoint.connect(peerId, farEnd, signal ? { signal } : {});
    this.#sessions.set(name, calling);
    calling.then(
      (session) => this.#watch(session),
      () => this.#sessions.delete(name),
    );
    return calling;
  }

  /**
   * Offers a file to a peer; the transfer runs when the peer takes it.
   * @param path told as the transfer's result
   */
  async send(file: SentFile, path: string, session: TransferSession): Promise<FileTransfer> {
    const { offer } = file;
    return new FileTransfer(await offerFile(session, file), { offer, path, direction: 'send' });
  }

  /** Ends all sessions; what has come in part is kept. */
  async shutdown(): Promise<void> {
    const ends = [...this.#coming.values()].map(async (it) => (await it).download.cancel());
    await Promise.allSettled(ends);
    await this.#options.endpoint.close();
  }

  async #takeSessions(): Promise<void> {
    const reader = this.#options.endpoint.incoming.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const session = next.value;
      this.#sessions.set(nameOf(session.peerId), Promise.resolve(session));
      this.#watch(session);
    }
    this.#controller.close();
  }

  /** Hears what the peer offers, until the session ends. */
  #watch(session: TransferSession): void {
    const name = nameOf(session.peerId);
    const mine = this.#sessions.get(name);
    void session.closed.then(() => {
      if (this.#sessions.get(name) === mine) this.#sessions.delete(name);
    });
    void this.#takeFiles(session).catch(() => {}); // with the session
  }

  async #takeFiles(session: TransferSession): Promise<void> {
    for await (const file of incomingFiles(session)) {
      if ((this.#controller.desiredSize ?? 0) <= 0) await file.refuse(RejectCode.REFUSED);
      else this.#controller.enqueue(this.#offered(file));
    }
  }

  #offered(file: IncomingFile): OfferedFile {
    return {
      offer: file.offer,
      peerId: file.peerId,
      accept: (folder) => this.#accept(file, folder),
      refuse: () => file.refuse(RejectCode.REFUSED),
    };
  }

  async #accept(file: IncomingFile, folder: string): Promise<FileTransfer> {
    const { offer } = file;
    const key = `${folder}\0${offer.name}\0${offer.size}\0${nameOf(offer.hash)}`;
    const known = this.#coming.get(key);
    const coming = known ?? this.#begin(offer, folder);
    if (!known) this.#coming.set(key, coming);
    try {
      const { download, transfer } = await coming;
      if (!known) {
        // Not finally(): its promise would be rejected, heard by nobody.
        const over = () => void this.#coming.delete(key);
        download.completion.then(over, over);
      }
      download.add(file.take(), peerIdText(file.peerId));
      return transfer;
    } catch (error) {
      if (!known) this.#coming.delete(key);
      await file.refuse(RejectCode.NO_PLACE);
      throw error;
    }
  }

  async #begin(offer: FileOffer, folder: string): Promise<Coming> {
    const { secret, hash } = this.#options;
    const sink = await PartFile.open({ folder, offer, secret, hash });
    const download = new FileDownload({ offer, sink, hash });
    const transfer = new FileTransfer(download, { offer, path: folder, direction: 'receive' });
    return { download, transfer };
  }
}
