/** Who is let in: identify, and the handshake of wire 2 (reference: peer, sections 3, 5, 8). */
import { randomBytes } from 'node:crypto';
import { NodeEd25519Signer } from '../../ratatoskr/node-ed25519.ts';
import { type ProtocolRow, protocolCases } from '../protocol-suite.ts';
import { byteString, decodeMessage, encodeShake, type Shake, type ShakeForm } from './message.ts';
import { OTHER_PEER, type PeerTalk, PROTOCOL_VERSION, type ShakeParts } from './talk.ts';

type Row = ProtocolRow<PeerTalk>;

/** Bad handshakes of one peer that are its ban. */
const BAD_MAX = 3;
const OURS = (section: string) => ({ level: 'SHOULD' as const, note: `ours: section ${section}` });

const identifyRows: Row[] = [
  [
    'says',
    `identify says ${PROTOCOL_VERSION} and lists the protocol id`,
    async (talk) => {
      const link = await talk.open();
      await link.until(() => link.identity.told !== undefined);
      const { protocolVersion, protocols = [] } = link.identity.told ?? {};
      const { protocolId } = talk.subject;
      if (!protocols.includes(protocolId)) link.fail(`${protocolId} is not listed`);
      if (protocolVersion !== PROTOCOL_VERSION) link.fail(`it says ${protocolVersion}`);
    },
  ],
  ...(
    [
      ['version', 'a peer of another version', { protocolVersion: 'gadget/1.0.0' }],
      ['protocol', 'a peer without the protocol id', { protocols: [] }],
    ] as const
  ).map(
    ([name, who, options]): Row => [
      name,
      `${who} is disconnected, and not banned`,
      async (talk) => {
        const link = await talk.open(options);
        await link.closed();
        const again = await link.identity.dial();
        await again.closed();
      },
      { ...OURS('8'), section: '8' },
    ],
  ),
];

/** Such a handshake is taken. */
function taken(parts: ShakeParts, form?: ShakeForm) {
  return async (talk: PeerTalk) => {
    const { signer } = talk;
    const link = await talk.open();
    link.handshake(await link.ask(encodeShake(link.shake({ signer, ...parts }), form)));
    await link.answersDirect();
  };
}

/** Such a handshake draws Error 400 and verifies nobody; a right one behind it does. */
function refused(
  parts: (talk: PeerTalk) => ShakeParts,
  change: (shake: Shake) => Partial<Shake> = () => ({}),
  form?: ShakeForm,
) {
  return async (talk: PeerTalk) => {
    const { signer } = talk;
    const link = await talk.open();
    const bad = link.shake({ signer, ...parts(talk) });
    link.error(await link.ask(encodeShake({ ...bad, ...change(bad) }, form)), 400);
    await link.isUnverified();
    link.handshake(await link.ask(encodeShake(link.shake())));
    await link.answersDirect();
  };
}

const nothing = () => ({});

const handshakeRows: Row[] = [
  ['answered', 'a handshake draws one, signed for us; then requests are answered', taken({})],
  [
    'form',
    "the peer's handshake is written as the networks do: arrays of integers, fields in order",
    async (talk) => {
      const { signer } = talk;
      const link = await talk.open();
      const answer = await link.ask(encodeShake(link.shake({ signer })));
      const bytes = encodeShake(link.handshake(answer));
      if (!answer?.bytes.equals(bytes)) link.fail('other bytes', answer);
    },
  ],
  [
    'own',
    'the peer sends a handshake by itself, on the first connection',
    async (talk) => {
      const link = await talk.open();
      const { asked } = link.identity;
      await link.until(() => asked.length > 0);
      const [request] = asked;
      if (!request) return link.fail('wanted a handshake of its own');
      const message = decodeMessage(request);
      if (message.kind !== 'handshake') return link.fail(`it asks for ${message.kind}`, request);
      link.checkShake(message.shake, request);
    },
  ],
  [
    'by-response',
    'whoever answers the handshake of the peer with a right one is verified by that',
    async (talk) => {
      const { signer } = talk;
      const answers: Buffer[] = [];
      const link = await talk.open({ answer: () => answers[0] });
      // The peer asks as soon as there is a connection, and again if it gets no answer.
      answers.push(encodeShake(link.shake({ signer })));
      let isVerified = false;
      while (!isVerified && (await link.until(() => link.identity.asked.length > 0))) {
        link.identity.asked.length = 0;
        const answer = await link.ask(link.request());
        isVerified = answer !== undefined && !(answer.kind === 'error' && answer.code === 403);
      }
      await link.answersDirect();
    },
  ],
  ['aged', 'a handshake 25 s old is taken', taken({ aheadMs: -25_000 })],
  ['stale', 'one 35 s old draws 400', refused(() => ({ aheadMs: -35_000 }))],
  ['ahead', 'one 2 s ahead is taken', taken({ aheadMs: 2000 })],
  ['future', 'one 10 s ahead draws 400', refused(() => ({ aheadMs: 10_000 })), { section: '5.2' }],
  [
    'signature',
    'one wrong bit of the signature draws 400',
    refused(nothing, ({ signature }) => {
      const changed = Buffer.from(signature);
      changed[40]! ^= 1;
      return { signature: changed };
    }),
  ],
  [
    'recipient',
    'one that is signed for another peer draws 400',
    refused(() => ({ recipient: OTHER_PEER })),
  ],
  [
    'time-signed',
    'one whose time is not what was signed draws 400',
    refused(nothing, ({ timestampMs }) => ({ timestampMs: timestampMs + 1 })),
  ],
  [
    'sender',
    'one of another sender, signed as such, draws 400: it was handed over',
    refused(() => ({ sender: OTHER_PEER })),
    { section: '5.1' },
  ],
  [
    'other-key',
    'one with a key that has not signed it draws 400 or no answer',
    async (talk) => {
      const { signer } = talk;
      const link = await talk.open();
      const own = new NodeEd25519Signer(randomBytes(32));
      const shake = { ...link.shake({ signer: own }), key: Buffer.from(signer.publicKey) };
      link.untaken(await link.ask(encodeShake(shake)));
      await link.isUnverified();
    },
  ],
  [
    'again',
    'the same handshake a second time, on a new connection, draws 400',
    async (talk) => {
      const { signer } = talk;
      const link = await talk.open();
      const bytes = encodeShake(link.shake({ signer }));
      link.handshake(await link.ask(bytes));
      await link.end();
      const again = await link.identity.dial();
      again.error(await again.ask(bytes), 400);
      await again.isUnverified();
      again.handshake(await again.ask(encodeShake(again.shake())));
    },
    { section: '5.3' },
  ],
  [
    'closed',
    'whoever closes his last connection is not verified any more',
    async (talk) => {
      const link = await talk.verified();
      await link.end();
      await (await link.identity.dial()).isUnverified();
    },
    { section: '5.4' },
  ],
  [
    'key-in-use',
    'a second peer with a key whose peer is connected draws 400; without that it is taken',
    async (talk) => {
      const link = await talk.verified();
      const other = await talk.open();
      other.error(await other.ask(encodeShake(other.shake())), 400);
      await other.isUnverified();
      await link.answersDirect();
      await link.end();
      other.handshake(await other.ask(encodeShake(other.shake())));
    },
    { section: '5.6' },
  ],
  ['short-key', 'a key of 31 bytes is not taken', untaken(({ key }) => ({ key: key.subarray(1) }))],
  [
    'short-signature',
    'a signature of 63 bytes is not taken',
    untaken(({ signature }) => ({ signature: signature.subarray(1) })),
  ],
  ['evm', 'an EvmAddress is not taken', untaken(nothing, { kind: 'EvmAddress' })],
  [
    'byte-strings',
    'key and signature as byte strings are taken',
    taken({}, { vector: byteString }),
    { ...OURS('2'), section: '2' },
  ],
  [
    'index',
    'the kind of the key by its number is taken',
    taken({}, { kind: 1 }),
    { ...OURS('2'), section: '2' },
  ],
  [
    'unlisted',
    'an unlisted key draws no answer, loses its connection, and is let in no more',
    async (talk) => {
      const link = await talk.open();
      const signer = new NodeEd25519Signer(randomBytes(32));
      const answer = await link.ask(encodeShake(link.shake({ signer })));
      if (answer) link.fail(`wanted no answer, got ${answer.kind}`, answer);
      await link.closed();
      await link.identity.barred();
    },
  ],
  [
    'banned',
    `${BAD_MAX} bad signatures of one peer are its ban`,
    async (talk) => {
      const { signer } = talk;
      const identity = await talk.identity();
      for (let i = 0; i < BAD_MAX; i++) {
        const link = await identity.dial();
        link.untaken(await link.ask(encodeShake(link.shake({ signer, recipient: OTHER_PEER }))));
        await link.end();
      }
      await identity.barred();
    },
    { section: '8' },
  ],
];

/** Such a handshake verifies nobody, whatever it draws. */
function untaken(change: (shake: Shake) => Partial<Shake>, form?: ShakeForm) {
  return async (talk: PeerTalk) => {
    const { signer } = talk;
    const link = await talk.open();
    const shake = link.shake({ signer });
    link.untaken(await link.ask(encodeShake({ ...shake, ...change(shake) }, form)));
    await link.isUnverified();
  };
}

export const handshakeCases = [
  ...protocolCases('peer/identify', '8', identifyRows),
  ...protocolCases('peer/handshake', '3', handshakeRows),
];
