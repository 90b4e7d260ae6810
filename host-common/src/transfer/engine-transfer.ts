/**
 * The transfer machine in the engine, seen from its host: packets, time and calls in, packets and
 * events out. No sockets, and the clock is whatever it is given: microseconds that do not run
 * backward. Handles are the engine's. Reference: transfer sections 1-6.
 */
import { CLIENT_SIZES, type EngineSizes, type TransferSizes } from '../engine/configuration.ts';
import { check, type Engine } from '../engine/engine.ts';
import { Config, Region, Ring } from '../engine/generated/layout.ts';
import {
  FRAME_BYTES,
  LARGE_FRAME_BYTES,
  TRANSFER_BATCH,
  TRANSFER_PACKET_BYTES_MAX,
} from '../engine/generated/limits.ts';
import {
  Compression,
  OpenArgument,
  PacketFlag,
  PathField,
  PrefixChange,
  TransferBlock,
  TransferEvent,
  TransferPacket,
  TransferStatistic,
} from '../engine/generated/transfer.ts';
import { type RandomBytes, utf8Within } from './byte-strings.ts';
import type { PacketPlaces } from './datagram-transport.ts';
import { EngineBlock } from './engine-block.ts';
import { EngineStreams } from './engine-streams.ts';
import { checkFits, frameLimits } from './frame-limits.ts';
import { checkEngineTransfers, checkTransferSizes, FRAMES_EACH_WAY } from './transfer-sizes.ts';

/** Frames of an engine that its host keeps; it uses none. */
export const HOST_FRAMES = 1;
/** At the end of a stateless reset; what is before it is random. */
const RESET_TOKEN_BYTES = 16;
const TWO_32 = 4294967296;
const PREFIX_CHANGES_MAX = (TransferBlock.RECEIVED - TransferBlock.ARGUMENTS) / PrefixChange.BYTES;
const WIDEST = frameLimits(TRANSFER_PACKET_BYTES_MAX);

/**
 * Sizes of an engine that does nothing but transfer. `nativeFrames`: frames of 4096 bytes for its
 * transport (EngineOptions.hostFrames is HOST_FRAMES then) [0].
 * @throws TypeError, RangeError: a size that no engine can have
 */
export function transferSizes(transfer: TransferSizes, nativeFrames = 0): EngineSizes {
  checkTransferSizes(transfer);
  const frames = HOST_FRAMES + nativeFrames;
  return { ...CLIENT_SIZES, frames, largeFrames: 2 * FRAMES_EACH_WAY, transfer };
}

/** What a handshake hands over. All arrays are copied. */
export interface OpenOptions {
  /** Split output and handshake hash, 32 bytes each. */
  k1: Uint8Array;
  k2: Uint8Array;
  handshakeHash: Uint8Array;
  initiator: boolean;
  /** Round trip of the handshake [not known]. */
  roundTripUs?: number | undefined;
  peerMaxStreams: number;
  peerWindowKiB: number;
  maxStreams: number;
  windowKiB: number;
  headerProtection?: boolean;
  /** A Compression [both ways]. */
  compression?: number;
  /** The largest UDP payload that can leave here. */
  mtuMax: number;
  idleMs?: number | undefined;
  rekeySeconds?: number | undefined;
  rekeyPackets?: number | undefined;
  /** 32 random bytes that only this process knows. */
  secret: Uint8Array;
  /** The far end (far-end.ts). */
  path: Uint8Array;
  /** 32 random bytes, of the process: the peer gets tokens for stateless resets [it gets none]. */
  resetKey?: Uint8Array | undefined;
}

export interface TransferEventOf {
  /** A TransferEventKind. */
  kind: number;
  session: number;
  stream: number;
  number: number;
  value: number;
  code: number;
  /** A copy; undefined when the event has none. */
  bytes: Uint8Array | undefined;
  /** The far end that it is about. */
  path: Uint8Array;
}

export interface PacketOut {
  /** A view; it is good until the next send(). */
  bytes: Uint8Array;
  path: Uint8Array;
  session: number;
  /** A probe of the path's size: it must not be fragmented. */
  mtuProbe: boolean;
}

export type Statistics = Record<keyof typeof TransferStatistic, number>;

function isWithin({ byteOffset, length }: Uint8Array, start: number, bytes: number): boolean {
  return byteOffset >= start && byteOffset + length <= start + bytes;
}

export class EngineTransfer {
  readonly engine: Engine;
  readonly streams: EngineStreams;
  private readonly block: EngineBlock;
  private readonly events: number;
  private readonly eventMask: number;
  private readonly incoming: number;
  private readonly outgoing: number;
  private readonly areaBytes: number;
  private received = 0;
  private cursor: number;

  /**
   * Over an engine that has transferSizes(); several of them are never over the same. `clock`:
   * microseconds.
   * @throws RangeError: it has not
   */
  constructor(engine: Engine, clock: () => number) {
    checkEngineTransfers(engine);
    this.engine = engine;
    this.block = new EngineBlock(engine, clock);
    this.streams = new EngineStreams(this.block);
    this.events = engine.region(Region.TRANSFER_EVENTS);
    const words = engine.exports.configBlock() >>> 2;
    this.eventMask = (engine.u32[words + Config.TRANSFER_EVENTS] ?? 1) - 1;
    this.incoming = engine.region(Region.LARGE_FRAMES);
    this.areaBytes = FRAMES_EACH_WAY * LARGE_FRAME_BYTES;
    this.outgoing = this.incoming + this.areaBytes;
    this.cursor = this.incoming;
  }

  /** Opens a session; gives its handle, undefined when there is no room for one more. */
  open(options: OpenOptions): number | undefined {
    const { block } = this;
    this.engine.u8.fill(0, block.address, block.address + OpenArgument.BYTES);
    block.put(OpenArgument.K1, options.k1, 32);
    block.put(OpenArgument.K2, options.k2, 32);
    block.put(OpenArgument.HANDSHAKE_HASH, options.handshakeHash, 32);
    block.put(OpenArgument.SECRET, options.secret, 32);
    block.put(OpenArgument.PATH, options.path, PathField.BYTES);
    block.setWord(OpenArgument.INITIATOR, options.initiator ? 1 : 0);
    block.setWord(OpenArgument.ROUND_TRIP_US, options.roundTripUs ?? 0);
    block.setWord(OpenArgument.PEER_MAX_STREAMS, options.peerMaxStreams);
    block.setWord(OpenArgument.PEER_WINDOW_KIB, options.peerWindowKiB);
    block.setWord(OpenArgument.MAX_STREAMS, options.maxStreams);
    block.setWord(OpenArgument.WINDOW_KIB, options.windowKiB);
    block.setWord(OpenArgument.HEADER_PROTECTION, options.headerProtection ? 1 : 0);
    block.setWord(OpenArgument.COMPRESSION, options.compression ?? Compression.BOTH_WAYS);
    block.setWord(OpenArgument.MTU_MAX, options.mtuMax);
    block.setWord(OpenArgument.IDLE_MS, options.idleMs ?? 0);
    block.setWord(OpenArgument.REKEY_SECONDS, options.rekeySeconds ?? 120);
    block.setWord(OpenArgument.REKEY_PACKETS, options.rekeyPackets ?? 1000000);
    if (options.resetKey) {
      block.setWord(OpenArgument.RESET, 1);
      block.put(OpenArgument.RESET_KEY, options.resetKey, 32);
    }
    const handle = this.engine.exports.transferOpen(...block.time);
    return handle === 0 ? undefined : handle >>> 0;
  }

  /** For transports that lay packets here themselves, and send them from here. */
  get places(): Omit<PacketPlaces, 'drained'> {
    return {
      memory: this.engine.memory,
      incoming: this.incoming,
      incomingBytes: this.areaBytes,
      outgoing: this.outgoing,
      outgoingBytes: this.areaBytes,
      sent: this.block.address + TransferBlock.SENT,
      frames: this.engine.nativeFrames,
    };
  }

  /**
   * Lays a packet that came down for receive(), unless it lies there already, as all of a batch do
   * or none. False: the batch is full.
   */
  putReceived(bytes: Uint8Array, path: Uint8Array): boolean {
    if (this.received === 0) this.cursor = this.incoming;
    if (this.received === TRANSFER_BATCH) return false;
    let offset = this.cursor;
    if (this.isPlaced(bytes)) offset = bytes.byteOffset;
    else {
      if (offset + bytes.length > this.incoming + this.areaBytes) return false;
      this.engine.u8.set(bytes, offset);
      this.cursor += bytes.length;
    }
    const entry = TransferBlock.RECEIVED + this.received * TransferPacket.BYTES;
    this.block.setWord(entry + TransferPacket.OFFSET, offset);
    this.block.setWord(entry + TransferPacket.LENGTH, bytes.length);
    this.block.put(entry + TransferPacket.PATH, path, PathField.BYTES);
    this.received++;
    return true;
  }

  private isPlaced(bytes: Uint8Array): boolean {
    if (bytes.buffer !== this.engine.u8.buffer) return false;
    const { offset, count } = this.engine.nativeFrames;
    return (
      isWithin(bytes, this.incoming, this.areaBytes) || isWithin(bytes, offset, count * FRAME_BYTES)
    );
  }

  /** Takes the packets laid down; gives how many, of which verdict() tells. */
  receive(): number {
    const count = this.received;
    this.received = 0;
    if (count) this.engine.exports.transferReceive(count, ...this.block.time);
    return count;
  }

  /** The PacketVerdict of a packet of the last receive(). */
  verdict(index: number): number {
    const entry = TransferBlock.RECEIVED + index * TransferPacket.BYTES;
    return this.block.word(entry + TransferPacket.VERDICT);
  }

  /**
   * A stateless reset for a packet of the last receive() that nobody knows: bytes to send to where
   * it came from, good until the next send(). undefined: none, as most often.
   */
  resetFor(index: number, random: RandomBytes): Uint8Array | undefined {
    const bytes = this.block.now.transferResetFor(index, this.outgoing);
    if (bytes === 0) return undefined;
    this.engine.u8.set(random(bytes - RESET_TOKEN_BYTES), this.outgoing);
    return this.engine.u8.subarray(this.outgoing, this.outgoing + bytes);
  }

  /** Asks for packets to send; gives how many. A full batch means that there may be more. */
  send(): number {
    const { exports } = this.engine;
    return exports.transferSend(this.outgoing, this.areaBytes, ...this.block.time);
  }

  /** Tells what changed in the table of prefixes since the last call (DatagramTransport). */
  prefixChanges(tell: (place: number, prefix: number) => void): void {
    let count = PREFIX_CHANGES_MAX;
    while (count === PREFIX_CHANGES_MAX) {
      count = this.engine.exports.transferPrefixChanges();
      for (let i = 0; i < count; i++) {
        const at = TransferBlock.ARGUMENTS + i * PrefixChange.BYTES;
        tell(this.block.word(at + PrefixChange.PLACE), this.block.word(at + PrefixChange.PREFIX));
      }
    }
  }

  /** A packet of the last send(). */
  sent(index: number): PacketOut {
    const entry = TransferBlock.SENT + index * TransferPacket.BYTES;
    const offset = this.block.word(entry + TransferPacket.OFFSET);
    const path = this.block.address + entry + TransferPacket.PATH;
    return {
      bytes: this.engine.u8.subarray(
        offset,
        offset + this.block.word(entry + TransferPacket.LENGTH),
      ),
      path: this.engine.u8.subarray(path, path + PathField.BYTES),
      session: this.block.word(entry + TransferPacket.SESSION),
      mtuProbe: (this.block.word(entry + TransferPacket.FLAGS) & PacketFlag.MTU_PROBE) !== 0,
    };
  }

  step(): void {
    this.engine.exports.transferStep(...this.block.time);
  }

  /** When step() and send() are wanted; Infinity: not before something else happens. */
  wakeUs(): number {
    this.engine.exports.transferWake();
    return this.block.word(4) === 0xffffffff ? Number.POSITIVE_INFINITY : this.block.long(0);
  }

  /** Hands every waiting event to `take`, and gives back what the event carried. */
  drain(take: (event: TransferEventOf) => void): void {
    const { u32, u8 } = this.engine;
    const ring = this.events >>> 2;
    const tailAt = ring + (Ring.TAIL >>> 2);
    for (let tail = u32[tailAt] ?? 0; u32[ring] !== tail; tail = u32[tailAt] ?? 0) {
      const entry = this.events + Ring.ENTRIES + (tail & this.eventMask) * Ring.ENTRY_BYTES;
      const word = (offset: number) => u32[(entry + offset) >>> 2] ?? 0;
      const offset = word(TransferEvent.OFFSET);
      const slot = word(TransferEvent.SLOT);
      const path = entry + TransferEvent.PATH;
      const event: TransferEventOf = {
        kind: word(TransferEvent.KIND),
        session: word(TransferEvent.SESSION),
        stream: word(TransferEvent.STREAM),
        number: word(TransferEvent.NUMBER),
        value: word(TransferEvent.VALUE) + word(TransferEvent.VALUE + 4) * TWO_32,
        code: word(TransferEvent.CODE),
        bytes: offset ? u8.slice(offset, offset + word(TransferEvent.LENGTH)) : undefined,
        path: u8.slice(path, path + PathField.BYTES),
      };
      u32[tailAt] = tail + 1;
      if (slot) check('transferRelease', this.engine.exports.transferRelease(slot));
      take(event);
    }
  }

  /**
   * Closes; the reason is cut to `bytesMax`, at most 1024. A packet that does not hold it goes
   * without. False: the session is not open.
   */
  close(session: number, error: number, reason = '', bytesMax = WIDEST.closeReason): boolean {
    const text = utf8Within(reason, bytesMax);
    this.block.put(TransferBlock.ARGUMENTS, text);
    return this.block.now.transferClose(session, error, text.length) === 0;
  }

  ping(session: number): boolean {
    return this.block.now.transferPing(session) === 0;
  }

  keepalive(session: number, on: boolean): boolean {
    return this.block.now.transferKeepalive(session, on ? 1 : 0) === 0;
  }

  private layMessage(offset: number, data: Uint8Array): void {
    this.block.setLong(0, offset);
    this.block.put(8, data);
  }

  /**
   * CONTROL of a type from 0x0100 on. Gives the engine's Status: MEMORY means later.
   * @throws RangeError: more than one frame holds; over a narrow way one that fits it not waits on
   */
  control(session: number, type: number, data: Uint8Array, offset = 0): number {
    checkFits('data', data, WIDEST.control);
    this.layMessage(offset, data);
    return this.block.now.transferControl(session, type, data.length);
  }

  /** A frame of type 0x20 to 0x3f, likewise. */
  extension(session: number, type: number, data: Uint8Array, stream = 0): number {
    checkFits('data', data, WIDEST.extension);
    this.layMessage(0, data);
    return this.block.now.transferExtension(session, type, stream, data.length);
  }

  /** Starts a rekey; false: one is under way. */
  rekey(session: number): boolean {
    return this.block.now.transferRekey(session) === 0;
  }

  /** Answers REKEY_KEY with the representative of a fresh key. */
  rekeyKey(session: number, representative: Uint8Array): boolean {
    this.block.put(0, representative, 32);
    return this.block.now.transferRekeyKey(session) === 0;
  }

  /** Answers REKEY_SECRET with the shared secret. */
  rekeySecret(session: number, secret: Uint8Array): boolean {
    this.block.put(0, secret, 32);
    return this.block.now.transferRekeySecret(session) === 0;
  }

  /** Moves to another path (far-end.ts); false: a move is under way. */
  migrate(session: number, path: Uint8Array): boolean {
    this.block.put(0, path, PathField.BYTES);
    return this.block.now.transferMigrate(session) === 0;
  }

  statistics(session: number): Statistics | undefined {
    if (this.engine.exports.transferStatistics(session) !== 0) return undefined;
    const entries = Object.entries(TransferStatistic)
      .filter(([name]) => name !== 'BYTES')
      .map(([name, at]) => [name, this.block.long(at)]);
    return Object.fromEntries(entries) as Statistics;
  }
}
