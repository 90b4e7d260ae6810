import { request } from 'node:http';
import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import type { SocketAddress } from '../io/packet-io.ts';
import { createLogger } from '../log/logger.ts';
import { HttpServer, type RatatoskrPage } from './http-server.ts';

const open: HttpServer[] = [];
let ratatoskr: RatatoskrPage | undefined;
let readiness: { ready: boolean; reason?: string } = { ready: true };

async function start(listen: SocketAddress = { host: '127.0.0.1', port: 0 }) {
  const server = new HttpServer({
    listen,
    raida: { submit: () => false },
    readiness: () => readiness,
    registry: new Registry(),
    logger: createLogger({ level: 'silent' }),
    hosts: ['node.example'],
    origins: ['none'],
    ...(ratatoskr && { ratatoskr }),
  });
  const address = await server.open();
  open.push(server);
  return address;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

function ask(
  { port }: SocketAddress,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Everything that comes back for some raw bytes, until the server closes. */
function raw({ port }: SocketAddress, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

afterEach(async () => {
  readiness = { ready: true };
  ratatoskr = undefined;
  await Promise.all(open.splice(0).map((server) => server.close()));
});

describe('HttpServer', () => {
  it('says that it lives and that it is ready', async () => {
    const address = await start();
    expect(await ask(address, '/healthz')).toMatchObject({ status: 200, body: 'alive\n' });
    const ready = await ask(address, '/readyz?verbose');
    expect(ready).toMatchObject({ status: 200, body: '{"ready":true}\n' });
    expect(ready.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
  });

  it('tells programs and listed pages alone of the Ratatoskr endpoint, as it is now', async () => {
    expect(await ask(await start(), '/ratatoskr.json')).toMatchObject({ status: 404 });
    let now = { url: 'wss://a/ratatoskr', serverKey: 'ab' };
    const asked: unknown[] = [];
    const describe = (host?: string) => {
      asked.push(host);
      return now.url === '' ? undefined : now;
    };
    ratatoskr = { origins: ['https://page.example', 'none'], describe };
    const address = await start();
    const fetchFrom = (headers: Record<string, string>) =>
      ask(address, '/ratatoskr.json', { headers });
    const plain = await fetchFrom({});
    expect(plain).toMatchObject({ status: 200, body: `${JSON.stringify({ ratatoskr: now })}\n` });
    expect(plain.headers['access-control-allow-origin']).toBeUndefined();
    now = { ...now, url: 'wss://b/ratatoskr' };
    const page = await fetchFrom({ origin: 'https://page.example' });
    expect(JSON.parse(page.body)).toEqual({ ratatoskr: now });
    expect(page.headers).toMatchObject({
      'access-control-allow-origin': 'https://page.example',
      ...{ vary: 'Origin', 'cache-control': 'no-store' },
    });
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1']);
    for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }]) {
      const answer = await fetchFrom(headers as unknown as Record<string, string>);
      expect(answer.status).toBe(403);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
    now = { ...now, url: '' };
    expect((await fetchFrom({})).status).toBe(503);
  });

  it('says why it is not ready, and lives on', async () => {
    const address = await start();
    readiness = { ready: false, reason: 'the store refuses commits: disk full' };
    expect(await ask(address, '/readyz')).toMatchObject({
      status: 503,
      body: '{"ready":false,"reason":"the store refuses commits: disk full"}\n',
    });
    expect(await ask(address, '/healthz')).toMatchObject({ status: 200 });
  });

  it('prints its metrics and those of the process', async () => {
    const address = await start();
    const { status, headers, body } = await ask(address, '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toContain('andvari_ready 1\n');
    expect(body).toContain('andvari_websocket_connections 0\n');
    expect(body).toContain('process_resident_memory_bytes');
  });

  it('answers HEAD without a body', async () => {
    const address = await start();
    expect(await ask(address, '/healthz', { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
    });
  });

  it.each([
    ['/', 'GET', 404],
    ['/healthz/', 'GET', 404],
    ['/../healthz', 'GET', 404],
    ['/%68ealthz', 'GET', 404],
    ['/healthz', 'POST', 405],
    ['/metrics', 'DELETE', 405],
    ['/raida', 'GET', 426],
  ])('%s by %s is %i', async (path, method, status) => {
    const address = await start();
    const answer = await ask(address, path, { method });
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain(' at ');
    if (status === 405) expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('refuses a Host by name that is not listed (DNS rebinding)', async () => {
    const address = await start();
    const host = (name: string) => ask(address, '/metrics', { headers: { host: name } });
    expect((await host('rebound.example')).status).toBe(403);
    expect((await host('node.example')).status).toBe(200);
    expect((await host(`localhost:${address.port}`)).status).toBe(200);
    expect(await raw(address, 'GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 403 /,
    );
  });

  it('takes no bodies', async () => {
    const address = await start();
    const large = { method: 'POST', body: 'x'.repeat(2000) };
    expect(await ask(address, '/healthz', large)).toMatchObject({ status: 413 });
    const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'x' };
    expect(await ask(address, '/healthz', chunked)).toMatchObject({ status: 413 });
  });

  it('refuses what is not HTTP, and headers without end', async () => {
    const address = await start();
    expect(await raw(address, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    const headers = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`;
    expect(await raw(address, headers)).toMatch(/^HTTP\/1.1 400 /);
  });

  it('names the port that is in use', async () => {
    const address = await start();
    await expect(start(address)).rejects.toMatchObject({
      code: 'ANDVARI_PORT_IN_USE',
      message: expect.stringContaining(`port ${address.port} on 127.0.0.1`),
    });
  });

  it('names an address that is not of this machine', async () => {
    await expect(start({ host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'ANDVARI_ADDRESS',
      message: expect.stringContaining('192.0.2.1'),
    });
  });
});
