/**
 * Streams of the transfer machine, seen from the host: bytes are written into the engine's blocks
 * and read from them, without a copy of the engine's own. Reference: transfer section 5.
 */
import { TRANSFER_METADATA_BYTES_MAX } from '../engine/generated/limits.ts';
import { StreamFact } from '../engine/generated/transfer.ts';
import { checkFlag, checkWhole } from './argument-checks.ts';
import { utf8Within } from './byte-strings.ts';
import { type EngineBlock, lowHigh } from './engine-block.ts';
import { checkFits } from './frame-limits.ts';

/** Of the number of a stream that is one. */
export const EXPEDITED_BIT = 0x8000;

const EMPTY = new Uint8Array(0);

export interface StreamOptions {
  /** Both ways [true]. */
  bidi?: boolean;
  /** 0 to 255, higher first [128]. */
  priority?: number;
  /** No flow control, up to 64 KiB [false]. */
  expedited?: boolean;
  /** Told to the peer with the stream; up to 1000 bytes [none]. */
  metadata?: Uint8Array;
  /** The host reads ranges in any order [false]. */
  unordered?: boolean;
  /**
   * What we send goes compressed, frame by frame, where that gains 5 % or more [false]. Not in
   * obfuscation Full, where lengths would tell of the content: there it goes as it is.
   */
  compress?: boolean;
}

export class EngineStreams {
  private readonly block: EngineBlock;
  private refused = 0;

  constructor(block: EngineBlock) {
    this.block = block;
  }

  /** Opens a stream; undefined: none, and `refusal` says why. */
  open(session: number, options: StreamOptions = {}): number | undefined {
    const { bidi = true, priority = 128, expedited = false, unordered = false } = options;
    const { metadata = EMPTY, compress = false } = options;
    checkFits('metadata', metadata, TRANSFER_METADATA_BYTES_MAX);
    checkWhole('priority', priority, 0, 255);
    for (const [name, value] of Object.entries({ bidi, expedited, unordered, compress })) {
      checkFlag(name, value);
    }
    this.block.put(0, metadata);
    const ways = (bidi ? 1 : 0) | (expedited ? 2 : 0);
    const flags = ways | (unordered ? 4 : 0) | (compress ? 8 : 0);
    const kind = flags | (priority << 8);
    const handle = this.block.now.transferStreamOpen(session, kind, metadata.length);
    if (handle === 0) this.refused = this.block.word(0);
    return handle === 0 ? undefined : handle >>> 0;
  }

  /** Why the last open() opened none: an OpenRefusal. */
  get refusal(): number {
    return this.refused;
  }

  /**
   * The application has taken one of the streams that STREAM_OPENED told of. What a peer opens
   * beyond twice its limit of those that are not taken is not acked.
   */
  accepted(session: number): boolean {
    return this.block.now.transferStreamAccepted(session) === 0;
  }

  /**
   * Writes bytes at an offset of the stream, each of which is written once; gives how many found
   * room. STREAM_WRITABLE tells when there is more.
   */
  write(stream: number, offset: number, bytes: Uint8Array): number {
    const { u8 } = this.block.engine;
    const exports = this.block.now;
    let done = 0;
    while (done < bytes.length) {
      const at = offset + done;
      const [low, high] = lowHigh(at);
      const room = exports.transferStreamRoom(stream, low, high, bytes.length - done) >>> 0;
      if (room === 0) break;
      u8.set(bytes.subarray(done, done + room), this.block.word(0));
      if (exports.transferStreamWritten(stream, low, high, room) !== 0) break;
      done += room;
    }
    return done;
  }

  /** All has been written. */
  finish(stream: number): boolean {
    return this.block.now.transferStreamFinish(stream) === 0;
  }

  /** Gives up sending, for a StreamResetError. */
  reset(stream: number, error: number): boolean {
    return this.block.now.transferStreamReset(stream, error) === 0;
  }

  /** Wants no more of what comes. */
  stop(stream: number): boolean {
    return this.block.now.transferStreamStop(stream) === 0;
  }

  /** From now on a stream is read in any order; false: reading has begun. */
  setUnordered(stream: number): boolean {
    return this.block.now.transferStreamUnordered(stream) === 0;
  }

  /**
   * Tells the peer that no new streams are taken, for a GoAwayError; the reason is cut to
   * `bytesMax`, at most 256.
   */
  goAway(session: number, error: number, reason = '', bytesMax = 256): boolean {
    const text = utf8Within(reason, bytesMax);
    this.block.put(0, text);
    return this.block.now.transferGoaway(session, error, text.length) === 0;
  }

  setPriority(stream: number, priority: number): boolean {
    return this.block.now.transferStreamPriority(stream, priority) === 0;
  }

  /** The sum of all that a stream's peer sent, once all of it has come. */
  totalOf(stream: number): number | undefined {
    if (this.block.now.transferStreamFacts(stream) !== 0) return undefined;
    if (this.block.word(StreamFact.HAS_ALL) === 0) return undefined;
    return this.block.long(StreamFact.FINAL);
  }

  /**
   * Hands everything that can be read now to `take`, in runs that lie in the engine (views, good
   * for this call only); they are gone afterwards. Gives the bytes, and
   * stops at the run that reaches `bytesMax`: for what is left no event comes.
   */
  read(
    stream: number,
    take: (bytes: Uint8Array, offset: number) => void,
    bytesMax = Number.POSITIVE_INFINITY,
  ): number {
    const { u8 } = this.block.engine;
    const exports = this.block.now;
    let sum = 0;
    while (sum < bytesMax) {
      const length = exports.transferStreamReadable(stream) >>> 0;
      if (length === 0) break;
      const address = this.block.word(0);
      const offset = this.block.long(8);
      take(u8.subarray(address, address + length), offset);
      if (exports.transferStreamConsumed(stream, ...lowHigh(offset), length) !== 0) break;
      sum += length;
    }
    return sum;
  }
}
