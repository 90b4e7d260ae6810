/**
 * Messages on a byte stream (WebTransport): each is its length and then its bytes.
 *
 * | offset | size | name |
 * |---|---|---|
 * | 0 | 4 | length, u32 big-endian |
 * | 4 | length | message |
 */

const LENGTH_BYTES = 4;

/** A length over the limit: what follows cannot be told from messages any more. */
export class FrameLengthError extends Error {
  override readonly name = 'FrameLengthError';
}

/** Length and message in one. */
export function framed(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(LENGTH_BYTES + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, LENGTH_BYTES);
  return frame;
}

/** Puts messages together from pieces of any size; holds at most one message. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  /** The message that is being received; undefined: its length is. */
  #message: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;

  /** @param bytesMax of one message */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The messages that this piece completes. Throws FrameLengthError; then no more may be fed. */
  feed(piece: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (offset < piece.length) {
      const target = this.#message ?? this.#length;
      const count = Math.min(target.length - this.#filled, piece.length - offset);
      target.set(piece.subarray(offset, offset + count), this.#filled);
      this.#filled += count;
      offset += count;
      if (this.#filled < target.length) break;
      this.#filled = 0;
      if (this.#message === undefined) {
        const length = new DataView(this.#length.buffer).getUint32(0);
        if (length > this.#bytesMax) {
          throw new FrameLengthError(`a message of ${length} bytes; wanted ${this.#bytesMax}`);
        }
        this.#message = new Uint8Array(length);
        if (length > 0) continue;
      }
      messages.push(this.#message);
      this.#message = undefined;
    }
    return messages;
  }
}
