/**
 * The receiving end of a file: from one source or several, whoever has it. Each chunk is checked
 * when it comes; a source whose chunk or values are not the file's is dropped, and another one is
 * asked. What has come stays with the sink, whatever happens.
 */
import { checkWhole } from '../argument-checks.ts';
import { ChunkPlan } from './chunk-plan.ts';
import { checkChunk, checkValues } from './chunk-values.ts';
import type { Download, DownloadSource } from './download-source.ts';
import {
  DownloadSources,
  type LostSource,
  SILENCE_MS,
  type SourcesUser,
} from './download-sources.ts';
import { CHUNK_BYTES, chunkCount, chunkLength, type FileHash } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import type { FileSink } from './file-places.ts';
import { RejectCode } from './file-records.ts';
import { FileTransferError } from './file-transfer-error.ts';
import type { DuplexStream, RecordStream } from './record-stream.ts';
import type { SourceState } from './source-state.ts';

export interface DownloadOptions {
  offer: FileOffer;
  sink: FileSink;
  /** Used within single turns of the event loop, so that several downloads can share it. */
  hash: FileHash;
  /** A source that says nothing for so long is dropped [60 s]. */
  silenceMs?: number;
  /** Told of each chunk that has come and is kept. */
  onChunk?: (index: number) => void;
}

export class FileDownload implements Download, SourcesUser {
  /**
   * Where the file is, once it is whole. Rejects with what the sink or the last source ended with;
   * what has come is kept then, unless it was cancelled with `discard`.
   */
  readonly completion: Promise<string>;
  readonly offer: FileOffer;
  readonly plan: ChunkPlan<DownloadSource>;
  readonly silenceMs: number;
  private readonly onChunk: ((index: number) => void) | undefined;
  private readonly sink: FileSink;
  private readonly hash: FileHash;
  private readonly count: number;
  private readonly crowd: DownloadSources;
  private readonly settle: PromiseWithResolvers<string>;
  /** Calls of the sink, one behind the other. */
  private writing: Promise<unknown> = Promise.resolve();
  private bytes: number;
  private paused = false;
  private ended = false;
  /** All has come; it gets its name, or has got it. */
  private isFinishing = false;
  private isWhole = false;

  constructor({ offer, sink, hash, silenceMs = SILENCE_MS, onChunk }: DownloadOptions) {
    this.onChunk = onChunk;
    this.silenceMs = silenceMs;
    this.offer = offer;
    this.sink = sink;
    this.hash = hash;
    this.count = chunkCount(offer.size);
    this.plan = new ChunkPlan(sink.have);
    this.bytes = bytesOf(offer.size, sink);
    this.crowd = new DownloadSources(this, this);
    this.settle = Promise.withResolvers<string>();
    this.completion = this.settle.promise;
    this.completion.catch(() => {}); // nobody has to look
  }

  /** Bytes that are there and verified, those of earlier times too. */
  get doneBytes(): number {
    return this.bytes;
  }

  /** It has come to its end, or gets its name. */
  get isOver(): boolean {
    return this.ended;
  }

  /** Sources that were dropped or have gone. */
  get lost(): readonly LostSource[] {
    return this.crowd.lost;
  }

  /** Told of each source that has come or gone. */
  set onSource(told: ((source: SourceState) => void) | undefined) {
    this.crowd.onSource = told;
  }

  /** Names of those that are asked now. */
  get sourceNames(): string[] {
    return this.crowd.asked.map(({ name }) => name);
  }

  /** What each has brought; of those that have gone `lost` tells why. */
  get sources(): SourceState[] {
    return this.crowd.states;
  }

  get haveChunks(): number {
    return this.sink.have.size;
  }

  get totalBytes(): number {
    return this.offer.size;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** Of all chunks, as far as they are known; that of a file of one chunk is its hash. */
  get values(): Uint8Array | undefined {
    if (this.count === 0) return new Uint8Array(0);
    return this.count === 1 ? this.offer.hash : this.sink.values;
  }

  /**
   * Takes a stream on which this file was offered: it is asked for what is missing. One that comes
   * when all is there is told so.
   * @throws FileTransferError ANDVARI_TRANSFER_REFUSED: there are enough, it has lied before, or
   * the download has failed; its sender is told so
   */
  add(stream: DuplexStream | RecordStream, name: string): void {
    const isClosed = this.ended && !this.isFinishing;
    const source = this.crowd.add(stream, name, isClosed ? 'the transfer has ended' : undefined);
    if (this.isWhole) source.complete(this.offer.hash);
    else if (this.plan.isDone && this.values) void this.complete();
  }

  /**
   * A source is still called: until the function that is given back is called, the download waits
   * for it when all others have gone.
   */
  expectSource(): () => void {
    return this.crowd.expect();
  }

  /** A source that cannot be asked, for those who are told of sources. */
  miss(name: string, error: unknown): void {
    this.crowd.miss(name, error);
  }

  /** Chunks from this byte on are asked for first, from now on. Throws RangeError. */
  seek(offset: number): void {
    checkWhole('offset', offset, 0, Math.max(0, this.offer.size - 1));
    this.plan.seek(Math.floor(offset / CHUNK_BYTES));
  }

  /** What is under way still comes. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.crowd.ask();
  }

  /**
   * Resolves when all sources have heard how it ended, or do not hear it: before that their
   * sessions should not be closed.
   */
  async over(): Promise<void> {
    await this.crowd.over();
  }

  /** Gives it up; `discard`: what has come too. Resolves when that is done. */
  async cancel({ discard = false } = {}): Promise<void> {
    if (this.ended) return;
    const error = new FileTransferError('ANDVARI_TRANSFER_CANCELLED', 'it was cancelled');
    await this.fail(error, RejectCode.CANCELLED, discard);
  }

  async takeValues(values: Uint8Array): Promise<void> {
    const { values: known } = this;
    checkValues(values, { known, offer: this.offer, hash: this.hash });
    if (known) return;
    await this.atSink(async () => {
      if (this.values) return; // of two that were asked the second
      await this.sink.keepValues(values);
      this.bytes = bytesOf(this.offer.size, this.sink);
    });
    if (this.plan.isDone) await this.complete();
    else this.crowd.ask();
  }

  async takeChunk(source: DownloadSource, index: number, bytes: Uint8Array): Promise<void> {
    if (this.sink.have.has(index)) return; // of two that were asked the second
    const { offer, values, hash } = this;
    checkChunk({ index, bytes }, { offer, values, hash });
    await this.atSink(async () => {
      if (this.ended || this.sink.have.has(index)) return;
      await this.sink.write(index, bytes);
      this.bytes += bytes.length;
      this.plan.came(index);
      source.hasBrought(bytes.length);
      this.onChunk?.(index);
    });
    if (this.plan.isDone) await this.complete();
  }

  /** Others are asked for what it was asked for. */
  isLate(source: DownloadSource): void {
    this.plan.isLate(source);
    this.crowd.ask();
  }

  /** The sink's faults end the download: there is nowhere to put anything. */
  private async atSink(work: () => Promise<void>): Promise<void> {
    const before = this.writing;
    const mine = before.then(work);
    this.writing = mine.catch(() => {});
    try {
      await mine;
    } catch (error) {
      await this.fail(error, RejectCode.NO_PLACE);
    }
  }

  private async complete(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.isFinishing = true;
    try {
      await this.writing;
      const path = await this.sink.finish();
      this.isWhole = true;
      for (const source of this.crowd.asked) source.complete(this.offer.hash);
      this.settle.resolve(path);
    } catch (error) {
      this.ended = false;
      this.isFinishing = false;
      await this.fail(error, RejectCode.NO_PLACE);
    }
  }

  /** What it was asked for is free. */
  left(source: DownloadSource): void {
    this.plan.left(source);
  }

  allGone(error: unknown): void {
    void this.fail(error, RejectCode.CANCELLED);
  }

  private async fail(error: unknown, code: number, discard = false): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.crowd.reject(code);
    await this.writing;
    try {
      // A part with nothing in it is of no use to anybody.
      const isUseless = discard || this.sink.have.size === 0;
      await (isUseless ? this.sink.discard() : this.sink.close());
    } catch {
      // The first error is the one that is told.
    }
    this.settle.reject(error);
  }
}

/** Bytes of the chunks that are there. */
function bytesOf(size: number, { have }: FileSink): number {
  const last = have.count - 1;
  const short = have.has(last) ? CHUNK_BYTES - chunkLength(size, last) : 0;
  return have.size * CHUNK_BYTES - short;
}
