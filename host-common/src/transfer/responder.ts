/**
 * The called side of all handshakes of a node: bytes in, bytes out. It has no timer of its own for
 * message 2, since a forged source must not draw more than three times what it sent: it answers
 * repeats. What is not genuine draws silence. Reference: transfer, section 2.
 */
import { equalBytes, joined, wipe } from './byte-strings.ts';
import { decodeRepresentative, type Ephemeral } from './elligator2.ts';
import { EventOrder } from './event-order.ts';
import { HalfOpenTable, RETRY_ABOVE } from './half-open.ts';
import {
  bodyOfThird,
  COOKIE_BYTES,
  emitParams,
  emitRetry,
  emitVersions,
  FIRST_BYTES,
  type FirstMessage,
  HandshakeKeys,
  isUsableCid,
  Marker,
  markerOf,
  parseFirst,
  parseParams,
  SUITE,
  THIRD_BYTES,
  uint32,
  uint64,
  VERSION,
  withTrailing,
} from './handshake-messages.ts';
import {
  type Agreed,
  type HandshakeOptions,
  type Moment,
  TIMESTAMP_WINDOW_US,
} from './handshake-outcome.ts';
import { peerIdOf, signBitOf } from './identity.ts';
import { NoiseXX } from './noise.ts';
import { ReplayCache } from './replay-cache.ts';
import { RetryCookies } from './retry-cookies.ts';

/** Bytes sent for one received, to an address that nobody has shown to be its own. */
const AMPLIFICATION = 3;
/** How often one message 1 draws message 2. */
const SECONDS_MAX = 8;
/** In the stealth form, for how long after the start older messages are refused. */
const WARY_US = TIMESTAMP_WINDOW_US;

/** What a datagram was. */
export type Heard =
  /** Not of a handshake: somebody else's. */
  | { kind: 'other' }
  /** Of a handshake, and draws no answer. */
  | { kind: 'silence' }
  | { kind: 'reply'; datagram: Uint8Array }
  /** Message 3: a session begins, and wants an ack-eliciting packet sent at once. */
  | { kind: 'agreed'; agreed: Agreed; cid: Uint8Array }
  /** The same message 3 again: the session of this CID wants another PING sent. */
  | { kind: 'again'; cid: Uint8Array };

const OTHER: Heard = { kind: 'other' };
const SILENCE: Heard = { kind: 'silence' };

export class Responder {
  private readonly options: HandshakeOptions;
  private readonly order: EventOrder;
  private readonly keys: HandshakeKeys;
  private readonly started: Moment;
  private readonly open = new HalfOpenTable();
  private readonly replays = new ReplayCache();
  private readonly cookies: RetryCookies;

  constructor(options: HandshakeOptions, now: Moment, order: EventOrder = new EventOrder()) {
    this.options = options;
    this.order = order;
    this.started = now;
    this.keys = new HandshakeKeys(options.identity.noise.publicKey);
    this.cookies = new RetryCookies(options.random);
  }

  get halfOpen(): number {
    return this.open.size;
  }

  /** When expire() has something to do. */
  get wakeUs(): number {
    return this.open.wakeUs;
  }

  expire({ us }: Moment): void {
    this.open.expire(us);
  }

  /** Ends all half-open handshakes. */
  drop(): void {
    this.open.drop();
  }

  /**
   * A datagram that may carry the CID of a handshake of ours: message 3. `address`: where it came
   * from, 16 bytes (IPv4 mapped) and whatever else tells two places apart, as a port. `postpones`:
   * whether it is as if this message had been lost.
   */
  receiveThird(
    datagram: Uint8Array,
    address: Uint8Array,
    now: Moment,
    postpones: (agreed: Agreed) => boolean = () => false,
  ): Heard {
    if (this.open.isEmpty) return OTHER; // most packets of most nodes
    this.open.expire(now.us);
    const known = this.open.doneOf(datagram);
    if (known) {
      if (!equalBytes(known.third, datagram.subarray(0, THIRD_BYTES))) return OTHER;
      if (!equalBytes(known.address, address)) return SILENCE;
      return { kind: 'again', cid: Uint8Array.from(datagram.subarray(0, 8)) };
    }
    const entry = this.open.ofCid(datagram);
    if (!entry || !equalBytes(entry.address, address)) return OTHER;
    if (!this.keys.isGenuine('3', datagram, THIRD_BYTES)) return OTHER;
    const noise = entry.noise.copy();
    const payload = noise.readThird(bodyOfThird(datagram));
    const agreed = payload && this.agree(noise, payload, entry);
    if (!agreed) {
      noise.wipe();
      return SILENCE;
    }
    if (postpones(agreed)) {
      wipe(agreed.keys.k1, agreed.keys.k2);
      return SILENCE;
    }
    if (entry.sent === 1) agreed.rttUs = Math.max(1, now.us - entry.sentUs);
    this.open.finish(entry, datagram.subarray(0, THIRD_BYTES), now.us);
    return { kind: 'agreed', agreed, cid: entry.cid };
  }

  /** A datagram that nobody else knows: message 1, plain or masked. */
  receiveFirst(datagram: Uint8Array, address: Uint8Array, now: Moment): Heard {
    // Markers of other kinds are nobody's, whatever is behind them (a reset, of section 1.1).
    if (markerOf(datagram) !== Marker.FIRST && !isUsableCid(datagram)) return OTHER;
    if (!this.keys.isGenuine('1', datagram, FIRST_BYTES)) return OTHER;
    this.open.expire(now.us);
    const first = parseFirst(this.keys, datagram);
    if (first.version !== VERSION) return this.otherVersion(first);
    if (!this.isTimely(first.timestamp, now)) return SILENCE;
    const known = this.open.ofFirst(first);
    if (known) return this.repeat(known, { first, datagram, address });
    if (this.replays.has(first.representative)) return SILENCE;
    const heldOff = this.holdOff(first, datagram, { address, now });
    if (heldOff) return heldOff;
    if (!this.open.hasRoomFor(address)) return SILENCE;
    return this.answer(first, datagram, { address, now });
  }

  private otherVersion(first: FirstMessage): Heard {
    // A reply begins with a marker, which the stealth form must not show.
    if (first.masked || this.options.stealth) return SILENCE;
    return { kind: 'reply', datagram: emitVersions(this.keys, first.mac) };
  }

  /** What a caller hears instead of message 2 while many are half-open; undefined: it goes on. */
  private holdOff(
    first: FirstMessage,
    datagram: Uint8Array,
    { address, now }: { address: Uint8Array; now: Moment },
  ): Heard | undefined {
    const { retryAbove = RETRY_ABOVE, stealth } = this.options;
    if (stealth || this.open.size <= retryAbove) return undefined;
    // A retry begins with a marker too. Masked callers have the places left, and nobody else's.
    if (first.masked) return this.open.isFull ? SILENCE : undefined;
    const cookie = datagram.subarray(FIRST_BYTES, FIRST_BYTES + COOKIE_BYTES);
    if (this.cookies.accepts(cookie, address, first.bytes, now.us)) return undefined;
    const fresh = this.cookies.make(address, first.bytes, now.us);
    return { kind: 'reply', datagram: emitRetry(this.keys, fresh, first.mac) };
  }

  private isTimely(timestamp: number, now: Moment): boolean {
    if (Math.abs(timestamp - now.wallUs) > TIMESTAMP_WINDOW_US) return false;
    // What was answered before a restart is forgotten: an answer to a copy would show that we live.
    const wary = this.options.stealth && now.us - this.started.us < WARY_US;
    return !wary || timestamp >= this.started.wallUs;
  }

  private repeat(
    entry: NonNullable<ReturnType<HalfOpenTable['ofFirst']>>,
    repeated: { first: FirstMessage; datagram: Uint8Array; address: Uint8Array },
  ): Heard {
    const { first, datagram, address } = repeated;
    const same = equalBytes(entry.first.bytes, first.bytes) && equalBytes(entry.address, address);
    if (!same || entry.sent > SECONDS_MAX) return SILENCE;
    entry.sent++;
    // Never encrypted again: it would be another text under the same key and nonce.
    const room = AMPLIFICATION * datagram.length;
    return { kind: 'reply', datagram: entry.second.subarray(0, room) };
  }

  private answer(
    first: FirstMessage,
    datagram: Uint8Array,
    { address, now }: { address: Uint8Array; now: Moment },
  ): Heard {
    const { identity, params, random, x25519, stealth } = this.options;
    const { ephemeral, cid } = this.drawEphemeral(first.representative);
    const { representative, publicKey } = ephemeral;
    const secret = x25519.secret(ephemeral.secret);
    ephemeral.secret.fill(0);
    const noise = new NoiseXX({
      prologue: first.prologue,
      identity: identity.noise,
      ephemeral: { secret, publicKey },
    });
    noise.readFirst(decodeRepresentative(first.representative), first.random);
    const own = emitParams({ ...params, signBit: signBitOf(identity.peerId) });
    const payload = joined(uint64(first.timestamp), uint32(SUITE), own, random(4));
    const body = noise.writeSecond(payload);
    if (!body) {
      noise.wipe();
      secret.wipe();
      return SILENCE;
    }
    const message = joined(cid, representative, body);
    const whole = joined(message, this.keys.mac('2', message));
    const room = AMPLIFICATION * datagram.length;
    const second = stealth || first.masked ? withTrailing(whole, random, room) : whole;
    this.replays.add(first.representative, first.timestamp, now.wallUs);
    this.open.add({
      cid,
      first,
      address: Uint8Array.from(address),
      noise,
      secret,
      second,
      began: this.order.next(),
      sentUs: now.us,
      sent: 1,
    });
    return { kind: 'reply', datagram: second };
  }

  /** A key whose CID is no marker, and no CID of another handshake. */
  private drawEphemeral(theirs: Uint8Array): { ephemeral: Ephemeral; cid: Uint8Array } {
    for (;;) {
      const ephemeral = this.options.ephemerals.take();
      const cid = this.keys.cid(theirs, ephemeral.representative);
      if (isUsableCid(cid) && markerOf(cid) === undefined && !this.open.ofCid(cid)) {
        return { ephemeral, cid };
      }
      ephemeral.secret.fill(0);
    }
  }

  /** undefined: the caller is nobody, or pretends to be us. */
  private agree(
    noise: NoiseXX,
    payload: Uint8Array,
    { first, began }: { first: FirstMessage; began: number },
  ): Agreed | undefined {
    const own = this.options.identity.noise.publicKey;
    const theirParams = parseParams(payload);
    const peerId = peerIdOf(noise.theirStatic, theirParams.signBit);
    if (!peerId || equalBytes(noise.theirStatic, own)) return undefined;
    return {
      initiator: false,
      peerId,
      peerKey: noise.theirStatic,
      theirParams,
      headerProtection: theirParams.headerProtection || this.options.params.headerProtection,
      isMasked: first.masked,
      keys: noise.split(),
      rttUs: undefined,
      began,
    };
  }
}
