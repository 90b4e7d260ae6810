/** Bodies, encryption types 0, 1 and 2, and replies (reference sections 2, 3 and 4). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { detect, NO_PAGE, names, putBack, sumOf, withAns } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import {
  aesCtr,
  coinName,
  crc32,
  join,
  type RequestFields,
  requestCounter,
  type Sent,
  u16,
  u32,
} from '../wire.ts';
import { audit, rightVersion } from './facts.ts';

const S = Status;
const echo = { group: 0, command: 0 } as const;

/** One request with this outcome. */
function once(
  fields: RequestFields | ((talk: Conversation) => RequestFields),
  status: number,
  read?: 'key' | 'body',
) {
  return async (talk: Conversation) => {
    const request = typeof fields === 'function' ? fields(talk) : fields;
    await talk.ask(request, { status, ...(read ? { read } : {}) });
  };
}

/** A body cut to `size` bytes, its trailer right unless `tail` is given. */
function short(size: number, tail: Uint8Array = Uint8Array.of(0x3e, 0x3e)) {
  return async (talk: Conversation) => {
    const sent = talk.build({ ...echo, payload: null, patch: [[22, u16(size)]] });
    const body = Buffer.alloc(size);
    body.set(tail.subarray(0, size), Math.max(0, size - tail.length));
    const bytes = Buffer.concat([sent.bytes, body]);
    const request = { ...sent, bytes, hasBody: true };
    await talk.askBytes(request, { status: S.INVALID_PACKET_LENGTH, read: 'key' });
  };
}

function badChallenge(at: number) {
  return (talk: Conversation): RequestFields => {
    const free = talk.bytes('challenge', 12);
    const challenge = join(free, u32(crc32(free)));
    challenge[at]! ^= 1;
    return { ...echo, challenge };
  };
}

function reversedCrc(talk: Conversation): RequestFields {
  const free = talk.bytes('challenge', 12);
  return { ...echo, challenge: join(free, u32(crc32(free)).reverse()) };
}

const bodyRows: CaseRow[] = [
  [
    'none',
    'a command that needs no body is answered without one',
    once({ ...echo, payload: null }, S.SUCCESS),
  ],
  ['empty', 'challenge and trailer alone are a body', once(echo, S.SUCCESS)],
  ['size-1', 'a body of 1 byte is refused with 16', short(1)],
  ['size-2', 'a trailer alone is refused with 16', short(2)],
  ['size-17', 'a body of 17 bytes is refused with 16', short(17)],
  [
    'size-before-trailer',
    'a short body is refused with 16 before its trailer is looked at',
    short(17, Uint8Array.of(0x3c, 0x3c)),
    { level: 'SHOULD', note: 'public servers answer 33 here (section 10, point 11)' },
  ],
  [
    'trailer',
    'a wrong trailer is refused with 33',
    once({ ...echo, tail: u16(0x3c3c) }, S.INVALID_EOF, 'key'),
  ],
  [
    'trailer-first-byte',
    'the first byte of the trailer counts',
    once({ ...echo, tail: u16(0x3c3e) }, S.INVALID_EOF, 'key'),
  ],
  [
    'trailer-second-byte',
    'the second byte of the trailer counts',
    once({ ...echo, tail: u16(0x3e3c) }, S.INVALID_EOF, 'key'),
  ],
  [
    'trailer-e3e3',
    'e3 e3 is no trailer',
    once({ ...echo, tail: u16(0xe3e3) }, S.INVALID_EOF, 'key'),
  ],
  [
    'trailer-before-crc',
    'the trailer is checked before the challenge',
    once({ ...echo, challenge: Buffer.alloc(16, 1), tail: u16(0) }, S.INVALID_EOF, 'key'),
  ],
  [
    'crc',
    'a challenge whose CRC-32 is wrong is refused with 37',
    once(badChallenge(15), S.INVALID_CRC),
  ],
  [
    'crc-covers-first-byte',
    'the CRC-32 covers the first of the 12 bytes',
    once(badChallenge(0), S.INVALID_CRC),
  ],
  [
    'crc-covers-last-byte',
    'the CRC-32 covers the last of the 12 bytes',
    once(badChallenge(11), S.INVALID_CRC),
  ],
  ['crc-big-endian', 'the CRC-32 is big-endian', once(reversedCrc, S.INVALID_CRC)],
  [
    'zero-challenge',
    'zeros are no challenge',
    once({ ...echo, challenge: Buffer.alloc(16) }, S.INVALID_CRC),
  ],
  [
    'crc-before-size',
    'the challenge is checked before the command looks at its size',
    once({ group: 1, command: 10, challenge: Buffer.alloc(16, 7) }, S.INVALID_CRC),
  ],
];

/** A request under another key than the server's, as that server decrypts it. */
async function underWrongKey(talk: Conversation, sent: Sent, key: Buffer): Promise<void> {
  const sealed = sent.bytes.subarray(32, 48);
  const challenge = aesCtr(key, requestCounter(talk.wire, sent.header), sealed);
  await talk.askBytes({ ...sent, key, challenge }, { status: S.INVALID_CRC });
}

const peek = { group: 8, command: 83 } as const;

/** Locks coin 0 under the case's key, does something, and unlocks it again. */
function withLocker(act: (talk: Conversation, key: Buffer) => Promise<void>) {
  return async (talk: Conversation) => {
    const key = talk.lockerKey();
    const coins = [talk.coin(0)];
    await putBack(talk, coins, [key]);
    const put = join(names(coins), sumOf(coins), key);
    await talk.ask({ group: 8, command: 82, payload: put }, { status: S.ALL_PASS });
    talk.cleanups.push(() => putBack(talk, coins, [key]));
    await act(talk, key);
  };
}

const encryptionRows: CaseRow[] = [
  [
    'type-1-detect',
    'a request under the AN of a coin is decrypted, and the reply encrypted',
    async (talk) => {
      const coins = [talk.coin(0), { ...talk.coin(1), an: talk.newAn(1) }, talk.coin(2)];
      await talk.ask(
        { group: 1, command: 10, payload: withAns(coins), encryption: talk.sealed() },
        { status: S.MIXED, payload: Uint8Array.of(0b101) },
      );
    },
  ],
  [
    'type-1-empty-reply',
    'a reply without a payload under encryption',
    async (talk) =>
      void (await talk.ask({ ...echo, encryption: talk.sealed() }, { status: S.SUCCESS })),
  ],
  [
    'type-1-no-body',
    'without a body nothing is decrypted, and the reply is encrypted all the same',
    async (talk) => {
      await talk.ask(
        { group: 0, command: 1, payload: null, encryption: talk.sealed() },
        { status: S.SUCCESS, payload: rightVersion },
      );
    },
    { section: '2, 3' },
  ],
  [
    'type-1-many-blocks',
    'the counter goes on over many blocks',
    async (talk) => {
      const coins = talk.coins(7).concat(talk.coins(7, 1));
      const request = { group: 1, command: 10, payload: withAns(coins), encryption: talk.sealed() };
      await talk.ask(request, { status: S.ALL_PASS });
    },
  ],
  [
    'type-1-long-reply',
    'the counter of the reply goes on over many blocks',
    async (talk) => {
      const sealed = await audit(talk, { encryption: talk.sealed() });
      const clear = await audit(talk);
      if (sealed.join() !== clear.join()) talk.fail(`counts ${sealed}, in clear ${clear}`);
    },
    { note: 'public servers send 74 bytes here (defect 2)' },
  ],
  [
    'type-1-counter-carry',
    'a nonce of ff bytes is taken as it is',
    async (talk) => {
      const patch = [[24, Buffer.alloc(8, 0xff)]] as const;
      const payload = withAns(talk.coins(4));
      const request = { group: 1, command: 10, payload, patch, encryption: talk.sealed() };
      await talk.ask(request, { status: S.ALL_PASS });
    },
  ],
  [
    'type-1-unknown-page',
    'a key coin on no page is refused with 34',
    async (talk) => {
      const coin = { ...NO_PAGE, an: Buffer.alloc(16) };
      const request = { ...echo, encryption: { type: 1 as const, coin } };
      await talk.ask(request, { status: S.INVALID_ENCRYPTION });
    },
  ],
  [
    'type-1-unknown-denomination',
    'a key coin of denomination 7 is refused with 34',
    async (talk) => {
      const coin = { denomination: 7, serialNumber: 1, an: Buffer.alloc(16) };
      const request = { ...echo, encryption: { type: 1 as const, coin } };
      await talk.ask(request, { status: S.INVALID_ENCRYPTION });
    },
  ],
  [
    'type-1-free-coin',
    'the look-up of the key does not ask whether the coin is in use',
    async (talk) => {
      const request = { ...echo, encryption: { type: 1 as const, coin: talk.freeCoin(0) } };
      await talk.ask(request, { status: S.SUCCESS });
    },
    { section: '1.1, 7' },
  ],
  [
    'type-1-trailer-clear',
    'the trailer is not encrypted: a wrong one is refused with 33',
    async (talk) => {
      const request = { ...echo, encryption: talk.sealed(), tail: u16(0) };
      await talk.ask(request, { status: S.INVALID_EOF, read: 'key' });
    },
    { section: '2' },
  ],
  [
    'type-2-peek',
    'a request under a locker key is found by its first five bytes',
    withLocker(async (talk, key) => {
      await talk.ask(
        { ...peek, payload: key, encryption: { type: 2, key } },
        { status: S.ALL_PASS, payload: coinName(talk.coin(0)) },
      );
    }),
  ],
  [
    'type-2-wrong-key',
    'the right five bytes with another key fail the challenge: 37',
    withLocker(async (talk, key) => {
      const wrong = Buffer.from(key);
      wrong[8]! ^= 1;
      const sent = talk.build({ ...peek, payload: key, encryption: { type: 2, key: wrong } });
      await underWrongKey(talk, sent, key);
    }),
  ],
  [
    'type-2-unknown',
    'five bytes that begin no locker key are refused with 34',
    async (talk) => {
      const key = talk.lockerKey('nobody');
      const request = { ...peek, payload: key, encryption: { type: 2 as const, key } };
      await talk.ask(request, { status: S.INVALID_ENCRYPTION });
    },
  ],
  [
    'wrong-key',
    'a body under another key fails the challenge: 37',
    async (talk) => {
      const coin = { ...talk.coin(0), an: talk.newAn(0) };
      const sent = talk.build({ ...echo, encryption: { type: 1, coin } });
      await underWrongKey(talk, sent, talk.coin(0).an);
    },
  ],
];

const NONCE_AT = 16;

const replyRows: CaseRow[] = [
  [
    'fresh-nonce',
    'two replies never have the same nonce',
    async (talk) => {
      const request = { group: 0, command: 1, payload: null, encryption: talk.sealed() };
      const expected = { status: S.SUCCESS, payload: rightVersion };
      const first = await talk.ask(request, expected);
      const second = await talk.ask(request, expected);
      const nonces = [first, second].map(({ header }) => header.subarray(NONCE_AT, NONCE_AT + 12));
      if (nonces[0]!.equals(nonces[1]!)) talk.fail(`the nonce ${nonces[0]!.toString('hex')} twice`);
      if (nonces[0]!.equals(Buffer.alloc(12))) talk.fail('a nonce of zeros');
    },
    { wires: ['spec'], section: '4.1' },
  ],
  [
    'nonce-in-clear-reply',
    'a reply to type 0 has a nonce as well',
    async (talk) => {
      const { header } = await talk.ask(echo, { status: S.SUCCESS });
      const nonce = header.subarray(NONCE_AT, NONCE_AT + 12);
      if (nonce.equals(Buffer.alloc(12))) talk.fail('a nonce of zeros');
    },
    {
      ...{ wires: ['spec'], section: '4.1', level: 'SHOULD' },
      note: 'the specification tells it of TCP alone (section 10, point 7)',
    },
  ],
  [
    'challenge-hash',
    'bytes 16 to 31 are the challenge',
    async (talk) => void (await talk.ask(echo, { status: S.SUCCESS })),
    { wires: ['legacy'], section: '4.1' },
  ],
  [
    'challenge-hash-encrypted',
    'bytes 16 to 31 are the decrypted challenge XOR the key',
    async (talk) =>
      void (await talk.ask({ ...echo, encryption: talk.sealed() }, { status: S.SUCCESS })),
    { wires: ['legacy'], section: '4.1' },
  ],
  [
    'challenge-hash-none',
    'bytes 16 to 31 are zero without a body, also after a request that had one',
    async (talk) => {
      await talk.ask(echo, { status: S.SUCCESS });
      await talk.ask({ ...echo, payload: null }, { status: S.SUCCESS, strict: true });
    },
    { wires: ['legacy'], section: '4.1, 11', note: 'public servers leak earlier ones (defect 9)' },
  ],
  [
    'counter-restarts',
    "the reply's counter starts at 0 again",
    async (talk) => {
      const coins = [talk.coin(0), { ...talk.coin(1), an: talk.newAn(1) }];
      await talk.ask(
        { group: 1, command: 10, payload: withAns(coins), encryption: talk.sealed() },
        { status: S.MIXED, payload: Uint8Array.of(1) },
      );
    },
    { wires: ['legacy'], section: '3', level: 'SHOULD', note: 'with AES-NI public servers go on' },
  ],
  [
    'no-leak',
    'a refusal tells nothing of the request before it',
    async (talk) => {
      await detect(talk, [talk.coin(0)]);
      const patch = [[1, Uint8Array.of(1)]] as const;
      const expected = { status: S.INVALID_SPLIT_ID, strict: true };
      await talk.ask({ ...echo, payload: null, patch }, expected);
    },
    { section: '4.1, 11', note: 'public servers leak over UDP (defect 9)' },
  ],
];

export const bodyCases: ConformanceCase[] = [
  ...casesOf('raida/body', { section: '2' }, bodyRows),
  ...casesOf('raida/encryption', { section: '3' }, encryptionRows),
  ...casesOf('raida/reply', { section: '4' }, replyRows),
];
