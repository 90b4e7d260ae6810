/** Announcements: what is in their bytes, and that nothing else is believed. */

import {
  ANNOUNCEMENT_BYTES,
  ANNOUNCEMENT_TTL_MS,
  type Announcement,
  CLOCK_SLACK_MS,
  openAnnouncement,
  sealAnnouncement,
} from '@andvari/host-common/discovery/announcement';
import { GroupKeys } from '@andvari/host-common/discovery/group-keys';
import { hostRandom, joined } from '@andvari/host-common/transfer/byte-strings';
import { noiseKeyOf, purposeInput } from '@andvari/host-common/transfer/identity';
import { NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { newIdentity } from '@andvari/host-node/transfer/node-identity';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const secret = hostRandom(32);
const keys = new GroupKeys(secret);
const hash = hostRandom(32);
const dhtKey = keys.fileKey(hash);
const holder = newIdentity();
const verifier = new NodeEd25519Verifier();
const nowMs = 1_900_000_000_000;

const plain: Announcement = {
  peerId: holder.peerId,
  addresses: [
    { address: Uint8Array.of(192, 0, 2, 7), port: 8420 },
    {
      address: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9),
      port: 65_535,
    },
  ],
  relay: 'wss://relay.example:8443/relay',
  atMs: nowMs,
  capabilities: 0xdeadbeef,
};

function seal(announcement: Announcement = plain, more: Partial<SealMore> = {}) {
  const options = { keys, dhtKey, signer: holder.signer, random: hostRandom, ...more };
  return sealAnnouncement(announcement, options);
}
type SealMore = Parameters<typeof sealAnnouncement>[1];

function open(value: Uint8Array, more: Partial<Parameters<typeof openAnnouncement>[1]> = {}) {
  return openAnnouncement(value, { keys, dhtKey, verifier, nowMs, ...more });
}

/** What a member could seal that does not keep to the format; `edit` has all 520 bytes. */
function forged(edit: (bytes: Uint8Array) => void, value: Uint8Array): Uint8Array {
  const nonce = value.subarray(0, 24);
  const cipher = () => xchacha20poly1305(keys.sealKey, nonce, dhtKey);
  const bytes = cipher().decrypt(value.subarray(24));
  edit(bytes);
  return joined(nonce, cipher().encrypt(bytes));
}

it('opens what was sealed', async () => {
  expect(await open(await seal())).toEqual(plain);
  const least = { ...plain, relay: undefined, addresses: plain.addresses.slice(0, 1) };
  const { relay: _, ...wanted } = least;
  expect(await open(await seal(least))).toEqual(wanted);
  const byRelay = { ...plain, addresses: [] };
  expect(await open(await seal(byRelay))).toEqual(byRelay);
});

it('has room for all that may be in one, and always as many bytes', async () => {
  const address = { address: new Uint8Array(16).fill(0x2a), port: 1 };
  const relay = `wss://${'a'.repeat(50)}.${'b'.repeat(50)}.example/${'c'.repeat(124)}`;
  const most = { ...plain, addresses: new Array(8).fill(address), relay };
  expect(new TextEncoder().encode(relay)).toHaveLength(240);
  const value = await seal(most);
  expect(await open(value)).toEqual(most);
  expect([value.length, (await seal()).length]).toEqual([ANNOUNCEMENT_BYTES, 560]);
});

it('is laid out as the table says, under keys as the reference has them', async () => {
  expect(dhtKey).toEqual(blake3(joined('announce', hash), { key: secret }).subarray(0, 20));
  expect(keys.peerKey(hash)).toEqual(blake3(joined('peer', hash), { key: secret }).subarray(0, 20));
  const value = await seal({ ...plain, relay: undefined });
  const key = blake3(joined('dht-announce'), { key: secret });
  const bytes = xchacha20poly1305(key, value.subarray(0, 24), dhtKey).decrypt(value.subarray(24));
  const hex = Buffer.from(bytes).toString('hex');
  const signedHex = [
    Buffer.from(holder.peerId).toString('hex'),
    '02',
    '0420e4c0000207',
    '06ffff20010db8000000000000000000000009',
    (BigInt(nowMs) * 1000n).toString(16).padStart(16, '0'),
    'deadbeef',
  ].join('');
  expect(hex.slice(0, signedHex.length)).toBe(signedHex);
  const at = signedHex.length / 2;
  const signed = purposeInput('wraith-v1-announce', joined(bytes.subarray(0, at), dhtKey));
  expect(ed25519.verify(bytes.subarray(at, at + 64), signed, holder.peerId)).toBe(true);
  expect(bytes.subarray(at + 64).every((byte) => byte === 0)).toBe(true);
});

it('refuses what is short, long, of another group, of another key, or changed', async () => {
  const value = await seal();
  expect(await open(value.subarray(1))).toBe('size');
  expect(await open(joined(value, '0'))).toBe('size');
  expect(await open(new Uint8Array(0))).toBe('size');
  expect(await open(value, { keys: new GroupKeys(hostRandom(32)) })).toBe('seal');
  expect(await open(value, { dhtKey: keys.fileKey(hostRandom(32)) })).toBe('seal');
  expect(await open(value, { dhtKey: keys.peerKey(hash) })).toBe('seal');
  for (const at of [0, 23, 24, 300, 559]) {
    const changed = Uint8Array.from(value);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(await open(changed), `byte ${at}`).toBe('seal');
  }
});

it('refuses what is too old or of the future, to the millisecond', async () => {
  const at = async (atMs: number) => open(await seal({ ...plain, atMs }));
  const oldest = nowMs - ANNOUNCEMENT_TTL_MS - CLOCK_SLACK_MS;
  expect(await at(oldest)).toMatchObject({ atMs: oldest });
  expect(await at(oldest - 1)).toBe('time');
  expect(await at(nowMs + CLOCK_SLACK_MS)).toMatchObject({ capabilities: 0xdeadbeef });
  expect(await at(nowMs + CLOCK_SLACK_MS + 1)).toBe('time');
});

it('refuses what its peer has not signed, also for another key of the DHT', async () => {
  const member = newIdentity();
  expect(await open(await seal(plain, { signer: member.signer }))).toBe('signature');
  // Of another file, sealed anew for this one by a member.
  const other = keys.fileKey(hostRandom(32));
  const elsewhere = await seal(plain, { dhtKey: other });
  const bytes = xchacha20poly1305(keys.sealKey, elsewhere.subarray(0, 24), other).decrypt(
    elsewhere.subarray(24),
  );
  const nonce = hostRandom(24);
  const moved = joined(nonce, xchacha20poly1305(keys.sealKey, nonce, dhtKey).encrypt(bytes));
  expect(await open(moved)).toBe('signature');
  const small = forged((all) => all.fill(0, 0, 32), await seal());
  expect(noiseKeyOf(new Uint8Array(32))).toBeUndefined();
  expect(await open(small)).toBe('signature');
});

const COUNT_AT = 32;
const LAYOUTS: [string, (bytes: Uint8Array) => void][] = [
  ['no place', (bytes) => bytes.fill(0, COUNT_AT, COUNT_AT + 1)],
  ['ten places', (bytes) => bytes.fill(10, COUNT_AT, COUNT_AT + 1)],
  ['a family that there is not', (bytes) => bytes.fill(5, 33, 34)],
  ['port 0', (bytes) => bytes.fill(0, 34, 36)],
  ['0.0.0.0', (bytes) => bytes.fill(0, 36, 40)],
  ['a group of IPv4', (bytes) => bytes.fill(224, 36, 37)],
  ['all of IPv4', (bytes) => bytes.fill(255, 36, 40)],
  ['::', (bytes) => bytes.fill(0, 43, 59)],
  ['a group of IPv6', (bytes) => bytes.fill(0xff, 43, 44)],
  ['IPv4 written as IPv6', (bytes) => bytes.fill(0, 43, 53).fill(0xff, 53, 55)],
  ['a relay that is longer than there is room', (bytes) => bytes.fill(0xff, 60, 62)],
  ['a relay that is none', (bytes) => bytes.fill(0x20, 62, 70)],
  ['a relay of no UTF-8', (bytes) => bytes.fill(0xff, 72, 74)],
  ['a relay before an address', (bytes) => bytes.fill(1, 33, 34)],
  ['something behind the end', (bytes) => bytes.fill(1, 519)],
];

it.each(LAYOUTS)('refuses %s', async (_, edit) => {
  expect(await open(forged(edit, await seal()))).toBe('layout');
});

it('refuses any other bytes that a member seals, and never throws', async () => {
  const value = await seal();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 520, maxLength: 520 }), async (bytes) => {
      const opened = await open(forged((all) => all.set(bytes), value));
      expect(['layout', 'time', 'signature']).toContain(opened);
    }),
    { numRuns: 200 },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(519), fc.nat(254), async (at, change) => {
      const opened = await open(
        forged((all) => all.fill((all[at] ?? 0) ^ (change + 1), at, at + 1), value),
      );
      expect(['layout', 'time', 'signature']).toContain(opened);
    }),
    { numRuns: 200 },
  );
});

it('seals nothing that would not be opened', async () => {
  const one = plain.addresses[0] as (typeof plain.addresses)[0];
  const wrong: [string, Partial<Announcement>][] = [
    ['nowhere', { addresses: [], relay: undefined }],
    ['nine addresses', { addresses: new Array(9).fill(one) }],
    ['port 0', { addresses: [{ ...one, port: 0 }] }],
    ['five bytes of address', { addresses: [{ ...one, address: new Uint8Array(5).fill(1) }] }],
    ['a group', { addresses: [{ ...one, address: Uint8Array.of(239, 1, 1, 1) }] }],
    ['no relay', { relay: 'http://relay.example' }],
    ['a long relay', { relay: `wss://relay.example/${'x'.repeat(240)}` }],
    ['31 bytes of peer ID', { peerId: new Uint8Array(31) }],
    ['more capabilities', { capabilities: 2 ** 32 }],
  ];
  for (const [what, part] of wrong) {
    await expect(seal({ ...plain, ...part }), what).rejects.toThrow();
  }
  expect(() => new GroupKeys(new Uint8Array(31))).toThrow(RangeError);
});
