/** What a Ratatoskr server refuses of anybody (reference: Ratatoskr, sections 3, 4, 7 and 10). */
import { type ProtocolCase, type ProtocolRow, protocolCases } from '../protocol-suite.ts';
import { encodeRequest, field, type RequestFields, varint } from './message.ts';
import type { RatatoskrTalk } from './talk.ts';

type Row = ProtocolRow<RatatoskrTalk>;

const SERIALIZATION = 'SerializationError';
const VALIDATION = 'ValidationError';
const SECURITY = 'SecurityError';
/** Section 10. */
const MESSAGE_BYTES_MAX = 1_114_112;
const PAYLOAD_BYTES_MAX = 1_048_576;
/** Behind field 2, request_id, so that the answer can name it. */
const ID = '00000000-0000-4000-8000-00000000c0de';

const transportRows: Row[] = [
  [
    'subprotocol',
    'ratatoskr.v1 is taken where it is offered',
    async (talk) => {
      const link = await talk.open();
      if (link.protocol !== 'ratatoskr.v1') link.fail(`subprotocol ${link.protocol || 'none'}`);
    },
  ],
  [
    'no-subprotocol',
    'a client that offers no subprotocol is let in',
    async (talk) => {
      const link = await talk.open([]);
      const answer = await link.ask(talk.strange({ timestamp: 1n }));
      talk.refusal(answer, 'TIMESTAMP_INVALID', VALIDATION);
    },
  ],
  [
    'text',
    'a text message is INVALID_FORMAT; the third ends the connection',
    async (talk) => {
      const link = await talk.open();
      for (let i = 0; i < 3; i++) {
        const answer = await link.askRaw(Buffer.from('hello'), false);
        talk.refusal(answer, 'INVALID_FORMAT', SERIALIZATION);
        if (answer.requestId !== '-') talk.wrong(answer, 'wanted the request_id -');
        if (i < 2) await link.silence();
      }
      await link.closed(1003);
    },
    { section: '7', note: 'section 7 names no code for this close: 1003 is ours' },
  ],
  [
    'too-long',
    `a message of more than ${MESSAGE_BYTES_MAX} bytes ends the connection (1009)`,
    async (talk) => {
      const link = await talk.open();
      link.sendRaw(Buffer.alloc(MESSAGE_BYTES_MAX + 1));
      await link.closed(1009);
    },
    { section: '7, 10' },
  ],
];

/** Bytes behind a request_id that no strict decoder takes. */
const damages: readonly (readonly [name: string, title: string, bytes: Buffer])[] = [
  ['varint-11', 'a number of eleven bytes', Buffer.from('28ffffffffffffffffffff01', 'hex')],
  ['varint-65-bits', 'a number of 65 bits', Buffer.from('28ffffffffffffffffff02', 'hex')],
  ['varint-padded', 'a number with a zero too many', Buffer.from('288100', 'hex')],
  ['varint-cut', 'a number that does not end', Buffer.from('2880', 'hex')],
  ['length', 'a length beyond the end', Buffer.from('3205aa', 'hex')],
  ['length-huge', 'a length of 2^63', Buffer.from('3280808080808080808001', 'hex')],
  ['field-0', 'field 0', Buffer.from('0000', 'hex')],
  ['wire-type', 'a known field of another type', Buffer.from('2a0101', 'hex')],
  ['group', 'a group', Buffer.from('5354', 'hex')],
  ['wire-type-6', 'wire type 6', Buffer.from('56', 'hex')],
  ['duplicate', 'a field that is there twice', Buffer.concat([field(2, ID)])],
  ['duplicate-key', 'two entries of one key', repeated(2, field(9, field(1, 'k')))],
  ['utf8', 'an id that is no UTF-8', field(3, Buffer.from('c328', 'hex'))],
  ['utf8-surrogate', 'half a surrogate pair', field(3, Buffer.from('eda080', 'hex'))],
  ['unknown-65', '65 unknown fields', repeated(65, field(100, 1))],
];

function repeated(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

const decodeRows: Row[] = [
  ...damages.map(
    ([name, title, bytes]): Row => [
      name,
      `${title} is MALFORMED, and answered with the request_id that was read`,
      async (talk) => {
        const link = await talk.open();
        const answer = await link.askRaw(Buffer.concat([field(1, 3), field(2, ID), bytes]));
        talk.refusal(answer, 'MALFORMED', SERIALIZATION);
        if (answer.requestId !== ID) talk.wrong(answer, `wanted the request_id ${ID}`);
        await link.silence();
      },
    ],
  ),
  [
    'no-id',
    'without a request_id the answer has -',
    async (talk) => {
      const link = await talk.open();
      const answer = await link.askRaw(Buffer.from('0880', 'hex'));
      talk.refusal(answer, 'MALFORMED', SERIALIZATION);
      if (answer.requestId !== '-') talk.wrong(answer, 'wanted the request_id -');
    },
    { section: '7' },
  ],
  [
    'third',
    'the third message that does not decode ends the connection (1007)',
    async (talk) => {
      const link = await talk.open();
      for (let i = 0; i < 3; i++) await link.askRaw(Buffer.of(0xff));
      await link.closed(1007);
    },
    { section: '7' },
  ],
  [
    'unknown-64',
    '64 unknown fields are skipped',
    async (talk) => {
      const link = await talk.openAtTime();
      const { fields, bytes } = talk.strange();
      const unknown = repeated(64, field(100, 1));
      const answer = await link.ask({ fields, bytes: Buffer.concat([bytes, unknown]) });
      talk.refusal(answer, 'UNAUTHENTICATED', SECURITY);
    },
  ],
];

const long = (count: number) => 'x'.repeat(count);
const entries = (count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`k${String(i).padStart(2, '0')}`, 'v']);

/** A field beyond its bound, and the longest that is within it where there is one. */
const shapes: readonly (readonly [
  name: string,
  title: string,
  bad: Partial<RequestFields>,
  good?: Partial<RequestFields>,
])[] = [
  ['type-0', 'type 0', { messageType: 0 }],
  ['type-2', 'type 2, which servers send', { messageType: 2 }],
  ['type-6', 'type 6, which servers send', { messageType: 6 }],
  ['type-7', 'type 7', { messageType: 7 }],
  ['type-negative', 'type -1', { messageType: -1 }],
  ['request-id-empty', 'no request_id', { requestId: '' }],
  ['request-id', 'a request_id of 257 bytes', { requestId: long(257) }, { requestId: long(256) }],
  ['device-id-empty', 'no device_id', { deviceId: '' }],
  ['device-id', 'a device_id of 257 bytes', { deviceId: long(257) }, { deviceId: long(256) }],
  ['user-id-empty', 'no user_id', { userId: '' }],
  ['user-id', 'a user_id of 257 bytes', { userId: long(257) }, { userId: long(256) }],
  ['nonce-short', 'a nonce of 7 bytes', { nonce: Buffer.alloc(7) }, { nonce: Buffer.alloc(8) }],
  ['nonce-long', 'a nonce of 65 bytes', { nonce: Buffer.alloc(65) }, { nonce: Buffer.alloc(64) }],
  [
    'payload',
    'a payload of 1 MiB and a byte',
    { payload: Buffer.alloc(PAYLOAD_BYTES_MAX + 1) },
    { payload: Buffer.alloc(PAYLOAD_BYTES_MAX) },
  ],
  [
    'metadata-key',
    'a metadata key of 65 bytes',
    { metadata: [[long(65), 'v']] },
    { metadata: [[long(64), 'v']] },
  ],
  [
    'metadata-value',
    'a metadata value of 1025 bytes',
    { metadata: [['k', long(1025)]] },
    { metadata: [['k', long(1024)]] },
  ],
];

const shapeRows: Row[] = [
  ...shapes.map(
    ([name, title, bad, good]): Row => [
      name,
      `${title}: INVALID_REQUEST${good ? '; one less goes on to who has sent it' : ''}`,
      async (talk) => {
        const link = await talk.openAtTime();
        const refused = await link.ask(talk.strange(bad));
        // An id that no response may have is answered as none.
        if (bad.requestId !== undefined) refused.sent!.fields.requestId = '-';
        talk.refusal(refused, 'INVALID_REQUEST', VALIDATION);
        if (!good) return;
        talk.refusal(await link.ask(talk.strange(good)), 'UNAUTHENTICATED', SECURITY);
      },
      { section: '3, 10' },
    ],
  ),
  [
    'metadata',
    '33 metadata entries: INVALID_REQUEST or MALFORMED; 32 go on to who has sent it',
    async (talk) => {
      const link = await talk.openAtTime();
      const refused = await link.ask(talk.strange({ metadata: entries(33) }));
      if (refused.errorCode === 'MALFORMED') talk.refusal(refused, 'MALFORMED', SERIALIZATION);
      else talk.refusal(refused, 'INVALID_REQUEST', VALIDATION);
      const good = talk.strange({ metadata: entries(32) });
      talk.refusal(await link.ask(good), 'UNAUTHENTICATED', SECURITY);
    },
    { section: '10', note: 'section 10 has the bound, and no stage at which it is judged' },
  ],
  ...[63, 65, 0].map(
    (count): Row => [
      `signature-${count}`,
      `a signature of ${count} bytes: INVALID_REQUEST`,
      async (talk) => {
        const link = await talk.openAtTime();
        const answer = await link.ask(talk.strange({}, Buffer.alloc(count, 9)));
        talk.refusal(answer, 'INVALID_REQUEST', VALIDATION);
        await link.silence();
      },
    ],
  ),
];

/** Seconds from the server's now, or a time of its own. */
const times: readonly (readonly [string, string, (nowS: bigint) => bigint, boolean])[] = [
  ['stale', 'older than 300 s', (nowS) => nowS - 310n, false],
  ['fresh', 'of 290 s ago', (nowS) => nowS - 290n, true],
  ['future', '400 s ahead', (nowS) => nowS + 400n, false],
  ['zero', 'of 1970', () => 0n, false],
  ['least', 'the least of 64 bits', () => -(2n ** 63n), false],
  ['most', 'the most of 64 bits', () => 2n ** 63n - 1n, false],
];

const timeRows: Row[] = [
  ...times.map(
    ([name, title, at, isGood]): Row => [
      name,
      `a timestamp ${title} is ${isGood ? 'taken' : 'TIMESTAMP_INVALID'}`,
      async (talk) => {
        const link = await talk.openAtTime();
        const answer = await link.ask(talk.strange({ timestamp: at(talk.nowS()) }));
        if (isGood) talk.refusal(answer, 'UNAUTHENTICATED', SECURITY);
        else talk.refusal(answer, 'TIMESTAMP_INVALID', VALIDATION);
        if (!isGood) await link.silence();
      },
    ],
  ),
  [
    'future-near',
    'a timestamp 10 s ahead is TIMESTAMP_INVALID',
    async (talk) => {
      const link = await talk.openAtTime();
      const answer = await link.ask(talk.strange({ timestamp: talk.nowS() + 10n }));
      talk.refusal(answer, 'TIMESTAMP_INVALID', VALIDATION);
    },
    { level: 'SHOULD', note: 'a server may take a skew; the default is 0' },
  ],
];

const strangerRows: Row[] = [
  [
    'unknown-device',
    'an unknown device is UNAUTHENTICATED, and the connection ends (1008)',
    async (talk) => {
      const link = await talk.openAtTime();
      talk.refusal(await link.ask(talk.strange()), 'UNAUTHENTICATED', SECURITY);
      await link.closed(1008);
    },
    { section: '5, 7' },
  ],
  [
    'order',
    'shape is judged before the date, and the date before the device',
    async (talk) => {
      const link = await talk.open();
      const old = { timestamp: 1n };
      const short = talk.strange({ ...old, nonce: Buffer.alloc(7) });
      talk.refusal(await link.ask(short), 'INVALID_REQUEST', VALIDATION);
      talk.refusal(await link.ask(talk.strange(old)), 'TIMESTAMP_INVALID', VALIDATION);
    },
    { section: '3.1' },
  ],
  [
    'flood',
    'messages of a stranger are limited before their signatures: RATE_LIMITED',
    async (talk) => {
      const link = await talk.open();
      const sent = Array.from({ length: 400 }, () => talk.strange({ timestamp: 1n }));
      for (const one of sent) link.send(one);
      for (let i = 0; i < sent.length; i++) {
        const answer = await link.answer();
        if (answer.errorCode === 'TIMESTAMP_INVALID') continue;
        answer.sent = undefined;
        talk.refusal(answer, 'RATE_LIMITED', SECURITY);
        return;
      }
      link.fail(`all of ${sent.length} messages at once were looked at`);
    },
    { section: '3.1, 6', level: 'SHOULD', note: 'section 6 gives no number' },
  ],
  [
    'fields-out-of-order',
    'fields in another order are taken',
    async (talk) => {
      const link = await talk.openAtTime();
      const fields = talk.fields();
      const nothing = { requestId: '', deviceId: '', userId: '', timestamp: 0n, messageType: 0 };
      const none = Buffer.alloc(0);
      const rest = encodeRequest({ ...fields, ...nothing, payload: none }, Buffer.alloc(64, 9));
      const { requestId, deviceId, userId, timestamp } = fields;
      const bytes = Buffer.concat([
        ...[rest, field(5, timestamp), field(4, userId), field(3, deviceId)],
        ...[field(2, requestId), varint(8), varint(3)],
      ]);
      const answer = await link.ask({ fields: { ...fields, payload: none }, bytes });
      talk.refusal(answer, 'UNAUTHENTICATED', SECURITY);
    },
    { section: '1' },
  ],
];

export const refusalCases: readonly ProtocolCase<RatatoskrTalk>[] = [
  ...protocolCases('ratatoskr/transport', '4', transportRows),
  ...protocolCases('ratatoskr/decode', '10', decodeRows),
  ...protocolCases('ratatoskr/shape', '3', shapeRows),
  ...protocolCases('ratatoskr/timestamp', '3', timeRows),
  ...protocolCases('ratatoskr/stranger', '3', strangerRows),
];
