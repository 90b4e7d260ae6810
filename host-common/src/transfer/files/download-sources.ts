/**
 * All whom a download asks: who comes, who goes and why, and who is not taken again. What each of
 * them is asked for says the download's plan.
 */
import { type Download, DownloadSource } from './download-source.ts';
import { RejectCode } from './file-records.ts';
import { FileTransferError, isLie, noSourceLeft } from './file-transfer-error.ts';
import { type DuplexStream, RecordStream } from './record-stream.ts';
import type { SourceState } from './source-state.ts';

/** Sources at once; each may have the values of all chunks in memory. */
export const SOURCES_MAX = 8;
/** One that says nothing for so long, though it was asked, is dropped. */
export const SILENCE_MS = 60_000;

/** A source that is no more, and why. */
export interface LostSource {
  name: string;
  error: unknown;
}

/** Of a download: what sources are to know and to tell. */
export interface SourcesUser {
  /** It has ended: nobody is told of sources any more. */
  readonly isOver: boolean;
  /** What it was asked for is free. */
  left(source: DownloadSource): void;
  /** Nobody is asked and nobody is called: what noSourceLeft() says. */
  allGone(error: unknown): void;
}

export class DownloadSources {
  /** Those that were dropped or have gone. */
  readonly lost: LostSource[] = [];
  /** Told of each source that has come or gone. */
  onSource: ((source: SourceState) => void) | undefined;
  private readonly download: Download;
  private readonly user: SourcesUser;
  private readonly asking = new Set<DownloadSource>();
  /** Those that have been lost too. */
  private readonly all: DownloadSource[] = [];
  /** Names of those that have lied: they are not asked again. */
  private readonly liars = new Set<string>();
  /** Sources that are still called. */
  private expected = 0;

  constructor(download: Download, user: SourcesUser) {
    this.download = download;
    this.user = user;
  }

  /** Those that are asked now. */
  get asked(): DownloadSource[] {
    return [...this.asking];
  }

  /** What each has brought; of those that have gone `lost` tells why. */
  get states(): SourceState[] {
    return this.all.map((source) => this.stateOf(source));
  }

  /**
   * Takes a stream on which the file was offered.
   * @param whyNot nobody is taken any more, and why
   * @throws FileTransferError ANDVARI_TRANSFER_REFUSED: there are enough, it has lied before, or
   * `whyNot`; its sender is told so
   */
  add(stream: DuplexStream | RecordStream, name: string, whyNot?: string): DownloadSource {
    const records = stream instanceof RecordStream ? stream : new RecordStream(stream);
    const source = new DownloadSource(this.download, records, name);
    const why = whyNot ?? this.whyNot(name);
    if (why !== undefined) {
      // Its sender must not wait for an answer.
      source.reject(RejectCode.REFUSED);
      throw new FileTransferError('ANDVARI_TRANSFER_REFUSED', why);
    }
    this.asking.add(source);
    this.all.push(source);
    this.onSource?.(this.stateOf(source));
    source.run().catch((error: unknown) => this.lose(source, error));
    return source;
  }

  private whyNot(name: string): string | undefined {
    if (this.liars.has(name)) return `${name} has sent what is not the file before`;
    return this.asking.size >= SOURCES_MAX ? `${SOURCES_MAX} sources are enough` : undefined;
  }

  /**
   * A source is still called: until the function that is given back is called, it is waited for
   * when all others have gone.
   */
  expect(): () => void {
    this.expected++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.expected--;
      this.check();
    };
  }

  /** A source that cannot be asked, for those who are told of sources. */
  miss(name: string, error: unknown): void {
    this.lost.push({ name, error });
    if (this.user.isOver) return;
    this.onSource?.({ name, isAsked: false, chunks: 0, bytes: 0, error });
  }

  /** Every source asks for as much as it may. */
  ask(): void {
    for (const source of this.asking) source.ask();
  }

  /** Nothing is wanted any more, for a RejectCode. */
  reject(code: number): void {
    for (const source of this.asking) source.reject(code);
  }

  /** Resolves when all have heard how it ended, or do not hear it. */
  async over(): Promise<void> {
    await Promise.all(this.all.map((source) => source.over()));
  }

  private lose(source: DownloadSource, error: unknown): void {
    if (!this.asking.delete(source)) return;
    this.lost.push({ name: source.name, error });
    if (isLie(error)) this.liars.add(source.name);
    this.user.left(source);
    if (this.user.isOver) return;
    this.onSource?.({ ...this.stateOf(source), error });
    if (this.asking.size > 0) this.ask();
    else this.check();
  }

  private check(): void {
    const isAnybody = this.asking.size > 0 || this.expected > 0 || this.lost.length === 0;
    if (this.user.isOver || isAnybody) return;
    this.user.allGone(noSourceLeft(this.lost));
  }

  private stateOf(source: DownloadSource): SourceState {
    return { name: source.name, isAsked: this.asking.has(source), ...source.kept };
  }
}
