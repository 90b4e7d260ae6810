/** What the main thread and a worker of its server say to each other. */
import type { PacketRequest } from '../io/open-packets.ts';
import type { SocketAddress } from '../io/packet-io.ts';

export interface WorkerThreadData {
  /** Number of the engine instance, from 1. */
  worker: number;
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  hostFrames: number | undefined;
  /** Words that both sides see (WorkerWord), WorkerWord.WORDS for each instance. */
  words: SharedArrayBuffer;
  /** Numbers that the worker counts (WorkerCount), WorkerCount.NUMBERS for each instance. */
  counts: SharedArrayBuffer;
}

/** Word indexes in WorkerThreadData.words, of an instance. */
export const WorkerWord = {
  /** 1: a message of that kind is on its way, another one would say nothing new. */
  NEWS: 0,
  WAKE: 1,
  /** 1: the main thread knows that the worker has died. */
  DEATH_KNOWN: 2,
  WORDS: 16,
} as const;

/** Float64 indexes in WorkerThreadData.counts, of an instance. */
export const WorkerCount = { RECEIVED: 0, DROPPED: 1, NUMBERS: 8 } as const;

export interface OpenFailure {
  code: string;
  /** The reason alone: what names address or backend is said by whoever asked. */
  why: string;
}

export type ToWorker =
  | { kind: 'open'; request: PacketRequest }
  /** Lets the port go; another open may follow. */
  | { kind: 'shut' }
  /** A page has come, the store has committed, or rolled back: the engine is to run. */
  | { kind: 'news' }
  | { kind: 'complete'; slot: number; status: number; bytes: number }
  | { kind: 'drain'; withinMs: number }
  | { kind: 'end' };

export type FromWorker =
  /** First byte of the instance's Region.REQUESTS. */
  | { kind: 'attached'; requests: number }
  | { kind: 'opened'; address: SocketAddress }
  | { kind: 'openFailed'; failure: OpenFailure }
  | { kind: 'shut' | 'drained' | 'wake' }
  /** Slot, page key and offset of each page that is to be read. */
  | { kind: 'loads'; words: number[] }
  /** An entry of the effect ring (16 words); its block lies in the shared memory. */
  | { kind: 'effect'; entry: Uint32Array }
  /** `stack`: for whoever looks for the defect; the message is one line. */
  | { kind: 'died'; message: string; stack: string };
