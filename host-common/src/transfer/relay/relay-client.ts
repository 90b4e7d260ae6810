/**
 * A client of a relay: subscribed for one key, and subscribed anew when the connection was lost.
 * Meanwhile packets are lost, as on any network that is away for a while.
 */
import { Backoff } from '../../ratatoskr/client/backoff.ts';
import { checkBytes, checkMethods, checkObject } from '../argument-checks.ts';
import { hostRandom, type RandomBytes } from '../byte-strings.ts';
import { type EndpointClock, hostClock } from '../endpoint-clock.ts';
import type { PurposeSigner } from '../identity.ts';
import type { RelayTransport } from './relay-channel.ts';
import { RelayError } from './relay-error.ts';
import { RelayLink, type RelayLinkEvents } from './relay-link.ts';

/** For the connection and the subscription. */
const CONNECT_US = 10_000_000;
/** Waits between two attempts, each shortened at random by up to half of it. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
/** A subscription that holds for so long counts as one that worked. */
const PROVEN_US = 10_000_000;
/** After these it is no use to come back soon. */
const FOR_LONGER = new Set(['ANDVARI_RELAY_REFUSED', 'ANDVARI_RELAY_REPLACED']);

export interface RelayClientOptions {
  transport: RelayTransport;
  /** 32 bytes: whom others send to. */
  peerId: Uint8Array;
  /** Of the same identity (identity.ts, purposeSigner). */
  signer: PurposeSigner;
  clock?: EndpointClock;
  random?: RandomBytes;
}

/** Connecting, also anew; open: subscribed; closed: by us, or never open. */
export interface RelayStatus {
  state: 'connecting' | 'open' | 'closed';
  /** Why it connects anew. */
  error?: unknown;
}

export interface RelayClientEvents {
  /** A packet that a peer sent; views that nobody changes. */
  packet(from: Uint8Array, packet: Uint8Array): void;
  /** It had sent something to us, and has left the relay. */
  peerGone?(peer: Uint8Array): void;
  /** It is not at this relay: what was sent to it is lost. */
  notHere?(peer: Uint8Array): void;
  changed?(status: RelayStatus): void;
}

export class RelayClient {
  private readonly options: Required<RelayClientOptions>;
  private readonly events: RelayClientEvents;
  private readonly backoff: Backoff;
  private readonly stop = new AbortController();
  private link: RelayLink | undefined;
  /** Ends the wait before the next connection. */
  private hurry = () => {};
  private opening: Promise<void> | undefined;

  /** @throws TypeError, RangeError: an option that is none */
  constructor(options: RelayClientOptions, events: RelayClientEvents) {
    checkObject('options', options);
    checkMethods('transport', options.transport, ['connect']);
    checkMethods('signer', options.signer, ['sign']);
    checkBytes('peerId', options.peerId, 32);
    checkMethods('events', events, ['packet']);
    const { clock = hostClock, random = hostRandom } = options;
    this.options = { ...options, clock, random };
    this.events = events;
    const share = () => (random(1)[0] ?? 0) / 256;
    this.backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS, share);
  }

  /** Subscribed now. */
  get isOpen(): boolean {
    return this.link?.isOpen ?? false;
  }

  /**
   * The first subscription. From then on it is renewed whenever it was lost, until close(); if it
   * does not come about, nothing is tried again.
   * @throws RelayError; what the transport says, a certificate that is not trusted, say
   */
  open(): Promise<void> {
    this.opening ??= this.begin();
    return this.opening;
  }

  /** False: it is lost, as there is no subscription now or too much waits. */
  send(to: Uint8Array, packet: Uint8Array): boolean {
    return this.link?.send(to, packet) ?? false;
  }

  /** The network here is another one: the connection is proved, or begun anew without a wait. */
  networkChanged(): void {
    this.link?.prove();
    this.hurry();
  }

  close(): void {
    if (this.stop.signal.aborted) return;
    this.hurry = () => {};
    this.stop.abort(new RelayError('ANDVARI_RELAY_CLOSED', 'the relay was left'));
    this.link?.close();
    this.link = undefined;
    this.tell({ state: 'closed' });
  }

  private async begin(): Promise<void> {
    this.tell({ state: 'connecting' });
    try {
      await this.connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws what link.open() does */
  private async connect(): Promise<void> {
    const { clock } = this.options;
    const sinceUs = clock.now().us;
    this.stop.signal.throwIfAborted();
    const late = new AbortController();
    const cancel = clock.alarm(sinceUs + CONNECT_US, () => late.abort(this.lateError()));
    const signal = AbortSignal.any([this.stop.signal, late.signal]);
    try {
      this.link = await RelayLink.open(this.options, this.linkEvents(), signal);
    } catch (error) {
      throw this.named(error);
    } finally {
      cancel();
    }
    this.tell({ state: 'open' });
  }

  private linkEvents(): RelayLinkEvents {
    const { clock } = this.options;
    const sinceUs = clock.now().us;
    return {
      packet: (from, packet) => this.events.packet(from, packet),
      peerGone: (peer) => this.events.peerGone?.(peer),
      notHere: (peer) => this.events.notHere?.(peer),
      ended: (error) => {
        this.link = undefined;
        if (clock.now().us - sinceUs >= PROVEN_US) this.backoff.reset();
        this.again(error);
      },
    };
  }

  private again(error: unknown): void {
    const { clock } = this.options;
    const { signal } = this.stop;
    if (signal.aborted) return;
    this.tell({ state: 'connecting', error });
    const isLong = error instanceof RelayError && FOR_LONGER.has(error.code);
    const waitMs = isLong ? this.backoff.longest() : this.backoff.next();
    const connect = () => {
      cancel();
      this.hurry = () => {};
      signal.removeEventListener('abort', cancel);
      this.connect().catch((next) => this.again(next));
    };
    const cancel = clock.alarm(clock.now().us + waitMs * 1000, connect);
    signal.addEventListener('abort', cancel, { once: true });
    // One that has refused us would refuse us again.
    if (!isLong) this.hurry = connect;
  }

  private tell(status: RelayStatus): void {
    this.events.changed?.(status);
  }

  private lateError(): RelayError {
    const { host } = this.options.transport;
    const message = `the relay ${host} has not answered within ${CONNECT_US / 1_000_000} s`;
    return new RelayError('ANDVARI_RELAY_UNREACHABLE', message);
  }

  /** What a transport throws without a code of ours: the relay cannot be reached. */
  private named(error: unknown): unknown {
    const { code, message = String(error) } = error as { code?: unknown; message?: string };
    if (typeof code === 'string' && code.startsWith('ANDVARI_')) return error;
    const { host } = this.options.transport;
    const why = `the relay ${host} cannot be reached: ${message}`;
    return new RelayError('ANDVARI_RELAY_UNREACHABLE', why, error);
  }
}
