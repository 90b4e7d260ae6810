/** Against a real WebSocket server on loopback. */
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import type { ClientChannel } from './client-channel.ts';
import { WebSocketClientTransport } from './websocket-client-transport.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function listen(welcome: (peer: Peer) => void): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', welcome);
  ends.push(() => {
    for (const client of server.clients) client.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ratatoskr`;
}

/** A channel and what it told. */
async function connect(url: string) {
  const heard: Uint8Array[] = [];
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const first = Promise.withResolvers<void>();
  const channel: ClientChannel = await new WebSocketClientTransport({ url }).connect(
    {
      message: (bytes) => {
        heard.push(bytes);
        first.resolve();
      },
      closed: (code, reason) => closed.resolve({ code, reason }),
    },
    new AbortController().signal,
  );
  ends.push(() => channel.close(1000, ''));
  return { channel, heard, closed: closed.promise, first: first.promise };
}

describe('a WebSocket', () => {
  it('carries binary messages under the subprotocol, and tells its end', async () => {
    let protocol = '';
    const url = await listen((peer) => {
      protocol = peer.protocol;
      peer.on('message', (data, isBinary) => {
        peer.send(isBinary ? (data as Buffer) : Buffer.of(0));
        peer.close(1008, 'enough');
      });
    });
    const { channel, heard, closed } = await connect(url);
    channel.send(Uint8Array.of(1, 2, 3));
    expect(await closed).toEqual({ code: 1008, reason: 'enough' });
    expect(heard).toEqual([Uint8Array.of(1, 2, 3)]);
    expect(protocol).toBe('ratatoskr.v1');
    channel.send(Uint8Array.of(4));
  });

  it.each([
    ['text', 'hello', 1003],
    ['a message beyond the limit', new Uint8Array(1_114_113), 1009],
  ])('ends at %s', async (_, data, code) => {
    const url = await listen((peer) => peer.send(data));
    const { heard, closed } = await connect(url);
    expect(await closed).toMatchObject({ code });
    expect(heard).toEqual([]);
  });

  it('takes the longest message', async () => {
    const url = await listen((peer) => peer.send(new Uint8Array(1_114_112)));
    const { heard, first } = await connect(url);
    await first;
    expect(heard[0]).toHaveLength(1_114_112);
  });

  it('is not there: rejects, and at once when it is aborted', async () => {
    const url = await listen(() => undefined);
    await ends.pop()?.();
    await expect(connect(url)).rejects.toThrow('no connection');
    const transport = new WebSocketClientTransport({ url });
    const events = { message: () => undefined, closed: () => undefined };
    const stop = new AbortController();
    const connecting = transport.connect(events, stop.signal);
    stop.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    await expect(transport.connect(events, stop.signal)).rejects.toThrow('enough');
    expect(() => new WebSocketClientTransport({ url: 'no url' })).not.toThrow();
    await expect(
      (async () =>
        new WebSocketClientTransport({ url: 'no url' }).connect(events, AbortSignal.any([])))(),
    ).rejects.toThrow();
  });
});
