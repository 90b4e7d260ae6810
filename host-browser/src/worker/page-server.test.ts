import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchDemoCoins, fetchNetwork, registerDemoDevice } from './page-server.ts';

const servers = [{ raidaId: 3, url: 'ws://127.0.0.1:9103/raida' }];
let answer: (response: ServerResponse, path: string, method: string) => void;
let server: Server;
const nodeFetch = globalThis.fetch;

// A page resolves paths against its own address; Node has none, so this gives it one.
beforeAll(async () => {
  server = createServer((request, response) =>
    answer(response, request.url ?? '', request.method ?? ''),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  globalThis.fetch = (path, options) => nodeFetch(`http://127.0.0.1:${port}${path}`, options);
});

afterAll(() => {
  globalThis.fetch = nodeFetch;
  server.close();
});

it('reads the network, and whether there are demo coins', async () => {
  for (const [demo, wanted] of [
    [true, true],
    [false, false],
    [undefined, false],
    ['yes', false],
  ]) {
    answer = (response) =>
      void response.end(JSON.stringify({ wire: 'spec', coinId: 6, demo, servers }));
    expect(await fetchNetwork()).toEqual({ wire: 'spec', coinId: 6, demo: wanted, servers });
  }
});

it('reads to what the page may connect; what is no list of addresses is not known', async () => {
  const network = { wire: 'spec', coinId: 6, demo: false, servers };
  const reachable = ['ws://127.0.0.1:1/ratatoskr', 'wss://example.org/'];
  answer = (response) => void response.end(JSON.stringify({ ...network, reachable }));
  expect(await fetchNetwork()).toEqual({ ...network, reachable });
  for (const wrong of ['wss://example.org/', ['no address'], [7], Array(65).fill(reachable[0])]) {
    answer = (response) => void response.end(JSON.stringify({ ...network, reachable: wrong }));
    expect(await fetchNetwork()).toEqual(network);
  }
});

it('reads the relay; one that is wrong is none', async () => {
  const network = { wire: 'spec', coinId: 6, demo: false, servers };
  answer = (response) =>
    void response.end(JSON.stringify({ ...network, relay: 'ws://127.0.0.1:1' }));
  expect(await fetchNetwork()).toEqual({ ...network, relay: 'ws://127.0.0.1:1/relay' });
  for (const wrong of ['http://x/', 7, null, `wss://x#${'0'.repeat(63)}`]) {
    answer = (response) => void response.end(JSON.stringify({ ...network, relay: wrong }));
    expect(await fetchNetwork()).toEqual(network);
  }
});

it('reads the Ratatoskr endpoint; one that is wrong is none', async () => {
  const ratatoskr = { url: 'ws://127.0.0.1:1/ratatoskr', serverKey: 'ab'.repeat(32) };
  const network = { wire: 'spec', coinId: 6, demo: false, servers };
  answer = (response) => void response.end(JSON.stringify({ ...network, ratatoskr }));
  expect(await fetchNetwork()).toEqual({ ...network, ratatoskr });
  for (const wrong of [{ ...ratatoskr, serverKey: 'ab' }, { url: 'http://x/' }, 7]) {
    answer = (response) => void response.end(JSON.stringify({ ...network, ratatoskr: wrong }));
    expect(await fetchNetwork()).toEqual(network);
  }
});

it('registers a device with a POST', async () => {
  const asked: string[] = [];
  answer = (response, path, method) => {
    asked.push(`${method} ${path}`);
    response.end('{}');
  };
  await registerDemoDevice({ id: 'a b', user: 'ann&', publicKeyHex: 'ab' });
  expect(asked).toEqual(['POST /demo/device?device=a+b&user=ann%26&key=ab']);
  answer = (response) => void response.writeHead(400).end();
  const device = { id: 'a', user: 'ann', publicKeyHex: 'ab' };
  await expect(registerDemoDevice(device)).rejects.toThrow('refused the request (400)');
});

it('refuses what is no network, what is too long, and every status but success', async () => {
  answer = (response) => void response.end('<!doctype html>');
  await expect(fetchNetwork()).rejects.toMatchObject({ code: 'ANDVARI_NETWORK' });
  answer = (response) => void response.end(Buffer.alloc(64 * 1024 + 1, 0x20));
  await expect(fetchNetwork()).rejects.toThrow('more than 65536 bytes');
  answer = (response) => void response.writeHead(404).end();
  await expect(fetchNetwork()).rejects.toThrow('refused the request (404)');
  const busy = { 'content-type': 'text/plain; charset=utf-8' };
  answer = (response) => void response.writeHead(503, busy).end('All demo coins are gone.\n');
  await expect(fetchDemoCoins()).rejects.toThrow(/^All demo coins are gone\.$/);
  answer = (response) => void response.writeHead(500, busy).end('at line 12');
  await expect(fetchDemoCoins()).rejects.toThrow('refused the request (500)');
  answer = (response) => void response.writeHead(302, { location: '/other' }).end();
  await expect(fetchNetwork()).rejects.toMatchObject({ code: 'ANDVARI_PAGE_SERVER' });
  answer = (response) => void response.destroy();
  await expect(fetchNetwork()).rejects.toThrow('does not answer');
});

it('takes demo coins with a POST', async () => {
  const coins = Uint8Array.from({ length: 439 }, (_, index) => index & 255);
  answer = (response, path, method) =>
    void (path === '/demo/coins' && method === 'POST'
      ? response.end(coins)
      : response.writeHead(405).end());
  expect(await fetchDemoCoins()).toEqual(coins);
});

it('reads how the servers see each other; what is no list of peers is not known', async () => {
  const network = { wire: 'spec', coinId: 6, demo: false, servers };
  const quiet = { raidaId: 3, verified: 7, others: 24 };
  const countRoot = 'cd'.repeat(32);
  const status = { version: '20261121', countRoot, load: 12, ageMs: 3400 };
  const told = [quiet, { ...quiet, raidaId: 4, ...status }];
  answer = (response) => void response.end(JSON.stringify({ ...network, peers: told }));
  const peers = [quiet, { ...quiet, raidaId: 4, status }];
  expect(await fetchNetwork()).toEqual({ ...network, peers });
  const wrong = [
    ...[7, null, {}, [7], [quiet, quiet], [{ ...quiet, verified: -1 }], [{ raidaId: 3 }]],
    ...[[{ ...quiet, ...status, version: '<b>' }], [{ ...quiet, version: '1' }]],
    ...['<b>', 'cd', 'CD'.repeat(32), 7, null, [countRoot], undefined].map((root) => [
      { ...quiet, ...status, countRoot: root },
    ]),
    Array.from({ length: 26 }, (_, raidaId) => ({ ...quiet, raidaId })),
  ];
  for (const one of wrong) {
    answer = (response) => void response.end(JSON.stringify({ ...network, peers: one }));
    expect(await fetchNetwork()).toEqual(network);
  }
});
