// Where `andvari ratatoskr call` goes: by which transport the server was reached.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificates as plain } from '../ratatoskr/testing/certificates.ts';
import { RatatoskrPlace, TestClock } from '../ratatoskr/testing/ratatoskr-place.ts';
import { WebTransportListener } from '../ratatoskr/webtransport-listener.ts';
import { type CertificateSource, SelfMadeCertificates } from '../webtransport/certificates.ts';
import { authority, good } from '../webtransport/testing/chain-certificates.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { runCli } from './testing/cli-network.ts';

class RealClock extends TestClock {
  override wallMs(): number {
    return Date.now();
  }
}

let directory = '';
const ends: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-ratatoskr-'));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(directory, { recursive: true });
});

const path = (name: string) => join(directory, name);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

interface StartOptions {
  certificates?: CertificateSource;
  tls?: boolean;
}

/** A server with WebTransport on the UDP port of the same number, and a device that it knows. */
async function start({
  certificates = new SelfMadeCertificates(['localhost'], Date.now()),
  tls = false,
}: StartOptions = {}) {
  const place = await RatatoskrPlace.start({ clock: new RealClock(), refuseBeforeS: 0, tls });
  ends.push(() => place.close());
  let sessions = 0;
  const listener = new WebTransportListener({
    listen: { host: '127.0.0.1', port: Number(new URL(place.url).port) },
    accept: (channel) => {
      sessions++;
      return place.server.accept(channel);
    },
    certificates,
  });
  await listener.open();
  ends.push(() => listener.close());
  const { out } = await runCli(['ratatoskr', 'keygen', path('device.key')]);
  const publicKey = Uint8Array.from(Buffer.from(out.trim(), 'hex'));
  place.registry.register({ deviceId: 'laptop', publicKey, userIds: ['ann'] });
  writeFileSync(path('request.json'), '{"n":1}');
  /** Exit code, standard output and error, and sessions that came over WebTransport. */
  const call = async (url: string, ...more: string[]) => {
    sessions = 0;
    const {
      code,
      out: answer,
      err,
    } = await runCli([
      ...['ratatoskr', 'call', url, path('request.json')],
      ...['--key', path('device.key'), '--device', 'laptop', '--user', 'ann'],
      ...more,
    ]);
    return { code, answer, err, sessions };
  };
  const hash = hexOf(listener.certificateHashes[0] ?? new Uint8Array(32));
  const webTransportUrl = place.url.replace(/^wss?:/, 'https:');
  return { place, listener, call, hash, webTransportUrl };
}

const answered = (sessions: number) => ({ code: 0, answer: '{"n":1}\n', sessions });
const other = '00'.repeat(32);

describe.runIf(quicAvailable)('andvari ratatoskr call', () => {
  it('https://: WebTransport, by a certificate hash', async () => {
    const { call, hash, webTransportUrl } = await start();
    expect(await call(webTransportUrl, '--certificate-hash', hash)).toMatchObject(answered(1));
    const two = ['--certificate-hash', other, '--certificate-hash', hash];
    expect(await call(webTransportUrl, ...two)).toMatchObject(answered(1));
    const wrong = await call(webTransportUrl, '--certificate-hash', other);
    expect(wrong).toMatchObject({ code: 2, answer: '', sessions: 0 });
    expect(wrong.err).toMatch(/^andvari: webtransport: .*its hash is not .*UNREACHABLE\)\n$/);
    const nobody = await call(webTransportUrl);
    expect(nobody).toMatchObject({ code: 2, sessions: 0 });
    expect(nobody.err).toContain('no authority that is trusted has signed it');
  });

  it('https://: WebTransport, by an authority', async () => {
    const certificate = { ...good, hash: new Uint8Array(32) };
    const certificates = { current: () => certificate, hashes: () => [] };
    const { call, webTransportUrl } = await start({ certificates });
    writeFileSync(path('ca.pem'), authority);
    expect(await call(webTransportUrl, '--ca', path('ca.pem'))).toMatchObject(answered(1));
    expect(await call(webTransportUrl)).toMatchObject({ code: 2, sessions: 0 });
  });

  it('ws:// and wss://: WebTransport where it can be trusted, else WebSocket', async () => {
    const { place, call, hash } = await start();
    expect(await call(place.url, '--certificate-hash', hash)).toMatchObject(answered(1));
    const plain = await call(place.url);
    expect(plain).toMatchObject(answered(0));
    expect(plain.err).toMatch(/answered by websocket in /);
    // In clear, no certificate is the one that is meant.
    const wrong = await call(place.url, '--certificate-hash', other);
    expect(wrong).toMatchObject({ code: 2, sessions: 0 });
    expect(wrong.err).toMatch(/webtransport: .*; websocket: .*it has shown none/);
  });

  it('wss:// without WebTransport: WebSocket', async () => {
    const { place, listener, call } = await start({ tls: true });
    writeFileSync(path('ca.pem'), plain[0].cert);
    expect(await call(place.url, '--ca', path('ca.pem'))).toMatchObject(answered(0));
    await listener.close();
    expect(await call(place.url, '--ca', path('ca.pem'))).toMatchObject(answered(0));
  });

  describe('the address of a description', () => {
    let http: Server | undefined;
    async function serve(status: number, body: string): Promise<string> {
      http = createServer((_request, response) => response.writeHead(status).end(body));
      const server = http.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      ends.push(() => new Promise((resolve) => server.close(resolve)));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/network.json`;
    }

    it('gives URLs, hashes and key', async () => {
      const { place, call, hash, webTransportUrl } = await start();
      const describe = (serverKey: string, hashes: string[]) =>
        serve(
          200,
          JSON.stringify({
            ratatoskr: {
              ...{ url: place.url, serverKey },
              webTransport: { url: webTransportUrl, certificateHashes: hashes },
            },
          }),
        );
      const key = hexOf(place.server.publicKey as Uint8Array);
      const first = await call(await describe(key, [hash]), '--json');
      expect([first.code, first.sessions, JSON.parse(first.answer)]).toMatchObject([
        ...[0, 1, { signed: true, transport: 'webtransport', answer: { n: 1 } }],
      ]);
      expect(await call(await describe(key, [other]))).toMatchObject(answered(0));
      // Another server's key: its answers are not signed by it.
      const { out } = await runCli(['ratatoskr', 'keygen', path('other.key')]);
      expect(await call(await describe(out.trim(), [hash]))).toMatchObject({ code: 3 });
    });

    it.each([
      ['answers 404', 404, ''],
      ['wanted the description of a network as JSON', 200, '{'],
      ['has no Ratatoskr endpoint', 200, '{}'],
      ['wanted a ws:// or wss:// address', 200, '{"ratatoskr":{"url":"ftp://a"}}'],
      ['longer than 1 MiB', 200, 'x'.repeat(1_048_577)],
    ])('is refused: %s', async (why, status, body) => {
      const { call } = await start();
      const { code, err } = await call(await serve(status, body));
      expect([code, err]).toEqual([1, expect.stringContaining(why)]);
      expect(err).toContain('(ANDVARI_INPUT)');
    });
  });
});
