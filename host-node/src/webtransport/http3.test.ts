// The server as a client over the same binding sees it: what no browser does.
import { networkInterfaces } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { Http3Code } from './http3-error.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitHeaders,
  emitTlv,
} from './http3-frames.ts';
import { EchoServer } from './testing/echo-server.ts';
import { connectFields, QuicClient, quicAvailable, readStatus } from './testing/quic-client.ts';
import { quicPlace, readAll, streamError, writeOn } from './testing/quic-place.ts';
import { TlvParser } from './tlv-parser.ts';
import { concatBytes, emitVarint } from './varint.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe.runIf(quicAvailable)('HTTP/3 over QUIC', () => {
  const place = quicPlace();

  describe('the connection', () => {
    it('SETTINGS and QPACK streams come first, and offer WebTransport', async () => {
      const client = await place.open();
      await vi.waitFor(() => expect(client.serverStreams).toHaveLength(3));
      const starts = await Promise.all(client.serverStreams.map(({ receive }) => receive.read()));
      expect(starts[0]).toEqual(emitControlStart());
      expect(starts.slice(1)).toEqual([hex('02'), hex('03')]);
    });

    it.each([
      ['a frame before SETTINGS', '00 07 01 00', Http3Code.MISSING_SETTINGS],
      ['a damaged setting', '00 04 01 33', Http3Code.FRAME_ERROR],
      ['DATA on the control stream', '00 04 00 00 00', Http3Code.FRAME_UNEXPECTED],
      ['a push', '01 00', Http3Code.STREAM_CREATION_ERROR],
      ['an insert into the dynamic table', '02 c0 01 61', Http3Code.QPACK_ENCODER_STREAM_ERROR],
      ['an acknowledgement of none', '03 80', Http3Code.QPACK_DECODER_STREAM_ERROR],
      ['a stream of what cannot be a session', '4054 01', Http3Code.ID_ERROR],
    ])('%s closes it', async (_, bytes, code) => {
      const client = await place.open({ silent: true });
      client.unidirectional(hex(bytes));
      expect(await client.end).toMatchObject({ by: 'peer', application: true, errorCode: code });
    });

    it('two control streams close it', async () => {
      const client = await place.open();
      client.unidirectional(emitControlStart());
      expect((await client.end).errorCode).toBe(Http3Code.STREAM_CREATION_ERROR);
    });

    it.each(['end', 'reset'] as const)('the control stream may not %s', async (how) => {
      const client = await place.open({ silent: true });
      const control = client.unidirectional(emitControlStart());
      await client.connect();
      if (how === 'end') await control.end();
      else control.reset(0);
      expect((await client.end).errorCode).toBe(Http3Code.CLOSED_CRITICAL_STREAM);
    });

    it('unknown streams are not read, and change nothing', async () => {
      const client = await place.open();
      const stream = client.unidirectional(hex('40ff aabbcc'));
      const stopped = await writeOn(stream);
      // The code is H3_STREAM_CREATION_ERROR, or 0 where QUIC has forgotten it.
      expect(stopped).toMatchObject({ kind: 'stopped' });
      expect((await client.connect()).status).toBe(200);
    });

    it('a datagram without a stream closes it; one of no session does not', async () => {
      const client = await place.open();
      client.quic.sendDatagram(hex('3f 01'));
      expect((await client.connect()).status).toBe(200);
      client.quic.sendDatagram(hex('c0'));
      expect((await client.end).errorCode).toBe(Http3Code.DATAGRAM_ERROR);
    });
  });

  const six = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  );
  it.runIf(six)('over IPv6 as well', async () => {
    const echo = await EchoServer.open({}, '::1');
    const client = await QuicClient.open(echo.address);
    expect((await client.connect()).status).toBe(200);
    expect(echo.sessions[0]!.remoteAddress).toBe('::1');
    client.close();
    await echo.server.close();
  });

  describe('requests', () => {
    it.each([
      ['an unknown path', { ':path': '/nothing' }, 404],
      ['a path like a property of objects', { ':path': '/constructor' }, 404],
      ['a foreign origin', { origin: 'https://elsewhere.test' }, 403],
      ['another authority', { ':authority': 'other.test:1' }, 421],
      ['a server that is full', { ':path': '/full' }, 429],
      ['no scheme', { ':scheme': undefined }, 400],
      ['another method', { ':method': 'GET', ':protocol': undefined }, 405],
      ['another protocol', { ':protocol': 'websocket' }, 501],
      ['headers of 17 KiB', { long: 'x'.repeat(17 << 10).replace(/x/g, '&') }, 431],
    ])('%s is refused, and the connection lives on', async (_, changes, status) => {
      const client = await place.open();
      expect((await client.connect(changes)).status).toBe(status);
      expect((await client.connect()).status).toBe(200);
    });

    it('waits for SETTINGS, which may come later', async () => {
      const client = await place.open({ silent: true });
      const { receive } = client.bidirectional(emitHeaders(connectFields()));
      const answer = readStatus(receive);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(place.echo.sessions).toHaveLength(0);
      client.unidirectional(emitControlStart());
      expect(await answer).toBe(200);
    });

    it('is refused without datagrams', async () => {
      const client = await place.open({ silent: true });
      client.unidirectional(hex('00 04 00'));
      expect((await client.connect()).status).toBe(400);
    });

    it.each([
      ['fields that need the dynamic table', '01 03 0000 80', Http3Code.QPACK_DECOMPRESSION_FAILED],
      ['DATA first', '00 01 00', Http3Code.FRAME_UNEXPECTED],
      ['SETTINGS', '04 00', Http3Code.FRAME_UNEXPECTED],
      ['a stream of what cannot be a session', '4041 02 00', Http3Code.ID_ERROR],
    ])('%s closes the connection', async (_, bytes, code) => {
      const client = await place.open();
      client.bidirectional(hex(bytes));
      expect((await client.end).errorCode).toBe(code);
    });

    it('one that ends before its headers is refused', async () => {
      const client = await place.open();
      const { receive, send } = client.bidirectional(hex('21 00'));
      await send.end();
      expect(await readStatus(receive)).toBe(400);
    });

    it('a connection has 16 sessions, and room again when one ends', async () => {
      const client = await place.open();
      const sessions = [];
      for (let index = 0; index < 16; index++) sessions.push(await client.connect());
      expect(sessions.every(({ status }) => status === 200)).toBe(true);
      expect((await client.connect()).status).toBe(429);
      await sessions[3]!.send.end();
      await vi.waitFor(() => expect(place.echo.ends).toHaveLength(1));
      expect((await client.connect()).status).toBe(200);
      expect(place.echo.server.sessionCount).toBe(16);
    });

    it('after GOAWAY no new one is taken, and sessions are asked to end', async () => {
      const client = await place.open();
      const session = await client.connect();
      place.echo.server.drain();
      expect(await session.receive.read()).toEqual(emitDrainSession());
      const late = client.bidirectional(emitHeaders(connectFields()));
      expect((await streamError(readAll(late.receive))).http3Code).toBe(Http3Code.REQUEST_REJECTED);
      const control = client.serverStreams[0]!.receive;
      expect(await control.read()).toEqual(concatBytes(emitControlStart(), hex('07 01 04')));
      const stream = client.sessionStream(session.id, Buffer.from('still here'));
      expect(text(await stream.receive.read())).toBe('still here');
    });
  });

  describe('sessions', () => {
    it('echo: bidirectional, unidirectional, datagrams', async () => {
      const client = await place.open();
      const { id } = await client.connect();
      const stream = client.sessionStream(id, Buffer.from('one'));
      await stream.send.end(Buffer.from(' two'));
      expect(text(await readAll(stream.receive))).toBe('one two');
      await client.unidirectional(concatBytes(hex('4054'), emitVarint(id), hex('6869'))).end();
      await vi.waitFor(() => expect(client.serverStreams).toHaveLength(4));
      expect(await readAll(client.serverStreams[3]!.receive)).toEqual(hex('4054 00 6869'));
      client.quic.sendDatagram(concatBytes(emitVarint(id / 4), hex('aabb')));
      await vi.waitFor(() => expect(client.datagrams).toEqual([hex('00 aabb')]));
    });

    it('the server opens streams, too', async () => {
      const client = await place.open();
      await client.connect();
      const stream = place.echo.sessions[0]!.openBidirectional();
      await stream.writable.end(Buffer.from('to you'));
      await vi.waitFor(() => expect(client.serverStreams).toHaveLength(4));
      const { receive, send } = client.serverStreams[3]!;
      expect(text(await readAll(receive))).toBe('@A\0to you');
      await send!.end(Buffer.from('and back'));
      expect(text(await stream.readable.read())).toBe('and back');
      expect(await stream.readable.read()).toBeUndefined();
    });

    it('two of one connection do not mix', async () => {
      const client = await place.open();
      const [first, second] = [await client.connect(), await client.connect()];
      const one = client.sessionStream(first.id, Buffer.from('one'));
      const two = client.sessionStream(second.id, Buffer.from('two'));
      expect(text(await one.receive.read())).toBe('one');
      expect(text(await two.receive.read())).toBe('two');
      await first.send.end(emitCloseSession(3, Buffer.from('enough')));
      await vi.waitFor(() =>
        expect(place.echo.ends).toEqual([{ by: 'peer', code: 3, reason: 'enough' }]),
      );
      expect((await streamError(readAll(one.receive))).http3Code).toBe(
        Http3Code.WEBTRANSPORT_SESSION_GONE,
      );
      await two.send.write(Buffer.from(' still'));
      expect(text(await two.receive.read())).toBe(' still');
    });

    it('streams and datagrams that come before their session wait for it', async () => {
      const client = await place.open();
      // What leaves along with the last bytes of the handshake may get lost.
      await client.connect();
      // The request's stream is opened first, and says nothing yet.
      const headers = emitHeaders(connectFields());
      const request = client.bidirectional(headers.subarray(0, 1));
      const stream = client.sessionStream(request.send.id, Buffer.from('early'));
      client.quic.sendDatagram(concatBytes(emitVarint(request.send.id / 4), hex('01')));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(place.echo.sessions).toHaveLength(1);
      await request.send.write(headers.subarray(1));
      expect(text(await stream.receive.read())).toBe('early');
      await vi.waitFor(() => expect(client.datagrams).toEqual([hex('01 01')]));
    });

    it('but only 16 streams; and those of a refused session are gone', async () => {
      const client = await place.open();
      const request = client.bidirectional(hex('01'));
      const streams = Array.from({ length: 17 }, () =>
        client.sessionStream(request.send.id, Buffer.from('early')),
      );
      expect(await streamError(readAll(streams[16]!.receive))).toMatchObject({
        http3Code: Http3Code.WEBTRANSPORT_BUFFERED_STREAM_REJECTED,
      });
      await request.send.write(emitHeaders(connectFields({ ':path': '/nothing' })).subarray(1));
      expect(await readStatus(request.receive)).toBe(404);
      const gone = { http3Code: Http3Code.WEBTRANSPORT_SESSION_GONE };
      expect(await streamError(readAll(streams[0]!.receive))).toMatchObject(gone);
      const late = client.sessionStream(request.send.id, Buffer.from('late'));
      expect(await streamError(readAll(late.receive))).toMatchObject(gone);
    });

    it('the server closes one with a code; a long reason is cut between characters', async () => {
      const client = await place.open();
      const session = await client.connect();
      const stream = client.sessionStream(session.id, Buffer.from('x'));
      await stream.receive.read();
      place.echo.sessions[0]!.close(9, 'ö'.repeat(1000));
      const seen: Uint8Array[] = [];
      const parser = new TlvParser({
        begin: () => 'whole',
        whole: (_, value) => seen.push(value),
        part: () => {},
      });
      parser.feed(await readAll(session.receive));
      expect(seen[0]!).toEqual(emitCloseSession(9, Buffer.from('ö'.repeat(512))).subarray(3));
      expect((await streamError(readAll(stream.receive))).http3Code).toBe(
        Http3Code.WEBTRANSPORT_SESSION_GONE,
      );
      expect(() => place.echo.sessions[0]!.openUnidirectional()).toThrow(/has ended/);
      expect(place.echo.sessions[0]!.sendDatagram(hex('00'))).toBe(false);
    });

    it.each([
      ['a close that is too short', emitTlv(0, emitTlv(0x2843, hex('0000')))],
      ['anything behind the close', concatBytes(emitCloseSession(1, hex('')), emitDrainSession())],
    ])('%s ends the session with an error', async (_, bytes) => {
      const client = await place.open();
      const session = await client.connect();
      await session.send.write(bytes);
      expect((await streamError(readAll(session.receive))).http3Code).toBe(Http3Code.MESSAGE_ERROR);
      expect(place.echo.ends).toHaveLength(1);
      expect((await client.connect()).status).toBe(200);
    });

    it('a lost connection ends its sessions', async () => {
      const client = await place.open();
      await client.connect();
      client.close();
      await vi.waitFor(() =>
        expect(place.echo.ends).toEqual([{ by: 'lost', code: 0, reason: '' }]),
      );
      await vi.waitFor(() => expect(place.echo.server.connectionCount).toBe(0));
    });
  });
});
