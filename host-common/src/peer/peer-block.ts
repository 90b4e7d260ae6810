/**
 * The host's side of the engine's block for peer messages (assembly/core/peer.ts, PeerBlock).
 * Whatever is handed out is a copy.
 */
import type { Engine } from '../engine/engine.ts';
import { Region } from '../engine/generated/layout.ts';
import { PEER_RESPONSE_BYTES_MAX } from '../engine/generated/limits.ts';
import { PeerBlock, PeerField } from '../engine/generated/peer.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const U64_MAX = 2n ** 64n - 1n;
const U128_MAX = 2n ** 128n - 1n;

export class PeerMessageBlock {
  private readonly engine: Engine;
  private readonly base: number;
  private readonly in: number;
  /** First free byte behind the fields that are laid out. */
  private next: number;

  constructor(engine: Engine) {
    this.engine = engine;
    this.base = engine.region(Region.PEER);
    this.in = this.base + PeerBlock.IN;
    this.next = this.in;
  }

  /** Puts a message, which is not too long, where the engine reads it. */
  put(message: Uint8Array): void {
    this.engine.u8.set(message, this.in);
    this.next = this.in + message.length;
  }

  /** Starts the layout of a message of which every field is absent. */
  begin(variant = 0): void {
    this.next = this.in;
    this.engine.u8.fill(0, this.base, this.in);
    this.engine.u32[(this.base + PeerBlock.VARIANT) >>> 2] = variant;
  }

  variant(): number {
    return this.word(this.base + PeerBlock.VARIANT);
  }

  has(field: number): boolean {
    return (this.word(this.base + PeerBlock.PRESENT) & (1 << field)) !== 0;
  }

  number(field: number): bigint {
    return this.engine.u64[this.fieldAt(field) >>> 3] ?? 0n;
  }

  timestamp(): bigint {
    return (this.number(PeerField.TIMESTAMP_HIGH) << 64n) | this.number(PeerField.TIMESTAMP);
  }

  bytes(field: number): Uint8Array {
    const at = this.address(field);
    return this.engine.u8.slice(at, at + this.word(this.fieldAt(field) + 4));
  }

  text(field: number): string {
    return decoder.decode(this.bytes(field));
  }

  /** Where the bytes of a field lie. */
  address(field: number): number {
    return this.word(this.fieldAt(field));
  }

  digest(): Uint8Array {
    const at = this.base + PeerBlock.DIGEST;
    return this.engine.u8.slice(at, at + 32);
  }

  /** What the engine wrote. */
  written(): Uint8Array {
    const at = this.base + PeerBlock.OUT;
    return this.engine.u8.slice(at, at + this.word(this.base + PeerBlock.OUT_LENGTH));
  }

  /** Throws RangeError for what is no unsigned integer of 64 bits. */
  setNumber(field: number, value: bigint): void {
    if (value < 0n || value > U64_MAX) throw new RangeError(`${value} is no u64`);
    this.engine.u64[this.fieldAt(field) >>> 3] = value;
    this.mark(field);
  }

  /** Throws RangeError for what is no unsigned integer of 128 bits. */
  setTimestamp(value: bigint): void {
    if (value < 0n || value > U128_MAX) throw new RangeError(`${value} is no u128`);
    this.setNumber(PeerField.TIMESTAMP, value & U64_MAX);
    this.setNumber(PeerField.TIMESTAMP_HIGH, value >> 64n);
  }

  /** Throws RangeError when the fields together outgrow a message, TypeError for no bytes. */
  setBytes(field: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw new TypeError('message: wanted a Uint8Array');
    if (this.next + bytes.length > this.in + PEER_RESPONSE_BYTES_MAX) {
      throw new RangeError(`message: wanted at most ${PEER_RESPONSE_BYTES_MAX} bytes`);
    }
    this.engine.u8.set(bytes, this.next);
    this.engine.u32[this.fieldAt(field) >>> 2] = this.next;
    this.engine.u32[(this.fieldAt(field) >>> 2) + 1] = bytes.length;
    this.next += bytes.length;
    this.mark(field);
  }

  /** Throws RangeError, also for a text with half a surrogate pair. */
  setText(field: number, text: string): void {
    if (!text.isWellFormed()) throw new RangeError('text: half of a surrogate pair');
    this.setBytes(field, encoder.encode(text));
  }

  /** Forgets the message: payloads do not stay in memory. */
  wipe(): void {
    const { u8 } = this.engine;
    const out = this.base + PeerBlock.OUT;
    u8.fill(0, this.in, this.next);
    u8.fill(0, out, out + this.word(this.base + PeerBlock.OUT_LENGTH));
    u8.fill(0, this.base, this.in);
  }

  private mark(field: number): void {
    const at = (this.base + PeerBlock.PRESENT) >>> 2;
    this.engine.u32[at] = (this.engine.u32[at] ?? 0) | (1 << field);
  }

  private fieldAt(field: number): number {
    return this.base + PeerBlock.FIELDS + 8 * field;
  }

  private word(at: number): number {
    return this.engine.u32[at >>> 2] ?? 0;
  }
}
