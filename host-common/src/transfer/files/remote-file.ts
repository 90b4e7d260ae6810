/**
 * A file that one or several sources have, read here and there without being fetched whole: only
 * the chunks that are read travel, each is checked as in a download, and nothing is kept but the
 * last few in memory.
 */
import { unlessAborted } from '../../ratatoskr/client/time-limit.ts';
import { checkChunk, checkValues } from './chunk-values.ts';
import type { Download, DownloadSource } from './download-source.ts';
import {
  DownloadSources,
  type LostSource,
  SILENCE_MS,
  type SourcesUser,
} from './download-sources.ts';
import { CHUNK_BYTES, chunkCount, type FileHash } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import { RejectCode } from './file-records.ts';
import { FileTransferError } from './file-transfer-error.ts';
import { type Coming, IN_FLIGHT, ReadPlan } from './read-plan.ts';
import type { DuplexStream, RecordStream } from './record-stream.ts';
import type { SourceState } from './source-state.ts';

/** 4 MiB: who reads a little at a time, or backwards, is not sent a chunk twice. */
const KEPT_CHUNKS = 16;

/** Bytes that a file does not have, or no bytes at all. */
export class FileRangeError extends RangeError {
  override readonly name = 'FileRangeError';
  readonly code = 'ANDVARI_FILE_RANGE';
}

export interface RemoteFileOptions {
  offer: FileOffer;
  /** Used within single turns of the event loop, so that several can share it. */
  hash: FileHash;
  /** A source that says nothing for so long, though it was asked, is dropped [60 s]. */
  silenceMs?: number;
}

export interface ReadOptions {
  /** Gives it up: the read rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** Whole bytes of a file, `end` behind the last. */
interface Span {
  start: number;
  end: number;
}

export class RemoteFile implements Download, SourcesUser {
  /** Resolves when it is closed; rejects with why all sources have gone. */
  readonly completion: Promise<void>;
  readonly offer: FileOffer;
  readonly plan = new ReadPlan<DownloadSource>();
  readonly silenceMs: number;
  readonly haveChunks = 0;
  readonly isPaused = false;
  private readonly hash: FileHash;
  private readonly crowd: DownloadSources;
  private readonly settle = Promise.withResolvers<void>();
  /** The last that were read, the oldest first. */
  private readonly kept = new Map<number, Uint8Array>();
  private known: Uint8Array | undefined;
  /** What every read is told from now on. */
  private end: { error: unknown } | undefined;

  constructor({ offer, hash, silenceMs = SILENCE_MS }: RemoteFileOptions) {
    this.offer = offer;
    this.hash = hash;
    this.silenceMs = silenceMs;
    this.crowd = new DownloadSources(this, this);
    this.completion = this.settle.promise;
    this.completion.catch(() => {}); // nobody has to look
  }

  /** Bytes. */
  get size(): number {
    return this.offer.size;
  }

  /** Of all chunks, as far as they are known; that of a file of one chunk is its hash. */
  get values(): Uint8Array | undefined {
    const count = chunkCount(this.offer.size);
    if (count === 0) return new Uint8Array(0);
    return count === 1 ? this.offer.hash : this.known;
  }

  get isOver(): boolean {
    return this.end !== undefined;
  }

  /** What each has brought; of those that have gone `lost` tells why. */
  get sources(): SourceState[] {
    return this.crowd.states;
  }

  get lost(): readonly LostSource[] {
    return this.crowd.lost;
  }

  /**
   * Takes a stream on which this file was offered.
   * @throws FileTransferError ANDVARI_TRANSFER_REFUSED: there are enough, it has lied before, or
   * the file is closed; its sender is told so
   */
  add(stream: DuplexStream | RecordStream, name: string): void {
    this.crowd.add(stream, name, this.isOver ? 'the file is closed' : undefined);
  }

  /** As of a FileDownload. */
  expectSource(): () => void {
    return this.crowd.expect();
  }

  miss(name: string, error: unknown): void {
    this.crowd.miss(name, error);
  }

  /** Resolves when all sources have heard how it ended, or do not hear it. */
  over(): Promise<void> {
    return this.crowd.over();
  }

  /**
   * Up to `length` bytes from `offset` on, fewer where the file ends; none at its end. Several may
   * read at once.
   * @throws FileRangeError: no whole numbers, or an offset behind the end; FileTransferError: it is
   * closed, or what the last source ended with; the reason of the signal
   */
  async read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const span = this.spanOf(offset, length);
    const bytes = new Uint8Array(span.end - span.start);
    let at = 0;
    for await (const piece of this.pieces(span, options)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /**
   * The same bytes piece by piece, of 256 KiB at the most, without `length` to the end: so much is
   * in memory as is on its way, four chunks from each source. Whoever leaves the loop asks for
   * nothing more. Throws and rejects as read().
   */
  stream(
    offset = 0,
    length: number = Number.MAX_SAFE_INTEGER,
    options?: ReadOptions,
  ): AsyncGenerator<Uint8Array, void> {
    return this.pieces(this.spanOf(offset, length), options);
  }

  /** No more is read; those that still are, are told. Sources are let go. */
  close(): void {
    const error = new FileTransferError('ANDVARI_TRANSFER_CANCELLED', 'the file is closed');
    if (this.finish(error, RejectCode.ENOUGH)) this.settle.resolve();
  }

  takeValues(values: Uint8Array): Promise<void> {
    const { values: known, offer, hash } = this;
    checkValues(values, { known, offer, hash });
    if (!known) this.known = values;
    this.crowd.ask();
    return Promise.resolve();
  }

  takeChunk(source: DownloadSource, index: number, bytes: Uint8Array): Promise<void> {
    const { offer, values, hash } = this;
    checkChunk({ index, bytes }, { offer, values, hash });
    // They are good until the next record.
    const own = bytes.slice();
    if (this.plan.came(source, index, own)) source.hasBrought(own.length);
    this.keep(index, own);
    return Promise.resolve();
  }

  isLate(source: DownloadSource): void {
    this.plan.isLate(source);
    this.crowd.ask();
  }

  left(source: DownloadSource): void {
    this.plan.left(source);
  }

  allGone(error: unknown): void {
    if (this.finish(error, RejectCode.CANCELLED)) this.settle.reject(error);
  }

  private finish(error: unknown, code: number): boolean {
    if (this.end) return false;
    this.end = { error };
    this.plan.failAll(error);
    this.kept.clear();
    this.crowd.reject(code);
    return true;
  }

  private spanOf(offset: number, length: number): Span {
    const { size } = this.offer;
    checkPlace('offset', offset);
    checkPlace('length', length);
    if (offset <= size) return { start: offset, end: Math.min(size, offset + length) };
    throw new FileRangeError(`the file has ${size} bytes, none at ${offset}`);
  }

  private async *pieces(
    { start, end }: Span,
    { signal }: ReadOptions = {},
  ): AsyncGenerator<Uint8Array, void> {
    const last = Math.ceil(end / CHUNK_BYTES) - 1;
    const coming = new Map<number, Coming>();
    try {
      this.checkOpen(signal);
      for (let index = Math.floor(start / CHUNK_BYTES); start < end && index <= last; index++) {
        this.wantUpTo(Math.min(last, index + this.ahead - 1), { from: index, coming });
        const { chunk, release } = coming.get(index) as Coming;
        const bytes = await (signal ? unlessAborted(chunk, signal) : chunk);
        this.checkOpen(signal);
        release();
        coming.delete(index);
        const at = index * CHUNK_BYTES;
        // A copy: the chunk may be read again.
        yield bytes.slice(Math.max(0, start - at), end - at);
      }
    } finally {
      for (const { release } of coming.values()) release();
    }
  }

  private checkOpen(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.end) throw this.end.error;
  }

  /** Four from each source: they are asked for while those before them are read. */
  private get ahead(): number {
    return IN_FLIGHT * Math.max(1, this.crowd.asked.length);
  }

  private wantUpTo(
    last: number,
    { from, coming }: { from: number; coming: Map<number, Coming> },
  ): void {
    for (let index = from; index <= last; index++) {
      if (!coming.has(index)) coming.set(index, this.chunkAt(index));
    }
    this.crowd.ask();
  }

  private chunkAt(index: number): Coming {
    const kept = this.kept.get(index);
    if (!kept) return this.plan.want(index);
    this.keep(index, kept);
    return { chunk: Promise.resolve(kept), release: () => {} };
  }

  private keep(index: number, bytes: Uint8Array): void {
    this.kept.delete(index);
    this.kept.set(index, bytes);
    const [oldest] = this.kept.keys();
    if (this.kept.size > KEPT_CHUNKS && oldest !== undefined) this.kept.delete(oldest);
  }
}

function checkPlace(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw new FileRangeError(`${name}: wanted a whole number from 0 on, got ${String(value)}`);
}
