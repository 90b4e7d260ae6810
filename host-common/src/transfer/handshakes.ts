/**
 * All handshakes of an endpoint: calls of ours and calls to us. What a datagram is has two answers:
 * before the sessions are asked (markers, CIDs of handshakes), and after (message 1). Reference:
 * transfer, section 2 (receive order).
 */
import { equalBytes } from './byte-strings.ts';
import type { Datagram } from './datagram-transport.ts';
import type { EventOrder } from './event-order.ts';
import { placeOf } from './far-end.ts';
import type { Agreed, HandshakeOptions, Moment } from './handshake-outcome.ts';
import { type HandshakeError, Initiator } from './initiator.ts';
import { Responder } from './responder.ts';

export interface Call {
  initiator: Initiator;
  farEnd: Uint8Array;
}

/** Who is told what comes of them. */
export interface HandshakeListener {
  send(datagram: Datagram): void;
  /** The peer of a call has answered; the call still repeats message 3. */
  answered(call: Call, agreed: Agreed): void;
  /** A call has come to nothing. */
  failed(call: Call, error: HandshakeError): void;
  /** Whether message 3 of somebody who has called us is better taken when it comes again. */
  postpones(agreed: Agreed): boolean;
  /** Somebody has called us; `cid` names its handshake. */
  agreed(agreed: Agreed, farEnd: Uint8Array, cid: Uint8Array): void;
  /** The caller of a handshake has not yet heard from us. */
  again(cid: Uint8Array): void;
}

export class Handshakes {
  private readonly options: HandshakeOptions;
  private readonly order: EventOrder;
  private readonly listener: HandshakeListener;
  private readonly responder: Responder;
  private readonly calls = new Set<Call>();

  constructor(
    options: HandshakeOptions,
    listener: HandshakeListener,
    now: Moment,
    order: EventOrder,
  ) {
    this.options = options;
    this.order = order;
    this.listener = listener;
    this.responder = new Responder(options, now, order);
  }

  /** @throws HandshakeError if the peer ID is none, or ours */
  call(peerId: Uint8Array, farEnd: Uint8Array, now: Moment): Call {
    const initiator = new Initiator(this.options, peerId, now, this.order);
    const call = { initiator, farEnd: placeOf(farEnd) };
    this.calls.add(call);
    this.flush(call);
    return call;
  }

  /** The peer has shown that it has message 3. */
  confirm(call: Call): void {
    call.initiator.confirm();
    this.calls.delete(call);
  }

  cancel(call: Call): void {
    call.initiator.cancel();
    this.calls.delete(call);
  }

  /** The peer keeps the session of its own call: ours goes on if that does not come. */
  giveWay(call: Call, now: Moment): void {
    call.initiator.giveWay(now);
  }

  /** True: it was of a handshake, and no session has to be asked. */
  receiveBefore({ bytes, farEnd }: Datagram, now: Moment): boolean {
    const place = this.calls.size > 0 && placeOf(farEnd);
    for (const call of this.calls) {
      if (!place || !equalBytes(call.farEnd, place)) continue;
      const { state } = call.initiator;
      if (!call.initiator.receive(bytes, now)) continue;
      const { agreed } = call.initiator;
      if (agreed && state === 'calling') this.listener.answered(call, agreed);
      this.flush(call);
      return true;
    }
    const postpones = (agreed: Agreed) => this.listener.postpones(agreed);
    const heard = this.responder.receiveThird(bytes, farEnd, now, postpones);
    if (heard.kind === 'agreed') this.listener.agreed(heard.agreed, farEnd, heard.cid);
    else if (heard.kind === 'again') this.listener.again(heard.cid);
    return heard.kind !== 'other';
  }

  /** A datagram that no session knows. */
  receiveAfter({ bytes, farEnd }: Datagram, now: Moment): boolean {
    const heard = this.responder.receiveFirst(bytes, farEnd, now);
    if (heard.kind === 'reply') this.listener.send({ bytes: heard.datagram, farEnd });
    return heard.kind !== 'other';
  }

  get wakeUs(): number {
    let wakeUs = this.responder.wakeUs;
    for (const { initiator } of this.calls) wakeUs = Math.min(wakeUs, initiator.wakeUs);
    return wakeUs;
  }

  wake(now: Moment): void {
    this.responder.expire(now);
    for (const call of this.calls) {
      call.initiator.wake(now);
      this.flush(call);
    }
  }

  drop(): void {
    this.responder.drop();
    for (const call of this.calls) call.initiator.cancel();
    this.calls.clear();
  }

  private flush(call: Call): void {
    const { initiator, farEnd } = call;
    for (let bytes = initiator.take(); bytes; bytes = initiator.take()) {
      this.listener.send({ bytes, farEnd });
    }
    if (initiator.state !== 'failed') return;
    this.calls.delete(call);
    if (initiator.error) this.listener.failed(call, initiator.error);
  }
}
