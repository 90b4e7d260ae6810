/** Frames of a relay in a stream of bytes (TLS), which comes in any pieces. */
import { checkBytes } from '../argument-checks.ts';
import { checkRelayHead, RELAY_HEAD_BYTES, type RelayFrame, relayFrameIn } from './frames.ts';

export class RelayFrameReader {
  private readonly head = new Uint8Array(RELAY_HEAD_BYTES);
  /** As long as it will be, once the head is there. */
  private frame: Uint8Array | undefined;
  private filled = 0;
  private failure: unknown;

  /** Whether a frame has begun that is not whole yet: a stream does not end here. */
  get isWithin(): boolean {
    return this.filled > 0;
  }

  /**
   * Gives each frame that is whole now, with bytes of its own. It keeps one frame at most, and none
   * of `bytes` themselves. What `take` throws ends the call, and the rest of `bytes` is lost.
   * @throws RelayFrameError; from then on at each call
   */
  feed(bytes: Uint8Array, take: (frame: RelayFrame) => void): void {
    checkBytes('bytes', bytes);
    for (let at = 0; at < bytes.length; ) {
      if (this.failure) break;
      at += this.fill(bytes.subarray(at));
      const { frame } = this;
      if (!frame || this.filled < frame.length) continue;
      this.frame = undefined;
      this.filled = 0;
      take(this.held(() => relayFrameIn(frame)));
    }
    if (this.failure) throw this.failure;
  }

  /** Takes as much as belongs to what is being read. @returns bytes */
  private fill(bytes: Uint8Array): number {
    const into = this.frame ?? this.head;
    const part = bytes.subarray(0, into.length - this.filled);
    into.set(part, this.filled);
    this.filled += part.length;
    if (this.frame) return part.length;
    const payloadBytes = this.held(() => checkRelayHead(this.head.subarray(0, this.filled)));
    if (payloadBytes !== undefined) {
      this.frame = new Uint8Array(RELAY_HEAD_BYTES + payloadBytes);
      this.frame.set(this.head);
    }
    return part.length;
  }

  private held<Value>(work: () => Value): Value {
    try {
      return work();
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}
