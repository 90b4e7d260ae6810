// Which certificates Node's wss takes by their hash.
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { makeCertificate } from '../webtransport/certificate-der.ts';
import { expired, good } from '../webtransport/testing/chain-certificates.ts';
import { certificates } from './testing/certificates.ts';
import { WsClientTransport } from './ws-client-transport.ts';

const DAY_MS = 24 * 3_600_000;
const hashOf = (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest();
const events = { message: () => {}, closed: () => {} };

const atEnd = closedAfterEach();

/** What comes of a server with this certificate (undefined: in clear), by these hashes. */
async function meet(
  certificate: { cert: string; key: string } | undefined,
  certificateHashes: Uint8Array[],
): Promise<string> {
  const server = certificate ? createServer(certificate) : createPlainServer();
  const sockets = new WebSocketServer({ server });
  const received: unknown[] = [];
  sockets.on('connection', (socket) => socket.on('message', (data) => received.push(data)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    for (const socket of sockets.clients) socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const url = `${certificate ? 'wss' : 'ws'}://127.0.0.1:${port}/`;
  const transport = new WsClientTransport({ url, certificateHashes });
  try {
    const channel = await transport.connect(events, AbortSignal.timeout(5_000));
    atEnd(() => channel.close(1000, ''));
    return 'taken';
  } catch (error) {
    expect(received).toEqual([]);
    expect(error).toMatchObject({ code: 'ANDVARI_CERTIFICATE_REFUSED' });
    return (error as Error).message.replace(/.* not to be trusted: /, '');
  }
}

const make = (fromMs: number, toMs: number) =>
  makeCertificate({
    hosts: ['elsewhere.test'],
    ...{ notBeforeMs: Date.now() + fromMs, notAfterMs: Date.now() + toMs },
  });

it.each([
  ['one for a hundred years', certificates[0]],
  ['one that an authority has signed', good],
  ['one for another name', make(-DAY_MS, DAY_MS)],
  ['one for fifteen days', make(-DAY_MS, 14 * DAY_MS)],
])('takes by its hash %s', async (_, certificate) => {
  expect(await meet(certificate, [hashOf(certificate.cert)])).toBe('taken');
  const two = [new Uint8Array(32), hashOf(certificate.cert)];
  expect(await meet(certificate, two)).toBe('taken');
  const other = await meet(certificate, [new Uint8Array(32)]);
  expect(other).toBe('its hash is not the one that is meant');
});

it.each([
  ['has expired', make(-2 * DAY_MS, -1000), 'it has expired'],
  ['has expired long ago', expired, 'it has expired'],
  ['is not valid yet', make(60_000, DAY_MS), 'it is not valid yet'],
])('refuses the very one if it %s', async (_, certificate, why) => {
  expect(await meet(certificate, [hashOf(certificate.cert)])).toBe(why);
});

it('refuses a server in clear, which has shown none', async () => {
  expect(await meet(undefined, [new Uint8Array(32)])).toBe('it has shown none');
});
