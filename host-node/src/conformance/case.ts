/**
 * What a case of the suite is. A case asks the server one request after the other and says of each
 * reply what is right; docs/conformance.md tells it for implementers.
 */
import type { Conversation } from './conversation.ts';
import type { TransportName } from './target.ts';
import type { Wire } from './wire.ts';

/** SHOULD: good servers differ here, or the specification leaves it open. */
export type Level = 'MUST' | 'SHOULD';

/** What a report says of a case, whatever protocol it is of. */
export interface CaseFacts {
  /** `PROTOCOL/PART/NAME`; of RAIDA `raida/GROUP/COMMAND/NAME` or `raida/header|body|...|NAME`. */
  id: string;
  title: string;
  level: Level;
  /** Section of the protocol's reference. */
  section: string;
  /** Why it is a SHOULD, or where public servers are known to differ. */
  note?: string;
}

/** A case of RAIDA. */
export interface ConformanceCase extends CaseFacts {
  /** Default: both. */
  wires?: readonly Wire[];
  /** Default: both. */
  transports?: readonly TransportName[];
  /** Only with (true) or only without (false) encryption types 4 and 5. */
  modern?: boolean;
  run(talk: Conversation): Promise<void>;
}

/** Cases of one part of the suite: what they share is said once. */
export type CaseDefaults = Pick<ConformanceCase, 'section'> & Partial<ConformanceCase>;

/** A row of a table of cases: name, title, what it does, and what it has of its own. */
export type CaseRow = readonly [
  name: string,
  title: string,
  run: (talk: Conversation) => Promise<void>,
  more?: Partial<ConformanceCase>,
];

/** Makes cases of rows; ids begin with `prefix`. */
export function casesOf(
  prefix: string,
  defaults: CaseDefaults,
  rows: readonly CaseRow[],
): ConformanceCase[] {
  return rows.map(([name, title, run, more]) => {
    return { level: 'MUST' as const, ...defaults, ...more, id: `${prefix}/${name}`, title, run };
  });
}
