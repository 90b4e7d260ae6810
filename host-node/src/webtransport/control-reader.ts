/** The peer's control stream and its two QPACK streams, read as they come in. */

import { Http3Code, Http3ConnectionError } from './http3-error.ts';
import { FrameType, HTTP2_FRAME_TYPES, Setting } from './http3-frames.ts';
import { CONTROL_FRAME_BYTES_MAX } from './limits.ts';
import { type PrefixedInteger, parsePrefixed } from './qpack.ts';
import { TlvParser } from './tlv-parser.ts';
import { concatBytes, parseVarint } from './varint.ts';

/** Settings of HTTP/2 that must not come (RFC 9114 section 7.2.4.1). */
const HTTP2_SETTINGS: ReadonlySet<number> = new Set([0x0, 0x2, 0x3, 0x4, 0x5]);
const BOOLEAN_SETTINGS: ReadonlySet<number> = new Set([
  Setting.ENABLE_CONNECT_PROTOCOL,
  Setting.H3_DATAGRAM,
  Setting.ENABLE_WEBTRANSPORT,
]);

/** A reader of one of the peer's own streams. Both methods throw Http3ConnectionError. */
export interface CriticalReader {
  feed(bytes: Uint8Array): void;
}

/** The settings in a frame's payload, by id. */
export function parseSettings(payload: Uint8Array): Map<number, number> {
  const settings = new Map<number, number>();
  for (let offset = 0; offset < payload.length; ) {
    const id = parseVarint(payload, offset);
    const value = id && parseVarint(payload, id.end);
    if (!id || !value) {
      throw new Http3ConnectionError(Http3Code.FRAME_ERROR, 'SETTINGS ends inside a setting');
    }
    offset = value.end;
    const wrong =
      HTTP2_SETTINGS.has(id.value) ||
      settings.has(id.value) ||
      (BOOLEAN_SETTINGS.has(id.value) && value.value > 1);
    if (wrong) {
      const why = `setting 0x${id.value.toString(16)} = ${value.value} may not come`;
      throw new Http3ConnectionError(Http3Code.SETTINGS_ERROR, why);
    }
    settings.set(id.value, value.value);
  }
  return settings;
}

/** RFC 9114 section 6.2.1: SETTINGS first and once, then frames that concern the connection. */
export class ControlReader implements CriticalReader {
  readonly #parser = new TlvParser({
    begin: (type, length) => this.#begin(type, length),
    whole: (type, value) => this.#frame(type, value),
    part: () => {},
  });
  readonly #onSettings: (settings: ReadonlyMap<number, number>) => void;
  readonly #onGoaway: ((streamId: number) => void) | undefined;
  #settingsSeen = false;
  #goawayId = Number.POSITIVE_INFINITY;
  #maxPushId = 0;

  /**
   * @param onGoaway for what comes from a server, which takes no request with this stream id or a
   *   higher one; without it the peer is a client
   */
  constructor(
    onSettings: (settings: ReadonlyMap<number, number>) => void,
    onGoaway?: (streamId: number) => void,
  ) {
    this.#onSettings = onSettings;
    this.#onGoaway = onGoaway;
  }

  feed(bytes: Uint8Array): void {
    this.#parser.feed(bytes);
  }

  #begin(type: number, length: number): 'whole' | 'skip' {
    const isSettings = type === FrameType.SETTINGS;
    if (!this.#settingsSeen && !isSettings) {
      throw new Http3ConnectionError(Http3Code.MISSING_SETTINGS, 'SETTINGS is not the first frame');
    }
    const forbidden =
      (this.#settingsSeen && isSettings) ||
      type === FrameType.DATA ||
      type === FrameType.HEADERS ||
      type === FrameType.PUSH_PROMISE ||
      // Only a client allows pushes.
      (type === FrameType.MAX_PUSH_ID && this.#onGoaway !== undefined) ||
      HTTP2_FRAME_TYPES.has(type);
    if (forbidden) {
      const why = `frame 0x${type.toString(16)} on the control stream`;
      throw new Http3ConnectionError(Http3Code.FRAME_UNEXPECTED, why);
    }
    const known =
      isSettings ||
      type === FrameType.GOAWAY ||
      type === FrameType.MAX_PUSH_ID ||
      type === FrameType.CANCEL_PUSH;
    if (!known) return 'skip';
    if (length > CONTROL_FRAME_BYTES_MAX) {
      throw new Http3ConnectionError(
        Http3Code.EXCESSIVE_LOAD,
        `a control frame of ${length} bytes`,
      );
    }
    if (isSettings) this.#settingsSeen = true;
    return 'whole';
  }

  #frame(type: number, value: Uint8Array): void {
    if (type === FrameType.SETTINGS) {
      this.#onSettings(parseSettings(value));
      return;
    }
    const id = parseVarint(value);
    if (!id || id.end !== value.length) {
      throw new Http3ConnectionError(Http3Code.FRAME_ERROR, 'a control frame is not one number');
    }
    // No push is ever promised: CANCEL_PUSH names none, and the other two only have to keep order.
    const wrong =
      type === FrameType.CANCEL_PUSH ||
      (type === FrameType.GOAWAY && !this.#isGoawayId(id.value)) ||
      (type === FrameType.MAX_PUSH_ID && id.value < this.#maxPushId);
    if (wrong) {
      const why = `number ${id.value} in frame 0x${type.toString(16)}`;
      throw new Http3ConnectionError(Http3Code.ID_ERROR, why);
    }
    if (type !== FrameType.GOAWAY) {
      this.#maxPushId = id.value;
      return;
    }
    this.#goawayId = id.value;
    this.#onGoaway?.(id.value);
  }

  /** Never higher than before; a server's names a request, a client's a push (section 5.2). */
  #isGoawayId(id: number): boolean {
    return id <= this.#goawayId && (this.#onGoaway === undefined || id % 4 === 0);
  }
}

/** Longest form of an integer that `parsePrefixed` takes. */
const INSTRUCTION_BYTES_MAX = 6;

/**
 * QPACK's encoder and decoder streams (RFC 9204 section 4.3 and 4.4). Without a dynamic table
 * little is allowed on them: the encoder may set its capacity to 0, the decoder may cancel streams.
 */
export class QpackStreamReader implements CriticalReader {
  readonly #encoder: boolean;
  #rest = new Uint8Array(0);

  constructor(side: 'encoder' | 'decoder') {
    this.#encoder = side === 'encoder';
  }

  feed(bytes: Uint8Array): void {
    const read = this.#rest.length > 0 ? concatBytes(this.#rest, bytes) : bytes;
    let offset = 0;
    while (offset < read.length) {
      const instruction = this.#instruction(read, offset);
      if (!instruction) break;
      offset = instruction.end;
    }
    if (read.length - offset >= INSTRUCTION_BYTES_MAX) throw this.#error('an overlong integer');
    this.#rest = read.slice(offset);
  }

  #instruction(bytes: Uint8Array, offset: number): PrefixedInteger | undefined {
    const first = bytes[offset]!;
    // Encoder: 001 is Set Dynamic Table Capacity. Decoder: 01 is Stream Cancellation.
    const allowed = this.#encoder ? first >> 5 === 1 : first >> 6 === 1;
    if (!allowed) throw this.#error(`instruction 0x${first.toString(16)} needs a dynamic table`);
    let found: PrefixedInteger | undefined;
    try {
      found = parsePrefixed(bytes, offset, this.#encoder ? 5 : 6);
    } catch (error) {
      throw this.#error((error as Error).message);
    }
    if (this.#encoder && found && found.value !== 0) throw this.#error('a capacity above ours');
    return found;
  }

  #error(why: string): Http3ConnectionError {
    const code = this.#encoder
      ? Http3Code.QPACK_ENCODER_STREAM_ERROR
      : Http3Code.QPACK_DECODER_STREAM_ERROR;
    return new Http3ConnectionError(code, why);
  }
}
