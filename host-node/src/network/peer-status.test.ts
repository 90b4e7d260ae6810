import { randomBytes } from 'node:crypto';
import { peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { describe, expect, it } from 'vitest';
import {
  countRoot,
  emitPeerStatus,
  type PeerStatusDocument,
  parsePeerStatus,
  STATUS_PROTOCOL,
} from './peer-status.ts';
import { StatusBoard } from './status-board.ts';

const status: PeerStatusDocument = {
  ...{ raida: 7, version: '20261121', ready: true, coins: 6144 },
  ...{ countRoot: countRoot([1, 2, 3]), load: 12, timeMs: 1_767_225_600_000 },
};
const text = new TextDecoder().decode(emitPeerStatus(status));
const bytesOf = (words: string) => new TextEncoder().encode(words);

describe('a status', () => {
  it('has one form', () => {
    expect(text).toMatch(/^\{"format":1,"raida":7,"version":"20261121","ready":true,"coins":6144,/);
    expect(parsePeerStatus(bytesOf(text))).toEqual(status);
    expect(bytesOf(text).length).toBeLessThan(256);
  });

  it.each([
    ['no JSON', text.slice(1)],
    ['a byte more', `${text} `],
    ['a byte order mark', `\ufeff${text}`],
    ['another order', JSON.stringify({ raida: 7, ...JSON.parse(text) })],
    ['another format', text.replace('"format":1', '"format":2')],
    ['a number in another form', text.replace('6144', '6144.0')],
    ['a server that cannot be', text.replace('"raida":7', '"raida":25')],
    ['less than no load', text.replace('"load":12', '"load":-1')],
    ['a root of 63 digits', text.replace(/[0-9a-f](","load")/, '$1')],
    ['a root in capitals', text.replace(status.countRoot, 'A'.repeat(64))],
    ['no root', text.replace(/"countRoot":"[0-9a-f]{64}",/, '')],
    ['a version with a control character', text.replace('20261121', '\\u001b[2J')],
    ['something more', text.replace('}', ',"more":1}')],
    ['something twice', text.replace('"load":12', '"load":12,"load":12')],
    ['513 bytes', text.padEnd(513)],
    ['null', 'null'],
  ])('is refused with %s', (_, wrong) => {
    expect(wrong).not.toBe(text);
    const code = 'ANDVARI_PEER_STATUS';
    expect(() => parsePeerStatus(bytesOf(wrong))).toThrow(expect.objectContaining({ code }));
  });

  it('is refused in other bytes than UTF-8', () => {
    expect(() => parsePeerStatus(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('wanted JSON');
    expect(() => parsePeerStatus(new Uint8Array(randomBytes(64)))).toThrow();
  });

  it('has the same root for the same counts alone', () => {
    expect(countRoot([0, 5])).toBe(countRoot(Uint32Array.of(0, 5)));
    expect(countRoot([0, 5])).not.toBe(countRoot([5, 0]));
    expect(countRoot([5])).not.toBe(countRoot([0, 5]));
  });
});

describe('StatusBoard', () => {
  const keys = Array.from({ length: 25 }, (_, raida) => new Uint8Array(32).fill(raida + 1));
  const peerOf = (raida: number) => peerIdText(peerIdOfKey(new Uint8Array(32).fill(100 + raida)));
  const message = (raida: number, words: string) => ({
    ...{ peerId: peerOf(raida), kind: 'broadcast' as const, protocol: STATUS_PROTOCOL },
    ...{ messageId: 1n, roundId: 0, payload: bytesOf(words), metadata: null },
  });
  const board = () => {
    const made = new StatusBoard(keys, () => 5);
    made.verified({ peerId: peerOf(7), key: keys[7] as Uint8Array });
    made.verified({ peerId: peerOf(8), key: keys[8] as Uint8Array });
    return made;
  };

  it('keeps what a server says of itself', () => {
    const one = board();
    one.take(message(7, text));
    expect(one.heard(7)).toEqual({ status, heardMs: 5 });
    expect(one.refused).toBe(0);
  });

  it('counts what it refuses: of another, of nobody, what is none, what is old', () => {
    const one = board();
    one.take(message(8, text));
    one.take(message(9, text));
    one.take(message(7, `${text} `));
    expect(one.heard(7)).toBeUndefined();
    one.take(message(7, text));
    one.take(message(7, text));
    one.closed({ peerId: peerOf(7) });
    one.take(message(7, text.replace('600000}', '600001}')));
    expect(one.refused).toBe(5);
    expect(one.heard(7)?.status).toEqual(status);
  });

  it('leaves alone what is no status', () => {
    const one = board();
    one.take({ ...message(7, text), protocol: 'other' });
    one.take({ ...message(7, text), kind: 'direct' });
    expect([one.refused, one.heard(7)]).toEqual([0, undefined]);
  });
});
