/**
 * Streams that a peer has opened and the application has not taken yet: the queue behind
 * TransferSession.incoming. Only what was told of them is kept; web streams are made for those that
 * are taken. How many there can be is the engine's bound (EngineStreams.accepted).
 */
import { TransferEventKind } from '../engine/generated/transfer.ts';
import type { TransferEventOf } from './engine-transfer.ts';
import type { StreamFacts, TransferStream } from './transfer-stream.ts';
import { WakeSignal } from './wake-signal.ts';

/**
 * What is still true when a stream is taken, and told once. What there is to read shows then; a
 * hash is a hint, and a peer may repeat it as often as it likes.
 */
const LASTING: ReadonlySet<number> = new Set([
  TransferEventKind.STREAM_FINISHED,
  TransferEventKind.STREAM_RESET,
  TransferEventKind.STREAM_STOPPED,
  TransferEventKind.STREAM_GONE,
]);

/** A stream that waits, and what has happened on it. */
export interface Untaken {
  facts: StreamFacts;
  events: TransferEventOf[];
}

/** What becomes of streams. */
export interface IncomingListener {
  /** The application takes one. */
  taken(untaken: Untaken): TransferStream;
  /** The application takes none. */
  refused(untaken: Untaken): void;
}

export class IncomingStreams {
  readonly readable: ReadableStream<TransferStream>;
  private readonly listener: IncomingListener;
  private readonly arrived = new WakeSignal();
  private queue: Untaken[] = [];
  /** By handle, as long as the engine has them. */
  private readonly live = new Map<number, Untaken>();
  private isOver = false;
  private isCancelled = false;

  constructor(listener: IncomingListener) {
    this.listener = listener;
    this.readable = new ReadableStream<TransferStream>(
      {
        pull: (controller) => this.pull(controller),
        cancel: () => {
          this.isCancelled = true;
          for (const untaken of this.queue.splice(0)) this.listener.refused(untaken);
          this.live.clear();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** How many wait. */
  get size(): number {
    return this.queue.length;
  }

  opened(facts: StreamFacts): void {
    const untaken = { facts, events: [] };
    if (this.isCancelled) {
      this.listener.refused(untaken);
      return;
    }
    this.queue.push(untaken);
    this.live.set(facts.handle, untaken);
    this.arrived.raise();
  }

  /** An event of a stream; false: it does not wait here. */
  take(event: TransferEventOf): boolean {
    const untaken = this.live.get(event.stream);
    if (!untaken) return false;
    if (event.kind === TransferEventKind.STREAM_GONE) this.live.delete(event.stream);
    const isNew = !untaken.events.some(({ kind }) => kind === event.kind);
    if (LASTING.has(event.kind) && isNew) untaken.events.push(event);
    return true;
  }

  /** No more will come; those that wait can be taken. */
  end(): void {
    this.isOver = true;
    this.arrived.raise();
  }

  private async pull(controller: ReadableStreamDefaultController<TransferStream>): Promise<void> {
    for (;;) {
      const untaken = this.queue.shift();
      if (untaken) {
        this.live.delete(untaken.facts.handle);
        controller.enqueue(this.listener.taken(untaken));
        return;
      }
      if (this.isOver) return controller.close();
      await this.arrived.wait();
      if (this.isCancelled) return;
    }
  }
}
