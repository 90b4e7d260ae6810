import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { until } from '../testing/until.ts';
import type { AcceptChannel, ChannelHandler, MessageChannel } from './channel.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { certificates, TurnedCertificate } from './testing/certificates.ts';
import { WebSocketListener, type WebSocketListenerOptions } from './websocket-listener.ts';

const [first, second] = certificates;
const atEnd = closedAfterEach();

/** Echoes; remembers what happened. */
class Echo {
  readonly channels: MessageChannel[] = [];
  readonly told: string[] = [];
  readonly accept: AcceptChannel = (channel): ChannelHandler => {
    this.channels.push(channel);
    return {
      message: (bytes) => channel.send(bytes),
      text: () => this.told.push('text'),
      bare: () => this.told.push('bare'),
      ended: () => this.told.push('ended'),
      closed: () => this.told.push('closed'),
    };
  };
}

async function start(options: Partial<WebSocketListenerOptions> = {}) {
  const echo = new Echo();
  const listener = new WebSocketListener({
    listen: { host: '127.0.0.1', port: 0 },
    accept: echo.accept,
    failed: (error) => echo.told.push(String(error)),
    ...options,
  });
  const { port } = await listener.open();
  atEnd(() => listener.close());
  return { echo, listener, port };
}

function open(url: string, protocols: string[] = [], ca?: string): WebSocket {
  const client = new WebSocket(url, protocols, ca ? { ca } : {});
  client.on('error', () => {});
  atEnd(() => client.terminate());
  return client;
}

/** The status of an upgrade that was refused. */
async function refusalOf(client: WebSocket): Promise<number | undefined> {
  const [, response] = await once(client, 'unexpected-response');
  return response.statusCode;
}

describe('the WebSocket listener', () => {
  it('speaks TLS 1.3 and takes the subprotocol, or none', async () => {
    const { port, echo } = await start({ certificate: new TurnedCertificate() });
    for (const [offered, chosen] of [
      [['ratatoskr.v1'], 'ratatoskr.v1'],
      [['other', 'ratatoskr.v1'], 'ratatoskr.v1'],
      [[], ''],
    ] as const) {
      const client = open(`wss://127.0.0.1:${port}/ratatoskr`, [...offered], first.cert);
      await once(client, 'open');
      expect(client.protocol).toBe(chosen);
      client.send(Buffer.from([1, 2, 3]));
      const [data, binary] = await once(client, 'message');
      expect([[...(data as Buffer)], binary]).toEqual([[1, 2, 3], true]);
    }
    expect(echo.channels[0]).toMatchObject({ transport: 'websocket', remoteAddress: '127.0.0.1' });
  });

  it('refuses TLS 1.2', async () => {
    const { port } = await start({ certificate: new TurnedCertificate() });
    const tls = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca: first.cert, maxVersion }, () =>
          resolve(socket.getProtocol() ?? ''),
        );
        socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
        atEnd(() => socket.destroy());
      });
    expect(await tls('TLSv1.3')).toBe('TLSv1.3');
    expect(await tls('TLSv1.2')).toMatch(/^ERR_SSL_/);
  });

  it('shows a renewed certificate to new connections, and keeps the old ones', async () => {
    const certificate = new TurnedCertificate();
    const { port } = await start({ certificate });
    const url = `wss://127.0.0.1:${port}/ratatoskr`;
    const old = open(url, [], first.cert);
    await once(old, 'open');
    certificate.turn(second);
    const renewed = open(url, [], second.cert);
    await once(renewed, 'open');
    old.send('still here');
    const stale = open(url, [], first.cert);
    const [error] = await once(stale, 'error');
    expect(error.code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    const bare = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(bare, 'secureConnect');
    expect((bare.getPeerCertificate() as PeerCertificate).subject.CN).toBe('localhost');
    bare.destroy();
  });

  it('goes on with the old certificate when the new one is none', async () => {
    const certificate = new TurnedCertificate();
    const { port, echo } = await start({ certificate });
    certificate.turn({ cert: 'no certificate', key: second.key });
    await once(open(`wss://127.0.0.1:${port}/ratatoskr`, [], first.cert), 'open');
    expect(echo.told).toHaveLength(1);
  });

  it('speaks in clear on loopback alone, unless it is told to', async () => {
    const { port } = await start();
    await once(open(`ws://127.0.0.1:${port}/ratatoskr`), 'open');
    const listen = { host: '0.0.0.0', port: 0 };
    // A name may mean any address, whatever it begins with.
    const named = start({ listen: { host: '127.example', port: 0 } });
    await expect(named).rejects.toMatchObject({ code: 'ANDVARI_RATATOSKR_PLAIN' });
    await expect(start({ listen })).rejects.toMatchObject({ code: 'ANDVARI_RATATOSKR_PLAIN' });
    await expect(start({ listen, allowPlain: true })).resolves.toBeDefined();
  });

  it('answers 404 off the path, 426 without an upgrade, 503 when it is full', async () => {
    const { port, listener } = await start({ connectionsMax: 1 });
    expect(await refusalOf(open(`ws://127.0.0.1:${port}/raida`))).toBe(404);
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/ratatoskr`)).status).toBe(426);
    expect((await fetch(`${url}/`)).status).toBe(404);
    const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
    await once(client, 'open');
    expect(await refusalOf(open(`ws://127.0.0.1:${port}/ratatoskr`))).toBe(503);
    expect([listener.connections, listener.refused]).toEqual([1, 2]);
    client.close();
    await until(() => listener.connections === 0);
    await once(open(`ws://127.0.0.1:${port}/ratatoskr`), 'open');
  });

  it('is for listed names and pages, and for programs', async () => {
    const origins = ['https://page.example', 'none'];
    const { port, listener } = await start({ hosts: ['wallet.example'], origins });
    const from = (headers: Record<string, string>) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/ratatoskr`, { headers });
      client.on('error', () => {});
      atEnd(() => client.terminate());
      return client;
    };
    for (const host of [`localhost:${port}`, `wallet.example:${port}`]) {
      await once(from({ host }), 'open');
    }
    await once(from({ origin: 'https://page.example' }), 'open');
    for (const host of [`evil.example:${port}`, '127.0.0.1:1', `127.0.0.2:${port}`]) {
      expect(await refusalOf(from({ host }))).toBe(403);
    }
    for (const origin of ['https://evil.example', 'http://page.example', 'null', 'none']) {
      expect(await refusalOf(from({ origin }))).toBe(403);
    }
    expect(listener.refused).toBe(7);
  });

  it('on all addresses takes every address for its own, but no name', async () => {
    const { port } = await start({ listen: { host: '0.0.0.0', port: 0 }, allowPlain: true });
    const from = (host: string) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/ratatoskr`, { headers: { host } });
      client.on('error', () => {});
      atEnd(() => client.terminate());
      return client;
    };
    await once(from(`192.0.2.7:${port}`), 'open');
    expect(await refusalOf(from(`evil.example:${port}`))).toBe(403);
  });

  it('takes the longest message, and closes with 1009 at one byte more', async () => {
    const { port, echo } = await start();
    const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
    await once(client, 'open');
    client.send(Buffer.alloc(MESSAGE_BYTES_MAX));
    const [data] = await once(client, 'message');
    expect((data as Buffer).length).toBe(MESSAGE_BYTES_MAX);
    client.send(Buffer.alloc(MESSAGE_BYTES_MAX + 1));
    const [code] = await once(client, 'close');
    expect(code).toBe(1009);
    await until(() => echo.told.includes('closed'));
  });

  it('tells of text, pings, and stops reading when it is told to', async () => {
    const { port, echo } = await start({ pingIntervalMs: 20 });
    const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
    await once(client, 'open');
    client.send('text');
    await once(client, 'ping');
    await until(() => echo.told.includes('text'));
    const [channel] = echo.channels as [MessageChannel];
    channel.pause();
    client.send(Buffer.alloc(8));
    let answered = false;
    client.once('message', () => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    channel.resume();
    await until(() => answered);
    channel.pause();
    channel.close(1008, 'enough');
    const [code, reason] = await once(client, 'close');
    expect([code, String(reason)]).toEqual([1008, 'enough']);
  });

  it('tells of PING and PONG, which are work too', async () => {
    const { port, echo } = await start();
    const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
    await once(client, 'open');
    client.pong();
    client.ping();
    await once(client, 'pong');
    await until(() => echo.told.length === 2);
    expect(echo.told).toEqual(['bare', 'bare']);
  });

  it('takes a message in many pieces, not one in thousands', async () => {
    const { port } = await start();
    const inPieces = async (bytes: number) => {
      const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
      let socket!: Socket;
      client.once('upgrade', (response) => {
        socket = response.socket;
      });
      await once(client, 'open');
      socket.setNoDelay(true);
      const ended = new Promise<number>((resolve) => {
        client.on('close', resolve);
        client.on('message', (data) => resolve((data as Buffer).length));
      });
      // A masked binary frame, the mask zeros.
      const head = Buffer.from([0x82, 0xfe, bytes >> 8, bytes & 255, 0, 0, 0, 0]);
      socket.write(head);
      for (let i = 0; i < bytes && !socket.destroyed; i++) {
        socket.write(Buffer.from([i]));
        // Each write is read by itself.
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      return ended;
    };
    expect(await inPieces(700)).toBe(700);
    expect(await inPieces(20_000)).toBe(1008);
  });

  it('answers what is no WebSocket once, and ends the connection', async () => {
    const { port } = await start();
    const socket = connect(port, '127.0.0.1');
    atEnd(() => socket.destroy());
    let answered = '';
    socket.on('data', (data) => {
      answered += String(data);
    });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    const request = `GET /ratatoskr HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
    socket.write(request.repeat(1000));
    await closed;
    expect(answered).toMatch(/^HTTP\/1\.1 426 /);
    expect(answered.match(/HTTP\/1\.1 /g)?.length).toBeLessThanOrEqual(2);
  });

  it('cuts a handshake that does not come to an end, while others get through', async () => {
    const certificate = new TurnedCertificate();
    const { port } = await start({ certificate, handshakeTimeoutMs: 300 });
    const slow: Socket[] = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    const ended = slow.map((socket) => {
      socket.on('error', () => {});
      return once(socket.resume(), 'close');
    });
    // The first bytes of a ClientHello, and then nothing.
    for (const socket of slow) socket.write(Buffer.from([0x16, 3, 1, 2]));
    await once(open(`wss://127.0.0.1:${port}/ratatoskr`, [], first.cert), 'open');
    await Promise.all(ended);
  });

  it('says goodbye when it closes', async () => {
    const { port, listener } = await start();
    const client = open(`ws://127.0.0.1:${port}/ratatoskr`);
    await once(client, 'open');
    const closed = once(client, 'close');
    await listener.close();
    expect((await closed)[0]).toBe(1001);
  });
});
