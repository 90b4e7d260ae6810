/**
 * The host's side of the engine's message block (assembly/core/ratatoskr.ts, Block): reads the
 * fields of a message that was decoded, and lays out those of one that is to be encoded. Whatever
 * is handed out is a copy.
 */

import type { Engine } from '../engine/engine.ts';
import { Region } from '../engine/generated/layout.ts';
import {
  MESSAGE_BYTES_MAX,
  MESSAGE_ID_BYTES_MAX,
  METADATA_ENTRIES_MAX,
} from '../engine/generated/limits.ts';
import { Block } from '../engine/generated/ratatoskr.ts';
import { wantBytes } from './want-bytes.ts';

const encoder = new TextEncoder();
// Without ignoreBOM a text would lose three bytes that its signature covers.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/**
 * Up to this a loop makes a text of ASCII bytes sooner than the decoder does; beyond it each byte
 * also leaves a string to throw away (a UUID 1.1 KB, the decoder 160 bytes).
 */
const LOOP_BYTES = 12;
/** Up to this a loop writes a text of ASCII sooner than the encoder does. */
const SHORT_TEXT_BYTES = 48;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export class MessageBlock {
  /** First byte of the message that came. */
  readonly in: number;
  private readonly engine: Engine;
  private readonly base: number;
  /** First free byte behind the fields that are laid out. */
  private next = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    this.base = engine.region(Region.RATATOSKR);
    this.in = this.base + Block.IN;
  }

  /** Puts a message, which is not too long, where the engine reads it. */
  put(message: Uint8Array): void {
    this.engine.u8.set(message, this.in);
    this.next = this.in + message.length;
  }

  number(field: number): bigint {
    return BigInt.asIntN(64, this.engine.u64[this.fieldAt(field) >>> 3] ?? 0n);
  }

  bytes(field: number): Uint8Array {
    return this.slice(this.fieldAt(field));
  }

  text(field: number): string {
    return this.textAt(this.fieldAt(field));
  }

  /** The text of a request_id, or '' where there is none or one that is too long. */
  shortText(field: number): string {
    const bytes = field ? this.word(this.fieldAt(field) + 4) : 0;
    return bytes > MESSAGE_ID_BYTES_MAX ? '' : this.text(field);
  }

  metadata(): Map<string, string> {
    const entries = new Map<string, string>();
    const count = this.word(this.base + Block.METADATA_COUNT);
    for (let i = 0; i < count; i++) {
      const entry = this.base + Block.METADATA + 16 * i;
      entries.set(this.textAt(entry), this.textAt(entry + 8));
    }
    return entries;
  }

  digest(): Uint8Array {
    const at = this.base + Block.DIGEST;
    return this.engine.u8.slice(at, at + 32);
  }

  /** What was encoded. */
  encoded(): Uint8Array {
    const at = this.base + Block.OUT;
    return this.engine.u8.slice(at, at + this.word(this.base + Block.OUT_LENGTH));
  }

  /** Starts the layout of a message of which every field is empty. */
  begin(): void {
    this.next = this.in;
    this.engine.u8.fill(0, this.base, this.in);
  }

  /** Throws RangeError for what is no int64. */
  setNumber(field: number, value: bigint): void {
    if (value < INT64_MIN || value > INT64_MAX) throw new RangeError(`${value} is no int64`);
    this.engine.u64[this.fieldAt(field) >>> 3] = BigInt.asUintN(64, value);
  }

  /** Throws RangeError when the fields together outgrow a message, TypeError for no bytes. */
  setBytes(field: number, bytes: Uint8Array): void {
    wantBytes('message', bytes);
    this.place(this.fieldAt(field), bytes);
  }

  /** Throws RangeError, also for a text with half a surrogate pair. */
  setText(field: number, text: string): void {
    this.placeText(this.fieldAt(field), text);
  }

  setDigest(digest: Uint8Array): void {
    this.engine.u8.set(digest, this.base + Block.DIGEST);
  }

  /** Digest of bytes that are no message. Throws RangeError when they outgrow one. */
  sha256(bytes: Uint8Array): Uint8Array {
    this.setBytes(0, bytes);
    this.engine.exports.digestSha256(this.in, bytes.length, this.base + Block.DIGEST);
    return this.digest();
  }

  setMetadata(metadata: ReadonlyMap<string, string>): void {
    if (metadata.size > METADATA_ENTRIES_MAX) {
      throw new RangeError(`metadata: wanted at most 32 entries, got ${metadata.size}`);
    }
    let entry = this.base + Block.METADATA;
    for (const [key, value] of metadata) {
      this.placeText(entry, key);
      this.placeText(entry + 8, value);
      entry += 16;
    }
    this.engine.u32[(this.base + Block.METADATA_COUNT) >>> 2] = metadata.size;
  }

  /** Forgets the message: tokens and payloads do not stay in memory. */
  wipe(): void {
    const { base } = this;
    const { u8 } = this.engine;
    u8.fill(0, this.in, this.next);
    const out = base + Block.OUT;
    u8.fill(0, out, out + this.word(base + Block.OUT_LENGTH));
    u8.fill(0, base, this.in);
  }

  private fieldAt(field: number): number {
    return this.base + Block.FIELDS + 8 * field;
  }

  private word(at: number): number {
    return this.engine.u32[at >>> 2] ?? 0;
  }

  private slice(at: number): Uint8Array {
    const offset = this.word(at);
    return this.engine.u8.slice(offset, offset + this.word(at + 4));
  }

  private textAt(at: number): string {
    const offset = this.word(at);
    const end = offset + this.word(at + 4);
    const { u8 } = this.engine;
    if (end - offset > LOOP_BYTES) return decoder.decode(u8.subarray(offset, end));
    let text = '';
    for (let i = offset; i < end; i++) {
      const byte = u8[i] ?? 0;
      if (byte > 0x7f) return decoder.decode(u8.subarray(offset, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private placeText(at: number, text: string): void {
    if (!this.placeAscii(at, text)) this.place(at, textBytes(text));
  }

  /** Short texts of ASCII, as ids are, go straight into memory, past the encoder. */
  private placeAscii(at: number, text: string): boolean {
    const { u8, u32 } = this.engine;
    const { length } = text;
    if (length > SHORT_TEXT_BYTES || this.next + length > this.in + MESSAGE_BYTES_MAX) return false;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      u8[this.next + i] = code;
    }
    u32[at >>> 2] = this.next;
    u32[(at >>> 2) + 1] = length;
    this.next += length;
    return true;
  }

  private place(at: number, bytes: Uint8Array): void {
    const { u8, u32 } = this.engine;
    if (this.next + bytes.length > this.in + MESSAGE_BYTES_MAX) {
      throw new RangeError(`message: wanted at most ${MESSAGE_BYTES_MAX} bytes`);
    }
    u8.set(bytes, this.next);
    u32[at >>> 2] = this.next;
    u32[(at >>> 2) + 1] = bytes.length;
    this.next += bytes.length;
  }
}

function textBytes(text: string): Uint8Array {
  // It would become U+FFFD without a word, and two keys of a map the same.
  if (!text.isWellFormed()) throw new RangeError('text: half of a surrogate pair');
  return encoder.encode(text);
}
