/**
 * `npm run bench:io [-- --seconds N] [--rounds N] [--json]`: every way into the kernel on one pair
 * of virtual interfaces in namespaces of its own, in one run and in turns: a bare node:dgram echo,
 * a bare echo in C, and a RAIDA server on each backend. Server on core 0, load on core 1; medians.
 * Wants root, `ip`, `taskset` and g++.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLIENT_IP, SERVER_IP, Veth, whyNoXdp } from '../../../native-io/lib/testing/veth.ts';
import { makeStore } from '../seeded-store.ts';
import { COINS, type Kind, STATUS, writeMessages } from './messages.ts';
import { programOf } from './programs.ts';
import { PUBLIC_FIGURES, printTable, type Row } from './report.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url));
const PORT = 5055;
/** Replies to one client leave as one message (native-io's segments.h), those to many cannot. */
const LOADS: readonly Load[] = [
  { window: 1, clients: 1 },
  { window: 128, clients: 1 },
  { window: 128, clients: 16 },
];
const BACKENDS = ['portable', 'mmsg', 'io_uring', 'af_xdp'];
const READY_MS = 20_000;

interface Load {
  /** Requests outstanding. */
  window: number;
  /** Addresses that send in turn. */
  clients: number;
}

interface Measured {
  rps: number;
  received: number;
  /** Received with what came while it warmed up. */
  total: number;
  lost: number;
  p50Us: number;
  p99Us: number;
  loadNs: number;
  statuses: Record<string, number>;
}

/** Nanoseconds of processor time that a process has taken, all its threads. */
function cpuNsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      return sum + Number(text.split(' ')[0]);
    } catch {
      return sum; // the thread has just ended
    }
  }, 0);
}

async function startServer(place: Veth, server: string, storeUrl: string) {
  const words =
    server === 'C'
      ? [programOf('echo'), SERVER_IP, String(PORT)]
      : [process.execPath, SERVER, server, SERVER_IP, String(PORT)];
  if (server !== 'C') words.push(storeUrl, '1', server === 'af_xdp' ? place.serverInterface : '');
  const child = spawn('ip', ['netns', 'exec', place.server, 'taskset', '-c', '0', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => (said += data));
  await new Promise<void>((resolve, reject) => {
    const fail = () => reject(new Error(`${server}: not ready: ${said}`));
    const timer = setTimeout(fail, READY_MS);
    child.once('exit', fail);
    child.stdout.once('data', () => {
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    });
  });
  return {
    pid: child.pid as number,
    stop: () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

function runLoad(place: Veth, file: string, { window, clients }: Load): Measured {
  const words = [SERVER_IP, String(PORT), file, String(window), values.seconds];
  words.push(place.clientInterface, CLIENT_IP);
  words.push(place.macOf(place.server, place.serverInterface));
  words.push(place.macOf(place.client, place.clientInterface), String(clients));
  const args = ['netns', 'exec', place.client, 'taskset', '-c', '1', programOf('blast'), ...words];
  return JSON.parse(execFileSync('ip', args, { encoding: 'utf8' }));
}

/** One server, all its loads, one round. */
async function round(place: Veth, server: string, kind: Kind, file: string): Promise<Row[]> {
  const store = kind === 'echo' ? undefined : makeStore(COINS);
  const child = await startServer(place, server, store?.url ?? 'memory:');
  try {
    return LOADS.map((load) => {
      const before = cpuNsOf(child.pid);
      const measured = runLoad(place, file, load);
      const cpuNs = cpuNsOf(child.pid) - before;
      const bad = measured.received - (measured.statuses[STATUS[kind]] ?? 0);
      const bare = server === 'dgram' || server === 'C';
      if (!bare && bad > 0) throw new Error(`${server} ${kind}: ${JSON.stringify(measured)}`);
      const { rps, p50Us, p99Us, lost, loadNs } = measured;
      const each = { cpuNs: cpuNs / Math.max(1, measured.total), loadNs, lost };
      return { server, kind, ...load, rps, p50Us, p99Us, ...each };
    });
  } finally {
    await child.stop();
    store?.remove();
  }
}

const why = whyNoXdp();
if (why !== undefined) {
  console.error(`bench:io: ${why}`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'andvari-bench-io-'));
const place = new Veth({ clients: Math.max(...LOADS.map(({ clients }) => clients)) });
process.once('exit', () => {
  place.remove();
  rmSync(folder, { recursive: true, force: true });
});
const files = await writeMessages(folder);
const rows: Row[] = [];
for (let turn = 0; turn < Number(values.rounds); turn++) {
  for (const server of ['dgram', 'C', ...BACKENDS]) {
    rows.push(...(await round(place, server, 'echo', files.echo)));
  }
  for (const kind of ['detect', 'pown'] as const) {
    for (const server of BACKENDS) rows.push(...(await round(place, server, kind, files[kind])));
  }
}
printTable(rows, values.json);
if (!values.json) {
  console.log(PUBLIC_FIGURES);
  if (cpus().length < 4) {
    const have = `this machine has ${cpus().length} cores`;
    console.log(`two workers against one: not measured, it wants four cores and ${have}`);
  }
}
process.exit(0);
