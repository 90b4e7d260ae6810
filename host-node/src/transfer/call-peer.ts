/** Calling a peer at a place that a user has named. */
import { lookup } from 'node:dns/promises';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { farEndOf } from './socket-address.ts';

/** The peer cannot be reached: nobody is there, or another one, or it says no. */
export class PeerUnreachableError extends Error {
  override readonly name = 'PeerUnreachableError';
  readonly code = 'ANDVARI_UNREACHABLE';
}

/** How a call comes to nothing without a fault of the caller's. */
const UNREACHED = new Set(['ANDVARI_HANDSHAKE_TIMEOUT', 'ANDVARI_SESSION_CLOSED']);

/**
 * The first address of a host; an address is its own.
 * @throws PeerUnreachableError; the reason of the signal
 */
export async function resolvePlace(
  { host, port }: SocketAddress,
  signal: AbortSignal,
): Promise<SocketAddress> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const { address } = await Promise.race([lookup(host), aborted]);
    return { host: address, port };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new PeerUnreachableError(`${host} has no address: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Any free port, from which packets go to that address. */
export function listenFor({ host }: SocketAddress): SocketAddress {
  return { host: host.includes(':') ? '::' : '0.0.0.0', port: 0 };
}

export interface PeerCall {
  peerId: Uint8Array;
  /** An IP address and a port. */
  place: SocketAddress;
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
  { peerId, place, timeoutMs, signal }: PeerCall,
): Promise<TransferSession> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const either = AbortSignal.any([signal, late]);
    return await endpoint.connect(peerId, farEndOf(place), { signal: either });
  } catch (error) {
    if (signal.aborted) throw error;
    const at = formatAddress(place);
    if (late.aborted) {
      const why = 'the peer is not there, it is another one, or it does not let us in';
      const message = `${at}: no answer within ${timeoutMs} ms: ${why}`;
      throw new PeerUnreachableError(message, { cause: error });
    }
    const { code = '', message } = error as { code?: string; message: string };
    if (!UNREACHED.has(code)) throw error;
    throw new PeerUnreachableError(`${at}: ${oneLine(message)}`, { cause: error });
  }
}

/** A text in which a peer has a say, for a terminal: without control characters. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
