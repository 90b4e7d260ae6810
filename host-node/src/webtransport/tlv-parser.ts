/**
 * Frames (RFC 9114 section 7.1) and capsules (RFC 9297 section 3.2) have one form: type and length
 * as varints, then the value. This reads a stream of them as it comes in, in pieces of any size.
 */
import { parseVarint } from './varint.ts';

export interface TlvSink {
  /**
   * A type and its length have been read. What is done with the value: `whole` keeps it until it
   * is there (the sink must have looked at the length), `parts` hands it on as it comes, `skip`
   * forgets it. May throw.
   */
  begin(type: number, length: number): 'whole' | 'parts' | 'skip';
  whole(type: number, value: Uint8Array): void;
  part(type: number, bytes: Uint8Array): void;
}

/** Type and length, 8 bytes each at most. */
const HEAD_BYTES_MAX = 16;

export class TlvParser {
  readonly #sink: TlvSink;
  readonly #head = new Uint8Array(HEAD_BYTES_MAX);
  #headBytes = 0;
  #type = 0;
  #left = 0;
  #inValue = false;
  #mode: 'whole' | 'parts' | 'skip' = 'skip';
  #value = new Uint8Array(0);

  constructor(sink: TlvSink) {
    this.#sink = sink;
  }

  /** False inside a head or a value: a stream that ends there was cut off. */
  get atBoundary(): boolean {
    return !this.#inValue && this.#headBytes === 0;
  }

  /**
   * Take the next bytes; the sink may keep none of them. Whatever the sink throws comes out here,
   * and the parser is of no more use.
   */
  feed(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      offset = this.#inValue ? this.#feedValue(bytes, offset) : this.#feedHead(bytes, offset);
    }
  }

  #feedHead(bytes: Uint8Array, offset: number): number {
    this.#head[this.#headBytes++] = bytes[offset]!;
    const read = this.#head.subarray(0, this.#headBytes);
    const type = parseVarint(read);
    const length = type && parseVarint(read, type.end);
    if (type && length) {
      this.#headBytes = 0;
      this.#begin(type.value, length.value);
    }
    return offset + 1;
  }

  #begin(type: number, length: number): void {
    this.#type = type;
    this.#left = length;
    this.#mode = this.#sink.begin(type, length);
    if (this.#mode === 'whole') this.#value = new Uint8Array(length);
    this.#inValue = true;
    if (length === 0) this.#end();
  }

  #feedValue(bytes: Uint8Array, offset: number): number {
    const count = Math.min(this.#left, bytes.length - offset);
    const part = bytes.subarray(offset, offset + count);
    if (this.#mode === 'whole') this.#value.set(part, this.#value.length - this.#left);
    else if (this.#mode === 'parts') this.#sink.part(this.#type, part);
    this.#left -= count;
    if (this.#left === 0) this.#end();
    return offset + count;
  }

  #end(): void {
    this.#inValue = false;
    if (this.#mode !== 'whole') return;
    const value = this.#value;
    this.#value = new Uint8Array(0);
    this.#sink.whole(this.#type, value);
  }
}
