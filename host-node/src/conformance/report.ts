/** Results of a run: counts, sections, and bytes with the difference marked, as text. */
import { differences, type Evidence, type Range } from './finding.ts';
import type { CaseResult, Verdict } from './verdict.ts';

export interface Report {
  /** As the user named it. */
  target: string;
  /** Its name: RAIDA, Ratatoskr ... */
  protocol: string;
  /** What else was said of the server, in words. */
  about: string;
  startedAt: Date;
  results: readonly CaseResult[];
}

export type Counts = Record<Verdict, number>;

export function countVerdicts(results: readonly CaseResult[]): Counts {
  const counts: Counts = { pass: 0, fail: 0, warn: 0, skip: 0 };
  for (const { verdict } of results) counts[verdict]++;
  return counts;
}

/** `raida/2/50/replayed-claim` stands in `raida/2`. */
export function sectionOf(id: string): string {
  return id.split('/').slice(0, 2).join('/');
}

const TITLES: Readonly<Record<string, string>> = {
  'raida/header': 'Request header',
  'raida/body': 'Body',
  'raida/encryption': 'Encryption types 1 and 2',
  'raida/reply': 'Reply header',
  'raida/modern': 'Encryption types 4 and 5',
  'raida/transport': 'UDP and TCP',
  'raida/websocket': 'WebSocket',
  'raida/0': 'Group 0, Status',
  'raida/1': 'Group 1, Auth',
  'raida/2': 'Group 2, Healing',
  'raida/3': 'Group 3, Executive',
  'raida/4': 'Group 4, Key exchange',
  'raida/8': 'Group 8, Locker',
  'raida/9': 'Group 9, Change',
  'raida/10': 'Group 10, Shard',
  'raida/11': 'Group 11, Crossover',
  'raida/12': 'Group 12, RPC',
  'raida/13': 'Group 13, Filesystem',
  'raida/14': 'Group 14, Integrity',
  'ratatoskr/transport': 'WebSocket',
  'ratatoskr/decode': 'Strict decoding',
  'ratatoskr/shape': 'Fields and their bounds',
  'ratatoskr/timestamp': 'Timestamps',
  'ratatoskr/stranger': 'Strangers',
  'ratatoskr/connection': 'Sessions',
  'ratatoskr/business': 'Business requests',
  'ratatoskr/signature': 'Signatures',
  'ratatoskr/replay': 'Replays',
  'transfer/first': 'Messages 1 and 2',
  'transfer/version': 'Other versions',
  'transfer/third': 'Message 3',
};

/** Results by section, in the order of the list above. */
export function bySection(
  results: readonly CaseResult[],
): { id: string; title: string; results: CaseResult[] }[] {
  const order = Object.keys(TITLES);
  const found = Map.groupBy(results, (result) => sectionOf(result.case.id));
  return [...found]
    .map(([id, list]) => ({ id, title: TITLES[id] ?? id, results: list }))
    .sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

/** A row of at most 16 bytes of what was due and what came. */
export interface ByteRow {
  offset: number;
  expected: readonly MarkedByte[];
  received: readonly MarkedByte[];
}

export interface MarkedByte {
  hex: string;
  differs: boolean;
}

const ROW_BYTES = 16;
/** Rows that are shown; long replies differ early or in few places. */
const ROWS_MAX = 24;

/** Rows of the two replies side by side, with those that differ first in line for a place. */
export function byteRows({ expected, received }: Evidence): { rows: ByteRow[]; left: number } {
  const ranges = expected ? differences(expected, received) : [];
  const isMarked = (at: number) => ranges.some(([from, to]: Range) => at >= from && at < to);
  const count = Math.ceil(Math.max(expected?.length ?? 0, received.length) / ROW_BYTES);
  const all = Array.from({ length: count }, (_, index) => index * ROW_BYTES);
  const differ = (at: number) => ranges.some(([from, to]) => from < at + ROW_BYTES && to > at);
  const chosen = new Set([...new Set([...all.filter(differ), ...all])].slice(0, ROWS_MAX));
  const shown = all.filter((at) => chosen.has(at));
  const bytesOf = (bytes: Uint8Array | undefined, at: number) =>
    Array.from(bytes?.subarray(at, at + ROW_BYTES) ?? [], (byte, i) => {
      return { hex: byte.toString(16).padStart(2, '0'), differs: isMarked(at + i) };
    });
  const rows = shown.map((offset) => {
    return { offset, expected: bytesOf(expected, offset), received: bytesOf(received, offset) };
  });
  return { rows, left: count - shown.length };
}

/** The same as text: a line of carets under what differs. */
export function bytesAsText(evidence: Evidence): string[] {
  const { rows, left } = byteRows(evidence);
  const lines: string[] = [];
  for (const { offset, expected, received } of rows) {
    const at = offset.toString(16).padStart(4, '0');
    const hexes = (bytes: readonly MarkedByte[]) => bytes.map(({ hex }) => hex).join(' ');
    const longer = expected.length > received.length ? expected : received;
    const differs = longer.some((byte) => byte.differs);
    if (evidence.expected && differs) lines.push(`${at} wanted ${hexes(expected)}`);
    lines.push(`${at} ${differs ? 'came  ' : '      '} ${hexes(received)}`);
    if (!differs) continue;
    const marks = longer.map((byte) => (byte.differs ? '^^' : '  ')).join(' ');
    lines.push(`            ${marks}`.trimEnd());
  }
  if (left > 0) lines.push(`(${left} more rows of ${ROW_BYTES} bytes)`);
  if (evidence.received.length === 0) lines.push('came   nothing');
  return lines;
}
