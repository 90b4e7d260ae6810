/** The table of `npm run bench:io`. */
export interface Row {
  server: string;
  kind: string;
  window: number;
  /** Addresses that send in turn. */
  clients: number;
  rps: number;
  p50Us: number;
  p99Us: number;
  /** Processor time of the server for each request, all its threads. */
  cpuNs: number;
  /** The same of the load. */
  loadNs: number;
  lost: number;
}

/** What the public server does: reference, RAIDA section 12 (2 vCPU Xeon, -O2, no log). */
export const PUBLIC_FIGURES = [
  'public server in C, other machine, loopback, 2 threads, -O2, log off, requests/s:',
  '  echo         window 1: 42.6 k, p50/p99 22/32 us   window 128: 224 k, 463/2185 us',
  '  AES detect   window 1: 33.6 k, p50/p99 19/151 us  window 128: 179 k, 585/3895 us',
].join('\n');

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

function labelOf({ kind, window, clients }: Row): string {
  return `${kind} ${window}${clients > 1 ? `, ${clients} clients` : ''}`;
}

function medians(rows: readonly Row[]): Row {
  const [first] = rows as [Row];
  const of = (pick: (row: Row) => number) => median(rows.map(pick));
  return {
    ...first,
    rps: of((row) => row.rps),
    p50Us: of((row) => row.p50Us),
    p99Us: of((row) => row.p99Us),
    cpuNs: of((row) => row.cpuNs),
    loadNs: of((row) => row.loadNs),
    lost: of((row) => row.lost),
  };
}

/** A line for each server, kind and window: medians, and ratios to the bare echoes of this run. */
export function printTable(rows: readonly Row[], json: boolean): void {
  const groups = Map.groupBy(rows, (row) => `${labelOf(row)} ${row.server}`);
  const lines = [...groups.values()].map(medians);
  lines.sort(
    (a, b) => a.kind.localeCompare(b.kind) || a.window - b.window || a.clients - b.clients,
  );
  for (const line of lines) {
    const { server, kind, rps, p50Us, p99Us, cpuNs, loadNs, lost } = line;
    const echoOf = (peer: string) => {
      const label = labelOf({ ...line, kind: 'echo' });
      const found = lines.find((one) => one.server === peer && labelOf(one) === label);
      return rps / (found?.rps ?? Number.NaN);
    };
    const ratios = { dgram: echoOf('dgram'), c: echoOf('C'), echo: echoOf(server) };
    if (json) {
      console.log(JSON.stringify({ ...line, ratios }));
      continue;
    }
    const columns = [
      labelOf(line).padEnd(23),
      server.padEnd(9),
      `${Math.round(rps).toLocaleString('en').padStart(9)}/s`,
      `p50 ${p50Us.toFixed(1)} p99 ${p99Us.toFixed(1)} us`.padEnd(26),
      `${Math.round(cpuNs)} ns CPU`.padStart(12),
      `x ${ratios.dgram.toFixed(2)} dgram, x ${ratios.c.toFixed(2)} C`,
      kind === 'echo' ? '' : `x ${ratios.echo.toFixed(2)} echo`,
      `load ${Math.round(loadNs)} ns, lost ${Math.round(lost)}`,
    ];
    console.log(columns.join('  '));
  }
}
