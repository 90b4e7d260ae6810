/** Calling a peer at a place that a user has named, or at the node's relay. */
import { lookup } from 'node:dns/promises';
import { unlessAborted } from '@andvari/host-common/ratatoskr/client/time-limit';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { PeerAddressError } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';
import type { NodeRelay } from './node-relay.ts';
import { anyHost } from './own-addresses.ts';
import { farEndOf } from './socket-address.ts';

/** The peer cannot be reached: nobody is there, or another one, or it says no. */
export class PeerUnreachableError extends Error {
  override readonly name = 'PeerUnreachableError';
  readonly code = 'ANDVARI_UNREACHABLE';
}

/** How a call comes to nothing without a fault of the caller's. */
const NO_ANSWER = 'ANDVARI_HANDSHAKE_TIMEOUT';
const UNREACHED = new Set([NO_ANSWER, 'ANDVARI_SESSION_CLOSED']);
const SILENCE = 'the peer is not there, it is another one, or it does not let us in';

/**
 * The first address of a host, of that family if one is given; an address is its own.
 * @throws PeerUnreachableError; the reason of the signal
 */
export async function resolvePlace(
  { host, port }: SocketAddress,
  signal: AbortSignal,
  family: 0 | 4 | 6 = 0,
): Promise<SocketAddress> {
  signal.throwIfAborted();
  try {
    const { address } = await unlessAborted(lookup(host, { family }), signal);
    return { host: address, port };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new PeerUnreachableError(`${host} has no address: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Any free port, from which packets go to that address, or to a relay alone. To this machine itself
 * they go from its loopback interface: at all addresses a socket has the size of packets of the
 * interfaces that lead elsewhere.
 */
export function listenFor(place: SocketAddress | undefined): SocketAddress {
  const isHere = place !== undefined && isLoopback(place.host);
  if (isHere && place.host === '::1') return { host: '::1', port: 0 };
  if (isHere && !place.host.includes(':')) return { host: '127.0.0.1', port: 0 };
  return listenForAll(place);
}

/** Any free port, from which packets go to any address of the same family; without one to all. */
export function listenForAll(place: SocketAddress | undefined): SocketAddress {
  if (!place) return { host: anyHost(), port: 0 };
  return { host: place.host.includes(':') ? '::' : '0.0.0.0', port: 0 };
}

/** Where a peer is called. */
export interface CalledAt {
  farEnd: Uint8Array;
  /** For people. */
  text: string;
  /** Why it does not answer, if that is known. */
  whySilent?: () => string | undefined;
}

/**
 * At its place (an IP address and a port) if it has one, else at the relay.
 * @throws PeerAddressError: there is neither
 */
export function calledAt({ peerId, place, relay }: Whereabouts): CalledAt {
  if (place) return { farEnd: farEndOf(place), text: formatAddress(place) };
  if (!relay) {
    throw new PeerAddressError('without a relay a peer is called at its address: PEER@HOST:PORT');
  }
  return {
    farEnd: relay.farEndOf(peerId),
    text: `the relay ${relay.host}`,
    whySilent: () => relay.whySilent(peerId),
  };
}

interface Whereabouts {
  peerId: Uint8Array;
  place: SocketAddress | undefined;
  relay: NodeRelay | undefined;
}

export interface PeerCall {
  peerId: Uint8Array;
  at: CalledAt;
  /** For all of it; the handshake gives up after 10 s by itself. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * A session with the peer.
 * @throws PeerUnreachableError; HandshakeError: no peer ID, or our own; the reason of the signal
 */
export async function callPeer(
  endpoint: TransferEndpoint,
  { peerId, at, timeoutMs, signal }: PeerCall,
): Promise<TransferSession> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const either = AbortSignal.any([signal, late]);
    return await endpoint.connect(peerId, at.farEnd, { signal: either });
  } catch (error) {
    if (signal.aborted) throw error;
    if (late.aborted) {
      const why = at.whySilent?.() ?? SILENCE;
      const message = `${at.text}: no answer within ${timeoutMs} ms: ${why}`;
      throw new PeerUnreachableError(message, { cause: error });
    }
    const { code = '', message } = error as { code?: string; message: string };
    if (!UNREACHED.has(code)) throw error;
    const why = (code === NO_ANSWER && at.whySilent?.()) || oneLine(message);
    throw new PeerUnreachableError(`${at.text}: ${why}`, { cause: error });
  }
}

/** A text in which a peer has a say, for a terminal: without control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
