/**
 * The host's side of a descriptor ring. The other side runs in the same thread, so plain loads do;
 * entries are read and written by index into the u32 view, without an object for each.
 */
import { Descriptor, Ring as Layout } from './generated/layout.ts';

const TWO_32 = 4294967296;

export class Ring {
  readonly entries: number;
  private readonly u32: Uint32Array;
  private readonly base: number;

  constructor(u32: Uint32Array, offset: number, entries: number) {
    this.u32 = u32;
    this.base = offset >>> 2;
    this.entries = entries;
  }

  /** Entries that wait to be read. */
  get used(): number {
    return ((this.u32[this.base] ?? 0) - (this.u32[this.base + (Layout.TAIL >>> 2)] ?? 0)) >>> 0;
  }

  get room(): number {
    return this.entries - this.used;
  }

  /** Index into the u32 view of the oldest entry; read it only when `used` is not 0. */
  first(): number {
    return this.entry(this.u32[this.base + (Layout.TAIL >>> 2)] ?? 0);
  }

  /** Lets the oldest entry go. */
  shift(): void {
    const at = this.base + (Layout.TAIL >>> 2);
    this.u32[at] = (this.u32[at] ?? 0) + 1;
  }

  /** Appends a received message. The caller has looked at `room`. */
  // biome-ignore lint/complexity/useMaxParams: an object for each request would be garbage
  push(
    frame: number,
    offset: number,
    length: number,
    peer: number,
    flags: number,
    arrivalUs: number,
    address = 0,
  ): void {
    const head = this.u32[this.base] ?? 0;
    const at = this.entry(head);
    const u32 = this.u32;
    u32[at + (Descriptor.FRAME >>> 2)] = frame;
    u32[at + (Descriptor.OFFSET >>> 2)] = offset;
    u32[at + (Descriptor.LENGTH >>> 2)] = length;
    u32[at + (Descriptor.PEER >>> 2)] = peer;
    u32[at + (Descriptor.FLAGS >>> 2)] = flags;
    u32[at + (Descriptor.ARRIVAL >>> 2)] = arrivalUs >>> 0;
    u32[at + (Descriptor.ARRIVAL >>> 2) + 1] = (arrivalUs / TWO_32) >>> 0;
    u32[at + (Descriptor.ADDRESS >>> 2)] = address;
    u32[this.base] = head + 1;
  }

  private entry(counter: number): number {
    const index = counter & (this.entries - 1);
    return this.base + (Layout.ENTRIES >>> 2) + index * (Layout.ENTRY_BYTES >>> 2);
  }
}
