import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import {
  parseRelayAddress,
  relayAddressText,
} from '@andvari/host-common/transfer/relay/relay-address';
import { describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { calledPeer, parseCode } from './called-peer.ts';
import { KnownPeers } from './known-peers.ts';
import { newIdentity } from './node-identity.ts';

const folder = folderForTests('relay-address');
const hash = (digit: string) => digit.repeat(64);
const peerId = newIdentity().peerId;
const peer = peerIdText(peerId);

describe('the address of a relay', () => {
  it.each([
    ['wss://relay.example/relay', 'wss://relay.example/relay'],
    ['WSS://Relay.Example', 'wss://relay.example/relay'],
    ['ws://127.0.0.1:8443/', 'ws://127.0.0.1:8443/relay'],
    ['wss://[::1]:8443/behind/a/proxy', 'wss://[::1]:8443/behind/a/proxy'],
  ])('%s', (text, url) => {
    expect(parseRelayAddress(text)).toEqual({ url });
    expect(relayAddressText({ url })).toBe(url);
  });

  it('with certificates that are known by their hash', () => {
    const text = `wss://relay.example/relay#${hash('a')},${hash('1')}`;
    const read = parseRelayAddress(text);
    const hashes = [new Uint8Array(32).fill(0xaa), new Uint8Array(32).fill(0x11)];
    expect(read).toEqual({ url: 'wss://relay.example/relay', certificateHashes: hashes });
    expect(relayAddressText(read)).toBe(text);
  });

  it.each([
    '',
    'relay.example:8443',
    'https://relay.example/relay',
    'wss://',
    'wss://me@relay.example/relay',
    'wss://relay.example/re lay',
    'wss://relay.example:70000/relay',
    'wss://relay.example/relay#',
    `wss://relay.example/relay#${hash('a')},`,
    `wss://relay.example/relay#${hash('g')}`,
    `wss://relay.example/relay#${Array(5).fill(hash('a')).join(',')}`,
    `ws://relay.example/relay#${hash('a')}`,
    `wss://relay.example/${'x'.repeat(2048)}`,
  ])('is not %j', (text) => {
    expect(() => parseRelayAddress(text)).toThrow(
      expect.objectContaining({ code: 'ANDVARI_RELAY_ADDRESS' }),
    );
  });
});

describe('a code', () => {
  it('says a peer and its address, or its relay', () => {
    const address = { host: '192.0.2.7', port: 8420 };
    expect(parseCode(`${peer}@192.0.2.7:8420`)).toEqual({ peerId, address });
    const relay = parseRelayAddress(`wss://relay.example#${hash('a')}`);
    expect(parseCode(`${peer}@${relayAddressText(relay)}`)).toEqual({ peerId, relay });
  });

  it('or what is called by a name, also at the relay of the node', () => {
    const list = folder.at('known_peers');
    KnownPeers.load(list).add(peerId, 'bob@work');
    const bob = { peerId, name: 'bob@work' };
    const relay = parseRelayAddress('wss://relay.example');
    expect(calledPeer('bob@work@wss://relay.example', list)).toEqual({ ...bob, relay });
    expect(calledPeer('bob@work', list, true)).toEqual(bob);
    expect(calledPeer(peer, list, true)).toEqual({ peerId });
    const address = { host: '192.0.2.7', port: 8420 };
    expect(calledPeer('bob@work@192.0.2.7:8420', list, true)).toEqual({ ...bob, address });
    const refused = (text: string, hasRelay: boolean, code: string) =>
      expect(() => calledPeer(text, list, hasRelay)).toThrow(expect.objectContaining({ code }));
    refused('bob@work', false, 'ANDVARI_PEER_ADDRESS');
    refused('bob', true, 'ANDVARI_PEER_UNKNOWN');
    refused('bob@work@wss://me@relay.example', false, 'ANDVARI_PEER_ADDRESS');
  });

  it.each([
    [`${peer}@https://relay.example/relay`, 'ANDVARI_PEER_ADDRESS'],
    [`${peer}@wss://:1`, 'ANDVARI_RELAY_ADDRESS'],
    [`${peer}@wss://relay.example/relay#12`, 'ANDVARI_RELAY_ADDRESS'],
    ['bob@wss://relay.example/relay', 'ANDVARI_PEER_ID'],
    [peer, 'ANDVARI_PEER_ADDRESS'],
  ])('is not %s', (text, code) => {
    expect(() => parseCode(text)).toThrow(expect.objectContaining({ code }));
  });
});
