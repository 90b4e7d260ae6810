// Where `andvari ratatoskr call` goes: by which transport the server was reached.
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type BothOptions, bothTransportsForTests } from '../ratatoskr/testing/both-transports.ts';
import { certificates as plain } from '../ratatoskr/testing/certificates.ts';
import { RealClock } from '../ratatoskr/testing/real-clock.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { folderForTests } from '../testing/folder.ts';
import { authority, good } from '../webtransport/testing/chain-certificates.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { runCli } from './testing/cli-network.ts';
import { callerOf } from './testing/device-caller.ts';

const folder = folderForTests('ratatoskr');
const startBoth = bothTransportsForTests();
const atEnd = closedAfterEach();

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A server with WebTransport on the UDP port of the same number, and a device that it knows. */
async function start(options: BothOptions = {}) {
  const real = { clock: new RealClock(), refuseBeforeS: 0, samePort: true };
  const { place, listener, webTransportUrl, sessions } = await startBoth({ ...real, ...options });
  const wordsOf = await callerOf(place, folder);
  /** Exit code, standard output and error, and sessions that came over WebTransport. */
  const call = async (url: string, ...more: string[]) => {
    const before = sessions();
    const { code, out: answer, err } = await runCli(wordsOf(url, ...more));
    return { code, answer, err, sessions: sessions() - before };
  };
  const hash = hexOf(listener.certificateHashes[0] ?? new Uint8Array(32));
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
    writeFileSync(folder.at('ca.pem'), authority);
    expect(await call(webTransportUrl, '--ca', folder.at('ca.pem'))).toMatchObject(answered(1));
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
    writeFileSync(folder.at('ca.pem'), plain[0].cert);
    expect(await call(place.url, '--ca', folder.at('ca.pem'))).toMatchObject(answered(0));
    await listener.close();
    expect(await call(place.url, '--ca', folder.at('ca.pem'))).toMatchObject(answered(0));
  });

  describe('the address of a description', () => {
    let http: Server | undefined;
    async function serve(status: number, body: string): Promise<string> {
      http = createServer((_request, response) => response.writeHead(status).end(body));
      const server = http.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      atEnd(() => new Promise((resolve) => server.close(resolve)));
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
      const { out } = await runCli(['ratatoskr', 'keygen', folder.at('other.key')]);
      expect(await call(await describe(out.trim(), [hash]))).toMatchObject({ code: 3 });
    });

    it.each([
      ['answers 404', 404, ''],
      ['wanted the description of a network as JSON', 200, '{'],
      ['has no Ratatoskr endpoint', 200, '{}'],
      ['wanted a ws:// or wss:// address', 200, '{"ratatoskr":{"url":"ftp://a"}}'],
      ['longer than 1 MiB', 200, 'x'.repeat(1_048_577)],
      [
        'in clear, and not on this machine',
        200,
        `{"ratatoskr":{"url":"ws://192.0.2.1:1/ratatoskr","serverKey":"${other}"}}`,
      ],
    ])('is refused: %s', async (why, status, body) => {
      const { call } = await start();
      const { code, err } = await call(await serve(status, body));
      expect([code, err]).toEqual([1, expect.stringContaining(why)]);
      expect(err).toContain('(ANDVARI_INPUT)');
    });

    it('that nobody serves, or that does not come in time, is no wrong input', async () => {
      const { call } = await start();
      const silent = createServer(() => {}).listen(0, '127.0.0.1');
      await new Promise((resolve) => silent.once('listening', resolve));
      atEnd(() => new Promise((resolve) => silent.close(resolve).closeAllConnections()));
      const { port } = silent.address() as AddressInfo;
      const late = await call(`http://127.0.0.1:${port}/network.json`, '--timeout', '300');
      expect(late).toMatchObject({ code: 2, err: expect.stringContaining('ANDVARI_TIMEOUT') });
      const nobody = await call('http://127.0.0.1:1/network.json');
      expect(nobody).toMatchObject({ code: 2, err: expect.stringContaining('UNREACHABLE') });
    });
  });
});
