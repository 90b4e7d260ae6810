/**
 * A client of a Ratatoskr server: calls in, answers out, over whatever connection there is. Keeps
 * one connection and one session as long as its user wants, and queues calls while there is none
 * (reference: Ratatoskr sections 3, 4, 8, 9).
 *
 * Calls run at most once: the server executes a request_id once and answers repetitions from its
 * memory, so a call whose connection was cut is sent again under its request_id.
 */

import { plainEngine } from '../../engine/module.ts';
import { tell } from '../../raida/lanes.ts';
import { RatatoskrCodec } from '../codec.ts';
import { hostEd25519 } from '../ed25519.ts';
import { ResponseValidator } from '../message-validator.ts';
import { type CallAnswer, CallDesk } from './call-desk.ts';
import { checkOptions, queueLimits } from './client-checks.ts';
import { type ClientClock, systemClock } from './client-clock.ts';
import type { CallOptions, ClientParts, RatatoskrClientOptions } from './client-options.ts';
import type { ClientEvent, ClientStatus } from './client-status.ts';
import { ConnectionKeeper, closed } from './connection-keeper.ts';
import { Dialer } from './dial.ts';
import { CONNECT_TIMEOUT_MS, SESSION_TIMEOUT_MS } from './limits.ts';
import type { LinkSettings } from './link.ts';
import { MessageMaker } from './message-maker.ts';
import type { Session } from './session.ts';

export type { CallAnswer } from './call-desk.ts';
export type { CallOptions, RatatoskrClientOptions } from './client-options.ts';
export type { Session } from './session.ts';

export class RatatoskrClient {
  readonly #clock: ClientClock;
  readonly #keeper: ConnectionKeeper;
  readonly #desk: CallDesk;
  readonly #listeners = new Set<(event: ClientEvent) => void>();

  /** Throws TypeError or RangeError for options that no client can have. */
  constructor(options: RatatoskrClientOptions, parts: ClientParts) {
    checkOptions(options, parts.codec);
    const { clock = systemClock, random = Math.random } = parts;
    const { newId = () => crypto.randomUUID() } = parts;
    const link = linkSettings(options, { ...parts, clock, newId });
    const emit = (event: ClientEvent): void => {
      for (const listener of this.#listeners) tell(listener, event);
    };
    this.#clock = clock;
    this.#keeper = new ConnectionKeeper({
      link,
      clock,
      random,
      emit,
      dialer: new Dialer({
        transports: options.transports,
        clock,
        timeoutMs: CONNECT_TIMEOUT_MS,
        fallbackAfterMs: options.fallbackAfterMs ?? SESSION_TIMEOUT_MS,
      }),
      reconnect: options.reconnect ?? true,
      online: () => this.#desk.pump(),
      failed: (error) => this.#desk.failAll(error),
    });
    this.#desk = new CallDesk({
      clock,
      random,
      newId,
      maker: link.maker,
      signV2: options.signV2 ?? false,
      limits: queueLimits(options.limits),
      link: () => this.#keeper.ready,
      changed: () => emit({ kind: 'queue' }),
      served: () => this.#keeper.served(),
      roundTrip: (elapsedMs) => this.#keeper.roundTrip(elapsedMs),
    });
  }

  /**
   * A client with the engine and the Ed25519 of this host. It does not connect by itself. Rejects
   * with TypeError or RangeError for options that no client can have.
   */
  static async create(options: RatatoskrClientOptions): Promise<RatatoskrClient> {
    const codec = RatatoskrCodec.create({ module: await plainEngine() });
    return new RatatoskrClient(options, { codec, verifier: await hostEd25519() });
  }

  /** Tells of changes until the function that it gives is called. */
  subscribe(listener: (event: ClientEvent) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError('listener: wanted a function');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): ClientStatus {
    return { ...this.#keeper.view(), queue: this.#desk.view(this.#clock.monotonicMs()) };
  }

  /**
   * Wants a connection from now on, and resolves with the first session. A server that cannot be
   * reached is tried again without end, and after five tries that is told (`unreachable`); one that
   * refuses, or is not the one that is meant, rejects with RatatoskrError, and so do close() and
   * disconnect(). `signal` ends the waiting alone.
   */
  connect({ signal }: { signal?: AbortSignal } = {}): Promise<Session> {
    return this.#keeper.connect(signal);
  }

  /** The network is back, or the user impatient: do not wait for the next try, and begin anew. */
  reconnectNow(): void {
    this.#keeper.retryNow();
  }

  /** Ends session and connection; calls wait for the next connect(). */
  disconnect(): Promise<void> {
    return this.#keeper.leave('offline');
  }

  /** Ends everything for good; calls that have not ended reject with ANDVARI_CLOSED. */
  async close(): Promise<void> {
    const left = this.#keeper.leave('closed');
    this.#desk.failAll(closed());
    await left;
  }

  /**
   * Sends a business request and gives the answer. Waits in the queue while there is no session.
   * Rejects with RatatoskrError, whose `outcome` says whether the call may have been executed, or
   * with the signal's reason; with ANDVARI_BAD_REQUEST at once for what cannot be a call.
   * @param payload at most 1 MiB; copied
   */
  async call(payload: Uint8Array, options: CallOptions = {}): Promise<CallAnswer> {
    const { state, fault } = this.#keeper;
    if (state === 'closed') throw closed();
    // Nothing would send it: the failure has to be dealt with first.
    if (state === 'failed' && fault !== undefined) throw fault;
    return this.#desk.call(payload, options);
  }
}

function linkSettings(
  options: RatatoskrClientOptions,
  parts: ClientParts & { clock: ClientClock; newId: () => string },
): LinkSettings {
  const { codec, verifier, clock, newId, randomBytes = systemBytes } = parts;
  const { signer, deviceId, userId, serverKey, requireSignedResponses, signV2 = false } = options;
  return {
    codec,
    clock,
    newId,
    maker: new MessageMaker({ codec, signer, deviceId, userId, clock, randomBytes, signV2 }),
    validator: new ResponseValidator({
      codec,
      verifier,
      ...(serverKey ? { serverPublicKey: Uint8Array.from(serverKey) } : {}),
      ...(requireSignedResponses === undefined ? {} : { requireSignedResponses }),
    }),
    deviceIdentity: options.deviceIdentity ?? '',
    authenticationToken: options.authenticationToken ?? (async () => ''),
  };
}

function systemBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
