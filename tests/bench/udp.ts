/**
 * Round trips over UDP on loopback: a RAIDA server beside a bare node:dgram echo, each in a process
 * of its own, in one run. A pown is answered when SQLite has synced its commit.
 */
import { createSocket } from 'node:dgram';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { BenchServer } from './bench-server.ts';
import { aes, anOf, auth, back, coin, there } from './requests.ts';
import { makeStore } from './seeded-store.ts';
import { percentiles } from './timing.ts';

export interface UdpRow {
  name: string;
  window: number;
  perSecond: number;
  p50Us: number;
  p99Us: number;
  /** Transactions of the store; undefined: none were made. */
  commitsPerSecond: number | undefined;
}

const WINDOWS = [1, 16, 128];
const COINS = 64;
/** More than any window: a coin's way back is not sent before its way there is answered. */
const POWNED_COINS = 512;
/** Alternating short runs; the best of each counts. */
const TURNS = 5;
const RUN_MS = 700;

interface Target {
  name: string;
  server: BenchServer;
  /** Sent in turn, over all runs. */
  messages: Uint8Array[];
  next: number;
  /** Byte 2 of every reply; undefined: any. */
  status?: number;
}

async function run(target: Target, window: number): Promise<UdpRow> {
  const { name, server, messages, status } = target;
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => socket.connect(server.port, '127.0.0.1', resolve));
  const commitsBefore = await server.commits();
  const times: number[] = [];
  const sent: number[] = [];
  const until = performance.now() + RUN_MS;
  let wrong = 0;
  const send = () => {
    sent.push(performance.now());
    socket.send(messages[target.next++ % messages.length] as Uint8Array);
  };
  const start = performance.now();
  await new Promise<void>((resolve) => {
    socket.on('message', (reply) => {
      const now = performance.now();
      times.push(now - (sent.shift() ?? now));
      if (status !== undefined && reply[2] !== status) wrong++;
      if (now < until) send();
      else if (sent.length === 0) resolve();
    });
    for (let i = 0; i < window; i++) send();
    // A lost datagram would leave the window short: end in any case.
    setTimeout(resolve, RUN_MS + 1000);
  });
  const seconds = (performance.now() - start) / 1000;
  socket.close();
  const commits = (await server.commits()) - commitsBefore;
  if (wrong) throw new Error(`${name}: ${wrong} wrong replies`);
  return {
    ...{ name, window, perSecond: times.length / seconds, ...percentiles(times) },
    commitsPerSecond: commits > 0 ? commits / seconds : undefined,
  };
}

export async function benchUdp(): Promise<UdpRow[]> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const echo = { raidaId: 0, group: 0, command: 0, payload: new Uint8Array(0) };
  const detects = Array.from(
    { length: COINS },
    (_, i) => codec.seal(auth(10, coin(0, i, anOf(0, i)), aes(i))).bytes,
  );
  const powns = [there, back].flatMap((way) =>
    Array.from({ length: POWNED_COINS }, (_, i) => codec.seal(auth(20, way(i))).bytes),
  );
  const store = makeStore(COINS);
  const powned = makeStore(POWNED_COINS);
  const echoes = [codec.seal(echo).bytes];
  const targets: Target[] = [
    {
      name: 'bare node:dgram echo',
      ...{ server: await BenchServer.start(['bare']), messages: echoes, next: 0 },
    },
    {
      name: 'andvari echo',
      ...{ server: await BenchServer.start(['andvari']), messages: echoes, next: 0 },
      status: Status.SUCCESS,
    },
    {
      name: 'andvari detect 1 coin, AES',
      ...{ server: await BenchServer.start(['andvari', store.url]), messages: detects, next: 0 },
      status: Status.ALL_PASS,
    },
    {
      name: 'andvari pown 1 coin, clear, committed',
      ...{ server: await BenchServer.start(['andvari', powned.url]), messages: powns, next: 0 },
      status: Status.ALL_PASS,
    },
  ];
  const rows: UdpRow[] = [];
  for (const window of WINDOWS) {
    const best = new Map<string, UdpRow>();
    for (let turn = 0; turn < TURNS; turn++) {
      for (const target of targets) {
        const row = await run(target, window);
        const before = best.get(target.name);
        if (!before || row.perSecond > before.perSecond) best.set(target.name, row);
      }
    }
    rows.push(...best.values());
  }
  for (const { server } of targets) server.close();
  store.remove();
  powned.remove();
  return rows;
}
