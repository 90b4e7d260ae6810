/** Against a real WebSocket server on loopback. */
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import { keptPorts } from '../../../tests/ports.ts';
import type { TransportError } from './transport.ts';
import { WebSocketTransport, type WebSocketTransportOptions } from './websocket-transport.ts';

type Answer = (peer: Peer, message: Buffer) => void;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function listen(
  answer: Answer,
  port = 0,
): Promise<{ port: number; server: WebSocketServer }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (peer) => peer.on('message', (data: Buffer) => answer(peer, data)));
  ends.push(() => stop(server));
  return { port: (server.address() as AddressInfo).port, server };
}

function stop(server: WebSocketServer): Promise<void> {
  for (const client of server.clients) client.terminate();
  return new Promise((resolve) => server.close(() => resolve()));
}

function transportTo(port: number, options: WebSocketTransportOptions = {}): WebSocketTransport {
  const servers = [{ raidaId: 5, url: `ws://127.0.0.1:${port}/raida` }];
  const transport = new WebSocketTransport(servers, { backoffMinMs: 20, ...options });
  ends.push(() => transport.close());
  return transport;
}

const echo: Answer = (peer, message) => peer.send(message);
const silent: Answer = () => undefined;
const bytes = (...list: number[]) => new Uint8Array(list);

async function failure(exchange: Promise<Uint8Array>): Promise<TransportError> {
  const error = await exchange.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'TransportError', raidaId: 5 });
  return error as TransportError;
}

describe('WebSocket transport', () => {
  test('replies come back to their requests, in order, over one connection', async () => {
    const { port, server } = await listen(echo);
    const transport = transportTo(port);
    let connections = 0;
    server.on('connection', () => connections++);
    const sent = Array.from({ length: 50 }, (_, index) => bytes(index, 1, 2));
    const replies = await Promise.all(
      sent.map((request) => transport.exchange(5, request, { timeoutMs: 5000 })),
    );
    expect(replies).toEqual(sent);
    expect(connections).toBe(1);
  });

  test('the request may be wiped once exchange() has returned', async () => {
    const { port } = await listen(echo);
    const request = bytes(1, 2, 3);
    const exchange = transportTo(port).exchange(5, request, { timeoutMs: 5000 });
    request.fill(0);
    expect(await exchange).toEqual(bytes(1, 2, 3));
  });

  test('only one request is under way at a time', async () => {
    let open = 0;
    let most = 0;
    const { port } = await listen((peer, message) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        peer.send(message);
      }, 2);
    });
    const transport = transportTo(port);
    const list = Array.from({ length: 10 }, () =>
      transport.exchange(5, bytes(1), { timeoutMs: 5000 }),
    );
    await Promise.all(list);
    expect(most).toBe(1);
  });

  test('no answer: a time-out, and a late answer is nobody’s', async () => {
    const peers: Peer[] = [];
    const { port } = await listen((peer, message) => {
      if (message[0] === 1) peers.push(peer);
      else peer.send(message);
    });
    const transport = transportTo(port);
    const first = failure(transport.exchange(5, bytes(1), { timeoutMs: 60 }));
    const secondReply = transport.exchange(5, bytes(2), { timeoutMs: 5000 });
    expect((await first).code).toBe('ANDVARI_TIMEOUT');
    for (const peer of peers) peer.send(bytes(1));
    expect(await secondReply).toEqual(bytes(2));
  });

  test('a request times out while it waits for its turn', async () => {
    const { port } = await listen(silent);
    const transport = transportTo(port);
    const running = failure(transport.exchange(5, bytes(1), { timeoutMs: 200 }));
    const waiting = await failure(transport.exchange(5, bytes(2), { timeoutMs: 30 }));
    expect(waiting.code).toBe('ANDVARI_TIMEOUT');
    expect((await running).code).toBe('ANDVARI_TIMEOUT');
  });

  test('nobody listens: unreachable, again after the back-off, then it works', async () => {
    const port = await keptPorts();
    const transport = transportTo(port, { backoffMinMs: 50, backoffMaxMs: 80 });
    const refused = await failure(transport.exchange(5, bytes(1), { timeoutMs: 5000 }));
    expect(refused.code).toBe('ANDVARI_UNREACHABLE');
    const soon = await failure(transport.exchange(5, bytes(1), { timeoutMs: 10 }));
    expect(soon.message).toMatch(/the next attempt is in \d+ ms/);
    await listen(echo, port);
    expect(await transport.exchange(5, bytes(9), { timeoutMs: 5000 })).toEqual(bytes(9));
  });

  test('a server that closes loses the request under way, not those that wait', async () => {
    const { port } = await listen((peer, message) => {
      if (message[0] === 1) peer.close();
      else peer.send(message);
    });
    const transport = transportTo(port);
    const lost = failure(transport.exchange(5, bytes(1), { timeoutMs: 5000 }));
    const waiting = transport.exchange(5, bytes(2), { timeoutMs: 5000 });
    expect((await lost).message).toContain('the server closed the connection');
    expect(await waiting).toEqual(bytes(2));
  });

  test('a connection that was closed while idle is made anew', async () => {
    const { port, server } = await listen(echo);
    const transport = transportTo(port);
    await transport.exchange(5, bytes(1), { timeoutMs: 5000 });
    for (const client of server.clients) client.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await transport.exchange(5, bytes(2), { timeoutMs: 5000 })).toEqual(bytes(2));
  });

  test.each<[string, Answer]>([
    ['a text', (peer) => peer.send('hello')],
    ['more than a reply can be', (peer) => peer.send(new Uint8Array(1_200_000))],
  ])('%s is no answer', async (_, answer) => {
    const { port } = await listen(answer);
    const error = await failure(transportTo(port).exchange(5, bytes(1), { timeoutMs: 5000 }));
    expect(error.code).toBe('ANDVARI_UNREACHABLE');
    expect(error.message).toContain('belongs to no request');
  });

  test('a message that nobody asked for ends the connection', async () => {
    const { port, server } = await listen((peer, message) => {
      peer.send(message);
      peer.send(message);
    });
    const transport = transportTo(port);
    const closed = new Promise((resolve) => {
      server.on('connection', (peer) => peer.once('close', resolve));
    });
    expect(await transport.exchange(5, bytes(7), { timeoutMs: 5000 })).toEqual(bytes(7));
    await closed;
  });

  test('the queue has an end', async () => {
    const { port } = await listen(silent);
    const transport = transportTo(port, { queueMax: 2 });
    // The first waits for the connection as well.
    const waiting = [1, 2].map((n) => failure(transport.exchange(5, bytes(n), { timeoutMs: 100 })));
    const error = await failure(transport.exchange(5, bytes(3), { timeoutMs: 100 }));
    expect(error.message).toBe('RAIDA 5: 2 requests wait already');
    await Promise.all(waiting);
  });

  test('cancelling', async () => {
    const { port } = await listen(silent);
    const transport = transportTo(port);
    const stopper = new AbortController();
    const options = { timeoutMs: 5000, signal: stopper.signal };
    const both = [1, 2].map((n) => failure(transport.exchange(5, bytes(n), options)));
    stopper.abort(new Error('enough'));
    for (const error of await Promise.all(both)) {
      expect(error.code).toBe('ANDVARI_CLOSED');
      expect(error.cause).toEqual(new Error('enough'));
    }
    expect((await failure(transport.exchange(5, bytes(3), options))).code).toBe('ANDVARI_CLOSED');
  });

  test('closing ends what is under way and what comes later', async () => {
    const { port } = await listen(silent);
    const transport = transportTo(port);
    const running = failure(transport.exchange(5, bytes(1), { timeoutMs: 5000 }));
    await transport.close();
    expect((await running).code).toBe('ANDVARI_CLOSED');
    const later = await failure(transport.exchange(5, bytes(2), { timeoutMs: 5000 }));
    expect(later.code).toBe('ANDVARI_CLOSED');
  });

  test('a server without a WebSocket address is unreachable', async () => {
    const transport = new WebSocketTransport([{ raidaId: 5, url: 'udp://127.0.0.1:50005' }]);
    const error = await failure(transport.exchange(5, bytes(1), { timeoutMs: 100 }));
    expect(error.code).toBe('ANDVARI_UNREACHABLE');
  });
});
