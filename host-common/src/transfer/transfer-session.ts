/** A session with a peer, as its application sees it. */
import { ClosedBy, CloseError, TransferEventKind } from '../engine/generated/transfer.ts';
import { authenticationString } from './authentication-string.ts';
import type { StreamOptions } from './engine-streams.ts';
import type { EngineTransfer, Statistics, TransferEventOf } from './engine-transfer.ts';
import type { Agreed } from './handshake-outcome.ts';
import { TransferError } from './transfer-error.ts';
import { type StreamLink, TransferStream } from './transfer-stream.ts';
import { WakeSignal } from './wake-signal.ts';

const DEFAULT_PRIORITY = 128;

/** How a session came to its end. */
export interface SessionEnd {
  /** The peer's doing; false: ours, a broken rule, or time. */
  byPeer: boolean;
  /** The peer knows nothing of the session any more: it was started anew. */
  reset?: true;
  /** A CloseError. */
  error: number;
  reason: string;
}

/** What an application may want to be told. */
export interface SessionEvents {
  /** CONTROL of the application; may come twice. */
  control?(type: number, data: Uint8Array, offset: number): void;
  /** A frame of type 0x20 to 0x3f. */
  extension?(type: number, data: Uint8Array, stream: number): void;
  /** The peer takes no new streams, for a GoAwayError. */
  goAway?(error: number, reason: string): void;
  /** Packets go another way from now on (far-end.ts). */
  migrated?(farEnd: Uint8Array): void;
  rekeyed?(epoch: number): void;
}

const decoder = new TextDecoder();

export class TransferSession {
  /** The peer: its Ed25519 key, and the key that lists of peers compare. */
  readonly peerId: Uint8Array;
  readonly peerKey: Uint8Array;
  /** Did we call? */
  readonly initiator: boolean;
  /** For two people to compare. */
  readonly authenticationString: string;
  /** Streams that the peer opens. */
  readonly incoming: ReadableStream<TransferStream>;
  readonly closed: Promise<SessionEnd>;
  /** When it began, on the endpoint's clock. */
  readonly startUs: number;
  events: SessionEvents = {};
  private readonly transfer: EngineTransfer;
  private readonly link: StreamLink;
  private readonly handle: number;
  private readonly streams = new Map<number, TransferStream>();
  private readonly room = new WakeSignal();
  private pings: PromiseWithResolvers<number>[] = [];
  private incomingController: ReadableStreamDefaultController<TransferStream> | undefined;
  private end: SessionEnd | undefined;
  private resolveClosed: (end: SessionEnd) => void;

  /** Made by an endpoint. */
  constructor(
    transfer: EngineTransfer,
    link: StreamLink,
    session: { handle: number; agreed: Agreed; startUs: number },
  ) {
    this.transfer = transfer;
    this.link = link;
    this.handle = session.handle;
    this.peerId = session.agreed.peerId;
    this.peerKey = session.agreed.peerKey;
    this.initiator = session.agreed.initiator;
    this.authenticationString = authenticationString(session.agreed.keys.h);
    this.startUs = session.startUs;
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.closed = promise;
    this.resolveClosed = resolve;
    // Streams that ended empty do not count for the peer's limit any more, but still lie here.
    this.incoming = new ReadableStream<TransferStream>({
      start: (controller) => {
        this.incomingController = controller;
      },
    });
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  /** Opens a stream; waits while the peer holds us to as many as there are. */
  async openStream(options: StreamOptions = {}): Promise<TransferStream> {
    for (;;) {
      this.checkOpen();
      const handle = this.transfer.streams.open(this.handle, options);
      if (handle !== undefined) {
        this.link.kick();
        const { bidi = true, priority = DEFAULT_PRIORITY, metadata = new Uint8Array(0) } = options;
        return this.add({ handle, local: true, bidi, priority, metadata });
      }
      await this.room.wait();
    }
  }

  /** Round trip of a PING, microseconds. */
  ping(): Promise<number> {
    this.checkOpen();
    const waiting = Promise.withResolvers<number>();
    this.pings.push(waiting);
    this.transfer.ping(this.handle);
    this.link.kick();
    return waiting.promise;
  }

  /** Keeps the session alive while nothing is sent. */
  keepalive(on: boolean): void {
    this.transfer.keepalive(this.handle, on);
    this.link.kick();
  }

  /** New keys; false: a rekey is under way. */
  rekey(): boolean {
    const begun = this.transfer.rekey(this.handle);
    this.link.kick();
    return begun;
  }

  /** Moves to another far end of the same peer; false: a move is under way. */
  migrate(farEnd: Uint8Array): boolean {
    const begun = this.transfer.migrate(this.handle, farEnd);
    this.link.kick();
    return begun;
  }

  /** CONTROL of a type from 0x0100 on; false: no room now. */
  control(type: number, data: Uint8Array, offset = 0): boolean {
    const sent = this.transfer.control(this.handle, type, data, offset) === 0;
    this.link.kick();
    return sent;
  }

  /** A frame of type 0x20 to 0x3f; false: no room now. */
  extension(type: number, data: Uint8Array): boolean {
    const sent = this.transfer.extension(this.handle, type, data) === 0;
    this.link.kick();
    return sent;
  }

  /** Takes no new streams of the peer's, for a GoAwayError. */
  goAway(error: number, reason = ''): void {
    this.transfer.streams.goAway(this.handle, error, reason);
    this.link.kick();
  }

  statistics(): Statistics | undefined {
    return this.transfer.statistics(this.handle);
  }

  /** Ends it, for a CloseError; what has not arrived is lost. */
  close(error: number = CloseError.NONE, reason = ''): Promise<SessionEnd> {
    this.transfer.close(this.handle, error, reason);
    this.over({ byPeer: false, error, reason });
    this.link.kick();
    return this.closed;
  }

  /** The endpoint's: an event of this session. */
  take(event: TransferEventOf): void {
    const { kind, stream, code, value, number } = event;
    const bytes = event.bytes ?? new Uint8Array(0);
    if (kind === TransferEventKind.STREAM_OPENED) {
      const facts = { handle: stream, local: false, bidi: value === 1, priority: code };
      this.incomingController?.enqueue(this.add({ ...facts, metadata: bytes }));
    } else if (stream) {
      this.streams.get(stream)?.take(event);
      if (kind === TransferEventKind.STREAM_GONE) this.streams.delete(stream);
    } else if (kind === TransferEventKind.STREAMS_AVAILABLE) this.room.raise();
    else if (kind === TransferEventKind.PONG) this.pongs(value);
    else if (kind === TransferEventKind.CLOSED) {
      const reset = number === ClosedBy.RESET ? { reset: true as const } : {};
      const byPeer = number !== ClosedBy.US;
      this.over({ byPeer, ...reset, error: code, reason: decoder.decode(bytes) });
    } else if (kind === TransferEventKind.SESSION_GONE) {
      this.over({ byPeer: false, error: CloseError.NONE, reason: '' });
    } else this.tell(event, bytes);
  }

  /** The endpoint's: it ends without a word to the peer. */
  over(end: SessionEnd): void {
    if (this.end) return;
    this.end = end;
    const error = this.closedError();
    for (const stream of this.streams.values()) stream.cutOff(error);
    this.streams.clear();
    for (const { reject } of this.pings.splice(0)) reject(error);
    this.incomingController?.close();
    this.incomingController = undefined;
    this.room.raise();
    this.resolveClosed(end);
  }

  private tell({ kind, number, value, code, path }: TransferEventOf, bytes: Uint8Array): void {
    const { events } = this;
    if (kind === TransferEventKind.CONTROL) events.control?.(number, bytes, value);
    else if (kind === TransferEventKind.EXTENSION) events.extension?.(code, bytes, number);
    else if (kind === TransferEventKind.GOAWAY) events.goAway?.(code, decoder.decode(bytes));
    else if (kind === TransferEventKind.MIGRATED) events.migrated?.(path);
    else if (kind === TransferEventKind.REKEYED) events.rekeyed?.(number);
  }

  private add(facts: ConstructorParameters<typeof TransferStream>[1]): TransferStream {
    const stream = new TransferStream(this.link, facts);
    this.streams.set(facts.handle, stream);
    return stream;
  }

  private pongs(roundTripUs: number): void {
    for (const { resolve } of this.pings.splice(0)) resolve(roundTripUs);
  }

  private checkOpen(): void {
    if (this.end) throw this.closedError();
  }

  private closedError(): TransferError {
    const { byPeer, error = 0, reason = '' } = this.end ?? {};
    const message = `the session is closed${byPeer ? ' by the peer' : ''} (${error}) ${reason}`;
    return new TransferError('ANDVARI_SESSION_CLOSED', message.trimEnd(), error);
  }
}
