/** Records over a stream, one after the other, both ways. */
import { type FileRecord, RecordReader } from './file-records.ts';
import { PieceReader } from './piece-reader.ts';

/** What carries them: a TransferStream that goes both ways, or anything with the same two ends. */
export interface DuplexStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Resolves or rejects when all is over on it, and what was written has arrived. */
  readonly done: Promise<void>;
}

/** So long the last word of a stream may take to arrive; whoever waits for it waits no longer. */
const LAST_WORD_MS = 10_000;

/** A stream that goes both ways; throws TypeError for one that does not. */
export function duplexOf({
  readable,
  writable,
  done,
}: {
  [End in keyof DuplexStream]: DuplexStream[End] | undefined;
}): DuplexStream {
  if (readable && writable && done) return { readable, writable, done };
  throw new TypeError('wanted a stream that goes both ways');
}

export class RecordStream {
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private readonly reader: PieceReader;
  private readonly records = new RecordReader();
  private readonly done: Promise<void>;
  /** Of what has come: those that nobody has asked for yet. */
  private ready: Iterator<FileRecord> | undefined;

  constructor({ readable, writable, done }: DuplexStream) {
    this.done = done;
    this.reader = new PieceReader(readable);
    this.writer = writable.getWriter();
    this.writer.closed.catch(() => {}); // whoever writes is told
  }

  /** Resolves when the stream has taken it; rejects when it takes no more. */
  write(record: Uint8Array): Promise<void> {
    return this.writer.write(record);
  }

  /**
   * The next record, whose bytes are good until the one behind it is asked for; undefined: the peer
   * has finished.
   * @throws FileRecordError: nonsense came, or the end in the middle of a record; else what the
   * stream ended with
   */
  async read(): Promise<FileRecord | undefined> {
    for (;;) {
      const next = this.ready?.next();
      if (next && !next.done) return next.value;
      const piece = await this.reader.read();
      if (!piece) return this.end();
      this.ready = this.records.feed(piece);
    }
  }

  /** Waits for something, as long as the peer takes records; rejects with what ended that. */
  async whileTaken(waiting: Promise<void>): Promise<void> {
    await Promise.race([waiting, this.writer.closed]);
  }

  /** Nothing more is written; resolves when that has been taken. */
  async finish(): Promise<void> {
    await this.writer.close();
  }

  /** Resolves when all has arrived and nothing more comes, or after ten seconds. */
  async over(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_WORD_MS);
    await Promise.race([this.done.catch(() => {}), late]);
    clearTimeout(timer);
  }

  /** Nothing more is read: the peer is stopped. */
  stopReading(): void {
    this.reader.cancel().catch(() => {}); // there is nothing to stop
  }

  /** Ends both ways at once; never rejects. */
  async abandon(reason: unknown): Promise<void> {
    await Promise.allSettled([this.writer.abort(reason), this.reader.cancel(reason)]);
  }

  private end(): undefined {
    this.records.end();
  }
}
