/** Endpoints over UDP on this machine, and over messages of a WebSocket. */
import { once } from 'node:events';
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { identityOf } from '@andvari/host-common/transfer/identity';
import {
  WebSocketDatagrams,
  WebTransportDatagrams,
} from '@andvari/host-common/transfer/web-transports';
import { whyNotBackend } from '@andvari/host-node/io/choose-backend';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { farEndOf, socketAddressOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';

const udpBackends = (['portable', 'mmsg'] as const).filter(
  (backend) => whyNotBackend({ backend }) === '',
);
const identity = (name: number) => identityOf(new Uint8Array(32).fill(name), nodeX25519);
const BYTES = 20_000_000;

const opened: TransferEndpoint[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function endpoint(name: number, transport: DatagramTransport): Promise<TransferEndpoint> {
  const sizes = transferSizes({ sessions: 8, blocks: 1024 });
  const one = await TransferEndpoint.open({
    engine: Engine.create({ module: await plainEngine(), sizes, identity: CLIENT_IDENTITY }),
    transport,
    identity: identity(name),
    x25519: nodeX25519,
  });
  opened.push(one);
  return one;
}

/** Sends BYTES from the caller to the called; what arrived is compared piece by piece. */
async function carry(caller: TransferEndpoint, called: TransferEndpoint, farEnd: Uint8Array) {
  const [ours, theirs] = await Promise.all([
    caller.connect(identity(2).peerId, farEnd),
    called.incoming.getReader().read(),
  ]);
  const stream = await ours.openStream({ bidi: false });
  const piece = new Uint8Array(65536).map((_, i) => (i * 7 + (i >> 8) * 13) & 255);
  const writing = (async () => {
    const writer = stream.writable?.getWriter();
    for (let at = 0; at < BYTES; at += piece.length) {
      await writer?.write(piece.subarray(0, Math.min(piece.length, BYTES - at)));
    }
    await writer?.close();
  })();
  const incoming = await theirs.value?.incoming.getReader().read();
  let at = 0;
  let wrong = 0;
  for await (const bytes of incoming?.value?.readable ?? []) {
    for (const byte of bytes) if (byte !== piece[at++ % piece.length]) wrong++;
  }
  await writing;
  await stream.done;
  expect([at, wrong]).toEqual([BYTES, 0]);
  return ours;
}

describe('endpoints', () => {
  it.each(
    ['127.0.0.1', '::1'].flatMap((host) => udpBackends.map((backend) => [host, backend] as const)),
  )('over UDP at %s by %s', async (host, backend) => {
    const [one, two] = [0, 1].map(() => new UdpTransport({ host, port: 0 }, { backend }));
    if (!one || !two) throw new Error('two transports');
    const [caller, called] = [await endpoint(1, one), await endpoint(2, two)];
    const session = await carry(caller, called, farEndOf(two.bound));
    expect([one.backend, two.backend]).toEqual([backend, backend]);
    expect(session.statistics()?.MTU).toBe(one.maxDatagramBytes);
    // Node cannot forbid fragments; the loopback interface takes any packet of the engine.
    const base = host === '::1' ? 1232 : 1252;
    expect(one.maxDatagramBytes).toBe(backend === 'portable' ? base : 8972);
  });

  it('over messages of a WebSocket', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const farEnd = writeFarEnd({ address: new Uint8Array(16), port: 0, handle: 1 });
    const connected = once(server, 'connection');
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, 'open');
    const [other] = await connected;
    const caller = await endpoint(1, new WebSocketDatagrams(socket, farEnd));
    const called = await endpoint(2, new WebSocketDatagrams(other, farEnd));
    await carry(caller, called, farEnd);
    server.close();
  });

  it('over datagrams of WebTransport', async () => {
    const farEnd = writeFarEnd({ address: new Uint8Array(16), port: 0, handle: 1 });
    const [there, back] = [0, 1].map(
      () => new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 256 }),
    );
    const sessionOf = (writable: unknown, readable: unknown) =>
      ({
        datagrams: { writable, readable, maxDatagramSize: 1200 },
        close() {},
      }) as unknown as WebTransport;
    const one = sessionOf(there?.writable, back?.readable);
    const two = sessionOf(back?.writable, there?.readable);
    const caller = await endpoint(1, new WebTransportDatagrams(one, farEnd));
    const called = await endpoint(2, new WebTransportDatagrams(two, farEnd));
    const session = await carry(caller, called, farEnd);
    expect(session.statistics()?.MTU).toBe(1200);
  });

  it('addresses keep their meaning both ways', () => {
    for (const [host, text = host] of [
      ['192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::1'],
      ['2001:db8::8:0:42%eth0', '2001:db8::8:0:42'],
      ['fe80::'],
      ['1:2:3:4:5:6:7:8'],
    ]) {
      expect(socketAddressOf(farEndOf({ host: host ?? '', port: 40000 }), false)).toEqual({
        host: text,
        port: 40000,
      });
    }
    const mapped = farEndOf({ host: '192.0.2.7', port: 1 });
    expect(socketAddressOf(mapped, true).host).toBe('::ffff:192.0.2.7');
    expect(() => farEndOf({ host: 'localhost', port: 1 })).toThrow(RangeError);
  });
});
