/**
 * `npm run bench:files [-- --size MIB] [--only PEER] [--place PLACE] [--folder FOLDER]
 * [--limit SECONDS] [--congestion NAME] [--json]`:
 * copies of files, ours beside others, in one run: rate, processor time of both sides, the largest
 * process. Other peers are found by ANDVARI_BENCH_PATH and PATH. What is not loopback wants root,
 * `ip` and, for the far path, g++.
 */
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { croc, uftp, wormhole } from './more-peers.ts';
import { ours, quic, rsync, scp } from './peers.ts';
import { CONGESTION_CONTROL, farPath, loopback, type Place, vethPair } from './places.ts';
import { printAims, printRow, type Row } from './report.ts';
import { findProgram, type Peer, Run } from './run.ts';

const PEERS: readonly Peer[] = [ours, scp, rsync, quic, uftp, croc, wormhole];
const PLACES = ['loopback', 'veth', 'folder', 'far'] as const;
type PlaceName = (typeof PLACES)[number];
const MIB = 1 << 20;
const FOLDER = { files: 10_000, bytes: 4096 };
const FAR = { delayMs: 20, lostPercent: 1, seed: 1 };
/** Of the whole size: what goes over the far path. */
const FAR_SHARE = 100 / 1024;
/** Where it is by memory, a disk's whims are not measured. */
const MEMORY = '/dev/shm';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1024' },
    only: { type: 'string', multiple: true },
    place: { type: 'string', multiple: true, default: [...PLACES] },
    folder: { type: 'string', default: existsSync(MEMORY) ? MEMORY : tmpdir() },
    limit: { type: 'string', default: '120' },
    congestion: { type: 'string', default: CONGESTION_CONTROL },
    json: { type: 'boolean', default: false },
  },
});

function wanted(): { sizeMiB: number; peers: readonly Peer[]; places: readonly PlaceName[] } {
  const [sizeMiB, only, places] = [Number(values.size), values.only, values.place];
  const peers = PEERS.filter(({ name }) => only?.includes(name) ?? true);
  const known = PEERS.map(({ name }) => name);
  const isPlace = (name: string): name is PlaceName => PLACES.includes(name as PlaceName);
  const wrong = [
    ...(only ?? []).filter((name) => !known.includes(name)),
    ...places.filter((name) => !isPlace(name)),
  ];
  if (wrong.length > 0 || !(sizeMiB > 0) || !(Number(values.limit) > 0)) {
    console.error(
      `bench:files: no ${wrong.join(', ') || 'such size or limit'}; peers: ${known.join(', ')}; ` +
        `places: ${PLACES.join(', ')}`,
    );
    process.exit(1);
  }
  return { sizeMiB, peers, places: places.filter(isPlace) };
}

/** Of noise: nothing gains by compression. */
function makeFile(path: string, bytes: number): string {
  const file = openSync(path, 'w');
  const piece = new Uint8Array(Math.min(MIB, bytes));
  for (let left = bytes; left > 0; left -= piece.length) {
    writeSync(file, randomFillSync(piece), 0, Math.min(left, piece.length));
  }
  closeSync(file);
  return path;
}

function makeFolder(path: string, files: number): string {
  const piece = new Uint8Array(FOLDER.bytes);
  for (let i = 0; i < files; i++) {
    const inside = join(path, String(i % 100).padStart(2, '0'));
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, `${i}.bin`), randomFillSync(piece));
  }
  return path;
}

const MAKE_PLACE: Record<PlaceName, () => Place | Promise<Place>> = {
  loopback,
  veth: () => vethPair(values.congestion),
  folder: loopback,
  far: () => farPath(FAR, values.congestion),
};

/** What is copied there, and how many bytes it has. */
function sourceFor(name: PlaceName, sizeMiB: number): { source: string; bytes: number } {
  const path = join(base, name === 'folder' ? 'many' : 'large.bin');
  rmSync(path, { recursive: true, force: true });
  if (name === 'folder') {
    const files = Math.max(1, Math.round(FOLDER.files * Math.min(1, sizeMiB / 1024)));
    return { source: makeFolder(path, files), bytes: files * FOLDER.bytes };
  }
  const share = name === 'far' ? FAR_SHARE : 1;
  const bytes = Math.ceil(sizeMiB * share * MIB);
  return { source: makeFile(path, bytes), bytes };
}

function missing(peer: Peer): string | undefined {
  if (peer.programs.some((one) => findProgram(one) === undefined)) return 'not installed';
  try {
    peer.version();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function measure(peer: Peer, name: PlaceName, source: string, bytes: number): Promise<Row> {
  const row = { place: name, peer: peer.name, bytes };
  const why = missing(peer);
  if (why !== undefined) return { ...row, failed: why };
  let place: Place | undefined;
  try {
    place = await MAKE_PLACE[name]();
    run = new Run({ place, source, base });
    if (endedWith !== undefined) await run.stop();
    return { ...row, ...(await run.measure(peer, Number(values.limit) * 1000)) };
  } catch (error) {
    return { ...row, failed: (error as Error).message.replaceAll('\n', ' ') };
  } finally {
    await place?.remove();
  }
}

function printConditions(peers: readonly Peer[]): void {
  const load = loadavg().map((one) => one.toFixed(1));
  console.log(
    `Linux ${release()}, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`,
  );
  console.log(`load before: ${load.join(' ')} (1, 5, 15 minutes); files in ${values.folder}`);
  const host = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim();
  console.log(`congestion control of TCP: loopback ${host}, else ${values.congestion}`);
  for (const peer of peers) {
    const why = missing(peer);
    console.log(`${peer.name}: ${why ?? [peer.version(), peer.remark].filter(Boolean).join('; ')}`);
  }
}

const { sizeMiB, peers, places } = wanted();
const base = mkdtempSync(join(values.folder, 'andvari-bench-files-'));
let run: Run | undefined;
/** The exit code; undefined: nobody has ended it. */
let endedWith: number | undefined;
process.once('exit', () => rmSync(base, { recursive: true, force: true }));
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    endedWith = code;
    void run?.stop(); // and all comes back to here
  });
}
if (!values.json) printConditions(peers);
const rows: Row[] = [];
for (const name of places) {
  const { source, bytes } = sourceFor(name, sizeMiB);
  for (const peer of peers) {
    if (name === 'folder' && !peer.folders) continue;
    const row = await measure(peer, name, source, bytes);
    if (endedWith !== undefined) process.exit(endedWith);
    rows.push(row);
    printRow(row, values.json);
  }
}
if (!values.json) printAims(rows);
process.exit(rows.some((row) => row.peer === ours.name && 'failed' in row) ? 1 : 0);
