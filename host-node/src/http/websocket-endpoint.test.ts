import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket as Client, type ClientOptions } from 'ws';
import { createLogger } from '../log/logger.ts';
import type { RequestOrigin } from '../raida/origin.ts';
import { HttpServer } from './http-server.ts';

const PAGE = 'http://127.0.0.1:8080';

/** A server whose answers the test gives by hand, or that echoes at once. */
class HeldServer {
  readonly requests: { message: Buffer; origin: RequestOrigin }[] = [];
  echo = true;
  full = false;

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    if (this.full) return false;
    this.requests.push({ message: Buffer.from(message), origin });
    if (message.length < 17) origin.dropped();
    else if (this.echo) origin.reply(message);
    return true;
  }

  answer(index: number): void {
    const { message, origin } = this.requests[index] as HeldServer['requests'][number];
    origin.reply(message);
  }
}

const servers: HttpServer[] = [];
const clients: Client[] = [];
let clockMs = 0;

async function start(origins: readonly string[] = [PAGE, 'none']) {
  const held = new HeldServer();
  const server = new HttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    raida: held,
    readiness: () => ({ ready: true }),
    registry: new Registry(),
    logger: createLogger({ level: 'silent' }),
    origins,
    nowMs: () => clockMs,
  });
  const { port } = await server.open();
  servers.push(server);
  return { held, server, port };
}

/** An open connection, or the HTTP status of the refusal. */
function join(
  port: number,
  options: ClientOptions = {},
  path = '/raida',
): Promise<Client | number> {
  return new Promise((resolve, reject) => {
    const client = new Client(`ws://127.0.0.1:${port}${path}`, options);
    clients.push(client);
    client.on('open', () => resolve(client));
    client.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    client.on('error', reject);
  });
}

async function joined(port: number, options: ClientOptions = {}): Promise<Client> {
  const client = await join(port, options);
  if (typeof client === 'number') throw new Error(`refused: ${client}`);
  return client;
}

function messages(client: Client, count: number): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const list: Buffer[] = [];
    client.on('message', (data) => {
      list.push(data as Buffer);
      if (list.length === count) resolve(list);
    });
  });
}

const closed = (client: Client) =>
  new Promise<number>((resolve) => client.on('close', (code) => resolve(code)));

function requestOf(index: number, bytes = 48): Buffer {
  const message = Buffer.alloc(bytes, 0xa5);
  message.writeUInt32BE(index, 0);
  return message;
}

afterEach(async () => {
  vi.useRealTimers();
  clockMs = 0;
  for (const client of clients.splice(0)) client.terminate();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('WebSocket /raida', () => {
  it('answers one binary message with one', async () => {
    const { held, port } = await start();
    const client = await joined(port);
    const replies = messages(client, 1);
    client.send(requestOf(1));
    expect(await replies).toEqual([requestOf(1)]);
    expect(held.requests[0]?.origin).toMatchObject({
      address: '127.0.0.1',
      local: true,
      datagram: false,
    });
  });

  it('does not take a page for the operator of this machine', async () => {
    const { held, port } = await start();
    const client = await joined(port, { origin: PAGE });
    const replies = messages(client, 1);
    client.send(requestOf(1));
    await replies;
    expect(held.requests[0]?.origin.local).toBe(false);
  });

  it('serves the WebSocket of Node itself', async () => {
    const { port } = await start();
    const client = new WebSocket(`ws://127.0.0.1:${port}/raida`);
    client.binaryType = 'arraybuffer';
    await new Promise((resolve) => client.addEventListener('open', resolve));
    expect(client.extensions).toBe('');
    const reply = new Promise((resolve) =>
      client.addEventListener('message', ({ data }) => resolve(Buffer.from(data))),
    );
    client.send(new Uint8Array(requestOf(7)));
    expect(await reply).toEqual(requestOf(7));
    client.close();
  });

  it.each([
    ['a foreign page', { origin: 'http://evil.example' }, '/raida', 403],
    ['a file or sandboxed page', { origin: 'null' }, '/raida', 403],
    ['a rebound name', { headers: { host: 'evil.example' } }, '/raida', 403],
    ['another port of this host', { headers: { host: '127.0.0.1:1' } }, '/raida', 403],
    ['another path', {}, '/', 404],
    ['a longer path', {}, '/raida/', 404],
  ])('refuses %s', async (_what, options, path, status) => {
    const { port } = await start();
    expect(await join(port, options, path)).toBe(status);
  });

  it('refuses programs when only pages are listed', async () => {
    const { port } = await start([PAGE]);
    expect(await join(port)).toBe(403);
    await joined(port, { origin: PAGE });
  });

  it('closes on text (1003), on what is no request (1007), on too much (1009)', async () => {
    const { port } = await start();
    const text = await joined(port);
    text.send('hello');
    expect(await closed(text)).toBe(1003);
    const short = await joined(port);
    short.send(Buffer.alloc(16));
    expect(await closed(short)).toBe(1007);
    const empty = await joined(port);
    empty.send(Buffer.alloc(0));
    expect(await closed(empty)).toBe(1007);
    const long = await joined(port);
    long.send(Buffer.alloc(48 + 65536));
    expect(await closed(long)).toBe(1009);
  });

  it('takes the longest request there is', async () => {
    const { port } = await start();
    const client = await joined(port);
    const replies = messages(client, 1);
    client.send(requestOf(3, 48 + 65535));
    expect((await replies)[0]).toHaveLength(48 + 65535);
  });

  it('hands over one request at a time and keeps the order', async () => {
    const { held, port } = await start();
    held.echo = false;
    const client = await joined(port);
    const replies = messages(client, 5);
    for (let i = 0; i < 5; i++) client.send(requestOf(i));
    for (let i = 0; i < 5; i++) {
      await vi.waitFor(() => expect(held.requests).toHaveLength(i + 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(held.requests).toHaveLength(i + 1);
      held.answer(i);
    }
    expect(await replies).toEqual([0, 1, 2, 3, 4].map((index) => requestOf(index)));
  });

  it('stops reading a client that runs ahead, and goes on later', async () => {
    const { held, port } = await start();
    held.echo = false;
    const client = await joined(port);
    const count = 400;
    const replies = messages(client, count);
    // 24 MiB: far more than both kernels' buffers hold.
    for (let i = 0; i < count; i++) client.send(requestOf(i, 60_000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(held.requests).toHaveLength(1);
    expect(client.bufferedAmount).toBeGreaterThan(1_000_000);
    held.echo = true;
    held.answer(0);
    const indices = (await replies).map((reply) => reply.readUInt32BE(0));
    expect(indices).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  it('answers a burst of the smallest requests that one read can hold', async () => {
    const { held, port } = await start();
    held.echo = false;
    const client = await joined(port);
    const replies = messages(client, 1700);
    for (let i = 0; i < 1700; i++) client.send(requestOf(i, 32));
    await vi.waitFor(() => expect(held.requests).toHaveLength(1));
    held.echo = true;
    held.answer(0);
    expect((await replies).at(-1)?.readUInt32BE(0)).toBe(1699);
  });

  it('offers a request again while the server is full', async () => {
    const { held, port } = await start();
    held.full = true;
    const client = await joined(port);
    const replies = messages(client, 2);
    client.send(requestOf(0));
    client.send(requestOf(1));
    await new Promise((resolve) => setTimeout(resolve, 30));
    held.full = false;
    expect((await replies).map((reply) => reply.readUInt32BE(0))).toEqual([0, 1]);
  });

  it('survives a client that leaves before its reply', async () => {
    const { held, port } = await start();
    held.echo = false;
    const client = await joined(port);
    client.send(requestOf(0));
    await vi.waitFor(() => expect(held.requests).toHaveLength(1));
    client.terminate();
    await new Promise((resolve) => setTimeout(resolve, 20));
    held.answer(0);
    held.answer(0);
    await joined(port);
  });

  it('answers what it has when it stops, and says goodbye', async () => {
    const { held, server, port } = await start();
    held.echo = false;
    const client = await joined(port);
    const replies = messages(client, 1);
    const code = closed(client);
    client.send(requestOf(0));
    client.send(requestOf(1));
    await vi.waitFor(() => expect(held.requests).toHaveLength(1));
    server.stop();
    expect(await join(port)).toBe(503);
    held.answer(0);
    expect(await replies).toEqual([requestOf(0)]);
    await server.close();
    expect(await code).toBe(1001);
    expect(held.requests).toHaveLength(1);
  });

  it('pings a silent client and cuts one that does not answer', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { port } = await start();
    const alive = await joined(port);
    const dead = await joined(port, { autoPong: false });
    let pings = 0;
    alive.on('ping', () => pings++);
    const cut = closed(dead);
    for (clockMs = 0; clockMs <= 70_000; clockMs += 5_000) {
      vi.advanceTimersByTime(5_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await cut).toBe(1006);
    expect(pings).toBeGreaterThan(0);
    expect(alive.readyState).toBe(Client.OPEN);
  });
});
