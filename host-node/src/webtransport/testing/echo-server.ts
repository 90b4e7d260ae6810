/** A server whose sessions send everything back, for tests. */
import type { SocketAddress } from '../../io/packet-io.ts';
import { SelfMadeCertificates } from '../certificates.ts';
import type { SessionEnd, SessionHandler, WebTransportSession } from '../session.ts';
import { WebTransportServer, type WebTransportServerOptions } from '../webtransport-server.ts';
import type { BidirectionalStream, IncomingStream } from '../webtransport-stream.ts';

export class EchoServer {
  readonly certificates = new SelfMadeCertificates(['localhost', '127.0.0.1'], Date.now());
  readonly server: WebTransportServer;
  readonly sessions: WebTransportSession[] = [];
  /** Streams of /silent, which nobody reads unless the test does. */
  readonly silent: BidirectionalStream[] = [];
  readonly ends: SessionEnd[] = [];
  address: SocketAddress = { host: '', port: 0 };

  constructor(options: Partial<WebTransportServerOptions> = {}) {
    this.server = new WebTransportServer({
      certificates: this.certificates,
      paths: {
        '/echo': (session) => this.echo(session),
        '/silent': (session) => ({
          ...this.echo(session),
          bidirectional: (stream) => void this.silent.push(stream),
        }),
        '/full': () => undefined,
      },
      admitsOrigin: (origin) => origin !== 'https://elsewhere.test',
      admitsAuthority: (authority) => !authority.startsWith('other.test'),
      ...options,
    });
  }

  static async open(
    options: Partial<WebTransportServerOptions> = {},
    host = '127.0.0.1',
  ): Promise<EchoServer> {
    const echo = new EchoServer(options);
    echo.address = await echo.server.open({ host, port: 0 });
    return echo;
  }

  echo(session: WebTransportSession): SessionHandler {
    this.sessions.push(session);
    return {
      bidirectional: (stream) => void echoStream(stream),
      unidirectional: (stream) => void echoBack(session, stream),
      datagram: (bytes) => void session.sendDatagram(bytes),
      closed: (end) => void this.ends.push(end),
    };
  }
}

async function echoStream({ readable, writable }: BidirectionalStream): Promise<void> {
  try {
    for await (const bytes of readable) await writable.write(bytes);
    await writable.end();
  } catch {
    // The client has ended the stream, or the session.
  }
}

async function echoBack(session: WebTransportSession, stream: IncomingStream): Promise<void> {
  try {
    const back = session.openUnidirectional();
    for await (const bytes of stream) await back.write(bytes);
    await back.end();
  } catch {
    // As above.
  }
}
