/**
 * Round trips over UDP on loopback: a RAIDA server beside a bare node:dgram echo, each in a process
 * of its own, in one run.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { aes, anOf, auth, coin } from './requests.ts';
import { makeStore } from './seeded-store.ts';

export interface UdpRow {
  name: string;
  window: number;
  perSecond: number;
  p50Us: number;
  p99Us: number;
}

const WINDOWS = [1, 16, 128];
const COINS = 64;
/** Alternating short runs; the best of each counts. */
const TURNS = 5;
const RUN_MS = 700;

interface Expected {
  messages: Uint8Array[];
  /** Byte 2 of every reply; undefined: any. */
  status?: number;
}

interface Target extends Expected {
  name: string;
  child: ChildProcess;
  port: number;
}

async function start(name: string, args: string[], expected: Expected): Promise<Target> {
  const script = fileURLToPath(new URL('./udp-server.ts', import.meta.url));
  const child = fork(script, args);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    child.once('exit', (code) => reject(new Error(`${name}: server ended with ${code}`)));
  });
  return { name, child, port, ...expected };
}

async function run(target: Target, window: number): Promise<UdpRow> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => socket.connect(target.port, '127.0.0.1', resolve));
  const times: number[] = [];
  const sent: number[] = [];
  const until = performance.now() + RUN_MS;
  let next = 0;
  let wrong = 0;
  const send = () => {
    sent.push(performance.now());
    socket.send(target.messages[next++ % target.messages.length] as Uint8Array);
  };
  const start = performance.now();
  await new Promise<void>((resolve) => {
    socket.on('message', (reply) => {
      const now = performance.now();
      times.push(now - (sent.shift() ?? now));
      if (target.status !== undefined && reply[2] !== target.status) wrong++;
      if (now < until) send();
      else if (sent.length === 0) resolve();
    });
    for (let i = 0; i < window; i++) send();
    // A lost datagram would leave the window short: end in any case.
    setTimeout(resolve, RUN_MS + 1000);
  });
  const seconds = (performance.now() - start) / 1000;
  socket.close();
  if (wrong) throw new Error(`${target.name}: ${wrong} wrong replies`);
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0) * 1000;
  return {
    name: target.name,
    window,
    perSecond: times.length / seconds,
    p50Us: at(0.5),
    p99Us: at(0.99),
  };
}

export async function benchUdp(): Promise<UdpRow[]> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const echo = { raidaId: 0, group: 0, command: 0, payload: new Uint8Array(0) };
  const detects = Array.from(
    { length: COINS },
    (_, i) => codec.seal(auth(10, coin(0, i, anOf(0, i)), aes(i))).bytes,
  );
  const store = makeStore(COINS);
  const echoes = [codec.seal(echo).bytes];
  const targets = [
    await start('bare node:dgram echo', ['bare'], { messages: echoes }),
    await start('andvari echo', ['andvari'], { messages: echoes, status: Status.SUCCESS }),
    await start('andvari detect 1 coin, AES', ['andvari', store.url], {
      messages: detects,
      status: Status.ALL_PASS,
    }),
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
  for (const target of targets) target.child.disconnect();
  store.remove();
  return rows;
}
