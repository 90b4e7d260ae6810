// recvmmsg and sendmmsg: the packet socket that needs no privilege.
import { describe, expect, it } from 'vitest';
import { Flag } from './generated/border.ts';
import { loadNative } from './index.ts';
import { RingEngine } from './testing/ring-engine.ts';
import { packetSocketCompliance } from './testing/socket-compliance.ts';
import { UdpClient } from './testing/udp-client.ts';

const native = loadNative();

describe.skipIf('missing' in native)('mmsg', () => {
  if ('missing' in native) return;
  describe.each([false, true])('shared memory: %s', (shared) => {
    packetSocketCompliance((options) => native.openMmsg(options), { shared });
  });

  it('hears IPv4 too at ::, and tells its senders as IPv4', async () => {
    const engine = new RingEngine();
    const socket = native.openMmsg({ ...engine.port, host: '::', port: 0 });
    const clients = await Promise.all(
      ['127.0.0.1', '::1'].map((host) => UdpClient.open({ host, port: socket.port })),
    );
    for (const [i, flags] of [Flag.LOCAL, Flag.LOCAL | Flag.IPV6].entries()) {
      await clients[i]?.send('hello');
      const request = engine.receive(socket);
      expect(request.flags).toBe(Flag.DATAGRAM | flags);
      expect(request.address === 0x7f000001).toBe(i === 0);
      engine.echo(request);
      engine.turn(socket);
      expect(String((await clients[i]?.wait(1))?.[0])).toBe('hello');
    }
    for (const closing of [...clients, socket]) closing.close();
  });

  it('shares a port among sockets, each its own engine', async () => {
    const open = (port: number) => {
      const engine = new RingEngine();
      const options = { ...engine.port, host: '127.0.0.1', port, reusePort: true };
      const socket = native.openMmsg(options);
      socket.watch(() => void engine.serve(socket));
      return socket;
    };
    const first = open(0);
    const second = open(first.port);
    const clients = await Promise.all(Array.from({ length: 32 }, () => UdpClient.open(first)));
    await Promise.all(clients.map((client) => client.send('hello')));
    await Promise.all(clients.map((client) => client.wait(1)));
    const received = [first, second].map((socket) => socket.counters().received);
    expect(received[0]).toBeGreaterThan(0);
    expect(received[1]).toBeGreaterThan(0);
    for (const closing of [...clients, first, second]) closing.close();
  });
});
