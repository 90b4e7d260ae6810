/**
 * A stream of a session as web streams. Nothing is buffered here: a write waits until the engine
 * has taken its bytes, and a read takes from the engine what it hands on, so that windows are
 * granted at the reader's pace.
 */

import { TRANSFER_EXPEDITED_BYTES_MAX } from '../engine/generated/limits.ts';
import { StreamResetError, TransferEventKind } from '../engine/generated/transfer.ts';
import { checkBytes, checkWhole } from './argument-checks.ts';
import type { EndpointClock } from './endpoint-clock.ts';
import type { EngineStreams } from './engine-streams.ts';
import type { TransferEventOf } from './engine-transfer.ts';
import { TransferError } from './transfer-error.ts';
import { WakeSignal } from './wake-signal.ts';

/** Bytes after which one read hands on no more. */
const READ_BYTES = 65536;
const NOTHING = new Uint8Array(0);

/** What a stream needs of its endpoint. */
export interface StreamLink {
  streams: EngineStreams;
  clock: EndpointClock;
  /** The engine may have something to send. */
  kick(): void;
}

export interface StreamFacts {
  handle: number;
  /** Opened by us. */
  local: boolean;
  bidi: boolean;
  expedited: boolean;
  priority: number;
  /** What the opener said. */
  metadata: Uint8Array;
}

export class TransferStream {
  readonly local: boolean;
  readonly bidi: boolean;
  /** Without flow control: it holds at most 65,536 bytes each way. */
  readonly expedited: boolean;
  readonly metadata: Uint8Array;
  /** undefined: a stream of ours that goes one way. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** undefined: a stream of the peer's that goes one way. */
  readonly writable: WritableStream<Uint8Array> | undefined;
  /** Resolves when all is over on it, also what we sent has arrived; rejects if it was cut off. */
  readonly done: Promise<void>;
  private readonly link: StreamLink;
  private readonly handle: number;
  private readonly changed = new WakeSignal();
  private priorityNow: number;
  private written = 0;
  /** The engine knows that nothing more is written. */
  private isFinished = false;
  private consumed = 0;
  /** Of a piece that was larger than what its reader had room for. */
  private rest: Uint8Array = NOTHING;
  /** All that the peer will send; undefined: not known. */
  private total: number | undefined;
  private readError: TransferError | undefined;
  private writeError: unknown;
  /** Why the session is over. */
  private cutError: TransferError | undefined;
  private writer: WritableStreamDefaultController | undefined;
  private settle: { resolve: () => void; reject: (error: unknown) => void };

  constructor(link: StreamLink, facts: StreamFacts) {
    this.link = link;
    this.handle = facts.handle;
    this.local = facts.local;
    this.bidi = facts.bidi;
    this.expedited = facts.expedited;
    this.metadata = facts.metadata;
    this.priorityNow = facts.priority;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.settle = { resolve, reject };
    promise.catch(() => {}); // nobody has to look
    if (facts.bidi || !facts.local) this.readable = this.makeReadable();
    if (facts.bidi || facts.local) this.writable = this.makeWritable();
  }

  /** 0 to 255, higher first. */
  get priority(): number {
    return this.priorityNow;
  }

  /** @throws TypeError, RangeError */
  setPriority(priority: number): void {
    checkWhole('priority', priority, 0, 255);
    if (!this.link.streams.setPriority(this.handle, priority)) return;
    this.priorityNow = priority;
    this.link.kick();
  }

  /** The endpoint's: an event of this stream. */
  take({ kind, value, code }: TransferEventOf): void {
    if (kind === TransferEventKind.STREAM_FINISHED) this.total = value;
    else if (kind === TransferEventKind.STREAM_RESET) {
      const message = 'the peer gave up sending';
      this.readError = new TransferError('ANDVARI_STREAM_RESET', message, code);
    } else if (kind === TransferEventKind.STREAM_STOPPED) {
      const message = 'the peer wants no more';
      this.stopWriting(new TransferError('ANDVARI_STREAM_STOPPED', message, code));
    } else if (kind === TransferEventKind.STREAM_GONE) {
      const error = this.readError ?? this.writeError;
      if (error) this.settle.reject(error);
      else this.settle.resolve();
    }
    this.changed.raise();
  }

  /**
   * The endpoint's: the session is over. What came in order can still be read, for a time; then the
   * reader has this error, unless the peer had sent all.
   */
  cutOff(error: TransferError): void {
    this.cutError ??= error;
    this.stopWriting(error);
    if (this.writable) this.fail(error);
    this.changed.raise();
  }

  /** The endpoint's: the engine has nothing of it any more. */
  lost(error: TransferError): void {
    if (this.consumed !== this.total) this.fail(error);
    else if (!this.writable) this.settle.resolve();
    this.cutOff(error);
  }

  /** With what came first: a stream that had been refused was not ended by the session's end. */
  private fail(error: unknown): void {
    this.settle.reject(this.readError ?? this.writeError ?? error);
  }

  private stopWriting(error: TransferError): void {
    if (this.writeError) return;
    this.writeError = error;
    this.writer?.error(error);
  }

  /** Nothing more of ours goes, and the peer hears of it; unless there is an end already. */
  private giveUp(error: unknown): void {
    if (this.writeError) return;
    this.writeError = error;
    this.link.streams.reset(this.handle, StreamResetError.NONE);
    this.fail(error);
    this.changed.raise();
    this.link.kick();
  }

  private makeReadable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      type: 'bytes',
      pull: (controller) => this.pull(controller),
      cancel: () => {
        this.link.streams.stop(this.handle);
        this.link.kick();
      },
    });
  }

  /** Waits until there is something for the reader: bytes, the end, an error. */
  private async pull(controller: ReadableByteStreamController): Promise<void> {
    for (;;) {
      if (this.readError) throw this.readError;
      const bytes = this.handOn(controller);
      this.consumed += bytes;
      if (bytes) this.link.kick();
      else if (this.cutError) this.total ??= this.link.streams.totalOf(this.handle);
      if (this.consumed === this.total) {
        if (this.cutError) this.lost(this.cutError);
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      if (bytes) return;
      if (this.cutError) {
        this.settle.reject(this.cutError);
        throw this.cutError;
      }
      await this.changed.wait();
    }
  }

  /** Gives the reader what has come, in its own memory if it has brought some; how many bytes. */
  private handOn(controller: ReadableByteStreamController): number {
    const request = controller.byobRequest;
    if (!request?.view) {
      const take = (bytes: Uint8Array) => controller.enqueue(new Uint8Array(bytes));
      const { rest } = this;
      this.rest = NOTHING;
      if (rest.length > 0) take(rest);
      return rest.length + this.link.streams.read(this.handle, take, READ_BYTES);
    }
    const { buffer, byteOffset, byteLength } = request.view;
    const into = new Uint8Array(buffer, byteOffset, byteLength);
    let done = 0;
    const take = (bytes: Uint8Array) => {
      const fits = bytes.subarray(0, into.length - done);
      into.set(fits, done);
      done += fits.length;
      if (fits.length < bytes.length) this.rest = bytes.slice(fits.length);
    };
    const { rest } = this;
    this.rest = NOTHING;
    if (rest.length > 0) take(rest);
    // The engine hands on whole pieces: of the last one some may be left for the next reader.
    if (done < byteLength) this.link.streams.read(this.handle, take, byteLength - done);
    if (done > 0) request.respond(done);
    return done;
  }

  private makeWritable(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      start: (controller) => {
        this.writer = controller;
        // Not the sink's abort(): a write that waits for room would hold it up.
        controller.signal.addEventListener('abort', () => {
          if (this.isFinished) return; // no abort() undoes what has gone
          const message = 'the stream was given up here';
          this.giveUp(new TransferError('ANDVARI_STREAM_STATE', message));
        });
      },
      write: (chunk) => this.write(chunk),
      close: () => {
        if (!this.link.streams.finish(this.handle)) {
          throw new TransferError('ANDVARI_STREAM_STATE', 'the stream cannot be finished');
        }
        this.isFinished = true;
        this.link.kick();
      },
    });
  }

  /** A sink whose write fails is asked for nothing any more, not even abort(). */
  private async write(chunk: Uint8Array): Promise<void> {
    try {
      await this.writeAll(chunk);
    } catch (error) {
      this.giveUp(error);
      throw error;
    }
  }

  private async writeAll(chunk: Uint8Array): Promise<void> {
    checkBytes('a chunk', chunk);
    this.checkFits(chunk);
    const { length } = chunk;
    for (let done = 0; done < length; ) {
      if (this.writeError) throw this.writeError;
      if (chunk.length !== length) throw new TypeError('the chunk was transferred while it went');
      const rest = chunk.subarray(done);
      const bytes = this.link.streams.write(this.handle, this.written, rest);
      this.written += bytes;
      done += bytes;
      if (bytes) this.link.kick();
      if (done < length) await this.changed.wait();
    }
  }

  /** What would never find room is told at once, and nothing of it goes. */
  private checkFits({ length }: Uint8Array): void {
    if (!this.expedited || this.written + length <= TRANSFER_EXPEDITED_BYTES_MAX) return;
    const left = TRANSFER_EXPEDITED_BYTES_MAX - this.written;
    const most = TRANSFER_EXPEDITED_BYTES_MAX;
    const message = `an expedited stream holds ${most} bytes: ${length} for ${left}`;
    throw new TransferError('ANDVARI_STREAM_FULL', message);
  }
}
