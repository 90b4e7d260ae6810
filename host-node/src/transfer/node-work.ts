/** What has begun at a node and has not ended: how much of it there may be, and the end of all. */
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { TransferNodeError } from './transfer-node-error.ts';

/** So long peers may take to hear that what they take part in is cancelled. */
const LAST_WORD_MS = 1_000;

/** One thing that a node does, for as long as `completion` is open. */
export interface Work {
  readonly completion: Promise<unknown>;
  /** Ends it. */
  cancel(): Promise<void>;
}

/** What is closed behind it; undefined: it was somebody else's. */
type Own = { close(): Promise<unknown> } | undefined;

export class NodeWork {
  readonly #most: number;
  readonly #running = new Set<Work>();
  /** What begins, and what is to be put away behind that which has ended. */
  readonly #begun = new Set<Promise<unknown>>();
  readonly #ends = new Set<Promise<unknown>>();
  /** Aborted when the node is shut down. */
  readonly #over = new AbortController();

  /** @param most at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** Those that have not ended, in the order in which they began. */
  get transfers(): FileTransfer[] {
    return [...this.#running].filter((work) => work instanceof FileTransfer);
  }

  /** @throws TransferNodeError ANDVARI_NODE_CLOSED */
  checkOpen(): void {
    this.#over.signal.throwIfAborted();
  }

  /** Aborted with the node too. */
  either(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#over.signal]) : this.#over.signal;
  }

  /**
   * What begins, if there may be one more; it is one of the node's until it ends.
   * @throws TransferNodeError; what `begin` does
   */
  async counted<Kind extends Work>(begin: () => Promise<Kind>): Promise<Kind> {
    this.checkOpen();
    if (this.#running.size + this.#begun.size >= this.#most) {
      const message = `${this.#most} transfers at once are enough: one has to end first`;
      throw new TransferNodeError('ANDVARI_TOO_MANY_TRANSFERS', message);
    }
    const beginning = begin();
    this.#begun.add(beginning);
    try {
      const work = await beginning;
      this.#running.add(work);
      const over = () => void this.#running.delete(work);
      work.completion.then(over, over);
      // Shut down meanwhile: nobody else has seen it.
      if (this.#over.signal.aborted) await work.cancel();
      return work;
    } finally {
      this.#begun.delete(beginning);
    }
  }

  /** Closes these behind the work; the signal ends it before. */
  putAway(work: Work, own: readonly Own[], signal: AbortSignal): void {
    const stop = () => void work.cancel();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const over = async () => {
      signal.removeEventListener('abort', stop);
      await Promise.allSettled(own.map((one) => one?.close()));
    };
    const end = work.completion.then(over, over).finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  /** Cancels all and takes no more; resolves when peers have heard of it, or some time later. */
  async stop(): Promise<void> {
    this.#over.abort(new TransferNodeError('ANDVARI_NODE_CLOSED', 'the node is shut down'));
    const cancels = [...this.#running].map((work) => work.cancel());
    // Who has not decided yet about what we offer does not listen.
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_WORD_MS);
    await Promise.race([Promise.allSettled(cancels), late]);
    clearTimeout(timer);
  }

  /** Resolves behind the endpoint's end, with which whatever has not begun or ended does. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#begun);
    await Promise.allSettled(this.#ends);
  }
}
