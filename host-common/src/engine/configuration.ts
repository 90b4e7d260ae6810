/**
 * What a host tells the engine before configure(): sizes of the regions and the identity of the
 * server.
 */
import { Config, Wire } from './generated/layout.ts';
import {
  CONFIG_WORDS,
  DENOMINATIONS,
  GROUP_RECORDS_MAX,
  REQUEST_PAGES_MAX,
  TICKETS_MAX,
  TRANSFER_BLOCKS_MAX,
  TRANSFER_CHUNKS_MAX,
  TRANSFER_RANGES_MAX,
  TRANSFER_STREAMS_MAX,
} from './generated/limits.ts';

export type WireName = 'spec' | 'legacy';

/** Sizes, all counts; what is left out gets the value in brackets. */
export interface EngineSizes {
  pagesPerDenomination: number;
  /**
   * Coin pages in memory at once [the least that serves the largest request, 128 more if there are
   * so many].
   */
  pageSlots?: number;
  /** Instances [1]. */
  workers?: number;
  /** Journal records of 48 bytes, a power of two [65536]. */
  journalRecords?: number;
  /** Entries of each ring, a power of two [1024]. */
  ringEntries?: number;
  /** Parked requests [256]. */
  parkSlots?: number;
  /** Frames of 4 KiB [512], large frames of 64 KiB [16], reply frames of 1.125 MiB [8]. */
  frames?: number;
  largeFrames?: number;
  replyFrames?: number;
  /** Tickets [512]. */
  tickets?: number;
  /** Coins that can lie in lockers at once, a power of two [131072]. */
  lockerCoins?: number;
  /** Room for Ratatoskr messages, 2.1 MiB an instance [none]. */
  ratatoskr?: boolean;
  /** Requests that the replay cache of Ratatoskr remembers, 112 bytes each [0]. */
  replayEntries?: number;
  /** Room for peer messages, 20 MiB of addresses an instance, untouched until used [none]. */
  peer?: boolean;
  /** Room for transfer [none]. */
  transfer?: TransferSizes;
}

/**
 * Room for transfer in each instance, besides 2.1 MiB for its whole. With fewer than 4 streams, 8
 * blocks or 8 messages for each session, streams may wait for each other until the session is idle.
 * A stream takes a block for each way it goes: with fewer than two blocks for each stream, blocks
 * bound how many are open at once.
 */
export interface TransferSizes {
  /** Sessions at once, 8 KiB each. Where two least numbers stand below: of several, of one. */
  sessions: number;
  /** Streams of all sessions, 408 bytes each [32 a session]. */
  streams?: number;
  /** Chunks of 64 records of packets sent, 6 KiB each [32 a session]. */
  sentChunks?: number;
  /** Chunks of 64 keys of packets overtaken, 2 KiB each [8 a session, least 100, 34]. */
  keyChunks?: number;
  /** Blocks of stream data, 16 KiB each [64 a session, 256 at the least]. */
  blocks?: number;
  /** Ranges of stream bytes, 24 bytes each [256 a session]. */
  ranges?: number;
  /** Slots of frames and of what events carry, 1472 bytes each [16 a session, least 336, 64]. */
  messages?: number;
  /** Entries of the event ring, 64 bytes each, a power of two [1024]. */
  events?: number;
}

export interface EngineIdentity {
  raidaId: number;
  coinId: number;
  wire: WireName;
  /** Types 4 and 5 with 48-byte headers too [false]. */
  modern?: boolean;
  /** Eight ASCII digits, yyyymmdd. */
  version: string;
  /** 16 bytes; without it every admin command answers 38. */
  adminKey?: Uint8Array;
  /** Admin commands in clear text from any address [false: from this machine only]. */
  adminClear?: boolean;
  /** Confirmations of a Bitcoin transaction that the proxy is asked for [3]. */
  btcConfirmations?: number;
  /** 4/45 replaces the AN of any coin, not only of those that encrypt the request [false]. */
  openKeyRecords?: boolean;
  /**
   * 16 random bytes under which locker keys are hashed; drawn from the CSPRNG unless a test wants
   * equal runs.
   */
  hashKey?: Uint8Array;
}

/** The least memory for a host that only seals requests and opens replies. */
export const CLIENT_SIZES: EngineSizes = {
  pagesPerDenomination: 1,
  journalRecords: 8192,
  ringEntries: 4,
  parkSlots: 1,
  frames: 1,
  largeFrames: 1,
  replyFrames: 0,
  tickets: 0,
  lockerCoins: 16,
};

/** Of a host that is nobody's server. */
export const CLIENT_IDENTITY: EngineIdentity = {
  raidaId: 0,
  coinId: 0,
  wire: 'spec',
  version: '00000000',
};

const SPARE_PAGES = 128;

/** Writes the configuration words at `block`. The engine checks them; here only the shapes are. */
export function writeConfiguration(
  memory: WebAssembly.Memory,
  block: number,
  sizes: EngineSizes,
  identity: EngineIdentity,
): void {
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer, block, CONFIG_WORDS);
  const pages = DENOMINATIONS * sizes.pagesPerDenomination;
  const version = new TextEncoder().encode(identity.version);
  if (version.length !== 8) throw new RangeError('version: wanted 8 ASCII digits, yyyymmdd');
  if (identity.adminKey && identity.adminKey.length !== 16) {
    throw new RangeError(`adminKey: wanted 16 bytes, got ${identity.adminKey.length}`);
  }
  words[Config.WORKERS] = sizes.workers ?? 1;
  words[Config.PAGES_PER_DENOMINATION] = sizes.pagesPerDenomination;
  words[Config.PAGE_SLOTS] =
    sizes.pageSlots ?? Math.min(pages, REQUEST_PAGES_MAX + 1 + SPARE_PAGES);
  words[Config.JOURNAL_RECORDS] = sizes.journalRecords ?? 65536;
  words[Config.RING_ENTRIES] = sizes.ringEntries ?? 1024;
  words[Config.PARK_SLOTS] = sizes.parkSlots ?? 256;
  words[Config.FRAMES] = sizes.frames ?? 512;
  words[Config.LARGE_FRAMES] = sizes.largeFrames ?? 16;
  words[Config.REPLY_FRAMES] = sizes.replyFrames ?? 8;
  words[Config.TICKETS] = sizes.tickets ?? TICKETS_MAX;
  words[Config.LOCKER_COINS] = sizes.lockerCoins ?? 131072;
  words[Config.RATATOSKR] = sizes.ratatoskr ? 1 : 0;
  words[Config.REPLAY_ENTRIES] = sizes.replayEntries ?? 0;
  words[Config.PEER] = sizes.peer ? 1 : 0;
  if (sizes.transfer) writeTransferSizes(words, sizes.transfer);
  words[Config.BTC_CONFIRMATIONS] = identity.btcConfirmations ?? 3;
  words[Config.OPEN_KEY_RECORDS] = identity.openKeyRecords ? 1 : 0;
  words[Config.RAIDA_ID] = identity.raidaId;
  words[Config.COIN_ID] = identity.coinId;
  words[Config.WIRE] = identity.wire === 'legacy' ? Wire.LEGACY : Wire.SPEC;
  words[Config.MODERN] = identity.modern ? 1 : 0;
  words[Config.ADMIN_CLEAR] = identity.adminClear ? 1 : 0;
  words[Config.HAS_ADMIN_KEY] = identity.adminKey ? 1 : 0;
  bytes.set(version, block + 4 * Config.VERSION_0);
  if (identity.adminKey) bytes.set(identity.adminKey, block + 4 * Config.ADMIN_KEY);
  bytes.set(identity.hashKey ?? randomBytes(16), block + 4 * Config.HASH_KEY);
}

function writeTransferSizes(words: Uint32Array, sizes: TransferSizes): void {
  const { sessions } = sizes;
  const most = (count: number) => Math.min(count, TRANSFER_CHUNKS_MAX);
  words[Config.TRANSFER_SESSIONS] = sessions;
  words[Config.TRANSFER_STREAMS] = sizes.streams ?? Math.min(32 * sessions, TRANSFER_STREAMS_MAX);
  words[Config.TRANSFER_SENT_CHUNKS] = sizes.sentChunks ?? most(32 * sessions);
  words[Config.TRANSFER_KEY_CHUNKS] =
    sizes.keyChunks ?? most(Math.max(sessions > 1 ? 100 : 34, 8 * sessions));
  words[Config.TRANSFER_BLOCKS] =
    sizes.blocks ?? Math.min(Math.max(256, 64 * sessions), TRANSFER_BLOCKS_MAX);
  words[Config.TRANSFER_RANGES] = sizes.ranges ?? Math.min(256 * sessions, TRANSFER_RANGES_MAX);
  words[Config.TRANSFER_MESSAGES] =
    sizes.messages ?? most(Math.max(sessions > 1 ? 336 : 64, 16 * sessions));
  words[Config.TRANSFER_EVENTS] = sizes.events ?? 1024;
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Journal records that the engine accepts at the least, as a power of two. */
export const JOURNAL_RECORDS_LEAST = 2 ** Math.ceil(Math.log2(GROUP_RECORDS_MAX));
