/** A request's stream, either way, read as it comes in: HEADERS, then DATA that holds capsules. */

import {
  Http3Code,
  Http3ConnectionError,
  Http3RequestError,
  Http3StreamError,
} from './http3-error.ts';
import { CapsuleType, FrameType, HTTP2_FRAME_TYPES } from './http3-frames.ts';
import { CLOSE_REASON_BYTES_MAX, FIELD_SECTION_BYTES_MAX } from './limits.ts';
import { decodeFieldSection, type Field } from './qpack.ts';
import { TlvParser } from './tlv-parser.ts';

export interface RequestSink {
  /** May throw Http3RequestError. */
  headers(fields: readonly Field[]): void;
  /**
   * Of an answer: whether another follows it (RFC 9114 section 4.1); then it is left out. May throw
   * Http3StreamError.
   */
  isInterim?(fields: readonly Field[]): boolean;
  close(code: number, reason: string): void;
  drain(): void;
}

/** Frames that have their place elsewhere (RFC 9114 section 7.2). */
const MISPLACED: ReadonlySet<number> = new Set([
  FrameType.CANCEL_PUSH,
  FrameType.SETTINGS,
  FrameType.PUSH_PROMISE,
  FrameType.GOAWAY,
  FrameType.MAX_PUSH_ID,
  ...HTTP2_FRAME_TYPES,
]);

export class RequestReader {
  readonly #sink: RequestSink;
  readonly #frames = new TlvParser({
    begin: (type, length) => this.#beginFrame(type, length),
    whole: (_type, value) => {
      const fields = decodeFieldSection(value);
      if (this.#sink.isInterim?.(fields)) this.#headersSeen = false;
      else this.#sink.headers(fields);
    },
    part: (_type, bytes) => this.#capsules.feed(bytes),
  });
  readonly #capsules = new TlvParser({
    begin: (type, length) => this.#beginCapsule(type, length),
    whole: (type, value) => this.#capsule(type, value),
    part: () => {},
  });
  #headersSeen = false;
  #closed = false;

  constructor(sink: RequestSink) {
    this.#sink = sink;
  }

  /**
   * @throws Http3ConnectionError, Http3RequestError before the headers were taken, Http3StreamError
   *   after, or what the sink throws
   */
  feed(bytes: Uint8Array): void {
    this.#frames.feed(bytes);
  }

  /** The peer has ended the stream. @throws like feed */
  end(): void {
    if (!this.#frames.atBoundary) {
      throw new Http3ConnectionError(Http3Code.FRAME_ERROR, 'a request ends inside a frame');
    }
    if (!this.#headersSeen) {
      throw new Http3RequestError(400, 'no headers', Http3Code.REQUEST_INCOMPLETE);
    }
    if (!this.#capsules.atBoundary) {
      throw new Http3StreamError(Http3Code.MESSAGE_ERROR, 'a session ends inside a capsule');
    }
  }

  #beginFrame(type: number, length: number): 'whole' | 'parts' | 'skip' {
    const expected =
      (type === FrameType.DATA && this.#headersSeen) ||
      (type === FrameType.HEADERS && !this.#headersSeen);
    const unknown = type !== FrameType.DATA && type !== FrameType.HEADERS && !MISPLACED.has(type);
    if (type === FrameType.WEBTRANSPORT_STREAM) {
      const why = 'WEBTRANSPORT_STREAM is not the first frame of its stream';
      throw new Http3ConnectionError(Http3Code.FRAME_ERROR, why);
    }
    if (unknown) return 'skip';
    if (!expected) {
      const why = `frame 0x${type.toString(16)} on a request stream`;
      throw new Http3ConnectionError(Http3Code.FRAME_UNEXPECTED, why);
    }
    if (type === FrameType.DATA) return 'parts';
    if (length > FIELD_SECTION_BYTES_MAX) {
      const why = `headers of ${length} bytes`;
      throw new Http3RequestError(431, why, Http3Code.EXCESSIVE_LOAD);
    }
    this.#headersSeen = true;
    return 'whole';
  }

  #beginCapsule(type: number, length: number): 'whole' | 'skip' {
    if (this.#closed) {
      throw new Http3StreamError(Http3Code.MESSAGE_ERROR, 'a capsule behind the last one');
    }
    if (type === CapsuleType.CLOSE_SESSION) {
      if (length < 4 || length > 4 + CLOSE_REASON_BYTES_MAX) {
        throw new Http3StreamError(Http3Code.MESSAGE_ERROR, `a close capsule of ${length} bytes`);
      }
      return 'whole';
    }
    if (type !== CapsuleType.DRAIN_SESSION) return 'skip';
    if (length !== 0) {
      throw new Http3StreamError(Http3Code.MESSAGE_ERROR, `a drain capsule of ${length} bytes`);
    }
    return 'whole';
  }

  #capsule(type: number, value: Uint8Array): void {
    if (type === CapsuleType.DRAIN_SESSION) {
      this.#sink.drain();
      return;
    }
    this.#closed = true;
    const code = Buffer.from(value.buffer, value.byteOffset, 4).readUInt32BE();
    let reason: string;
    try {
      reason = new TextDecoder('utf-8', { fatal: true }).decode(value.subarray(4));
    } catch {
      throw new Http3StreamError(Http3Code.MESSAGE_ERROR, 'a reason that is not UTF-8');
    }
    this.#sink.close(code, reason);
  }
}
