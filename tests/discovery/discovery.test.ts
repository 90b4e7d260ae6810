/** Announcing and finding in a DHT on loopback. */
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { openKadNode } from '@andvari/host-node/discovery/open-kad-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SkippingClock } from '../peer/skipping-clock.ts';
import { holder, LocalDht } from './dht-nodes.ts';

let dht: LocalDht;
beforeAll(async () => {
  dht = await LocalDht.start(process.env['ANDVARI_LONG'] === '1' ? 20 : 5);
});
afterAll(async () => await dht.stop());

it('finds those who have a file, by the secret of their group alone', async () => {
  const secret = hostRandom(32);
  const hash = hostRandom(32);
  const [one, other, seeker, stranger] = await Promise.all([
    dht.addMember(secret),
    dht.addMember(secret),
    dht.addMember(secret),
    dht.addMember(hostRandom(32)),
  ]);
  const [first, second] = [holder(1), holder(2)];
  const announcing = await one.announceFile(hash, first);
  await other.announceFile(hash, second);
  expect(announcing.copies).toBeGreaterThan(1);
  const found = await seeker.searchFile(hash, { enough: 2 });
  expect(found.map(({ addresses }) => addresses[0]?.port).sort()).toEqual([1, 2]);
  expect(found.map(({ peerId }) => peerId)).toEqual(
    expect.arrayContaining([first.peerId, second.peerId]),
  );
  expect(await stranger.searchFile(hash)).toEqual([]);
  expect(await seeker.searchFile(hostRandom(32))).toEqual([]);
  await announcing.close();
  const left = await seeker.searchFile(hash);
  expect(left.map(({ peerId }) => peerId)).toEqual([second.peerId]);
});

it('finds a peer by its ID, as it was last, and no other one', async () => {
  const secret = hostRandom(32);
  const [one, seeker] = [await dht.addMember(secret), await dht.addMember(secret)];
  const peer = holder(7);
  expect(await seeker.findPeer(peer.peerId)).toBeUndefined();
  const first = await one.announcePeer(peer);
  expect((await seeker.findPeer(peer.peerId))?.addresses[0]?.port).toBe(7);
  // Another member says nothing of a peer in its place.
  const hostile = { ...holder(8), peerId: peer.peerId };
  await (await dht.addMember(secret)).announcePeer(hostile);
  await first.close();
  expect(await seeker.findPeer(peer.peerId)).toBeUndefined();
  expect(seeker.refused.signature).toBeGreaterThan(0);
});

it('announces anew before it is forgotten, and not any more when it is closed', async () => {
  const secret = hostRandom(32);
  const hash = hostRandom(32);
  const clock = new SkippingClock();
  const one = await dht.addMember(secret, { clock });
  const seeker = await dht.addMember(secret, { clock });
  const announcing = await one.announceFile(hash, holder(1));
  const atMs = async () => (await seeker.searchFile(hash))[0]?.atMs ?? 0;
  const first = await atMs();
  clock.skip(20 * 60_000);
  await expect.poll(atMs).toBeGreaterThanOrEqual(first + 20 * 60_000);
  await announcing.close();
  clock.skip(20 * 60_000);
  expect(await atMs()).toBe(0);
});

it('keeps values as a node too, and finds its own', async () => {
  const secret = hostRandom(32);
  const hash = hostRandom(32);
  const alone = await openKadNode({ seed: hostRandom(32), listen: ['/ip4/127.0.0.1/tcp/0'] });
  await alone.start();
  try {
    const member = await dht.addMember(secret, { network: alone });
    expect((await member.announceFile(hash, holder(3))).copies).toBe(1);
    expect(await member.searchFile(hash)).toHaveLength(1);
    await member.close();
    expect(alone.valueCount).toBe(0);
    await expect(member.searchFile(hash)).rejects.toMatchObject({
      code: 'ANDVARI_DISCOVERY_CLOSED',
    });
  } finally {
    await alone.stop();
  }
});

it('says that no node can be met, and stops when it is told to', async () => {
  const nobody = await openKadNode({ seed: hostRandom(32), bootstrap: ['/ip4/127.0.0.1/tcp/9'] });
  await expect(nobody.start()).rejects.toMatchObject({ code: 'ANDVARI_DHT_UNREACHABLE' });
  await expect(openKadNode({ seed: hostRandom(32) })).rejects.toMatchObject({
    code: 'ANDVARI_DHT_UNREACHABLE',
  });
  const seeker = await dht.addMember(hostRandom(32));
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(seeker.searchFile(hostRandom(32), { signal })).rejects.toBe(reason);
  expect(() => seeker.searchFile(hostRandom(31))).toThrow(RangeError);
  expect(() => seeker.searchFile(hostRandom(32), { enough: 0 })).toThrow(RangeError);
});
