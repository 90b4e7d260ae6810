/**
 * The sending end of a file's stream: it answers what the receiver asks for (file-records.ts).
 * Nothing is sent that nobody has asked for.
 */
import { AskedChunks } from './asked-chunks.ts';
import {
  CHUNK_BYTES,
  chunkCount,
  FILE_BYTES_MAX,
  type FileHash,
  HASH_BYTES,
  tooLarge,
} from './file-hash.ts';
import { type FileOffer, FileOfferError } from './file-offer.ts';
import { FileChangedError, type FileSource } from './file-places.ts';
import {
  encodeRecord,
  FailureCode,
  type FileRecord,
  type RecordOf,
  RecordType,
  VALUES_PER_RECORD,
} from './file-records.ts';
import { FileTransferError, rejection } from './file-transfer-error.ts';
import { Gate } from './gate.ts';
import { type DuplexStream, RecordStream } from './record-stream.ts';

/** So long a receiver that has stopped us may take to say why. */
const LAST_WORD_MS = 2_000;
/** Chunks that are read at once to be hashed: each read costs its host more than its bytes. */
const READ_CHUNKS = 4;

/** A file that can be sent, to as many as like to have it. */
export interface SentFile {
  offer: FileOffer;
  source: FileSource;
  /** The values of all its chunks, one behind the other. */
  values: Uint8Array;
}

/**
 * Reads a file whole: the values of its chunks, and its hash. Rejects with FileOfferError for one
 * of more than 512 GiB.
 * @param progress told how many bytes have been read more
 */
export async function hashFile(
  source: FileSource,
  hash: FileHash,
  { progress, signal }: { progress?: (bytes: number) => void; signal?: AbortSignal } = {},
): Promise<{ hash: Uint8Array; values: Uint8Array }> {
  if (source.size > FILE_BYTES_MAX) throw new FileOfferError(tooLarge('a file', source.size));
  const count = chunkCount(source.size);
  const values = new Uint8Array(count * HASH_BYTES);
  const reader = new AheadReader(source);
  for (let first = 0; first < count; first += READ_CHUNKS) {
    signal?.throwIfAborted();
    const part = await reader.next();
    for (let i = 0; i < chunkCount(part.length); i++) {
      const index = first + i;
      const chunk = part.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
      values.set(hash.valueOf(chunk, { index, count }), index * HASH_BYTES);
      progress?.(chunk.length);
    }
  }
  return { hash: hash.root(values), values };
}

/** Reads a file from its beginning, the next part while the one before it is hashed. */
class AheadReader {
  private readonly source: FileSource;
  private readonly memory: Uint8Array[] = [];
  private at = 0;
  private turn = 0;
  private reading: Promise<Uint8Array> | undefined;

  constructor(source: FileSource) {
    this.source = source;
  }

  /** The next part, READ_CHUNKS or what is left; good until the one behind it is asked for. */
  async next(): Promise<Uint8Array> {
    const part = await (this.reading ?? this.read());
    this.reading = this.at < this.source.size ? this.read() : undefined;
    this.reading?.catch(() => {}); // told when its turn comes
    return part;
  }

  private async read(): Promise<Uint8Array> {
    const { at, source } = this;
    const bytes = Math.min(READ_CHUNKS * CHUNK_BYTES, source.size - at);
    this.at += bytes;
    const place = this.turn++ % 2;
    this.memory[place] ??= new Uint8Array(bytes);
    const part = this.memory[place].subarray(0, bytes);
    await source.read(at, part);
    return part;
  }
}

export class FileSender {
  /** Resolves when the receiver has the file, under its name. Rejects with FileTransferError. */
  readonly completion: Promise<void>;
  private readonly file: SentFile;
  private readonly records: RecordStream;
  private readonly gate = new Gate();
  private readonly chunks: number;
  private readonly asked: AskedChunks;
  /** What ended the sending of chunks. */
  private fault: { error: unknown } | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private sent = 0;
  private had = 0;
  private taken = false;
  private isInspected = false;
  private isCancelled = false;

  /** @param stream on which the file was offered: its metadata are the offer */
  constructor(file: SentFile, stream: DuplexStream) {
    this.file = file;
    this.records = new RecordStream(stream);
    this.chunks = chunkCount(file.offer.size);
    this.asked = new AskedChunks({
      source: file.source,
      write: (record, fileBytes) => this.writeChunk(record, fileBytes),
      unreadable: (error) => this.tellUnreadable(error),
      failed: (error) => this.failed(error),
    });
    this.completion = this.run();
    this.completion.catch(() => {}); // nobody has to look
  }

  /** The receiver has said that it takes the file. */
  get isTaken(): boolean {
    return this.taken;
  }

  /** Bytes of chunks that have been given to the stream; what is sent again counts again. */
  get sentBytes(): number {
    return this.sent;
  }

  get totalBytes(): number {
    return this.file.offer.size;
  }

  /** What the receiver had when it took the file. */
  get hadBytes(): number {
    return this.had;
  }

  /** What the receiver had, and what went to it since: some of that is on its way. */
  get doneBytes(): number {
    return Math.min(this.totalBytes, this.had + this.sent);
  }

  /** Nothing more is sent until resume(); the receiver is told, and waits. */
  pause(): void {
    if (!this.gate.isOpen) return;
    this.gate.close();
    this.say({ type: RecordType.PAUSE });
  }

  resume(): void {
    if (this.gate.isOpen) return;
    this.say({ type: RecordType.RESUME });
    this.gate.open();
  }

  /** What cannot be said is told by the end of the stream. */
  private say(record: FileRecord): void {
    this.records.write(encodeRecord(record)).catch(() => {});
  }

  /** Gives it up; the receiver hears of it. */
  async cancel(): Promise<void> {
    this.isCancelled = true;
    this.asked.drop();
    this.gate.open();
    await Promise.race([this.fail(FailureCode.CANCELLED), this.records.over()]);
    await this.records.abandon(cancelled());
  }

  private async run(): Promise<void> {
    try {
      await this.serve();
    } catch (error) {
      this.asked.drop();
      const why = this.isCancelled ? cancelled() : await this.lastWord(error);
      await this.records.abandon(why);
      throw why;
    } finally {
      clearTimeout(this.silence);
    }
  }

  /** No chunk goes any more. A receiver that has stopped us may have said why. */
  private failed(error: unknown): void {
    this.fault = { error };
    const stop = () => this.records.stopReading();
    if (isStop(error)) this.silence = setTimeout(stop, LAST_WORD_MS);
    else stop();
  }

  /** A receiver that wants no more has said why before it stopped us. */
  private async lastWord(error: unknown): Promise<unknown> {
    if (!isStop(error)) return error;
    const timer = setTimeout(() => this.records.stopReading(), LAST_WORD_MS);
    try {
      for (let next = await this.records.read(); next; next = await this.records.read()) {
        if (next.type === RecordType.REJECT) return rejection(next.code);
      }
    } catch {
      // It has said nothing.
    } finally {
      clearTimeout(timer);
    }
    return error;
  }

  private async serve(): Promise<void> {
    for (;;) {
      const record = await this.read();
      if (this.fault) continue; // until it says why, or nothing more
      if (record.type === RecordType.COMPLETE && this.taken) return this.end(record.hash);
      if (record.type === RecordType.ACCEPT && !this.taken) await this.take(record);
      else if (record.type === RecordType.INSPECT && this.isSecret) await this.show();
      else if (record.type === RecordType.CHUNK_REQUEST) await this.answer(record);
      else throw protocolError(record);
    }
  }

  /** Nothing of it has been asked for. */
  private get isSecret(): boolean {
    return !this.taken && !this.isInspected;
  }

  private async take({ wantsValues, have }: RecordOf<typeof RecordType.ACCEPT>): Promise<void> {
    if (have > this.chunks) throw protocolError({ type: RecordType.ACCEPT });
    this.taken = true;
    this.had = Math.min(this.file.offer.size, have * CHUNK_BYTES);
    if (!wantsValues) return;
    await this.asked.gone(); // answers come in the order of what was asked
    if (!this.fault) await this.sendValues();
  }

  private async show(): Promise<void> {
    this.isInspected = true;
    await this.sendValues();
  }

  private async answer(record: RecordOf<typeof RecordType.CHUNK_REQUEST>): Promise<void> {
    if (this.isSecret || record.first + record.count > this.chunks) throw protocolError(record);
    await this.asked.add(record);
  }

  private async read(): Promise<FileRecord> {
    const record = await this.records.read().catch((error) => {
      throw this.fault?.error ?? error;
    });
    if (record === undefined) {
      if (this.fault) throw this.fault.error;
      const message = 'the receiver ended before it had the file';
      throw new FileTransferError('ANDVARI_TRANSFER_CUT', message);
    }
    if (record.type !== RecordType.REJECT) return record;
    // The answer to our own last word says nothing more.
    const isOurs = this.fault && !isStop(this.fault.error);
    throw isOurs ? this.fault?.error : rejection(record.code);
  }

  private async end(hash: Uint8Array): Promise<void> {
    this.asked.drop();
    if (!hash.every((byte, i) => byte === this.file.offer.hash[i])) {
      const message = 'the receiver has another file than was sent';
      throw new FileTransferError('ANDVARI_TRANSFER_INTEGRITY', message);
    }
    try {
      await this.records.finish();
    } catch {
      // The receiver has all it wanted, and has gone.
    }
  }

  private async sendValues(): Promise<void> {
    const step = VALUES_PER_RECORD * HASH_BYTES;
    for (let at = 0; at < this.file.values.length; at += step) {
      const values = this.file.values.subarray(at, at + step);
      const first = at / HASH_BYTES;
      await this.records.write(encodeRecord({ type: RecordType.CHUNK_HASHES, first, values }));
    }
  }

  private async writeChunk(record: Uint8Array, fileBytes: number): Promise<void> {
    // A receiver may give it up meanwhile, or be gone.
    if (!this.gate.isOpen) await this.records.whileTaken(this.gate.passed());
    await this.records.write(record);
    if (this.taken) this.sent += fileBytes;
  }

  private tellUnreadable(error: unknown): Promise<void> {
    this.fault = { error };
    const changed = error instanceof FileChangedError;
    return this.fail(changed ? FailureCode.CHANGED : FailureCode.UNREADABLE);
  }

  /** Says why, as the last word; whoever reads no more does not hear it. */
  private async fail(code: number): Promise<void> {
    try {
      await this.records.write(encodeRecord({ type: RecordType.FAILED, code }));
      await this.records.finish();
      await this.records.over();
    } catch {
      // The stream has ended another way.
    }
  }
}

function isStop(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ANDVARI_STREAM_STOPPED';
}

function protocolError({ type }: Pick<FileRecord, 'type'>): FileTransferError {
  const message = `the receiver said what nobody had asked for (type 0x${type.toString(16)})`;
  return new FileTransferError('ANDVARI_TRANSFER_PROTOCOL', message);
}

function cancelled(): FileTransferError {
  return new FileTransferError('ANDVARI_TRANSFER_CANCELLED', 'it was cancelled');
}
