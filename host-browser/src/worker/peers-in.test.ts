import { expect, it } from 'vitest';
import { peerNetworkIn, statusIn } from './peers-in.ts';

const key = 'ab'.repeat(32);
const address = `/ip4/127.0.0.1/tcp/9225/ws/p2p/12D3KooW${'a'.repeat(44)}`;
const node = { raidaId: 0, address, key };
const names = { networkName: 'andvari', instanceId: 'test' };

it('knows whom the page can meet as a peer, and no more of it', () => {
  const told = { ...names, nodes: [{ ...node, more: 1 }], more: 2 };
  expect(peerNetworkIn(told)).toEqual({ ...names, nodes: [node] });
});

it.each([
  ['nothing', undefined],
  ['nobody', { ...names, nodes: [] }],
  ['more than there are', { ...names, nodes: new Array(26).fill(node) }],
  ['a name with a slash', { ...names, networkName: 'a/b', nodes: [node] }],
  ['no name', { networkName: 'andvari', nodes: [node] }],
  ['no key', { ...names, nodes: [node, { ...node, key: 'ab' }] }],
  ['TCP', { ...names, nodes: [{ ...node, address: address.replace('/ws', '') }] }],
  ['no peer id', { ...names, nodes: [{ ...node, address: '/ip4/127.0.0.1/tcp/1/ws' }] }],
  ['no number', { ...names, nodes: [{ ...node, raidaId: -1 }] }],
])('takes %s for no peers', (_, told) => {
  expect(peerNetworkIn(told)).toBeUndefined();
});

const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const told = { version: '20261121', countRoot: 'cd'.repeat(32), load: 12 };
const status = { format: 1, raida: 7, ...told };

it('reads what a server tells of itself', () => {
  expect(statusIn(bytes(status), 7)).toEqual(told);
});

it.each([
  ['of another server', status, 8],
  ['no JSON', '{', 7],
  ['nothing', 'null', 7],
  ['a version with words', { ...status, version: 'a b' }, 7],
  ['no root', { ...status, countRoot: undefined }, 7],
  ['a root of 63 digits', { ...status, countRoot: 'c'.repeat(63) }, 7],
  ['a root that is no text', { ...status, countRoot: ['cd'.repeat(32)] }, 7],
  ['a load below 0', { ...status, load: -1 }, 7],
  ['too long', { ...status, more: 'x'.repeat(512) }, 7],
])('refuses a status: %s', (_, value, raidaId) => {
  expect(statusIn(bytes(value), raidaId)).toBeUndefined();
});
