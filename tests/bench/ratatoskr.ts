/**
 * Signed business requests of 300 bytes, end to end over loopback: the server on one core, the load
 * on another. Beside them, in the same run and on the same core, what no server can do without: one
 * Ed25519 verify and one sign for each request; and what carries it, a bare ws echo.
 */
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { PinnedServer, pinLoad } from './pinned-server.ts';
import {
  DEVICES,
  openPeer,
  openRatatoskrSession,
  type Peer,
  requestOf,
  type Transport,
} from './ratatoskr-peers.ts';
import type { Usage } from './ratatoskr-server.ts';
import { percentiles } from './timing.ts';

export interface RatatoskrRow {
  name: string;
  perSecond: number;
  /** Requests in a second of the server's CPU time: other load on the machine changes it less. */
  perCpuSecond?: number;
  p50Us?: number;
  p99Us?: number;
  /**
   * At half load, of the turns: the least p99, what of the middle one is the load's own, and the
   * p99 by the server's own metric, from a whole request to its answer.
   */
  half?: { leastP99Us: number; lateP99Us: number; collectionMs: number; routedP99Us: number };
  /** Of the bare verify and sign by wall clock, the best of each. */
  ratio?: number;
  /** The same by CPU time: the middle one of the turns. */
  cpuRatio?: number;
  /** Of the bare ws echo, by wall clock. */
  echoRatio?: number;
}

setFlagsFromString('--expose-gc');
/**
 * What the load has thrown away is collected before the clock runs, not while it does: the young
 * space of this process (package.json) has room for all that a run makes.
 */
const collect = runInNewContext('gc') as () => void;

const CONNECTIONS = 16;
const WINDOW = 8;
const REQUESTS = 3000;
const REQUESTS_ALONE = 500;
/** Some three seconds: in fewer a single collection more or less decides the p99. */
const REQUESTS_HALF = 12_000;
/** Of these not measured: some half a second. */
const WARM_UP = 2_000;
/** Alternating runs; the best of each counts. */
const TURNS = 5;
const CONNECTS = 50;

interface Target {
  name: string;
  server: PinnedServer;
  transport: Transport;
  /** A server of ours; else it echoes whatever comes. */
  isRatatoskr: boolean;
  best: Map<Mode, RatatoskrRow>;
  /** Each turn at half load. */
  halves: RatatoskrRow[];
  /** Of each turn at full load. */
  cpuRatios: number[];
}

type Mode = 'full' | 'alone' | 'half';

/** One message under way. */
interface Sent {
  requestId: string;
  /** Milliseconds: when it was sent, or should have been. */
  atMs: number;
}

/** Connections so far: each run has devices that rested, or their 8192 live nonces are used up. */
let opened = 0;

interface Lane {
  peer: Peer;
  /** Signed beforehand. */
  supply: { requestId: string; bytes: Uint8Array }[];
  /** In the order of their answers. */
  sent: Sent[];
}

async function openLanes(target: Target, codec: RatatoskrCodec, mode: Mode): Promise<Lane[]> {
  const count = mode === 'alone' ? 1 : CONNECTIONS;
  const requests = { full: REQUESTS, alone: REQUESTS_ALONE, half: REQUESTS_HALF }[mode];
  const each = Math.floor(requests / count);
  const { server, transport } = target;
  const port = server.ports[transport];
  if (port === undefined) throw new Error(`${target.name}: no port`);
  const lanes: Lane[] = [];
  for (let i = 0; i < count; i++) {
    const deviceId = DEVICES[opened++ % DEVICES.length] as string;
    const peer = await openPeer(transport, port);
    if (target.isRatatoskr) await openRatatoskrSession(codec, peer, deviceId);
    const supply = Array.from({ length: each }, () => {
      const request = requestOf(codec, deviceId);
      return { requestId: request.requestId, bytes: codec.encodeRequest(request) };
    });
    lanes.push({ peer, supply, sent: [] });
  }
  return lanes;
}

const ANSWER_BYTES_MAX = 1024;

/** Answers until they are checked, in one block: as many objects would be collected meanwhile. */
class Answers {
  readonly #bytes: Buffer;
  readonly #ends: number[] = [0];
  readonly #requestIds: string[] = [];

  constructor(count: number) {
    this.#bytes = Buffer.alloc(count * ANSWER_BYTES_MAX);
  }

  get count(): number {
    return this.#requestIds.length;
  }

  add(requestId: string, bytes: Uint8Array): void {
    const end = this.#ends.at(-1) as number;
    this.#bytes.set(bytes, end);
    this.#ends.push(end + bytes.length);
    this.#requestIds.push(requestId);
  }

  *[Symbol.iterator]() {
    for (const [index, requestId] of this.#requestIds.entries()) {
      yield { requestId, bytes: this.#bytes.subarray(this.#ends[index], this.#ends[index + 1]) };
    }
  }
}

/**
 * Sends all that the lanes have and waits for the answers. `perSecond`: of all lanes, at fixed
 * times whatever the server does; undefined: `window` a lane under way, as fast as it goes.
 */
function drive(lanes: Lane[], window: number, perSecond?: number) {
  const times: number[] = [];
  const lates: number[] = [];
  const total = lanes.reduce((sum, { supply }) => sum + supply.length, 0);
  const answered = new Answers(total);
  const send = (lane: Lane, atMs = performance.now()) => {
    const next = lane.supply.pop();
    if (!next) return;
    lane.sent.push({ requestId: next.requestId, atMs });
    lates.push(performance.now() - atMs);
    lane.peer.send(next.bytes);
  };
  return new Promise<{ times: number[]; lates: number[]; answered: Answers }>((resolve) => {
    for (const lane of lanes) {
      lane.peer.onMessage = (bytes) => {
        const { requestId, atMs } = lane.sent.shift() as Sent;
        times.push(performance.now() - atMs);
        answered.add(requestId, bytes);
        if (answered.count === total) resolve({ times, lates, answered });
        else if (perSecond === undefined) send(lane);
      };
    }
    if (perSecond === undefined) {
      for (const lane of lanes) for (let i = 0; i < window; i++) send(lane);
      return;
    }
    const start = performance.now();
    let sent = 0;
    const tick = () => {
      for (; sent < total && performance.now() - start >= (sent / perSecond) * 1000; sent++) {
        send(lanes[sent % lanes.length] as Lane, start + (sent / perSecond) * 1000);
      }
      // A loop that never sleeps would have its core taken away where others want it.
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
  });
}

async function run(target: Target, codec: RatatoskrCodec, mode: Mode): Promise<RatatoskrRow> {
  const { name, server, isRatatoskr } = target;
  const lanes = await openLanes(target, codec, mode);
  if (mode === 'half') await warmUp(lanes, target);
  const before = await server.usage();
  collect();
  const start = performance.now();
  const full = target.best.get('full')?.perSecond ?? 0;
  const window = mode === 'alone' ? 1 : WINDOW;
  const collected = new LoadCollections();
  const { times, lates, answered } = await drive(
    lanes,
    window,
    mode === 'half' ? full / 2 : undefined,
  );
  const seconds = (performance.now() - start) / 1000;
  const collectionMs = collected.longestMs();
  const after = await server.usage();
  const cpuUs = after.cpuUs - before.cpuUs;
  for (const { peer } of lanes) peer.close();
  if (isRatatoskr) {
    for (const { requestId, bytes } of answered) {
      const opened = codec.openResponse(bytes);
      if (opened.ok && opened.response.success && opened.response.requestId === requestId) continue;
      throw new Error(
        `${name}: a wrong answer ${opened.ok ? opened.response.errorCode : opened.reason}`,
      );
    }
  }
  const perCpuSecond = (times.length / cpuUs) * 1e6;
  const row = { name, perSecond: times.length / seconds, perCpuSecond, ...percentiles(times) };
  if (mode !== 'half') return row;
  const routedP99Us = routedWithin(0.99, before.routed, after.routed) * 1e6;
  const lateP99Us = percentiles(lates).p99Us;
  const half = { leastP99Us: row.p99Us, lateP99Us, collectionMs, routedP99Us };
  return { ...row, half };
}

/** What has rested is slow at first: its code and its young space were taken away meanwhile. */
async function warmUp(lanes: Lane[], target: Target): Promise<void> {
  const rest = lanes.map(({ supply }) => supply.splice(WARM_UP / lanes.length));
  await drive(lanes, 0, (target.best.get('full')?.perSecond ?? 0) / 2);
  lanes.forEach((lane, i) => void lane.supply.push(...(rest[i] as Lane['supply'])));
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

/** Collections of this process: times that they lengthen are not the server's. */
class LoadCollections {
  #longestMs = 0;
  readonly #observer = new PerformanceObserver((list) => this.#look(list.getEntries()));

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  longestMs(): number {
    this.#look(this.#observer.takeRecords());
    this.#observer.disconnect();
    return this.#longestMs;
  }

  #look(entries: readonly PerformanceEntry[]): void {
    for (const { duration } of entries) this.#longestMs = Math.max(this.#longestMs, duration);
  }
}

/** From nothing to a session, one after the other. */
async function connects(target: Target, codec: RatatoskrCodec): Promise<RatatoskrRow> {
  const times: number[] = [];
  const start = performance.now();
  for (let i = 0; i < CONNECTS; i++) {
    const from = performance.now();
    const port = target.server.ports[target.transport] as number;
    const peer = await openPeer(target.transport, port);
    await openRatatoskrSession(codec, peer, DEVICES[i] as string);
    times.push(performance.now() - from);
    peer.close();
  }
  const perSecond = (times.length / (performance.now() - start)) * 1000;
  return { name: `connect, ${target.name}`, perSecond, ...percentiles(times) };
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
  const target = (name: string, server: PinnedServer, transport: Transport): Target => {
    return {
      name,
      server,
      transport,
      isRatatoskr: server !== echo,
      ...{ best: new Map(), halves: [] },
      cpuRatios: [],
    };
  };
  const targets = [
    target('bare ws echo', echo, 'plain'),
    target('bare ws echo, TLS', echo, 'tls'),
    target('WebSocket', served, 'plain'),
    target('WebSocket, TLS', secured, 'tls'),
    target('WebTransport', served, 'webTransport'),
    target('WebSocket, answers in memory', memory, 'plain'),
  ];
  return targets.filter(({ server, transport }) => server.ports[transport] !== undefined);
}

const modeNames = {
  full: `${CONNECTIONS} x ${WINDOW} under way`,
  alone: 'one at a time',
  half: 'half load',
};

export async function benchRatatoskr(): Promise<RatatoskrRow[]> {
  const { unpin } = pinLoad();
  const codec = RatatoskrCodec.create({ module: await plainEngine() });
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
        const row = await run(target, codec, mode);
        if (mode === 'full') target.cpuRatios.push(((row.perCpuSecond ?? 0) * cpuUs) / pairs / 1e6);
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
      rows.push(
        mode === 'full' && target.isRatatoskr ? beside(named, bare, { target, targets }) : named,
      );
    }
  }
  for (const target of targets) {
    if (target.isRatatoskr) rows.push(await connects(target, codec));
  }
  for (const server of new Set(targets.map((target) => target.server))) server.close();
  unpin();
  return rows;
}

function beside(
  row: RatatoskrRow,
  bare: RatatoskrRow,
  { target, targets }: { target: Target; targets: Target[] },
): RatatoskrRow {
  const echo = targets.find(({ name }) => name === 'bare ws echo')?.best.get('full');
  const ratios = target.cpuRatios.sort((a, b) => a - b);
  return {
    ...row,
    ratio: row.perSecond / bare.perSecond,
    cpuRatio: ratios[ratios.length >> 1] ?? 0,
    ...(echo ? { echoRatio: row.perSecond / echo.perSecond } : {}),
  };
}
