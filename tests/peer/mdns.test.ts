/** Nodes that look for each other, and one that does not: multicast on this machine. */
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { hostPeerClock } from '@andvari/host-common/peer/peer-clock';
import { PeerFinder } from '@andvari/host-common/peer/peer-finder';
import { nodeNetwork } from '@andvari/host-node/peer/libp2p-network';
import { describe, expect, it } from 'vitest';
import { LISTEN, seedOf, startNode } from './nodes.ts';

const GROUP = '224.0.0.251';
const patient = { timeout: 20_000 };

/** Packets about libp2p at a port of multicast DNS; 0: at one that is free. */
async function listening(port: number) {
  let packets = 0;
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (bytes) => {
    if (bytes.includes('_p2p')) packets++;
  });
  await new Promise<void>((resolve) => socket.bind(port, resolve));
  // At each by its own address: without one it is the interface of the default route, if any.
  const all = Object.values(networkInterfaces()).flatMap((addresses) => {
    return addresses?.find(({ family }) => family === 'IPv4')?.address ?? [];
  });
  for (const address of all) socket.addMembership(GROUP, address);
  return { port: socket.address().port, packets: () => packets, close: () => socket.close() };
}

async function looking(n: number, mdns: false | { port: number; intervalMs: number }) {
  const network = await nodeNetwork({ seed: seedOf(`libp2p ${n}`), listen: [LISTEN.tcp], mdns });
  return startNode(n, { network });
}

describe('multicast DNS', () => {
  it('is silent unless it is asked for; then nodes find and verify each other', async () => {
    const [ear, usual] = [await listening(0), await listening(5353)];
    const mdns = { port: ear.port, intervalMs: 200 };
    const [silent, other] = [await looking(2, false), await looking(3, false)];
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([ear.packets(), usual.packets()]).toEqual([0, 0]);
    const [ann, bea] = [await looking(0, mdns), await looking(1, mdns)];
    const verified = () => ann.peers().filter(({ isVerified }) => isVerified);
    await expect.poll(verified, patient).toMatchObject([{ peerId: bea.peerId }]);
    expect(ear.packets()).toBeGreaterThan(0);
    expect([silent.peers(), other.peers()]).toEqual([[], []]);
    expect(usual.packets()).toBe(0);
    for (const { close } of [ear, usual]) close();
  }, 60_000);

  it('dials few of those announced, none again at once, nobody when it has enough', () => {
    const dialled: string[] = [];
    const there: { peerId: string }[] = [];
    const connect = (address: string) => {
      dialled.push(address);
      return new Promise<string>(() => {});
    };
    const node = { connect, peers: () => there };
    const finder = () => new PeerFinder({ node, clock: hostPeerClock, targetPeers: 2 });
    const address = (n: number) => `/ip4/127.0.0.1/tcp/1/p2p/${n}`;
    const flooded = finder();
    for (let n = 0; n < 1000; n++) flooded.found(address(n));
    expect(dialled).toEqual([0, 1, 2, 3].map(address));
    const again = finder();
    for (let n = 0; n < 3; n++) again.found(address(7));
    expect(dialled.slice(4)).toEqual([address(7)]);
    there.push({ peerId: '8' });
    finder().found(address(8));
    there.push({ peerId: '9' });
    finder().found(address(10));
    expect(dialled).toHaveLength(5);
  });
});
