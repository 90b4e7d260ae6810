/**
 * Signed business requests of 300 bytes, end to end over loopback: the server on one core, the load
 * on another. Beside them, in the same run and on the same core, what no server can do without: one
 * Ed25519 verify and one sign for each request; and what carries it, a bare ws echo.
 */
import { readFileSync } from 'node:fs';
import { PinnedLoad } from './pinned-load.ts';
import { PinnedServer } from './pinned-server.ts';
import type { Mode } from './ratatoskr-load.ts';
import { CONNECTIONS, type Transport, WINDOW } from './ratatoskr-peers.ts';
import type { Usage } from './ratatoskr-server.ts';

export interface RatatoskrRow {
  name: string;
  perSecond: number;
  /** Requests in a second of the server's CPU time: other load on the machine changes it less. */
  perCpuSecond?: number;
  p50Us?: number;
  p99Us?: number;
  /**
   * At half load, of the turns: the least p99, what of the middle one is the load's own, and the
   * p99 by the server's own metric, from a whole request to its answer. `stolen`: of the time of a
   * core, what the host of a virtual machine gave to others; where that is much the figures are
   * not the server's.
   */
  half?: {
    leastP99Us: number;
    lateP99Us: number;
    collectionMs: number;
    routedP99Us: number;
    stolen: number;
  };
  /** Of the bare verify and sign of the same turn, by wall clock: the middle one of the turns. */
  ratio?: number;
  /** The same by CPU time. */
  cpuRatio?: number;
  /** Of the bare ws echo, by wall clock. */
  echoRatio?: number;
}

/** Alternating runs; the best of each counts. */
const TURNS = 5;
interface Target {
  name: string;
  server: PinnedServer;
  load: PinnedLoad;
  /** A server of ours; else it echoes whatever comes. */
  isRatatoskr: boolean;
  best: Map<Mode, RatatoskrRow>;
  /** Each turn at half load. */
  halves: RatatoskrRow[];
  /** Of each turn at full load. */
  ratios: { wall: number; cpu: number }[];
  /** Requests a second of each turn at full load. */
  rates: number[];
}

async function run(target: Target, mode: Mode): Promise<RatatoskrRow> {
  const { name, server, load, rates } = target;
  await load.prepare(mode, middleOf(rates) / 2);
  const before = await server.usage();
  const stolenBefore = stolenSeconds();
  const figures = await load.drive();
  const stolenS = stolenSeconds() - stolenBefore;
  const after = await server.usage();
  const { requests, seconds, p50Us, p99Us, lateP99Us, collectionMs } = figures;
  const perCpuSecond = (requests / (after.cpuUs - before.cpuUs)) * 1e6;
  const row = { name, perSecond: requests / seconds, perCpuSecond, p50Us, p99Us };
  if (mode !== 'half') return row;
  const routedP99Us = routedWithin(0.99, before.routed, after.routed) * 1e6;
  const stolen = stolenS / seconds;
  return { ...row, half: { leastP99Us: p99Us, lateP99Us, collectionMs, routedP99Us, stolen } };
}

/** Of all cores since the machine started, as Linux counts it in hundredths (proc(5), "steal"). */
function stolenSeconds(): number {
  const [total = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  return Number(total.split(/ +/)[8] ?? 0) / 100;
}

function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** Seconds within which this share was answered, between two looks at the server's metric. */
function routedWithin(share: number, before: Usage['routed'], after: Usage['routed']): number {
  const counts = after.map(([withinS, count], i) => [withinS, count - (before[i]?.[1] ?? 0)]);
  const wanted = share * (counts.at(-1)?.[1] ?? 0);
  let [fromS, passed] = [0, 0];
  for (const [withinS, count] of counts as Usage['routed']) {
    if (count >= wanted) {
      return fromS + ((withinS - fromS) * (wanted - passed)) / Math.max(1, count - passed);
    }
    [fromS, passed] = [withinS, count];
  }
  return 0;
}

/** Of turns at the same rate the one with the middle p99, and the least of them beside it. */
function middle(rows: RatatoskrRow[]): RatatoskrRow | undefined {
  const sorted = [...rows].sort((a, b) => (a.p99Us ?? 0) - (b.p99Us ?? 0));
  const row = sorted[sorted.length >> 1];
  if (!row?.half) return undefined;
  return { ...row, half: { ...row.half, leastP99Us: sorted[0]?.p99Us ?? 0 } };
}

/** The better of two: more requests. */
function better(row: RatatoskrRow, before: RatatoskrRow | undefined): RatatoskrRow {
  if (!before) return row;
  const perCpuSecond = Math.max(row.perCpuSecond ?? 0, before.perCpuSecond ?? 0);
  return { ...(row.perSecond > before.perSecond ? row : before), perCpuSecond };
}

async function openTargets(): Promise<Target[]> {
  const echo = await PinnedServer.start('echo');
  const memory = await PinnedServer.start('memory');
  const served = await PinnedServer.start('served');
  const secured = await PinnedServer.start('served-tls');
  const targets: Target[] = [];
  const add = async (name: string, server: PinnedServer, transport: Transport) => {
    const port = server.ports[transport];
    if (port === undefined) return;
    const isRatatoskr = server !== echo;
    const load = await PinnedLoad.start({ transport, port, isRatatoskr });
    const turns = { best: new Map(), halves: [], ratios: [], rates: [] };
    targets.push({ name, server, load, isRatatoskr, ...turns });
  };
  await add('bare ws echo', echo, 'plain');
  await add('bare ws echo, TLS', echo, 'tls');
  await add('WebSocket', served, 'plain');
  await add('WebSocket, TLS', secured, 'tls');
  await add('WebTransport', served, 'webTransport');
  await add('WebSocket, answers in memory', memory, 'plain');
  return targets;
}

const modeNames = {
  full: `${CONNECTIONS} x ${WINDOW} under way`,
  alone: 'one at a time',
  half: 'half load',
};

export async function benchRatatoskr(): Promise<RatatoskrRow[]> {
  const targets = await openTargets();
  const bare: RatatoskrRow = {
    name: 'bare Ed25519 verify + sign',
    ...{ perSecond: 0, perCpuSecond: 0 },
  };
  const [anyServer] = targets as [Target];
  for (const mode of ['full', 'alone', 'half'] as const) {
    for (let turn = 0; turn < TURNS; turn++) {
      const { pairs, seconds, cpuUs } = await anyServer.server.ed25519();
      bare.perSecond = Math.max(bare.perSecond, pairs / seconds);
      bare.perCpuSecond = Math.max(bare.perCpuSecond ?? 0, (pairs / cpuUs) * 1e6);
      for (const target of targets) {
        if (mode === 'half' && !target.isRatatoskr) continue;
        const row = await run(target, mode);
        if (mode === 'full') {
          target.rates.push(row.perSecond);
          const wall = (row.perSecond * seconds) / pairs;
          target.ratios.push({ wall, cpu: ((row.perCpuSecond ?? 0) * cpuUs) / pairs / 1e6 });
        }
        if (mode === 'half') target.halves.push(row);
        else target.best.set(mode, better(row, target.best.get(mode)));
      }
    }
  }
  const rows = [bare];
  for (const mode of ['full', 'alone', 'half'] as const) {
    for (const target of targets) {
      const row = mode === 'half' ? middle(target.halves) : target.best.get(mode);
      if (!row) continue;
      const named = { ...row, name: `${target.name}, ${modeNames[mode]}` };
      rows.push(mode === 'full' && target.isRatatoskr ? beside(named, { target, targets }) : named);
    }
  }
  for (const target of targets) {
    const { name, isRatatoskr, load } = target;
    if (isRatatoskr) rows.push({ name: `connect, ${name}`, ...(await load.connects()) });
  }
  for (const server of new Set(targets.map((target) => target.server))) server.close();
  for (const { load } of targets) load.close();
  return rows;
}

function beside(
  row: RatatoskrRow,
  { target, targets }: { target: Target; targets: Target[] },
): RatatoskrRow {
  const echo = targets.find(({ name }) => name === 'bare ws echo')?.best.get('full');
  return {
    ...row,
    ratio: middleOf(target.ratios.map(({ wall }) => wall)),
    cpuRatio: middleOf(target.ratios.map(({ cpu }) => cpu)),
    ...(echo ? { echoRatio: row.perSecond / echo.perSecond } : {}),
  };
}
