/** Direct messages: what is answered, and what is none (reference: peer, sections 2, 4, 5). */
import { type ProtocolRow, protocolCases } from '../protocol-suite.ts';
import {
  encodeInner,
  encodeProtocol,
  type Inner,
  list,
  map,
  NULL,
  text,
  varint,
} from './message.ts';
import { OTHER_PEER, type PeerConnection, type PeerTalk } from './talk.ts';

type Row = ProtocolRow<PeerTalk>;

const REQUEST_BYTES_MAX = 2 ** 20;
const METADATA_BYTES_MAX = 2 ** 16;
const PROTOCOL_BYTES_MAX = 128;
const OURS = { level: 'SHOULD' as const, note: 'ours: section 2' };

const unverifiedRows: Row[] = [
  [
    'request',
    'a direct message before the handshake draws 403',
    async (talk) => {
      await (await talk.open()).isUnverified();
    },
  ],
  [
    'rubbish',
    'so does what is no request',
    async (talk) => {
      const link = await talk.open();
      link.error(await link.ask(Buffer.of(0xff)), 403);
    },
    { level: 'SHOULD', note: 'ours: section 4' },
  ],
  [
    'long',
    'so does what is longer than a handshake',
    async (talk) => {
      const link = await talk.open();
      link.error(await link.ask(Buffer.alloc(8192)), 403);
    },
    { level: 'SHOULD', note: 'ours: section 4' },
  ],
];

/** Such a direct message of a verified peer is answered. */
function answered(change: Partial<Inner>, metadata: Uint8Array | null = null) {
  return async (talk: PeerTalk) => {
    const link = await talk.verified();
    await link.answersDirect(link.request(change, metadata));
  };
}

/** Such a document draws Error `code`, if one is given, or is not taken; right ones still are. */
function notTaken(make: (link: PeerConnection) => Buffer, code?: number) {
  return async (talk: PeerTalk) => {
    const link = await talk.verified();
    const answer = await link.ask(make(link));
    if (code === undefined) link.untaken(answer);
    else link.error(answer, code);
    await link.answersDirect();
  };
}

/** The document of a payload that `change` has made of a right one. */
function withPayload(change: (bytes: Buffer, inner: Inner) => Buffer) {
  return (link: PeerConnection) => {
    const inner = link.inner();
    return encodeProtocol(inner.protocol, change(encodeInner(inner), inner));
  };
}

const directRows: Row[] = [
  ['answered', 'a direct message of a protocol that it does not have is answered', answered({})],
  ['metadata', 'so is one with metadata', answered({}, Buffer.of(0, 23, 24, 255))],
  [
    'wide',
    'so is one with the largest numbers, and a payload of 100,000 bytes',
    answered({
      ...{ messageId: 2n ** 64n - 1n, roundId: 65_535, payload: Buffer.alloc(100_000, 0xa5) },
    }),
  ],
  [
    'parallel',
    'twenty at once are all answered',
    async (talk) => {
      const link = await talk.verified();
      await Promise.all(Array.from({ length: 20 }, () => link.answersDirect()));
    },
  ],
  [
    'sender',
    'one whose sender is another peer draws 403',
    notTaken((link) => link.request({ sender: OTHER_PEER }), 403),
    { section: '5.7' },
  ],
  [
    'recipient',
    'one for another peer draws 400',
    notTaken((link) => link.request({ recipient: OTHER_PEER }), 400),
    { section: '5.7' },
  ],
];

const documentRows: Row[] = [
  ['no-cbor', 'a byte that begins no item', notTaken(() => Buffer.of(0xff))],
  ['empty', 'no bytes at all', notTaken(() => Buffer.alloc(0))],
  ['cut', 'a document without its last byte', notTaken((link) => link.request().subarray(0, -1))],
  ['array', 'an item that is no map', notTaken(() => list(Buffer.of(1, 2)))],
  ['variant', 'a variant that nobody knows', notTaken(() => map(['Other', map()]))],
  ['response', 'a response', notTaken(() => map(['Success', map(['data', NULL])]))],
  [
    'missing',
    'a request without its payload',
    notTaken(() => {
      return map(['Protocol', map(['protocol', text('p')], ['metadata', NULL])]);
    }),
  ],
  [
    'long',
    `more than ${REQUEST_BYTES_MAX} bytes`,
    notTaken((link) => {
      return link.request({ payload: Buffer.alloc(REQUEST_BYTES_MAX, 1) });
    }),
  ],
  ['code', 'what is no request draws 400', notTaken(() => Buffer.of(0xff), 400), OURS],
  [
    'trailing',
    'a byte behind the document',
    notTaken((link) => {
      return Buffer.concat([link.request(), Buffer.of(0)]);
    }),
    OURS,
  ],
  [
    'indefinite',
    'a map of indefinite length',
    notTaken((link) => {
      return Buffer.concat([Buffer.of(0xbf), link.request().subarray(1), Buffer.of(0xff)]);
    }),
    OURS,
  ],
  [
    'non-minimal',
    'a length in more bytes than it needs',
    notTaken((link) => {
      return Buffer.concat([Buffer.of(0xb8, 1), link.request().subarray(1)]);
    }),
    OURS,
  ],
  [
    'twice',
    'a key twice',
    notTaken((link) => {
      const metadata = ['metadata', NULL] as const;
      const payload = list(encodeInner(link.inner()));
      return map([
        'Protocol',
        map(['protocol', text('p')], ['payload', payload], metadata, metadata),
      ]);
    }),
    OURS,
  ],
  [
    'protocol-long',
    `a protocol of ${PROTOCOL_BYTES_MAX + 1} bytes`,
    notTaken((link) => {
      return link.request({ protocol: 'p'.repeat(PROTOCOL_BYTES_MAX + 1) });
    }),
    OURS,
  ],
  [
    'metadata-long',
    `metadata of ${METADATA_BYTES_MAX + 1} bytes`,
    notTaken((link) => {
      return link.request({}, Buffer.alloc(METADATA_BYTES_MAX + 1));
    }),
    OURS,
  ],
];

const messageRows: Row[] = [
  [
    'cut',
    'a payload without its last byte',
    notTaken(
      withPayload((b) => b.subarray(0, -1)),
      400,
    ),
  ],
  [
    'trailing',
    'a byte behind it',
    notTaken(
      withPayload((bytes) => Buffer.concat([bytes, Buffer.of(0)])),
      400,
    ),
    OURS,
  ],
  [
    'non-minimal',
    'an integer in more bytes than it needs',
    notTaken(
      withPayload((_, inner) => encodeInner(inner, (value) => varint(value, 3))),
      400,
    ),
    OURS,
  ],
  [
    'fixed',
    'integers of fixed width, as the gadget has them',
    notTaken(
      withPayload((_, inner) => encodeInner(inner, fixed)),
      400,
    ),
  ],
  [
    'empty',
    'a payload of no bytes',
    notTaken(
      withPayload(() => Buffer.alloc(0)),
      400,
    ),
  ],
  [
    'sender-id',
    'a sender that is no peer id',
    notTaken((link) => link.request({ sender: link.identity.id.subarray(1) }), 400),
    OURS,
  ],
];

const rateRows: Row[] = [
  [
    'rate',
    'beyond the limit of 10 s they draw 429, and the connection stays',
    async (talk) => {
      const link = await talk.verified();
      let refusals = 0;
      for (let i = 0; i < 2 * talk.subject.rate && refusals === 0; i += 10) {
        const all = await Promise.all(
          Array.from({ length: 10 }, () => link.askNow(link.request())),
        );
        refusals += all.filter((one) => one?.kind === 'error' && one.code === 429).length;
      }
      if (refusals === 0) link.fail(`${2 * talk.subject.rate} requests drew no 429`);
      if (!link.isOpen) link.fail('the connection was closed');
    },
    { level: 'SHOULD', section: '5.8', note: 'ours: section 5.8; the limit is configured' },
  ],
  [
    'banned',
    'three times as many are a ban',
    async (talk) => {
      const link = await talk.verifiedNow();
      for (let i = 0; i < 6 * talk.subject.rate && link.isOpen; i += 20) {
        await Promise.allSettled(Array.from({ length: 20 }, () => link.askNow(link.request())));
      }
      await link.closed();
      await link.identity.barred();
    },
    { level: 'SHOULD', section: '5.8', note: 'ours: section 5.8; the limit is configured' },
  ],
];

/** bincode's other form, with 8 bytes for each. */
function fixed(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export const requestCases = [
  ...protocolCases('peer/unverified', '4', unverifiedRows),
  ...protocolCases('peer/direct', '2', directRows),
  ...protocolCases('peer/document', '2', documentRows),
  ...protocolCases('peer/message', '2', messageRows),
];

/** The last ones: what they have sent is counted for a while. */
export const rateCases = protocolCases('peer/direct', '2', rateRows);
