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
/** Of its window, what is asked for at a time at the least. */
const ASK_SHARE = 1 / 8;
/**
 * A chunk that takes longer from its request to its coming is waited for behind too many others: a
 * slow source must not sit on what a fast one could bring.
 */
const WAIT_MS = 500;
/**
 * Reference 9.3: four round trips and the time for the transfer. What a chunk waited for, from its
 * request to its coming, has both in it: four times that, and this long at the least, and before
 * the first chunk. Then others are asked for what this one was asked for.
 */
const LATE_WAITS = 4;
const LATE_MS_MIN = 1_000;
const LATE_MS_FIRST = 3_000;
/** Of the average of waits, what each new one counts. */
const WAIT_SHARE = 1 / 8;

/** Who is asked for what. */
export type Plan = Pick<ChunkPlan<DownloadSource>, 'take'>;

/** What a source needs of its download. */
export interface Download {
  readonly offer: FileOffer;
  readonly plan: Plan;
  /** Of all chunks; undefined: not known. */
  readonly values: Uint8Array | undefined;
  readonly isPaused: boolean;
  /** A source that says nothing for so long, though it was asked and has not paused, is dropped. */
  readonly silenceMs: number;
  /** How many are there. */
  readonly haveChunks: number;
  /** All values, as the source says. @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY */
  takeValues(values: Uint8Array): Promise<void>;
  /**
   * A chunk that the source was asked for; if it is kept, the source is told.
   * @throws FileTransferError ANDVARI_TRANSFER_INTEGRITY
   */
  takeChunk(source: DownloadSource, index: number, bytes: Uint8Array): Promise<void>;
  /** What the source was asked for waits too long; it has not gone. */
  isLate(source: DownloadSource): void;
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
  private lateness: ReturnType<typeof setTimeout> | undefined;
  /** Others have been asked for what it was; it is asked for nothing until it says something. */
  private hasLetWait = false;
  private averageWaitMs: number | undefined;
  private chunks = 0;
  private bytes = 0;

  constructor(download: Download, records: RecordStream, name: string) {
    this.download = download;
    this.records = records;
    this.name = name;
  }

  /** Chunks that have come from it and were kept, and their bytes. */
  get kept(): { chunks: number; bytes: number } {
    return { chunks: this.chunks, bytes: this.bytes };
  }

  /** A chunk of it is kept. */
  hasBrought(bytes: number): void {
    this.chunks++;
    this.bytes += bytes;
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
      clearTimeout(this.lateness);
    }
  }

  /** Asks for as many chunks as it may. */
  ask(): void {
    if (!this.mayAsk || this.download.isPaused || !this.download.values) return;
    // Several at a time: what is asked for one by one takes a packet each way for each.
    if (this.asked.size > this.window - Math.ceil(this.window * ASK_SHARE)) return;
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

  private get mayAsk(): boolean {
    return this.isReady && !this.isOver && !this.hasLetWait;
  }

  /** From now on something is to be heard in time, if it was asked for. */
  private listen(): void {
    clearTimeout(this.silence);
    clearTimeout(this.lateness);
    const isAsked = !this.isReady || this.asked.size > 0;
    if (!isAsked || this.hasPaused || this.isOver) return;
    this.silence = setTimeout(() => {
      this.isSilent = true;
      this.records.stopReading();
    }, this.download.silenceMs);
    if (this.isReady) this.lateness = setTimeout(() => this.letsWait(), this.patienceMs);
  }

  private get patienceMs(): number {
    if (this.averageWaitMs === undefined) return LATE_MS_FIRST;
    return Math.max(LATE_MS_MIN, LATE_WAITS * this.averageWaitMs);
  }

  private letsWait(): void {
    if (this.hasLetWait || this.asked.size === 0) return;
    this.hasLetWait = true;
    this.download.isLate(this);
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
      clearTimeout(this.lateness);
      if (record?.type !== RecordType.PAUSE && record?.type !== RecordType.RESUME) return record;
      this.hasPaused = record.type === RecordType.PAUSE;
      if (this.hasPaused) this.letsWait();
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
    this.hasWaited(performance.now() - askedMs);
    this.hasLetWait = false;
    await this.download.takeChunk(this, record.index, record.bytes);
    this.ask();
  }

  private hasWaited(waitMs: number): void {
    this.window =
      waitMs > WAIT_MS
        ? Math.max(WINDOW_MIN, this.window - 1)
        : Math.min(WINDOW_MAX, this.window + 1);
    const before = this.averageWaitMs ?? waitMs;
    this.averageWaitMs = before + (waitMs - before) * WAIT_SHARE;
  }
}

function rejectCodeOf(error: unknown): number {
  if (!(error instanceof FileTransferError)) return RejectCode.PROTOCOL;
  return error.code === 'ANDVARI_TRANSFER_INTEGRITY' ? RejectCode.INTEGRITY : RejectCode.PROTOCOL;
}
