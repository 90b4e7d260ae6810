/** What a case finds: that a reply is wrong, and where; or that it cannot be tried here. */

/** Bytes that differ: from, to (exclusive), offsets into the longer of the two. */
export type Range = readonly [from: number, to: number];

export interface Evidence {
  /** The case's requests are counted from 1. */
  step: number;
  request: Buffer;
  /** Missing where the case wanted silence, or where many replies are right. */
  expected?: Buffer;
  received: Buffer;
  /** The received body in clear, where it came encrypted. */
  clear?: Buffer;
}

/** The server does not do what the case says. */
export class ConformanceFailure extends Error {
  readonly code = 'ANDVARI_CONFORMANCE';
  readonly evidence: Evidence | undefined;

  constructor(problem: string, evidence?: Evidence) {
    super(problem);
    this.name = 'ConformanceFailure';
    this.evidence = evidence;
  }
}

/** The case cannot be tried on this server as things stand. */
export class Inapplicable extends Error {
  readonly code = 'ANDVARI_INAPPLICABLE';
  override readonly name = 'Inapplicable';
}

/** Ranges in which two byte strings differ; missing bytes differ. */
export function differences(expected: Uint8Array, received: Uint8Array): Range[] {
  const ranges: Range[] = [];
  const length = Math.max(expected.length, received.length);
  let from = -1;
  for (let i = 0; i <= length; i++) {
    const differs = i < length && expected[i] !== received[i];
    if (differs && from < 0) from = i;
    if (differs || from < 0) continue;
    ranges.push([from, i]);
    from = -1;
  }
  return ranges;
}
