/**
 * Datagrams of an endpoint in a browser, over one connection to one place (a node or a relay):
 * datagrams of WebTransport, or one binary message of a WebSocket each. Both run in Node too.
 */
import { checkMethods, checkObject } from './argument-checks.ts';
import type { Datagram, DatagramTransport } from './datagram-transport.ts';
import { checkFarEnd } from './far-end.ts';

/** Bytes that may wait in a WebSocket: more would only make the round trip longer. */
const WAITING_MAX = 1 << 20;
/** Datagrams that may wait in a WebTransport session, some four batches, likewise. */
const DATAGRAMS_WAITING_MAX = 256;
/** The largest packet in a message: a relay may pass it on by UDP, over any path. */
const MESSAGE_BYTES = 1232;
/** No packet is longer. */
const DATAGRAM_MAX = 65535;

/** The standard's later form, in which `writable` is gone. */
type NewerDatagrams = WebTransport['datagrams'] & {
  createWritable?: () => WritableStream<Uint8Array>;
};

type Sink = (datagrams: readonly Datagram[]) => void;

/** Over a WebSocket that is open; who made it closes it if it must be closed for other reasons. */
export class WebSocketDatagrams implements DatagramTransport {
  readonly maxDatagramBytes = MESSAGE_BYTES;
  private readonly socket: WebSocket;
  private readonly farEnd: Uint8Array;

  /** `farEnd`: how the place at the other end is named here (far-end.ts). */
  constructor(socket: WebSocket, farEnd: Uint8Array) {
    checkMethods('socket', socket, ['send', 'close', 'addEventListener']);
    checkFarEnd(farEnd);
    this.socket = socket;
    this.farEnd = farEnd;
    socket.binaryType = 'arraybuffer';
  }

  open(sink: Sink): void {
    this.socket.addEventListener('message', ({ data }) => {
      if (!(data instanceof ArrayBuffer) || data.byteLength > DATAGRAM_MAX) return;
      sink([{ bytes: new Uint8Array(data), farEnd: this.farEnd }]);
    });
  }

  send(datagrams: readonly Datagram[]): void {
    for (const { bytes } of datagrams) {
      const isOpen = this.socket.readyState === WebSocket.OPEN;
      if (isOpen && this.socket.bufferedAmount < WAITING_MAX) this.socket.send(bytes.slice());
    }
  }

  close(): void {
    this.socket.close();
  }
}

/** Over a WebTransport session that is ready. */
export class WebTransportDatagrams implements DatagramTransport {
  readonly maxDatagramBytes: number;
  private readonly session: WebTransport;
  private readonly farEnd: Uint8Array;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private waiting = 0;

  constructor(session: WebTransport, farEnd: Uint8Array) {
    checkObject('session', session);
    checkObject('session.datagrams', session.datagrams);
    checkFarEnd(farEnd);
    this.session = session;
    this.farEnd = farEnd;
    this.maxDatagramBytes = session.datagrams.maxDatagramSize;
    const { datagrams }: { datagrams: NewerDatagrams } = session;
    this.writer = (datagrams.createWritable?.() ?? datagrams.writable).getWriter();
  }

  open(sink: Sink): void {
    void this.read(sink);
  }

  send(datagrams: readonly Datagram[]): void {
    for (const { bytes } of datagrams) {
      // One that cannot go, because the session is over or the queue full, is lost.
      if (this.waiting >= DATAGRAMS_WAITING_MAX) return;
      this.waiting++;
      const gone = () => void this.waiting--;
      this.writer.write(bytes.slice()).then(gone, gone);
    }
  }

  close(): void {
    this.session.close();
  }

  private async read(sink: Sink): Promise<void> {
    const reader = this.session.datagrams.readable.getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        sink([{ bytes: value, farEnd: this.farEnd }]);
      }
    } catch {
      // The session is over: its endpoint notices by silence.
    }
  }
}
