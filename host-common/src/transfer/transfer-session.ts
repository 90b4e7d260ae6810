/** A session with a peer, as its application sees it. */
import {
  ClosedBy,
  CloseError,
  ControlType,
  FrameType,
  OpenRefusal,
  StreamResetError,
  TransferEventKind,
} from '../engine/generated/transfer.ts';
import { checkFlag, checkObject, checkText, checkWhole, U32_MAX } from './argument-checks.ts';
import { authenticationString } from './authentication-string.ts';
import { EXPEDITED_BIT, type StreamOptions } from './engine-streams.ts';
import type { EngineTransfer, Statistics, TransferEventOf } from './engine-transfer.ts';
import { checkFarEnd, hasHandle, placeOf, type Way } from './far-end.ts';
import { checkFits, type FrameLimits } from './frame-limits.ts';
import type { Agreed } from './handshake-outcome.ts';
import { IncomingStreams, type Untaken } from './incoming-streams.ts';
import { type SessionEvents, ToldEvents } from './session-events.ts';
import { PING_TIMEOUT_MS, SessionPings } from './session-pings.ts';
import { TransferError } from './transfer-error.ts';
import { type StreamLink, TransferStream } from './transfer-stream.ts';
import { CANDIDATES_FRAME } from './upgrade/candidates.ts';
import { NO_UPGRADE, type Upgrade } from './upgrade/upgrade-state.ts';
import { WakeSignal } from './wake-signal.ts';

const DEFAULT_PRIORITY = 128;
/** Who may wait to open a stream at once: all of them try whenever there may be room. */
const OPENS_MAX = 1024;
/** By so much a peer may delay an ack. */
const ACK_DELAY_US = 25_000;

/** How a session came to its end. */
export interface SessionEnd {
  /** The peer's doing; false: ours, a broken rule, or time. */
  byPeer: boolean;
  /** The peer has ended the session and forgotten it. */
  reset?: true;
  /** A CloseError. */
  error: number;
  reason: string;
}

/** What a session needs of its endpoint. */
export interface SessionLink extends StreamLink {
  /** Says something to the peer: asked again, whenever there may be room, until it gives true. */
  say(what: () => boolean): void;
  /** Calls the application; what it throws, or its promise is rejected with, ends nothing here. */
  tell(work: () => unknown): void;
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
  /** Whether streams of ours may go compressed: not in obfuscation Full, of whichever side. */
  readonly compresses: boolean;
  /** When it began, on the endpoint's clock. */
  readonly startUs: number;
  private farEnd: Uint8Array;
  private readonly beganAt: Uint8Array;
  private ownUpgrade = NO_UPGRADE;
  private readonly transfer: EngineTransfer;
  private readonly link: SessionLink;
  private readonly handle: number;
  private readonly limits: FrameLimits;
  private readonly streams = new Map<number, TransferStream>();
  private readonly room = new WakeSignal();
  /** Calls that wait for it. */
  private opening = 0;
  private readonly pings: SessionPings;
  private readonly untaken: IncomingStreams;
  private readonly told: ToldEvents;
  private end: SessionEnd | undefined;
  /** We have said GOAWAY, or say it as soon as there is room. */
  private isGoingAway = false;
  private resolveClosed: (end: SessionEnd) => void;

  /** Made by an endpoint. */
  constructor(
    transfer: EngineTransfer,
    link: SessionLink,
    session: {
      handle: number;
      agreed: Agreed;
      limits: FrameLimits;
      compresses: boolean;
      startUs: number;
      farEnd: Uint8Array;
    },
  ) {
    this.transfer = transfer;
    this.link = link;
    this.handle = session.handle;
    this.limits = session.limits;
    this.peerId = session.agreed.peerId;
    this.peerKey = session.agreed.peerKey;
    this.initiator = session.agreed.initiator;
    this.authenticationString = authenticationString(session.agreed.keys.h);
    this.compresses = session.compresses;
    this.startUs = session.startUs;
    this.farEnd = placeOf(session.farEnd);
    this.beganAt = this.farEnd;
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.closed = promise;
    this.resolveClosed = resolve;
    this.pings = new SessionPings({
      clock: link.clock,
      ping: () => {
        this.transfer.ping(this.handle);
        this.link.kick();
      },
      lateUs: () => this.lateUs,
    });
    this.told = new ToldEvents((work) => this.link.tell(work));
    this.untaken = new IncomingStreams({
      taken: (untaken) => this.taken(untaken),
      refused: (untaken) => this.refused(untaken),
    });
    this.incoming = this.untaken.readable;
  }

  /**
   * Who is told of what; a TypeError for what is no object of functions. What came before they are
   * set for the first time is told then: the first 16 frames, and the last word of all else.
   */
  get events(): SessionEvents {
    return this.told.events;
  }

  set events(events: SessionEvents) {
    this.told.events = events;
  }

  /** How many streams of the peer's nobody has taken yet. */
  get streamsWaiting(): number {
    return this.untaken.size;
  }

  /** How packets go to the peer now. */
  get way(): Way {
    if (hasHandle(this.farEnd)) return 'relayed';
    return hasHandle(this.beganAt) ? 'punched' : 'direct';
  }

  /** Of a session that began at a relay: whether it goes directly, or why not. A copy. */
  get upgrade(): Upgrade {
    return { ...this.ownUpgrade };
  }

  /** The endpoint's: how its search for a direct way goes. */
  set upgrade(upgrade: Upgrade) {
    const { state, attempts } = this.ownUpgrade;
    this.ownUpgrade = upgrade;
    if (state !== upgrade.state || attempts !== upgrade.attempts) this.told.upgraded(upgrade);
  }

  get isOpen(): boolean {
    return this.end === undefined;
  }

  /**
   * Opens a stream; waits while the peer holds us to as many as there are, or there is no room.
   * @throws TransferError ANDVARI_SESSION_GOING_AWAY: neither side opens streams any more;
   * ANDVARI_TOO_MANY_OPENS
   */
  async openStream(options: Omit<StreamOptions, 'unordered'> = {}): Promise<TransferStream> {
    checkObject('options', options);
    if (options.metadata !== undefined)
      checkFits('metadata', options.metadata, this.limits.metadata);
    // A web stream has no place for where bytes belong.
    const wanted = { ...options, unordered: false };
    return this.tryOpen(wanted) ?? this.waitToOpen(wanted);
  }

  /**
   * Round trip of a PING, microseconds; one that is lost goes again.
   * @throws TransferError ANDVARI_PING_TIMEOUT, ANDVARI_TOO_MANY_PINGS, or ANDVARI_SESSION_CLOSED
   */
  async ping({ timeoutMs = PING_TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<number> {
    checkWhole('timeoutMs', timeoutMs, 1, U32_MAX);
    this.checkOpen();
    return this.pings.ask(timeoutMs);
  }

  /** Keeps the session alive while nothing is sent. */
  keepalive(on: boolean): void {
    checkFlag('on', on);
    this.transfer.keepalive(this.handle, on);
    this.link.kick();
  }

  /** New keys; false: a rekey is under way. */
  rekey(): boolean {
    const begun = this.transfer.rekey(this.handle);
    this.link.kick();
    return begun;
  }

  /**
   * Moves to another far end of the same peer, under a connection ID of its own; if there is none
   * left, after the next rekey. False: a move is under way.
   */
  migrate(farEnd: Uint8Array): boolean {
    checkFarEnd(farEnd);
    const begun = this.transfer.migrate(this.handle, farEnd);
    this.link.kick();
    return begun;
  }

  /**
   * CONTROL of a type from 0x0100 on with up to 1110 bytes; false: no room now, or the session is
   * over. Over a transport of small datagrams fewer bytes fit: 54 less than the largest has.
   * @throws RangeError: more, which would never find room
   */
  control(type: number, data: Uint8Array, offset = 0): boolean {
    checkWhole('type', type, ControlType.APPLICATION, 0xffff);
    checkFits('data', data, this.limits.control);
    checkWhole('offset', offset, 0, Number.MAX_SAFE_INTEGER);
    const sent = this.transfer.control(this.handle, type, data, offset) === 0;
    this.link.kick();
    return sent;
  }

  /**
   * A frame of type 0x20 to 0x3f, but for the endpoint's own 0x2f, with up to 1112 bytes, or 52
   * less than a datagram; likewise.
   */
  extension(type: number, data: Uint8Array): boolean {
    checkWhole('type', type, FrameType.EXTENSION_FIRST, FrameType.EXTENSION_LAST);
    if (type === CANDIDATES_FRAME) throw new RangeError('type: 0x2f is the endpoint’s own');
    checkFits('data', data, this.limits.extension);
    const sent = this.transfer.extension(this.handle, type, data) === 0;
    this.link.kick();
    return sent;
  }

  /**
   * Takes no new streams of the peer's, for a GoAwayError, and opens none from now on. The peer is
   * told as soon as there is room for one more frame; the first call counts.
   */
  goAway(error: number, reason = ''): void {
    checkWhole('error', error, 0, U32_MAX);
    checkText('reason', reason);
    if (this.end || this.isGoingAway) return;
    this.isGoingAway = true;
    const { goAwayReason } = this.limits;
    const say = () => this.transfer.streams.goAway(this.handle, error, reason, goAwayReason);
    this.link.say(() => !this.isOpen || say());
    this.room.raise();
    this.link.kick();
  }

  statistics(): Statistics | undefined {
    return this.transfer.statistics(this.handle);
  }

  /**
   * Ends it, for a CloseError; what has not arrived is lost, and what was not read here given up.
   * Of a session that is over already nothing changes: what came can be read.
   */
  close(error: number = CloseError.NONE, reason = ''): Promise<SessionEnd> {
    checkWhole('error', error, 0, U32_MAX);
    checkText('reason', reason);
    if (this.end) return this.closed;
    this.transfer.close(this.handle, error, reason, this.limits.closeReason);
    this.over({ byPeer: false, error, reason });
    this.link.kick();
    return this.closed;
  }

  /** The endpoint's: an event of this session. */
  take(event: TransferEventOf): void {
    const { kind, stream, code, value, number } = event;
    const bytes = event.bytes ?? new Uint8Array(0);
    if (kind === TransferEventKind.STREAM_OPENED) {
      const expedited = (number & EXPEDITED_BIT) !== 0;
      const facts = { handle: stream, local: false, bidi: value === 1, expedited, priority: code };
      this.untaken.opened({ ...facts, metadata: bytes });
    } else if (stream) {
      if (!this.untaken.take(event)) this.streams.get(stream)?.take(event);
      if (kind === TransferEventKind.STREAM_GONE) this.streams.delete(stream);
    } else if (kind === TransferEventKind.STREAMS_AVAILABLE) this.room.raise();
    else if (kind === TransferEventKind.PONG) this.pings.answered(value);
    else if (kind === TransferEventKind.CLOSED) {
      const reset = number === ClosedBy.RESET ? { reset: true as const } : {};
      const byPeer = number !== ClosedBy.US;
      this.over({ byPeer, ...reset, error: code, reason: decoder.decode(bytes) });
    } else if (kind === TransferEventKind.SESSION_GONE) {
      this.over({ byPeer: false, error: CloseError.NONE, reason: '' });
      for (const one of this.streams.values()) one.lost(this.closedError());
      this.streams.clear();
    } else {
      if (kind === TransferEventKind.GOAWAY) this.room.raise();
      if (kind === TransferEventKind.MIGRATED) this.farEnd = placeOf(event.path);
      this.told.take(event);
    }
  }

  /** The endpoint's: it ends without a word to the peer. */
  over(end: SessionEnd): void {
    if (this.end) return;
    this.end = end;
    const error = this.closedError();
    for (const stream of this.streams.values()) stream.cutOff(error);
    this.pings.end(error);
    this.untaken.end();
    this.room.raise();
    this.resolveClosed(end);
  }

  private tryOpen(options: StreamOptions): TransferStream | undefined {
    this.checkOpen();
    if (this.isGoingAway) throw goingAway();
    const { streams } = this.transfer;
    const handle = streams.open(this.handle, options);
    if (handle === undefined) {
      if (streams.refusal === OpenRefusal.GOING_AWAY) throw goingAway();
      return undefined;
    }
    this.link.kick();
    const { bidi = true, expedited = false, priority = DEFAULT_PRIORITY } = options;
    const { metadata = new Uint8Array(0) } = options;
    return this.add({ handle, local: true, bidi, expedited, priority, metadata });
  }

  private async waitToOpen(options: StreamOptions): Promise<TransferStream> {
    if (this.opening >= OPENS_MAX) {
      const message = `${OPENS_MAX} calls wait to open a stream: one has to end before the next`;
      throw new TransferError('ANDVARI_TOO_MANY_OPENS', message);
    }
    this.opening++;
    try {
      for (;;) {
        await this.room.wait();
        const stream = this.tryOpen(options);
        if (stream) return stream;
      }
    } finally {
      this.opening--;
    }
  }

  private add(facts: ConstructorParameters<typeof TransferStream>[1]): TransferStream {
    const stream = new TransferStream(this.link, facts);
    this.streams.set(facts.handle, stream);
    return stream;
  }

  private taken({ facts, events }: Untaken): TransferStream {
    this.transfer.streams.accepted(this.handle);
    const stream = this.add(facts);
    for (const event of events) stream.take(event);
    if (events.some(({ kind }) => kind === TransferEventKind.STREAM_GONE)) {
      this.streams.delete(facts.handle);
    } else if (this.end) stream.cutOff(this.closedError());
    this.link.kick();
    return stream;
  }

  private refused({ facts }: Untaken): void {
    const { streams } = this.transfer;
    streams.accepted(this.handle);
    streams.stop(facts.handle);
    if (facts.bidi) streams.reset(facts.handle, StreamResetError.NONE);
    this.link.kick();
  }

  /** A probe timeout of this path (section 6): then an answer is late. */
  private get lateUs(): number {
    const { ROUND_TRIP_US = 100_000, ROUND_TRIP_VARIATION_US = 50_000 } = this.statistics() ?? {};
    return ROUND_TRIP_US + Math.max(4 * ROUND_TRIP_VARIATION_US, 1000) + ACK_DELAY_US;
  }

  private checkOpen(): void {
    if (this.end) throw this.closedError();
  }

  private closedError(): TransferError {
    const { byPeer, error = 0, reason = '' } = this.end ?? {};
    const isSilence = !byPeer && error === CloseError.TIMEOUT;
    const why = isSilence ? 'the peer has not been heard of for too long' : reason;
    const message = `the session is closed${byPeer ? ' by the peer' : ''} (${error}) ${why}`;
    return new TransferError('ANDVARI_SESSION_CLOSED', message.trimEnd(), error);
  }
}

function goingAway(): TransferError {
  const message = 'the session takes no new streams: one side has said GOAWAY';
  return new TransferError('ANDVARI_SESSION_GOING_AWAY', message);
}
