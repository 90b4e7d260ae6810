/** One file on its way, in either direction, as an application sees it (seed 002 section 9). */
import { checkWhole } from '../argument-checks.ts';
import type { Way } from '../far-end.ts';
import type { Route } from '../upgrade/upgrade-state.ts';
import { WakeSignal } from '../wake-signal.ts';
import { CHUNK_BYTES, chunkCount } from './file-hash.ts';
import type { FileOffer } from './file-offer.ts';
import { RateMeter } from './rate-meter.ts';
import type { SourceState } from './source-state.ts';

/** What moves the bytes: a FileSender or a FileDownload. */
export interface Mover {
  readonly totalBytes: number;
  readonly doneBytes: number;
  /** Of them what the other side had before, where that is told only after the beginning. */
  readonly hadBytes?: number;
  /** Pieces that are there, where they are counted. */
  readonly haveChunks?: number;
  /** Whom it comes from, and who is to be told when one comes or goes. */
  readonly sources?: SourceState[];
  onSource?: ((source: SourceState) => void) | undefined;
  /** Bytes from there on come first. */
  seek?(offset: number): void;
  /** With the path of what came, if it tells one. */
  readonly completion: Promise<unknown>;
  pause(): void;
  resume(): void;
  cancel(): Promise<void>;
}

export interface TransferResult {
  /** Of the sender what was read, of the receiver where it is. */
  path: string;
  /** BLAKE3, 32 bytes: what b3sum prints. */
  hash: Uint8Array;
  bytes: number;
  durationS: number;
  /** Bytes a second, of those that travelled. */
  averageRate: number;
}

export type TransferState = 'running' | 'paused' | 'done' | 'failed';

/** Pieces have 256 KiB, the last one less. */
export interface TransferProgress {
  bytes: number;
  totalBytes: number;
  pieces: number;
  totalPieces: number;
}

/** What events() tells; `rate` and `eta` as of the transfer. */
export type TransferEvent =
  | {
      type: 'progress' | 'paused' | 'resumed';
      progress: TransferProgress;
      rate: number;
      eta: number | undefined;
      /** Of what comes: all that have been asked. */
      sources: SourceState[];
    }
  /** One more is asked, or one has gone or was dropped, with the error. */
  | { type: 'source'; source: SourceState }
  | { type: 'done'; result: TransferResult }
  | { type: 'failed'; error: unknown };

/** Between two events of a transfer. */
const EVENT_MS = 1_000;
const EVENT_MS_MAX = 3_600_000;
/** Sources that came or went, as far as they are kept for those who read slowly. */
const SOURCE_CHANGES_MAX = 64;

export interface TransferFacts {
  offer: FileOffer;
  direction: 'send' | 'receive';
  /** Told as the result's, unless the mover tells another. */
  path: string;
  /** Of an Ed25519 key: to whom it goes, or who offered it first. */
  peerId: Uint8Array;
  /** Of the session, for two people to compare. */
  authenticationString: string;
  /** The session by which it goes, or was offered first. */
  route: Route;
}

export class FileTransfer {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly direction: 'send' | 'receive';
  readonly offer: FileOffer;
  readonly peerId: Uint8Array;
  readonly authenticationString: string;
  /** The session by which it goes; of several sources that of the first. */
  readonly route: Route;
  /** Rejects with what ended it. */
  readonly completion: Promise<TransferResult>;
  private readonly mover: Mover;
  private readonly meter: RateMeter;
  private readonly startMs = performance.now();
  private readonly startBytes: number;
  private readonly changed = new WakeSignal();
  private current: TransferState = 'running';
  private last: TransferEvent | undefined;
  /** How many sources have come or gone, and the last of those changes. */
  private sourceChanges = 0;
  private readonly recentSources: SourceState[] = [];

  constructor(mover: Mover, facts: TransferFacts) {
    const { offer, direction, path, peerId, authenticationString, route } = facts;
    this.id = offer.transferId;
    this.offer = offer;
    this.direction = direction;
    this.peerId = peerId;
    this.authenticationString = authenticationString;
    this.route = route;
    this.mover = mover;
    mover.onSource = (source) => this.sourceChanged(source);
    this.startBytes = mover.doneBytes;
    this.meter = new RateMeter(this.startMs);
    this.completion = this.run(path);
    this.completion.catch(() => {}); // nobody has to look
  }

  /** Of the file or folder, as its sender calls it. */
  get name(): string {
    return this.offer.name;
  }

  /** How it goes now; of several sources, how the first of them is reached. */
  get way(): Way {
    return this.route.way;
  }

  get state(): TransferState {
    return this.current;
  }

  get totalSize(): number {
    return this.mover.totalBytes;
  }

  /** Bytes that have come, or of a sender that have gone: up to a window of them is on its way. */
  get doneBytes(): number {
    return this.mover.doneBytes;
  }

  /** What was there before has not come by this transfer: it says nothing of its rate. */
  private get travelledBytes(): number {
    return this.doneBytes - Math.max(this.startBytes, this.mover.hadBytes ?? 0);
  }

  get progress(): TransferProgress {
    const { doneBytes: bytes, totalSize: totalBytes, mover } = this;
    const totalPieces = chunkCount(totalBytes);
    const gone = bytes === totalBytes ? totalPieces : Math.floor(bytes / CHUNK_BYTES);
    return { bytes, totalBytes, pieces: mover.haveChunks ?? gone, totalPieces };
  }

  /** Bytes a second, over the last seconds. */
  get rate(): number {
    this.meter.look(performance.now(), this.travelledBytes);
    return this.meter.rate;
  }

  /** Seconds that are left; undefined: nobody knows, as while it is paused, or nothing comes. */
  get eta(): number | undefined {
    this.meter.look(performance.now(), this.travelledBytes);
    if (this.current !== 'running') return this.current === 'done' ? 0 : undefined;
    return this.meter.eta(this.totalSize - this.doneBytes);
  }

  pause(): void {
    if (this.current !== 'running') return;
    this.become('paused');
    this.mover.pause();
  }

  resume(): void {
    if (this.current !== 'paused') return;
    this.become('running');
    this.mover.resume();
  }

  /** Whom it comes from, and what each has brought; those that have gone too. */
  get sources(): SourceState[] {
    return this.mover.sources ?? [];
  }

  /**
   * What comes: the bytes from there on are asked for first, then those before; what has been asked
   * for still comes. May be called as often as one likes.
   * @throws TypeError: it goes; RangeError: no byte of it
   */
  seek(offset: number): void {
    if (!this.mover.seek) throw new TypeError('seek(): wanted a transfer that comes');
    this.mover.seek(offset);
  }

  /** Gives it up; what has come is kept, so that the same transfer can go on later. */
  cancel(): Promise<void> {
    return this.mover.cancel();
  }

  /**
   * How it goes: each change of its state, progress every so many milliseconds, 1 to 3600000
   * [1000], and how it has ended. Nothing is kept for those who read slowly: they are told how it
   * is when they ask. May be called more than once.
   * @throws TypeError, RangeError: no such time
   */
  events({ everyMs = EVENT_MS }: { everyMs?: number } = {}): AsyncGenerator<TransferEvent, void> {
    checkWhole('everyMs', everyMs, 1, EVENT_MS_MAX);
    return this.tell(everyMs);
  }

  private async *tell(everyMs: number): AsyncGenerator<TransferEvent, void> {
    let told: TransferState = 'running';
    // Who asks when it is over is told how it has ended.
    let toldSources = this.last ? this.sourceChanges : 0;
    for (;;) {
      // What has changed before somebody asked is told at once.
      const isNew = this.current !== told || this.sourceChanges > toldSources;
      if (!isNew) await this.changedWithin(everyMs);
      if (this.sourceChanges > toldSources) {
        const changes = this.changesSince(toldSources);
        toldSources = this.sourceChanges;
        for (const source of changes) yield { type: 'source', source };
        continue;
      }
      if (this.last) break;
      const isChange = this.current !== told;
      told = this.current;
      const change = told === 'paused' ? 'paused' : 'resumed';
      const { progress, rate, eta, sources } = this;
      yield { type: isChange ? change : 'progress', progress, rate, eta, sources };
    }
    yield this.last;
  }

  private changesSince(count: number): SourceState[] {
    const missed = Math.min(this.sourceChanges - count, this.recentSources.length);
    return missed === 0 ? [] : this.recentSources.slice(-missed);
  }

  private sourceChanged(source: SourceState): void {
    this.sourceChanges++;
    this.recentSources.push(source);
    if (this.recentSources.length > SOURCE_CHANGES_MAX) this.recentSources.shift();
    this.changed.raise();
  }

  private async changedWithin(timeMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeMs);
    await Promise.race([this.changed.wait(), late]);
    clearTimeout(timer);
  }

  private become(state: TransferState): void {
    this.current = state;
    this.changed.raise();
  }

  private async run(path: string): Promise<TransferResult> {
    try {
      const moved = await this.mover.completion;
      const result = this.resultAt(typeof moved === 'string' ? moved : path);
      this.last = { type: 'done', result };
      this.become('done');
      return result;
    } catch (error) {
      this.last = { type: 'failed', error };
      this.become('failed');
      throw error;
    }
  }

  private resultAt(path: string): TransferResult {
    const durationS = (performance.now() - this.startMs) / 1000;
    const bytes = this.totalSize;
    const averageRate = durationS > 0 ? this.travelledBytes / durationS : 0;
    return { path, hash: this.offer.hash, bytes, durationS, averageRate };
  }
}
