/**
 * What every packet socket does, over loopback or a pair of interfaces. A backend's test calls it
 * with its own way to open one.
 */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FRAME_BYTES } from '../generated/border.ts';
import type { OpenOptions, PacketCounters, PacketSocket } from '../index.ts';
import { type DescriptorFields, RingEngine, type RingEngineOptions } from './ring-engine.ts';
import { bindUdp, UdpClient } from './udp-client.ts';

export type OpenSocket = (options: OpenOptions) => PacketSocket;

/** Where sockets and clients are. */
export interface ComplianceNetwork {
  /** Of the server, one of each family. */
  readonly hosts: readonly [string, string];
  /** What a sender in IPv6 is told as: SipHash-2-4 of its network under 00 01 .. 0f, low half. */
  readonly hashV6: number;
  /** What finds no frame waits in the kernel, and is not lost. */
  readonly waits: boolean;
  /** `elsewhere`: from an address that nobody else has, if there is one. */
  client(to: { host: string; port: number }, elsewhere?: boolean): Promise<UdpClient>;
  /** Runs what binds a socket of the server's side. */
  inside<T>(work: () => T): T;
}

export const loopback: ComplianceNetwork = {
  hosts: ['127.0.0.1', '::1'],
  hashV6: 0xa07681a7,
  waits: true,
  // A port of 127.0.0.1 could be somebody's who echoes, too.
  client: (to, elsewhere) => UdpClient.open(to, elsewhere ? '127.9.8.7' : to.host),
  inside: (work) => work(),
};

/** Payload sizes around every border: empty, one, a frame, the copy slots, the longest. */
const sizes = [1, 2, 64, 255, 256, 257, 1400, 1472, 2047, 2048, 2049, 4000];
sizes.push(FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 8192, 16_384, 65_506, 65_507);

/** Bytes that differ at every place, from size to size, and from one `variant` to the next. */
function payload(size: number, variant = 0): Buffer {
  const first = size + variant;
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + first + (i >> 8)) & 0xff));
}

const openFds = () => readdirSync('/proc/self/fd').length;

/** A socket with its engine, and a client. */
class Place {
  engine!: RingEngine;
  socket!: PacketSocket;
  client!: UdpClient;
  readonly open: OpenSocket;
  readonly engineOptions: RingEngineOptions;
  readonly network: ComplianceNetwork;

  constructor(open: OpenSocket, engineOptions: RingEngineOptions, network: ComplianceNetwork) {
    this.open = open;
    this.engineOptions = engineOptions;
    this.network = network;
  }

  /** The server's address in IPv4. */
  get host(): string {
    return this.network.hosts[0];
  }

  async start(host: string, more: RingEngineOptions = {}): Promise<void> {
    this.engine = new RingEngine({ ...this.engineOptions, ...more });
    this.socket = this.open({ ...this.engine.port, host, port: 0 });
    this.client = await this.network.client(this.socket);
  }

  serve(): void {
    const { engine, socket } = this;
    socket.watch(() => void engine.serve(socket));
  }

  /** The client may have a reply before its end is counted: a thread of the kernel can send it. */
  counts(wanted: Partial<PacketCounters>): Promise<void> {
    return vi.waitFor(() => expect(this.socket.counters()).toMatchObject(wanted));
  }

  stop(): void {
    this.socket.close();
    this.client.close();
  }
}

export function packetSocketCompliance(
  open: OpenSocket,
  engineOptions: RingEngineOptions = {},
  network: ComplianceNetwork = loopback,
) {
  const place = new Place(open, engineOptions, network);
  exchanges(place);
  replies(place);
  pressure(place);
  closing(place);
  refusals(place);
}

/** Every size there and back, on both families. */
function exchanges(place: Place) {
  describe.each(place.network.hosts)('on %s', (host) => {
    beforeEach(() => place.start(host));
    afterEach(() => place.stop());

    it('says where it listens', () => {
      expect(place.socket.host).toBe(host);
      expect(place.socket.port).toBeGreaterThan(1023);
    });

    it.each(sizes)('echoes %i bytes', async (size) => {
      place.serve();
      const sent = payload(size);
      await place.client.send(sent);
      const [reply] = await place.client.wait(1);
      expect(reply?.length).toBe(size);
      expect(Buffer.compare(reply ?? sent.subarray(1), sent)).toBe(0);
      await place.counts({ received: 1, sent: 1, dropped: 0, refused: 0 });
    });

    it('hands over an empty datagram', async () => {
      place.serve();
      await place.client.send('');
      await place.client.send('next');
      expect(String((await place.client.wait(1))[0])).toBe('next');
      await place.counts({ received: 2, sent: 1, silent: 1 });
    });

    it.each([100, 256, 1000, 2049, 65_507])(
      'sends %i kept bytes to a small request',
      async (size) => {
        await place.client.send('small');
        const { frame, peer } = place.engine.receive(place.socket);
        const kept = place.engine.keep(payload(size));
        place.engine.put(place.engine.port.ready, { ...kept, frame, peer });
        place.engine.turn(place.socket);
        // From now on the engine may write there.
        place.engine.bytes.fill(0xa5, kept.offset, kept.offset + size);
        place.serve();
        const [reply] = await place.client.wait(1);
        expect(Buffer.compare(reply ?? Buffer.alloc(0), payload(size))).toBe(0);
      },
    );

    it('drops a reply that no datagram can hold', async () => {
      await place.client.send('small');
      const { frame, peer } = place.engine.receive(place.socket);
      place.engine.put(place.engine.port.ready, {
        ...place.engine.keep(payload(65_508)),
        frame,
        peer,
      });
      place.engine.turn(place.socket);
      expect(place.socket.counters()).toMatchObject({ sent: 0, dropped: 1, refused: 0 });
    });

    it('answers bursts, of sizes mixed, and keeps every frame', async () => {
      place.serve();
      const mixed = [...sizes.slice(0, -2), ...Array<number>(40).fill(64)];
      for (let burst = 0; burst < 12; burst++) {
        const before = place.client.received.length;
        await Promise.all(mixed.map((size) => place.client.send(payload(size))));
        const replies = (await place.client.wait(before + mixed.length)).slice(before);
        const lengths = replies.map(({ length }) => length).sort((a, b) => a - b);
        expect(lengths).toEqual([...mixed].sort((a, b) => a - b));
        for (const reply of replies) {
          expect(Buffer.compare(reply, payload(reply.length))).toBe(0);
        }
      }
      expect(place.socket.counters()).toMatchObject({ dropped: 0, refused: 0 });
    });
  });
}

/** Many of one size, a shorter one behind them, more than a message holds, longer than an MTU. */
const replySizes = [100, 100, 60, 60, 61, 1].flatMap((size) => [
  ...Array<number>(39).fill(size),
  2,
]);
replySizes.push(...Array<number>(25).fill(3000), ...Array<number>(5).fill(1400), 1, 3000);

/** What the engine has answered in one turn: what has one receiver and one size may be joined. */
function replies(place: Place) {
  interface Answer {
    who: number;
    i: number;
  }
  const orders: [string, (a: Answer, b: Answer) => number][] = [
    ['one receiver after the other', (a, b) => a.who - b.who || a.i - b.i],
    ['to receivers in turn', (a, b) => a.i - b.i || a.who - b.who],
    ['from the last to the first', (a, b) => b.who - a.who || b.i - a.i],
  ];
  it.each(orders)('sends the replies of one turn, %s', async (_, order) => {
    await place.start(place.host, { frameCount: 10_240 });
    const { engine, socket, client } = place;
    const clients = [client, await place.network.client(socket)];
    const asked = clients.map<DescriptorFields[]>(() => []);
    for (const [who, one] of clients.entries()) {
      for (const _ of replySizes) await one.send(`${who}`);
    }
    while (asked.flat().length < 2 * replySizes.length) {
      const request = engine.receive(socket);
      asked[Number(engine.textAt(request))]?.push(request);
    }
    const answers = clients.flatMap((_, who) => replySizes.map((_, i) => ({ who, i })));
    for (const { who, i } of answers.sort(order)) {
      const [length = 0, request] = [replySizes[i], asked[who]?.[i]];
      if (request) engine.answer(request, payload(length, i + who));
    }
    engine.turn(socket);
    for (const [who, one] of clients.entries()) {
      const got = (await one.wait(replySizes.length)).map((reply) => reply.toString('latin1'));
      const wanted = replySizes.map((length, i) => payload(length, i + who).toString('latin1'));
      expect(got.sort()).toEqual(wanted.sort());
      one.close();
    }
    // What a thread of the kernel has sent is counted in a later turn.
    place.serve();
    await place.counts({ sent: 2 * replySizes.length, dropped: 0, refused: 0 });
    socket.close();
  });
}

/** Too much, and nobody there. */
function pressure(place: Place) {
  const waits = 'waits without spinning while the engine has every frame, and goes on after it';
  it.runIf(place.network.waits)(waits, async () => {
    await place.start(place.host, { ringEntries: 1024, frameCount: 128, peers: 1024 });
    let calls = 0;
    place.socket.watch(() => {
      calls++;
      place.engine.turn(place.socket);
    });
    // More than there are frames: the rest waits in the kernel.
    for (let i = 0; i < 300; i++) await place.client.send(`${i}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = calls;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls - before).toBeLessThan(20);
    expect(place.engine.used(place.engine.port.rx)).toBeLessThanOrEqual(128);
    for (const end = Date.now() + 5000; Date.now() < end && place.client.received.length < 300; ) {
      place.engine.serve(place.socket);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await place.client.wait(300)).map(Number).sort((a, b) => a - b)).toEqual([
      ...Array(300).keys(),
    ]);
    place.stop();
  });

  it('counts what nobody had room for, and nothing else', async () => {
    await place.start(place.host);
    // More bytes than the kernel keeps for a socket, and more packets than the rings hold.
    const count = 8000;
    for (let i = 0; i < count; i++) await place.client.send(payload(1400, i));
    place.serve();
    await vi.waitFor(() => {
      const { received, dropped } = place.socket.counters();
      expect(received + dropped).toBe(count);
    });
    const { received, dropped, refused } = place.socket.counters();
    expect(received).toBeGreaterThan(0);
    expect(dropped).toBeGreaterThan(0);
    expect(refused).toBe(0);
    place.stop();
    expect(place.socket.counters()).toMatchObject({ received, dropped });
  });

  it('does not mind receivers that are gone', async () => {
    await place.start(place.host);
    place.serve();
    for (let i = 0; i < 20; i++) {
      const gone = await place.network.client(place.socket, true);
      await Promise.all([gone.send('a'), gone.send('b')]);
      gone.close();
    }
    await place.client.send('still there');
    expect(String((await place.client.wait(1))[0])).toBe('still there');
    place.stop();
  });
}

/** Ending it, often and at the wrong moment. */
function closing(place: Place) {
  it('paused, receives nothing more, and still answers what it has received', async () => {
    await place.start(place.host);
    await place.client.send('taken');
    const { frame, peer } = place.engine.receive(place.socket);
    place.socket.pause();
    await place.client.send('too late');
    place.engine.put(place.engine.port.ready, { ...place.engine.keep(payload(5)), frame, peer });
    for (let turn = 0; turn < 10; turn++) place.engine.turn(place.socket);
    expect((await place.client.wait(1))[0]).toEqual(payload(5));
    await place.counts({ received: 1 });
    place.stop();
  });

  it('closes twice, under load, and inside its own callback', async () => {
    await place.start(place.host);
    const closing = place.socket;
    let turns = 0;
    closing.watch(() => {
      place.engine.serve(closing);
      if (++turns === 3) {
        closing.close();
        closing.close();
      }
    });
    for (const end = Date.now() + 5000; turns < 3 && Date.now() < end; ) {
      await Promise.all(sizes.map((size) => place.client.send(payload(size))));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(turns).toBe(3);
    expect(closing.turn(0, 0)).toBe(0);
    expect(closing.releases().length).toBe(0);
    expect(closing.large(4096)).toBeUndefined();
    expect(closing.sendTo(0, 0, 0)).toBe(false);
    expect(closing.counters().received).toBeGreaterThan(0);
    expect(closing.watch(() => undefined)).toBeUndefined();
    place.stop();
  });

  it('lets go of its descriptors, its port and its memory, 100 times', async () => {
    const { port } = new RingEngine(place.engineOptions);
    // The first one may load what stays.
    place.open({ ...port, host: place.host, port: 0 }).close();
    const before = openFds();
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      const one = place.open({ ...port, host: place.host, port: taken });
      one.watch(() => undefined);
      taken = one.port;
      one.close();
      // A handle of the event loop goes at the end of its turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(openFds()).toBe(before);
  });
}

/** What cannot be opened, and what is told of a sender. */
function refusals(place: Place) {
  it('refuses a port that is taken, an address that is not here, and no address', async () => {
    const other = await bindUdp(place.host, 0, place.network.inside);
    const { port } = new RingEngine(place.engineOptions);
    const opening = (host: string, number: number) => () =>
      place.open({ ...port, host, port: number });
    const before = openFds();
    expect(opening(place.host, other.address().port)).toThrow(
      expect.objectContaining({ code: 'ANDVARI_PORT_IN_USE' }),
    );
    for (const host of ['192.0.2.1', '2001:db8::1', 'localhost', '', '127.0.0.1\0']) {
      expect(opening(host, 0), host).toThrow(expect.objectContaining({ code: 'ANDVARI_ADDRESS' }));
    }
    expect(openFds()).toBe(before);
    other.close();
  });

  it('tells a sender in IPv6 by a keyed hash of its network', async () => {
    await place.start(place.network.hosts[1]);
    await place.client.send('who');
    expect(place.engine.receive(place.socket).address).toBe(place.network.hashV6);
    place.stop();
  });
}
