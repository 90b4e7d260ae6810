import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { readPageFiles } from './page-files.ts';
import {
  contentSecurityPolicy,
  DemoCoinsExhaustedError,
  PageServer,
  type PageServerOptions,
} from './page-server.ts';

const network: RaidaNetwork = {
  wire: 'spec',
  coinId: 6,
  servers: [
    { raidaId: 0, url: 'ws://127.0.0.1:9100/raida' },
    { raidaId: 1, url: 'wss://raida1.example/raida' },
    { raidaId: 2, url: 'udp://127.0.0.1:25002' },
  ],
};
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "img-src 'self' data:; " +
  "connect-src 'self' ws://127.0.0.1:9100/raida wss://raida1.example/raida; " +
  "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let directory = '';
const servers: PageServer[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-page-'));
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>wallet</title>');
  writeFileSync(join(directory, 'favicon.svg'), '<svg/>');
  writeFileSync(join(directory, 'assets/index-B1cD_f-8.js'), 'export {}');
  writeFileSync(join(directory, 'assets/engine.wasm'), Uint8Array.of(0, 97, 115, 109));
  writeFileSync(join(directory, '.secret.json'), '{}');
  writeFileSync(join(directory, 'notes.xyz'), 'unknown kind');
  symlinkSync('/etc/passwd', join(directory, 'passwd.txt'));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  rmSync(directory, { recursive: true });
});

async function start(options: Partial<PageServerOptions> = {}) {
  const server = new PageServer({
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ level: 'silent' }),
    ...{ directory, ...options },
  });
  servers.push(server);
  const { port } = await server.open();
  const ask = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
      (resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts).toString('latin1'),
            }),
          );
        });
        sent.on('error', reject);
        sent.end();
      },
    );
  return { server, port, ask };
}

describe('PageServer', () => {
  it('serves the page with the whole policy', async () => {
    const { server, ask } = await start();
    server.publish(network);
    const page = await ask('/');
    expect(page.status).toBe(200);
    expect(page.body).toContain('<title>wallet</title>');
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
  });

  it('lets browsers keep what has its hash in its name, and ask again for the rest', async () => {
    const { server, ask } = await start();
    server.publish(network);
    const script = await ask('/assets/index-B1cD_f-8.js');
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8');
    const wasm = await ask('/assets/engine.wasm');
    expect(wasm.headers).toMatchObject({
      'content-type': 'application/wasm',
      'cache-control': 'no-cache',
    });
    const again = await ask('/assets/engine.wasm', 'GET', {
      'if-none-match': String(wasm.headers.etag),
    });
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  it.each([
    '/index.html',
    '/assets',
    '/assets/',
    '/assets/../index.html',
    '/assets/%2e%2e/index.html',
    '/.secret.json',
    '/passwd.txt',
    '/notes.xyz',
    '//etc/passwd',
    '/../../../package.json',
  ])('does not serve %s', async (path) => {
    const { server, ask } = await start();
    server.publish(network);
    expect((await ask(path)).status).toBe(404);
  });

  it('describes the network', async () => {
    const { server, ask } = await start();
    server.publish(network);
    const answer = await ask('/network.json');
    expect(JSON.parse(answer.body)).toEqual({ ...network, demo: false, reachable: [] });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('tells how the servers see each other, as it is when somebody asks', async () => {
    const { server, ask } = await start();
    const told = async () => JSON.parse((await ask('/network.json')).body).peers;
    const quiet = { raidaId: 0, verified: 0, others: 24 };
    const status = { version: '20261121', countRoot: 'ab'.repeat(32), load: 5, ageMs: 70 };
    const heard = { ...quiet, verified: 24, ...status };
    let peers: object[] = [quiet];
    server.publish(network, { peers: () => peers as [typeof heard] });
    expect(await told()).toEqual([quiet]);
    peers = [{ ...heard, coins: 9, refused: 1 }];
    expect(await told()).toEqual([heard]);
    for (const name of Object.keys(status)) {
      peers = [{ ...heard, [name]: undefined }];
      expect(await told()).toEqual([{ ...quiet, verified: 24 }]);
    }
  });

  it('lets the page connect to its own endpoints and to those of its operator alone', async () => {
    const { server, ask } = await start({ connect: ['wss://example.org/r', 'https://e.example/'] });
    const url = 'ws://127.0.0.1:9/ratatoskr';
    const webTransport = { url: 'https://127.0.0.1:9/ratatoskr', certificateHashes: [] };
    const relay = 'ws://127.0.0.1:8/relay';
    const ratatoskr = () => ({ url, serverKey: 'ab'.repeat(32), webTransport });
    server.publish(network, { ratatoskr, relay });
    const policy = String((await ask('/')).headers['content-security-policy']);
    const wanted = [url, webTransport.url, relay, 'wss://example.org/r', 'https://e.example/'];
    expect(policy).toContain(`wss://raida1.example/raida ${wanted.join(' ')}; worker-src`);
    const told = JSON.parse((await ask('/network.json')).body);
    expect(told).toMatchObject({ reachable: wanted, relay });
  });

  it('says so while the network starts, and when the page was not built', async () => {
    const { server, ask } = await start({ directory: join(directory, 'nowhere') });
    expect(await ask('/network.json')).toMatchObject({
      status: 503,
      body: 'the network is starting\n',
    });
    expect((await ask('/demo/coins', 'POST')).status).toBe(503);
    server.publish(network);
    expect(server.built).toBe(false);
    expect((await ask('/')).body).toContain('npm run build');
    expect((await ask('/network.json')).status).toBe(200);
  });

  it('refuses a rebound name', async () => {
    const { server, port, ask } = await start();
    server.publish(network);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.2:${port}`]) {
      expect((await ask('/', 'GET', { host })).status).toBe(403);
    }
    expect((await ask('/', 'GET', { host: `localhost:${port}` })).status).toBe(200);
  });

  it('gives demo coins to its own page and to programs, and to no other page', async () => {
    let taken = 0;
    const take = () => {
      if (taken === 2) throw new DemoCoinsExhaustedError();
      taken++;
      return { name: `demo ${taken}.bin`, bytes: Uint8Array.of(9, 1, taken) };
    };
    const { server, port, ask } = await start({ takeDemoCoins: take });
    server.publish(network);
    expect(JSON.parse((await ask('/network.json')).body).demo).toBe(true);
    expect((await ask('/demo/coins')).status).toBe(405);
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: `http://127.0.0.1:${port + 1}` },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      expect((await ask('/demo/coins', 'POST', headers)).status).toBe(403);
    }
    expect(taken).toBe(0);
    const first = await ask('/demo/coins', 'POST', { origin: `http://127.0.0.1:${port}` });
    expect(first).toMatchObject({ status: 200, body: '\u0009\u0001\u0001' });
    expect(first.headers['content-disposition']).toBe('attachment; filename="demo 1.bin"');
    expect((await ask('/demo/coins', 'POST')).body).toBe('\u0009\u0001\u0002');
    const last = await ask('/demo/coins', 'POST');
    expect(last.status).toBe(503);
    expect(last.body).toContain('handed out');
  });

  it('has no demo coins without a stock', async () => {
    const { server, ask } = await start();
    server.publish(network);
    expect((await ask('/demo/coins', 'POST')).status).toBe(404);
  });

  it('lets a page meet the servers as peers, and nobody else', async () => {
    const came: string[] = [];
    const registerDemoPeer: PageServerOptions['registerDemoPeer'] = async ({ peerId, key }) => {
      if (peerId === 'nobody') throw new RangeError('no peer id');
      came.push(`${peerId} ${key.length}`);
    };
    const { server, ask } = await start({ registerDemoPeer });
    const key = 'ab'.repeat(32);
    const nodes = [
      { raidaId: 0, address: '/ip4/127.0.0.1/tcp/9225/ws/p2p/12D3', key },
      { raidaId: 1, address: '/dns4/raida1.example/tcp/443/tls/ws/p2p/12D3', key },
      { raidaId: 2, address: '/ip4/127.0.0.1/tcp/9227/p2p/12D3', key },
    ];
    const peerNetwork = { networkName: 'andvari', instanceId: 'test', nodes };
    server.publish(network, { peerNetwork });
    expect(JSON.parse((await ask('/network.json')).body)).toMatchObject({ peerNetwork });
    const policy = String((await ask('/')).headers['content-security-policy']);
    expect(policy).toContain(
      'raida1.example/raida ws://127.0.0.1:9225/ wss://raida1.example/; worker-src',
    );
    const post = (words: string, headers = {}) => ask(`/demo/peer?${words}`, 'POST', headers);
    expect(await post(`peer=12D3&key=${key}`)).toMatchObject({ status: 200 });
    const origin = { origin: 'https://evil.example' };
    expect(await post(`peer=12D3&key=${key}`, origin)).toMatchObject({ status: 403 });
    expect(await post(`peer=nobody&key=${key}`)).toMatchObject({ status: 400 });
    expect(await post('peer=12D3&key=ab')).toMatchObject({ status: 400 });
    expect(came).toEqual(['12D3 32']);
  });

  it('has no peers where there are none', async () => {
    const { server, ask } = await start();
    server.publish(network);
    expect((await ask(`/demo/peer?peer=12D3&key=${'ab'.repeat(32)}`, 'POST')).status).toBe(404);
    expect(JSON.parse((await ask('/network.json')).body).peerNetwork).toBeUndefined();
  });
});

describe('contentSecurityPolicy', () => {
  it('cannot be widened by a URL', () => {
    const evil = { raidaId: 0, url: "ws://a.example/x;script-src 'unsafe-inline',y" };
    const policy = contentSecurityPolicy({ ...network, servers: [evil] });
    expect(policy.match(/script-src/g)).toHaveLength(2);
    expect(policy.split('; ')).toHaveLength(9);
    expect(policy).toContain("ws://a.example/x%3Bscript-src%20'unsafe-inline'%2Cy; worker-src");
  });
});

describe('readPageFiles', () => {
  it('knows the page and its files, and nothing of a folder that is not there', () => {
    expect([...readPageFiles(directory).keys()].sort()).toEqual([
      '/',
      '/assets/engine.wasm',
      '/assets/index-B1cD_f-8.js',
      '/favicon.svg',
    ]);
    expect(readPageFiles(join(directory, 'nowhere')).size).toBe(0);
  });
});
