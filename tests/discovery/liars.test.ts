/** A DHT where those beside the key lie: what is true is found, and nothing else. */
import { sealAnnouncement } from '@andvari/host-common/discovery/announcement';
import { GroupKeys } from '@andvari/host-common/discovery/group-keys';
import { hostRandom, joined } from '@andvari/host-common/transfer/byte-strings';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { holder, LocalDht } from './dht-nodes.ts';
import { type Liar, type LiarOptions, startLiar } from './lying-nodes.ts';

const isLong = process.env['ANDVARI_LONG'] === '1';
const NODES = isLong ? 15 : 4;
const DONE = Uint8Array.of(0);

const secret = hostRandom(32);
const keys = new GroupKeys(secret);
const hash = hostRandom(32);
const key = keys.fileKey(hash);
let dht: LocalDht;
const liars: Liar[] = [];

const answerOf = (values: readonly Uint8Array[]) =>
  joined(
    DONE,
    ...values.flatMap((value) => [Uint8Array.of(value.length >> 8, value.length & 255), value]),
  );

/** Announcements that a member made: long ago, of another file, and one that another has signed. */
async function oldAnnouncements() {
  const { peerId, signer, places } = holder(4);
  const made = { ...places(), peerId, atMs: Date.now() - 3_800_000, capabilities: 0 };
  const sealing = { keys, dhtKey: key, signer, random: hostRandom };
  const now = { ...made, atMs: Date.now() };
  return {
    stale: await sealAnnouncement(made, sealing),
    elsewhere: await sealAnnouncement(now, { ...sealing, dhtKey: keys.fileKey(hostRandom(32)) }),
    unsigned: await sealAnnouncement(now, { ...sealing, signer: holder(5).signer }),
  };
}

beforeAll(async () => {
  dht = await LocalDht.start(NODES);
  const { stale, elsewhere, unsigned } = await oldAnnouncements();
  const rubbish = answerOf(Array.from({ length: 32 }, () => hostRandom(560)));
  const kinds: Omit<LiarOptions, 'bootstrap' | 'key'>[] = [
    { answer: () => undefined },
    { answer: () => rubbish, lures: 20 },
    { answer: () => answerOf([stale, elsewhere, unsigned, hostRandom(9)]), lures: 0 },
    { answer: () => joined(rubbish, rubbish, rubbish), lures: 3 },
    // Says that it has stored what it has not.
    { answer: () => DONE, lures: 20 },
  ];
  for (const kind of isLong ? kinds : kinds.slice(1, 3)) {
    liars.push(await startLiar({ ...kind, bootstrap: dht.bootstrap, key }));
  }
});

afterAll(async () => {
  await Promise.all(liars.map((liar) => liar.stop()));
  await dht.stop();
});

it('finds holders, and believes no liar; others find nothing', async () => {
  const [one, other, seeker, stranger] = await Promise.all([
    dht.addMember(secret),
    dht.addMember(secret),
    dht.addMember(secret),
    dht.addMember(hostRandom(32)),
  ]);
  // Nobody has it yet: all are asked, also whoever is slow on a busy machine.
  await expect
    .poll(async () => {
      expect(await seeker.searchFile(hash)).toEqual([]);
      const { time, signature, size, seal } = seeker.refused;
      return Math.min(time, signature, size, seal);
    })
    .toBeGreaterThan(0);
  expect(liars.every(({ heard }) => heard.length > 0)).toBe(true);
  const [first, second] = [holder(1), holder(2)];
  await one.announceFile(hash, first);
  await other.announceFile(hash, second);
  const names = (all: readonly { peerId: Uint8Array }[]) =>
    all.map(({ peerId }) => Buffer.from(peerId).toString('hex')).sort();
  const found = async () => names(await seeker.searchFile(hash, { enough: 2 }));
  await expect.poll(found).toEqual(names([first, second]));
  expect(await stranger.searchFile(hash)).toEqual([]);
});
