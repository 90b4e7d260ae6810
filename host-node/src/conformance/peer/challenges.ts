/** The handshake over both sides' challenges, wire 3 (reference: peer, section 6). */
import { randomBytes } from 'node:crypto';
import { Inapplicable } from '../finding.ts';
import { type ProtocolRow, protocolCases } from '../protocol-suite.ts';
import { type Challenges, encodeHello, encodeShake } from './message.ts';
import { CHALLENGED, type PeerConnection, type PeerTalk } from './talk.ts';

type Row = ProtocolRow<PeerTalk>;

/** A connection, and the protocol id of wire 3; a peer that does not list it is not tried. */
async function challenged(talk: PeerTalk) {
  const protocolId = talk.subject.protocolId + CHALLENGED;
  const link = await talk.open();
  await link.until(() => link.identity.told !== undefined);
  if (!link.identity.told?.protocols.includes(protocolId)) {
    throw new Inapplicable(`the peer does not speak ${protocolId}`);
  }
  return { link, protocolId, ask: (document: Buffer) => link.ask(document, protocolId) };
}

async function hello(link: PeerConnection, protocolId: string): Promise<Challenges> {
  const challenge = randomBytes(32);
  const answer = await link.ask(encodeHello(challenge), protocolId);
  if (answer?.kind !== 'hello' || answer.challenge.length !== 32) {
    link.fail('wanted a Hello with a challenge of 32 bytes', answer);
  }
  return { role: 0, challenge, answer: answer.challenge, protocolId };
}

/** Signed over `change` of the challenges it is refused. */
function refused(change: (challenges: Challenges) => Challenges | undefined) {
  return async (talk: PeerTalk) => {
    const { signer } = talk;
    const { link, protocolId, ask } = await challenged(talk);
    const challenges = change(await hello(link, protocolId));
    const shake = link.shake({ signer, ...(challenges && { challenges }) });
    link.error(await ask(encodeShake(shake)), 400);
    await link.isUnverified();
  };
}

const rows: Row[] = [
  [
    'hello',
    'each Hello draws another challenge of 32 bytes',
    async (talk) => {
      const { link, protocolId } = await challenged(talk);
      const first = await hello(link, protocolId);
      const second = await hello(link, protocolId);
      if (Buffer.from(first.answer).equals(second.answer)) link.fail('the same challenge twice');
    },
  ],
  [
    'answered',
    'a handshake over both challenges draws one over both, of the other role',
    async (talk) => {
      const { signer } = talk;
      const { link, protocolId, ask } = await challenged(talk);
      const challenges = await hello(link, protocolId);
      const answer = await ask(encodeShake(link.shake({ signer, challenges })));
      link.handshake(answer, { ...challenges, role: 1 });
      await link.answersDirect();
    },
  ],
  [
    'no-hello',
    'a handshake without a Hello before it draws 400',
    async (talk) => {
      const { signer } = talk;
      const { link, protocolId, ask } = await challenged(talk);
      const [challenge, answer] = [randomBytes(32), randomBytes(32)];
      const challenges = { role: 0 as const, challenge, answer, protocolId };
      link.error(await ask(encodeShake(link.shake({ signer, challenges }))), 400);
      await link.isUnverified();
    },
  ],
  ['basic', 'a signature of wire 2 draws 400', refused(() => undefined)],
  ['role', 'a signature of the other role draws 400', refused((own) => ({ ...own, role: 1 }))],
  [
    'other-answer',
    'a signature over another challenge than that of the peer draws 400',
    refused((own) => ({ ...own, answer: randomBytes(32) })),
  ],
  [
    'protocol-id',
    'a signature over another protocol id draws 400',
    refused((own) => ({ ...own, protocolId: own.protocolId.slice(0, -CHALLENGED.length) })),
  ],
  [
    'used',
    'challenges serve once, also for a handshake that is refused',
    async (talk) => {
      const { signer } = talk;
      const { link, protocolId, ask } = await challenged(talk);
      const challenges = await hello(link, protocolId);
      link.error(await ask(encodeShake(link.shake({ signer }))), 400);
      link.error(await ask(encodeShake(link.shake({ signer, challenges }))), 400);
      await link.isUnverified();
    },
  ],
  [
    'short',
    'a challenge of 31 bytes draws no Hello',
    async (talk) => {
      const { link, ask } = await challenged(talk);
      link.untaken(await ask(encodeHello(randomBytes(31))));
    },
  ],
];

export const challengeCases = protocolCases('peer/challenge', '6', rows).map((one) => {
  return { ...one, level: 'SHOULD' as const, note: 'ours: section 6' };
});
