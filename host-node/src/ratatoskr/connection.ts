/**
 * One connection: what a message leads to, the strikes that end it, its pace. Everything that is
 * known of the peer lives here and ends with the connection (reference: Ratatoskr sections 4, 7).
 */
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import type { AuditEntry } from './audit/audit-record.ts';
import type { ChannelHandler, MessageChannel } from './channel.ts';
import { type ConnectionServices, wallSOf } from './connection-services.ts';
import { CloseCode, type ErrorCode } from './error-codes.ts';
import { Intake } from './intake.ts';
import {
  IDLE_TIMEOUT_S,
  MALFORMED_MAX,
  MALFORMED_WINDOW_S,
  STRANGER_TIMEOUT_S,
  TEXT_FRAMES_MAX,
  UNAUTHENTICATED_MAX,
  UNDER_WAY_MAX,
  UNDER_WAY_PAUSE,
} from './limits.ts';
import { Pace } from './pace.ts';
import type { Device } from './registry.ts';
import type { Examined, Moment } from './request-pipeline.ts';
import { ConnectionSession, type Session } from './sessions.ts';

type Refused = Extract<Examined, { ok: false }>;
type Passed = Extract<Examined, { ok: true }>;

export class RatatoskrConnection implements ChannelHandler {
  readonly #number: number;
  readonly #channel: MessageChannel;
  readonly #services: ConnectionServices;
  readonly #session = new ConnectionSession();
  readonly #intake: Intake;
  readonly #pace: Pace;
  readonly #gone = new AbortController();
  #validMs: number;
  #malformedMs: number[] = [];
  #texts = 0;
  #strangers = 0;
  /** The registered device that has signed something here that was not heard before. */
  #device: string | undefined;
  #underWay = 0;
  /** The peer has said all that it will. */
  #ended = false;

  constructor(channel: MessageChannel, number: number, services: ConnectionServices) {
    this.#channel = channel;
    this.#number = number;
    this.#services = services;
    this.#validMs = services.clock.steadyMs();
    this.#pace = new Pace(channel, () => this.#end(CloseCode.POLICY, 'reads too slowly'));
    const { connectionRate: rate, strangers, turnstile } = services;
    this.#intake = new Intake({
      ...{ pace: this.#pace, rate, strangers, turnstile },
      now: () => this.#now(),
      judge: (bytes, at) => this.#examine(bytes, at),
      tooFast: (bytes, at) => this.#tooFast(bytes, at),
      flooded: () => this.#end(CloseCode.POLICY, 'too many requests at once'),
      judged: () => this.#endIfDone(),
    });
    this.#audit({ event: 'connection_established', success: true });
  }

  /** The session, while it holds. */
  get session(): Session | undefined {
    const session = this.#session.current;
    return session && session.expiresAtS > wallSOf(this.#services.clock) ? session : undefined;
  }

  /** Steady milliseconds of the last valid message, or of the start. */
  get validMs(): number {
    return this.#validMs;
  }

  message(bytes: Uint8Array): void {
    if (!this.#isGone) this.#intake.message(bytes);
  }

  bare(): void {
    if (!this.#isGone) this.#intake.bare();
  }

  #now(): Moment {
    const { clock } = this.#services;
    const wallMs = clock.wallMs();
    return { wallS: Math.floor(wallMs / 1000), wallMs, steadyMs: clock.steadyMs() };
  }

  #examine(bytes: Uint8Array, at: Moment): void {
    const { pipeline } = this.#services;
    const examined = pipeline.examine(bytes, this.#session, at);
    const device = deviceOf(examined);
    if (device) this.#meet(device.deviceId);
    if (examined.ok) this.#act(examined, at.steadyMs);
    else this.#refuse(examined, at.steadyMs);
  }

  #act({ request, digest }: Passed, steadyMs: number): void {
    this.#validMs = steadyMs;
    this.#services.count('ok');
    if (request.messageType === MessageType.CONNECTION_REQUEST) {
      void this.#connect(request, digest);
    } else if (request.messageType === MessageType.BUSINESS_REQUEST) {
      void this.#serve(request, digest, steadyMs);
    } else if (request.messageType === MessageType.DISCONNECT) {
      this.#end(CloseCode.NORMAL, 'goodbye');
    }
  }

  text(): void {
    if (this.#isGone) return;
    this.#intake.bare();
    this.#error('INVALID_FORMAT', '-');
    this.#services.count('INVALID_FORMAT');
    if (++this.#texts >= TEXT_FRAMES_MAX) {
      this.#end(CloseCode.UNSUPPORTED_DATA, 'binary messages only');
    }
  }

  ended(): void {
    this.#ended = true;
    this.#endIfDone();
  }

  closed(): void {
    this.#stop();
    this.#audit({ event: 'connection_closed', success: true });
    this.#services.left(this);
  }

  /** Ends the connection when its peer has been silent for too long. */
  sweep(steadyMs: number): void {
    // What it sends is not read until services have answered: that is not its silence.
    if (this.#underWay >= UNDER_WAY_PAUSE) this.#validMs = steadyMs;
    const timeoutS = this.#device === undefined ? STRANGER_TIMEOUT_S : IDLE_TIMEOUT_S;
    if (steadyMs - this.#validMs >= timeoutS * 1000) {
      this.#end(CloseCode.GOING_AWAY, `no valid message for ${timeoutS} s`);
    }
  }

  /** Others want in, and no device has spoken here yet. */
  giveWay(): void {
    this.#end(CloseCode.TRY_AGAIN_LATER, 'no device has spoken here yet');
  }

  /** Its device has come by as many others as it may. */
  giveWayToOwn(): void {
    this.#end(CloseCode.POLICY, 'too many connections of this device');
  }

  /** The server stops. */
  close(): void {
    this.#end(CloseCode.GOING_AWAY, 'the server stops');
  }

  get #isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  #meet(deviceId: string): void {
    if (this.#device !== undefined) return;
    this.#device = deviceId;
    this.#intake.meet();
    this.#channel.known();
    this.#services.known(this, deviceId);
  }

  /**
   * More than any client of ours sends. Its id is read, its signature is not. What came behind it
   * waits for tokens unanswered: an answer to each would be the work that it asks for.
   */
  #tooFast(bytes: Uint8Array, at: Moment): void {
    this.#services.count('RATE_LIMITED');
    this.#audit({ event: 'rate_limit', success: false, reason: 'CONNECTION_RATE' });
    this.#error('RATE_LIMITED', this.#services.requestIdOf(bytes, at.wallS));
  }

  #refuse(refused: Refused, steadyMs: number): void {
    const { code, requestId, digest } = refused;
    this.#services.count(code);
    this.#auditRefusal(refused);
    if (code === 'CONNECTION_REJECTED') {
      this.#reject(requestId, digest);
      return;
    }
    this.#error(code, requestId, { digest });
    if (code === 'MALFORMED') this.#strikeMalformed(steadyMs);
    else if (code === 'UNAUTHENTICATED') this.#strikeStranger();
  }

  #strikeMalformed(steadyMs: number): void {
    const since = steadyMs - MALFORMED_WINDOW_S * 1000;
    this.#malformedMs = [...this.#malformedMs.filter((ms) => ms > since), steadyMs];
    if (this.#malformedMs.length >= MALFORMED_MAX) {
      this.#end(CloseCode.INVALID_PAYLOAD, 'messages do not decode');
    }
  }

  #strikeStranger(): void {
    this.#strangers++;
    if (this.#session.current === undefined || this.#strangers >= UNAUTHENTICATED_MAX) {
      this.#end(CloseCode.POLICY, 'not authenticated');
    }
  }

  async #connect(request: RatatoskrRequest, digest: Uint8Array): Promise<void> {
    const { requestId, deviceId, userId } = request;
    const { openPayload, authenticate, clock } = this.#services;
    const payload = openPayload(request.payload);
    if (typeof payload === 'string') {
      const code = 'INVALID_REQUEST';
      return this.#refuse(
        { ok: false, code, reason: payload, requestId, digest, request },
        clock.steadyMs(),
      );
    }
    this.#intake.decide(true);
    const isFirst = await this.#services.isFirst(deviceId, digest);
    const credentials = { deviceId, userId, ...payload };
    const reason = isFirst ? await authenticate(credentials, this.#gone.signal) : undefined;
    if (this.#isGone) return;
    if (!isFirst) {
      const replay = { code: 'REPLAY', reason: 'EARLIER_PROCESS' } as const;
      this.#refuse({ ok: false, ...replay, requestId, digest, request }, clock.steadyMs());
      return this.#intake.decide(false);
    }
    const from = { device: deviceId, user: userId, requestId };
    if (reason !== undefined) {
      this.#services.count('CONNECTION_REJECTED');
      this.#audit({ event: 'authentication', success: false, reason, ...from });
      return this.#reject(requestId, digest);
    }
    const session = this.#session.open({ deviceId, userId }, wallSOf(clock));
    this.#strangers = 0;
    this.#audit({ event: 'authentication', success: true, ...from });
    this.#send(this.#services.accepted(requestId, session, digest));
    this.#intake.decide(false);
  }

  /** A CONNECTION_RESPONSE that says no, and the end. */
  #reject(requestId: string, digest?: Uint8Array): void {
    this.#send(this.#services.rejected(requestId, digest));
    this.#end(CloseCode.POLICY, 'the connection is refused');
  }

  async #serve(request: RatatoskrRequest, digest: Uint8Array, steadyMs: number): Promise<void> {
    const { requestId, deviceId, userId, payload } = request;
    if (this.#underWay >= UNDER_WAY_MAX) {
      return this.#end(CloseCode.POLICY, 'too many requests at once');
    }
    this.#underWay++;
    this.#pace.hold('services', this.#underWay >= UNDER_WAY_PAUSE);
    const call = { deviceId, userId, requestId, payload };
    const { code, message } = await this.#services.serve(call, digest, this.#gone.signal);
    this.#underWay--;
    this.#pace.hold('services', this.#underWay >= UNDER_WAY_PAUSE);
    this.#services.count(code);
    const success = code === 'delivered';
    const device = deviceId;
    const user = userId;
    const entry: AuditEntry = { event: 'message_delivered', success, device, user, requestId };
    if (!success) entry.reason = code;
    this.#audit(entry);
    if (this.#isGone) return;
    this.#send(message);
    this.#services.routed(this.#services.clock.steadyMs() - steadyMs);
    this.#endIfDone();
  }

  /** The peer says nothing more, and has all its answers. */
  #endIfDone(): void {
    if (this.#ended && this.#underWay === 0 && !this.#intake.holds) this.#end(CloseCode.NORMAL, '');
  }

  #error(
    code: ErrorCode,
    requestId: string,
    more: { digest?: Uint8Array | undefined; text?: string } = {},
  ): void {
    this.#send(this.#services.error(code, { requestId, ...more }));
  }

  #send(message: Uint8Array): void {
    this.#channel.send(message);
    this.#pace.sent();
  }

  #end(code: number, reason: string): void {
    if (this.#isGone) return;
    this.#stop();
    this.#channel.close(code, reason);
  }

  #stop(): void {
    this.#gone.abort();
    this.#intake.stop();
    this.#pace.stop();
  }

  #auditRefusal({ code, reason, requestId, request, device }: Refused): void {
    const event =
      code === 'UNAUTHENTICATED'
        ? 'authentication'
        : code === 'RATE_LIMITED'
          ? 'rate_limit'
          : device
            ? 'authorization'
            : 'error';
    this.#audit({
      ...{ event, success: false, reason: `${code} ${reason}` },
      ...(requestId ? { requestId } : {}),
      ...(request ? { device: request.deviceId, user: request.userId } : {}),
      ...(request ? { type: request.messageType } : {}),
    });
  }

  #audit(entry: AuditEntry): void {
    const { transport, remoteAddress: address } = this.#channel;
    const session = this.#session.current;
    // Only the opening of a session is told without fail: it has all that was not told before.
    const isNew = !session || (entry.event === 'authentication' && entry.success);
    entry.connection = this.#number;
    if (isNew) Object.assign(entry, { transport, address });
    if (session) nameOwner(entry, session);
    this.#services.audit.record(entry, session ?? 'stranger');
  }
}

/** Whose connection it was on, whatever a message says, or does not say, of its sender. */
function nameOwner(entry: AuditEntry, { deviceId, userId }: Session): void {
  entry.device ??= deviceId;
  entry.user ??= userId;
  if (entry.device !== deviceId) entry.owner = deviceId;
}

/** Who has sent it; a message that is not new could be anybody's, played again. */
function deviceOf(examined: Examined): Device | undefined {
  if (examined.ok) return examined.device;
  const { device, code } = examined;
  return code === 'REPLAY' || code === 'NONCE_CACHE_FULL' ? undefined : device;
}
