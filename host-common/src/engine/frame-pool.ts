/**
 * Free receive frames of one class: a stack of offsets, so the frame that is still in the cache is
 * taken first.
 */
import { FRAME_BYTES, LARGE_FRAME_BYTES } from './generated/limits.ts';

export class FramePool {
  readonly frameBytes: number;
  private readonly first: number;
  private readonly end: number;
  private readonly free: Uint32Array;
  private count: number;

  private constructor(offset: number, frames: number, frameBytes: number) {
    this.frameBytes = frameBytes;
    this.first = offset;
    this.end = offset + frames * frameBytes;
    this.free = Uint32Array.from(
      { length: frames },
      (_, i) => offset + (frames - 1 - i) * frameBytes,
    );
    this.count = frames;
  }

  static small(offset: number, frames: number): FramePool {
    return new FramePool(offset, frames, FRAME_BYTES);
  }
  static large(offset: number, frames: number): FramePool {
    return new FramePool(offset, frames, LARGE_FRAME_BYTES);
  }

  get available(): number {
    return this.count;
  }

  /** Offset of a free frame, or 0. */
  take(): number {
    return this.count === 0 ? 0 : (this.free[--this.count] ?? 0);
  }

  give(offset: number): void {
    this.free[this.count++] = offset;
  }

  owns(offset: number): boolean {
    return offset >= this.first && offset < this.end;
  }
}
