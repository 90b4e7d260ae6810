/**
 * The two halves of a QUIC stream. Bytes stay in QUIC until somebody reads them, so a stream that
 * nobody reads stops its sender; a write is done when QUIC took its bytes, which follows the
 * congestion window and the peer's flow control.
 */
import { WRITE_BUFFER_BYTES_MAX } from './limits.ts';
import type { NativeConnection } from './quic-binding.ts';

/** What a stream asks of its connection. */
export interface StreamHost {
  readonly native: NativeConnection;
  readonly shutdown: { readonly Read: number; readonly Write: number };
  /** Why there is no connection any more. */
  readonly lost: Error | undefined;
  /** Something is to be sent. */
  changed(): void;
  /** It is to be sent before anything else happens. */
  transmit(): void;
  /** Bytes of the application have come or gone: what a peer may send besides grows with them. */
  came(bytes: number): void;
  went(bytes: number): void;
  /** Nobody reads this stream any more; what still comes is thrown away. */
  discard(stream: QuicReceiveStream): void;
  /** The half is over. */
  ended(half: QuicReceiveStream | QuicSendStream): void;
}

/** A stream was ended by force, with the HTTP/3 code of whoever did it. */
export class QuicStreamError extends Error {
  readonly code = 'ANDVARI_QUIC_STREAM';
  readonly kind: 'reset' | 'stopped' | 'given up';
  readonly http3Code: number;

  constructor(kind: 'reset' | 'stopped' | 'given up', http3Code: number) {
    super(`the stream was ${kind} with code 0x${http3Code.toString(16)}`);
    this.name = 'QuicStreamError';
    this.kind = kind;
    this.http3Code = http3Code;
  }
}

/** More was written than the peer takes. */
export class QuicBufferFullError extends Error {
  readonly code = 'ANDVARI_QUIC_BUFFER_FULL';

  constructor(bytes: number) {
    super(`${bytes} bytes would wait on one stream, at most ${WRITE_BUFFER_BYTES_MAX} may`);
    this.name = 'QuicBufferFullError';
  }
}

/** The number in `StreamReset(5)`; undefined: another error. */
function codeOf(error: unknown, name: 'StreamReset' | 'StreamStopped'): number | undefined {
  const found = new RegExp(`^${name}\\((\\d+)\\)$`).exec((error as Error).message);
  return found ? Number(found[1]) : undefined;
}

/** Bytes of one read at most. */
const READ_BYTES_MAX = 65_536;
const scratch = new Uint8Array(READ_BYTES_MAX);
const NOTHING = new Uint8Array(0);

interface Waiter {
  resolve: (bytes: Uint8Array | undefined) => void;
  reject: (error: Error) => void;
}

export class QuicReceiveStream {
  readonly id: number;
  /** Called when bytes, the end or an error may be there; without it, `read` is what is used. */
  onReadable: (() => void) | undefined;
  readonly #host: StreamHost;
  #finished = false;
  #error: Error | undefined;
  #waiter: Waiter | undefined;

  constructor(id: number, host: StreamHost) {
    this.id = id;
    this.#host = host;
  }

  get open(): boolean {
    return !this.#finished && this.#error === undefined;
  }

  /**
   * What is there now: an own copy of 1 to `bytesMax` bytes, `end` behind the last one, `wait`.
   * @throws QuicStreamError, or the error that ended the connection
   */
  tryRead(bytesMax = READ_BYTES_MAX): Uint8Array | 'end' | 'wait' {
    if (this.#error) throw this.#error;
    if (this.#finished) return 'end';
    if (this.#host.lost) throw this.#fail(this.#host.lost);
    let found: [number, boolean] | null;
    try {
      found = this.#host.native.streamRecv(this.id, scratch.subarray(0, bytesMax));
    } catch (error) {
      const code = codeOf(error, 'StreamReset');
      // Whatever else it may be: QUIC knows nothing of this stream any more.
      throw this.#fail(new QuicStreamError('reset', code ?? 0));
    }
    if (!found) return 'wait';
    const [bytes, fin] = found;
    this.#host.came(bytes);
    if (fin) {
      this.#finished = true;
      this.#host.ended(this);
    }
    if (bytes > 0) return scratch.slice(0, bytes);
    return fin ? 'end' : 'wait';
  }

  /**
   * The next bytes, as soon as there are some; undefined behind the last. One read at a time.
   * Rejects like tryRead.
   */
  read(): Promise<Uint8Array | undefined> {
    if (this.#waiter) return Promise.reject(new Error('one read of a stream at a time'));
    try {
      const found = this.tryRead();
      if (found === 'end') return Promise.resolve(undefined);
      if (found !== 'wait') return Promise.resolve(found);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Tell the peer to stop sending, and throw away what comes. Nothing if it has ended. */
  stop(http3Code: number): void {
    // What has come and is not read counts against the connection's window until it is read:
    // quiche 0.18 forgets to give it back when it shuts a stream down.
    try {
      for (let found = this.tryRead(); found instanceof Uint8Array; ) found = this.tryRead();
    } catch {
      return;
    }
    if (!this.open) return;
    try {
      this.#host.native.streamShutdown(this.id, this.#host.shutdown.Read, http3Code);
    } catch {
      // A stream that QUIC has given up already.
    }
    this.#host.discard(this);
    this.#fail(new QuicStreamError('given up', http3Code));
    this.#host.changed();
  }

  /** The connection saw that there is something to read. */
  readable(): void {
    this.onReadable?.();
    const waiter = this.#waiter;
    if (!waiter) return;
    try {
      const found = this.tryRead();
      if (found === 'wait') return;
      this.#waiter = undefined;
      waiter.resolve(found === 'end' ? undefined : found);
    } catch {
      // tryRead has told the waiter.
    }
  }

  /** The connection is over. */
  lose(error: Error): void {
    if (!this.open) return;
    this.#fail(error);
    this.onReadable?.();
  }

  #fail(error: Error): Error {
    this.#error = error;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(error);
    this.#host.ended(this);
    return error;
  }
}

interface PendingWrite {
  bytes: Uint8Array;
  fin: boolean;
  resolve: () => void;
  reject: (error: Error) => void;
}

export class QuicSendStream {
  readonly id: number;
  /** Called once, when the peer does not want the stream's bytes, also while none is written. */
  onStopped: (() => void) | undefined;
  readonly #host: StreamHost;
  readonly #pending: PendingWrite[] = [];
  #bufferedBytes = 0;
  #finWanted = false;
  #error: Error | undefined;

  constructor(id: number, host: StreamHost) {
    this.id = id;
    this.#host = host;
  }

  get open(): boolean {
    return !this.#error && !(this.#finWanted && !this.blocked);
  }
  /** Bytes that were written and not yet taken by QUIC. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }
  /** Writes wait for QUIC to take more. */
  get blocked(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Resolves when QUIC took all the bytes, which must stay as they are until then. Rejects with
   * QuicStreamError when the peer does not want them, QuicBufferFullError, or the error that ended
   * the connection.
   */
  write(bytes: Uint8Array): Promise<void> {
    return this.#add(bytes, false);
  }

  /** End the stream behind what was written. Resolves and rejects like write. */
  end(bytes: Uint8Array = NOTHING): Promise<void> {
    return this.#add(bytes, true);
  }

  /**
   * After the end of both halves: the peer has acknowledged all, so QUIC has forgotten the stream.
   * Also when it never will.
   */
  get acknowledged(): boolean {
    if (this.#error || this.#host.lost) return true;
    try {
      this.#host.native.streamCapacity(this.id);
      return false;
    } catch (error) {
      return (error as Error).message.startsWith('InvalidStreamState');
    }
  }

  /** Give up what was not sent, and tell the peer so. Nothing if the stream has ended. */
  reset(http3Code: number): void {
    if (!this.open) return;
    try {
      this.#host.native.streamShutdown(this.id, this.#host.shutdown.Write, http3Code);
    } catch {
      // A stream that QUIC has given up already.
    }
    this.#fail(new QuicStreamError('given up', http3Code));
    this.#host.changed();
  }

  /**
   * The connection heard from the peer: QUIC may take more now, or the peer has stopped the stream.
   * That must be seen at once: QUIC forgets the stream, and why it stopped, as soon as the peer
   * knows, and from then on only says that it takes nothing now.
   */
  attend(): void {
    try {
      this.#host.native.streamCapacity(this.id);
    } catch (error) {
      this.#stopped(error);
      return;
    }
    this.#pump();
  }

  /** Hand over what waits. */
  #pump(): void {
    for (let next = this.#pending[0]; next && !this.#error; next = this.#pending[0]) {
      const taken = this.#send(next.bytes, next.fin);
      if (taken === undefined) return;
      this.#bufferedBytes -= taken;
      if (taken < next.bytes.length) {
        next.bytes = next.bytes.subarray(taken);
        continue;
      }
      this.#pending.shift();
      next.resolve();
      if (!next.fin) continue;
      // An end that has not gone when all bytes are acknowledged is forgotten by quiche.
      this.#host.transmit();
      this.#host.ended(this);
    }
  }

  /** The connection is over. */
  lose(error: Error): void {
    if (!this.#error) this.#fail(error);
  }

  #add(bytes: Uint8Array, fin: boolean): Promise<void> {
    const refused = this.#refusal(bytes);
    if (refused) return Promise.reject(refused);
    this.#finWanted = fin;
    return new Promise((resolve, reject) => {
      this.#pending.push({ bytes, fin, resolve, reject });
      this.#bufferedBytes += bytes.length;
      if (this.#pending.length === 1) this.#pump();
      this.#host.changed();
    });
  }

  #refusal(bytes: Uint8Array): Error | undefined {
    if (this.#error) return this.#error;
    if (this.#host.lost) return this.#host.lost;
    if (this.#finWanted) return new Error('a write behind the end of a stream');
    const bufferedBytes = this.#bufferedBytes + bytes.length;
    // A single write of any length is taken when nothing waits.
    if (this.#bufferedBytes === 0 || bufferedBytes <= WRITE_BUFFER_BYTES_MAX) return undefined;
    return new QuicBufferFullError(bufferedBytes);
  }

  /** Bytes that QUIC took; undefined: none now. */
  #send(bytes: Uint8Array, fin: boolean): number | undefined {
    try {
      const taken = this.#host.native.streamSend(this.id, bytes, fin);
      if (taken === null) return undefined;
      this.#host.went(taken);
      return taken;
    } catch (error) {
      this.#stopped(error);
      return undefined;
    }
  }

  #stopped(error: unknown): void {
    this.#fail(new QuicStreamError('stopped', codeOf(error, 'StreamStopped') ?? 0));
    this.onStopped?.();
  }

  #fail(error: Error): void {
    this.#error = error;
    this.#bufferedBytes = 0;
    for (const { reject } of this.#pending.splice(0)) reject(error);
    this.#host.ended(this);
  }
}
