/**
 * Endpoints over a pair of interfaces of their own: the size of packets is found, and none is ever
 * cut. Wants root and `ip`.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  DatagramPlace,
  numbered,
  numberOf,
} from '../../host-node/src/io/testing/datagram-place.ts';
import { ipOf, udpFrame } from '../../native-io/lib/testing/packet-shapes.ts';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import {
  CLIENT_IP,
  CLIENT_IP6,
  SERVER_IP,
  SERVER_IP6,
  Veth,
  whyNoXdp,
} from '../../native-io/lib/testing/veth.ts';
import { meet, read, UdpPlace, udpBackends, write } from './udp-place.ts';

const BYTES = 2_000_000;
const SOON = { timeout: 60_000, interval: 5 };
const why = whyNoXdp();

let veth: Veth;
const place = new UdpPlace();
const others: { close(): Promise<void> | void }[] = [];

const inServer = <T>(work: () => T): T => loadTestModule().inNamespace(veth.server, work);
const inClient = <T>(work: () => T): T => loadTestModule().inNamespace(veth.client, work);

function inNamespace(name: string, ...command: string[]): string {
  return spawnSync('ip', ['netns', 'exec', name, ...command]).stdout.toString();
}

/** Fragments that this namespace has made and put together. */
function fragments(name: string): number {
  const v4 = inNamespace(name, 'cat', '/proc/net/snmp').split('\n');
  const [names = '', values = ''] = v4.filter((line) => line.startsWith('Ip:'));
  const column = (wanted: string) => Number(values.split(' ')[names.split(' ').indexOf(wanted)]);
  const v6 = inNamespace(name, 'cat', '/proc/net/snmp6');
  const line = (wanted: string) => Number(new RegExp(`^${wanted}\\s+(\\d+)`, 'm').exec(v6)?.[1]);
  const ip6 = ['Ip6FragCreates', 'Ip6ReasmReqds'].map(line);
  return [column('FragCreates'), column('ReasmReqds'), ...ip6].reduce((sum, n) => sum + n, 0);
}

const allFragments = () => fragments(veth.server) + fragments(veth.client);

type Backend = (typeof udpBackends)[number];

interface Ends {
  caller: TransferEndpoint;
  called: TransferEndpoint;
  one: UdpTransport;
  two: UdpTransport;
}

async function endpoints(backend: Backend, v6: boolean): Promise<Ends> {
  const address = (host: string) => ({ host, port: 0 });
  const one = new UdpTransport(address(v6 ? CLIENT_IP6 : CLIENT_IP), { backend });
  const two = new UdpTransport(address(v6 ? SERVER_IP6 : SERVER_IP), { backend });
  const caller = await place.endpoint(1, one, {}, inClient);
  const called = await place.endpoint(2, two, {}, inServer);
  return { caller, called, one, two };
}

/** Carries BYTES, and gives the size of packets that was found; it is looked for until `mtu`. */
async function sizeFound({ caller, called, two }: Ends, mtu: { least: number; most: number }) {
  const [ours, theirs] = await meet(caller, called, farEndOf(two.bound));
  const [got] = await Promise.all([read(theirs), write(ours, BYTES)]);
  expect(got).toEqual({ bytes: BYTES, wrong: 0 });
  const size = () => Number(ours.statistics()?.MTU);
  await vi.waitFor(async () => {
    await ours.ping();
    expect(size()).toBeGreaterThanOrEqual(mtu.least);
  }, SOON);
  expect(size()).toBeLessThanOrEqual(mtu.most);
  return ours;
}

const label = `over a pair of interfaces${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined)(label, () => {
  afterEach(async () => {
    await place.close();
    await Promise.all(others.splice(0).map((one) => one.close()));
    veth.remove();
  });

  const families = [
    { v6: false, headers: 28 },
    { v6: true, headers: 48 },
  ];

  describe.runIf(udpBackends.includes('mmsg')).each(families)('mmsg, IPv6: $v6', (family) => {
    const { v6, headers } = family;

    it.each([1500, 1300, 9000])(
      'finds what %d bytes of MTU hold, and cuts nothing',
      async (mtu) => {
        veth = new Veth({ mtu });
        const ends = await endpoints('mmsg', v6);
        const size = mtu === 9000 ? 8972 - (v6 ? 20 : 0) : mtu - headers;
        expect(ends.one.maxDatagramBytes).toBe(size);
        await sizeFound(ends, { least: size, most: size });
        expect(allFragments()).toBe(0);
      },
    );

    it('finds what the way holds when it holds less than the interface, in the dark', async () => {
      veth = new Veth({ mtu: 1500 });
      // What is longer gets lost at that end without a word.
      inNamespace(veth.server, 'ip', 'link', 'set', 'vs', 'mtu', '1300');
      const ends = await endpoints('mmsg', v6);
      expect(ends.one.maxDatagramBytes).toBe(1500 - headers);
      const most = 1300 - headers;
      await sizeFound(ends, { least: most - 16, most });
      expect(ends.one.tooLarge).toBe(0);
      expect(allFragments()).toBe(0);
    });

    it('a probe that the interface refuses is a probe that is lost', async () => {
      veth = new Veth({ mtu: 1500 });
      const ends = await endpoints('mmsg', v6);
      // After the sockets have asked.
      inNamespace(veth.client, 'ip', 'link', 'set', 'vc', 'mtu', '1300');
      const most = 1300 - headers;
      await sizeFound(ends, { least: most - 16, most });
      expect(ends.one.tooLarge).toBeGreaterThanOrEqual(3);
      expect(ends.one.dropped).toBe(0);
      expect(allFragments()).toBe(0);
    });
  });

  it.each(families)(
    'portable stays at the base size, and cuts nothing; IPv6: $v6',
    async (family) => {
      veth = new Veth({ mtu: 1300 });
      const size = 1280 - family.headers;
      await sizeFound(await endpoints('portable', family.v6), { least: size, most: size });
      expect(allFragments()).toBe(0);
    },
  );

  it('what node:dgram sends beyond that is cut: the counters count', async () => {
    veth = new Veth({ mtu: 1300 });
    const arrived: Buffer[] = [];
    const options = {
      type: 'udp4',
      lookup: (name: string, _: unknown, done: unknown) =>
        (done as (...of: unknown[]) => void)(null, name, 4),
    } as const;
    const [from, to] = [createSocket(options), createSocket(options)];
    await new Promise<void>((resolve) => inServer(() => to.bind(5000, SERVER_IP, resolve)));
    await new Promise<void>((resolve) => inClient(() => from.bind(5000, CLIENT_IP, resolve)));
    to.on('message', (message) => arrived.push(message));
    from.send(Buffer.alloc(1472), 5000, SERVER_IP);
    await vi.waitFor(() => expect(arrived).toHaveLength(1), SOON);
    expect(allFragments()).toBeGreaterThan(0);
    for (const socket of [from, to]) socket.close();
  });

  it.each(udpBackends)(
    '%s: a datagram from port 0 is dropped, and the next is not',
    async (backend) => {
      veth = new Veth();
      const io = new UdpTransport({ host: SERVER_IP, port: 0 }, { backend });
      const server = new DatagramPlace(io);
      others.push(io);
      await inServer(() => server.open());
      const module = loadTestModule();
      const socket = inClient(() => module.openPacketSocket(veth.clientInterface));
      const mac = (text: string) =>
        Uint8Array.from(text.split(':').map((part) => Number.parseInt(part, 16)));
      for (const [i, fromPort] of [0, 40_000, 0, 40_001].entries()) {
        const frame = udpFrame({
          to: mac(veth.macOf(veth.server, veth.serverInterface)),
          from: mac(veth.macOf(veth.client, veth.clientInterface)),
          fromIp: CLIENT_IP,
          toIp: SERVER_IP,
          fromPort,
          toPort: io.bound.port,
          payload: numbered(i),
        });
        module.send(socket, frame);
      }
      module.closeSocket(socket);
      await vi.waitFor(() => expect(server.arrived).toHaveLength(2), SOON);
      expect(server.arrived.map(numberOf)).toEqual([1, 3]);
      expect(server.arrived.map(({ farEnd }) => farEnd)).toEqual(
        [40_000, 40_001].map((port) => farEndOf({ host: CLIENT_IP, port })),
      );
      expect(io.dropped).toBe(2);
    },
  );

  const hosts = udpBackends.includes('mmsg') ? [SERVER_IP, '::'] : [];
  it.each(hosts)('at %s IPv4 packets forbid to be cut on their way', async (host) => {
    veth = new Veth();
    const io = new UdpTransport({ host, port: 0 }, { backend: 'mmsg' });
    const server = new DatagramPlace(io);
    others.push(io);
    await inServer(() => server.open());
    const module = loadTestModule();
    const socket = inClient(() => module.openPacketSocket(veth.clientInterface));
    const farEnd = farEndOf({ host: CLIENT_IP, port: 9 });
    for (let i = 0; i < 2; i++) server.send([{ bytes: numbered(i), farEnd }]);
    io.send([{ bytes: numbered(2), farEnd }]);
    const own = ipOf(SERVER_IP).join();
    let seen = 0;
    while (seen < 3) {
      const frame = module.receive(socket, 2000);
      if (!frame) break;
      if (frame.subarray(26, 30).join() !== own || frame[23] !== 17) continue;
      seen++;
      expect((frame[20] ?? 0) & 0xe0, "don't fragment").toBe(0x40);
    }
    module.closeSocket(socket);
    expect(seen).toBe(3);
  });

  it.runIf(udpBackends.includes('mmsg'))(
    'what the kernel does not take waits, and goes',
    async () => {
      veth = new Veth();
      // So slow that what goes meanwhile is little, however slowly packets are made here.
      if (!veth.slowDown(1)) return console.warn('this kernel cannot slow a device down (tbf)');
      const [io, other] = [SERVER_IP, CLIENT_IP].map(
        (host) => new UdpTransport({ host, port: 0 }, { backend: 'mmsg' }),
      );
      if (!io || !other) throw new Error('two transports');
      others.push(io, other);
      const [server, client] = [new DatagramPlace(io), new DatagramPlace(other)];
      await inServer(() => server.open());
      await inClient(() => client.open());
      // Of many sizes, so that they are no messages of equal ones.
      const packet = (n: number) => ({
        bytes: numbered(n, 1000 + (n % 400)),
        farEnd: client.farEnd,
      });
      let sent = 0;
      let isFree = true;
      for (let batches = 0; isFree && batches < 1000; batches++) {
        isFree = server.send(Array.from({ length: 64 }, () => packet(sent++)));
      }
      expect(isFree, 'the kernel has no room any more').toBe(false);
      // Nothing is taken meanwhile, and what lies there stays.
      expect(io.sendPlaced?.(64)).toBe(false);
      expect(server.drained).toBe(0);
      veth.slowDown(40);
      await vi.waitFor(() => expect(server.drained).toBe(1), SOON);
      expect(io.sent).toBe(sent);
      expect(server.send([packet(sent++)])).toBe(true);
      await vi.waitFor(() => expect(client.arrived).toHaveLength(sent), SOON);
      // In any order: the kernel keeps none when it goes on with its queue on another core.
      const arrived = client.arrived.toSorted((one, other) => numberOf(one) - numberOf(other));
      const differs = arrived.findIndex(({ bytes }, n) => Buffer.compare(bytes, packet(n).bytes));
      expect(differs).toBe(-1);
      veth.slowDown(1);
      // One that closes while it waits lets go.
      for (isFree = true; isFree; )
        isFree = server.send(Array.from({ length: 64 }, () => packet(0)));
      await io.close();
      expect(io.dropped).toBeGreaterThan(0);
    },
  );
});
