/** All cases of Ratatoskr over WebSocket. */
import type { ProtocolSuite } from '../protocol-suite.ts';
import { refusalCases } from './refusals.ts';
import { sessionCases } from './sessions.ts';
import { type RatatoskrSubject, RatatoskrTalk } from './talk.ts';

export type { RatatoskrSubject };

export function ratatoskrSuite(subject: RatatoskrSubject): ProtocolSuite<RatatoskrTalk> {
  return {
    cases: [...refusalCases, ...sessionCases],
    talk: (signal) => new RatatoskrTalk(subject, signal),
    probe: async (talk) => void (await talk.openAtTime()),
  };
}
