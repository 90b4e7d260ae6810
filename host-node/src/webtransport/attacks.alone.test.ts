// Peers that want to cost more than they may.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { SocketAddress } from '../io/packet-io.ts';
import { Http3Code } from './http3-error.ts';
import { emitCloseSession, emitHeaders } from './http3-frames.ts';
import { OVERHEAD_BYTES_MAX, STREAMS_MAX } from './limits.ts';
import { loadQuicBinding } from './quic-binding.ts';
import { configure } from './quic-config.ts';
import type { QuicSendStream } from './quic-stream.ts';
import { EchoServer } from './testing/echo-server.ts';
import { connectFields, QuicClient, quicAvailable } from './testing/quic-client.ts';
import { quicPlace } from './testing/quic-place.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const FIRST_FLIGHTS = LONG ? 100_000 : 3000;

/** The first datagram of a client that never goes on. */
function firstFlight(server: { host: string; port: number }): Uint8Array {
  const binding = loadQuicBinding();
  const config = configure(binding.Config.withBoringSslCtx(false, false));
  const local = { host: '127.0.0.1', port: 1 };
  const client = binding.Connection.connect('localhost', randomBytes(16), local, server, config);
  const out = new Uint8Array(1500);
  const [bytes] = client.send(out)!;
  return out.slice(0, bytes);
}

describe.runIf(quicAvailable)('attacks', () => {
  const place = quicPlace();

  it('half-open handshakes leave nothing behind, and others get in meanwhile', async () => {
    const { echo } = place;
    const socket = createSocket({
      type: 'udp4',
      lookup: (host, _options, done) => done(null, host, 4),
    });
    const listening = once(socket, 'listening');
    socket.bind(0, '127.0.0.1');
    await listening;
    let answered = 0;
    let answerBytes = 0;
    socket.on('message', (message) => {
      answered++;
      answerBytes += message.length;
    });
    const flights = Array.from({ length: 50 }, () => firstFlight(echo.address));
    const before = process.memoryUsage().rss;
    for (let count = 0; count < FIRST_FLIGHTS; count++) {
      socket.send(flights[count % flights.length]!, echo.address.port, echo.address.host);
      if (count % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      if (count === FIRST_FLIGHTS / 2)
        expect((await (await place.open()).connect()).status).toBe(200);
    }
    await vi.waitFor(() => expect(answered).toBeGreaterThan(FIRST_FLIGHTS / 2));
    expect(echo.server.connectionCount).toBe(1);
    expect(echo.server.counts.retriesSent).toBeGreaterThan(FIRST_FLIGHTS / 2);
    // An answer is far smaller than what asked for it: we are no amplifier.
    expect(answerBytes / answered).toBeLessThan(1200 / 3);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
    socket.close();
  });

  it.each([
    ['QUIC v2, whose Initial has other bits', 0xd0, 0x6b3343cf],
    ['one that nobody has, with the bits of a Handshake', 0xe0, 0x1a2a3a4a],
  ])('%s gets the versions that there are', async (_, first, version) => {
    const socket = createSocket('udp4');
    const { host, port } = place.echo.address;
    const send = (number: number, bytes = 1200) => {
      const packet = Buffer.from(firstFlight({ host, port }));
      packet[0] = first | (packet[0]! & 0x0f);
      packet.writeUInt32BE(number, 1);
      socket.send(packet.subarray(0, bytes), port, host);
    };
    send(version);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect(answer.readUInt32BE(1)).toBe(0);
    expect(answer.readUInt32BE(answer.length - 4)).toBe(1);
    // A list of versions, and what is too short to be a first datagram, get no answer.
    send(0);
    send(version, 1199);
    const more = once(socket, 'message').then(() => 'answered');
    const silence = new Promise((resolve) => setTimeout(resolve, 200, 'silent'));
    expect(await Promise.race([more, silence])).toBe('silent');
    socket.close();
    expect(place.echo.server.connectionCount).toBe(0);
  });

  /** A client that has got its Retry, driven by hand: gives packets, and takes none. */
  async function validated(server: SocketAddress) {
    const binding = loadQuicBinding();
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const local = { host: '127.0.0.1', port: socket.address().port };
    const config = configure(binding.Config.withBoringSslCtx(false, false));
    const scid = randomBytes(16);
    const native = binding.Connection.connect('localhost', scid, local, server, config);
    const out = new Uint8Array(1500);
    const next = () => out.slice(0, native.send(out)![0]);
    socket.send(next(), server.port, server.host);
    const [retry] = (await once(socket, 'message')) as [Buffer];
    native.recv(retry, { from: server, to: local });
    return { socket, withToken: next() };
  }

  it("somebody else's token opens nothing", async () => {
    const { echo } = place;
    const { socket, withToken } = await validated(echo.address);
    const other = createSocket('udp4');
    other.send(withToken, echo.address.port, echo.address.host);
    await vi.waitFor(() => expect(echo.server.counts.tokensRefused).toBe(1));
    expect(echo.server.connectionCount).toBe(0);
    socket.send(withToken, echo.address.port, echo.address.host);
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(1));
    for (const each of [socket, other]) each.close();
  });

  it('a handshake that does not go on makes room again', async () => {
    const echo = await EchoServer.open({ handshakeTimeoutMs: 300 });
    const { socket, withToken } = await validated(echo.address);
    socket.send(withToken, echo.address.port, echo.address.host);
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(1));
    // One that goes on is not bothered by the time that it had.
    const client = await QuicClient.open(echo.address);
    await vi.waitFor(() => expect(echo.server.connectionCount).toBe(1));
    expect((await client.connect()).status).toBe(200);
    client.close();
    socket.close();
    await echo.server.close();
  });

  it('connections have a limit', async () => {
    const echo = await EchoServer.open({ connectionsMax: 2 });
    const clients: QuicClient[] = [];
    for (let i = 0; i < 2; i++) {
      const client = await QuicClient.open(echo.address);
      expect((await client.connect()).status).toBe(200);
      clients.push(client);
    }
    const third = QuicClient.open(echo.address);
    await vi.waitFor(() => expect(echo.server.counts.connectionsRefused).toBeGreaterThan(0));
    expect(echo.server.connectionCount).toBe(2);
    // A place that becomes free is taken by whoever still tries.
    clients[0]!.close();
    clients[0] = await third;
    expect(echo.server.connectionCount).toBe(2);
    for (const client of clients) client.close();
    await echo.server.close();
  });

  it.each<[string, (client: QuicClient, send: QuicSendStream, echo: EchoServer) => unknown]>([
    ['is closed', (client) => client.close()],
    ['has ended its session', (_client, send) => send.end(emitCloseSession(0, Buffer.from('so')))],
    ['was told to go', (_client, _send, echo) => echo.sessions[0]!.close(3, 'go')],
  ])('whoever comes takes at once the place of one that %s', async (_, end) => {
    const echo = await EchoServer.open({ connectionsMax: 2 });
    const first = await QuicClient.open(echo.address);
    const { send } = await first.connect();
    const other = await QuicClient.open(echo.address);
    const { status, id } = await other.connect();
    await end(first, send, echo);
    const next = await QuicClient.open(echo.address);
    expect((await next.connect()).status).toBe(200);
    // One that still has its session keeps its place.
    const stream = other.sessionStream(id, Buffer.from('still'));
    expect(status).toBe(200);
    expect(Buffer.from((await stream.receive.read())!).toString()).toBe('still');
    expect(echo.server.counts.connectionsRefused).toBe(0);
    for (const client of [first, other, next]) client.close();
    await echo.server.close();
  });

  it('connections without a session leave room for others, the oldest first', async () => {
    const echo = await EchoServer.open({ connectionsMax: 4 });
    const working = await QuicClient.open(echo.address);
    expect((await working.connect()).status).toBe(200);
    const silent: QuicClient[] = [];
    for (let i = 0; i < 6; i++) silent.push(await QuicClient.open(echo.address));
    expect(echo.server.connectionCount).toBe(3);
    const late = await QuicClient.open(echo.address);
    expect((await late.connect()).status).toBe(200);
    expect((await working.connect()).status).toBe(200);
    for (const client of [working, late, ...silent]) client.close();
    await echo.server.close();
  });

  it('streams without end: QUIC allows so many, and unfinished ones keep little', async () => {
    const client = await place.open();
    const { id } = await client.connect({ ':path': '/silent' });
    let opened = 0;
    const open = () => {
      for (;;) {
        const kind = opened % 3;
        const stream =
          kind === 0
            ? client.quic.openBidirectional()?.send
            : kind === 1
              ? client.quic.openBidirectional()?.send
              : client.quic.openUnidirectional();
        if (!stream) return;
        opened++;
        // A session's stream that nobody reads, a request that never ends, a type that is cut off.
        const bytes =
          kind === 0
            ? Uint8Array.of(0x40, 0x41, id, 1)
            : kind === 1
              ? emitHeaders(connectFields()).subarray(0, 20)
              : Uint8Array.of(0x40);
        stream.write(bytes).catch(() => {});
      }
    };
    for (let round = 0; round < 20; round++) {
      open();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(opened).toBeLessThanOrEqual(2 * STREAMS_MAX);
    expect(place.echo.silent.length).toBeLessThanOrEqual(STREAMS_MAX);
    const other = await place.open();
    expect((await other.connect()).status).toBe(200);
  });

  it('a connection that receives much and says nothing is closed', async () => {
    const client = await place.open();
    await client.connect();
    const server = (await vi.waitFor(() => {
      const [connection] = place.echo.server.connections;
      expect(connection).toBeDefined();
      return connection;
    }))!;
    // What no application asked for: the same packet again and again, 1200 bytes each.
    const junk = new Uint8Array(1200).fill(0x40);
    const needed = Math.ceil(OVERHEAD_BYTES_MAX / junk.length);
    for (let count = 0; count < needed - 1000; count++) server.receive(junk.slice());
    expect(server.lost).toBeUndefined();
    for (let count = 0; count < 1100; count++) server.receive(junk.slice());
    expect((await client.end).errorCode).toBe(Http3Code.EXCESSIVE_LOAD);
  });

  it('damaged packets of a live connection change nothing', async () => {
    const client = await place.open();
    const { id } = await client.connect();
    const [server] = place.echo.server.connections;
    for (let count = 0; count < 2000; count++) server!.receive(randomBytes(1 + (count % 1400)));
    const stream = client.sessionStream(id, Buffer.from('still'));
    expect(Buffer.from((await stream.receive.read())!).toString()).toBe('still');
  });
});
