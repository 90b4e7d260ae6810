import { identityOf } from '@andvari/host-common/transfer/identity';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { describe, expect, it } from 'vitest';
import { readCode, readRelay } from './relay-words.ts';

const { peerId } = identityOf(new Uint8Array(32).fill(7));
const peer = peerIdText(peerId);
const url = 'wss://relay.example/relay';

describe('a code', () => {
  it.each([
    `${peer}@${url}`,
    `  andvari receive ${peer}@${url}\n`,
    `npx andvari receive '${peer}@wss://relay.example'`,
  ])('%s', (text) => {
    expect(readCode(text)).toEqual({ peerId, url });
  });

  it('in clear on this machine', () => {
    const here = 'ws://127.0.0.1:50063/relay';
    expect(readCode(`${peer}@${here}`, [here]).url).toBe(here);
  });

  it.each([
    ['', 'ANDVARI_CODE'],
    ['some words', 'ANDVARI_CODE'],
    [peer, 'ANDVARI_CODE'],
    [`@${url}`, 'ANDVARI_CODE'],
    [`${peer}@192.0.2.1:8420`, 'ANDVARI_CODE_ADDRESS'],
    [`${peer}@[2001:db8::1]:8420`, 'ANDVARI_CODE_ADDRESS'],
    [`${peer.slice(1)}@${url}`, 'ANDVARI_PEER_ID'],
    [`${peer}@wss://`, 'ANDVARI_RELAY_ADDRESS'],
    [`${peer}@wss://a b/`, 'ANDVARI_RELAY_ADDRESS'],
    [`${peer}@ws://relay.example/relay`, 'ANDVARI_RELAY_PLAIN'],
    [`${peer}@${url}#${'0'.repeat(64)}`, 'ANDVARI_RELAY_PINNED'],
  ])('is not %j', (text, code) => {
    expect(() => readCode(text)).toThrow(expect.objectContaining({ code }));
  });

  it('of a relay that the policy does not name is refused, with how to allow it', () => {
    const other = () => readCode(`${peer}@${url}`, ['wss://other.example/relay']);
    expect(other).toThrow(`--connect ${url}`);
  });
});

describe('a relay', () => {
  it('is read as it is typed', () => {
    expect(readRelay(' wss://Relay.Example ', [url])).toBe(url);
  });

  it.each([
    ['', 'ANDVARI_RELAY_ADDRESS'],
    ['https://relay.example', 'ANDVARI_RELAY_ADDRESS'],
    ['ws://192.0.2.1/relay', 'ANDVARI_RELAY_PLAIN'],
  ])('is not %j', (text, code) => {
    expect(() => readRelay(text)).toThrow(expect.objectContaining({ code }));
  });
});
