/** Peer IDs as text: every slip of one letter is told, whatever the ID. */
import { identityOf } from '@andvari/host-common/transfer/identity';
import {
  looksLikePeerId,
  PEER_ID_LETTERS,
  PeerAddressError,
  PeerIdError,
  parsePeerAddress,
  parsePeerId,
  parsePeerIdBytes,
  peerIdText,
  splitPeerAddress,
} from '@andvari/host-common/transfer/peer-id-text';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const IDS = 100;
const { peerId } = identityOf(new Uint8Array(32).fill(1));
const text = peerIdText(peerId);

/** IDs that a seed repeats. */
function seededIds(): Uint8Array[] {
  const seed = seedOfRun();
  console.log(`ANDVARI_SEED=${seed}`);
  const random = randomFrom(seed);
  return Array.from({ length: IDS }, () => {
    const bytes = Uint8Array.from({ length: 32 }, () => random(256));
    return identityOf(bytes).peerId;
  });
}

function isRefused(slip: string): boolean {
  try {
    parsePeerId(slip);
    return false;
  } catch (error) {
    return error instanceof PeerIdError;
  }
}

describe('a peer ID as text', () => {
  it('is this text', () => {
    // By Python's binascii.crc_hqx() and base64.b32encode().
    expect(text).toBe('rkeohxlubhyzl7ks3mwtzos5olfgocn7dwkbeg7toseadnapn5opvoy');
    expect(text).toHaveLength(PEER_ID_LETTERS);
  });

  it.each([
    text.toUpperCase(),
    (text.match(/.{1,5}/g) ?? []).join(' '),
    (text.match(/.{1,4}/g) ?? []).join('-'),
    `${text.slice(0, 3)} - ${text.slice(3)}`,
  ])('is read from %s', (written) => {
    expect(parsePeerId(written)).toEqual(peerId);
    expect(looksLikePeerId(written)).toBe(true);
  });

  it.each([
    ['', 'letters and digits alone'],
    [`${text}=`, 'letters and digits alone'],
    [` ${text}`, 'letters and digits alone'],
    [`${text}-`, 'letters and digits alone'],
    [`${text}\n`, 'letters and digits alone'],
    [`${text.slice(0, 9)}\u00a0${text.slice(9)}`, 'letters and digits alone'],
    [[...text].join('     '), 'letters and digits alone'],
    [text.slice(1), 'this has 54'],
    [`${text}a`, 'this has 56'],
    [`0${text.slice(1)}`, 'no 0'],
    [`${text.slice(0, -1)}8`, 'no 8'],
  ])('is not %j', (wrong, why) => {
    expect(() => parsePeerId(wrong)).toThrow(PeerIdError);
    expect(() => parsePeerId(wrong)).toThrow(why);
  });

  it('is read back, and no slip of one letter or of two neighbours passes', () => {
    for (const one of seededIds()) {
      const right = peerIdText(one);
      expect(parsePeerId(right)).toEqual(one);
      const passed = [...slipsOf(right)].filter((slip) => !isRefused(slip));
      expect(passed, right).toEqual([]);
    }
  });

  it('wants bytes of a peer ID, and a text', () => {
    expect(() => peerIdText(peerId.subarray(1))).toThrow(RangeError);
    // y = 2 is no point of the curve, y = 1 one of small order.
    for (const y of [1, 2]) {
      expect(() => peerIdText(new Uint8Array(32).fill(y, 0, 1))).toThrow(RangeError);
    }
    expect(() => peerIdText(text as never)).toThrow(TypeError);
    expect(() => parsePeerId(peerId as never)).toThrow(TypeError);
    expect(() => splitPeerAddress(undefined as never)).toThrow(TypeError);
  });

  it('is no whole text of bytes that are no key, which only a list takes', () => {
    // y = 2, by the same Python.
    const whole = 'aiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaajyvq';
    expect(() => parsePeerId(whole)).toThrow('no key of a peer');
    expect(parsePeerIdBytes(whole)).toEqual(new Uint8Array(32).fill(2, 0, 1));
    expect(() => parsePeerIdBytes(`${whole.slice(1)}a`)).toThrow(PeerIdError);
  });

  it('is told from a name, also with a letter too many or too few', () => {
    for (const slip of [text, `${text}x`, text.slice(2), text.replace(/^./, '1')]) {
      expect(looksLikePeerId(slip), slip).toBe(true);
    }
    for (const name of ['', 'ann', 'the laptop', text.slice(9), `${text}@host`]) {
      expect(looksLikePeerId(name), name).toBe(false);
    }
  });
});

/** Another letter in each place, and each two neighbours that changed places. */
function* slipsOf(right: string): Generator<string> {
  for (const [at, letter] of [...right].entries()) {
    const [before, after] = [right.slice(0, at), right.slice(at + 1)];
    for (const other of ALPHABET) if (other !== letter) yield before + other + after;
    const [next] = after;
    if (next && next !== letter) yield before + next + letter + after.slice(1);
  }
}

describe('a peer and where it is', () => {
  it.each([
    ['127.0.0.1:8420', { host: '127.0.0.1', port: 8420 }],
    ['peer.example.org:1', { host: 'peer.example.org', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65535 }],
    ['[::ffff:192.0.2.7]:8420', { host: '::ffff:192.0.2.7', port: 8420 }],
  ])('at %s', (place, wanted) => {
    expect(parsePeerAddress(`${text}@${place}`)).toEqual({ peerId, ...wanted });
    expect(splitPeerAddress(`ann@home@${place}`)).toEqual({ peer: 'ann@home', ...wanted });
  });

  it.each([
    '',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:x',
    ':8420',
    '::1:8420',
    '[::1]',
    '[::1%eth0]:8420',
    '[1::2::3]:8420',
    '[127.0.0.1]:8420',
    '256.0.0.1:8420',
    'a b:8420',
    'host:8420 ',
  ])('not at %j', (place) => {
    expect(() => parsePeerAddress(`${text}@${place}`)).toThrow(PeerAddressError);
  });

  it('needs a peer, and one whose ID is right', () => {
    expect(() => splitPeerAddress('127.0.0.1:8420')).toThrow(PeerAddressError);
    expect(() => splitPeerAddress('@127.0.0.1:8420')).toThrow(PeerAddressError);
    expect(() => parsePeerAddress('ann@127.0.0.1:8420')).toThrow(PeerIdError);
  });
});
