/**
 * One QUIC connection: packets and time go in, packets come out by `transmit`; streams and
 * datagrams above it. Works in turns: whatever happens marks the connection, and one turn of the
 * event loop later all of it is handled at once and packets leave together.
 */
import { AckDelay } from './ack-delay.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  OVERHEAD_BYTES_MAX,
  OVERHEAD_PER_BYTE_RECEIVED,
  OVERHEAD_PER_BYTE_SENT,
  OVERHEAD_PER_OPERATION,
  RECEIVE_PAYLOAD_BYTES,
} from './limits.ts';
import type { HostPort, NativeConnection, QuicBinding } from './quic-binding.ts';
import { QuicClosedError } from './quic-closed-error.ts';
import { QuicReceiveStream, QuicSendStream, type StreamHost } from './quic-stream.ts';
import type { ThreadShare, ThreadShares } from './thread-shares.ts';

export interface QuicEvents {
  established(): void;
  /** The peer has opened a stream; `send` is undefined for a unidirectional one. */
  stream(receive: QuicReceiveStream, send: QuicSendStream | undefined): void;
  datagram(bytes: Uint8Array): void;
  /** The last event. All streams have failed by then. */
  closed(error: QuicClosedError): void;
}

/** RFC 9000 section 2.1: bit 0 says who opened the stream (1: the server), bit 1 unidirectional. */
const SERVER = 1;
const UNIDIRECTIONAL = 2;
/** Packets of one turn; a fast path must not keep other connections waiting. */
const PACKETS_PER_TURN = 256;
/** HTTP/3's code for a peer that costs too much (RFC 9114 section 8.1, H3_EXCESSIVE_LOAD). */
const EXCESSIVE_LOAD = 0x107;
/** Streams that are asked one by one: those of HTTP/3 and of a session or two. */
const ASKED_MAX = 8;

const packet = new Uint8Array(RECEIVE_PAYLOAD_BYTES);

export interface QuicConnectionOptions {
  binding: QuicBinding;
  native: NativeConnection;
  role: 'server' | 'client';
  remote: HostPort;
  /** Where packets come in, as QUIC sees it. */
  local: HostPort;
  /** [as much of the thread as it takes] */
  shares?: ThreadShares | undefined;
  /** Time until the connection must be established [10 s]. */
  handshakeTimeoutMs?: number | undefined;
  /** The bytes are the connection's again when it returns. */
  transmit: (bytes: Uint8Array, to: HostPort) => void;
}

export class QuicConnection implements StreamHost {
  readonly remote: HostPort;
  readonly native: NativeConnection;
  readonly shutdown: QuicBinding['Shutdown'];
  events!: QuicEvents;
  /** Called once, when the connection needs no packets any more. */
  onGone: (() => void) | undefined;
  readonly #options: QuicConnectionOptions;
  readonly #peerBit: number;
  readonly #receiving = new Map<number, QuicReceiveStream>();
  readonly #sending = new Map<number, QuicSendStream>();
  /** Streams that nobody reads any more, until QUIC has forgotten them. */
  readonly #discarded = new Set<number>();
  #nextBidi: number;
  #nextUni: number;
  #lost: QuicClosedError | undefined;
  #established = false;
  #gone = false;
  #turnPlanned = false;
  readonly #ackDelay = new AckDelay();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  readonly #handshakeEndMs: number;
  #share: ThreadShare | undefined;
  #knownShare: ThreadShare | undefined;
  /** Bytes that came beyond what the application's own traffic explains. */
  #overheadBytes = 0;

  constructor(options: QuicConnectionOptions) {
    this.#options = options;
    this.native = options.native;
    this.remote = options.remote;
    this.shutdown = options.binding.Shutdown;
    const own = options.role === 'server' ? SERVER : 0;
    this.#handshakeEndMs = performance.now() + (options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS);
    this.#peerBit = own ^ SERVER;
    this.#nextBidi = own;
    this.#nextUni = own | UNIDIRECTIONAL;
  }

  get lost(): Error | undefined {
    return this.#lost;
  }
  get established(): boolean {
    return this.#established;
  }
  /** Streams that are open or not yet forgotten. */
  get streamCount(): number {
    return new Set([...this.#receiving.keys(), ...this.#sending.keys()]).size;
  }

  /** Whether there is time for its packets now. */
  get hasTime(): boolean {
    return this.#share?.has(performance.now()) ?? true;
  }

  /** The application knows who is there. */
  known(): void {
    this.#share = this.#knownShare ??= this.#options.shares?.known();
  }

  /** A datagram for this connection, which QUIC changes while it reads it. */
  receive(bytes: Uint8Array): void {
    this.#spend(() => this.#receive(bytes));
  }

  #spend(work: () => void): void {
    const share = this.#share;
    const startMs = performance.now();
    work();
    share?.charge(performance.now() - startMs);
  }

  #receive(bytes: Uint8Array): void {
    this.#overheadBytes += bytes.length;
    try {
      this.native.recv(bytes, { from: this.remote, to: this.#options.local });
    } catch {
      // Damaged, or not for us. If the peer broke a rule, QUIC closes by itself.
    }
    this.#ackDelay.received();
    if (this.#overheadBytes > OVERHEAD_BYTES_MAX) this.close(EXCESSIVE_LOAD, 'too much overhead');
    this.#planTurn();
  }

  /** A stream of our own; undefined: the peer allows no more now. */
  openUnidirectional(): QuicSendStream | undefined {
    if (this.#lost || this.native.peerStreamsLeftUni() === 0) return undefined;
    const id = this.#nextUni;
    this.#nextUni += 4;
    return this.#addSending(id);
  }

  openBidirectional(): { receive: QuicReceiveStream; send: QuicSendStream } | undefined {
    if (this.#lost || this.native.peerStreamsLeftBidi() === 0) return undefined;
    const id = this.#nextBidi;
    this.#nextBidi += 4;
    return { receive: this.#addReceiving(id), send: this.#addSending(id) };
  }

  /** False: it found no room, or is longer than the path carries. */
  sendDatagram(bytes: Uint8Array): boolean {
    if (this.#lost) return false;
    try {
      if (this.native.dgramSend(bytes) === null) return false;
    } catch {
      return false;
    }
    this.went(bytes.length);
    this.changed();
    return true;
  }

  /** Bytes of the longest datagram; 0: the peer takes none. */
  get datagramBytesMax(): number {
    return this.native.dgramMaxWritableLen() ?? 0;
  }

  /** Have the peer answer, so that both sides know that the other is there. */
  ping(): void {
    if (this.#lost || !this.#established) return;
    this.native.sendAckEliciting();
    this.#explain(OVERHEAD_PER_OPERATION);
    this.changed();
  }

  /** Say the end; the last packets leave in this call. */
  close(http3Code: number, reason = ''): void {
    if (this.#lost) return;
    try {
      this.native.close(true, http3Code, Buffer.from(reason));
    } catch {
      // Closed already; the turn finds out why.
    }
    this.#lose(new QuicClosedError('us', true, http3Code));
    this.transmit();
    this.changed();
  }

  changed(): void {
    this.#ackDelay.urgent();
    this.#planTurn();
  }

  #planTurn(): void {
    if (this.#turnPlanned || this.#gone) return;
    this.#turnPlanned = true;
    setImmediate(() => {
      this.#turnPlanned = false;
      if (!this.#gone) this.#spend(() => this.#turn());
    });
  }

  came(bytes: number): void {
    this.#ackDelay.read();
    this.#planTurn();
    this.#explain(bytes * OVERHEAD_PER_BYTE_RECEIVED + OVERHEAD_PER_OPERATION);
  }

  went(bytes: number): void {
    this.#ackDelay.urgent();
    this.#explain(bytes * OVERHEAD_PER_BYTE_SENT + OVERHEAD_PER_OPERATION);
  }

  #explain(bytes: number): void {
    this.#overheadBytes = Math.max(0, this.#overheadBytes - bytes);
  }

  discard(stream: QuicReceiveStream): void {
    this.#discarded.add(stream.id);
  }

  ended(half: QuicReceiveStream | QuicSendStream): void {
    if (half instanceof QuicSendStream) this.#sending.delete(half.id);
    else this.#receiving.delete(half.id);
  }

  #addReceiving(id: number): QuicReceiveStream {
    const stream = new QuicReceiveStream(id, this);
    this.#receiving.set(id, stream);
    return stream;
  }

  #addSending(id: number): QuicSendStream {
    const stream = new QuicSendStream(id, this);
    this.#sending.set(id, stream);
    return stream;
  }

  #turn(): void {
    if (!this.#lost) this.#handle();
    if (this.#gone) return;
    const isOpen = this.#established && !this.#lost;
    if (!isOpen || !this.#ackDelay.waits(performance.now())) this.transmit();
    if (this.native.isClosed()) {
      this.#finish();
      return;
    }
    if (!this.#lost && (this.native.isDraining() || this.native.localError())) {
      this.#lose(this.#reason());
    }
    this.#planTimer();
  }

  #handle(): void {
    if (!this.#established) {
      if (!this.native.isEstablished()) {
        this.#checkHandshake();
        return;
      }
      this.#established = true;
      this.#share = this.#options.shares?.stranger(this.remote.host);
      this.events.established();
    }
    // Before the reading: with the last half QUIC forgets the stream, and why it was stopped.
    for (const stream of this.#sending.values()) stream.attend();
    this.#handleReadable();
    if (this.#lost) return;
    for (let bytes = this.native.dgramRecvVec(); bytes; bytes = this.native.dgramRecvVec()) {
      this.came(bytes.length);
      this.events.datagram(bytes);
      if (this.#lost) return;
    }
    for (const id of this.#discarded) {
      if (this.native.streamFinished(id)) this.#discarded.delete(id);
    }
  }

  /**
   * The binding makes a native object of each list of streams, which V8 gives up only with a
   * collection of the old space. So a few known streams are asked one by one, and there is no list
   * when nothing is left.
   */
  #handleReadable(): void {
    if (this.#receiving.size <= ASKED_MAX) {
      for (const stream of [...this.#receiving.values()]) {
        if (!this.native.streamReadable(stream.id)) continue;
        stream.readable();
        if (this.#lost) return;
      }
    }
    if (!this.native.isReadable()) return;
    for (const id of this.native.readable()) {
      if (this.#lost) return;
      this.#readable(id);
    }
  }

  #readable(id: number): void {
    const known = this.#receiving.get(id);
    if (known) {
      known.readable();
      return;
    }
    if (this.#discarded.has(id)) {
      this.#throwAway(id);
      return;
    }
    if ((id & SERVER) !== this.#peerBit) return;
    const receive = this.#addReceiving(id);
    this.events.stream(receive, id & UNIDIRECTIONAL ? undefined : this.#addSending(id));
  }

  /** QUIC keeps a stopped stream until its end has been read. */
  #throwAway(id: number): void {
    try {
      while (this.native.streamRecv(id, packet)) {
        // Nobody wants it.
      }
    } catch {
      // The end, by reset.
    }
  }

  /** Nobody is told: whoever does not go on would only make us repeat it. */
  #checkHandshake(): void {
    if (performance.now() >= this.#handshakeEndMs) this.drop();
  }

  transmit(): void {
    this.#ackDelay.sent();
    for (let count = 0; count < PACKETS_PER_TURN; count++) {
      let sent: [number, { to: HostPort }] | null;
      try {
        sent = this.native.send(packet);
      } catch {
        // QUIC has closed the connection with an error of its own.
        return;
      }
      if (!sent) return;
      this.#options.transmit(packet.subarray(0, sent[0]), sent[1].to);
    }
    this.changed();
  }

  /** QUIC wants to be called again then; a timer that is too early is left, it plans the next. */
  #planTimer(): void {
    const nowMs = performance.now();
    const handshakeMs = this.#established ? Number.POSITIVE_INFINITY : this.#handshakeEndMs - nowMs;
    const quicMs = this.native.timeout() ?? Number.POSITIVE_INFINITY;
    const inMs = Math.min(quicMs, handshakeMs, this.#ackDelay.untilMs - nowMs);
    if (inMs === Number.POSITIVE_INFINITY) return;
    const atMs = nowMs + inMs;
    if (this.#timerAtMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => this.#timeout(), Math.max(0, Math.ceil(inMs)));
  }

  #timeout(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (this.#gone) return;
    this.native.onTimeout();
    this.#ackDelay.urgent();
    this.#turn();
  }

  #reason(): QuicClosedError {
    const peer = this.native.peerError();
    if (peer) return new QuicClosedError('peer', peer.isApp, peer.errorCode);
    const local = this.native.localError();
    if (local) return new QuicClosedError('us', local.isApp, local.errorCode);
    return new QuicClosedError('time-out', false, 0);
  }

  #lose(error: QuicClosedError): void {
    this.#lost = error;
    for (const stream of [...this.#receiving.values()]) stream.lose(error);
    for (const stream of [...this.#sending.values()]) stream.lose(error);
    this.events.closed(error);
  }

  /** Stop at once: no packet leaves any more. */
  drop(): void {
    if (!this.#gone) this.#finish();
  }

  #finish(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    if (!this.#lost) this.#lose(this.#reason());
    this.onGone?.();
  }
}
