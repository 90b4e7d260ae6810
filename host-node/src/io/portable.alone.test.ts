/** UDP and TCP of one server on one port. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import type { RequestOrigin } from '../raida/origin.ts';
import { keptPorts } from '../testing/ports.ts';
import { AddressError, PortInUseError, type SocketAddress } from './packet-io.ts';
import { PortableIo } from './portable.ts';
import { PortableUdp } from './portable-udp.ts';
import { type StreamSink, TcpListener } from './tcp.ts';
import { TcpClient } from './testing/tcp-client.ts';
import { UdpPeer } from './testing/udp-peer.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
/** That nobody takes before it is opened again, or over the other protocol. */
const keptAddress = async () => ({ host: '127.0.0.1', port: await keptPorts() });
const WITHIN_MS = 60_000;
const SOON = { timeout: WITHIN_MS, interval: 2 };
const REQUEST = Buffer.alloc(32, 0x5a);

/** Sends every request of 32 bytes back, with one bit that tells how it came. */
class Mirror implements StreamSink {
  full = false;

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    if (this.full) return false;
    const reply = Buffer.from(message);
    reply[0] = origin.datagram ? 1 : 0;
    origin.reply(reply);
    return true;
  }

  requestLength(): number {
    return REQUEST.length;
  }
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function listen(address: SocketAddress = ANY_PORT, options = {}) {
  const [io, sink] = [new PortableIo(options), new Mirror()];
  open.push(io);
  return { io, sink, address: await io.open(address, sink) };
}

function mirrored(datagram: boolean): Buffer {
  const reply = Buffer.from(REQUEST);
  reply[0] = datagram ? 1 : 0;
  return reply;
}

async function expectBoth(address: SocketAddress): Promise<void> {
  const peer = await UdpPeer.open(address);
  peer.send(REQUEST);
  expect(await peer.receive(WITHIN_MS)).toEqual(mirrored(true));
  await peer.close();
  const client = await TcpClient.connect(address);
  await client.send(REQUEST);
  expect(await client.ending(WITHIN_MS)).toBe('ended');
  expect(client.received).toEqual(mirrored(false));
  client.destroy();
}

const refusalOf = (address: SocketAddress) =>
  listen(address).then(
    () => undefined,
    (error: unknown) => error,
  );

it('one port for both, chosen by the system', async () => {
  const { io, address } = await listen();
  expect(io.backend).toBe('portable');
  expect(address.host).toBe('127.0.0.1');
  expect(address.port).toBeGreaterThan(0);
  await expectBoth(address);
});

it('many servers at once each have their own', async () => {
  const all = await Promise.all(Array.from({ length: 25 }, () => listen()));
  expect(new Set(all.map(({ address }) => address.port)).size).toBe(25);
  for (const { address } of all) await expectBoth(address);
});

it('a given port, given again after close()', async () => {
  const { io, address } = await listen();
  await io.close();
  await io.close();
  expect((await listen(address)).address).toEqual(address);
  await expectBoth(address);
});

it('a name means the same host for both', async () => {
  const { address } = await listen({ host: 'localhost', port: 0 });
  await expectBoth(address);
});

it('a UDP port that is taken gives one error, and TCP is not left open', async () => {
  const taken = await keptAddress();
  const other = new PortableUdp();
  open.push(other);
  await other.open(taken, new Mirror());
  const refusal = await refusalOf(taken);
  expect(refusal).toBeInstanceOf(PortInUseError);
  expect(refusal).toMatchObject({ protocol: 'UDP', address: taken });
  expect((refusal as Error).message).toBe(
    `UDP port ${taken.port} on 127.0.0.1 is in use by another program`,
  );
  await expect(TcpClient.connect(taken)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await other.close();
  await listen(taken);
  await expectBoth(taken);
});

it('a TCP port that is taken gives one error, and UDP is not left open', async () => {
  const other = new TcpListener();
  open.push(other);
  const taken = await other.open(await keptAddress(), new Mirror());
  expect(await refusalOf(taken)).toMatchObject({
    code: 'ANDVARI_PORT_IN_USE',
    protocol: 'TCP',
    message: `TCP port ${taken.port} on 127.0.0.1 is in use by another program`,
  });
  const udp = new PortableUdp();
  open.push(udp);
  expect(await udp.open(taken, new Mirror())).toEqual(taken);
});

it.each(['192.0.2.1', '2001:db8::1'])('%s is no address of this machine', async (host) => {
  const refusal = await refusalOf({ host, port: 0 });
  expect(refusal).toBeInstanceOf(AddressError);
  expect((refusal as Error).message).toContain(`TCP ${host}:0`);
});

it('the same server can be opened after a refusal', async () => {
  const { io: first, address } = await listen(await keptAddress());
  const [second, sink] = [new PortableIo(), new Mirror()];
  open.push(second);
  await expect(second.open(address, sink)).rejects.toBeInstanceOf(PortInUseError);
  await first.close();
  expect(await second.open(address, sink)).toEqual(address);
  await expectBoth(address);
});

it('counts connections, and datagrams without room', async () => {
  const { io, sink, address } = await listen();
  const client = await TcpClient.connect(address);
  await vi.waitFor(() => expect(io.connections).toBe(1), SOON);
  client.destroy();
  await vi.waitFor(() => expect(io.connections).toBe(0), SOON);
  expect(io.dropped).toBe(0);
  sink.full = true;
  const peer = await UdpPeer.open(address);
  open.push(peer);
  for (let i = 0; i < 7; i++) peer.send(REQUEST);
  await vi.waitFor(() => expect(io.dropped).toBe(7), SOON);
  sink.full = false;
  await expectBoth(address);
  expect(io.dropped).toBe(7);
});

it('gives its options to TCP', async () => {
  const { io, address } = await listen(ANY_PORT, { connectionsMax: 1, idleMs: 50 });
  const first = await TcpClient.connect(address);
  const second = await TcpClient.connect(address);
  expect(await second.ending(WITHIN_MS)).not.toBe('open');
  expect(await first.ending(WITHIN_MS)).not.toBe('open');
  await vi.waitFor(() => expect(io.connections).toBe(0), SOON);
});

it('stop() refuses new connections while datagrams are still answered', async () => {
  const { io, address } = await listen();
  const peer = await UdpPeer.open(address);
  open.push(peer);
  io.stop();
  await expect(TcpClient.connect(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  peer.send(REQUEST);
  expect(await peer.receive(WITHIN_MS)).toEqual(mirrored(true));
});

const countsFiles = process.platform === 'linux';
it.skipIf(!countsFiles)('close() leaves no file descriptor', async () => {
  const files = () => readdirSync('/proc/self/fd').length;
  await (await listen()).io.close();
  const before = files();
  for (let i = 0; i < 5; i++) await (await listen()).io.close();
  await vi.waitFor(() => expect(files()).toBe(before), SOON);
});

it('a port that is refused leaves no file descriptor behind', async () => {
  const files = () => readdirSync('/proc/self/fd').length;
  const first = new PortableUdp();
  const taken = await first.open(ANY_PORT, new Mirror());
  const before = files();
  for (let i = 0; i < 5; i++) {
    await expect(new PortableUdp().open(taken, new Mirror())).rejects.toThrow('in use');
    await expect(new PortableIo().open(taken, new Mirror())).rejects.toThrow('in use');
  }
  await vi.waitFor(() => expect(files()).toBe(before), SOON);
  await first.close();
});
