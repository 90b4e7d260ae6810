/** One of those whom a download asks for chunks: its stream, and what it has been asked for. */

import type { ChunkPlan } from './chunk-plan.ts';
import { readValues } from './chunk-values.ts';
import { chunkCount } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import { encodeRecord, type FileRecord, RecordType, RejectCode } from './file-records.ts';
import { endedEarly, FileTransferError, failure, nonsense } from './file-transfer-error.ts';
import type { RecordStream } from './record-stream.ts';

/** Chunks that a source is asked for at once: first, at the least, and at the most. */
const WINDOW_START = 8;
const WINDOW_MIN = 2;
const WINDOW_MAX = 64;
/**
 * A chunk that takes longer from its request to its coming is waited for behind too many others: a
 * slow source must not sit on what a fast one could bring.
 */
const WAIT_MS = 500;

/** What a source needs of its download. */
export interface Download {
  readonly offer: FileOffer;
  readonly plan: ChunkPlan<DownloadSource>;
  /** Of all chunks; undefined: not known. */
  readonly values: Uint8Array | undefined;
  readonly isPaused: boolean;
  /** A source that says nothing for so long, though it was asked and has not paused, is dropped. */
  readonly silenceMs: number;
  /** How many are there. */
  readonly haveChunks: number;
  /** All values, as the source says. @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY */
  takeValues(values: Uint8Array): Promise<void>;
  /** A chunk that was asked for. @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY */
  takeChunk(index: number, bytes: Uint8Array): Promise<void>;
}

export class DownloadSource {
  readonly name: string;
  private readonly download: Download;
  private readonly records: RecordStream;
  /** Chunks in the order in which they were asked for, and when. */
  private readonly asked = new Map<number, number>();
  private window = WINDOW_START;
  private isReady = false;
  private isOver = false;
  private hasPaused = false;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private isSilent = false;

  constructor(download: Download, records: RecordStream, name: string) {
    this.download = download;
    this.records = records;
    this.name = name;
  }

  /** Takes the offer, then what comes, until it ends. Rejects with why it is of no use. */
  async run(): Promise<void> {
    try {
      const wantsValues = this.download.values === undefined;
      const have = this.download.haveChunks;
      await this.write({ type: RecordType.ACCEPT, wantsValues, have });
      if (wantsValues) await this.readValues();
      this.isReady = true;
      this.ask();
      for (let next = await this.read(); next; next = await this.read()) await this.take(next);
      if (!this.isOver) throw this.isSilent ? this.saidNothing() : endedEarly();
    } catch (error) {
      this.reject(rejectCodeOf(error));
      throw error;
    } finally {
      clearTimeout(this.silence);
    }
  }

  /** Asks for as many chunks as it may. */
  ask(): void {
    if (!this.isReady || this.isOver || this.download.isPaused || !this.download.values) return;
    let first = 0;
    let count = 0;
    const send = () => {
      if (count > 0) this.say({ type: RecordType.CHUNK_REQUEST, first, count });
      count = 0;
    };
    while (this.asked.size < this.window) {
      const index = this.download.plan.take(this);
      if (index === undefined) break;
      this.asked.set(index, performance.now());
      if (count > 0 && index !== first + count) send();
      if (count === 0) first = index;
      count++;
    }
    send();
    this.listen();
  }

  /** From now on something is to be heard in time, if it was asked for. */
  private listen(): void {
    clearTimeout(this.silence);
    const isAsked = !this.isReady || this.asked.size > 0;
    if (!isAsked || this.hasPaused || this.isOver) return;
    this.silence = setTimeout(() => {
      this.isSilent = true;
      this.records.stopReading();
    }, this.download.silenceMs);
  }

  /** Resolves when the sender has heard our last word, or does not hear it. */
  over(): Promise<void> {
    return this.records.over();
  }

  /** The file is there. */
  complete(hash: Uint8Array): void {
    this.end({ type: RecordType.COMPLETE, hash });
  }

  /** Nothing is wanted any more, for a RejectCode; the sender is told, if it can be. */
  reject(code: number): void {
    this.end({ type: RecordType.REJECT, code });
    this.records.stopReading();
  }

  private end(record: FileRecord): void {
    if (this.isOver) return;
    this.isOver = true;
    this.say(record);
    this.records.finish().catch(() => {}); // reading tells
  }

  /** What cannot be said is told by the end of the stream. */
  private say(record: FileRecord): void {
    this.write(record).catch(() => {});
  }

  private write(record: FileRecord): Promise<void> {
    return this.records.write(encodeRecord(record));
  }

  /** The next that is no pause. */
  private async read(): Promise<FileRecord | undefined> {
    for (;;) {
      this.listen();
      const record = await this.records.read();
      // A disk that is slow here is not the sender's silence.
      clearTimeout(this.silence);
      if (record?.type === RecordType.PAUSE) this.hasPaused = true;
      else if (record?.type === RecordType.RESUME) this.hasPaused = false;
      else return record;
    }
  }

  private saidNothing(): FileTransferError {
    const message = `the sender has said nothing for ${this.download.silenceMs / 1000} s`;
    return new FileTransferError('ANDVARI_TRANSFER_CUT', message);
  }

  private async readValues(): Promise<void> {
    const values = await readValues(chunkCount(this.download.offer.size), async () => {
      const record = await this.read();
      if (!record) throw this.isSilent ? this.saidNothing() : endedEarly();
      return record;
    });
    await this.download.takeValues(values);
  }

  private async take(record: FileRecord): Promise<void> {
    if (this.isOver) return; // was under way
    if (record.type === RecordType.FAILED) throw failure(record.code);
    if (record.type !== RecordType.CHUNK) throw nonsense(record);
    const askedMs = this.asked.get(record.index);
    if (askedMs === undefined) throw nonsense(record);
    this.asked.delete(record.index);
    const isSlow = performance.now() - askedMs > WAIT_MS;
    this.window = isSlow
      ? Math.max(WINDOW_MIN, this.window - 1)
      : Math.min(WINDOW_MAX, this.window + 1);
    await this.download.takeChunk(record.index, record.bytes);
    this.ask();
  }
}

function rejectCodeOf(error: unknown): number {
  if (!(error instanceof FileTransferError)) return RejectCode.PROTOCOL;
  return error.code === 'ANDVARI_TRANSFER_INTEGRITY' ? RejectCode.INTEGRITY : RejectCode.PROTOCOL;
}
