/** The table of `npm run bench:files`, and the aims of ours beside it. */
import type { Copied } from './run.ts';

export type Row = { place: string; peer: string; bytes: number } & (Copied | { failed: string });

const MEMORY_MIB = 200;

/** MB/s; of one that was cut, what it had done by then. */
function rateOf(row: Row): number | undefined {
  if ('failed' in row) return undefined;
  return (row.cutAtBytes ?? row.bytes) / row.seconds / 1e6;
}

export function printRow(row: Row, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ ...row, megabytesPerSecond: rateOf(row) }));
    return;
  }
  const head = `${row.place.padEnd(9)} ${row.peer.padEnd(15)}`;
  if ('failed' in row) {
    console.log(`${head} ${row.failed}`);
    return;
  }
  const side = ({ cpuS, peakMiB }: Copied['sender']) =>
    `${cpuS.toFixed(2).padStart(6)} s ${peakMiB.toFixed(0).padStart(4)} MiB`;
  const columns = [
    head,
    `${(rateOf(row) ?? 0).toFixed(1).padStart(7)} MB/s`,
    `${row.seconds.toFixed(2).padStart(7)} s`,
    `sender ${side(row.sender)}`,
    `receiver ${side(row.receiver)}`,
    row.cutAtBytes === undefined ? '' : `stopped at ${(row.cutAtBytes / 1e6).toFixed(1)} MB`,
  ];
  console.log(columns.join('  ').trimEnd());
}

/** Ours is to be so many times as fast as that peer there. */
const AIMS = [
  { place: 'loopback', peer: 'uftp', atLeast: 1 },
  { place: 'loopback', peer: 'QUIC copy', atLeast: 1 },
  { place: 'loopback', peer: 'scp', atLeast: 1 },
  { place: 'veth', peer: 'uftp', atLeast: 1 },
  { place: 'veth', peer: 'QUIC copy', atLeast: 1 },
  { place: 'far', peer: 'uftp', atLeast: 1 },
  { place: 'far', peer: 'QUIC copy', atLeast: 1 },
  { place: 'far', peer: 'scp', atLeast: 5 },
];

const verdict = (isMet: boolean) => (isMet ? 'met' : 'missed');

export function printAims(rows: readonly Row[]): void {
  const rate = (place: string, peer: string) => {
    const row = rows.find((one) => one.place === place && one.peer === peer);
    return row && rateOf(row);
  };
  for (const { place, peer, atLeast } of AIMS) {
    const [own, other] = [rate(place, 'andvari'), rate(place, peer)];
    if (own === undefined || !other) continue; // nothing had come
    const ratio = own / other;
    const aim = `x ${ratio.toFixed(2)} of ${peer}, aim ${atLeast.toFixed(1)}`;
    console.log(`aim       ${place.padEnd(9)} ${aim}: ${verdict(ratio >= atLeast)}`);
  }
  const peaks = rows.flatMap((row) =>
    row.peer !== 'andvari' || 'failed' in row ? [] : [row.sender.peakMiB, row.receiver.peakMiB],
  );
  if (peaks.length === 0) return;
  const peak = Math.max(...peaks);
  const aim = `largest process of ours ${peak.toFixed(0)} MiB, aim below ${MEMORY_MIB}`;
  console.log(`aim       memory    ${aim}: ${verdict(peak < MEMORY_MIB)}`);
}
