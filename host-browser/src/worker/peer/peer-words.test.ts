import { peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { expect, it } from 'vitest';
import { readTargets } from './peer-words.ts';

const peerId = peerIdText(peerIdOfKey(new Uint8Array(32).fill(7)));
const address = `/dns4/peer.example/tcp/443/tls/ws/p2p/${peerId}`;
const words = { address, key: 'AB'.repeat(32), network: ' andvari/main ' };
const nodes = [{ raidaId: 7, address, key: 'ab'.repeat(32) }];
const offered = { networkName: 'andvari', instanceId: 'main', nodes };
const demo = false;

it('reads a peer, and knows whether it is one of the offered ones', () => {
  const key = new Uint8Array(32).fill(0xab);
  const target = { peerId, address, key, network: 'andvari/main' };
  expect(readTargets({ peers: [words], demo })).toEqual([target]);
  expect(readTargets({ peers: [words], demo, offered, reachable: [] })).toEqual([
    { ...target, raidaId: 7 },
  ]);
  const reachable = ['wss://peer.example/'];
  expect(readTargets({ peers: [words], demo, reachable })).toEqual([target]);
});

it.each([
  ['no peer id', { address: '/ip4/127.0.0.1/tcp/1/ws' }, /id of the peer/],
  ['a peer id that is none', { address: '/ip4/127.0.0.1/tcp/1/ws/p2p/12D3' }, /id of the peer/],
  ['no WebSocket', { address: `/ip4/127.0.0.1/tcp/1/p2p/${peerId}` }, /by WebSocket alone/],
  ['a short key', { key: 'ab' }, /64 hex digits/],
  ['one name', { network: 'andvari' }, /NETWORK\/INSTANCE/],
])('refuses %s', (_, wrong, sentence) => {
  const peers = [{ ...words, ...wrong }];
  expect(() => readTargets({ peers, demo })).toThrow(sentence);
});

it('refuses what the policy of the page does not name', () => {
  const reachable = ['wss://other.example/', 'wss://peer.example/raida', 'no address'];
  expect(() => readTargets({ peers: [words], demo, reachable })).toThrow(
    /--connect wss:\/\/peer\.example\/ /,
  );
});
