/** What every PacketIo must do. Run with each implementation by its test file. */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RequestOrigin, RequestSink } from '../raida/origin.ts';
import { keptPorts } from '../testing/ports.ts';
import { AddressError, type PacketIo, PortInUseError, type SocketAddress } from './packet-io.ts';
import { UdpPeer } from './testing/udp-peer.ts';

/** Where servers and their peers are. */
export interface PacketIoNetwork {
  /** Of the server, one of each family; undefined: this machine has no IPv6. */
  readonly hosts: readonly [string, string | undefined];
  /** What a peer is told as. */
  readonly senders: readonly [string, string];
  /** Peers are on the server's machine. */
  readonly isLocal: boolean;
  /** Run what binds a socket of a peer, and one of the server's machine. */
  insideOfPeer(work: () => void): void;
  insideOfServer(work: () => void): void;
}

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const loopback: PacketIoNetwork = {
  hosts: ['127.0.0.1', hasIPv6 ? '::1' : undefined],
  senders: ['127.0.0.1', '::1'],
  isLocal: true,
  insideOfPeer: (work) => work(),
  insideOfServer: (work) => work(),
};
/** An address for documents (RFC 5737): no machine has it. */
const NOT_OURS = '192.0.2.1';
const WITHIN_MS = 60_000;
const SOON = { timeout: WITHIN_MS, interval: 2 };
/** How long silence lasts before it counts. */
const SILENCE_MS = 60;
/** The least that the tests send: peer, number, wanted reply, filler. RAIDA has the same least. */
const BYTES_MIN = 17;
/** The most that a datagram over IPv4 carries. */
const BYTES_MAX = 65507;
const SIZES = [17, 18, 48, 511, 1400, 1472, 1473, 4095, 4096, 4097, 15_629, 20_526, 65_506, 65_507];

/** Number of a request behind all others. */
const LAST = 9999;

/** A request that says who asks, its number, and how long the reply is to be. */
function requestOf(peer: number, number: number, size: { bytes?: number; reply?: number } = {}) {
  const request = Buffer.alloc(size.bytes ?? BYTES_MIN, (peer * 31 + number * 7) & 255);
  request.writeUInt32BE(peer, 0);
  request.writeUInt32BE(number, 4);
  request.writeUInt32BE(size.reply ?? BYTES_MIN, 8);
  return request;
}

/** Peer, number, length and CRC-32 of the request, filler. */
function replyTo(request: Buffer): Buffer {
  const reply = Buffer.alloc(request.readUInt32BE(8), crc32(request) & 255);
  request.copy(reply, 0, 0, 8);
  reply.writeUInt32BE(request.length, 8);
  reply.writeUInt32BE(crc32(request), 12);
  return reply;
}

/** Answers each request as it says, at once or when the test wants; or has no room. */
class AnsweringSink implements RequestSink {
  readonly held: { request: Buffer; origin: RequestOrigin }[] = [];
  hold = false;
  full = false;
  taken = 0;
  refused = 0;

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    if (this.full) {
      this.refused++;
      return false;
    }
    this.taken++;
    const request = Buffer.from(message);
    if (request.length < BYTES_MIN) origin.dropped();
    else if (this.hold) this.held.push({ request, origin });
    else answer({ request, origin });
    return true;
  }
}

/** The bytes are valid only until reply() returns. */
function answer({ request, origin }: AnsweringSink['held'][number]): void {
  const reply = replyTo(request);
  origin.reply(reply);
  reply.fill(0xa5);
}

/** Everything that a test opened; closed after it. */
class Place {
  readonly sink = new AnsweringSink();
  readonly network: PacketIoNetwork;
  readonly #make: () => PacketIo;
  readonly #open: { close(): Promise<void> }[] = [];

  constructor(make: () => PacketIo, network: PacketIoNetwork) {
    this.#make = make;
    this.network = network;
  }

  async listen(address: SocketAddress = { host: this.network.hosts[0], port: 0 }) {
    const io = this.#make();
    const bound = await io.open(address, this.sink);
    this.#open.push(io);
    return { io, address: bound };
  }

  makeUnopened(): PacketIo {
    return this.#make();
  }

  async peer(address: SocketAddress): Promise<UdpPeer> {
    const peer = await UdpPeer.open(address, this.network.insideOfPeer);
    this.#open.push(peer);
    return peer;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#open.splice(0).map((one) => one.close()));
  }
}

export function describePacketIo(
  name: string,
  make: () => PacketIo,
  network: PacketIoNetwork = loopback,
): void {
  describe(`PacketIo: ${name}`, () => {
    let place: Place | undefined;
    const open = () => {
      place = new Place(make, network);
      return place;
    };
    afterEach(async () => {
      await place?.close();
      place = undefined;
    });
    describeSizes(open);
    describePeers(open);
    describeRoom(open);
    describeBinding(open);
    describeClosing(open);
  });
}

function describeSizes(open: () => Place): void {
  it.each(SIZES)('a request and a reply of %d bytes', async (bytes) => {
    const place = open();
    const { address } = await place.listen();
    const peer = await place.peer(address);
    for (const size of [{ bytes }, { reply: bytes }, { bytes, reply: bytes }]) {
      const request = requestOf(1, bytes, size);
      peer.send(request);
      expect((await peer.receive(WITHIN_MS))?.equals(replyTo(request))).toBe(true);
    }
  });

  it('100 requests and replies of the largest size, one after the other', async () => {
    const place = open();
    const { io, address } = await place.listen();
    const peer = await place.peer(address);
    for (let number = 0; number < 100; number++) {
      const request = requestOf(1, number, { bytes: BYTES_MAX, reply: BYTES_MAX });
      peer.send(request);
      expect((await peer.receive(WITHIN_MS))?.equals(replyTo(request))).toBe(true);
    }
    expect(io.dropped).toBe(0);
  });

  it('a reply longer than a datagram can be is lost, and the next one is not', async () => {
    const place = open();
    const { address } = await place.listen();
    const peer = await place.peer(address);
    peer.send(requestOf(1, 1, { reply: BYTES_MAX + 1 }));
    expect(await peer.receive(SILENCE_MS)).toBeUndefined();
    peer.send(requestOf(1, 2));
    expect(await peer.receive(WITHIN_MS)).toEqual(replyTo(requestOf(1, 2)));
  });

  it('a datagram of no bytes or of one is no reason to stop', async () => {
    const place = open();
    const { address } = await place.listen();
    const peer = await place.peer(address);
    for (const bytes of [0, 1, 16]) peer.send(Buffer.alloc(bytes, 0xa5));
    peer.send(requestOf(1, 1));
    expect(await peer.receive(WITHIN_MS)).toEqual(replyTo(requestOf(1, 1)));
    expect(await peer.receive(SILENCE_MS)).toBeUndefined();
  });
}

function describePeers(open: () => Place): void {
  it('64 peers whose replies leave late and in another order', async () => {
    const place = open();
    const { address } = await place.listen();
    const peers = await Promise.all(Array.from({ length: 64 }, () => place.peer(address)));
    place.sink.hold = true;
    for (let number = 0; number < 10; number++) {
      peers.forEach((peer, id) => {
        peer.send(requestOf(id, number, { reply: BYTES_MIN + id }));
      });
      await vi.waitFor(() => expect(place.sink.held).toHaveLength(64), SOON);
      for (const one of place.sink.held.splice(0).reverse()) answer(one);
      for (const [id, peer] of peers.entries()) {
        const reply = await peer.receive(WITHIN_MS);
        expect(reply).toEqual(replyTo(requestOf(id, number, { reply: BYTES_MIN + id })));
      }
    }
    expect(peers.flatMap((peer) => peer.received)).toEqual([]);
  });

  it('a burst of 5000 datagrams from 20 peers', async () => {
    const place = open();
    const { io, address } = await place.listen();
    const peers = await Promise.all(Array.from({ length: 20 }, () => place.peer(address)));
    for (let number = 0; number < 250; number++) {
      for (const [id, peer] of peers.entries()) peer.send(requestOf(id, number));
    }
    // What the kernel has no room for is lost; a last request comes behind all the others.
    let taken = -1;
    await vi.waitUntil(
      () => {
        const still = taken === place.sink.taken;
        taken = place.sink.taken;
        return still;
      },
      { timeout: WITHIN_MS, interval: SILENCE_MS },
    );
    expect(taken).toBeGreaterThan(100);
    // A socket that can ask the kernel counts its losses too.
    expect([0, 5000 - taken]).toContain(io.dropped);
    for (const [id, peer] of peers.entries()) {
      peer.send(requestOf(id, LAST));
      const numbers: number[] = [];
      while (!numbers.includes(LAST)) {
        const reply = await peer.receive(WITHIN_MS);
        const number = reply?.readUInt32BE(4) ?? -1;
        expect(reply).toEqual(replyTo(requestOf(id, number)));
        numbers.push(number);
      }
      expect(new Set(numbers).size, 'each at most once').toBe(numbers.length);
    }
  });

  it('peers that close before their reply comes do not disturb the others', async () => {
    const place = open();
    const { address } = await place.listen();
    place.sink.hold = true;
    for (let number = 0; number < 30; number++) {
      const gone = await place.peer(address);
      gone.send(requestOf(1, number));
      gone.send(requestOf(2, number));
      await vi.waitFor(() => expect(place.sink.held).toHaveLength(2 * number + 2), SOON);
      await gone.close();
    }
    // Two replies each: the ICMP answer to the first may come back with the second.
    for (const one of place.sink.held) answer(one);
    place.sink.hold = false;
    const peer = await place.peer(address);
    for (let number = 0; number < 50; number++) {
      peer.send(requestOf(2, number));
      expect(await peer.receive(WITHIN_MS)).toEqual(replyTo(requestOf(2, number)));
    }
  });

  it('says where a request came from', async () => {
    const place = open();
    const { address } = await place.listen();
    place.sink.hold = true;
    (await place.peer(address)).send(requestOf(1, 1));
    await vi.waitFor(() => expect(place.sink.held).toHaveLength(1), SOON);
    const { senders, isLocal } = place.network;
    const here = { address: senders[0], local: isLocal, datagram: true };
    expect(place.sink.held[0]?.origin).toMatchObject(here);
  });
}

function describeRoom(open: () => Place): void {
  it('counts what the server has no room for, and nothing else', async () => {
    const place = open();
    const { io, address } = await place.listen();
    const peer = await place.peer(address);
    peer.send(requestOf(1, 0));
    await peer.receive(WITHIN_MS);
    expect(io.dropped).toBe(0);
    place.sink.full = true;
    for (let number = 1; number <= 20; number++) peer.send(requestOf(1, number));
    await vi.waitFor(() => expect(place.sink.refused).toBe(20), SOON);
    expect(io.dropped).toBe(20);
    place.sink.full = false;
    peer.send(requestOf(1, 21));
    expect(await peer.receive(WITHIN_MS)).toEqual(replyTo(requestOf(1, 21)));
    expect(io.dropped).toBe(20);
    expect(peer.received).toEqual([]);
  });
}

/** Somebody else's, on that address. */
function otherSocket({ host, port }: SocketAddress, network: PacketIoNetwork): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', lookup: (name, _, done) => done(null, name, 4) });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    network.insideOfServer(() => socket.bind(port, host, () => resolve(socket)));
  });
}

function describeBinding(open: () => Place): void {
  it('gives the port that the system chose', async () => {
    const place = open();
    const { io, address } = await place.listen();
    expect(address.host).toBe(place.network.hosts[0]);
    expect(address.port).toBeGreaterThan(0);
    expect(io.backend).toMatch(/^[a-z_]+$/);
  });

  it('a port in use is named, and can be had when it is free again', async () => {
    const place = open();
    const [host] = place.network.hosts;
    const { io, address } = await place.listen({ host, port: await keptPorts() });
    await io.close();
    const other = await otherSocket(address, place.network);
    const refusal = await place.listen(address).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PortInUseError);
    expect(refusal).toMatchObject({ code: 'ANDVARI_PORT_IN_USE', protocol: 'UDP', address });
    expect((refusal as Error).message).toContain(`port ${address.port} on ${address.host}`);
    expect((refusal as Error).cause).toBeInstanceOf(Error);
    await new Promise<void>((resolve) => other.close(resolve));
    expect((await place.listen(address)).address).toEqual(address);
  });

  it.each([NOT_OURS, 'no-address'])('%s is not an address of this machine', async (host) => {
    const refusal = await open()
      .listen({ host, port: 0 })
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AddressError);
    expect(refusal).toMatchObject({ code: 'ANDVARI_ADDRESS' });
    expect((refusal as Error).message).toContain(`UDP ${host}:0`);
  });

  it('IPv6, where the machine has it', async () => {
    const place = open();
    const { hosts, senders, isLocal } = place.network;
    const host = hosts[1];
    if (!host) return;
    const { address } = await place.listen({ host, port: 0 });
    expect(address.host).toBe(host);
    const peer = await place.peer(address);
    const request = requestOf(1, 1, { bytes: 1400, reply: 20_526 });
    peer.send(request);
    expect(await peer.receive(WITHIN_MS)).toEqual(replyTo(request));
    place.sink.hold = true;
    peer.send(request);
    await vi.waitFor(() => expect(place.sink.held).toHaveLength(1), SOON);
    expect(place.sink.held[0]?.origin).toMatchObject({ address: senders[1], local: isLocal });
  });
}

function describeClosing(open: () => Place): void {
  it('closes while requests are held and more are coming', async () => {
    const place = open();
    const { io, address } = await place.listen();
    const peer = await place.peer(address);
    place.sink.hold = true;
    for (let number = 0; number < 8; number++) peer.send(requestOf(1, number));
    await vi.waitFor(() => expect(place.sink.held).toHaveLength(8), SOON);
    for (let number = 8; number < 500; number++) peer.send(requestOf(1, number));
    await Promise.all([io.close(), io.close()]);
    const { taken } = place.sink;
    for (const one of place.sink.held) answer(one);
    expect(await peer.receive(SILENCE_MS)).toBeUndefined();
    expect(place.sink.taken, 'nothing is delivered after close()').toBe(taken);
    await io.close();
    place.sink.hold = false;
    await place.listen(address);
    const next = await place.peer(address);
    next.send(requestOf(1, 500));
    expect(await next.receive(WITHIN_MS)).toEqual(replyTo(requestOf(1, 500)));
  });

  it('a server that was never opened closes', async () => {
    await expect(open().makeUnopened().close()).resolves.toBeUndefined();
  });
}
