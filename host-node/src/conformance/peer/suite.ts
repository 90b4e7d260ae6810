/** All cases of the peer protocol over libp2p (reference: peer). */
import type { ProtocolSuite } from '../protocol-suite.ts';
import { challengeCases } from './challenges.ts';
import { handshakeCases } from './handshakes.ts';
import { Pace } from './pace.ts';
import { rateCases, requestCases } from './requests.ts';
import { type PeerSubject, PeerTalk } from './talk.ts';

export type { PeerSubject };

export function peerSuite(subject: PeerSubject): ProtocolSuite<PeerTalk> {
  const pace = new Pace(subject.rate);
  return {
    cases: [...handshakeCases, ...requestCases, ...challengeCases, ...rateCases],
    talk: (signal) => new PeerTalk(subject, signal, pace),
    probe: async (talk) => void (await talk.open()),
  };
}
