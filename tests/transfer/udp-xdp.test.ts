/**
 * Endpoints of which the one that is called has AF_XDP: handshakes come by its socket, the packets
 * of sessions past the network stack, through rekeys and moves. Wants root, `ip` and g++.
 */
import type { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { farEndOf } from '@andvari/host-node/transfer/socket-address';
import { UdpTransport } from '@andvari/host-node/transfer/udp-transport';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import {
  CLIENT_IP,
  CLIENT_IP6,
  ip,
  SERVER_IP,
  SERVER_IP6,
  Veth,
  whyNoXdp,
} from '../../native-io/lib/testing/veth.ts';
import { type EndpointSizes, meet, read, UdpPlace, write } from './udp-place.ts';

const BYTES = 1_000_000;
const FRAMES = 1024;
const NEXT_CLIENT_IP = '10.77.0.200';
const SOON = { timeout: 60_000, interval: 5 };
const why = whyNoXdp();

let veth: Veth;
const place = new UdpPlace();
const inServer = <T>(work: () => T): T => loadTestModule().inNamespace(veth.server, work);
const inClient = <T>(work: () => T): T => loadTestModule().inNamespace(veth.client, work);

interface Ends {
  caller: TransferEndpoint;
  called: TransferEndpoint;
  one: UdpTransport;
  two: UdpTransport;
}

interface Wanted {
  from?: string;
  to?: string;
  sizes?: EndpointSizes;
}

async function endpoints({ from = CLIENT_IP, to = SERVER_IP, sizes }: Wanted = {}): Promise<Ends> {
  const one = new UdpTransport({ host: from, port: 0 }, { backend: 'mmsg' });
  const xdp = { backend: 'af_xdp', interface: veth.serverInterface } as const;
  const two = new UdpTransport({ host: to, port: 0 }, xdp);
  const caller = await place.endpoint(1, one, { ...sizes }, inClient);
  const called = await place.endpoint(2, two, { ...sizes, nativeFrames: FRAMES }, inServer);
  return { caller, called, one, two };
}

const packets = ({ two }: Ends) => two.xdp?.packets ?? 0;
/** What came by the socket. */
const others = ({ two }: Ends) => two.received - (two.xdp?.packets ?? 0);

/** Carries bytes whole from the caller to the called. */
async function carry([ours, theirs]: [TransferSession, TransferSession], bytes = BYTES) {
  const [got] = await Promise.all([read(theirs), write(ours, bytes)]);
  expect(got).toEqual({ bytes, wrong: 0 });
}

const label = `by AF_XDP${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined)(label, () => {
  afterEach(async () => {
    await place.close();
    veth.remove();
  });

  const families = [
    ['IPv4', CLIENT_IP, SERVER_IP, SERVER_IP],
    ['IPv6', CLIENT_IP6, SERVER_IP6, SERVER_IP6],
    ['IPv4 at ::', CLIENT_IP, '::', SERVER_IP],
  ] as const;
  it.each(families)(
    '%s: handshakes come by the socket, and nothing else',
    async (_, from, to, host) => {
      veth = new Veth();
      const ends = await endpoints({ from, to });
      const { caller, called, two } = ends;
      expect(two.backend).toBe('af_xdp');
      const pair = await meet(caller, called, farEndOf({ host, port: two.bound.port }));
      const [handshake, first] = [others(ends), packets(ends)];
      expect(handshake).toBeGreaterThanOrEqual(1);
      await carry(pair);
      expect(packets(ends) - first).toBeGreaterThan(BYTES / 1500);
      expect(others(ends)).toBe(handshake);
      expect(two.xdp).toMatchObject({ mode: 'native', queues: 1, malformed: 0, kernelDropped: 0 });
      // The three of section 4.9, of one epoch.
      expect(two.xdp?.prefixes).toBe(3);
    },
  );

  it('through rekeys, and after the last of them only its own prefixes are listed', async () => {
    veth = new Veth();
    const ends = await endpoints({ sizes: { rekeyPackets: 200 } });
    const pair = await meet(ends.caller, ends.called, farEndOf(ends.two.bound));
    const handshake = others(ends);
    await carry(pair);
    expect(pair[1].statistics()?.EPOCH).toBeGreaterThan(2);
    // What an epoch sends before the other side's host has heard of its prefixes.
    expect(others(ends) - handshake).toBeLessThan(packets(ends) / 10);
    const before = packets(ends);
    await carry(pair, 100_000);
    expect(packets(ends)).toBeGreaterThan(before + 50);
    expect(ends.two.xdp?.prefixes).toBeLessThanOrEqual(6);
  });

  it('the sender moves to another address', async () => {
    veth = new Veth();
    const ends = await endpoints({ from: '0.0.0.0' });
    const pair = await meet(ends.caller, ends.called, farEndOf(ends.two.bound));
    await carry(pair);
    ip('-n', veth.client, 'addr', 'add', `${NEXT_CLIENT_IP}/24`, 'dev', 'vc');
    const mac = veth.macOf(veth.client, 'vc');
    const neighbour = ['replace', NEXT_CLIENT_IP, 'lladdr', mac, 'dev', 'vs'];
    ip('-n', veth.server, 'neigh', ...neighbour);
    ip('netns', 'exec', veth.client, 'sh', '-c', PROMOTE);
    ip('-n', veth.client, 'addr', 'del', `${CLIENT_IP}/24`, 'dev', 'vc');
    const [socket, xdp] = [others(ends), packets(ends)];
    await carry(pair);
    expect(packets(ends) - xdp).toBeGreaterThan(BYTES / 1500);
    expect(others(ends)).toBe(socket);
  });

  it('the map is empty when the session is over', async () => {
    veth = new Veth();
    const ends = await endpoints();
    const pair = await meet(ends.caller, ends.called, farEndOf(ends.two.bound));
    await carry(pair, 10_000);
    expect(ends.two.xdp?.prefixes).toBe(3);
    void pair[0].close();
    await vi.waitFor(() => expect(ends.two.xdp?.prefixes).toBe(0), SOON);
    // Another one, of the same node.
    await carry(await meet(ends.caller, ends.called, farEndOf(ends.two.bound)), 10_000);
    expect(ends.two.xdp).toMatchObject({ prefixes: 3, refusedPrefixes: 0 });
  });

  it('a flood with listed prefixes and wrong tags does no harm', async () => {
    veth = new Veth();
    const ends = await endpoints();
    const prefixes: number[] = [];
    const tell = ends.two.prefixChanged?.bind(ends.two);
    ends.two.prefixChanged = (at, prefix) => {
      if (prefix !== 0) prefixes.push(prefix);
      tell?.(at, prefix);
    };
    const pair = await meet(ends.caller, ends.called, farEndOf(ends.two.bound));
    const module = loadTestModule();
    const socket = inClient(() => module.openUdpSocket(CLIENT_IP, 0));
    const [xdp, bySocket] = [packets(ends), others(ends)];
    const flood = setInterval(() => {
      for (let i = 0; i < 64; i++) {
        const bytes = new Uint8Array(200 + i).fill(i);
        new DataView(bytes.buffer).setUint32(0, prefixes[i % prefixes.length] ?? 0);
        inClient(() => module.sendTo(socket, bytes, SERVER_IP, ends.two.bound.port));
      }
    }, 1);
    try {
      await vi.waitFor(() => expect(packets(ends) - xdp).toBeGreaterThan(1000), SOON);
      await carry(pair);
    } finally {
      clearInterval(flood);
      module.closeSocket(socket);
    }
    expect(prefixes).toHaveLength(3);
    expect(others(ends)).toBe(bySocket);
    expect(pair[1].isOpen).toBe(true);
  });

  it('several queues', async () => {
    veth = new Veth({ queues: 2 });
    const ends = await endpoints();
    expect(ends.two.xdp?.queues).toBe(2);
    const { bound } = ends.two;
    const pairs = [];
    for (let i = 0; i < 6; i++) pairs.push(await meet(ends.caller, ends.called, farEndOf(bound)));
    await Promise.all(pairs.map((pair) => carry(pair, 100_000)));
    expect(packets(ends)).toBeGreaterThan(6 * 70);
    expect(ends.two.xdp?.prefixes).toBe(18);
  });
});

const PROMOTE = 'echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries';
