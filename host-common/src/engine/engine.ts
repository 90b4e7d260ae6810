/**
 * One instance of the engine over one memory: typed views made once (the memory never grows or
 * moves), rings, frames, random pool. The border's rules are in docs/architecture.md; every number
 * comes from assembly/core/layout.ts.
 */

import {
  CLIENT_IDENTITY,
  type EngineIdentity,
  type EngineSizes,
  writeConfiguration,
} from './configuration.ts';
import { EngineError } from './engine-error.ts';
import { FramePool } from './frame-pool.ts';
import type { GateExports } from './gate-exports.ts';
import { Client } from './generated/client.ts';
import { Config, Control, Region } from './generated/layout.ts';
import { RANDOM_POOL_BYTES } from './generated/limits.ts';
import { Status, statusName } from './generated/status.ts';
import { type CtrText, type NativeCtr, NO_NATIVE_CTR } from './native-ctr.ts';
import { type NativeTransfer, NO_NATIVE_TRANSFER } from './native-transfer.ts';
import { RandomPool } from './random-pool.ts';
import { Ring } from './ring.ts';
import { LOCKER_ROW_BYTES, loadCells, loadInUse, type StoreTables } from './store-tables.ts';

/**
 * What the module exports; meanings in assembly/index.ts. Numbers are u32 as JavaScript sees them:
 * signed.
 */
export interface EngineExports extends GateExports {
  configBlock(): number;
  regions(index: number): number;
  configure(): number;
  attach(): number;
  process(batch: number, nowLow: number, nowHigh: number): number;
  step(nowLow: number, nowHigh: number): number;
  resume(slot: number, status: number): number;
  complete(slot: number, status: number, bytes: number): number;
  clearTables(): void;
  enterLocker(denominationIndex: number, serial: number, an: number): number;
  release(offset: number): number;
  rollback(low: number, high: number): number;
  discard(low: number, high: number): number;
  reopen(): void;
  requestLength(offset: number, length: number): number;
  addressHash(offset: number): number;
  requestSeal(): number;
  replyOpen(): number;
  ratatoskrOpen(kind: number, length: number): number;
  ratatoskrOpenRequest(length: number, nowLow: number, nowHigh: number, skew: number): number;
  ratatoskrEncode(kind: number): number;
  ratatoskrDigest(): number;
  ratatoskrRecord(nowLow: number, nowHigh: number, skew: number): number;
  ed25519CheckKey(key: number): number;
  ed25519Check(key: number, signature: number): number;
  peerOpen(kind: number, wire: number, length: number): number;
  peerEncode(kind: number, wire: number): number;
  peerSigningBytes(wire: number): number;
  peerCheckHandshake(wire: number, nowLow: number, nowHigh: number): number;
  checksumCrc32(source: number, length: number): number;
  digestMd5(source: number, length: number, out: number): void;
  digestSha256(source: number, length: number, out: number): void;
  digestHmacSha256(
    key: number,
    keyLength: number,
    source: number,
    length: number,
    out: number,
  ): void;
  cipherCtr(...text: CtrText): number;
  transferAt(nowLow: number, nowHigh: number): void;
  transferOpen(nowLow: number, nowHigh: number): number;
  transferReceive(count: number, nowLow: number, nowHigh: number): number;
  transferSend(area: number, bytes: number, nowLow: number, nowHigh: number): number;
  transferStep(nowLow: number, nowHigh: number): void;
  transferWake(): void;
  transferClose(session: number, error: number, reasonBytes: number): number;
  transferPing(session: number): number;
  transferKeepalive(session: number, on: number): number;
  transferControl(session: number, type: number, bytes: number): number;
  transferExtension(session: number, type: number, stream: number, bytes: number): number;
  transferRekey(session: number): number;
  transferRekeyKey(session: number): number;
  transferRekeySecret(session: number): number;
  transferMigrate(session: number): number;
  transferStreamOpen(session: number, kind: number, metadataBytes: number): number;
  transferStreamAccepted(session: number): number;
  transferStreamUnordered(stream: number): number;
  transferStreamRoom(stream: number, low: number, high: number, length: number): number;
  transferStreamWritten(stream: number, low: number, high: number, length: number): number;
  transferStreamFinish(stream: number): number;
  transferStreamReset(stream: number, error: number): number;
  transferStreamStop(stream: number): number;
  transferStreamPriority(stream: number, priority: number): number;
  transferStreamReadable(stream: number): number;
  transferStreamConsumed(stream: number, low: number, high: number, length: number): number;
  transferStreamFacts(stream: number): number;
  transferGoaway(session: number, error: number, reasonBytes: number): number;
  transferResetFor(index: number, at: number): number;
  transferStatistics(session: number): number;
  transferRelease(slot: number): number;
  transferPrefixChanges(): number;
  digestBlake3(source: number, length: number, out: number, outLength: number): void;
  digestBlake3Keyed(
    key: number,
    source: number,
    length: number,
    out: number,
    outLength: number,
  ): void;
  digestBlake3Derive(
    context: number,
    contextLength: number,
    source: number,
    length: number,
    out: number,
    outLength: number,
  ): void;
  blake3Begin(state: number, firstLow: number, firstHigh: number): void;
  blake3Add(state: number, source: number, length: number): void;
  blake3Finish(state: number, out: number, outLength: number): void;
  blake3FinishPart(state: number, out: number): void;
  blake3Part(
    source: number,
    length: number,
    firstLow: number,
    firstHigh: number,
    out: number,
  ): void;
  blake3Parent(left: number, right: number, root: number, out: number): void;
  cipherChaCha20(key: number, counter: number, nonce: number, at: number, length: number): void;
  deriveHChaCha20(key: number, nonce: number, out: number): void;
  aeadSeal(...text: AeadText): number;
  aeadOpen(...text: AeadText): number;
  lz4Pack(from: number, length: number, to: number, room: number): number;
  lz4Unpack(from: number, length: number, to: number): number;
  packetsStart(keys: number, initiator: number, headerProtection: number): number;
  packetsSeal(session: number, at: number, total: number): number;
  packetsOpen(session: number, at: number, length: number): number;
  packetsRekey(session: number, dh: number, epoch: number): number;
  packetsMove(session: number, path: number): number;
  packetsEnd(session: number): number;
}

/** Key, nonce and its length, associated data and its length, text and its length, tag. */
export type AeadText = [
  key: number,
  nonce: number,
  nonceLength: number,
  aad: number,
  aadLength: number,
  at: number,
  length: number,
  tag: number,
];

/** What is an instance's own. */
export interface InstanceOptions {
  /** Of hosts whose processor has AES instructions and that can use them. */
  nativeCtr?: NativeCtr | undefined;
  /** Of hosts that have a faster cipher and hash for transfer. */
  nativeTransfer?: NativeTransfer | undefined;
  /** Receive frames for this side; a native socket has the others [all]. */
  hostFrames?: number | undefined;
}

export interface EngineOptions extends InstanceOptions {
  /** The compiled engine: plain or shared build. */
  module: WebAssembly.Module;
  /** True for the shared build: several instances over one SharedArrayBuffer. */
  shared?: boolean;
  sizes: EngineSizes;
  identity: EngineIdentity;
}

/** 64 KiB: the unit in which a memory is sized. */
const WASM_PAGE_BYTES = 65536;
/** Enough to lay out a map and learn how much it needs; the declared minimum of the module. */
const LEAST_PAGES = 32;
/** By module, sizes and wire: always the same, and it costs a memory and an instance to ask. */
const needs = new WeakMap<WebAssembly.Module, Map<string, number>>();
const TWO_32 = 4294967296;

/** What an instance is given (assembly/core/imports.ts). */
interface Surroundings {
  memory: WebAssembly.Memory;
  worker: number;
  nativeCtr?: NativeCtr | undefined;
  nativeTransfer?: NativeTransfer | undefined;
}

export class Engine {
  readonly exports: EngineExports;
  readonly memory: WebAssembly.Memory;
  readonly worker: number;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly u64: BigUint64Array<ArrayBuffer>;
  readonly rx: Ring;
  readonly ready: Ring;
  readonly held: Ring;
  readonly effects: Ring;
  readonly frames: FramePool;
  readonly largeFrames: FramePool;
  /** Receive frames that are a native socket's: the first byte, and how many. */
  readonly nativeFrames: { readonly offset: number; readonly count: number };
  readonly random: RandomPool;
  /** Records that fit the journal ring. */
  readonly journalRecords: number;
  private readonly control: number;
  readonly pagesPerDenomination: number;
  /** Coins that can lie in lockers at once. */
  readonly lockerCoins: number;

  private constructor(
    exports: EngineExports,
    memory: WebAssembly.Memory,
    {
      worker,
      hostFrames = Number.POSITIVE_INFINITY,
    }: { worker: number; hostFrames?: number | undefined },
  ) {
    this.memory = memory;
    this.worker = worker;
    this.exports = exports;
    check('attach', this.exports.attach());
    const buffer = memory.buffer as ArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    const config = (index: number) => this.u32[(this.exports.configBlock() >>> 2) + index] ?? 0;
    const ring = (region: number) =>
      new Ring(this.u32, this.region(region), config(Config.RING_ENTRIES));
    this.rx = ring(Region.RX);
    this.ready = ring(Region.READY);
    this.held = ring(Region.HELD);
    this.effects = ring(Region.EFFECTS);
    const frames = config(Config.FRAMES);
    const own = Math.min(frames, hostFrames);
    this.frames = FramePool.small(this.region(Region.FRAMES), own);
    const offset = this.region(Region.FRAMES) + own * this.frames.frameBytes;
    this.nativeFrames = { offset, count: frames - own };
    this.largeFrames = FramePool.large(
      this.region(Region.LARGE_FRAMES),
      config(Config.LARGE_FRAMES),
    );
    this.random = new RandomPool(this.u8, this.u32, this.region(Region.RANDOM), RANDOM_POOL_BYTES);
    this.journalRecords = config(Config.JOURNAL_RECORDS);
    this.control = this.region(Region.CONTROL);
    this.pagesPerDenomination = config(Config.PAGES_PER_DENOMINATION);
    this.lockerCoins = config(Config.LOCKER_COINS);
  }

  /**
   * Makes a memory of the size that the configuration needs, configures it and attaches worker 0.
   */
  static create(options: EngineOptions): Engine {
    const { module, shared = false, nativeCtr, nativeTransfer, ...rest } = options;
    const pages = Math.max(LEAST_PAGES, Math.ceil(bytesOf(options) / WASM_PAGE_BYTES));
    const memory = newMemory(pages, shared);
    const exports = instantiate(module, { memory, worker: 0, nativeCtr, nativeTransfer });
    writeConfiguration(memory, exports.configBlock(), options.sizes, options.identity);
    check('configure', exports.configure());
    return new Engine(exports, memory, { ...rest, worker: 0 });
  }

  /** A further instance over a memory that create() has made (shared build). */
  static attach(
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    worker: number,
    { nativeCtr, nativeTransfer, ...rest }: InstanceOptions = {},
  ): Engine {
    const exports = instantiate(module, { memory, worker, nativeCtr, nativeTransfer });
    return new Engine(exports, memory, { ...rest, worker });
  }

  /** First byte of a region (generated/layout.ts, Region). */
  region(index: number): number {
    return this.exports.regions(index) >>> 0;
  }

  /**
   * Answers up to `batch` received messages; returns how many it took. `nowUs`: microseconds since
   * the epoch.
   */
  process(batch: number, nowUs: number): number {
    return this.exports.process(batch, nowUs >>> 0, (nowUs / TWO_32) >>> 0);
  }

  /** Runs timers and parked requests; returns how many requests are parked. */
  step(nowUs: number): number {
    return this.exports.step(nowUs >>> 0, (nowUs / TWO_32) >>> 0);
  }

  /** Journal: first position that no group has claimed. */
  journalHead(): number {
    return this.position(Control.HEAD);
  }

  /** Journal: first position that the store has not committed. */
  committed(): number {
    return this.position(Control.COMMITTED);
  }

  /** Positions count records: 2^53 of them outlast any server, so a Number holds them. */
  private position(word: number): number {
    return Number(Atomics.load(this.u64, (this.control + word) >>> 3));
  }

  /** Takes every group behind `position` back; its replies become 252. */
  rollback(position: number): void {
    check('rollback', this.exports.rollback(position >>> 0, (position / TWO_32) >>> 0));
  }

  /** Drops what was changed behind `position`, to be read again; the workers wait for reopen(). */
  discard(position: number): void {
    check('discard', this.exports.discard(position >>> 0, (position / TWO_32) >>> 0));
  }

  reopen(): void {
    this.exports.reopen();
  }

  /**
   * Hands over what the store keeps besides the pages: before the first request, and between
   * discard() and reopen(). Throws EngineError when the lockers do not fit.
   */
  loadTables(tables: StoreTables): void {
    const { exports, u8 } = this;
    exports.clearTables();
    this.u32.set(tables.counts, this.region(Region.COUNTS) >>> 2);
    loadInUse(tables.inUse, u8, this.region(Region.IN_USE), this.pagesPerDenomination);
    loadCells(tables.cells, u8, this.region(Region.CELLS));
    // Room that is always the host's.
    const an = this.region(Region.CLIENT_BLOCK) + Client.KEY;
    const { buffer, byteOffset, byteLength } = tables.lockers;
    const rows = new DataView(buffer, byteOffset, byteLength);
    for (let row = 0; row < byteLength; row += LOCKER_ROW_BYTES) {
      u8.set(tables.lockers.subarray(row + 8, row + LOCKER_ROW_BYTES), an);
      const index = rows.getUint32(row, true);
      check('enterLocker', exports.enterLocker(index, rows.getUint32(row + 4, true), an));
    }
    u8.fill(0, an, an + 16);
  }
}

/**
 * Throws for every status but OK: what the host does wrong at the border is a defect of the host.
 */
export function check(what: string, status: number): void {
  if (status !== Status.OK) throw new EngineError(what, status, statusName(status));
}

/** Bytes of memory that an engine of these sizes needs; as it says itself. */
function bytesOf({ module, shared = false, sizes, identity }: EngineOptions): number {
  const known = needs.get(module) ?? new Map<string, number>();
  needs.set(module, known);
  const { wire } = identity;
  const name = JSON.stringify([sizes, wire]);
  const before = known.get(name);
  if (before !== undefined) return before;
  const memory = newMemory(LEAST_PAGES, shared);
  const exports = instantiate(module, { memory, worker: 0 });
  // No key of the server's: this memory is thrown away as it is.
  writeConfiguration(memory, exports.configBlock(), sizes, { ...CLIENT_IDENTITY, wire });
  const fits = exports.configure();
  if (fits !== Status.OK && fits !== Status.MEMORY_TOO_SMALL) check('configure', fits);
  const bytes = exports.regions(Region.END) >>> 0;
  known.set(name, bytes);
  return bytes;
}

function newMemory(pages: number, shared: boolean): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
}

function instantiate(module: WebAssembly.Module, surroundings: Surroundings): EngineExports {
  const { memory, worker, nativeCtr = NO_NATIVE_CTR } = surroundings;
  const { nativeTransfer = NO_NATIVE_TRANSFER } = surroundings;
  const word = (value: number) => new WebAssembly.Global({ value: 'i32', mutable: false }, value);
  const env = {
    memory,
    worker: word(worker),
    nativeCtrLeast: word(nativeCtr.least),
    cryptCtr: nativeCtr.over(memory),
    nativeChachaLeast: word(nativeTransfer.chachaLeast),
    nativeBlake3: word(nativeTransfer.hasBlake3 ? 1 : 0),
    ...nativeTransfer.over(memory),
  };
  return new WebAssembly.Instance(module, { env }).exports as unknown as EngineExports;
}
