import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { bindError, type SocketAddress } from './packet-io.ts';

/**
 * Kernel buffers, in bytes: a burst of 10,000 small requests between two turns of the event loop.
 */
const SOCKET_BUFFER_BYTES = 4 << 20;

/**
 * A UDP socket that is bound.
 * @param reusePort several sockets, one a thread, share the port
 * @throws PortInUseError, AddressError
 */
export async function bindUdpSocket(address: SocketAddress, reusePort = false): Promise<Socket> {
  const socket = createSocket({
    type: isIPv6(address.host) ? 'udp6' : 'udp4',
    reusePort,
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    // Replies go to the address that the kernel gave: nothing to look up, so nothing to wait for.
    lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      // A socket that could not be bound still holds its file descriptor.
      socket.close();
      reject(bindError('UDP', address, error));
    });
    socket.bind(address.port, address.host, resolve);
  });
  socket.removeAllListeners('error');
  return socket;
}
