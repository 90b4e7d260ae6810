/**
 * Chunks that a receiver has asked for, on their way to its stream, in the order in which it asked.
 * They are read ahead, also of what is asked for meanwhile: whoever reads one, then sends it, then
 * reads the next leaves the network idle while the disk works.
 */
import { WakeSignal } from '../wake-signal.ts';
import { CHUNK_BYTES, chunkLength } from './file-hash.ts';
import type { FileSource } from './file-places.ts';
import { CHUNK_RECORD_BYTES, chunkRecord } from './file-records.ts';

/** Chunks that are read, wait or go at once. */
const AHEAD = 3;
/** Requests that wait; whoever has more to ask waits with it. */
const REQUESTS_MAX = 64;

interface Request {
  first: number;
  count: number;
}

interface Chunk {
  /** As it travels. */
  record: Uint8Array;
  /** Of the file. */
  bytes: number;
}

export interface AskedChunksOptions {
  source: FileSource;
  /** Sends a record; resolves when its bytes have been taken. */
  write(record: Uint8Array, fileBytes: number): Promise<void>;
  /** A chunk cannot be read: told behind those before it. */
  unreadable(error: unknown): Promise<void>;
  /** What ended it: nothing is sent any more. */
  failed(error: unknown): void;
}

export class AskedChunks {
  private readonly options: AskedChunksOptions;
  private readonly requests: Request[] = [];
  /** The first of them goes; each begins to be read when the one before it has been. */
  private readonly chunks: Promise<Chunk>[] = [];
  private readonly memory: Uint8Array<ArrayBuffer>[] = [];
  private turn = 0;
  private readonly changed = new WakeSignal();
  private isSending = false;
  private isOver = false;

  constructor(options: AskedChunksOptions) {
    this.options = options;
  }

  /** Resolves at once, or when others have gone. */
  async add(request: Request): Promise<void> {
    if (this.isOver) return;
    this.requests.push({ ...request });
    if (this.isSending) this.readAhead();
    else void this.send();
    while (this.requests.length >= REQUESTS_MAX) await this.changed.wait();
  }

  /** Resolves when all have gone that were asked for. */
  async gone(): Promise<void> {
    while (this.isSending) await this.changed.wait();
  }

  /** What has not begun to go is not wanted any more. */
  drop(): void {
    this.isOver = true;
    this.requests.length = 0;
    this.changed.raise();
  }

  private async send(): Promise<void> {
    this.isSending = true;
    try {
      for (this.readAhead(); this.chunks.length > 0; this.readAhead()) {
        const { record, bytes } = await this.whenRead(this.chunks[0] as Promise<Chunk>);
        if (this.isOver) break;
        await this.options.write(record, bytes);
        void this.chunks.shift();
        this.changed.raise();
      }
    } catch (error) {
      this.drop();
      this.options.failed(error);
    } finally {
      this.isSending = false;
      this.changed.raise();
    }
  }

  private async whenRead(reading: Promise<Chunk>): Promise<Chunk> {
    try {
      return await reading;
    } catch (error) {
      await this.options.unreadable(error);
      throw error;
    }
  }

  private readAhead(): void {
    while (this.chunks.length < AHEAD) {
      const index = this.next();
      if (index === undefined) return;
      // Sources are read by one call at a time.
      const before = this.chunks.at(-1) ?? Promise.resolve();
      const reading = before.then(() => this.read(index));
      reading.catch(() => {}); // told when its turn comes
      this.chunks.push(reading);
    }
  }

  /** Undefined: nothing is asked for. */
  private next(): number | undefined {
    const [request] = this.requests;
    if (!request) return undefined;
    request.count--;
    if (request.count === 0) this.requests.shift();
    return request.first++;
  }

  /** As many chunks as there is memory for are between this and their having gone. */
  private async read(index: number): Promise<Chunk> {
    const { source } = this.options;
    const place = this.turn++ % AHEAD;
    this.memory[place] ??= new Uint8Array(CHUNK_RECORD_BYTES);
    const bytes = chunkLength(source.size, index);
    const { record, content } = chunkRecord(index, bytes, this.memory[place]);
    await source.read(index * CHUNK_BYTES, content);
    return { record, bytes };
  }
}
