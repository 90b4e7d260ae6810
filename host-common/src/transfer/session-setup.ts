/**
 * What comes of handshakes: sessions, who is given them, and what callers are told that get none.
 * It knows no promises and no web streams, so that the simulation runs the same code. Reference:
 * transfer, section 2.
 */
import { CloseError, TransferEventKind } from '../engine/generated/transfer.ts';
import { nameOf, wipe } from './byte-strings.ts';
import { CROSSED, type Crossable, type Held, meet, standIn, unanswered } from './crossed-calls.ts';
import type { Datagram } from './datagram-transport.ts';
import type { TransferEventOf } from './engine-transfer.ts';
import { EventOrder } from './event-order.ts';
import type { Agreed, HandshakeOptions, Moment } from './handshake-outcome.ts';
import { type Call, type HandshakeListener, Handshakes } from './handshakes.ts';
import type { HandshakeError } from './initiator.ts';
import { Refusals } from './refusals.ts';
import { TransferError } from './transfer-error.ts';

const NO_ROOM = 'no room for a session';

/** Whose sessions they are. */
export interface SetupHost<Session extends Crossable> {
  now(): Moment;
  send(datagram: Datagram): void;
  /** Opens a session in the engine; undefined: there is no room. */
  open(agreed: Agreed, farEnd: Uint8Array): { session: Session; handle: number } | undefined;
  /** Has the engine say something to the peer that wants an answer. */
  ping(handle: number): void;
  /** May this caller come in? */
  trusts(agreed: Agreed, farEnd: Uint8Array): boolean;
  /** Whether one more session of a caller can be shown. */
  hasRoom(): boolean;
  /** The session of a caller. `isContested`: not before the peer has answered in it. */
  show(session: Session, isContested: boolean): void;
  /** An event of a session. */
  tell(session: Session, event: TransferEventOf): void;
  /** Calls of ours that somebody waits for. */
  calls(): Iterable<Call>;
  /** What a call has come to. */
  settle(call: Call, outcome: Session | HandshakeError | TransferError): void;
}

export class SessionSetup<Session extends Crossable> implements HandshakeListener {
  readonly handshakes: Handshakes;
  private readonly host: SetupHost<Session>;
  private readonly own: Uint8Array;
  /** By the engine's handle. */
  private readonly sessions = new Map<number, Held<Session>>();
  /** Engine handle by the CID of the handshake, for repeats of message 3. */
  private readonly byCid = new Map<string, number>();
  private readonly refusals = new Refusals();
  private readonly order = new EventOrder();

  constructor(options: HandshakeOptions, host: SetupHost<Session>) {
    this.host = host;
    this.own = options.identity.noise.publicKey;
    this.handshakes = new Handshakes(options, this, host.now(), this.order);
  }

  get size(): number {
    return this.sessions.size;
  }

  /** Those that have not gone. */
  all(): Iterable<Held<Session>> {
    return this.sessions.values();
  }

  /** An event of the engine's that is about a session. */
  take(event: TransferEventOf): void {
    const held = this.sessions.get(event.session);
    if (!held) return;
    if (event.kind === TransferEventKind.CONFIRMED) this.confirmed(held);
    this.host.tell(held.session, event);
    if (event.kind === TransferEventKind.CLOSED) this.cutShort(held, event);
    if (event.kind === TransferEventKind.SESSION_GONE) this.forget(held);
  }

  /** Nobody waits for this call any more. */
  abort(call: Call): void {
    this.handshakes.cancel(call);
    this.closeOf(call, CloseError.NONE);
  }

  send(datagram: Datagram): void {
    this.host.send(datagram);
  }

  /** The peer of our call is the one; that it has heard us we know from its first packet. */
  answered(call: Call, agreed: Agreed): void {
    const held = this.begin(agreed, call.farEnd, { call, cid: undefined });
    wipe(agreed.keys.k1, agreed.keys.k2);
    if (!held) {
      this.handshakes.cancel(call);
      const message = 'there is no room for a session';
      this.host.settle(call, new TransferError('ANDVARI_TRANSFER_FULL', message));
      return;
    }
    // The peer answers it, so that a session without data is confirmed too.
    this.host.ping(held.handle);
  }

  failed(call: Call, error: HandshakeError): void {
    this.host.settle(call, this.standIn(call) ?? error);
    // Answered, and then never heard of: nobody is there to be told.
    this.closeOf(call, CloseError.TIMEOUT);
  }

  postpones(agreed: Agreed): boolean {
    return this.meet(agreed).kind === 'postponed';
  }

  agreed(agreed: Agreed, farEnd: Uint8Array, cid: Uint8Array): void {
    this.letIn(agreed, farEnd, cid);
    wipe(agreed.keys.k1, agreed.keys.k2);
  }

  again(cid: Uint8Array): void {
    const refusal = this.refusals.of(cid);
    if (refusal) this.host.send(refusal);
    else this.host.ping(this.byCid.get(nameOf(cid)) ?? 0);
  }

  private meet(agreed: Agreed) {
    return meet(agreed, this.all(), { own: this.own, nowUs: this.host.now().us });
  }

  private begin(
    agreed: Agreed,
    farEnd: Uint8Array,
    by: Pick<Held<Session>, 'call' | 'cid'>,
  ): Held<Session> | undefined {
    const opened = this.host.open(agreed, farEnd);
    if (!opened) return undefined;
    const heard = Number.POSITIVE_INFINITY;
    const held = { ...opened, ...by, started: this.order.next(), heard };
    this.sessions.set(held.handle, held);
    return held;
  }

  private letIn(agreed: Agreed, farEnd: Uint8Array, cid: Uint8Array): void {
    const { host } = this;
    const refuse = (error: number, reason: string) =>
      host.send(this.refusals.add(agreed, farEnd, { cid, error, reason }));
    const meeting = this.meet(agreed);
    if (meeting.kind !== 'stays') {
      refuse(CloseError.NONE, CROSSED);
      return;
    }
    // Who is not trusted hears nothing; it cannot tell that somebody is here.
    if (!host.trusts(agreed, farEnd)) return;
    const by = { call: undefined, cid: nameOf(cid) };
    const held = host.hasRoom() ? this.begin(agreed, farEnd, by) : undefined;
    if (!held) {
      refuse(CloseError.INTERNAL, NO_ROOM);
      return;
    }
    const { session, handle } = held;
    this.byCid.set(by.cid, handle);
    host.ping(handle);
    host.show(session, meeting.isContested);
    for (const crossed of meeting.crossed) this.giveUp(crossed, session);
    if (meeting.isContested) return;
    for (const call of unanswered(agreed.peerKey, host.calls())) {
      this.handshakes.cancel(call);
      host.settle(call, session);
    }
  }

  /** The peer has shown that it has what the session needs. */
  private confirmed(held: Held<Session>): void {
    held.heard = this.order.next();
    const call = this.answeredCall(held);
    if (call) this.host.settle(call, held.session);
  }

  /** Closed before it was confirmed: the peer keeps another session, or none. */
  private cutShort(held: Held<Session>, { code, bytes }: TransferEventOf): void {
    const reason = new TextDecoder().decode(bytes);
    const { call } = held;
    if (call && code === CloseError.NONE && reason === CROSSED && !this.standIn(call)) {
      // Message 3 of the call that stays is still on its way.
      held.call = undefined;
      this.handshakes.giveWay(call, this.host.now());
      return;
    }
    if (!this.answeredCall(held) || !call) return;
    const message = `the peer closed at once (${code}) ${reason}`;
    const error = new TransferError('ANDVARI_SESSION_CLOSED', message, code);
    this.host.settle(call, this.standIn(call) ?? error);
  }

  /** Ours goes, and whoever waits for it is given the peer's. */
  private giveUp(crossed: Held<Session>, session: Session): void {
    const call = this.answeredCall(crossed);
    void crossed.session.close(CloseError.NONE, CROSSED);
    if (call) this.host.settle(call, session);
  }

  /** The call of a session of ours that the peer has not been heard in: it is over. */
  private answeredCall(held: Held<Session>): Call | undefined {
    const { call } = held;
    held.call = undefined;
    if (call) this.handshakes.confirm(call);
    return call;
  }

  private standIn({ initiator }: Call): Session | undefined {
    return standIn(initiator.peerKey, initiator.began, this.all());
  }

  private closeOf(call: Call, error: number): void {
    for (const held of this.all()) {
      if (held.call === call) void held.session.close(error, '');
    }
  }

  private forget({ handle, cid }: Held<Session>): void {
    this.sessions.delete(handle);
    if (cid !== undefined) this.byCid.delete(cid);
  }
}
