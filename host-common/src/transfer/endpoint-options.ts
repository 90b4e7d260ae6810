/** What an endpoint is made of (endpoint.ts). */
import type { Engine } from '../engine/engine.ts';
import type { RandomBytes } from './byte-strings.ts';
import type { DatagramTransport } from './datagram-transport.ts';
import type { EndpointClock } from './endpoint-clock.ts';
import type { Identity } from './identity.ts';
import type { X25519Provider } from './x25519.ts';

export interface EndpointOptions {
  /** One with transferSizes(), for this endpoint alone. */
  engine: Engine;
  transport: DatagramTransport;
  identity: Identity;
  /** Streams that a peer may hold open, and what it may send on each before we read. */
  maxStreams?: number;
  windowKiB?: number;
  headerProtection?: boolean;
  /** The stealth form of handshakes, for obfuscation Full. */
  stealth?: boolean;
  idleMs?: number;
  rekeySeconds?: number;
  rekeyPackets?: number;
  /**
   * Tells peers whose session has ended here, unheard by them, that it has; an endpoint that is
   * made anew cannot, its key is another one. Not with headerProtection or stealth, as it answers
   * whoever probes. [not]
   */
  resets?: boolean;
  /** Asked before a caller is let in; its peer ID is proven. [everybody] */
  trust?: (peer: { peerId: Uint8Array; peerKey: Uint8Array; farEnd: Uint8Array }) => boolean;
  x25519?: X25519Provider;
  random?: RandomBytes;
  clock?: EndpointClock;
}
