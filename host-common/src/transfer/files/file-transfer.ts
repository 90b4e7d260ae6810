/** One file on its way, in either direction, as an application sees it (seed 002 section 9). */
import type { FileOffer } from './file-offer.ts';
import { RateMeter } from './rate-meter.ts';

/** What moves the bytes: a FileSender or a FileDownload. */
export interface Mover {
  readonly totalBytes: number;
  readonly doneBytes: number;
  /** With the path of what came, if it tells one. */
  readonly completion: Promise<unknown>;
  pause(): void;
  resume(): void;
  cancel(): Promise<void>;
}

export interface TransferResult {
  /** Of the sender what was read, of the receiver where it is. */
  path: string;
  /** BLAKE3, 32 bytes: what b3sum prints. */
  hash: Uint8Array;
  bytes: number;
  durationMs: number;
  /** Bytes a second, of those that travelled. */
  averageRate: number;
}

export type TransferState = 'running' | 'paused' | 'done' | 'failed';

export class FileTransfer {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly direction: 'send' | 'receive';
  readonly offer: FileOffer;
  /** Rejects with what ended it. */
  readonly completion: Promise<TransferResult>;
  private readonly mover: Mover;
  private readonly meter: RateMeter;
  private readonly startMs = performance.now();
  private readonly startBytes: number;
  private current: TransferState = 'running';

  /** @param path told as the result's, unless the mover tells another */
  constructor(
    mover: Mover,
    { offer, direction, path }: Pick<FileTransfer, 'offer' | 'direction'> & { path: string },
  ) {
    this.id = offer.transferId;
    this.offer = offer;
    this.direction = direction;
    this.mover = mover;
    this.startBytes = mover.doneBytes;
    this.meter = new RateMeter(this.startMs, this.startBytes);
    this.completion = this.run(path);
    this.completion.catch(() => {}); // nobody has to look
  }

  get state(): TransferState {
    return this.current;
  }

  get totalSize(): number {
    return this.mover.totalBytes;
  }

  /** Bytes that have come, or of a sender that have gone: up to a window of them is on its way. */
  get doneBytes(): number {
    return this.mover.doneBytes;
  }

  /** 0 to 1. */
  get progress(): number {
    return this.totalSize === 0 ? Number(this.state === 'done') : this.doneBytes / this.totalSize;
  }

  /** Bytes a second, over the last seconds. */
  get rate(): number {
    this.meter.look(performance.now(), this.doneBytes);
    return this.meter.rate;
  }

  /** Seconds that are left; undefined: nobody knows. */
  get eta(): number | undefined {
    this.meter.look(performance.now(), this.doneBytes);
    return this.meter.eta(this.totalSize - this.doneBytes);
  }

  pause(): void {
    if (this.current !== 'running') return;
    this.current = 'paused';
    this.mover.pause();
  }

  resume(): void {
    if (this.current !== 'paused') return;
    this.current = 'running';
    this.mover.resume();
  }

  /** Gives it up; what has come is kept, so that the same transfer can go on later. */
  cancel(): Promise<void> {
    return this.mover.cancel();
  }

  private async run(path: string): Promise<TransferResult> {
    try {
      const moved = await this.mover.completion;
      this.current = 'done';
      const durationMs = performance.now() - this.startMs;
      const travelled = this.totalSize - this.startBytes;
      return {
        ...{
          path: typeof moved === 'string' ? moved : path,
          hash: this.offer.hash,
          bytes: this.totalSize,
          durationMs,
        },
        averageRate: durationMs > 0 ? (travelled / durationMs) * 1000 : 0,
      };
    } catch (error) {
      this.current = 'failed';
      throw error;
    }
  }
}
