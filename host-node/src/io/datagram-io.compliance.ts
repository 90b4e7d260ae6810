/** What every DatagramIo must do. Run with each implementation by its test file. */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { placeOf } from '@andvari/host-common/transfer/far-end';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { keptPorts } from '../testing/ports.ts';
import { farEndOf } from '../transfer/socket-address.ts';
import type { DatagramIo } from './datagram-io.ts';
import { AddressError, PortInUseError, type SocketAddress } from './packet-io.ts';
import { DatagramPlace, numbered, numberOf } from './testing/datagram-place.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const hosts = ['127.0.0.1', ...(hasIPv6 ? ['::1'] : [])];
/** An address for documents (RFC 5737): no machine has it. */
const NOT_OURS = '192.0.2.1';
const SOON = { timeout: 60_000, interval: 2 };
/** How long silence lasts before it counts. */
const SILENCE_MS = 60;
const BATCH = 64;

const silence = () => new Promise((resolve) => setTimeout(resolve, SILENCE_MS));

export function describeDatagramIo(
  name: string,
  make: (address: SocketAddress) => DatagramIo,
): void {
  describe(`DatagramIo: ${name}`, () => {
    const opened: DatagramPlace[] = [];
    const open = async (host = '127.0.0.1', port = 0) => {
      const place = new DatagramPlace(make({ host, port }));
      await place.open();
      opened.push(place);
      return place;
    };
    afterEach(async () => {
      await Promise.all(opened.splice(0).map(({ io }) => io.close()));
    });
    describeCarrying(open);
    describeOdd(open);
    describeEnds(open, make);
  });
}

type Open = (host?: string, port?: number) => Promise<DatagramPlace>;

function describeCarrying(open: Open): void {
  it.each(hosts)('every size to and fro at %s, and says where it is from', async (host) => {
    const [one, two] = [await open(host), await open(host)];
    const most = one.io.maxDatagramBytes;
    expect(most).toBeGreaterThanOrEqual(1232);
    for (const length of [4, 52, 1232, most - 1, most]) {
      for (const [from, to] of [
        [one, two],
        [two, one],
      ] as const) {
        const bytes = numbered(length, length);
        from.send([{ bytes, farEnd: to.farEnd }]);
        await vi.waitFor(() => expect(to.arrived).toHaveLength(1), SOON);
        expect(to.arrived.splice(0)).toEqual([{ bytes, farEnd: from.farEnd }]);
      }
    }
    expect([one.io.dropped, one.io.tooLarge, one.io.sent, one.io.received]).toEqual([0, 0, 5, 5]);
  });

  it('batches of equal and of any sizes arrive whole, once and in order', async () => {
    const [one, two] = [await open(), await open()];
    const { farEnd } = two;
    const sizes = [
      (_: number) => 1200,
      (i: number) => 4 + ((i * 797) % 1228),
      // A shorter one ends a message of equal ones.
      (i: number) => (i % 7 === 6 ? 300 : 900),
    ];
    for (const sizeOf of sizes) {
      const sent = Array.from({ length: BATCH }, (_, i) => numbered(i, sizeOf(i)));
      expect(one.send(sent.map((bytes, i) => ({ bytes, farEnd, probe: i % 9 === 4 })))).toBe(true);
      await vi.waitFor(() => expect(two.arrived).toHaveLength(BATCH), SOON);
      expect(two.arrived.splice(0).map(({ bytes }) => bytes)).toEqual(sent);
    }
    expect(two.io.received).toBe(3 * BATCH);
  });

  it('a batch to many, and a batch from many', async () => {
    const hub = await open();
    const others = await Promise.all(Array.from({ length: 16 }, () => open()));
    const packets = Array.from({ length: BATCH }, (_, i) => ({
      bytes: numbered(i),
      farEnd: (others[i % 16] as DatagramPlace).farEnd,
    }));
    hub.send(packets);
    for (const [i, other] of others.entries()) {
      await vi.waitFor(() => expect(other.arrived).toHaveLength(4), SOON);
      expect(other.arrived.map(numberOf)).toEqual([i, i + 16, i + 32, i + 48]);
      other.send([{ bytes: numbered(i), farEnd: hub.farEnd }]);
    }
    await vi.waitFor(() => expect(hub.arrived).toHaveLength(16), SOON);
    for (const one of hub.arrived) expect(one.farEnd).toEqual(others[numberOf(one)]?.farEnd);
  });

  it.runIf(hasIPv6)('at :: hears and reaches both families', async () => {
    const hub = await open('::');
    const { port } = hub.address;
    for (const host of hosts) {
      const other = await open(host);
      other.send([{ bytes: numbered(1), farEnd: farEndOf({ host, port }) }]);
      await vi.waitFor(() => expect(hub.arrived).toHaveLength(1), SOON);
      const [{ farEnd } = { farEnd: other.farEnd }] = hub.arrived.splice(0);
      expect(placeOf(farEnd)).toEqual(other.farEnd);
      hub.send([{ bytes: numbered(2), farEnd }]);
      await vi.waitFor(() => expect(other.arrived.map(numberOf)).toEqual([2]), SOON);
      expect(other.arrived[0]?.farEnd).toEqual(farEndOf({ host, port }));
    }
  });

  it('what it is given by send() may be written again at once', async () => {
    const [one, two] = [await open(), await open()];
    const bytes = numbered(7);
    one.io.send([{ bytes, farEnd: two.farEnd }]);
    bytes.fill(0xa5);
    await vi.waitFor(() => expect(two.arrived).toHaveLength(1), SOON);
    expect(two.arrived[0]?.bytes).toEqual(numbered(7));
  });

  it('works in the memory where it says so, and nowhere else', async () => {
    const [one, two] = [await open(), await open()];
    one.send([{ bytes: numbered(1), farEnd: two.farEnd }]);
    await vi.waitFor(() => expect(two.arrived).toHaveLength(1), SOON);
    expect(two.placed).toBe(two.io.sendPlaced ? 1 : 0);
    const { outgoing, sent } = two.places;
    const untouched = two.bytes.subarray(outgoing, sent + 64 * BATCH);
    expect(untouched.every((byte) => byte === 0)).toBe(true);
  });
}

function describeOdd(open: Open): void {
  it('more than the interface takes is lost, and what comes behind is not', async () => {
    const [one, two] = [await open(), await open()];
    const { farEnd } = two;
    const tooLong = numbered(1, 65_508);
    one.io.send([{ bytes: tooLong, farEnd }]);
    one.send([{ bytes: numbered(2), farEnd }]);
    await vi.waitFor(() => expect(two.arrived).toHaveLength(1), SOON);
    expect(two.arrived.map(numberOf)).toEqual([2]);
  });

  it('nobody is there, nobody can be there: others hear nothing of it', async () => {
    const [one, two] = [await open(), await open()];
    const gone = createSocket('udp4');
    await new Promise<void>((resolve) => gone.bind(0, '127.0.0.1', resolve));
    const nobody = farEndOf({ host: '127.0.0.1', port: gone.address().port });
    await new Promise<void>((resolve) => gone.close(resolve));
    const nowhere = farEndOf({ host: '127.0.0.1', port: 0 });
    const otherFamily = farEndOf({ host: '2001:db8::1', port: 9 });
    for (let number = 0; number < 20; number++) {
      one.send([
        { bytes: numbered(1000), farEnd: nobody },
        { bytes: numbered(1000), farEnd: nowhere },
        { bytes: numbered(1000), farEnd: otherFamily },
        { bytes: numbered(number), farEnd: two.farEnd },
      ]);
      one.io.send([{ bytes: numbered(1000), farEnd: nowhere }]);
      await vi.waitFor(() => expect(two.arrived).toHaveLength(number + 1), SOON);
    }
    expect(two.arrived.map(numberOf)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await vi.waitFor(() => expect(one.io.dropped).toBeGreaterThanOrEqual(40), SOON);
    two.send([{ bytes: numbered(5), farEnd: one.farEnd }]);
    await vi.waitFor(() => expect(one.arrived.map(numberOf)).toEqual([5]), SOON);
  });

  it('a datagram of no bytes is nothing; one of one byte is one', async () => {
    const place = await open();
    const peer = createSocket('udp4');
    for (const bytes of [[], [9], []]) {
      peer.send(Uint8Array.from(bytes), place.address.port, place.address.host);
    }
    await vi.waitFor(() => expect(place.io.dropped).toBe(2), SOON);
    await vi.waitFor(() => expect(place.arrived).toHaveLength(1), SOON);
    expect(place.arrived[0]?.bytes).toEqual(Uint8Array.of(9));
    await new Promise<void>((resolve) => peer.close(resolve));
  });

  it('a flood from strangers is taken or lost, and a datagram behind it arrives', async () => {
    const place = await open();
    const strangers = await Promise.all(Array.from({ length: 8 }, () => open()));
    const { farEnd } = place;
    for (let round = 0; round < 40; round++) {
      for (const stranger of strangers) {
        stranger.send(Array.from({ length: BATCH }, () => ({ bytes: numbered(1), farEnd })));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = numbered(2);
    const repeat = setInterval(() => strangers[0]?.send([{ bytes: last, farEnd }]), 20);
    try {
      const wanted = () => place.arrived.some((one) => numberOf(one) === 2);
      await vi.waitUntil(wanted, SOON);
    } finally {
      clearInterval(repeat);
    }
    expect(place.io.received).toBe(place.arrived.length);
    for (const { bytes } of place.arrived) expect(bytes).toHaveLength(100);
  });
}

function describeEnds(open: Open, make: (address: SocketAddress) => DatagramIo): void {
  it('binds to a port of its own, and names its backend', async () => {
    const { io, address } = await open();
    expect(address.host).toBe('127.0.0.1');
    expect(address.port).toBeGreaterThan(0);
    expect(io.backend).toMatch(/^[a-z_]+$/);
  });

  it('a port in use is named, and can be had when it is free again', async () => {
    const { io, address } = await open('127.0.0.1', await keptPorts());
    const refusal = await open(address.host, address.port).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PortInUseError);
    expect(refusal).toMatchObject({ code: 'ANDVARI_PORT_IN_USE', protocol: 'UDP', address });
    await io.close();
    expect((await open(address.host, address.port)).address).toEqual(address);
  });

  it.each([NOT_OURS, 'no-address'])('%s is not an address of this machine', async (host) => {
    const refusal = await open(host).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AddressError);
    expect(refusal).toMatchObject({ code: 'ANDVARI_ADDRESS' });
  });

  it('closes while datagrams come and go; nothing is handed over afterwards', async () => {
    const [one, two] = [await open(), await open()];
    const packets = Array.from({ length: BATCH }, (_, i) => ({
      bytes: numbered(i, 1200),
      farEnd: two.farEnd,
    }));
    for (let i = 0; i < 10; i++) one.send(packets);
    await Promise.all([two.io.close(), one.io.close(), two.io.close()]);
    const taken = two.arrived.length;
    one.send(packets);
    one.io.send(packets);
    await silence();
    expect(two.arrived).toHaveLength(taken);
    await two.io.close();
  });

  it('closes inside of its sink', async () => {
    const [one, address] = [await open(), { host: '127.0.0.1', port: 0 }];
    const io = make(address);
    let batches = 0;
    await io.open(() => {
      batches++;
      void io.close();
    });
    const farEnd = farEndOf(io.bound);
    for (let i = 0; i < 20; i++) {
      one.send(Array.from({ length: BATCH }, () => ({ bytes: numbered(1), farEnd })));
    }
    await vi.waitFor(() => expect(batches).toBe(1), SOON);
    await silence();
    expect(batches).toBe(1);
  });

  it('one that was never opened closes, and sends nothing', async () => {
    const io = make({ host: '127.0.0.1', port: 0 });
    io.send([{ bytes: numbered(1), farEnd: farEndOf({ host: '127.0.0.1', port: 9 }) }]);
    expect(io.sent).toBe(0);
    await io.close();
  });
}
