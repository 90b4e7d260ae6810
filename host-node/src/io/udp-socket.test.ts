import { expect, it } from 'vitest';
import { UdpSocket } from './udp-socket.ts';

const here = { host: '127.0.0.1', port: 0 };

it('delivers what it is given, and drops what goes to port 0 instead of throwing', async () => {
  const [from, to] = [
    await UdpSocket.bind(here, { arenaBytes: 65_536 }),
    await UdpSocket.bind(here, { arenaBytes: 65_536 }),
  ];
  const arrived = new Promise<string>((resolve) => {
    to.onMessage((bytes) => resolve(bytes.toString('hex')));
  });
  // Such a port may stand in a datagram that came, and then in the answer to it.
  from.send(Uint8Array.of(1), 0, '127.0.0.1');
  expect(from.dropped).toBe(1);
  const bytes = Uint8Array.of(2);
  from.send(bytes, to.bound.port, '127.0.0.1');
  bytes.fill(9);
  expect(await arrived).toBe('02');
  expect(from.dropped).toBe(1);
  for (const socket of [from, to]) await socket.close();
});
