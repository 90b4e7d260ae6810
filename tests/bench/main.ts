/**
 * `npm run bench`: one table; every ratio against a peer measured in the same run. `--json` for
 * machines, one part by its name.
 */
import { cpus } from 'node:os';
import { benchCiphers } from './ciphers.ts';
import { benchCrypt } from './crypt.ts';
import { benchDiscovery } from './discovery.ts';
import { benchEngine } from './engine.ts';
import { benchHeal } from './heal.ts';
import { benchPeer } from './peer/main.ts';
import { benchRatatoskr, type RatatoskrRow } from './ratatoskr.ts';
import { benchRatatoskrCodec } from './ratatoskr-codec.ts';
import { benchRatatoskrSessions } from './ratatoskr-sessions.ts';
import { benchRelay } from './relay.ts';
import { benchSteps } from './steps.ts';
import { benchStore } from './store.ts';
import { benchTcp } from './tcp.ts';
import { benchUdp, type UdpRow } from './udp.ts';

interface Line {
  part: string;
  what: string;
  perSecond: number;
  detail: string;
  /** Against the peer of the same run; undefined: has none, or is it. */
  ratio?: number;
}

const number = (value: number) => Math.round(value).toLocaleString('en');

function latencies({ p50Us, p99Us }: { p50Us: number; p99Us: number }): string {
  return `p50 ${p50Us.toFixed(0)} us, p99 ${p99Us.toFixed(0)} us`;
}

function commitsOf({ commitsPerSecond }: UdpRow): string {
  return commitsPerSecond === undefined ? '' : `, ${number(commitsPerSecond)} commits/s`;
}

async function engine(): Promise<Line[]> {
  return [...(await benchEngine())].map(([name, ns]) => ({
    part: 'engine',
    what: name.replaceAll('|', ', '),
    perSecond: 1e9 / ns,
    detail: `${ns.toFixed(1)} ns a request, in batches`,
  }));
}

async function steps(): Promise<Line[]> {
  return [...(await benchSteps())].map(([name, ns]) => ({
    part: 'steps',
    what: name,
    perSecond: 1e9 / ns,
    detail: `${ns.toFixed(0)} ns`,
  }));
}

async function ciphers(): Promise<Line[]> {
  return (await benchCiphers()).map((row) => ({
    part: 'ciphers',
    what: `seal a request, AES-128-CTR over ${row.bytes} bytes`,
    perSecond: 1e9 / row.engineNs,
    detail: `${row.engineNs.toFixed(0)} ns; node:crypto's cipher alone ${row.nodeNs.toFixed(0)} ns`,
    ratio: row.nodeNs / row.engineNs,
  }));
}

async function crypt(): Promise<Line[]> {
  const rows = await benchCrypt();
  if (!rows && !json) console.log('crypt     no native addon here, or no AES instructions');
  return (rows ?? []).map(({ what, ns, wasmNs }) => ({
    part: 'crypt',
    what,
    perSecond: 1e9 / ns,
    detail: `${ns.toFixed(0)} ns; the engine's own AES ${wasmNs.toFixed(0)} ns`,
    ratio: wasmNs / ns,
  }));
}

async function udp(): Promise<Line[]> {
  const rows = await benchUdp();
  return rows.map((row) => {
    const peer = rows.find((other) => other.window === row.window && other.name.startsWith('bare'));
    const line: Line = {
      part: 'udp',
      what: `${row.name}, window ${row.window}`,
      perSecond: row.perSecond,
      detail: latencies(row) + commitsOf(row),
    };
    return peer && peer !== row ? { ...line, ratio: row.perSecond / peer.perSecond } : line;
  });
}

async function store(): Promise<Line[]> {
  return (await benchStore()).map((row) => ({
    part: 'store',
    what: row.name,
    perSecond: row.perSecond,
    detail: latencies(row),
  }));
}

async function tcp(): Promise<Line[]> {
  return (await benchTcp()).map((row) => ({
    part: 'tcp',
    what: row.name,
    perSecond: row.perSecond,
    detail: latencies(row),
  }));
}

async function heal(): Promise<Line[]> {
  return (await benchHeal()).map(({ name, ms }) => ({
    part: 'heal',
    what: name,
    perSecond: 1000 / ms,
    detail: `${ms.toFixed(1)} ms, 25 nodes in one process`,
  }));
}

function ratatoskrDetail({ perCpuSecond, cpuRatio, echoRatio, p50Us, p99Us, half }: RatatoskrRow) {
  return [
    ...(p50Us !== undefined && p99Us !== undefined ? [latencies({ p50Us, p99Us })] : []),
    ...(half?.routedP99Us ? [`p99 in the server ${half.routedP99Us.toFixed(0)} us`] : []),
    ...(half ? [`least p99 of the turns ${half.leastP99Us.toFixed(0)} us`] : []),
    ...(half ? [`the load late by ${half.lateP99Us.toFixed(0)} us (p99)`] : []),
    ...(half ? [`its longest collection ${half.collectionMs.toFixed(1)} ms`] : []),
    ...(half?.stolen ? [`${(half.stolen * 100).toFixed(1)} % of a core stolen`] : []),
    ...(perCpuSecond ? [`${number(perCpuSecond)} a second of CPU`] : []),
    ...(cpuRatio ? [`x ${cpuRatio.toFixed(2)} by CPU`] : []),
    ...(echoRatio ? [`x ${echoRatio.toFixed(2)} of the ws echo`] : []),
  ].join(', ');
}

async function ratatoskr(): Promise<Line[]> {
  const part = 'ratatoskr';
  const codec = [...(await benchRatatoskrCodec())].map(([what, ns]) => ({
    ...{ part, what, perSecond: 1e9 / ns },
    detail: `${ns.toFixed(0)} ns`,
  }));
  const rows = (await benchRatatoskr()).map((row) => ({
    ...{ part, what: row.name, perSecond: row.perSecond, detail: ratatoskrDetail(row) },
    ...(row.ratio === undefined ? {} : { ratio: row.ratio }),
  }));
  return [...codec, ...rows];
}

async function sessions(): Promise<Line[]> {
  const rows = await benchRatatoskrSessions();
  if (!rows && !json) console.log('sessions  a process may not have 12,000 files open here');
  return (rows ?? []).map(({ name, perSecond, beforeMiB, peakMiB, idleMiB }) => ({
    ...{ part: 'sessions', what: `${name}, opened`, perSecond },
    detail: `RSS ${number(idleMiB)} MiB, before ${number(beforeMiB)}, at most ${number(peakMiB)}`,
  }));
}

async function peer(): Promise<Line[]> {
  return (await benchPeer()).map(({ name, perSecond, cpuUs, ratio, cpuRatio }) => ({
    ...{ part: 'peer', what: name, perSecond },
    detail: `${number(cpuUs)} us of CPU each${cpuRatio ? `, x ${cpuRatio.toFixed(2)} by CPU` : ''}`,
    ...(ratio === undefined ? {} : { ratio }),
  }));
}

async function discovery(): Promise<Line[]> {
  return (await benchDiscovery()).map(({ name, p50Ms, p99Ms, cpuMs }) => ({
    ...{ part: 'discovery', what: name, perSecond: 1000 / p50Ms },
    detail: `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${cpuMs.toFixed(1)} ms of CPU`,
  }));
}

async function relay(): Promise<Line[]> {
  const rows = await benchRelay();
  if (!rows && !json) console.log('relay     no socat here, or no taskset');
  return (rows ?? []).map(({ name, cpuSeconds, ratio, isClient }) => ({
    ...{ part: 'relay', what: name, perSecond: (isClient ? 1 : 2 ** 30) / cpuSeconds },
    detail: isClient ? 'clients a core' : `bytes a core; ${cpuSeconds.toFixed(2)} s of CPU a GiB`,
    ...(ratio === undefined ? {} : { ratio }),
  }));
}

const PARTS: Record<string, () => Promise<Line[]>> = {
  ...{ engine, steps, ciphers, crypt, udp, tcp, store, heal, ratatoskr, sessions, peer, discovery },
  relay,
};
const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((word) => word !== '--json');
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`bench: no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(1);
}

function print(line: Line): void {
  if (json) {
    console.log(JSON.stringify(line));
    return;
  }
  const ratio = line.ratio === undefined ? '' : `x ${line.ratio.toFixed(2)}`;
  const columns = [
    line.part.padEnd(9),
    line.what.padEnd(58),
    `${number(line.perSecond).padStart(12)}/s `,
    ratio.padEnd(7),
    line.detail,
  ];
  console.log(columns.join(' '));
}

if (!json) {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
  console.log('ratio: against the peer of the same run (bare node:dgram echo, node:crypto)');
}
for (const [name, bench] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const line of await bench()) print(line);
}
process.exit(0);
