/**
 * The calling side of a handshake: bytes in, bytes out, and when it wants to be woken. A datagram
 * that is not genuine changes nothing. Reference: transfer, section 2.
 */
import { equalBytes, joined } from './byte-strings.ts';
import { decodeRepresentative } from './elligator2.ts';
import { EventOrder } from './event-order.ts';
import {
  CID_BYTES,
  emitFirst,
  emitParams,
  FIRST_BYTES,
  FIRST_RANDOM_BYTES,
  HandshakeKeys,
  isUsableCid,
  MAC_BYTES,
  Marker,
  markerCid,
  markerOf,
  PROLOGUE_BYTES,
  parseRetry,
  parseSecond,
  parseSecondPayload,
  parseVersions,
  SECOND_BYTES,
  SUITE,
  VERSION,
  withTrailing,
} from './handshake-messages.ts';
import {
  type Agreed,
  HANDSHAKE_TIMEOUT_US,
  type HandshakeOptions,
  type Moment,
  TIMESTAMP_WINDOW_US,
} from './handshake-outcome.ts';
import { noiseKeyOf, signBitOf } from './identity.ts';
import { NoiseXX } from './noise.ts';
import type { X25519Secret } from './x25519.ts';

const FIRST_WAIT_US = 250_000;
/** A call that gave way to the peer's begins anew if that has not come by then. */
const GIVEN_WAY_US = 1_000_000;
/** Unanswered copies of one message 1, before another is made. */
const COPIES_MAX = 4;
/** Retries that one message 1 follows: a cookie may grow old on its way, not for ever. */
const RETRIES_MAX = 3;

export type HandshakeErrorCode =
  | 'ANDVARI_HANDSHAKE_TIMEOUT'
  /** The peer speaks other versions. */
  | 'ANDVARI_HANDSHAKE_VERSION'
  /** Not a peer ID, or our own. */
  | 'ANDVARI_HANDSHAKE_PEER';

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code: HandshakeErrorCode;

  constructor(code: HandshakeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** One message 1 and what can answer it. */
interface Attempt {
  /** As it went out, and its key. */
  representative: Uint8Array;
  secret: X25519Secret;
  noise: NoiseXX;
  timestamp: number;
  /** Message 1 without trailing bytes. */
  first: Uint8Array;
  datagram: Uint8Array;
  sentUs: number;
  /** How often it went out, with a cookie or without. */
  sent: number;
  retries: number;
}

export type InitiatorState = 'calling' | 'answered' | 'confirmed' | 'failed';

export class Initiator {
  private readonly options: HandshakeOptions;
  private readonly peerId: Uint8Array;
  readonly peerKey: Uint8Array;
  private readonly keys: HandshakeKeys;
  readonly startUs: number;
  /** When it began, in the order of events. */
  readonly began: number;
  private readonly attempts: Attempt[] = [];
  private third: Uint8Array | undefined;
  private outbox: Uint8Array[] = [];
  private copies = 0;
  private resendUs = 0;
  state: InitiatorState = 'calling';
  /** From the state 'answered' on: packets may be sent, and the peer has not shown it can read. */
  agreed: Agreed | undefined;
  error: HandshakeError | undefined;

  /** @throws HandshakeError if `peerId` is nobody, or us */
  constructor(
    options: HandshakeOptions,
    peerId: Uint8Array,
    now: Moment,
    order: EventOrder = new EventOrder(),
  ) {
    const peerKey = noiseKeyOf(peerId);
    if (!peerKey) throw new HandshakeError('ANDVARI_HANDSHAKE_PEER', 'not a peer ID');
    if (equalBytes(peerKey, options.identity.noise.publicKey)) {
      throw new HandshakeError('ANDVARI_HANDSHAKE_PEER', 'the peer ID is our own');
    }
    this.options = options;
    this.peerId = Uint8Array.from(peerId);
    this.peerKey = peerKey;
    this.keys = new HandshakeKeys(peerKey);
    this.startUs = now.us;
    this.began = order.next();
    this.begin(now);
  }

  /** The next datagram to send, if any. */
  take(): Uint8Array | undefined {
    return this.outbox.shift();
  }

  /** When wake() wants to be called, on the clock that never jumps. */
  get wakeUs(): number {
    if (this.state !== 'calling' && this.state !== 'answered') return Number.POSITIVE_INFINITY;
    return Math.min(this.resendUs, this.startUs + HANDSHAKE_TIMEOUT_US);
  }

  wake(now: Moment): void {
    if (now.us < this.wakeUs) return;
    if (now.us >= this.startUs + HANDSHAKE_TIMEOUT_US) {
      this.fail('ANDVARI_HANDSHAKE_TIMEOUT', this.silence());
    } else if (this.third) {
      this.outbox.push(this.third);
      this.backOff(now);
    } else if (this.copies >= COPIES_MAX) {
      this.begin(now);
    } else {
      const attempt = this.attempts.at(-1);
      if (attempt) this.send(attempt, now);
    }
  }

  /** A transport packet of the session was genuine: the peer has message 3. */
  confirm(): void {
    if (this.state !== 'answered') return;
    this.state = 'confirmed';
    this.third = undefined;
    this.outbox = [];
  }

  /**
   * The peer has ended the session, for that of its own call to us. There is nothing to send until
   * that comes, or should have come.
   */
  giveWay(now: Moment): void {
    if (this.state !== 'answered') return;
    this.state = 'calling';
    this.agreed = undefined;
    this.drop();
    this.copies = COPIES_MAX;
    this.resendUs = now.us + GIVEN_WAY_US;
  }

  /** Ends the call and wipes its keys. */
  cancel(): void {
    if (this.state === 'calling' || this.state === 'answered') this.state = 'failed';
    this.drop();
  }

  /** False: not an answer to this call. `datagram` came from where the call went. */
  receive(datagram: Uint8Array, now: Moment): boolean {
    if (this.state !== 'calling') return this.isSecondAgain(datagram);
    const marker = markerOf(datagram);
    for (const attempt of this.attempts) {
      if (marker === Marker.VERSION && this.onVersions(attempt, datagram)) return true;
      if (marker === Marker.RETRY && this.onRetry(attempt, datagram, now)) return true;
      if (marker === undefined && this.onSecond(attempt, datagram, now)) return true;
    }
    return false;
  }

  private begin(now: Moment): void {
    const { identity, ephemerals, random, x25519, stealth } = this.options;
    const ephemeral = ephemerals.take();
    const timestamp = Math.floor(now.wallUs);
    const fill = random(FIRST_RANDOM_BYTES);
    const cid = stealth ? this.randomCid() : markerCid(Marker.FIRST);
    const { representative, publicKey } = ephemeral;
    const secret = x25519.secret(ephemeral.secret);
    ephemeral.secret.fill(0);
    const first = emitFirst(this.keys, { cid, timestamp, representative, random: fill });
    const noise = new NoiseXX({
      prologue: first.subarray(0, PROLOGUE_BYTES),
      identity: identity.noise,
      ephemeral: { secret, publicKey },
    });
    noise.writeFirst(fill);
    const datagram = stealth ? withTrailing(first, random) : first;
    const key = { representative, secret };
    const attempt = { ...key, noise, timestamp, first, datagram, retries: 0, sentUs: 0, sent: 0 };
    this.attempts.push(attempt);
    this.copies = 0;
    this.send(attempt, now);
  }

  private randomCid(): Uint8Array {
    for (;;) {
      const cid = this.options.random(CID_BYTES);
      if (isUsableCid(cid)) return cid;
    }
  }

  private send(attempt: Attempt, now: Moment): void {
    attempt.sent++;
    attempt.sentUs = now.us;
    this.outbox.push(attempt.datagram);
    this.backOff(now);
  }

  private backOff(now: Moment): void {
    this.resendUs = now.us + FIRST_WAIT_US * 2 ** this.copies++;
  }

  private macOf({ first }: Attempt): Uint8Array {
    return first.subarray(FIRST_BYTES - MAC_BYTES);
  }

  private onVersions(attempt: Attempt, datagram: Uint8Array): boolean {
    const versions = parseVersions(this.keys, datagram, this.macOf(attempt));
    if (!versions) return false;
    // One that lists what we offered is no answer to us.
    if (!versions.includes(VERSION)) {
      const theirs = versions.join(', ');
      const message = `the peer speaks version ${theirs} of the protocol, we ${VERSION}`;
      this.fail('ANDVARI_HANDSHAKE_VERSION', message);
    }
    return true;
  }

  private onRetry(attempt: Attempt, datagram: Uint8Array, now: Moment): boolean {
    const cookie = parseRetry(this.keys, datagram, this.macOf(attempt));
    if (!cookie) return false;
    const trailing = attempt.datagram.subarray(attempt.retries ? FIRST_BYTES + 16 : FIRST_BYTES);
    if (attempt.retries >= RETRIES_MAX) return true;
    attempt.retries++;
    attempt.datagram = joined(attempt.first, cookie, trailing);
    attempt.sent++;
    attempt.sentUs = now.us;
    this.outbox.push(attempt.datagram);
    return true;
  }

  private isSecond(attempt: Attempt, datagram: Uint8Array): boolean {
    if (datagram.length < SECOND_BYTES) return false;
    const { cid, representative } = parseSecond(datagram);
    if (!equalBytes(cid, this.keys.cid(attempt.representative, representative))) {
      return false;
    }
    return this.keys.isGenuine('2', datagram, SECOND_BYTES);
  }

  /** After the first message 2: its copies are ours, and say nothing new. */
  private isSecondAgain(datagram: Uint8Array): boolean {
    if (this.state !== 'answered' || markerOf(datagram) !== undefined) return false;
    return this.attempts.some((attempt) => this.isSecond(attempt, datagram));
  }

  private onSecond(attempt: Attempt, datagram: Uint8Array, now: Moment): boolean {
    if (!this.isSecond(attempt, datagram)) return false;
    const { cid, representative, body } = parseSecond(datagram);
    const noise = attempt.noise.copy();
    const payload = noise.readSecond(decodeRepresentative(representative), body);
    // The key is looked at before message 3 tells who we are.
    if (!payload || !equalBytes(noise.theirStatic, this.peerKey)) return this.refuse(noise);
    const { echo, suite, params } = parseSecondPayload(payload);
    if (echo !== attempt.timestamp || suite !== SUITE) return this.refuse(noise);
    const own = { ...this.options.params, signBit: signBitOf(this.options.identity.peerId) };
    const sealed = noise.writeThird(emitParams(own));
    if (!sealed) return this.refuse(noise);
    const third = joined(cid, sealed);
    this.third = joined(third, this.keys.mac('3', third));
    if (this.options.stealth) this.third = withTrailing(this.third, this.options.random);
    this.agreed = {
      initiator: true,
      keys: noise.split(),
      peerId: this.peerId,
      peerKey: this.peerKey,
      theirParams: params,
      headerProtection: params.headerProtection || own.headerProtection,
      isMasked: this.options.stealth ?? false,
      rttUs: attempt.sent === 1 ? Math.max(1, now.us - attempt.sentUs) : undefined,
      began: this.began,
    };
    this.state = 'answered';
    this.wipeAttempts();
    this.outbox = [this.third];
    this.copies = 0;
    this.backOff(now);
    return true;
  }

  /** The datagram had our CID and MAC, and yet is not from the peer. */
  private refuse(noise: NoiseXX): true {
    noise.wipe();
    return true;
  }

  private silence(): string {
    if (this.third) return 'the peer answered, but never showed that it had our last message';
    const clock = `a clock is off by more than ${TIMESTAMP_WINDOW_US / 1e6} s`;
    return `no answer from the peer: it is not there, it is another one, or ${clock}`;
  }

  private fail(code: HandshakeErrorCode, message: string): void {
    this.error = new HandshakeError(code, message);
    this.state = 'failed';
    this.drop();
  }

  private wipeAttempts(): void {
    for (const { noise, secret } of this.attempts) {
      noise.wipe();
      secret.wipe();
    }
  }

  private drop(): void {
    this.outbox = [];
    this.third = undefined;
    this.wipeAttempts();
    this.attempts.length = 0;
  }
}
