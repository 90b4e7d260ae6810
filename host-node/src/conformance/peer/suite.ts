/** All cases of the peer protocol over libp2p (reference: peer). */
import type { ProtocolSuite } from '../protocol-suite.ts';
import { challengeCases } from './challenges.ts';
import { handshakeCases } from './handshakes.ts';
import { requestCases } from './requests.ts';
import { type PeerSubject, PeerTalk } from './talk.ts';

export type { PeerSubject };

export function peerSuite(subject: PeerSubject): ProtocolSuite<PeerTalk> {
  return {
    cases: [...handshakeCases, ...requestCases, ...challengeCases],
    talk: (signal) => new PeerTalk(subject, signal),
    probe: async (talk) => void (await talk.open()),
  };
}
