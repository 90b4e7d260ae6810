/** What `andvari conformance` runs: the cases of one protocol against one server. */

import type { CaseFacts } from '../conformance/case.ts';
import type { Patience, Subject } from '../conformance/conversation.ts';
import { type ProtocolSuite, runProtocol, type Talk } from '../conformance/protocol-suite.ts';
import { describeCase, rehearse } from '../conformance/rehearsal.ts';
import { runCases } from '../conformance/runner.ts';
import { DEFAULT_COIN_ID } from '../conformance/state.ts';
import { applies, suite } from '../conformance/suite.ts';
import { parseTarget, type Target } from '../conformance/target.ts';
import type { CaseResult } from '../conformance/verdict.ts';
import { readAuthorities } from './ratatoskr-files.ts';

/** How long silence lasts before it counts. */
export const SILENCE_MS = 400;

export interface CampaignHooks {
  signal: AbortSignal;
  onResult: (result: CaseResult) => void;
  /** Something about the server that the user should know. */
  onRemark: (remark: string) => void;
}

export interface Campaign {
  /** Its name, in reports. */
  readonly protocol: string;
  /** What is known of the server, in words and for machines. */
  readonly about: string;
  readonly facts: object;
  readonly cases: readonly CaseFacts[];
  /** Whether the case can be tried on this server. */
  applies(one: CaseFacts): boolean;
  /** All that a list says of a case, to machines. */
  describe(one: CaseFacts): Promise<object>;
  run(cases: readonly CaseFacts[], hooks: CampaignHooks): Promise<void>;
}

export interface RaidaOptions {
  target?: string;
  ca?: string;
  wire: 'spec' | 'legacy';
  modern?: boolean;
  raida: number;
  timeout: number;
}

/** Throws TargetError, InputError. */
export function raidaCampaign(options: RaidaOptions): Campaign {
  const { wire, modern = false, raida: raidaId, timeout } = options;
  const target = targetOf(options);
  const subject: Subject = { target, wire, modern, raidaId, coinId: DEFAULT_COIN_ID };
  const patience: Patience = { replyMs: timeout, silenceMs: SILENCE_MS };
  const numbered = (one: CaseFacts) => suite.find((other) => other.case === one)!;
  return {
    protocol: 'RAIDA',
    about: `RAIDA ${raidaId}, wire ${wire}${modern ? ', types 4 and 5' : ''}`,
    facts: { wire, modern, raidaId },
    cases: suite.map((one) => one.case),
    applies: (one) => applies(numbered(one).case, subject),
    describe: async (one) => {
      const found = numbered(one);
      return { ...describeCase(found), ...(await rehearse(found, subject)) };
    },
    run: async (cases, hooks) => {
      await runCases(cases.map(numbered), { subject, patience, ...hooks });
    },
  };
}

function targetOf({ target, ca }: RaidaOptions): Target {
  const parsed = parseTarget(target ?? 'tcp://127.0.0.1:50000');
  return ca === undefined ? parsed : { ...parsed, ca: readAuthorities(ca) };
}

/** A campaign of another protocol than RAIDA. */
export function campaignOf<T extends Talk>(
  facts: Pick<Campaign, 'protocol' | 'about' | 'facts'> & { target: string },
  protocolSuite: ProtocolSuite<T>,
): Campaign {
  return {
    ...facts,
    cases: protocolSuite.cases,
    applies: () => true,
    describe: async ({ id, level, title, section, note }) => {
      return { id, level, title, section, ...(note ? { note } : {}) };
    },
    run: (cases, { signal, onResult }) =>
      runProtocol(protocolSuite, cases, { target: facts.target, signal, onResult }),
  };
}
