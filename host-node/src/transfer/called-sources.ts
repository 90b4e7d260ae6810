/** Peers that are called because each of them offers one and the same file. */
import { unlessAborted } from '@andvari/host-common/ratatoskr/client/time-limit';
import { equalBytes, nameOf } from '@andvari/host-common/transfer/byte-strings';
import {
  type IncomingFile,
  incomingFiles,
} from '@andvari/host-common/transfer/files/file-exchange';
import type { FileOffer } from '@andvari/host-common/transfer/files/file-offer';
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import {
  FileTransferError,
  noSourceLeft,
} from '@andvari/host-common/transfer/files/file-transfer-error';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';

/** So long those that have not offered anything yet are waited for behind the first who has. */
const GATHER_MS = 3_000;

/** One of those that are called. */
export interface SourceCall {
  /** Its peer ID as text. */
  name: string;
  open(signal: AbortSignal): Promise<TransferSession>;
  /** The session is somebody else's, and stays open. */
  isGiven: boolean;
}

/** Who calls a peer in a way of its own; the session is ended with the rest. */
export interface PeerCaller {
  /** 32 bytes. */
  peerId: Uint8Array;
  call(signal: AbortSignal): Promise<TransferSession>;
}

export interface GatherOptions {
  /** For its session, and for its offer. */
  timeoutMs: number;
  signal: AbortSignal;
  /** BLAKE3 of the file that is wanted, 32 bytes; those that offer another one are not asked. */
  hash?: Uint8Array | undefined;
}

/** What is done with those that offer the file. */
export interface SourceUser {
  add(file: IncomingFile, name: string): void;
  /** This one cannot be asked. */
  missed(name: string, error: unknown): void;
  /** Nobody is called any more. */
  over(): void;
}

export interface OfferedSource {
  name: string;
  file: IncomingFile;
}

/** Those that were called do not offer the same. */
export class SourcesDifferError extends Error {
  override readonly name = 'SourcesDifferError';
  readonly code = 'ANDVARI_SOURCES_DIFFER';
}

export class CalledSources {
  readonly #options: GatherOptions;
  readonly #offers: OfferedSource[] = [];
  readonly #missed: { name: string; error: unknown }[] = [];
  readonly #sessions: TransferSession[] = [];
  /** Aborted when nobody has to come any more. */
  readonly #enough = new AbortController();
  #pending: number;
  #first = Promise.withResolvers<void>();
  #all = Promise.withResolvers<void>();
  #wanted: FileOffer | undefined;
  #user: SourceUser | undefined;

  private constructor(calls: readonly SourceCall[], options: GatherOptions) {
    this.#options = options;
    this.#pending = calls.length;
    for (const call of calls) void this.#call(call);
  }

  /**
   * Resolves when all have offered or failed, or some time after the first has offered; those that
   * come later join.
   * @throws SourcesDifferError; of a single one its own error, of several FileTransferError
   * ANDVARI_TRANSFER_CUT; the reason of the signal
   */
  static async gather(
    calls: readonly SourceCall[],
    options: GatherOptions,
  ): Promise<CalledSources> {
    const sources = new CalledSources(calls, options);
    try {
      await sources.#gathered();
      sources.#decide();
      return sources;
    } catch (error) {
      await sources.refuse();
      await sources.close();
      throw error;
    }
  }

  /** Those that offer the file, in the order in which they did. */
  get offers(): OfferedSource[] {
    return this.#offers.filter(({ file }) => this.#isWanted(file.offer));
  }

  /** All are added now, those that come later then. */
  useFor(user: SourceUser): void {
    this.#user = user;
    for (const { name, error } of this.#missed) user.missed(name, error);
    for (const offered of this.#offers.splice(0)) this.#use(offered, user);
    if (this.#pending === 0) user.over();
  }

  /** This one is of no use after all. */
  drop(offered: OfferedSource, error: unknown, code: number): void {
    const at = this.#offers.indexOf(offered);
    if (at < 0) return;
    this.#offers.splice(at, 1);
    this.#missed.push({ name: offered.name, error });
    void offered.file.refuse(code);
  }

  /** None is wanted. */
  async refuse(code: number = RejectCode.REFUSED): Promise<void> {
    this.#enough.abort();
    await Promise.all(this.#offers.splice(0).map(({ file }) => file.refuse(code)));
  }

  /** Ends the sessions that were opened for it. */
  async close(): Promise<void> {
    this.#enough.abort();
    await Promise.allSettled(this.#sessions.map((session) => session.close()));
  }

  async #call(call: SourceCall): Promise<void> {
    const { signal } = this.#options;
    try {
      const either = AbortSignal.any([signal, this.#enough.signal]);
      const session = await call.open(either);
      if (!call.isGiven) this.#sessions.push(session);
      const file = await this.#offerOf(session, either);
      if (this.#enough.signal.aborted) await file.refuse(RejectCode.REFUSED);
      else this.#came({ name: call.name, file });
    } catch (error) {
      this.#missed.push({ name: call.name, error });
      this.#user?.missed(call.name, error);
    }
    if (--this.#pending > 0) return;
    this.#all.resolve();
    this.#user?.over();
  }

  async #offerOf(session: TransferSession, signal: AbortSignal): Promise<IncomingFile> {
    // Whoever is asked may take his time.
    session.keepalive(true);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const { timeoutMs } = this.#options;
    const timer = setTimeout(
      () => reject(cut(`it has offered nothing in ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      return await Promise.race([firstOf(session), ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  #came(offered: OfferedSource): void {
    if (this.#user) this.#use(offered, this.#user);
    else this.#offers.push(offered);
    this.#first.resolve();
  }

  #use({ name, file }: OfferedSource, user: SourceUser): void {
    if (this.#isWanted(file.offer)) {
      user.add(file, name);
      return;
    }
    void file.refuse(RejectCode.REFUSED);
    user.missed(name, new SourcesDifferError(`it offers ${textOf(file.offer)}`));
  }

  async #gathered(): Promise<void> {
    const { signal } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    void this.#first.promise.then(() => {
      timer = setTimeout(resolve, GATHER_MS);
    });
    try {
      await unlessAborted(Promise.race([this.#all.promise, late]), signal);
      signal.throwIfAborted();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Which file it is: with its hash what most of them offer under it, else what all of them do. */
  #decide(): void {
    const { hash } = this.#options;
    const offers = this.#offers.map(({ file }) => file.offer);
    if (offers.length === 0) throw noSourceLeft(this.#missed);
    const fit = hash ? offers.filter((offer) => equalBytes(offer.hash, hash)) : offers;
    const counts = new Map<string, number>();
    for (const offer of fit) counts.set(keyOf(offer), (counts.get(keyOf(offer)) ?? 0) + 1);
    if (fit.length === 0 || (!hash && counts.size > 1)) throw this.#differ(fit.length === 0);
    const most = Math.max(...counts.values());
    this.#wanted = fit.find((offer) => counts.get(keyOf(offer)) === most);
  }

  #differ(isNone: boolean): SourcesDifferError {
    const each = this.#offers.map(({ name, file }) => `${name}: ${textOf(file.offer)}`);
    const what = isNone ? 'nobody offers the file that is wanted' : 'they do not offer the same';
    return new SourcesDifferError(`${what}: ${each.join('; ')}`);
  }

  #isWanted(offer: FileOffer): boolean {
    return this.#wanted !== undefined && keyOf(offer) === keyOf(this.#wanted);
  }
}

async function firstOf(session: TransferSession): Promise<IncomingFile> {
  for await (const file of incomingFiles(session)) return file;
  throw cut('it has gone before it has offered anything');
}

function cut(message: string): FileTransferError {
  return new FileTransferError('ANDVARI_TRANSFER_CUT', message);
}

function keyOf({ hash, size, isFolder }: FileOffer): string {
  return `${nameOf(hash)} ${size} ${isFolder}`;
}

function textOf({ name, size, hash, isFolder }: FileOffer): string {
  const digits = Buffer.from(hash.subarray(0, 8)).toString('hex');
  const what = isFolder ? 'folder' : 'file';
  return `the ${what} ${JSON.stringify(name)}, ${size} bytes, BLAKE3 ${digits}...`;
}
