/** What peers offer a node, one after the other, until somebody wants no more of it. */
import type { Way } from '@andvari/host-common/transfer/far-end';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { FileEntry, TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import type { FileReceiver, OfferedFile } from './files/file-receiver.ts';

export interface AcceptOptions {
  /** The folder where it goes [what receive() was given]. */
  into?: string;
  /** Told of each file of a folder that has come whole. */
  onEntry?: (file: FileEntry) => void;
}

export interface ReceiverOptions {
  /** The folder where files go, unless accept() is given another. */
  into?: string | undefined;
  /** Asked first, one offer after the other; what it does not want is refused and not shown. */
  accept?: ((offer: TransferOffer) => boolean | Promise<boolean>) | undefined;
}

type Counted = (begin: () => Promise<FileTransfer>) => Promise<FileTransfer>;

/** A file or a folder that a peer offers; it waits until it is accepted or rejected. */
export class TransferOffer {
  readonly #offered: OfferedFile;
  readonly #counted: Counted;
  readonly #into: string | undefined;

  /** @param counted begins a transfer of the node, if it may have one more */
  constructor(offered: OfferedFile, counted: Counted, into: string | undefined) {
    this.#offered = offered;
    this.#counted = counted;
    this.#into = into;
  }

  /** As its sender calls it; no folder is named in it. */
  get name(): string {
    return this.#offered.offer.name;
  }

  /** Bytes, of a folder those of its list too. */
  get size(): number {
    return this.#offered.offer.size;
  }

  /** What is in a folder, verified; undefined: it is a file. */
  get manifest(): TreeManifest | undefined {
    return this.#offered.manifest;
  }

  /** Who offers it: an Ed25519 key, 32 bytes. */
  get peerId(): Uint8Array {
    return this.#offered.peerId;
  }

  /** How it comes: directly, or through a relay. */
  get way(): Way {
    return this.#offered.way;
  }

  /** Of the session, for two people to compare. */
  get authenticationString(): string {
    return this.#offered.authenticationString;
  }

  /**
   * Takes it. What is in the folder already is not replaced, it gets another name; what came in
   * part goes on; if it comes already from another peer, the transfer is the same.
   * @throws TypeError: no folder was given; TransferNodeError: too many transfers, then it can be
   * accepted later, or the node is shut down; what PartFile.open() does, which its sender is told
   */
  async accept({ into = this.#into, onEntry }: AcceptOptions = {}): Promise<FileTransfer> {
    if (into === undefined) throw new TypeError('into: wanted a folder, here or in receive()');
    return this.#counted(() => this.#offered.accept(into, onEntry));
  }

  /** Tells the sender that it is not wanted. */
  reject(): Promise<void> {
    return this.#offered.refuse();
  }
}

/**
 * Offers, for one `for await`. Those that come while nobody asks wait, 64 at the most; those that
 * come when the loop has been left are refused.
 */
export class TransferReceiver implements AsyncIterable<TransferOffer, void> {
  readonly #receiver: FileReceiver;
  readonly #options: ReceiverOptions;
  readonly #counted: Counted;

  constructor(receiver: FileReceiver, counted: Counted, options: ReceiverOptions) {
    this.#receiver = receiver;
    this.#counted = counted;
    this.#options = options;
  }

  /** Ends with the node, or with the session that it takes from. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TransferOffer, void> {
    const reader = this.#receiver.offers.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const offer = new TransferOffer(next.value, this.#counted, this.#options.into);
        if (await this.#isWanted(offer)) yield offer;
        else await offer.reject();
      }
    } finally {
      void refuseAll(reader);
    }
  }

  async #isWanted(offer: TransferOffer): Promise<boolean> {
    const { accept } = this.#options;
    if (!accept) return true;
    try {
      return (await accept(offer)) === true;
    } catch (error) {
      await offer.reject();
      throw error;
    }
  }
}

/** Until there are no more offers. */
async function refuseAll(reader: ReadableStreamDefaultReader<OfferedFile>): Promise<void> {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      await next.value.refuse();
    }
  } catch {
    // Whoever was in the loop has been told.
  }
}
