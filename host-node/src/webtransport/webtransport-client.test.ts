// Node's WebTransport: to our server, and to servers that break rules.

import { createHash, X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { makeCertificate } from './certificate-der.ts';
import { SelfMadeCertificates } from './certificates.ts';
import { Http3Code } from './http3-error.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitGoaway,
  emitHeaders,
  emitTlv,
} from './http3-frames.ts';
import { authority, elsewhere, expired, good } from './testing/chain-certificates.ts';
import { EchoServer } from './testing/echo-server.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { type Script, ScriptedServer } from './testing/scripted-server.ts';
import { concatBytes } from './varint.ts';
import { NodeWebTransport, type NodeWebTransportOptions } from './webtransport-client.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const DAY_MS = 24 * 3_600_000;

const atEnd = closedAfterEach();

function open(url: string, options?: NodeWebTransportOptions): NodeWebTransport {
  const session = new NodeWebTransport(url, options);
  atEnd(() => session.close());
  return session;
}

const hashOf = (source: { hash: Uint8Array }) => ({
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Uint8Array.from(source.hash) }],
});

/** What a promise rejects with. */
const faultOf = (promise: Promise<unknown>): Promise<Error & { code?: string }> =>
  promise.then(
    () => new Error('it did not fail'),
    (error) => error,
  );

it.runIf(quicAvailable)('takes https: addresses and SHA-256 alone', async () => {
  for (const url of ['http://localhost/', 'no address', 'https://localhost/#part']) {
    expect(() => new NodeWebTransport(url)).toThrow(SyntaxError);
  }
  const value = new Uint8Array(31);
  const options = { serverCertificateHashes: [{ algorithm: 'sha-256', value }] };
  expect(() => new NodeWebTransport('https://localhost/', options)).toThrow(SyntaxError);
});

it('says where there is no QUIC', async () => {
  const session = open('https://localhost:1/', { platform: 'plan9-mips' });
  const { code } = await faultOf(session.ready);
  expect(code).toBe('ANDVARI_WEBTRANSPORT_UNAVAILABLE');
  expect((await faultOf(session.closed)).code).toBe(code);
});

describe.runIf(quicAvailable)('a session with our server', () => {
  const source = new SelfMadeCertificates(['localhost', '127.0.0.1'], Date.now());
  const trusted = hashOf(source.current(Date.now()));
  let echo: EchoServer;
  const url = (path = '/echo', host = '127.0.0.1') => `https://${host}:${echo.address.port}${path}`;
  beforeEach(async () => {
    echo = await EchoServer.open({ certificates: source });
    atEnd(() => echo.server.close());
  });

  it('carries bytes there and back, and ends with code and reason', async () => {
    const session = open(url('/echo?a=b'), trusted);
    await session.ready;
    const { readable, writable } = await session.createBidirectionalStream();
    const sent = Uint8Array.from({ length: 3_000_000 }, (_, i) => i % 251);
    const writer = writable.getWriter();
    const written = writer.write(sent).then(() => writer.close());
    const parts: Uint8Array[] = [];
    for await (const part of readable) parts.push(part);
    await written;
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    expect(echo.sessions[0]!.request).toMatchObject({
      ...{ path: '/echo', query: '?a=b', origin: undefined },
    });
    session.close({ closeCode: 7, reason: 'done' });
    expect(await session.closed).toEqual({ closeCode: 7, reason: 'done' });
    await vi.waitFor(() => expect(echo.ends).toEqual([{ by: 'peer', code: 7, reason: 'done' }]));
    // The connection is closed too, not left to a time-out.
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(0));
    expect((await faultOf(session.createBidirectionalStream())).message).toContain('ended');
  });

  it('finds the address of a name that is on the other protocol as well', async () => {
    const session = open(url('/echo', 'localhost'), trusted);
    await session.ready;
  });

  it.each(['/silent', '/echo'])('who is not read stops writing: %s', async (path) => {
    const session = open(url(path), trusted);
    const { writable } = await session.createBidirectionalStream();
    const writer = writable.getWriter();
    let taken = 0;
    const pour = (async () => {
      for (;;) {
        await writer.write(new Uint8Array(65_536));
        taken += 65_536;
      }
    })().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = taken;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(taken).toBe(before);
    // The window of one stream each way, and what the echo holds.
    expect(taken).toBeLessThan(3_000_000);
    session.close();
    await pour;
  });

  it('the server ends it with code and reason', async () => {
    const session = open(url(), trusted);
    await session.ready;
    echo.sessions[0]!.close(9, 'enough');
    expect(await session.closed).toEqual({ closeCode: 9, reason: 'enough' });
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(0));
  });

  it('GOAWAY is told, and what is open goes on', async () => {
    const session = open(url(), trusted);
    await session.ready;
    echo.server.drain();
    await session.draining;
    const { readable, writable } = await session.createBidirectionalStream();
    void writable.getWriter().write(hex('0102'));
    expect((await readable.getReader().read()).value).toEqual(hex('0102'));
  });

  it.each([
    ['/nothing', 404],
    ['/full', 429],
  ])('%s is refused with %i', async (path, status) => {
    const session = open(url(path), trusted);
    expect(await faultOf(session.ready)).toMatchObject({
      ...{ code: 'ANDVARI_WEBTRANSPORT_REFUSED', status },
    });
  });

  it('is closed before it is open', async () => {
    const session = open(url(), trusted);
    session.close();
    expect((await faultOf(session.ready)).message).toBe('closed before it was open');
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(0));
    expect(echo.sessions).toEqual([]);
  });

  it('is lost when the server is gone', async () => {
    let isLost = false;
    const session = open(url(), { ...trusted, idleTimeoutMs: 500, isLost: () => isLost });
    await session.ready;
    isLost = true;
    const fault = await faultOf(session.closed);
    expect(fault).toMatchObject({ code: 'ANDVARI_WEBTRANSPORT_LOST' });
    expect(fault.message).toContain('time-out');
  });
});

describe.runIf(quicAvailable)('a server that is not the one that is meant', () => {
  const now = Date.now();
  const hosts = ['localhost', '127.0.0.1'];
  const make = (fromMs: number, toMs: number, names = hosts) =>
    makeCertificate({ hosts: names, notBeforeMs: now + fromMs, notAfterMs: now + toMs });
  const own = make(-DAY_MS, DAY_MS);

  /** What comes of a server with this certificate; it must not have got a byte of a stream. */
  async function meet(
    certificate: { cert: string; key: string },
    options: (hash: Uint8Array) => NodeWebTransportOptions,
    host = '127.0.0.1',
  ): Promise<string> {
    const server = await ScriptedServer.open({}, certificate);
    atEnd(() => server.close());
    const { raw } = new X509Certificate(certificate.cert);
    const session = open(`https://${host}:${server.port}/`, {
      ...options(createHash('sha256').update(raw).digest()),
      timeoutMs: 3_000,
    });
    const fault = await session.ready.then(
      () => undefined,
      (error: Error & { code?: string }) => error,
    );
    if (!fault) return 'taken';
    await vi.waitFor(() => expect(server.ends.length).toBe(server.connections));
    expect(server.received).toHaveLength(0);
    expect(fault.code).toBe('ANDVARI_CERTIFICATE_REFUSED');
    return fault.message.replace('the certificate of the server is not to be trusted: ', '');
  }
  const byAuthority = () => ({ ca: authority });
  const byHash = (hash: Uint8Array) => hashOf({ hash });

  it('by an authority: name and address', async () => {
    expect(await meet(good, byAuthority)).toBe('taken');
    expect(await meet(good, byAuthority, 'localhost')).toBe('taken');
    expect(await meet(elsewhere, byAuthority)).toBe('it is not for 127.0.0.1');
    const other = await meet(elsewhere, byAuthority, 'localhost');
    expect(other).toBe('it is for another host, or damaged');
  });

  it('by an authority: chain and time', async () => {
    const unknown = 'no authority that is trusted has signed it';
    expect(await meet(good, () => ({ ca: certificates[0].cert }))).toBe(unknown);
    // Those of the system.
    expect(await meet(good, () => ({}))).toBe(unknown);
    expect(await meet(own, byAuthority)).toBe(unknown);
    expect(await meet(certificates[0], byAuthority)).toBe(unknown);
    expect(await meet(certificates[0], () => ({ ca: certificates[0].cert }))).toBe('taken');
    expect(await meet(expired, byAuthority)).toBe('it is not valid now');
  });

  it('by its hash', async () => {
    expect(await meet(own, byHash)).toBe('taken');
    // Its name does not count then.
    expect(await meet(make(-DAY_MS, DAY_MS, ['elsewhere.test']), byHash)).toBe('taken');
    const other = () => hashOf({ hash: new Uint8Array(32) });
    expect(await meet(own, other)).toBe('its hash is not the one that is meant');
    // Nor does an authority make up for it.
    const both = () => ({ ...other(), ca: authority });
    expect(await meet(good, both)).toBe('its hash is not the one that is meant');
    expect(await meet(make(-2 * DAY_MS, -DAY_MS), byHash)).toBe('it has expired');
    expect(await meet(make(DAY_MS, 2 * DAY_MS), byHash)).toBe('it is not valid yet');
    expect(await meet(make(-DAY_MS, 13 * DAY_MS), byHash)).toBe('taken');
    expect(await meet(make(-DAY_MS, 13 * DAY_MS + 1000), byHash)).toContain('14 days');
    expect(await meet(good, byHash)).toContain('14 days');
  });
});

describe.runIf(quicAvailable)('a server that breaks the rules', () => {
  const ok = emitHeaders([[':status', '200']]);
  async function meet(script: Script) {
    const server = await ScriptedServer.open(script);
    atEnd(() => server.close());
    const session = open(`https://127.0.0.1:${server.port}/`, {
      ...{ serverCertificateHashes: server.hashes, timeoutMs: 1_000 },
    });
    return { server, session };
  }

  it.each<[string, Script, string]>([
    ['SETTINGS without WebTransport', { starts: [hex('00 04 00')] }, 'do not offer WebTransport'],
    ['no SETTINGS', { starts: [] }, 'nobody answers by QUIC within 1000 ms'],
    ['no answer', { answer: hex('') }, 'nobody answers by QUIC within 1000 ms'],
    ['GOAWAY', { starts: [concatBytes(emitControlStart(), emitGoaway(0))] }, 'going away'],
    ['status 500', { answer: emitHeaders([[':status', '500']]) }, 'it answers 500'],
    ['status 301', { answer: emitHeaders([[':status', '301']]) }, 'it answers 301'],
    ['an end without an answer', { answer: hex(''), ends: true }, 'no headers'],
  ])('%s: no session', async (_, script, why) => {
    const { session, server } = await meet(script);
    expect((await faultOf(session.ready)).message).toContain(why);
    await vi.waitFor(() => expect(server.ends).toHaveLength(1));
  });

  it.each<[string, Script, number]>([
    ['DATA first', { answer: hex('00 01 00') }, Http3Code.FRAME_UNEXPECTED],
    ['a frame before SETTINGS', { starts: [hex('00 07 01 00')] }, Http3Code.MISSING_SETTINGS],
    [
      'MAX_PUSH_ID',
      { starts: [concatBytes(emitControlStart(), hex('0d 01 00'))] },
      Http3Code.FRAME_UNEXPECTED,
    ],
    [
      'a GOAWAY of no request',
      { starts: [concatBytes(emitControlStart(), emitGoaway(1))] },
      Http3Code.ID_ERROR,
    ],
    ['a push', { starts: [emitControlStart(), hex('01 00')] }, Http3Code.ID_ERROR],
    [
      'an insert',
      { starts: [emitControlStart(), hex('02 c0 01 61')] },
      Http3Code.QPACK_ENCODER_STREAM_ERROR,
    ],
    [
      'a request',
      { established: (quic) => void quic.openBidirectional()?.send.write(hex('01 00')) },
      Http3Code.STREAM_CREATION_ERROR,
    ],
  ])('%s closes the connection', async (_, script, code) => {
    const { session, server } = await meet(script);
    expect((await faultOf(session.closed)).code).toMatch(/^ANDVARI_WEBTRANSPORT_/);
    await vi.waitFor(() => expect(server.ends).toMatchObject([{ by: 'peer', errorCode: code }]));
  });

  const interim = emitHeaders([[':status', '103']]);
  const many = (count: number) => concatBytes(...Array<Uint8Array>(count).fill(interim));
  it.each<[string, Script, string, number]>([
    ['no status', { answer: emitHeaders([['a', 'b']]) }, 'no :status', Http3Code.MESSAGE_ERROR],
    [
      'two of them',
      { answer: emitHeaders([...Array(2).fill([':status', '200'])]) },
      'two of :status',
      Http3Code.MESSAGE_ERROR,
    ],
    [
      'a field of HTTP/1.1 in an interim answer',
      {
        answer: concatBytes(
          emitHeaders([
            [':status', '103'],
            ['upgrade', 'x'],
          ]),
          ok,
        ),
      },
      'upgrade belongs to HTTP/1.1',
      Http3Code.MESSAGE_ERROR,
    ],
    ['headers of 17 KiB', { answer: hex('01 80004400') }, 'of 17408', Http3Code.MESSAGE_ERROR],
    ['interim answers alone', { answer: interim, ends: true }, 'headers', Http3Code.MESSAGE_ERROR],
    ['17 interim answers', { answer: concatBytes(many(17), ok) }, '16', Http3Code.EXCESSIVE_LOAD],
  ])('%s: the request is given up', async (_, script, why, code) => {
    const { session, server } = await meet(script);
    const fault = await faultOf(session.ready);
    expect(fault.code).toBe('ANDVARI_WEBTRANSPORT_REFUSED');
    expect(fault.message).toContain(why);
    expect(await faultOf(session.closed)).toBe(fault);
    await vi.waitFor(() => expect(server.ends).toHaveLength(1));
    expect(server.ends).toMatchObject([{ by: 'peer', errorCode: Http3Code.NO_ERROR }]);
    expect(server.resets).toEqual([code]);
  });

  it('interim answers are passed over; streams of its own are refused', async () => {
    const { session } = await meet({
      answer: concatBytes(many(16), ok, emitDrainSession()),
      established: (quic) => {
        quic
          .openUnidirectional()
          ?.write(hex('4054 00 01'))
          .catch(() => {});
        quic
          .openBidirectional()
          ?.send.write(hex('4041 00 01'))
          .catch(() => {});
        quic.sendDatagram(hex('00 01'));
      },
    });
    await session.ready;
    await session.draining;
  });

  it.each([
    ['a close capsule', emitCloseSession(5, Buffer.from('so')), { closeCode: 5, reason: 'so' }],
    ['the end of its stream', hex(''), { closeCode: 0, reason: '' }],
  ])('%s ends the session', async (_, bytes, end) => {
    const { session } = await meet({ answer: concatBytes(ok, bytes), ends: true });
    expect(await session.closed).toEqual(end);
  });

  it('a damaged capsule cuts it', async () => {
    const capsule = emitTlv(0, hex('6843 01 00'));
    const { session } = await meet({ answer: concatBytes(ok, capsule) });
    expect((await faultOf(session.closed)).code).toBe('ANDVARI_WEBTRANSPORT_LOST');
  });
});

describe.runIf(quicAvailable)('nobody', () => {
  it('listens: that is said at once', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    // A session that waited out its time would say so.
    const { message } = await faultOf(open(`https://127.0.0.1:${port}/`).ready);
    expect(message).toBe('nobody listens on that UDP port');
  });

  it('answers: it ends by its time', async () => {
    const socket = createSocket('udp4');
    atEnd(() => socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const url = `https://127.0.0.1:${socket.address().port}/`;
    const { message } = await faultOf(open(url, { timeoutMs: 300 }).ready);
    expect(message).toBe('nobody answers by QUIC within 300 ms');
  });
});
