/**
 * Keeps one connection with a session as long as it is wanted: connects, connects again, gives up
 * when the server does not want us (reference: section 4).
 */

import { Backoff } from './backoff.ts';
import type { ClientClock } from './client-clock.ts';
import { RatatoskrError, RefusedByServerError } from './client-error.ts';
import type { ClientEvent, ClientState, ClientStatus } from './client-status.ts';
import type { Dialer } from './dial.ts';
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS, RECONNECT_TRIES, STABLE_MS } from './limits.ts';
import { Link, type LinkSettings } from './link.ts';
import type { LinkOwner } from './link-owner.ts';
import type { Session } from './session.ts';

export interface KeeperOptions {
  link: LinkSettings;
  dialer: Dialer;
  clock: ClientClock;
  random: () => number;
  reconnect: boolean;
  emit(event: ClientEvent): void;
  /** A session is there: calls may go. */
  online(): void;
  /** Nobody will connect any more by himself. */
  failed(error: RatatoskrError): void;
}

/** A server that says so will say so again: repeating it would only look like an attack. */
const FINAL: ReadonlySet<string> = new Set(['CONNECTION_REJECTED', 'UNAUTHENTICATED']);

export class ConnectionKeeper {
  readonly #options: KeeperOptions;
  readonly #tries: Backoff;
  /** Those who wait for a session. */
  readonly #hopeful = new Set<PromiseWithResolvers<Session>>();
  #state: ClientState = 'offline';
  #link: Link | undefined;
  /** Since when there is a session on the link. */
  #onlineMs: number | undefined;
  /** A call was answered on it. */
  #hasServed = false;
  /** Tries in a row that brought no session. */
  #failures = 0;
  #retry: { atMs: number; cancel: () => void } | undefined;
  #answering = true;
  /** When the last heartbeat of this link was sent. */
  #beatMs: number | undefined;
  #roundTripMs: number | undefined;
  #fault: RatatoskrError | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#tries = new Backoff(RECONNECT_MIN_MS, RECONNECT_MAX_MS, options.random);
  }

  get state(): ClientState {
    return this.#state;
  }

  get fault(): RatatoskrError | undefined {
    return this.#fault;
  }

  /** The link, when there is a session on it. */
  get ready(): Link | undefined {
    return this.#link?.session === undefined ? undefined : this.#link;
  }

  view(): Omit<ClientStatus, 'queue'> {
    const nowMs = this.#options.clock.monotonicMs();
    return {
      state: this.#state,
      transport: this.#link?.transport,
      session: this.#link?.session,
      answering: this.#link === undefined || this.#answering,
      heartbeatAgoMs: this.#beatMs === undefined ? undefined : nowMs - this.#beatMs,
      roundTripMs: this.#roundTripMs,
      failures: this.#failures,
      unreachable: this.#isUnreachable,
      retryInMs: this.#retry && Math.max(0, this.#retry.atMs - nowMs),
      fault: this.#fault,
    };
  }

  async connect(signal: AbortSignal | undefined): Promise<Session> {
    signal?.throwIfAborted();
    if (this.#state === 'closed') throw closed();
    if (this.#link?.session !== undefined) return this.#link.session;
    const hope = Promise.withResolvers<Session>();
    this.#hopeful.add(hope);
    const giveUp = (): void => hope.reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (this.#state === 'offline' || this.#state === 'failed') this.#open();
    try {
      return await hope.promise;
    } finally {
      this.#hopeful.delete(hope);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  retryNow(): void {
    if (this.#state !== 'waiting') return;
    this.#beginAnew();
    this.#open();
  }

  /** Ends session, connection and tries. */
  async leave(state: 'offline' | 'closed'): Promise<void> {
    if (this.#state === 'closed') return;
    const link = this.#link;
    this.#link = undefined;
    this.#cancelRetry();
    this.#beginAnew();
    this.#fault = undefined;
    this.#enter(state);
    this.#disappoint(new RatatoskrError('ANDVARI_CLOSED', 'the client has disconnected'));
    await link?.close();
    this.#options.emit({ kind: 'session', session: undefined });
  }

  /** A call was answered with success: what the link was made for, it did. */
  served(): void {
    this.#hasServed = true;
  }

  roundTrip(elapsedMs: number): void {
    this.#roundTripMs = elapsedMs;
    this.#options.emit({ kind: 'roundTrip', elapsedMs });
  }

  #open(): void {
    this.#cancelRetry();
    this.#enter('connecting');
    const link: Link = new Link(
      this.#options.link,
      this.#ownerOf(() => link),
    );
    this.#link = link;
    this.#onlineMs = undefined;
    this.#hasServed = false;
    this.#beatMs = undefined;
    this.#answering = true;
    void link.open(this.#options.dialer);
  }

  /** What a link says counts only as long as it is ours. */
  #ownerOf(link: () => Link): LinkOwner {
    const isOurs = () => this.#link === link();
    const { emit } = this.#options;
    return {
      online: (session) => {
        if (isOurs()) this.#online(session);
      },
      paused: () => {
        if (!isOurs()) return;
        emit({ kind: 'session', session: undefined });
        this.#enter('connecting');
      },
      ended: (error, hasAlternative) => {
        if (isOurs()) this.#ended(error, hasAlternative);
      },
      answering: (answering) => {
        if (!isOurs()) return;
        this.#answering = answering;
        emit({ kind: 'answering', answering });
      },
      beat: () => {
        this.#beatMs = this.#options.clock.monotonicMs();
        emit({ kind: 'heartbeat' });
      },
      roundTrip: (elapsedMs) => this.roundTrip(elapsedMs),
      problem: (error) => emit({ kind: 'problem', error }),
    };
  }

  #online(session: Session): void {
    const { clock, emit, online } = this.#options;
    if (this.#onlineMs === undefined) {
      this.#onlineMs = clock.monotonicMs();
      emit({ kind: 'transport', transport: this.#link?.transport });
      this.#count(0);
    }
    this.#fault = undefined;
    emit({ kind: 'session', session });
    this.#enter('online');
    for (const { resolve } of this.#hopeful) resolve(session);
    online();
  }

  #ended(error: RatatoskrError, hasAlternative: boolean): void {
    const { clock, emit, reconnect } = this.#options;
    this.#link = undefined;
    this.#fault = error;
    const onlineMs = this.#onlineMs;
    // One that is cut again and again, before it was of any use, does not count as a success.
    const wasGood =
      this.#hasServed || (onlineMs !== undefined && clock.monotonicMs() - onlineMs >= STABLE_MS);
    if (wasGood) this.#tries.reset();
    emit({ kind: 'session', session: undefined });
    emit({ kind: 'transport', transport: undefined });
    // A try is over when each transport has had its turn.
    if ((!reconnect && !hasAlternative) || isFinal(error)) {
      this.#enter('failed');
      this.#disappoint(error);
      this.#options.failed(error);
      return;
    }
    if (onlineMs === undefined) this.#count(this.#failures + 1);
    const waitMs = this.#isUnreachable ? this.#tries.longest() : this.#tries.next();
    const cancel = clock.after(waitMs, () => this.#open());
    this.#retry = { atMs: clock.monotonicMs() + waitMs, cancel };
    this.#enter('waiting');
  }

  get #isUnreachable(): boolean {
    return this.#failures >= RECONNECT_TRIES;
  }

  #beginAnew(): void {
    this.#tries.reset();
    this.#count(0);
  }

  #count(failures: number): void {
    const before = this.#isUnreachable;
    this.#failures = failures;
    const unreachable = this.#isUnreachable;
    if (unreachable !== before) this.#options.emit({ kind: 'unreachable', unreachable });
  }

  #cancelRetry(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #disappoint(error: RatatoskrError): void {
    for (const { reject } of this.#hopeful) reject(error);
  }

  #enter(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.emit({ kind: 'state', state });
  }
}

export function closed(): RatatoskrError {
  return new RatatoskrError('ANDVARI_CLOSED', 'the client is closed');
}

function isFinal(error: RatatoskrError): boolean {
  if (error instanceof RefusedByServerError) return FINAL.has(error.serverCode);
  return error.code === 'ANDVARI_UNTRUSTED' || error.code === 'ANDVARI_BAD_REQUEST';
}
