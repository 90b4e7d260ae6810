/** What a Ratatoskr server does with a registered device (reference: sections 2 to 4, 7 and 9). */
import { createHash } from 'node:crypto';
import { type ProtocolCase, type ProtocolRow, protocolCases } from '../protocol-suite.ts';
import {
  decodeConnectionAnswer,
  digestOf,
  encodeRequest,
  MessageType,
  preimage,
  type RequestFields,
} from './message.ts';
import type { Answer, RatatoskrLink, RatatoskrTalk, Sent } from './talk.ts';

type Row = ProtocolRow<RatatoskrTalk>;

const SECURITY = 'SecurityError';
const CONNECTION = 'ConnectionError';
const SESSION_S = 86_400n;
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** The order of the group of Ed25519. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
/** Codes of a service that is not there, or does not know the request. */
const SERVICE_CODES = ['', 'SERVICE_ERROR', 'SERVICE_UNAVAILABLE'];

async function accepted(talk: RatatoskrTalk, link: RatatoskrLink, sent: Sent): Promise<Answer> {
  const answer = await link.ask(sent);
  talk.unhurried(answer);
  const { messageType, success, errorCode, requestId, payload } = answer;
  if (messageType !== MessageType.CONNECTION_RESPONSE) talk.wrong(answer, `type ${messageType}`);
  if (!success || errorCode !== '') talk.wrong(answer, `refused: ${errorCode}`);
  if (requestId !== sent.fields.requestId) talk.wrong(answer, 'it has another request_id');
  const { accepted: isAccepted } = decodeConnectionAnswer(payload);
  if (!isAccepted) talk.wrong(answer, 'success, and not accepted');
  return answer;
}

async function rejected(talk: RatatoskrTalk, link: RatatoskrLink, sent: Sent): Promise<void> {
  const answer = await link.ask(sent);
  talk.unhurried(answer);
  const { messageType, success, errorCode, payload } = answer;
  if (messageType !== MessageType.CONNECTION_RESPONSE) talk.wrong(answer, `type ${messageType}`);
  if (success || errorCode !== 'CONNECTION_REJECTED') talk.wrong(answer, `code ${errorCode}`);
  if (decodeConnectionAnswer(payload).accepted) talk.wrong(answer, 'refused, and accepted');
  await link.closed(1008);
}

/** A business request is answered by its service, whatever that thinks of it. */
async function served(talk: RatatoskrTalk, link: RatatoskrLink, sent: Sent): Promise<void> {
  const answer = await link.ask(sent);
  talk.unhurried(answer);
  const { messageType, success, errorCode, requestId } = answer;
  if (!SERVICE_CODES.includes(errorCode)) talk.wrong(answer, `code ${errorCode}`);
  const wanted = success ? MessageType.BUSINESS_REQUEST : MessageType.ERROR;
  if (messageType !== wanted) talk.wrong(answer, `type ${messageType}, wanted ${wanted}`);
  if (requestId !== sent.fields.requestId) talk.wrong(answer, 'it has another request_id');
}

const connectionRows: Row[] = [
  [
    'accepted',
    'a signed request opens a session: UUIDv4, 24 hours, version 1.0',
    async (talk) => {
      const link = await talk.openAtTime();
      const answer = await accepted(talk, link, talk.connectionRequest());
      const { sessionId, expiresAt, serverVersion } = decodeConnectionAnswer(answer.payload);
      if (!UUID_V4.test(sessionId)) talk.wrong(answer, 'the session_id is no UUIDv4');
      const left = expiresAt - answer.timestamp;
      if (left < SESSION_S - 5n || left > SESSION_S + 5n) talk.wrong(answer, `${left} s of life`);
      if (serverVersion !== '1.0') talk.wrong(answer, `server_version ${serverVersion}`);
    },
  ],
  ...['1', '1.0.0', '1.9'].map(
    (version): Row => [
      `version-${version}`,
      `a client of version ${version} is taken`,
      async (talk) =>
        void (await accepted(talk, await talk.openAtTime(), talk.connectionRequest(version))),
      { section: '11' },
    ],
  ),
  ...['2.0', ''].map(
    (version): Row => [
      `version-${version || 'none'}-refused`,
      `a client of version ${version || 'none'} is refused: CONNECTION_REJECTED, close 1008`,
      async (talk) =>
        await rejected(talk, await talk.openAtTime(), talk.connectionRequest(version)),
      { section: '7, 11' },
    ],
  ),
  [
    'replaced',
    'a second request on the same connection replaces the session',
    async (talk) => {
      const link = await talk.session();
      const first = await accepted(talk, link, talk.connectionRequest());
      const second = await accepted(talk, link, talk.connectionRequest());
      const idOf = ({ payload }: Answer) => decodeConnectionAnswer(payload).sessionId;
      if (idOf(first) === idOf(second)) talk.wrong(second, 'the session is the same');
    },
  ],
  [
    'disconnect',
    'DISCONNECT has no answer: the connection is closed with 1000',
    async (talk) => {
      const link = await talk.session();
      const payload = Buffer.alloc(0);
      link.send(talk.signed({ messageType: MessageType.DISCONNECT, payload }));
      await link.closed(1000);
    },
  ],
  [
    'heartbeat',
    'HEARTBEAT has no answer, and the session goes on',
    async (talk) => {
      const link = await talk.session();
      const payload = Buffer.alloc(0);
      link.send(talk.signed({ messageType: MessageType.HEARTBEAT, payload }));
      await link.silence();
      await served(talk, link, talk.signed());
    },
  ],
];

const businessRows: Row[] = [
  [
    'no-session',
    'a business request without a session is NO_SESSION, and the connection stays',
    async (talk) => {
      const link = await talk.openAtTime();
      talk.refusal(await link.ask(talk.signed()), 'NO_SESSION', CONNECTION);
      await accepted(talk, link, talk.connectionRequest());
    },
    { section: '3, 7' },
  ],
  [
    'answered',
    'a business request is answered with type 3 and its request_id, or by its service with no',
    async (talk) => await served(talk, await talk.session(), talk.signed()),
  ],
  [
    'wrong-user',
    'a user that the device does not have is UNAUTHENTICATED, and the connection stays',
    async (talk) => {
      const link = await talk.session();
      const answer = await link.ask(talk.signed({ userId: 'andvari-conformance-nobody' }));
      talk.refusal(answer, 'UNAUTHENTICATED', SECURITY);
      await served(talk, link, talk.signed());
    },
    { section: '5, 7' },
  ],
  [
    'third-signature',
    'the third bad signature of a session ends the connection (1008)',
    async (talk) => {
      const link = await talk.session();
      for (let i = 0; i < 3; i++) {
        const sent = talk.signed({}, () => Buffer.alloc(64, 1));
        talk.refusal(await link.ask(sent), 'UNAUTHENTICATED', SECURITY);
      }
      await link.closed(1008);
    },
    { section: '7' },
  ],
];

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** Signatures of the device under something else than the digest. */
const forgeries: readonly (readonly [
  name: string,
  title: string,
  sign: (talk: RatatoskrTalk, fields: RequestFields) => Uint8Array,
])[] = [
  [
    'hex',
    'over the digest in hex',
    ({ device }, fields) => device.signer.signNow(Buffer.from(digestOf(fields).toString('hex'))),
  ],
  [
    'unhashed',
    'over what was to be hashed',
    ({ device }, fields) => device.signer.signNow(preimage(fields)),
  ],
  [
    'little-endian',
    'with the timestamp in little-endian',
    ({ device }, fields) => {
      const bytes = preimage(fields);
      const at = Buffer.byteLength(fields.requestId + fields.deviceId + fields.userId);
      bytes.subarray(at, at + 8).reverse();
      return device.signer.signNow(sha256(bytes));
    },
  ],
  [
    'decimal',
    'with the timestamp in decimal',
    ({ device }, fields) => {
      const { requestId, deviceId, userId, timestamp, nonce, payload } = fields;
      const ids = Buffer.from(`${requestId}${deviceId}${userId}${timestamp}`);
      return device.signer.signNow(sha256(Buffer.concat([ids, nonce, payload])));
    },
  ],
  [
    's-plus-l',
    'with S beyond the order of the group',
    ({ device }, fields) => {
      const signature = Buffer.from(device.signer.signNow(digestOf(fields)));
      const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
      const hex = (s + L).toString(16).padStart(64, '0');
      signature.set(Buffer.from(hex, 'hex').reverse(), 32);
      return signature;
    },
  ],
  [
    'one-bit',
    'with one bit changed',
    ({ device }, fields) => {
      const signature = Buffer.from(device.signer.signNow(digestOf(fields)));
      signature[0]! ^= 1;
      return signature;
    },
  ],
];

const signatureRows: Row[] = [
  ...forgeries.map(
    ([name, title, sign]): Row => [
      name,
      `a signature ${title} is UNAUTHENTICATED, and the connection ends (1008)`,
      async (talk) => {
        const link = await talk.openAtTime();
        const sent = talk.signed({}, (fields) => sign(talk, fields));
        talk.refusal(await link.ask(sent), 'UNAUTHENTICATED', SECURITY);
        await link.closed(1008);
      },
    ],
  ),
  [
    'burns-nothing',
    'a nonce whose signature was bad can still be used',
    async (talk) => {
      const link = await talk.openAtTime();
      const good = talk.connectionRequest();
      const { fields } = good;
      const bad = { fields, bytes: encodeRequest(fields, Buffer.alloc(64, 1)) };
      talk.refusal(await link.ask(bad), 'UNAUTHENTICATED', SECURITY);
      await accepted(talk, await talk.openAtTime(), good);
    },
    { section: '3.1' },
  ],
];

const replayRows: Row[] = [
  [
    'same',
    'the same message again is REPLAY, also on another connection',
    async (talk) => {
      const link = await talk.session();
      const sent = talk.signed();
      await served(talk, link, sent);
      talk.refusal(await link.ask(sent), 'REPLAY', SECURITY);
      talk.refusal(await (await talk.open()).ask(sent), 'REPLAY', SECURITY);
    },
    { section: '3.2, 7' },
  ],
  [
    'boundary',
    'the same bytes with another end of the nonce are REPLAY',
    async (talk) => {
      const link = await talk.session();
      const sent = talk.signed();
      await served(talk, link, sent);
      const { nonce, payload } = sent.fields;
      const shifted = {
        ...sent.fields,
        nonce: Buffer.concat([nonce, payload.subarray(0, 1)]),
        payload: payload.subarray(1),
      };
      const bytes = encodeRequest(shifted, talk.device.signer.signNow(digestOf(shifted)));
      talk.refusal(await link.ask({ fields: shifted, bytes }), 'REPLAY', SECURITY);
    },
  ],
  [
    'type',
    'the same message as another type is REPLAY',
    async (talk) => {
      const link = await talk.session();
      const sent = talk.signed();
      await served(talk, link, sent);
      const fields = { ...sent.fields, messageType: MessageType.DISCONNECT };
      const bytes = encodeRequest(fields, talk.device.signer.signNow(digestOf(fields)));
      talk.refusal(await link.ask({ fields, bytes }), 'REPLAY', SECURITY);
    },
  ],
  [
    'nonce',
    'another message with a nonce that was used is REPLAY',
    async (talk) => {
      const link = await talk.session();
      const sent = talk.signed();
      await served(talk, link, sent);
      const again = talk.signed({ nonce: sent.fields.nonce });
      talk.refusal(await link.ask(again), 'REPLAY', SECURITY);
    },
    { section: '3.2' },
  ],
];

export const sessionCases: readonly ProtocolCase<RatatoskrTalk>[] = [
  ...protocolCases('ratatoskr/connection', '4', connectionRows),
  ...protocolCases('ratatoskr/business', '4', businessRows),
  ...protocolCases('ratatoskr/signature', '2', signatureRows),
  ...protocolCases('ratatoskr/replay', '9', replayRows),
];
