/**
 * A pattern around everything that a request may write to: every second receive frame and large
 * frame is never lent and holds nothing else, free reply frames and the places of small replies
 * are filled with it, and so is the memory behind the last region. Whatever is written outside its
 * own frame falls on it.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import {
  CONFIG_WORDS,
  FRAME_BYTES,
  LARGE_FRAME_BYTES,
  REPLY_FRAME_BYTES,
  REQUEST_RECORDS,
  SLOT_PAYLOAD_BYTES,
} from '@andvari/host-common/engine/generated/limits';
import { RequestRecord, Requests } from '@andvari/host-common/engine/generated/requests';

const PATTERN = 0xa5a5a5a5;
const BYTE = 0xa5;
/** What is looked at of a free reply frame: its head and its tail. */
const EDGE_BYTES = 4096;
/** Rows of this worker's regions in the engine's table, as assembly/core/memory.ts has them. */
const CONFIG_BYTES = 4 * CONFIG_WORDS;
const OWN_ROWS = 32;
const PARKED_ROW = 6;
const SEEN_ROW = 11;
const COIN_LIST_ROW = 12;
const COIN_LIST_BYTES = 20480;
const REQUESTS_BYTES = Requests.RECENT + REQUEST_RECORDS * RequestRecord.BYTES;
/** A parked slot's link to the next free one; all else of a free slot is zeros. */
const PARK_BYTES = 512;
const PARK_NEXT = 76;

export class Guards {
  readonly #engine: Engine;
  /** First words and lengths (words) of what always holds the pattern. */
  readonly #fixed: [at: number, words: number][] = [];
  readonly #replyFrames: number[];
  /** Reply frames that a request has had since the pattern was written last. */
  readonly #used = new Set<number>();

  /** Takes every second frame of the engine's pools. */
  constructor(engine: Engine, replyFrames: number) {
    this.#engine = engine;
    const { frames, largeFrames } = engine;
    this.#guardFrames(frames, FRAME_BYTES);
    this.#guardFrames(largeFrames, LARGE_FRAME_BYTES);
    const first = engine.region(Region.REPLY_FRAMES);
    this.#replyFrames = Array.from(
      { length: replyFrames },
      (_, i) => first + i * REPLY_FRAME_BYTES,
    );
    const end = engine.region(Region.END);
    this.#fixed.push([end >>> 2, (engine.u8.length - end) >>> 2]);
    for (const [at, words] of this.#fixed) engine.u32.fill(PATTERN, at, at + words);
    for (const frame of this.#replyFrames) this.#fillEdges(frame);
  }

  #guardFrames(pool: Engine['frames'], bytes: number): void {
    const all: number[] = [];
    while (pool.available) all.push(pool.take());
    all.sort((a, b) => a - b);
    for (const [i, frame] of all.entries()) {
      if (i % 2 === 1) pool.give(frame);
      else this.#fixed.push([frame >>> 2, bytes >>> 2]);
    }
  }

  #fillEdges(frame: number): void {
    const { u8 } = this.#engine;
    u8.fill(BYTE, frame, frame + EDGE_BYTES);
    u8.fill(BYTE, frame + REPLY_FRAME_BYTES - EDGE_BYTES, frame + REPLY_FRAME_BYTES);
  }

  /** A request has this reply frame (any address in it). */
  uses(address: number): void {
    const frame = this.#replyFrames.findLast((start) => start <= address);
    if (frame !== undefined && address < frame + REPLY_FRAME_BYTES) this.#used.add(frame);
  }

  /**
   * A small reply in a slot of its ring: nothing was written behind it. Then the slot gets the
   * pattern again.
   */
  checkSlot(offset: number, length: number, start: number): void {
    const { u8 } = this.#engine;
    for (let at = offset + length; at < start + SLOT_PAYLOAD_BYTES; at++) {
      if (u8[at] !== BYTE) throw new Error(`guard: byte ${at - start} of a reply's slot`);
    }
    u8.fill(BYTE, start, start + SLOT_PAYLOAD_BYTES);
  }

  fillSlots(start: number, entries: number): void {
    this.#engine.u8.fill(BYTE, start, start + entries * SLOT_PAYLOAD_BYTES);
  }

  /** The fixed guards; cheap enough for every batch. */
  check(): void {
    const { u32 } = this.#engine;
    for (const [at, words] of this.#fixed) {
      // The edges every time: an overflow begins there.
      for (let i = 0; i < Math.min(words, 64); i++) {
        if (u32[at + i] !== PATTERN || u32[at + words - 1 - i] !== PATTERN) this.#broken(at, words);
      }
    }
  }

  /** Everything, when no request is under way. */
  checkAll(parkSlots: number): void {
    const { u8, u32 } = this.#engine;
    for (const [at, words] of this.#fixed) {
      for (let i = 0; i < words; i++) if (u32[at + i] !== PATTERN) this.#broken(at, words);
    }
    for (const frame of this.#replyFrames) {
      if (!this.#used.has(frame)) this.#checkEdges(frame);
      this.#fillEdges(frame);
    }
    this.#used.clear();
    const [parked, seen, list] = [PARKED_ROW, SEEN_ROW, COIN_LIST_ROW].map((i) => this.#row(i));
    this.#expectZeros(seen ?? 0, (list ?? 0) - (seen ?? 0), 'the bits of seen coins');
    const requests = this.#engine.region(Region.REQUESTS);
    for (const [what, from, end] of [
      ['what follows coin lists', (list ?? 0) + COIN_LIST_BYTES, requests],
      ['what follows records', requests + REQUESTS_BYTES, this.#engine.region(Region.END)],
    ] as const) {
      this.#expectZeros(from, end - from, what);
    }
    for (let slot = 0; slot < parkSlots; slot++) {
      const at = (parked ?? 0) + slot * PARK_BYTES;
      for (let i = 0; i < PARK_BYTES; i += 4) {
        if (i !== PARK_NEXT && u32[(at + i) >>> 2]) {
          throw new Error(`guard: byte ${i} of free parked slot ${slot}, ${u8[at + i]}`);
        }
      }
    }
  }

  #checkEdges(frame: number): void {
    const { u8 } = this.#engine;
    const last = frame + REPLY_FRAME_BYTES - EDGE_BYTES;
    for (let i = 0; i < EDGE_BYTES; i++) {
      if (u8[frame + i] !== BYTE || u8[last + i] !== BYTE) {
        throw new Error(`guard: byte ${i} of an edge of the free reply frame at ${frame}`);
      }
    }
  }

  #expectZeros(at: number, bytes: number, what: string): void {
    for (let i = at; i < at + bytes; i++) {
      if (this.#engine.u8[i]) throw new Error(`guard: ${what}, byte ${i - at}`);
    }
  }

  #row(index: number): number {
    const { u32, exports } = this.#engine;
    return u32[((exports.configBlock() + CONFIG_BYTES) >>> 2) + OWN_ROWS + index] ?? 0;
  }

  #broken(at: number, words: number): never {
    const { u32 } = this.#engine;
    let first = 0;
    while (u32[at + first] === PATTERN) first++;
    throw new Error(`guard: word ${first} of ${words} at ${4 * at}: ${u32[at + first]}`);
  }
}
