import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { exchange } from './exchange.ts';
import { parseTarget } from './target.ts';

const signal = new AbortController().signal;
const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return (server.address() as AddressInfo).port;
}

const tcp = (port: number) => ({ transport: 'tcp' as const, host: '127.0.0.1', port });
const udp = (port: number) => ({ transport: 'udp' as const, host: '127.0.0.1', port });

describe('a target', () => {
  it.each([
    ['udp://127.0.0.1:50000', { transport: 'udp', host: '127.0.0.1', port: 50000 }],
    ['tcp://[::1]:1', { transport: 'tcp', host: '::1', port: 1 }],
    ['tcp://raida14.example/:1', undefined],
    ['tcp://raida14.example:65535/', { transport: 'tcp', host: 'raida14.example', port: 65535 }],
    ['wss://[::1]:9/raida', { transport: 'ws', host: '::1', port: 9, url: 'wss://[::1]:9/raida' }],
    ['ws://user@host:9/raida', undefined],
    ['tcp://127.0.0.1:1/raida', undefined],
    ['http://127.0.0.1:1', undefined],
    ['udp://127.0.0.1', undefined],
    ['udp://127.0.0.1:0', undefined],
    ['udp://127.0.0.1:65536', undefined],
    ['udp://user@host:1', undefined],
    ['', undefined],
  ])('%s', (text, target) => {
    if (target) expect(parseTarget(text)).toEqual(target);
    else expect(() => parseTarget(text)).toThrow('wanted udp://HOST:PORT');
  });
});

describe('an exchange', () => {
  it('over TCP ends when the reply is whole, or the server closes', async () => {
    const server = createServer((socket) => {
      socket.on('data', () => socket.write(Buffer.from('reply')));
    });
    const port = await listening(server);
    const options = { timeoutMs: 5000, signal };
    const whole = await exchange(tcp(port), [Buffer.from('x')], { ...options, wanted: () => 5 });
    expect(whole).toEqual({ bytes: Buffer.from('reply'), closed: false });
    const closing = createServer((socket) => socket.on('data', () => socket.end('bye')));
    const ended = await exchange(tcp(await listening(closing)), [Buffer.from('x')], options);
    expect(ended).toEqual({ bytes: Buffer.from('bye'), closed: true });
  });

  it('ends in its time when nobody answers', async () => {
    const silent = createServer(() => {});
    const options = { timeoutMs: 60, signal };
    const stream = await exchange(tcp(await listening(silent)), [Buffer.from('x')], options);
    expect(stream).toEqual({ bytes: Buffer.alloc(0), closed: false });
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    open.push(socket);
    const datagram = await exchange(udp(socket.address().port), [Buffer.from('x')], options);
    expect(datagram).toEqual({ bytes: Buffer.alloc(0), closed: false });
  });

  it('says that a port is closed', async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    open.pop();
    await once(server, 'close');
    const received = await exchange(tcp(port), [Buffer.from('x')], { timeoutMs: 5000, signal });
    expect(received).toMatchObject({ bytes: Buffer.alloc(0), problem: /ECONNREFUSED/ });
  });

  it('repeats a datagram without a reply as often as it may, and no more', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    open.push(socket);
    let came = 0;
    socket.on('message', (_, peer) => {
      if (++came === 3) socket.send('reply', peer.port, peer.address);
    });
    const target = udp(socket.address().port);
    const twice = { timeoutMs: 300, signal, retransmissions: 2 };
    expect((await exchange(target, [Buffer.from('x')], twice)).bytes.toString()).toBe('reply');
    came = 10;
    await exchange(target, [Buffer.from('x')], { timeoutMs: 60, signal });
    expect(came).toBe(11);
  });

  it('ends at once when it is interrupted', async () => {
    const silent = createServer(() => {});
    const stop = new AbortController();
    const options = { timeoutMs: 60_000, signal: stop.signal };
    const asked = exchange(tcp(await listening(silent)), [Buffer.from('x')], options);
    stop.abort();
    expect((await asked).problem).toBe('interrupted');
    expect((await exchange(udp(9), [Buffer.from('x')], options)).problem).toBe('interrupted');
  });

  it('says that a name is unknown', async () => {
    for (const transport of ['udp', 'tcp'] as const) {
      const target = { transport, host: 'no.such.host.invalid', port: 5000 };
      const received = await exchange(target, [Buffer.from('x')], { timeoutMs: 20_000, signal });
      expect(received.bytes).toHaveLength(0);
      expect(received.problem).toMatch(/no\.such\.host\.invalid/);
    }
  });

  it('reads no more of a reply than it may', async () => {
    const long = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(Buffer.alloc(5_000_000, 7));
    });
    const port = await listening(long);
    const options = { timeoutMs: 20_000, signal, wanted: () => 5_000_000 };
    const cut = await exchange(tcp(port), [Buffer.from('x')], { ...options, bytesMax: 100 });
    expect(cut).toEqual({ bytes: Buffer.alloc(100, 7), closed: false, fault: 'overlong' });
    const just = createServer((socket) => socket.end(Buffer.alloc(100, 7)));
    const whole = { ...options, wanted: () => 100, bytesMax: 100 };
    const fits = await exchange(tcp(await listening(just)), [Buffer.from('x')], whole);
    expect(fits).toEqual({ bytes: Buffer.alloc(100, 7), closed: false });
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    open.push(socket);
    socket.on('message', (_, peer) => socket.send(Buffer.alloc(101), peer.port, peer.address));
    const target = udp(socket.address().port);
    const datagram = await exchange(target, [Buffer.from('x')], { ...options, bytesMax: 100 });
    expect(datagram).toMatchObject({ bytes: Buffer.alloc(100), fault: 'overlong' });
  });

  it('ends in its time when a reply trickles in', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const port = await listening(server);
    const options = { timeoutMs: 300, signal, wanted: () => 100_000 };
    const received = await exchange(tcp(port), [Buffer.from('x')], options);
    expect(received).toMatchObject({ closed: false, fault: 'unfinished' });
  });
});
