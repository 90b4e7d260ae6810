/**
 * Streams and datagrams that came before the request of their session did: QUIC keeps no order
 * between streams (draft-ietf-webtrans-http3 section 4.6). A stream that waits is not read, so only
 * its first bytes are kept.
 */
import { EARLY_DATAGRAMS_MAX, EARLY_STREAMS_MAX } from './limits.ts';
import type { QuicReceiveStream, QuicSendStream } from './quic-stream.ts';

export interface EarlyStream {
  receive: QuicReceiveStream;
  send: QuicSendStream | undefined;
  /** Bytes that were read along with the prefix. */
  head: Uint8Array;
}

export class EarlyArrivals {
  #streams: { id: number; stream: EarlyStream }[] = [];
  #datagrams: { id: number; bytes: Uint8Array }[] = [];

  /** False: no room. */
  addStream(id: number, stream: EarlyStream): boolean {
    if (this.#streams.length >= EARLY_STREAMS_MAX) return false;
    this.#streams.push({ id, stream });
    return true;
  }

  /** The oldest goes when there is no room: datagrams may get lost. */
  addDatagram(id: number, bytes: Uint8Array): void {
    if (this.#datagrams.length >= EARLY_DATAGRAMS_MAX) this.#datagrams.shift();
    this.#datagrams.push({ id, bytes });
  }

  /** What has come for this session, in order. */
  take(session: number): { streams: EarlyStream[]; datagrams: Uint8Array[] } {
    const streams = this.#streams.filter(({ id }) => id === session);
    const datagrams = this.#datagrams.filter(({ id }) => id === session);
    this.#streams = this.#streams.filter(({ id }) => id !== session);
    this.#datagrams = this.#datagrams.filter(({ id }) => id !== session);
    return {
      streams: streams.map(({ stream }) => stream),
      datagrams: datagrams.map(({ bytes }) => bytes),
    };
  }
}
