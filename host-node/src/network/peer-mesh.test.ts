/** Four servers as peers of each other, over TCP of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openPeerNode } from '../peer/open-peer-node.ts';
import { NETWORK, PeerMesh, type ServerNumbers } from './peer-mesh.ts';
import { countRoot } from './peer-status.ts';

const COUNT = 4;
let directory = '';
let mesh: PeerMesh;

const start = (ports = new Array<number>(COUNT).fill(0)) =>
  PeerMesh.start({
    folders: ports.map((_, n) => join(directory, `raida-${n}`)),
    ...{ ports, websocketPorts: ports.map(() => 0) },
  });

function numbers(load: number): ServerNumbers {
  const counts = Array.from({ length: 15 }, (_, index) => index);
  const own = { version: '20261121', ready: true, load };
  return { ...own, coins: 105, countRoot: countRoot(counts) };
}

async function meshed(): Promise<void> {
  await vi.waitFor(() => {
    expect(mesh.rows().map(({ verified }) => verified)).toEqual(Array(COUNT).fill(COUNT - 1));
  });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-mesh-'));
  mesh = await start();
  await meshed();
});

afterAll(async () => {
  await mesh.stop();
  rmSync(directory, { recursive: true });
});

describe('a network of peers', () => {
  it('is verified, each by each, and knows nothing yet', () => {
    expect(mesh.rows()[1]).toEqual({ raidaId: 1, verified: 3, others: 3, heardBy: 0, refused: 0 });
    expect(new Set(mesh.addresses.map(({ peerId }) => peerId)).size).toBe(COUNT);
  });

  it('hears of each what it tells of itself, and not twice the same', async () => {
    const heard = (loads: readonly number[]) =>
      vi.waitFor(() => {
        expect(mesh.rows().map(({ load }) => load)).toEqual(loads);
      });
    let time = 0;
    // Who is verified subscribes after that, and hears nothing of what was told before.
    await vi.waitFor(async () => {
      await mesh.tell([numbers(5), numbers(6), numbers(7), numbers(8)], ++time);
      expect(mesh.rows().map(({ heardBy }) => heardBy)).toEqual(Array(COUNT).fill(COUNT - 1));
    });
    await mesh.tell([numbers(5), numbers(6), numbers(7), numbers(8)], 1000);
    await heard([5, 6, 7, 8]);
    const { countRoot: root } = numbers(5);
    expect(mesh.rows()[0]).toMatchObject({ version: '20261121', coins: 105, countRoot: root });
    expect(mesh.rows(Date.now() + 9000)[0]?.ageMs).toBeGreaterThanOrEqual(9000);
    const refused = () => mesh.rows().reduce((sum, row) => sum + row.refused, 0);
    expect(refused()).toBe(0);
    await mesh.tell([numbers(55), numbers(66), numbers(77), numbers(88)], 1000);
    await vi.waitFor(() => expect(refused()).toBe(COUNT * (COUNT - 1)));
    await heard([5, 6, 7, 8]);
    await mesh.tell([numbers(1), numbers(2), numbers(3), numbers(4)], 1001);
    await heard([1, 2, 3, 4]);
  });

  it('has no server that is not there, and takes no status that is none', async () => {
    await expect(mesh.ask(COUNT, { command: 'list' })).rejects.toThrow('no server 4');
    await expect(mesh.tell([{ ...numbers(0), version: 'a b' }])).rejects.toMatchObject({
      code: 'ANDVARI_PEER_STATUS',
    });
  });

  it('answers for each server, and meets a banned one again when the ban is over', async () => {
    const [first, second] = mesh.addresses.map(({ peerId }) => peerId) as [string, string];
    expect(await mesh.ask(0, { command: 'list' })).toMatchObject({ peerId: first, banned: [] });
    const banned = await mesh.ask(0, { command: 'ban', peer: second, seconds: null });
    expect(banned).toEqual({ peerId: second, untilMs: null });
    await vi.waitFor(() => expect(mesh.rows().map((row) => row.verified)).toEqual([2, 2, 3, 3]));
    const ping = { command: 'ping', peer: second };
    const code = 'ANDVARI_PEER_NOT_CONNECTED';
    await expect(mesh.ask(0, ping)).rejects.toMatchObject({ code });
    expect(await mesh.ask(0, { command: 'unban', peer: second })).toEqual({ peerId: second });
    await meshed();
    expect(await mesh.ask(0, ping)).toMatchObject({ peerId: second, knowsPing: true });
  });

  it('lets in a guest that was admitted, and tells him what the server tells', async () => {
    const [, second] = mesh.addresses;
    const guest = await openPeerNode({
      ...{ folder: join(directory, 'guest'), listen: [], ...NETWORK },
      whitelist: mesh.addresses.map(({ key }) => Buffer.from(key, 'hex')),
    });
    await guest.start();
    try {
      const address = second?.websocket ?? '';
      expect(address).toContain('/ws/p2p/');
      // Whoever is not admitted is banned; to be admitted ends that.
      await guest.connect(address).catch(() => {});
      await vi.waitFor(() => expect(guest.peers()).toEqual([]));
      mesh.admit(guest.peerId, guest.key);
      expect(await guest.connect(address)).toBe(second?.peerId);
      const heard = new Promise<string>((resolve) => {
        guest.on('message', ({ kind, peerId }) => resolve(`${kind} ${peerId}`));
      });
      let time = 2000;
      const telling = setInterval(() => void mesh.tell(Array(COUNT).fill(numbers(9)), ++time), 100);
      expect(await heard).toBe(`broadcast ${second?.peerId}`);
      clearInterval(telling);
      expect(mesh.rows().map(({ verified }) => verified)).toEqual(Array(COUNT).fill(COUNT - 1));
    } finally {
      await guest.stop();
    }
    expect(() => mesh.admit('nobody', guest.key)).toThrow(RangeError);
  });

  it('does not start where a port is taken, and then has nothing open', async () => {
    const taken = Number(mesh.addresses[0]?.address.split('/')[4]);
    const code = 'ANDVARI_PORT_IN_USE';
    await expect(start([0, taken, 0, 0])).rejects.toMatchObject({ code });
  });
});
