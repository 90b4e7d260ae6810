/**
 * One connection from its first byte to its end: session, answers in any order, signs of life
 * (reference: section 4). A link that has ended is thrown away; the client makes another.
 */

import type { RatatoskrCodec } from '../codec.ts';
import type { ResponseValidator } from '../message-validator.ts';
import { MessageType, type RatatoskrResponse } from '../messages.ts';
import { AnswerWatch } from './answer-watch.ts';
import { ArrivingMessages } from './arriving-messages.ts';
import type { ChannelEvents, TransportName } from './client-channel.ts';
import { checkToken } from './client-checks.ts';
import type { ClientClock } from './client-clock.ts';
import { asRatatoskrError, RatatoskrError, RefusedByServerError } from './client-error.ts';
import type { Dialed, Dialer } from './dial.ts';
import {
  CONNECT_TIMEOUT_MS,
  HEARTBEAT_MS,
  PROTOCOL_VERSION,
  QUESTION_LATE_MS,
  RENEW_BEFORE_MS,
  RENEW_MIN_MS,
  SESSION_TIMEOUT_MS,
  SILENCE_MAX_MS,
  TIMER_MS_MAX,
} from './limits.ts';
import { cut, noSession, noToken } from './link-errors.ts';
import type { Answer, LinkOwner } from './link-owner.ts';
import type { MessageMaker, Outgoing } from './message-maker.ts';
import { readSession, type Session } from './session.ts';
import { type TimeLimit, withinTime } from './time-limit.ts';
import { WaitingAnswers } from './waiting-answers.ts';

export interface LinkSettings {
  codec: RatatoskrCodec;
  maker: MessageMaker;
  validator: ResponseValidator;
  clock: ClientClock;
  newId: () => string;
  deviceIdentity: string;
  /** Asked for each CONNECTION_REQUEST. */
  authenticationToken: (signal: AbortSignal) => Promise<string>;
}

type Timer = 'heartbeat' | 'renew' | 'sign' | 'doubt';

const NORMAL = 1000;

export class Link {
  transport: TransportName | undefined;
  session: Session | undefined;
  readonly #settings: LinkSettings;
  readonly #owner: LinkOwner;
  readonly #stop = new AbortController();
  readonly #waiting = new WaitingAnswers();
  readonly #arriving: ArrivingMessages;
  readonly #timers = new Map<Timer, () => void>();
  readonly #watch: AnswerWatch;
  #dialed: Dialed | undefined;
  /** Those of the last try to connect; others' words do not count any more. */
  #current: ChannelEvents | undefined;
  /** request_id of the last heartbeat. */
  #beatId = '';
  #heardMs = 0;
  #answering = true;
  #renewing = false;
  /** There was a session, also one that is over. */
  #wasOnline = false;
  #ended = false;

  constructor(settings: LinkSettings, owner: LinkOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#watch = new AnswerWatch(settings.clock, () => void this.renew());
    this.#arriving = new ArrivingMessages(settings, this.#waiting, {
      isEnded: () => this.#ended,
      heard: () => this.#heard(),
      broke: (error) => this.#broke(error),
      problem: (error) => owner.problem(error),
      end: (error) => this.#end(error),
    });
  }

  /** Connects and asks for a session; the owner is told how it went. */
  async open(dialer: Dialer): Promise<void> {
    try {
      const dialed = await dialer.dial(() => this.#events(), this.#stop.signal);
      if (this.#ended) return dialed.channel.close(NORMAL, '');
      this.#dialed = dialed;
      this.transport = dialed.transport;
      this.#heard();
      await this.renew();
    } catch (error) {
      this.#end(asRatatoskrError(error));
    }
  }

  /** Sends DISCONNECT, if there is a session, and ends; the owner is not told. */
  async close(): Promise<void> {
    const { session } = this;
    if (session !== undefined && !this.#ended) {
      this.session = undefined;
      // A signer that never signs keeps nobody here.
      const farewell = () => this.#tell(MessageType.DISCONNECT);
      await withinTime(
        farewell,
        this.#limit(() => cut('unknown')),
      ).catch(() => undefined);
    }
    this.#release(new RatatoskrError('ANDVARI_CLOSED', 'the client has disconnected'));
    this.#dialed?.channel.close(NORMAL, '');
  }

  /**
   * Sends a message and waits for its answer. Rejects with RatatoskrError: `not-executed` when it
   * was not sent, `unknown` when the link ends before the answer. Has no time-out: see
   * forget(). `begin` is called at the last moment before the message leaves; false keeps it.
   */
  async exchange(message: Outgoing, begin: () => boolean = () => true): Promise<Answer> {
    const { bytes, digest } = await this.#settings.maker.make(message);
    if (this.#ended || this.#dialed === undefined || !begin()) throw cut('not-executed');
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sentMs = this.#settings.clock.monotonicMs();
    const isCall = message.messageType === MessageType.BUSINESS_REQUEST;
    const waiting = { digest, bytes: bytes.length, isCall, sentMs, resolve, reject };
    this.#waiting.add(message.requestId, waiting);
    this.#arriving.note(message.requestId, digest);
    if (isCall) this.#watch.asked(this.#waiting.carryMs);
    try {
      this.#dialed.channel.send(bytes);
    } catch (cause) {
      // A transport that breaks instead of telling its end.
      this.#waiting.forget(message.requestId);
      this.#broke(asRatatoskrError(cause));
      throw cut('unknown', cause);
    }
    return promise;
  }

  /** Nobody waits for this answer any more. */
  forget(requestId: string): void {
    this.#waiting.forget(requestId);
  }

  /**
   * Asks for a session on this connection, the first or one in the place of another. Also how a
   * client that sees no pings learns whether the server lives: nothing else is always answered.
   */
  async renew(): Promise<void> {
    if (this.#renewing || this.#ended) return;
    this.#renewing = true;
    try {
      const session = await this.#askForSession();
      if (this.#ended) return;
      this.session = session;
      this.#wasOnline = true;
      this.#schedule(session);
      this.#owner.online(session);
    } catch (error) {
      this.#notRenewed(asRatatoskrError(error));
    } finally {
      this.#renewing = false;
    }
  }

  /** The server has said that there is no session: no call may go before there is one again. */
  expire(): void {
    if (this.session === undefined) return;
    this.session = undefined;
    this.#owner.paused();
    void this.renew();
  }

  #notRenewed(error: RatatoskrError): void {
    const isBusy = error instanceof RefusedByServerError && error.serverCode === 'RATE_LIMITED';
    if (!isBusy || this.session === undefined) {
      // What refuses is the server's own word, by whatever transport, and tokens the application's.
      if (error.code === 'ANDVARI_BAD_REPLY') this.#broke(error);
      else this.#end(error);
      return;
    }
    // It lives, which was the question, and the session that was there holds.
    this.#owner.problem(error);
    this.#schedule(this.session);
  }

  async #askForSession(): Promise<Session> {
    const { codec, clock, newId, deviceIdentity, authenticationToken } = this.#settings;
    const payload = codec.encodeConnectionRequest({
      deviceIdentity,
      authenticationToken: checkToken(await withinTime(authenticationToken, this.#limit(noToken))),
      version: PROTOCOL_VERSION,
    });
    const requestId = newId();
    const { carryMs } = this.#waiting;
    if (this.session !== undefined) {
      this.#set('doubt', QUESTION_LATE_MS + carryMs, () => this.#isAnswering(false));
    }
    const signMs = this.#dialed?.answerMs() ?? SESSION_TIMEOUT_MS;
    this.#set('sign', signMs + carryMs, () => this.#broke(noSession(signMs), true));
    const sentMs = clock.monotonicMs();
    const messageType = MessageType.CONNECTION_REQUEST;
    const { response, signed } = await this.exchange({ messageType, requestId, payload });
    this.#clear('sign');
    if (signed && response.errorCode === 'TIMESTAMP_INVALID') {
      this.#settings.maker.learnTime(response.timestamp);
    }
    if (!response.success) throw new RefusedByServerError(response);
    const session = readSession(codec, { response, signed });
    this.#owner.roundTrip(clock.monotonicMs() - sentMs);
    return session;
  }

  #schedule({ expiresMs }: Session): void {
    const leftMs = expiresMs - this.#settings.maker.serverMs() - RENEW_BEFORE_MS;
    const waitMs = Math.min(Math.max(leftMs, RENEW_MIN_MS), TIMER_MS_MAX);
    this.#set('renew', waitMs, () => void this.renew());
    if (!this.#timers.has('heartbeat')) this.#beatLater();
  }

  #beatLater(): void {
    this.#set('heartbeat', HEARTBEAT_MS, () => {
      this.#beatLater();
      const silentMs = this.#settings.clock.monotonicMs() - this.#heardMs;
      const beat = silentMs >= SILENCE_MAX_MS ? this.renew() : this.#tell(MessageType.HEARTBEAT);
      beat.catch((error) => this.#owner.problem(asRatatoskrError(error)));
    });
  }

  /** A message that is answered only when something is wrong with it. */
  async #tell(messageType: number): Promise<void> {
    const { maker, clock, newId } = this.#settings;
    const requestId = newId();
    const { bytes, digest } = await maker.make({
      messageType,
      requestId,
      payload: new Uint8Array(0),
    });
    if (this.#ended) return;
    this.#dialed?.channel.send(bytes);
    if (messageType !== MessageType.HEARTBEAT) return;
    // The one before has gone unanswered, as it should.
    if (this.#beatId !== '') this.#waiting.forget(this.#beatId);
    this.#beatId = requestId;
    this.#owner.beat();
    const sentMs = clock.monotonicMs();
    const resolve = ({ response }: Answer) => this.#beatRefused(response);
    const reject = (error: RatatoskrError) => {
      if (!this.#ended) this.#owner.problem(error);
    };
    this.#waiting.add(requestId, { digest, bytes: 0, isCall: false, sentMs, resolve, reject });
  }

  #beatRefused(response: RatatoskrResponse): void {
    const { errorCode } = response;
    if (errorCode === 'SESSION_EXPIRED' || errorCode === 'NO_SESSION') this.expire();
    else this.#owner.problem(new RefusedByServerError(response));
  }

  #events(): ChannelEvents {
    const events: ChannelEvents = {
      message: (bytes) => {
        if (this.#current === events && !this.#ended) this.#arriving.received(bytes);
      },
      alive: () => {
        if (this.#current === events) this.#heard();
      },
      closed: (code, reason) => {
        if (this.#current !== events) return;
        const problem = `the connection was closed (${code}${reason ? `: ${reason}` : ''})`;
        const error = new RatatoskrError('ANDVARI_CLOSED', problem, { outcome: 'unknown' });
        this.#arriving.inTurn(async () => this.#broke(error));
      },
    };
    this.#current = events;
    return events;
  }

  #heard(): void {
    this.#heardMs = this.#settings.clock.monotonicMs();
    this.#clear('doubt');
    this.#isAnswering(true);
    this.#watch.heard(this.#waiting.isOwing, this.#waiting.carryMs);
  }

  #isAnswering(answering: boolean): void {
    if (this.#answering === answering) return;
    this.#answering = answering;
    this.#owner.answering(answering);
  }

  /** For what the application is asked for. */
  #limit(late: () => RatatoskrError): TimeLimit {
    const { clock } = this.#settings;
    return { clock, timeoutMs: CONNECT_TIMEOUT_MS, late, signal: this.#stop.signal };
  }

  /**
   * An end that nobody wanted. A transport that connects and then carries nothing, or nothing but
   * small messages, is as good as one that does not connect: the next one is tried.
   */
  #broke(error: RatatoskrError, isSilent = false): void {
    const isUseless = !this.#wasOnline || this.#waiting.isLosing(isSilent);
    const hasAlternative = isUseless && !this.#ended && this.#dialed?.putOff() === true;
    this.#end(error, hasAlternative);
  }

  #end(error: RatatoskrError, hasAlternative = false): void {
    if (this.#ended) return;
    this.#release(error);
    this.#dialed?.channel.close(NORMAL, '');
    this.#owner.ended(error, hasAlternative);
  }

  #release(error: RatatoskrError): void {
    this.#ended = true;
    this.session = undefined;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#watch.stop();
    this.#stop.abort(error);
    this.#waiting.end(error);
  }

  #set(name: Timer, waitMs: number, run: () => void): void {
    this.#clear(name);
    this.#timers.set(name, this.#settings.clock.after(waitMs, run));
  }

  #clear(name: Timer): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
