/** What others learn of a group's files (docs/privacy.md): nodes of the DHT, and who watches. */
import { connect, createServer, type Socket } from 'node:net';
import { GroupKeys } from '@andvari/host-common/discovery/group-keys';
import type { Places } from '@andvari/host-common/discovery/places';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { afterEach, expect, it } from 'vitest';
import { holder, LocalDht } from './dht-nodes.ts';
import { startLiar } from './lying-nodes.ts';

const atEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of atEnd.splice(0).reverse()) await end();
});

/** Something of everything that an announcement says. */
function secrets() {
  const secret = hostRandom(32);
  const hash = hostRandom(32);
  const relay = 'wss://relay-of-the-group.example/relay';
  const address = Uint8Array.of(127, 93, 58, 211);
  const who = holder(0xbeef);
  const places = (): Places => ({ addresses: [{ address, port: 0xbeef }], relay });
  const keys = new GroupKeys(secret);
  const key = keys.fileKey(hash);
  const hidden = {
    ...{ secret, hash, address, sealKey: keys.sealKey, peerId: who.peerId },
    relay: Buffer.from('relay-of-the-group'),
  };
  return { secret, hash, key, hidden, peer: { ...who, places } };
}

async function localDht(): Promise<LocalDht> {
  const dht = await LocalDht.start(2);
  atEnd.push(() => dht.stop());
  return dht;
}

it('a node of the DHT learns a key and sealed bytes: no file, no peer, no place', async () => {
  const dht = await localDht();
  const { secret, hash, key, hidden, peer } = secrets();
  const answer = () => Uint8Array.of(0);
  const node = await startLiar({ bootstrap: dht.bootstrap, key, answer, lures: 0 });
  atEnd.push(() => node.stop());
  const one = await dht.addMember(secret);
  await one.announceFile(hash, peer);
  const seeker = await dht.addMember(secret);
  // Each time the node is met, also when this machine is busy.
  await expect
    .poll(async () => {
      await seeker.searchFile(hash);
      return node.askers.size;
    })
    .toBeGreaterThan(1);

  const stored = node.heard.filter((bytes) => bytes.length === 1 + 20 + 560);
  expect(stored.length).toBeGreaterThan(0);
  const all = Buffer.concat(node.heard);
  expect(all.includes(Buffer.from(key))).toBe(true);
  for (const [what, bytes] of Object.entries(hidden)) {
    expect(all.includes(Buffer.from(bytes)), what).toBe(false);
    expect(all.includes(Buffer.from(bytes).toString('hex')), what).toBe(false);
  }
  // Nor is the name by which it speaks in the DHT that of the peer.
  const peerHex = Buffer.from(hidden.peerId).toString('hex');
  for (const asker of node.askers) expect(asker).not.toContain(peerHex);
});

it('two announcements of one peer have nothing in common but their size', async () => {
  const dht = await localDht();
  const { secret, hash, key, peer } = secrets();
  const heard = async () => {
    const node = await startLiar({
      ...{ bootstrap: dht.bootstrap, key, lures: 0 },
      answer: () => Uint8Array.of(0),
    });
    atEnd.push(() => node.stop());
    const member = await dht.addMember(secret);
    await expect
      .poll(async () => {
        await member.announceFile(hash, peer);
        return node.heard.some(({ length }) => length === 581);
      })
      .toBe(true);
    return node.heard.find(({ length }) => length === 581)?.subarray(21) as Uint8Array;
  };
  const [first, second] = [await heard(), await heard()];
  const windows = new Set<string>();
  for (let at = 0; at + 6 <= 560; at++) windows.add(first.subarray(at, at + 6).join());
  for (let at = 0; at + 6 <= 560; at++) {
    expect(windows.has(second.subarray(at, at + 6).join())).toBe(false);
  }
});

it('two groups that have one file have keys with nothing in common', () => {
  const hash = hostRandom(32);
  const keys = [hostRandom(32), hostRandom(32)].map((secret) => new GroupKeys(secret));
  const [one, other] = keys.map((group) => Buffer.from(group.fileKey(hash)));
  expect(one?.equals(other as Buffer)).toBe(false);
  // Nor has the same hash as a file and as a peer.
  expect(Buffer.from(keys[0]?.peerKey(hash) ?? []).equals(one as Buffer)).toBe(false);
});

it('who watches the way to a node learns that libp2p is spoken, and not for what', async () => {
  const dht = await localDht();
  const { secret, hash, key, hidden, peer } = secrets();
  const [, port] = /\/tcp\/(\d+)/.exec(dht.bootstrap[0] ?? '') ?? [];
  const seen: Buffer[] = [];
  const open = new Set<Socket>();
  const watcher = createServer((socket) => {
    const on = connect(Number(port), '127.0.0.1');
    open.add(socket).add(on);
    for (const [from, to] of [
      [socket, on],
      [on, socket],
    ] as [Socket, Socket][]) {
      from.on('data', (data) => seen.push(data) && to.write(data));
      from.on('close', () => to.destroy()).on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => watcher.listen(0, '127.0.0.1', resolve));
  atEnd.push(() => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => watcher.close(resolve));
  });
  const { port: watched } = watcher.address() as { port: number };
  const client = await dht.addClient(`/ip4/127.0.0.1/tcp/${watched}`);
  const member = await dht.addMember(secret, { network: client });
  expect((await member.announceFile(hash, peer)).copies).toBeGreaterThan(0);
  await member.searchFile(hash);

  const all = Buffer.concat(seen);
  expect(all.includes('/noise')).toBe(true);
  expect(all.length).toBeGreaterThan(2000);
  for (const word of ['andvari', 'kad', 'dht-store', 'yamux']) {
    expect(all.includes(word), word).toBe(false);
  }
  for (const [what, bytes] of Object.entries({ ...hidden, key })) {
    expect(all.includes(Buffer.from(bytes)), what).toBe(false);
  }
});
