/** A UDP socket that asks STUN servers, and nothing else. */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../io/packet-io.ts';
import { UdpSocket } from '../io/udp-socket.ts';
import { StunClient } from './stun-client.ts';

/** Requests that may wait for the kernel. */
const ARENA_BYTES = 64 * 1024;

export interface StunSocket {
  client: StunClient;
  bound: SocketAddress;
  close(): Promise<void>;
}

/** @throws PortInUseError, AddressError */
export async function openStunSocket(listen: SocketAddress): Promise<StunSocket> {
  const socket = await UdpSocket.bind(listen, { arenaBytes: ARENA_BYTES });
  const client = new StunClient((bytes, { host, port }) => socket.send(bytes, port, host));
  socket.onMessage((bytes, { address, port }) => client.receive(bytes, { host: address, port }));
  return {
    client,
    bound: socket.bound,
    close: () => {
      client.close();
      return socket.close();
    },
  };
}

/** Our own host on the way to an address. Undefined: there is no way. Sends nothing. */
export async function hostTowards({ host, port }: SocketAddress): Promise<string | undefined> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    return await new Promise((resolve) => {
      socket.once('error', () => resolve(undefined));
      socket.connect(port, host, () => resolve(socket.address().address));
    });
  } finally {
    socket.close();
  }
}
