/**
 * Datagrams of an endpoint over one session of the WebTransport server: the other end of what a
 * browser has in WebTransportDatagrams (host-common).
 */
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { checkFarEnd } from '@andvari/host-common/transfer/far-end';
import type { SessionHandler, WebTransportSession } from '../webtransport/session.ts';

export class WebTransportSessionDatagrams implements DatagramTransport {
  /** What the server does with the session. Streams are not for this, and are stopped. */
  readonly handler: SessionHandler;
  private readonly session: WebTransportSession;
  private sink: (datagrams: readonly Datagram[]) => void = () => {};

  /** `farEnd`: how the page at the other end is named here (far-end.ts). */
  constructor(session: WebTransportSession, farEnd: Uint8Array, ended: () => void = () => {}) {
    checkFarEnd(farEnd);
    this.session = session;
    this.handler = {
      bidirectional: ({ readable, writable }) => {
        readable.stop(0);
        writable.reset(0);
      },
      unidirectional: (stream) => stream.stop(0),
      datagram: (bytes) => this.sink([{ bytes, farEnd }]),
      closed: ended,
    };
  }

  get maxDatagramBytes(): number {
    return this.session.datagramBytesMax;
  }

  open(sink: (datagrams: readonly Datagram[]) => void): void {
    this.sink = sink;
  }

  send(datagrams: readonly Datagram[]): void {
    // One that cannot go, because the session is over or QUIC has too many, is lost.
    for (const { bytes } of datagrams) this.session.sendDatagram(bytes);
  }

  close(): void {
    this.sink = () => {};
    this.session.close();
  }
}
