import { createSocket, type RemoteInfo } from 'node:dgram';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SocketTransport } from './socket-transport.ts';

const closers: (() => unknown)[] = [];
const options = { timeoutMs: 2000 };

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A request of `bytes` with its echo, of encryption type 0 or 4. */
function requestOf(echo: number, bytes = 48, type = 0): Uint8Array {
  const request = Buffer.alloc(bytes, 0x11);
  request[16] = type;
  request.writeUInt16BE(echo, type === 0 ? 30 : 46);
  return new Uint8Array(request);
}

/** A reply with some body; the long header holds its echo at 46. */
function replyTo(request: Uint8Array, bodyBytes = 10): Buffer {
  const long = (request[16] ?? 0) > 2;
  const reply = Buffer.alloc((long ? 48 : 32) + bodyBytes, 0x22);
  const at = long ? 46 : 30;
  reply[long ? 46 : 6] = request[at] ?? 0;
  reply[long ? 47 : 7] = request[at + 1] ?? 0;
  reply.writeUIntBE(bodyBytes, 9, 3);
  return reply;
}

type Send = (bytes: Uint8Array) => void;

async function udpServer(answer: (request: Buffer, send: Send) => void) {
  const socket = createSocket('udp4');
  const seen: RemoteInfo[] = [];
  socket.on('message', (message, from) => {
    seen.push(from);
    answer(message, (bytes) => socket.send(bytes, from.port, from.address));
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  closers.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return { port: socket.address().port, socket, seen };
}

async function tcpServer(answer: (request: Buffer, socket: Socket) => void) {
  let open = 0;
  let most = 0;
  const server = createServer((socket) => {
    most = Math.max(most, ++open);
    let request = Buffer.alloc(0);
    socket.on('data', (part) => {
      request = Buffer.concat([request, part]);
      answer(request, socket);
    });
    socket.on('close', () => open--);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.address() as AddressInfo).port, most: () => most };
}

function transportTo(url: string, raidaId = 3): SocketTransport {
  const transport = new SocketTransport([{ raidaId, url }]);
  closers.push(() => transport.close());
  return transport;
}

describe('SocketTransport over UDP', () => {
  it('finds the request of each reply, in whatever order they come', async () => {
    const held: (() => void)[] = [];
    const { port, seen } = await udpServer((request, send) => {
      held.push(() => send(replyTo(request)));
      if (held.length === 20) for (const release of held.reverse()) release();
    });
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const requests = Array.from({ length: 20 }, (_, i) => requestOf(i * 771, 48, i % 2 ? 0 : 4));
    const replies = await Promise.all(requests.map((sent) => transport.exchange(3, sent, options)));
    expect(replies.map((reply) => Buffer.from(reply))).toEqual(
      requests.map((sent) => replyTo(sent)),
    );
    expect(replies[0]?.buffer).toBeInstanceOf(ArrayBuffer);
    expect(new Set(seen.map((from) => from.port)).size).toBe(1);
  });

  it('never has two requests with equal echo bytes under way', async () => {
    const { port } = await udpServer((request, send) =>
      setTimeout(() => send(replyTo(request, request[0])), 10),
    );
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const bodies = await Promise.all(
      [1, 2, 3].map((first) => {
        const request = requestOf(77);
        request[0] = first;
        return transport.exchange(3, request, options);
      }),
    );
    expect(bodies.map((reply) => reply.length - 32)).toEqual([1, 2, 3]);
  });

  it('takes a reply for no other request than its own', async () => {
    const { port } = await udpServer((_request, send) => {
      send(replyTo(requestOf(0x1234)));
      send(Buffer.alloc(7));
      send(Buffer.alloc(0));
    });
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const exchange = transport.exchange(3, requestOf(0x4321), { timeoutMs: 100 });
    await expect(exchange).rejects.toMatchObject({ code: 'ANDVARI_TIMEOUT', raidaId: 3 });
  });

  it('ignores what another machine sends', async () => {
    const { port, seen } = await udpServer(() => {});
    const stranger = createSocket('udp4');
    closers.push(() => stranger.close());
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const exchange = transport.exchange(3, requestOf(5), { timeoutMs: 150 });
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stranger.send(replyTo(requestOf(5)), seen[0]?.port ?? 0, '127.0.0.1');
    await expect(exchange).rejects.toMatchObject({ code: 'ANDVARI_TIMEOUT' });
  });

  it('says at once that nobody listens', async () => {
    const { port, socket } = await udpServer(() => {});
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    closers.pop();
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    await expect(transport.exchange(3, requestOf(5), options)).rejects.toMatchObject({
      code: 'ANDVARI_UNREACHABLE',
      message: expect.stringContaining('RAIDA 3: nobody listens'),
    });
  });

  it('says that a name is unknown, and that a server is', async () => {
    const transport = transportTo('udp://nowhere.invalid:25000');
    const unreachable = { code: 'ANDVARI_UNREACHABLE' };
    await expect(transport.exchange(3, requestOf(5), options)).rejects.toMatchObject(unreachable);
    await expect(transport.exchange(4, requestOf(5), options)).rejects.toMatchObject(unreachable);
    expect(() => transportTo('http://127.0.0.1:1')).toThrow(TypeError);
  });

  it('gives up when told to, and when closed', async () => {
    const { port } = await udpServer(() => {});
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const cancel = new AbortController();
    const first = transport.exchange(3, requestOf(1), { ...options, signal: cancel.signal });
    cancel.abort();
    await expect(first).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    const second = transport.exchange(3, requestOf(2), options);
    const closing = transport.close();
    await expect(second).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    await closing;
    await expect(transport.exchange(3, requestOf(3), options)).rejects.toMatchObject({
      code: 'ANDVARI_CLOSED',
    });
  });

  it('bounds what waits', async () => {
    const { port } = await udpServer(() => {});
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, (_, i) =>
        transport.exchange(3, requestOf(i), { timeoutMs: 100 }),
      ),
    );
    const codes = results.map((result) => result.status === 'rejected' && result.reason.code);
    expect(codes.filter((code) => code === 'ANDVARI_TIMEOUT')).toHaveLength(64 + 256);
    expect(codes.filter((code) => code === 'ANDVARI_UNREACHABLE')).toHaveLength(80);
  });
});

describe('SocketTransport over TCP', () => {
  it('goes there for a request above 1400 bytes, and not below', async () => {
    const whole = 1401;
    const { port } = await tcpServer((request, socket) => {
      if (request.length === whole) socket.end(replyTo(request, 30_000));
    });
    const transport = transportTo(`udp://127.0.0.1:${port}`);
    const reply = await transport.exchange(3, requestOf(9, whole), options);
    expect(reply).toHaveLength(32 + 30_000);
    await expect(transport.exchange(3, requestOf(9, 1400), options)).rejects.toMatchObject({
      code: 'ANDVARI_UNREACHABLE',
    });
  });

  it('puts a reply together from its pieces and leaves the surplus', async () => {
    const { port } = await tcpServer((request, socket) => {
      const reply = Buffer.concat([replyTo(request), Buffer.from('surplus')]);
      socket.setNoDelay(true);
      for (let i = 0; i < reply.length; i++)
        setTimeout(() => socket.write(reply.subarray(i, i + 1)), i);
    });
    const transport = transportTo(`tcp://127.0.0.1:${port}`);
    const request = requestOf(9, 80, 4);
    const reply = await transport.exchange(3, request, options);
    expect(Buffer.from(reply)).toEqual(replyTo(request));
  });

  it.each([
    ['nothing', (_request: Buffer, socket: Socket) => socket.end()],
    ['half a header', (_request: Buffer, socket: Socket) => socket.end(Buffer.alloc(20))],
    ['a reset', (_request: Buffer, socket: Socket) => socket.resetAndDestroy()],
    [
      '16 MiB announced',
      (_request: Buffer, socket: Socket) => socket.write(Buffer.alloc(64, 0xff)),
    ],
  ])('fails on %s', async (_what, answer) => {
    const { port } = await tcpServer(answer);
    const transport = transportTo(`tcp://127.0.0.1:${port}`);
    await expect(transport.exchange(3, requestOf(9), options)).rejects.toMatchObject({
      code: 'ANDVARI_CLOSED',
    });
  });

  it('keeps few connections and cuts one that is given up', async () => {
    const { port, most } = await tcpServer((request, socket) =>
      setTimeout(() => socket.end(replyTo(request)), 20),
    );
    const transport = transportTo(`tcp://127.0.0.1:${port}`);
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => transport.exchange(3, requestOf(i), options)),
    );
    // Eight at a time; the server may learn late that some of them have ended.
    expect(most()).toBeLessThanOrEqual(12);
    const silent = await tcpServer(() => {});
    const waiting = transportTo(`tcp://127.0.0.1:${silent.port}`);
    await expect(waiting.exchange(3, requestOf(1), { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ANDVARI_TIMEOUT',
    });
  });
});
