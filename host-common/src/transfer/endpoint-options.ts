/** What an endpoint is made of (endpoint.ts). */
import type { Engine } from '../engine/engine.ts';
import {
  checkBytes,
  checkFlag,
  checkFunction,
  checkMethods,
  checkObject,
  checkWhole,
  U32_MAX,
} from './argument-checks.ts';
import type { RandomBytes } from './byte-strings.ts';
import type { Datagram, DatagramTransport } from './datagram-transport.ts';
import type { EndpointClock } from './endpoint-clock.ts';
import type { Identity } from './identity.ts';
import type { UpgradeOptions } from './upgrade/path-upgrades.ts';
import type { X25519Provider } from './x25519.ts';

/** Who asks to be let in. */
export interface Caller {
  peerId: Uint8Array;
  peerKey: Uint8Array;
  farEnd: Uint8Array;
}

export interface EndpointOptions {
  /** One with transferSizes(), for this endpoint alone. */
  engine: Engine;
  transport: DatagramTransport;
  identity: Identity;
  /**
   * Streams that a peer may hold open, 0 to 16384 [256], and what it may send on each before we
   * read, 1 to 16384 KiB [1024].
   */
  maxStreams?: number;
  windowKiB?: number;
  headerProtection?: boolean;
  /** The stealth form of handshakes, for obfuscation Full. */
  stealth?: boolean;
  /** Milliseconds without a packet that end a session, from 1 on [30000]. */
  idleMs?: number;
  /**
   * New keys after so many seconds, from 1 on [120], or packets of one direction, from 2 on (the
   * first of an epoch is often a PING) [1000000].
   */
  rekeySeconds?: number;
  rekeyPackets?: number;
  /**
   * Tells peers whose session has ended here, unheard by them, that it has; an endpoint that is
   * made anew cannot, its key is another one. Not with headerProtection or stealth, as it answers
   * whoever probes. [not]
   */
  resets?: boolean;
  /**
   * Asked before a caller is let in; its peer ID is proven. Only `true` lets it in, at once: a
   * promise does not, nor does one that throws. [everybody]
   */
  trust?: (peer: Caller) => boolean;
  /**
   * Told what `trust` or an event of a session threw, or was rejected with if it is asynchronous.
   * [it is thrown again, in a microtask]
   */
  threw?: (error: unknown) => void;
  /**
   * Sessions through a relay look for a direct way, and go by it as long as it is there. [they
   * stay]
   */
  upgrade?: UpgradeOptions | undefined;
  /**
   * Asked about each datagram that no session takes, before it may be a call: STUN of the same
   * socket, say. True: it was the application's. The view is good until it returns. [nobody]
   */
  unclaimed?: (datagram: Datagram) => boolean;
  x25519?: X25519Provider;
  random?: RandomBytes;
  clock?: EndpointClock;
}

/** Streams of one side that the protocol counts, and the largest window of a stream, KiB. */
const STREAMS_MAX = 16_384;
const WINDOW_KIB_MAX = 16_384;
const KEY_BYTES = 32;

/**
 * @throws TypeError: something is of another kind; RangeError: a number or a length is out of its
 * range, or two options exclude each other
 */
export function checkOptions(options: EndpointOptions): void {
  checkObject('options', options);
  checkParts(options);
  const { maxStreams = 0, windowKiB = 1, idleMs = 1, rekeySeconds = 1, rekeyPackets = 2 } = options;
  checkWhole('maxStreams', maxStreams, 0, STREAMS_MAX);
  checkWhole('windowKiB', windowKiB, 1, WINDOW_KIB_MAX);
  checkWhole('idleMs', idleMs, 1, U32_MAX);
  checkWhole('rekeySeconds', rekeySeconds, 1, U32_MAX);
  checkWhole('rekeyPackets', rekeyPackets, 2, U32_MAX);
  const hides = options.stealth || options.headerProtection;
  if (options.resets && hides) throw new RangeError('resets answer probes: not when hiding');
}

/** The kinds of everything but the numbers. */
function checkParts(options: EndpointOptions): void {
  const { engine, transport, identity, random, x25519, clock, trust, threw } = options;
  const { unclaimed, upgrade } = options;
  checkMethods('engine', engine, ['region']);
  checkMethods('transport', transport, ['open', 'send', 'close']);
  checkObject('identity', identity);
  checkBytes('identity.peerId', identity.peerId, KEY_BYTES);
  checkObject('identity.noise', identity.noise);
  checkBytes('identity.noise.publicKey', identity.noise.publicKey, KEY_BYTES);
  checkMethods('identity.noise.secret', identity.noise.secret, ['shared']);
  for (const name of ['headerProtection', 'stealth', 'resets'] as const) {
    if (options[name] !== undefined) checkFlag(name, options[name]);
  }
  for (const [name, value] of Object.entries({ random, trust, threw, unclaimed })) {
    if (value !== undefined) checkFunction(name, value);
  }
  if (random) checkBytes('random(32)', random(KEY_BYTES), KEY_BYTES);
  if (x25519 !== undefined) checkMethods('x25519', x25519, ['secret']);
  if (upgrade !== undefined) checkMethods('upgrade', upgrade, ['gather']);
  if (clock !== undefined) checkMethods('clock', clock, ['now', 'alarm']);
}

/**
 * Calls the application, whose faults are told and do not stop the endpoint: what it throws, and
 * what a promise that it returns is rejected with. Nobody waits for that.
 */
export function guarded<Value>(
  { threw }: Pick<EndpointOptions, 'threw'>,
  work: () => Value,
): Value | undefined {
  const tell = (error: unknown) =>
    queueMicrotask(() => {
      if (!threw) throw error;
      threw(error);
    });
  try {
    const value = work();
    if (value instanceof Promise) value.catch(tell);
    return value;
  } catch (error) {
    tell(error);
    return undefined;
  }
}

/** Whether a caller may come in. */
export function isTrusted(options: EndpointOptions, caller: Caller): boolean {
  const { trust } = options;
  return trust ? guarded(options, () => trust(caller)) === true : true;
}
