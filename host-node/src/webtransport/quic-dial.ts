/**
 * A QUIC connection that we open: a UDP socket of its own, connected to the server's address, so
 * the kernel drops what others send to it and tells when nobody listens there.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../io/packet-io.ts';
import type { QuicBinding, QuicConfig } from './quic-binding.ts';
import { QuicConnection, type QuicEvents } from './quic-connection.ts';

/** Packets that the kernel holds while this process is busy: two connection windows. */
const SOCKET_RECEIVE_BYTES = 4 * 1024 * 1024;

export interface QuicDialOptions {
  binding: QuicBinding;
  config: QuicConfig;
  /** The name that the certificate is asked for; null: an address has none (RFC 6066 section 3). */
  serverName: string | null;
  /** Who hears what happens. */
  events: (quic: QuicConnection) => QuicEvents;
  /** Time until the connection must be established [10 s]. */
  handshakeTimeoutMs?: number;
  /** Before the connection is established: the system knows no way there, or nobody listens. */
  unreachable?: (error: Error) => void;
  /** Asked for each packet, both ways: true, and it is lost. For tests. */
  isLost?: () => boolean;
}

/**
 * Begin a connection to this address; its first packet has left, nothing has come back yet. The
 * socket is closed when the connection is gone. Rejects when the system has no way to the address.
 */
export async function dialQuic(
  server: SocketAddress,
  options: QuicDialOptions,
): Promise<QuicConnection> {
  const socket = createSocket({
    type: isIPv6(server.host) ? 'udp6' : 'udp4',
    recvBufferSize: SOCKET_RECEIVE_BYTES,
    // Nothing to look up.
    lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4),
  });
  try {
    await connected(socket, server);
    return begin(socket, server, options);
  } catch (error) {
    socket.close();
    throw error;
  }
}

function connected(socket: Socket, { host, port }: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function begin(socket: Socket, server: SocketAddress, options: QuicDialOptions): QuicConnection {
  const { binding, config, serverName, handshakeTimeoutMs, isLost = () => false } = options;
  const bound = socket.address();
  const local = { host: bound.address, port: bound.port };
  const native = binding.Connection.connect(serverName, randomBytes(16), local, server, config);
  const quic = new QuicConnection({
    ...{ binding, native, role: 'client', remote: server, local, handshakeTimeoutMs },
    transmit: (bytes) => {
      if (!isLost()) socket.send(Buffer.from(bytes), failed);
    },
  });
  let gone = false;
  const failed = (error: Error | null): void => {
    // What the system says may be forged, so an established connection ends by its own time-out
    // alone (RFC 9000 section 14.2.1).
    if (!error || gone || quic.established || quic.lost) return;
    options.unreachable?.(error);
    quic.drop();
  };
  socket.on('error', failed);
  socket.on('message', (message) => {
    if (!isLost()) quic.receive(message);
  });
  quic.onGone = () => {
    gone = true;
    // Its last packets leave first: the socket takes them one tick later.
    setImmediate(() => socket.close());
  };
  quic.events = options.events(quic);
  quic.changed();
  return quic;
}
