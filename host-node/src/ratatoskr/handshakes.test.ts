// Sockets that never become WebSockets, and devices that want to.
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { until } from '../testing/until.ts';
import type { MessageChannel } from './channel.ts';
import { certificates, TurnedCertificate } from './testing/certificates.ts';
import { RatatoskrPlace } from './testing/ratatoskr-place.ts';
import { WebSocketListener, type WebSocketListenerOptions } from './websocket-listener.ts';

/** A client of ours gives a connection so long. */
const CONNECT_MS = 8_000;
const atEnd = closedAfterEach();

async function start(options: Partial<WebSocketListenerOptions> = {}) {
  const problems: unknown[] = [];
  const channels: MessageChannel[] = [];
  const listener = new WebSocketListener({
    listen: { host: '127.0.0.1', port: 0 },
    accept: (channel) => {
      channels.push(channel);
      const nothing = () => {};
      const message = (bytes: Uint8Array) => channel.send(bytes);
      return { message, text: nothing, bare: nothing, ended: nothing, closed: nothing };
    },
    failed: (error) => problems.push(error),
    ...options,
  });
  const { port } = await listener.open();
  atEnd(() => listener.close());
  return { listener, port, problems, channels };
}

/** So many sockets that say no more than these words, and come back when they are cut. */
function silent(port: number, count: number, words: Uint8Array | string) {
  let stopped = false;
  const seen = { open: 0, cut: 0 };
  const sockets = new Set<ReturnType<typeof connect>>();
  const begin = () => {
    if (stopped) return;
    const socket = connect(port, '127.0.0.1', () => {
      seen.open++;
      if (words.length > 0) socket.write(words);
    });
    sockets.add(socket.resume());
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      seen.open--;
      seen.cut++;
      setTimeout(begin, 20);
    });
  };
  for (let i = 0; i < count; i++) begin();
  atEnd(() => {
    stopped = true;
    for (const socket of sockets) socket.destroy();
  });
  return seen;
}

function client(port: number, isTls: boolean): WebSocket {
  const url = `${isTls ? 'wss' : 'ws'}://127.0.0.1:${port}/ratatoskr`;
  const socket = new WebSocket(url, { handshakeTimeout: CONNECT_MS, ca: certificates[0].cert });
  atEnd(() => socket.terminate());
  return socket;
}

describe.each([
  ['in clear', false, ''],
  ['in clear, with part of a request', false, 'GET /rata'],
  ['with TLS', true, ''],
  ['with TLS, and part of a ClientHello', true, Uint8Array.of(0x16, 3, 1, 2)],
] as const)('1300 sockets of one address that say nothing: %s', (_, isTls, words) => {
  it('leave room for a device of the same address', async () => {
    const { port, listener, problems } = await start(
      isTls ? { certificate: new TurnedCertificate() } : {},
    );
    const seen = silent(port, 1300, words);
    await until(() => seen.cut > 300);
    for (let i = 0; i < 8; i++) {
      const device = client(port, isTls);
      await once(device, 'open');
      device.send(Buffer.from('here'));
      await once(device, 'message');
    }
    expect(listener.connections).toBe(8);
    expect(listener.handshakesCut).toBeGreaterThan(300);
    expect(problems).toEqual([]);
  });
});

describe.each([
  ['in clear', false],
  ['with TLS', true],
] as const)('a crowd that comes at once: %s', (_, isTls) => {
  it('gets in, all of it, and nobody is cut', async () => {
    const { port, listener } = await start(isTls ? { certificate: new TurnedCertificate() } : {});
    const ended: number[] = [];
    const crowd = Array.from({ length: 400 }, () => client(port, isTls));
    for (const device of crowd) device.on('close', (code) => ended.push(code));
    await Promise.all(crowd.map((device) => once(device, 'open')));
    expect(listener.connections).toBe(400);
    expect(ended).toEqual([]);
    expect(listener.handshakesCut).toBe(0);
  });
});

/** A whole upgrade; what is answered, goodbyes too, is passed over. */
const upgradeOf = (port: string | number) =>
  `GET /ratatoskr HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describe('WebSockets that do not go when they are told to', () => {
  it('leave room for a device', async () => {
    const place = await RatatoskrPlace.start({ connectionsMax: 100 });
    atEnd(() => place.close());
    const port = Number(new URL(place.url).port);
    const seen = silent(port, 300, upgradeOf(port));
    await until(() => seen.cut > 100);
    for (let i = 0; i < 8; i++) {
      const device = await place.connected();
      expect((await device.ask(device.request())).success).toBe(true);
    }
  });

  it.each([
    [10, 10],
    [12, 10],
  ])('have their second, as far as few do so: of %i stay %i', async (count, left) => {
    const { port, listener, channels } = await start({ connectionsMax: 100 });
    silent(port, count, upgradeOf(port));
    await until(() => channels.length === count);
    for (const channel of channels) channel.close(1013, 'too many connections');
    expect(listener.connections).toBe(count);
    await once(client(port, false), 'open');
    await until(() => listener.connections <= left + 1);
    expect(listener.connections).toBe(left + 1);
  });
});
